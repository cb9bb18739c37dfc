"""The report as HTML: one page a scope that holds all it needs, and a page that lists the scopes.

No script, nothing from elsewhere: it may be sent by mail or put anywhere. How a page is built stands in the templates
`page.html`, `scope.html` and `scopes.html` beside this file; what is in it is said by sentences and findings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from copilot_assets.report.facts import Facts
from copilot_assets.report.findings import Finding, ten_findings
from copilot_assets.report.look import DARK, FONT, LIGHT, in_page, palette, svg
from copilot_assets.report.sentences import five_sentences
from copilot_assets.report.words import day_of, dollars, percent

if TYPE_CHECKING:
    from jinja2 import Environment


def scope_page(facts: Facts, made_at: datetime) -> str:
    """The page of a scope."""
    findings = ten_findings(facts)
    title, subtitle = heading(facts)
    return fill(
        "scope.html",
        made_at,
        facts.unread,
        title=title,
        subtitle=subtitle,
        sentences=five_sentences(facts),
        findings=[_drawn(finding) for finding in findings],
        numbers={finding.key: place for place, finding in enumerate(findings, start=1)},
        home=True,
    )


def heading(facts: Facts) -> tuple[str, str]:
    """The title of what is told of a scope, and the line below it."""
    title = f"GitHub Copilot at {facts.scope.partition(':')[2]}"
    if facts.week is None:
        return title, f"No week is closed yet; {facts.scope}."
    week = f"Week of {day_of(facts.week)}, the newest closed one"
    return title, f"{week}; {facts.scope}; days are UTC, weeks begin on Monday."


def scopes_page(scopes: Sequence[tuple[Facts, str]], made_at: datetime) -> str:
    """The page that lists scopes, each with the file of its page."""
    columns = (
        "scope",
        "week of",
        "people",
        "change",
        "days reported",
        "licences",
        "used in 28 days",
        "idle cost a month",
    )
    return fill(
        "scopes.html",
        made_at,
        title="GitHub Copilot, scope by scope",
        subtitle="The newest closed week of each; a change is on the weekdays that both weeks have."
        if scopes
        else "Nothing was fetched yet: copilot-assets backfill does that, and the next report has it.",
        columns=columns,
        rows=[{"file": file, "cells": [_cell(cell) for cell in _summary(facts)]} for facts, file in scopes],
    )


def _summary(facts: Facts) -> list[object]:
    newest, licences = facts.one("newest") or {}, facts.one("licences") or {}
    used, idle = licences.get("seats_active_28_days"), licences.get("idle_list_price_usd_per_month")
    change = newest.get("active_people_change")
    days = newest.get("user_days_reported")
    return [
        facts.scope,
        facts.week,
        newest.get("active_people"),
        f"{change:+,}" if change else change,
        f"{days} of 7" if days is not None else None,
        licences.get("seats"),
        percent(used / licences["seats"]) if used is not None and licences["seats"] else None,
        dollars(idle) if idle is not None else None,
    ]


def _drawn(finding: Finding) -> dict[str, Any]:
    """A finding with its drawing, and its numbers as text."""
    from markupsafe import Markup

    rows = [list(row) for row in finding.rows]
    columns = range(len(finding.columns))
    return {
        **asdict(finding),
        "drawing": Markup(in_page(svg(finding.spec))) if finding.spec else None,  # noqa: S704 - drawn here, escaped there
        "rows": [
            [_cell(cell, "share" in name) for name, cell in zip(finding.columns, row, strict=True)] for row in rows
        ],
        "is_number": [
            any(isinstance(row[column], int | float) and not isinstance(row[column], bool) for row in rows)
            for column in columns
        ],
    }


def _cell(value: object, is_share: bool = False) -> str:
    """A value as it stands in a table: shares as per cent, nothing known as a dash."""
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return percent(value) if is_share else f"{value:,.2f}"
        case date():
            return value.isoformat()
    return str(value)


def fill(template: str, made_at: datetime, unread: Sequence[str] = (), **content: Any) -> str:
    """A template beside this file with its content, the project's look and the line at its foot."""
    left_out = f" Left out, for they make other columns than the report reads: {', '.join(unread)}." if unread else ""
    footer = f"Made {made_at:%Y-%m-%d %H:%M} UTC by copilot-assets from its weekly and quality tables.{left_out}"
    page = _templates().get_template(template)
    return page.render(footer=footer, font=FONT, light=palette(LIGHT), dark=palette(DARK), ink=LIGHT, **content)


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("copilot_assets", "report"), autoescape=True, undefined=StrictUndefined, trim_blocks=False
    )
