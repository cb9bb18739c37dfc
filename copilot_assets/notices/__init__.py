"""Messages to people: what needs a hand, that it is solved, and the digest of a week.

Here belongs who is told what, once, in which words and by which channel. Which causes there are is decided by
`quality.open_cause`, what a digest says by `report/`; every number in a message stands in a published table.
"""
