"""The flat tables: schema `flat`, typed and tidy, one table a grain.

Here belongs which tables there are, how their rows are made of records, and which days are stale. What weeks and trends
are made of them stays in `dbt_like_sql/`. Records come from schema `raw`; SQL models read the tables.
"""
