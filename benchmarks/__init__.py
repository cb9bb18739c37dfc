"""Benchmarks: how long things take on this machine, each figure beside what it is measured against in the same run."""
