"""The raw assets: one per report, and the list of what is expected.

A report about days is partitioned by UTC day. A range of days is one run: days are fetched side by side and landed one
by one, so that a bad day fails alone. What GitHub tells only as of now is a snapshot, taken once a run.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from copilot_assets.github.credentials import Token
from copilot_assets.github.outcomes import Outcome, is_bearable
from copilot_assets.github.reports import REPORTS, Report
from copilot_assets.orchestration.installation import Installation, asked_reports, expected_reports
from copilot_assets.orchestration.metadata import column_schema, table_value
from copilot_assets.orchestration.partitions import backfill_policy, days_of
from copilot_assets.orchestration.steps import OWNERS, sentences
from copilot_assets.settings import Settings
from copilot_assets.warehouse.docs import EXPECTED_COLUMNS, FETCH_COLUMNS, RECORD_COLUMNS
from copilot_assets.warehouse.raw import expect, make_report_views, note_token_end
from copilot_assets.warehouse.store import Warehouse

if TYPE_CHECKING:
    import duckdb

    from copilot_assets.github.client import GitHubClient
    from copilot_assets.github.fetches import Fetch

logger = logging.getLogger(__name__)

EXPECTED: Final = dg.AssetKey(["raw", "expected_reports"])
LEDGER: Final = dg.AssetKey(["raw", "fetches"])

_PARTITION_ROWS: Final = "dagster/partition_row_count"
# A report that is closed or not for this scope, a day that GitHub no longer keeps: no failure of the run, nobody can
# make them come.
_GREEN: Final = frozenset({Outcome.REPORTED, Outcome.NO_REPORT, Outcome.NOT_OFFERED, Outcome.RETIRED, Outcome.EXPIRED})


def raw_key(report: Report) -> dg.AssetKey:
    """The asset key of a report, which is also the name of its view."""
    return dg.AssetKey(["raw", report.table])


def build_raw_assets(
    partitions: dg.DailyPartitionsDefinition, asked: Collection[Report], days_per_run: int | None = None
) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """An asset for each report of the catalogue, `raw.expected_reports`, and the ledger they all write.

    Those that are not asked for are not of kind github: who selects these to fill missing days means the others.
    A backfill takes its days in runs of `days_per_run` each; of all where that is None.
    """
    policy = backfill_policy(days_per_run)
    return [
        _expected_reports_asset(),
        *(
            _snapshot_asset(report, _kinds(report in asked))
            if report.is_snapshot
            else _raw_asset(report, partitions, policy, _kinds(report in asked))
            for report in REPORTS
        ),
        _ledger_spec(),
    ]


def _kinds(is_asked: bool) -> set[str]:
    return {"github", "json", "duckdb"} if is_asked else {"json", "duckdb"}


def _ledger_spec() -> dg.AssetSpec:
    """`raw.fetches`: no step of its own; every raw step tells that it wrote to it, also one with days that failed.

    So what lies below follows what landed, even of a day that is red because another scope was refused.
    """
    return dg.AssetSpec(
        LEDGER,
        deps=[raw_key(report) for report in REPORTS],
        group_name="raw",
        owners=OWNERS,
        kinds={"duckdb"},
        metadata={"dagster/column_schema": column_schema(FETCH_COLUMNS), "dagster/table_name": "raw.fetches"},
        description="One row per attempt to get one (scope, report, day), also of those that failed.\n\nThe ledger: "
        "every number and every hole can be traced to a row of it.",
    )


def _expected_reports_asset() -> dg.AssetsDefinition:
    @dg.asset(
        key=EXPECTED,
        group_name="raw",
        owners=OWNERS,
        kinds={"python", "duckdb"},
        metadata={
            "dagster/column_schema": column_schema(EXPECTED_COLUMNS),
            "dagster/table_name": "raw.expected_reports",
        },
        backfill_policy=dg.BackfillPolicy.single_run(),
        description="One row per scope and report: what this installation asks for, since when, and GitHub's rules "
        "for it. Without it, a day that nobody asked for could not be seen to be missing.",
    )
    def expected_reports_asset(
        installation: dg.ResourceParam[Installation], warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.MaterializeResult[Any]:
        with sentences():
            rows = expected_reports(installation.settings(), installation.today())
            with warehouse.connect("landing") as connection:
                expect(connection, rows)
        return dg.MaterializeResult(metadata={"dagster/row_count": len(rows), "expected": table_value(map(vars, rows))})

    return expected_reports_asset


@dataclass
class _Landing:
    """What has become of the days of one run so far."""

    metadata: dict[date, dict[str, Any]] = field(default_factory=dict)
    problems: "list[Fetch]" = field(default_factory=list)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    begun_anew: int = 0

    def counts(self) -> dict[str, int]:
        """Fetches by outcome, as the ledger's page plots them, and transactions that others got in the way of."""
        outcomes = {f"fetches_{outcome.value}": count for outcome, count in self.outcomes.items()}
        return outcomes | ({"transactions_begun_anew": self.begun_anew} if self.begun_anew else {})

    @property
    def bad_days(self) -> set[date]:
        return {fetch.day for fetch in self.problems}


