"""Asset checks of raw and flat: which days are missing, and why; whether what tells rows apart does so.

Those about days read the text of `quality.day_status` against the ledger as it is now, so that a check of a raw asset
is right before the table is rebuilt. The SQL models' own assertions and tests are checked in `assets/sql.py`.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from copilot_assets.flat.tables import RECORDS, FlatTable, tables_of
from copilot_assets.github.reports import REPORTS
from copilot_assets.orchestration.assets.raw import raw_key
from copilot_assets.orchestration.installation import Installation, expected_reports
from copilot_assets.orchestration.metadata import sql_value, table_value
from copilot_assets.orchestration.rebuild import deriving
from copilot_assets.orchestration.steps import sentences
from copilot_assets.settings import SettingsError
from copilot_assets.sql_models.model import SqlModel
from copilot_assets.warehouse.raw import ExpectedReport, expect
from copilot_assets.warehouse.store import TURNS, Warehouse

if TYPE_CHECKING:
    import duckdb

    from copilot_assets.warehouse.changes import Known

_Rows = Sequence[Mapping[str, Any]]

SHOWN_STRETCHES: Final = 50
_SHOWN: Final = ("days", "scope", "report", "status", "evidence", "remedy")
# A whole history of people's rows would cost more every month; a month of them does not.
CHECKED_DAYS: Final = 35
_KEYS: Final = "keys_are_unique"

_ENTITIES: Final = ("organization-1-day", "enterprise-1-day")
# The reports behind each weekly model: a day that one of them lacks is missing from the week.
WEEKLY_REPORTS: Final = {
    "user_trend": (*_ENTITIES, "users-1-day"),
    "feature_trend": (*_ENTITIES, "users-1-day"),
    "ide_trend": (*_ENTITIES, "users-1-day"),
    "language_trend": (*_ENTITIES, "users-1-day"),
    "model_trend": (*_ENTITIES, "users-1-day"),
    "adoption_phase_trend": (*_ENTITIES, "users-1-day"),
    "team_trend": ("user-teams-1-day", "users-1-day"),
    "cohort_retention": ("users-1-day",),
    "monthly_cohort_retention": ("users-1-day",),
    "licence_trend": ("users-1-day",),
    "spend_trend": ("ai-credit-usage", "premium-request-usage"),
    "bill_trend": ("ai-usage-report", "premium-request-report"),
    "pull_request_trend": _ENTITIES,
    "event_effect": (*_ENTITIES, "users-1-day", "user-teams-1-day"),
    "legacy_user_trend": ("legacy-metrics",),
    "last_28_days": ("legacy-metrics",),
}


@dataclass(frozen=True)
class _DayCheck:
    """One rule about days: its name, its meaning, and which `coverage` in `quality.day_status` it is about."""

    name: str
    description: str
    coverage: tuple[str, ...]

    def where(self, reports: Sequence[str]) -> str:
        """The condition on `quality.day_status` that finds these days of some reports."""
        return f"coverage in {_texts(self.coverage)} and report in {_texts(reports)}"


MISSING_DAYS: Final = _DayCheck(
    "missing_days",
    "Warns when days are missing and lists them with their reason. "
    "Fails when a day is missing without explanation: nobody asked for it, or asking failed. "
    "Days before the first that was asked for are a history that is not loaded yet, and no more than a warning.",
    ("missing", "below_threshold"),
)
THRESHOLD_GAPS: Final = _DayCheck(
    "five_user_threshold_gaps",
    "Warns when days are missing because GitHub leaves out days with fewer than five licensed people.",
    ("below_threshold",),
)


def build_day_checks(models: Iterable[SqlModel]) -> list[dg.AssetChecksDefinition]:
    """Both checks for every raw report, a step each, and for every weekly model, one step for all.

    A report that failed keeps no other from being checked.
    """
    (day_status,) = (model for model in models if model.table == "quality.day_status")
    weekly = {dg.AssetKey(["weekly", name]): reports for name, reports in WEEKLY_REPORTS.items()}
    return [
        *(
            _day_checks(f"raw__{report.table}__days", {raw_key(report): (report.name,)}, day_status)
            for report in REPORTS
            if not report.is_snapshot
        ),
        _day_checks("weekly__days", weekly, day_status),
    ]


def _day_checks(
    name: str, about: Mapping[dg.AssetKey, Sequence[str]], day_status: SqlModel
) -> dg.AssetChecksDefinition:
    """Both checks of some assets, each about the days of its reports."""

    @dg.multi_asset_check(
        name=name,
        specs=[
            dg.AssetCheckSpec(check.name, asset=key, description=check.description)
            for key in about
            for check in (MISSING_DAYS, THRESHOLD_GAPS)
        ],
        can_subset=True,
    )
    def day_checks(
        context: dg.AssetCheckExecutionContext,
        installation: dg.ResourceParam[Installation],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> Iterable[dg.AssetCheckResult]:
        selected = context.selected_asset_check_keys
        with sentences(), warehouse.connect("landing") as connection:
            expect(connection, _expected(installation))
            query = _stretches(day_status, sorted(set(chain.from_iterable(about.values()))))
            stretches = connection.sql(query).pl().rows(named=True)
        yield from (
            _result(
                key,
                check,
                [row for row in stretches if row["coverage"] in check.coverage and row["report"] in reports],
                reports,
            )
            for key, reports in about.items()
            for check in (MISSING_DAYS, THRESHOLD_GAPS)
            if dg.AssetCheckKey(key, check.name) in selected
        )

    return day_checks


def build_key_checks() -> dg.AssetChecksDefinition:
    """One check for each record type, of all the flat tables that come out of it; one step for all of them.

    Lines of a CSV file have no key.
    """
    checked = {
        dg.AssetKey(["flat", tables[0].name]): tables
        for tables in (tables_of(record) for record in RECORDS if not record.is_csv)
    }

    @dg.multi_asset_check(
        name="flat__keys",
        specs=[_key_check(tables) for tables in checked.values()],
        can_subset=True,
    )
    def key_checks(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> Iterable[dg.AssetCheckResult]:
        selected = {check_key.asset_key for check_key in context.selected_asset_check_keys}
        with sentences(), warehouse.connect(*TURNS) as connection, deriving(connection) as known:
            days = dict(connection.execute(_NEWEST_DAYS).fetchall())
            results = [
                _repeated(connection, known, key, tables, days) for key, tables in checked.items() if key in selected
            ]
        yield from results

    return key_checks


def _key_check(tables: Sequence[FlatTable]) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        _KEYS,
        asset=dg.AssetKey(["flat", tables[0].name]),
        description=(
            f"Warns when two rows have the same key in the newest {CHECKED_DAYS} days of "
            f"{', '.join(f'flat.{table.name}' for table in tables)}. "
            "GitHub listed something twice within one record; sums hold both, a join may multiply them."
        ),
        additional_deps=[dg.AssetKey(["flat", table.name]) for table in tables[1:]],
    )


# All tables of a record are of the days of its reports; each table's own newest day would be one more look at it.
_NEWEST_DAYS: Final = "select report, max(day) from flat.sources group by report"


def _repeated(
    connection: "duckdb.DuckDBPyConnection",
    known: "Known",
    key: dg.AssetKey,
    tables: Sequence[FlatTable],
    newest_days: Mapping[str, date],
) -> dg.AssetCheckResult:
    """The result; not looked at again where nothing has changed since no key was repeated."""
    days = [newest_days[each.name] for each in REPORTS if each.record is tables[0].record and each.name in newest_days]
    before = max(days) - timedelta(days=CHECKED_DAYS) if days else date.min
    query = "\nunion all\n".join(_repeated_keys(table, before) for table in tables)
    # Which days these are changes from night to night, how many does not.
    rule = query.replace(str(before), f"{CHECKED_DAYS} days ago")
    name, code_version = f"flat.{tables[0].name} {_KEYS}", hashlib.sha256(rule.encode()).hexdigest()
    repeated: list[dict[str, Any]] = []
    if not known.is_as_it_was(name, code_version):
        repeated = connection.sql(f"{query}\norder by day desc, scope, table_name").pl().rows(named=True)
        if not repeated:
            known.note_derived(name, code_version, [f"flat.{table.name}" for table in tables])
    metadata: dict[str, Any] = {
        "repeated_keys": sum(row["repeated_keys"] for row in repeated),
        "query": sql_value(query),
    }
    if repeated:
        metadata["rows"] = table_value(repeated[:SHOWN_STRETCHES])
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=_KEYS,
        passed=not repeated,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=metadata,
    )


def _repeated_keys(table: FlatTable, before: date) -> str:
    """The scopes and later days on which keys of a table stand twice; it names no person."""
    name = f"flat.{table.name}"
    return (
        f"select '{name}' as table_name, scope, day, count(*)::bigint as repeated_keys, sum(n)::bigint as rows_of_them "
        f"from (select {', '.join(table.keys)}, count(*) as n from {name} "
        f"where day > date '{before}' group by all having count(*) > 1) "
        "group by scope, day"
    )


def _expected(installation: Installation) -> list[ExpectedReport]:
    """What the settings ask for; nothing where there are none, as after an import of archives."""
    try:
        return expected_reports(installation.settings(), installation.today())
    except SettingsError:
        return []


def _texts(values: Sequence[str]) -> str:
    return "(" + ", ".join(f"'{value}'" for value in values) + ")"


def _stretches(day_status: SqlModel, reports: Sequence[str]) -> str:
    """A row for each stretch of consecutive days with one reason, the unexplained first, then the newest."""
    return f"""
        with days as (
            select
                *,
                day - row_number() over (
                    partition by scope, report, status, evidence order by day
                )::integer as stretch
            from (
                select
                    *,
                    status = 'not_requested'
                        and day < coalesce(first_asked_day, 'infinity') as is_not_loaded
                from (
                    select
                        *,
                        min(day) filter (last_outcome is not null) over (partition by scope, report) as first_asked_day
                    from (
{day_status.sql}
                    )
                )
            )
            where {MISSING_DAYS.where(reports)}
        )
        select
            case when count(*) = 1 then min(day)::varchar else min(day) || ' to ' || max(day) end as days,
            scope,
            report,
            status,
            evidence,
            any_value(remedy) as remedy,
            is_explained,
            coverage,
            is_not_loaded,
            any_value(first_asked_day) as first_asked_day,
            count(*) as missing
        from days
        group by scope, report, status, evidence, is_explained, coverage, is_not_loaded, stretch
        order by is_explained, max(day) desc, scope, report
    """


def _result(key: dg.AssetKey, check: _DayCheck, rows: _Rows, reports: Sequence[str]) -> dg.AssetCheckResult:
    missing = sum(row["missing"] for row in rows)
    unexplained = sum(row["missing"] for row in rows if not row["is_explained"])
    is_wrong = any(not row["is_explained"] and not row["is_not_loaded"] for row in rows)
    query = f"select * from quality.day_status where {check.where(reports)} order by day desc, scope, report"
    metadata: dict[str, Any] = {
        "days_missing": missing,
        "days_unexplained": unexplained,
        "query": sql_value(query),
    }
    if missing:
        metadata["days"] = table_value({name: row[name] for name in _SHOWN} for row in rows[:SHOWN_STRETCHES])
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=check.name,
        passed=not missing,
        severity=dg.AssetCheckSeverity.ERROR if is_wrong else dg.AssetCheckSeverity.WARN,
        description=_summary(rows, missing, unexplained),
        metadata=metadata,
    )


def _summary(rows: _Rows, missing: int, unexplained: int) -> str:
    if not missing:
        return "No day of any scope is missing."
    to_load = [row for row in rows if row["is_not_loaded"]]
    if len(to_load) == len(rows):
        return _not_loaded(to_load)
    by_status: Counter[str] = Counter()
    for row in rows:
        by_status[row["status"]] += row["missing"]
    counts = ", ".join(f"{count} {status}" for status, count in sorted(by_status.items()))
    ending = f"{unexplained} without explanation" if unexplained else "all explained"
    said = f"{missing} days of a scope and report are missing: {counts}; {ending}."
    return f"{said} {_not_loaded(to_load)}" if to_load else said


def _not_loaded(rows: _Rows) -> str:
    """The same sentence for every report that begins on the same day: it says nothing that another one's does not."""
    if not (asked := [row["first_asked_day"] for row in rows if row["first_asked_day"]]):
        return "Nobody asked GitHub for these days yet. Fetch them: copilot-assets backfill"
    first = max(asked)
    return (
        f"Nobody asked GitHub for the days before {first} yet. "
        f"Fetch them: copilot-assets backfill --end {first - timedelta(days=1)}"
    )
