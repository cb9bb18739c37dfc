"""What leaves the warehouse: the published tables as files, for tools that are not to open the database, and as pages.

Here belongs how tables are written out for others, drawn and put into words. It reads schemas `weekly`, `quality` and,
for an export on request, `flat`, and counts nothing: a number is a SQL model's.
"""