def _table_metadata(report: Report) -> dict[str, Any]:
    """What the UI tells of a raw asset before it has ever run."""
    return {
        "dagster/column_schema": column_schema(RECORD_COLUMNS),
        "dagster/table_name": f"raw.{report.table}",
        "endpoints": dg.MetadataValue.md("\n".join(f"- `GET {path}`" for path in report.paths.values())),
    }


def _snapshot_asset(report: Report, kinds: set[str]) -> dg.AssetsDefinition:
    @dg.asset(
        key=raw_key(report),
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="raw",
        owners=OWNERS,
        kinds=kinds,
        metadata=_table_metadata(report),
        description=f"One row per record: {report.grain}.\n\nWhat GitHub answers as of now, untouched, for every scope "
        "that is configured. GitHub keeps no history of it: each run takes a snapshot, and a later one of the same day "
        "replaces it. Every attempt stands in `raw.fetches`.",
    )
    def raw_snapshot(
        context: dg.AssetExecutionContext,
        installation: dg.ResourceParam[Installation],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> dg.MaterializeResult[Any]:
        landing = _Landing()
        try:
            _land_days(landing, report, [installation.today()], installation, warehouse, context.run.run_id)
        except dg.Failure:
            for metadata in landing.metadata.values():
                context.log_event(dg.AssetObservation(context.asset_key, metadata=metadata))
            raise
        finally:
            _tell_ledger(context, landing)
        (metadata,) = landing.metadata.values()  # of the day that it is at GitHub
        return dg.MaterializeResult(metadata={"dagster/row_count": metadata.pop(_PARTITION_ROWS), **metadata})

    return raw_snapshot


def _tell_ledger(context: dg.AssetExecutionContext, landing: _Landing) -> None:
    if landing.metadata:
        context.log_event(dg.AssetMaterialization(LEDGER, metadata=landing.counts()))


def _raw_asset(
    report: Report, partitions: dg.DailyPartitionsDefinition, policy: dg.BackfillPolicy, kinds: set[str]
) -> dg.AssetsDefinition:
    @dg.asset(
        key=raw_key(report),
        partitions_def=partitions,
        backfill_policy=policy,
        group_name="raw",
        owners=OWNERS,
        kinds=kinds,
        output_required=False,
        metadata=_table_metadata(report),
        description=f"One row per record: {report.grain}.\n\nWhat GitHub's report `{report.name}` said of a UTC day, "
        "untouched, for every scope that is configured. A day that GitHub answered without a report holds no rows; "
        "every attempt stands in `raw.fetches`.",
    )
    def raw_report(
        context: dg.AssetExecutionContext,
        installation: dg.ResourceParam[Installation],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> Iterable[dg.MaterializeResult[Any]]:
        days = days_of(context)
        landing = _Landing()
        try:
            _land_days(landing, report, days, installation, warehouse, context.run.run_id)
        except BaseException:
            # Days that landed are told one by one: yielding the output would call the bad ones materialised too.
            for day in sorted(landing.metadata):
                event = dg.AssetObservation if day in landing.bad_days else dg.AssetMaterialization
                context.log_event(event(context.asset_key, partition=day.isoformat(), metadata=landing.metadata[day]))
            raise
        finally:
            _tell_ledger(context, landing)
        for day, metadata in landing.metadata.items():
            context.add_asset_metadata(metadata, partition_key=day.isoformat())
        yield dg.MaterializeResult()

    return raw_report


def _land_days(
    landing: _Landing,
    report: Report,
    days: Sequence[date],
    installation: Installation,
    warehouse: Warehouse,
    run_id: str,
) -> None:
    """Fetch the days and land each as it comes; `landing` tells what has become of them, also if this is cut short.

    Raises:
        dg.Failure: a setting can't be used, or days failed.
    """
    with sentences():
        _fetch_and_land(landing, report, days, installation.settings(), installation, warehouse, run_id)
    if landing.problems:
        raise _failure(landing, report, len(days))


def _fetch_and_land(
    landing: _Landing,
    report: Report,
    days: Sequence[date],
    settings: Settings,
    installation: Installation,
    warehouse: Warehouse,
    run_id: str,
) -> None:
    from copilot_assets.github.auth import auth_for
    from copilot_assets.github.client import GitHubClient
    from copilot_assets.people.forget import strike
    from copilot_assets.warehouse.landing import land, mend_future
    from copilot_assets.warehouse.tables import begun_anew, transaction

    clock = installation.clock
    client = GitHubClient(
        settings.api_url,
        auth_for(settings.credentials),
        clock=clock,
        patience=installation.patience,
        largest_file_bytes=settings.max_file_mb * 2**20,
    )
    scopes = settings.scopes if report in asked_reports(settings) else ()

    def land_all(fetches: "Sequence[Fetch]", now: datetime) -> "dict[str, Fetch]":
        with warehouse.connect("landing") as connection, begun_anew() as anew:
            if not landing.outcomes:  # nothing has landed yet
                if mended := mend_future(connection, now):
                    logger.warning("A clock that was ahead had dated %d fetches in the future: dated anew.", mended)
                expect(connection, expected_reports(settings, now.date()))
                with transaction(connection):
                    make_report_views(connection, [report])
                _note_token(connection, settings, client)
            wanted = strike(connection, fetches, installation.identities())
            landed = {fetch.fetch_id: fetch for fetch in land(connection, wanted, run_id)} if wanted else {}
        landing.begun_anew += anew["transactions"]
        return landed

    async def deliver(arrived: "Mapping[date, Sequence[Fetch]]") -> None:
        fetches = [fetch for day in arrived.values() for fetch in day]
        landed = await asyncio.to_thread(land_all, fetches, clock.now()) if fetches else {}
        for file in (file for fetch in fetches for file in fetch.files):
            file.path.unlink()
        for day, asked in arrived.items():
            entered = [landed[fetch.fetch_id] for fetch in asked]
            landing.metadata[day] = _day_metadata(entered)
            landing.outcomes.update(fetch.outcome for fetch in entered)
            problems = _problems(report, entered)
            landing.problems += problems
            installation.on_day(report.name, day, bool(problems))

    async def run(folder: Path) -> None:
        async with client:
            if scopes:
                await client.ask_the_time()
            await client.fetch_days(report, scopes, days, folder, deliver)

    with warehouse.incoming() as folder:
        asyncio.run(run(folder))
    if not landing.outcomes:  # the view is there all the same
        land_all([], clock.now())


def _problems(report: Report, entered: "Sequence[Fetch]") -> "list[Fetch]":
    """The fetches that make their day red; of those that are borne the log tells."""
    problems = []
    for fetch in entered:
        if is_bearable(fetch.outcome, report):
            logger.warning("%s [%s]", fetch.evidence, fetch.scope)
        elif fetch.outcome not in _GREEN:
            problems.append(fetch)
    return problems


def _note_token(connection: "duckdb.DuckDBPyConnection", settings: Settings, client: "GitHubClient") -> None:
    """Note when the token ends, once GitHub has accepted it; an App's tokens end every hour, and are renewed."""
    if client.connection.is_accepted and isinstance(settings.credentials, Token):
        note_token_end(connection, client.connection.token_ends_at)


def _day_metadata(fetches: "Sequence[Fetch]") -> dict[str, Any]:
    """What a partition's page shows: how much came for each scope, and why not where nothing did."""
    return {
        _PARTITION_ROWS: sum(fetch.records or 0 for fetch in fetches),
        "bytes": sum(fetch.bytes or 0 for fetch in fetches),
        "scopes_reported": sum(fetch.outcome is Outcome.REPORTED for fetch in fetches),
        "fetches": table_value(_row(fetch) for fetch in sorted(fetches, key=lambda fetch: fetch.scope))
        if fetches
        else "Nothing was asked: no configured scope has this report on this day, it is switched off, or by GitHub's "
        "clock the day has not closed.",
    }


def _row(fetch: "Fetch") -> Mapping[str, object]:
    return {
        "scope": str(fetch.scope),
        "outcome": fetch.outcome.value,
        "http_status": fetch.http_status,
        "records": fetch.records,
        "evidence": fetch.evidence,
    }


def _failure(landing: _Landing, report: Report, days: int) -> dg.Failure:
    """The days that are red, the first reason first; every reason once, with what it is about."""
    about: dict[str, list[Fetch]] = {}
    for fetch in sorted(landing.problems, key=lambda fetch: (fetch.day, fetch.scope)):
        about.setdefault(fetch.evidence, []).append(fetch)
    reasons = [
        f"{evidence} [{', '.join(sorted({str(fetch.scope) for fetch in fetches}))}; "
        f"{fetches[0].day}{f' and {len(fetches) - 1} more' if len(fetches) > 1 else ''}]"
        for evidence, fetches in list(about.items())[:5]
    ]
    bad = len(landing.bad_days)
    return dg.Failure(
        description="\n".join(
            [*reasons, f"{report.name}: {bad} of {days} days failed for a scope at least; what landed stays."]
        ),
        metadata={"failed": table_value({"day": fetch.day, **_row(fetch)} for fetch in landing.problems[:100])},
        allow_retries=False,
    )
