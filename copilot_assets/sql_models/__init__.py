"""The SQL models: `dbt_like_sql/`, read as text, and what follows from a SELECT.

Here belongs the format of the files, their lineage and their checks. Nothing is executed: `orchestration/assets/sql.py`
builds the tables. What a number means stays in the SQL.
"""
