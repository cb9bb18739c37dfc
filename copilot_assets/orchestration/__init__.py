"""Dagster: assets, checks, partitions, jobs, schedule, sensor, history, each thin around what another room does.

Here, in `definitions.py` and in `shell/` Dagster is known, and nowhere else. What a step does belongs in the room of
that step. This file imports nothing, so that whoever needs the installation's settings alone does not load Dagster.
"""
