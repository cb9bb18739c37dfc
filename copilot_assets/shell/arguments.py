"""What several commands take as an argument: a UTC day, a scope. How each is read and refused belongs here."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import click

from copilot_assets.github.scopes import Scope, ScopeError


class _Day(click.ParamType[date]):
    """A UTC day written as YYYY-MM-DD."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Read the day, or say how to write it."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"'{value}' is not a day. Write it as YYYY-MM-DD, for example 2026-09-01.", param, ctx)


class _Scope(click.ParamType[Scope]):
    """A scope written as `kind:name`."""

    name = "scope"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Scope:
        """Read the scope, or say how to write it."""
        if isinstance(value, Scope):
            return value
        try:
            return Scope.parse(value)
        except ScopeError as problem:
            self.fail(str(problem), param, ctx)


DAY: Final = _Day()
SCOPE: Final = _Scope()
