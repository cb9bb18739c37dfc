"""GitHub's Copilot API as this project sees it: the catalogue of reports, the client, what an answer means.

Here belongs what is asked of GitHub, and what each answer is and means; what is kept of it is decided in `warehouse/`.
Records are validated by `records/`; fetches go on to landing. Nothing here knows DuckDB.
"""
