"""What all steps have in common: owners, how a mistake is told."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import dagster as dg

from copilot_assets.github.clock import ClockError
from copilot_assets.settings import SettingsError
from copilot_assets.warehouse.store import WarehouseError

# `backfill_policy` and code references are marked beta; a warning for each asset at every start tells a user nothing.
warnings.filterwarnings("ignore", category=dg.BetaWarning)

OWNERS: Final = ["team:copilot"]


@contextmanager
def sentences() -> Iterator[None]:
    """Let a user's mistake fail the step with its sentence first, instead of a trace through this project."""
    try:
        yield
    except (ClockError, SettingsError, WarehouseError) as problem:
        raise dg.Failure(description=str(problem), allow_retries=False) from None
