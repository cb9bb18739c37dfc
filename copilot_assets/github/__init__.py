"""GitHub's Copilot API as this project sees it: the catalogue of reports, the client, what an answer means.

Nothing here knows Dagster or DuckDB.
"""
