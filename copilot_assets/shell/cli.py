"""The command line `copilot-assets`: reads arguments, calls, prints. What a command does is done elsewhere.

Exit codes: 0 it worked, 1 the data or GitHub says no, 2 the command or a setting can't be used.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn
from uuid import uuid4

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from copilot_assets.github.scopes import Scope, ScopeError
from copilot_assets.settings import ExportFormat, Settings, SettingsError, today_utc

if TYPE_CHECKING:
    from copilot_assets.orchestration.installation import Installation
    from copilot_assets.shell.runs import RangeResult
    from copilot_assets.warehouse.archive import Archive, Imported

# Dagster and the tables are imported inside the commands that need them: `--help` answers at once.

# Without a terminal there is no width to fit: wide enough for the tables.
_WIDTH: Final = None if sys.stdout.isatty() else 150
out: Final = Console(width=_WIDTH)
err: Final = Console(stderr=True, soft_wrap=True)


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


@click.group(
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "auto_envvar_prefix": "COPILOT_ASSETS",  # COPILOT_ASSETS_DEMO_DAYS=30 make demo
    }
)
@click.version_option(package_name="copilot-assets")
def main() -> None:
    """GitHub Copilot usage in DuckDB, with a reason for every missing day.

    \b
    copilot-assets demo                                          see it work, no token needed
    copilot-assets doctor                                        what your token may read, and what to mend
    copilot-assets backfill --start 2026-09-01 --end 2026-11-01  fetch and rebuild your own days
    copilot-assets status                                        what every day is, and what needs a hand
    copilot-assets import-legacy copilotMetricsData.json …       take in an archive of the closed metrics API
    copilot-assets export ~/copilot                              the tables as files, for BI tools
    copilot-assets forget octocat                                remove a person, and keep them out
    copilot-assets standin --port 8700                           a local GitHub to develop against
    """


@main.command()
@click.option("--json", "as_program_text", is_flag=True, help="JSON for programs instead of a table.")
def doctor(as_program_text: bool) -> None:
    """Ask GitHub one cheap question per scope and report, and say what a run would meet.

    Shows which policy is off, which role or permission is missing and where to change it, the days that GitHub has,
    the requests that are left in this hour, and the clock. Fetches and stores nothing.

    \b
    Example:
      copilot-assets doctor
      copilot-assets doctor --json
    """
    import asyncio

    from copilot_assets.shell.doctor import as_json, as_tables, examine

    with _usage_errors():
        settings = Settings.from_env()
    diagnosis = asyncio.run(examine(settings, today_utc()))
    if as_program_text:
        click.echo(json.dumps(as_json(diagnosis), indent=2))
    else:
        for part in as_tables(diagnosis):
            out.print(part, soft_wrap=isinstance(part, Text))
    sys.exit(0 if diagnosis.is_healthy else 1)


@main.command()
def endpoints() -> None:
    """Print every Copilot endpoint of GitHub's and the table that holds its answers, as Markdown.

    \b
    Example:
      copilot-assets endpoints > docs/endpoints.md
    """
    from copilot_assets.shell.endpoints import markdown

    click.echo(markdown(), nl=False)


@main.command()
@click.option("--start", "first", type=DAY, help="First UTC day, YYYY-MM-DD; by default COPILOT_START_DATE.")
@click.option("--end", "last", type=DAY, help="Last UTC day, included; by default yesterday, the last that closed.")
def backfill(first: date | None, last: date | None) -> None:
    """Fetch a range of days and rebuild everything from them, in this process.

    The same run that the schedule launches; it appears in the Dagster UI. Days that fail are named and can be run
    again; the others stay. Settings come from the environment and .env.

    \b
    Example:
      copilot-assets backfill
      copilot-assets backfill --start 2026-09-01 --end 2026-09-30
    """
    from copilot_assets.orchestration.installation import Installation
    from copilot_assets.settings import export_format

    installation = Installation()
    with _usage_errors():
        settings = Settings.from_env()
        first, last = first or settings.start_date, last or _yesterday()
        _check_range(first, last, settings)
        # What only the tables need is said before hours of fetching, too.
        installation.inputs()
        export_format()
    sys.exit(0 if _run(installation, settings, first, last) else 1)


@main.command()
@click.option("--changes", is_flag=True, help="The days that GitHub changed after they were fetched, instead.")
@click.option("--json", "as_program_text", is_flag=True, help="JSON for programs instead of a screen.")
@click.option("--days", type=click.IntRange(1, 1000), default=60, show_default=True, help="Closed days to show.")
def status(changes: bool, as_program_text: bool, days: int) -> None:
    """Show the state of the whole warehouse: one character a day, the last run, and what needs a hand.

    Ends with 1 when something does, or nothing is there yet. Reads the database alone: needs no token, asks nobody,
    changes nothing.

    \b
    Example:
      copilot-assets status
      copilot-assets status --days 120
      copilot-assets status --changes
    """
    from copilot_assets.settings import warehouse_path
    from copilot_assets.shell.status import (
        as_json,
        as_parts,
        changes_as_json,
        changes_as_table,
        read_changes,
        read_status,
    )
    from copilot_assets.warehouse.store import WarehouseError

    path, today = warehouse_path(), today_utc()
    try:
        revised = read_changes(path, today) if changes else []
        state = None if changes else read_status(path, today, days)
    except WarehouseError as problem:
        _refuse(problem)
    if as_program_text:
        click.echo(json.dumps(as_json(state) if state else changes_as_json(revised), indent=2))
    else:
        for part in as_parts(state, out.width) if state else [changes_as_table(revised)]:
            out.print(part, soft_wrap=isinstance(part, Text), highlight=False)
    sys.exit(1 if state and state.needs_a_hand else 0)


@main.command("import-legacy")
@click.argument(
    "files", metavar="FILE…", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--scope",
    required=True,
    type=SCOPE,
    help="Whom the numbers are about: org:NAME, enterprise:SLUG, team:ORG/SLUG or enterprise-team:ENTERPRISE/SLUG.",
)
@click.option("--overwrite", is_flag=True, help="Let the archive count for days that are there with other content.")
def import_legacy(files: tuple[Path, ...], scope: Scope, overwrite: bool) -> None:
    """Take in an archive of the metrics API that GitHub closed on 2026-04-02, and rebuild everything from it.

    FILE is the copilotMetricsData.json of GitHub's guide, or its days as an array, as newline-delimited JSON or one
    by one; gzip is read too. Where several hold the same day, the last one counts. Everything is checked first: a
    file that can't be used imports nothing. Needs no token.

    \b
    Example:
      copilot-assets import-legacy copilotMetricsData.json --scope org:octo-org
      copilot-assets import-legacy archive/*.json.gz --scope team:octo-org/core --overwrite
    """
    from copilot_assets.orchestration.installation import Installation
    from copilot_assets.shell.runs import open_instance, rebuild
    from copilot_assets.warehouse.archive import ArchiveError, import_archive, read_archive
    from copilot_assets.warehouse.store import Warehouse, WarehouseError

    installation, today, run_id = Installation(), today_utc(), str(uuid4())
    warehouse = Warehouse(installation.warehouse_path())
    try:
        archive = read_archive(files, today)
        imported = import_archive(warehouse, archive, scope, overwrite=overwrite, run_id=run_id, today=today)
    except ArchiveError as problem:
        err.print(f"[red]{escape(str(problem))} Nothing was imported.[/red]")
        sys.exit(1)
    except WarehouseError as problem:
        _refuse(problem)
    _tell_import(archive, imported, scope)
    result = rebuild(installation, instance=open_instance(), run_id=run_id)
    if not result.is_success:
        _tell_problems(result)
        err.print("The days are imported, but not everything below raw was rebuilt. Run the same command again.")
        sys.exit(1)
    out.print(f"The tables below raw are rebuilt, in run {run_id} of the Dagster UI.")
    query = f"from weekly.legacy_user_trend where scope = '{scope}'"
    out.print(f'Next: duckdb -readonly {warehouse.path} "{query}"', soft_wrap=True, markup=False, highlight=False)


@main.command()
@click.argument("user")
@click.option("--yes", is_flag=True, help="Do not ask whether to go on.")
def forget(user: str, yes: bool) -> None:
    """Remove a person from the database, raw included, and rebuild everything below raw without them.

    USER is a login, in capitals or not, or a GitHub id. What GitHub counted of a whole organisation or enterprise
    stays; numbers that then rest on too few people are withheld. What GitHub sends of the person from now on is left
    out as it arrives: their pseudonym stays noted, and is recognised as long as the key file beside the database is
    there. Needs no token, and as much free disk again as the database takes.

    GitHub keeps its own data: take the person's seat away there. Raw holds the logins and ids of everybody else, and
    whoever has the key file can tell who a pseudonym is. Backups, and files that you exported yourself, are not
    touched.

    
    Example:
      copilot-assets forget octocat
      copilot-assets forget 583231 --yes
    """
    from copilot_assets.orchestration.installation import Installation
    from copilot_assets.people.forget import ForgetError, find
    from copilot_assets.people.forget import forget as forget_person
    from copilot_assets.shell.runs import open_instance, rebuild
    from copilot_assets.warehouse.store import Warehouse, WarehouseError

    installation, run_id = Installation(), str(uuid4())
    warehouse = Warehouse(installation.warehouse_path())
    try:
        with _usage_errors():
            traces = find(warehouse, installation.identities(), user)
        out.print(
            f"Of {user} there are {traces.records:,} records as GitHub sent them, {traces.quarantined:,} in "
            f"quarantine, and {traces.rows:,} rows in the flat tables.",
            soft_wrap=True,
            markup=False,
            highlight=False,
        )
        if len(traces.ids) > 1:
            out.print(f"{len(traces.ids)} people have had this login. Give an id to forget only one of them.")
        if not yes:
            click.confirm("Remove them for good?", abort=True)
        forget_person(warehouse, traces)
    except ForgetError as problem:
        err.print(f"[red]{escape(str(problem))}[/red]")
        sys.exit(1)
    except WarehouseError as problem:
        _refuse(problem)
    out.print("They are removed, and the database file is written anew.")
    result = rebuild(installation, instance=open_instance(), run_id=run_id)
    if not result.is_success:
        _tell_problems(result)
        err.print("Not everything below raw was rebuilt. Run copilot-assets backfill, or the job rebuild in the UI.")
        sys.exit(1)
    out.print(f"The tables below raw are rebuilt, in run {run_id} of the Dagster UI.")


@main.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["parquet", "csv"]),
    default="parquet",
    show_default=True,
    help="Parquet with zstd; or CSV: a header, nothing for null, quotes around all text.",
)
@click.option(
    "--flat",
    "with_flat",
    is_flag=True,
    help="Also the tables of schema flat. Theirs is one row a person: a pseudonym, unless COPILOT_IDENTITIES=login.",
)
def export(folder: Path, file_format: ExportFormat, with_flat: bool) -> None:
    """Write the weekly and quality tables to files in DIR, for tools that are to leave the database alone.

    All files are replaced at once: DIR becomes a link to a hidden folder beside it, and turns to the next one when
    that is complete, so a reader never sees half. The export before stays there until the next. DIR/tables.json
    says what the tables and columns are. Reads the database alone: needs no token, asks nobody.

    \b
    Example:
      copilot-assets export ~/copilot
      copilot-assets export --format csv --flat ~/copilot-csv
    """
    from copilot_assets.report.export import FLAT, SCHEMAS, ExportError, reading
    from copilot_assets.report.export import export as export_tables
    from copilot_assets.settings import warehouse_path
    from copilot_assets.warehouse.store import WarehouseError

    try:
        with _usage_errors():
            schemas = (*SCHEMAS, FLAT) if with_flat else SCHEMAS
            exported = export_tables(reading(warehouse_path()), folder, file_format, schemas)
    except ExportError as problem:
        err.print(f"[red]{escape(str(problem))}[/red]")
        sys.exit(1)
    except WarehouseError as problem:
        _refuse(problem)
    for table in exported.tables:
        out.print(f"{table.rows:>9,} rows  {table.file}", soft_wrap=True, markup=False, highlight=False)
    where = f"{len(exported.tables)} tables, {exported.bytes:,} bytes, in {exported.folder}."
    out.print(where, soft_wrap=True, markup=False, highlight=False)


@main.command()
@click.option("--port", type=click.IntRange(1, 65534), required=True, help="Port of the API; downloads use the next.")
@click.option("--today", type=DAY, help="The stand-in's current day; the real one by default.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed is another company.")
@click.option("--people", type=click.IntRange(1), default=150, show_default=True, help="How many people it has.")
@click.option(
    "--legacy",
    type=click.Choice(["open", "closed"]),
    default="closed",
    show_default=True,
    help="Whether it still offers the metrics API that GitHub closed on 2026-04-02.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME[:SCOPE[:DAY]]",
    help="Answer as GitHub does on a bad day, for example policy-off:org:octo-labs. Repeatable.",
)
@click.option(
    "--scenario",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A YAML file with a list of such faults: name, and if wanted scope, report, day, times.",
)
def standin(
    port: int,
    today: date | None,
    seed: int,
    people: int,
    legacy: str,
    faults: tuple[str, ...],
    scenario: Path | None,
) -> None:
    """Serve a local stand-in for GitHub: org:octo-org, org:octo-labs, enterprise:octo-corp.

    Point this project or any other client of GitHub's Copilot API at it with any token. Ends with Ctrl-C.

    \b
    Example:
      copilot-assets standin --port 8700
      GITHUB_API_URL=http://127.0.0.1:8700 GITHUB_TOKEN=any copilot-assets backfill …
    """
    from copilot_assets.standin import Fault, read_scenario, serve

    try:
        parsed = [Fault.parse(text) for text in faults]
    except ValueError as problem:
        raise click.BadParameter(str(problem), param_hint="--fault") from None
    try:
        parsed += read_scenario(scenario) if scenario else []
    except ValueError as problem:
        raise click.BadParameter(str(problem), param_hint="--scenario") from None
    serve(
        port=port,
        today=today,
        seed=seed,
        people=people,
        legacy_open=legacy == "open",
        faults=parsed,
        on_ready=lambda url: out.print(f"The stand-in for GitHub answers at {url} (Ctrl-C ends it)."),
    )


@main.command()
@click.option("--serve/--no-serve", default=True, help="Serve the Dagster UI afterwards, or end after the tables.")
@click.option("--days", type=click.IntRange(1, 365), default=120, show_default=True, help="Days to backfill.")
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Port of the Dagster UI.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".demo"),
    show_default=True,
    help="Where the demo keeps its database and history; made anew each time.",
)
def demo(serve: bool, days: int, port: int, folder: Path) -> None:
    """See it work without a token: stand-in, backfill, tables, Dagster UI.

    \b
    Example:
      copilot-assets demo --no-serve
    """
    from copilot_assets.orchestration.installation import Installation
    from copilot_assets.shell.demo import demo_environment, serve_ui

    with _usage_errors(), demo_environment(folder, days) as env:
        settings = Settings.from_env(env)
        out.print(f"The stand-in for GitHub answers at {settings.api_url}: an invented company, no token needed.")
        is_success = _run(Installation(env), settings, settings.start_date, _yesterday())
        if serve:
            serve_ui(env, port, out.print)
    sys.exit(0 if is_success else 1)


def _yesterday() -> date:
    """The last UTC day that closed."""
    return today_utc() - timedelta(days=1)


def _check_range(first: date, last: date, settings: Settings) -> None:
    yesterday = _yesterday()
    if first > last:
        raise SettingsError(f"--start {first} is after --end {last}. Exchange them.")
    if last > yesterday:
        raise SettingsError(f"--end {last} has not closed in UTC yet. The last day there can be is {yesterday}.")
    if first < settings.start_date:
        raise SettingsError(
            f"--start {first} is before COPILOT_START_DATE, {settings.start_date}, where the history begins. "
            "Begin later, or set COPILOT_START_DATE to an earlier day."
        )


def _run(installation: Installation, settings: Settings, first: date, last: date) -> bool:
    """Run a range with a progress bar, then print what it left; whether every step succeeded."""
    from copilot_assets.orchestration.installation import asked_reports
    from copilot_assets.shell.runs import open_instance, run_range
    from copilot_assets.shell.summary import tables
    from copilot_assets.warehouse.store import Warehouse, WarehouseError

    warehouse = Warehouse(settings.warehouse)
    try:
        with warehouse.connect():  # a file that can't be opened is said before GitHub is asked for anything
            pass
    except WarehouseError as problem:
        _refuse(problem)
    days = (last - first).days + 1
    total = sum(1 if report.is_snapshot else days for report in asked_reports(settings))
    out.print(f"Fetching {days} days, {first} to {last}, for {', '.join(map(str, settings.scopes))}.")
    with _progress(total) as on_day:
        result = run_range(installation, first, last, instance=open_instance(), on_day=on_day)
    with warehouse.connect() as connection:
        for table in tables(connection, result.checks):
            out.print(table)
    _tell_problems(result)
    out.print("The rest is told in the Dagster UI (dagster dev), under run " + ", ".join(result.run_ids) + ".")
    return result.is_success


def _tell_problems(result: RangeResult) -> None:
    """The sentences of failed steps; reports that share a token share its troubles, so each once."""
    for line in dict.fromkeys(line for problem in result.problems for line in problem.splitlines()):
        err.print(f"[red]{escape(line)}[/red]")


def _tell_import(archive: Archive, imported: Imported, scope: Scope) -> None:
    """A line for each thing that became of days, and which days they were where somebody may want to look."""
    from copilot_assets.warehouse.archive import stretches

    def tell(days: Collection[date], what: str, *, named: bool = True) -> None:
        if days:
            which = f": {', '.join(stretches(sorted(days)))}" if named else ""
            out.print(f"{len(days):>6,} {what}{which}.", soft_wrap=True, highlight=False)

    count, span = len(archive.days), f"{archive.first} to {archive.last}"
    out.print(f"{count:,} day{'s' if count > 1 else ''} of {scope} in the archive, {span}:", highlight=False)
    tell(archive.conflicts, "told differently by two records; the later one counts")
    tell(imported.new, "imported", named=False)
    tell(imported.overwritten, "overwritten")
    tell(imported.same, "there already with the same content, unchanged", named=False)
    tell(imported.kept, "there already with other content, kept (--overwrite takes the archive's)")
    tell(imported.missing, "missing in between")


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str, date], None]]:
    """A bar on a terminal; elsewhere a plain line for each tenth of the way."""
    if not out.is_terminal:
        done = 0

        def plain(report: str, day: date) -> None:
            nonlocal done
            done += 1
            if done * 10 // total > (done - 1) * 10 // total:
                out.print(f"{done} of {total} (report, day) done; {report} at {day}.")

        yield plain
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True) as progress:
        task = progress.add_task("starting", total=total)

        def bar(report: str, day: date) -> None:
            progress.update(task, advance=1, description=f"{report} {day}")
            if progress.finished:
                progress.update(task, description="flattening and rebuilding")

        yield bar


@contextmanager
def _usage_errors() -> Iterator[None]:
    """Settings and arguments that can't be used end the command with their sentences and code 2."""
    try:
        yield
    except SettingsError as problem:
        _refuse(problem)


def _refuse(problem: Exception) -> NoReturn:
    err.print(f"[red]{escape(str(problem))}[/red]")
    sys.exit(2)
