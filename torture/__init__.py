"""What kills and faults leave, tried at random for as long as one likes: figures are in docs/reliability.md."""
