"""The installation as a Dagster resource: its settings, read when a run needs them, and not before.

So a code location loads without a token, and a setting that can't be used fails the run with its sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from copilot_assets.github.clock import Clock
from copilot_assets.github.patience import Patience
from copilot_assets.github.reports import REPORTS, Delivery, Report
from copilot_assets.notices.channels import Channels
from copilot_assets.now import now_utc
from copilot_assets.people.identities import KEY_SUFFIX, Identities
from copilot_assets.records.contract import person_columns
from copilot_assets.settings import (
    FIRST_REPORT_DAY,
    IdentityMode,
    Settings,
    SettingsError,
    days_per_run,
    export_folder,
    identity_mode,
    keep_raw_days,
    lake_data,
    lake_folder,
    notify_urls,
    report_folder,
    start_date,
    warehouse_address,
)
from copilot_assets.warehouse.address import open_warehouse
from copilot_assets.warehouse.inputs import Inputs
from copilot_assets.warehouse.raw import ExpectedReport
from copilot_assets.warehouse.store import Warehouse


@dataclass(frozen=True)
class Installation:
    """Where settings come from, and two seams for tests and the command line.

    Attributes:
        env: the environment; None for the process's own and `.env`.
        now: this machine's time, UTC.
        on_day: told of every (report, day) that is done, and whether it failed for a scope at least.
        clock: the time at GitHub, as far as any answer to this installation has told it.
        patience: what is waited for, and who is given up.
    """

    env: Mapping[str, str] | None = None
    now: Callable[[], datetime] = now_utc
    on_day: Callable[[str, date, bool], None] = lambda report, day, has_failed: None

    clock: Clock = field(init=False, repr=False, compare=False)
    patience: Patience = field(init=False, repr=False, compare=False, default_factory=Patience)

    def __post_init__(self) -> None:
        """A clock of its own."""
        object.__setattr__(self, "clock", Clock(self.now))

    def today(self) -> date:
        """The current UTC day at GitHub."""
        return self.clock.today()

    def settings(self) -> Settings:
        """The settings.

        Raises:
            SettingsError: naming what is missing or can't be used, a database that can't be written included.
        """
        warehouse = self.warehouse()
        problems = []
        if why_not := warehouse.why_not_writable():
            problems.append(
                f"COPILOT_WAREHOUSE is {warehouse.name}, which can't be written: {why_not}. "
                "Set it to a file in a folder of yours."
            )
        try:
            settings = Settings.from_env(self.env)
        except SettingsError as problem:
            raise SettingsError("\n".join([str(problem), *problems])) from None
        if problems:
            raise SettingsError(*problems)
        return settings

    def start_date(self) -> date:
        """First partition.

        A start date that can't be used must not keep the code location from loading, where nobody would read why:
        GitHub's first day stands in for it, and each run fails with the sentence `settings` has.
        """
        try:
            return start_date(self.env)
        except SettingsError:
            return FIRST_REPORT_DAY

    def days_per_run(self) -> int | None:
        """The days that each run of a backfill takes; None: all, also where it can't be used, as each run says."""
        try:
            return days_per_run(self.env)
        except SettingsError:
            return None

    def warehouse(self) -> Warehouse:
        """The store that COPILOT_WAREHOUSE names; whether it can be opened is found out, and said, when it is."""
        return open_warehouse(warehouse_address(self.env), lake_data(self.env), lake_folder(self.env))

    def export_folder(self) -> Path | None:
        """Where tables are exported after each run: `export` beside the database unless set, None if off."""
        return export_folder(self.env, self.warehouse().folder() / "export")

    def report_folder(self) -> Path | None:
        """Where the weekly report is written after each run: `report` beside the database unless set, None if off."""
        return report_folder(self.env, self.warehouse().folder() / "report")

    def channels(self) -> Channels:
        """Where messages go, COPILOT_NOTIFY; none unless set."""
        return Channels(notify_urls(self.env))

    def keep_raw_days(self) -> int | None:
        """For how many days raw keeps the text of records; None for ever.

        Raises:
            SettingsError: the setting can't be used.
        """
        return keep_raw_days(self.env)

    def inputs(self) -> Inputs:
        """What the models read besides GitHub's answers.

        Raises:
            SettingsError: a setting or the file of events can't be used.
        """
        return Inputs.from_env(self.env)

    def asked_reports(self) -> list[Report]:
        """The reports that are asked for; all where the settings can't be used, which whoever runs is told."""
        try:
            return asked_reports(self.settings())
        except SettingsError:
            return list(REPORTS)

    def identities(self) -> Identities:
        """What the flat tables show of people; needs no token, as the tables are also made of archives.

        Raises:
            SettingsError: the setting can't be used.
        """
        return Identities(identity_mode(self.env), self.warehouse().beside(KEY_SUFFIX))


def asked_reports(settings: Settings) -> list[Report]:
    """The reports that these settings ask for: those that cover a scope, less those that were left out.

    The legacy ones are asked for only when switched on, those about people unless they are switched off.
    """
    return [
        report
        for report in REPORTS
        if report.name not in settings.skip_reports
        and any(report.covers(scope) for scope in settings.scopes)
        and (settings.legacy_api or report.delivery is not Delivery.DAYS)
        and (settings.bill_reports or report.delivery is not Delivery.ORDERS)
        and report not in unasked_about_people(settings)
    ]


def unasked_about_people(settings: Settings) -> list[Report]:
    """The reports whose records are about persons, where these settings want none of them but would ask for them."""
    if settings.identities is not IdentityMode.OFF:
        return []
    return [
        report
        for report in REPORTS
        if person_columns(report.record) and (settings.bill_reports or report.delivery is not Delivery.ORDERS)
    ]


def expected_reports(settings: Settings, as_of: date) -> list[ExpectedReport]:
    """What each scope is asked for, with the rules that say why a day may be missing.

    Snapshots are of the day they are taken on, so that no day of them can be missing.
    """
    return [
        ExpectedReport.of(scope, report, settings.start_date, as_of)
        for report in asked_reports(settings)
        for scope in settings.scopes
        if report.covers(scope) and not report.is_snapshot
    ]
