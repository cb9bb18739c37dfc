"""What leaves the warehouse: the published tables as files, for tools that are not to open the database.

Here belongs how tables are written out for others. It reads schemas `weekly`, `quality` and, on request, `flat`, and
computes nothing: a number is a SQL model's.
"""
