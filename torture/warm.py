"""What warm processes have imported before they begin, once for all of them: loaded by their fork server.

While Python imports, a backfill has touched nothing yet: a kill then is a kill of nothing, and costs seconds. No thread
may be started here, for a fork would lose it.
"""
# ruff: noqa: F401

import alembic.command
import anyio._backends._asyncio
import fsspec  # type: ignore[import-untyped]
import httpx
import pyarrow as pa  # type: ignore[import-untyped]

import copilot_assets.definitions
import copilot_assets.flat.refresh
import copilot_assets.github.client
import copilot_assets.orchestration.history
import copilot_assets.people.forget
import copilot_assets.report.weekly
import copilot_assets.shell.backfill
import copilot_assets.shell.forget
import copilot_assets.shell.import_files
import copilot_assets.shell.runs
import copilot_assets.shell.status
import copilot_assets.shell.summary
import copilot_assets.warehouse.archive
from copilot_assets.sql_models.files import load_models

load_models()
