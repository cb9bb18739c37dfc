"""The Dagster assets, a file for each stage of the data: raw, inputs, flat, sql, export.

Each wires what a room of its own does to keys, partitions, metadata and events. Modules that only a run needs (DuckDB,
Polars, the client) are imported in the functions that run: Dagster loads the definitions in every process, and they
would take it half as long again.
"""
