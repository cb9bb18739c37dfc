"""GitHub Copilot usage, landed, flattened and explained: a Dagster code location."""
