"""Settings: everything that a user can set, read once from the environment and `.env`.

The only reader of environment variables. What a value means is said here; what is done with it is not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal, cast
from urllib.parse import urlsplit

from dotenv import dotenv_values

from copilot_assets.github.credentials import App, CredentialsError, Token, read_credentials
from copilot_assets.github.proxies import NETWORK, network_problems
from copilot_assets.github.reports import LARGEST_FILE_MB, REPORTS
from copilot_assets.github.scopes import Scope, ScopeError
from copilot_assets.now import today_utc

# The first day of any usage-metrics report (GitHub Docs, "Copilot usage metrics", October 2025).
FIRST_REPORT_DAY: Final = date(2025, 10, 10)
# A day is final three full UTC days after it closed (GitHub Docs, "Reconciling usage metrics"): the run on the
# fourth day after it is the first that is sure to see the final numbers.
DEFAULT_LOOKBACK_DAYS: Final = 4

# GitHub's own threshold for teams counts seats; this one counts active people, of whom such a team may have one.
DEFAULT_MIN_COHORT: Final = 5
# With what Python and the rest of DuckDB take, a rebuild of 234 million rows about people stays below 2 GB.
DEFAULT_MEMORY_MB: Final = 1_400
DEFAULT_KEEP_LOGS_DAYS: Final = 90
# A season, in which a new field or a wrong number is likely to be noticed.
LEAST_KEEP_RAW_DAYS: Final = 100
DEFAULT_LAKE_KEEP_DAYS: Final = 7
# A seat that nobody used yet is no news in its first month.
DEFAULT_SEAT_GRACE_DAYS: Final = 30
# GitHub's list prices, US dollars per seat and month ("Plans for GitHub Copilot", 2026-11).
DEFAULT_PLAN_PRICES: Final = {"business": 19.0, "enterprise": 39.0}
# AI credits that a seat includes in a month: GitHub Docs, "Usage-based billing" (2026-06), for Business; 3,900 for
# Enterprise is what its customers tell.
DEFAULT_PLAN_CREDITS: Final = {"business": 1900.0, "enterprise": 3900.0}

_AMOUNT: Final = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)

ExportFormat = Literal["parquet", "csv"]


class SettingsError(ValueError):
    """A setting that can't be used. The message is one or more sentences: what is wrong, and what to do."""


class IdentityMode(StrEnum):
    """What is asked and shown of people, COPILOT_IDENTITIES."""

    PSEUDONYM = "pseudonym"  # the flat tables name people by a number that only the key file ties to GitHub's ids
    LOGIN = "login"  # by GitHub's ids and logins
    OFF = "off"  # reports about people are not asked for at all


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What one installation asks GitHub for, with what, and since when.

    Attributes:
        credentials: what proves who asks; the secret in it is kept out of `repr`.
        scopes: the scopes to ask for, in the order given.
        api_url: GitHub's REST root, without a trailing slash.
        start_date: first day of the history, UTC.
        lookback_days: closed days that the daily run asks for again.
        bill_reports: also order usage reports, which GitHub then writes as files.
        legacy_api: also ask the endpoints that GitHub closed on 2026-04-02.
        skip_reports: names of reports that are not to be asked for.
        identities: what is asked and shown of people.
        max_file_mb: megabytes that a report file may have unpacked.

    """

    credentials: Token | App
    scopes: tuple[Scope, ...]
    api_url: str = "https://api.github.com"
    start_date: date = FIRST_REPORT_DAY
    lookback_days: int = DEFAULT_LOOKBACK_DAYS
    legacy_api: bool = False
    bill_reports: bool = False
    skip_reports: frozenset[str] = frozenset()
    identities: IdentityMode = IdentityMode.PSEUDONYM
    max_file_mb: int = LARGEST_FILE_MB

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read the settings; without `env`, from the process's environment over `.env` in the current folder.

        Raises:
            SettingsError: naming every setting that is missing or can't be used.

        """
        if env is None:
            env = environment()
            os.environ.update({name: env[name] for name in NETWORK if name in env})
        problems = network_problems(env)
        for asked_elsewhere in (is_for_group, memory_mb, keep_logs_days, keep_raw_days, days_per_run):
            try:
                asked_elsewhere(env)
            except SettingsError as problem:
                problems.append(str(problem))
        values: dict[str, object] = {}
        for name, reader in _READERS.items():
            try:
                values[name] = reader(env)
            except SettingsError as problem:
                problems.append(str(problem))
        if problems:
            raise SettingsError("\n".join(problems))
        settings = cls(**values)  # type: ignore[arg-type]
        unasked = [str(scope) for scope in settings.scopes if scope.kind.is_team and not settings.legacy_api]
        if unasked:
            raise SettingsError(
                f"COPILOT_SCOPES names {', '.join(unasked)}, and nothing but the legacy metrics is about teams. "
                "Set COPILOT_LEGACY_API=on if the server still offers them, or take the teams out."
            )
        return settings


def environment() -> dict[str, str]:
    """The process's environment over what `.env` in the current folder says; empty values count as unset.

    Raises:
        SettingsError: `.env` can't be read.
    """
    path = Path.cwd() / ".env"
    try:
        told = dotenv_values(path, encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not text in UTF-8. Save it as UTF-8 in your editor.") from None
    except OSError as problem:
        raise SettingsError(f"{path} can't be read: {problem.strerror}. Make it readable for this user.") from None
    sources: tuple[Mapping[str, str | None], ...] = (told, os.environ)
    return {name: value.strip() for source in sources for name, value in source.items() if value and value.strip()}


def dagster_home(env: Mapping[str, str] | None = None) -> Path | None:
    """`DAGSTER_HOME`: the folder of Dagster's dagster.yaml and history; None when unset.

    Raises:
        SettingsError: there is no such folder, or it would be another one wherever a command is called.

    """
    text = (environment() if env is None else env).get("DAGSTER_HOME")
    if not text:
        return None
    folder = Path(text).expanduser()
    if not folder.is_absolute():
        raise SettingsError(
            f"DAGSTER_HOME is '{text}', which is another folder wherever a command is called. Write its path in full."
        )
    if not folder.is_dir():
        raise SettingsError(
            f"DAGSTER_HOME is {folder}, and there is no such folder. Make it and put this project's dagster.yaml into "
            "it, or take the setting out."
        )
    return folder


def start_date(env: Mapping[str, str] | None = None) -> date:
    """`COPILOT_START_DATE`: `YYYY-MM-DD`, a closed day; the first day that GitHub ever reported when unset.

    Raises:
        SettingsError: not a date, or not in the past.

    """
    text = (environment() if env is None else env).get("COPILOT_START_DATE")
    if text is None:
        return FIRST_REPORT_DAY
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise SettingsError(
            f"COPILOT_START_DATE is '{text}', which is not a date. Write it as YYYY-MM-DD, for example 2026-01-01."
        ) from None
    if day >= today_utc():
        yesterday = today_utc() - timedelta(days=1)
        raise SettingsError(
            f"COPILOT_START_DATE is {day}, a day that has not closed in UTC yet: there is nothing to fetch. "
            f"Set it to {yesterday} or earlier."
        )
    return day


def warehouse_address(env: Mapping[str, str] | None = None) -> str:
    """`COPILOT_WAREHOUSE`: where the database is or will be; whether it can be there is not asked."""
    return (environment() if env is None else env).get("COPILOT_WAREHOUSE", "data/copilot.duckdb")


def lake_data(env: Mapping[str, str] | None = None) -> str:
    """`COPILOT_LAKE_DATA`: the folder or bucket of a lake's files; empty where its catalogue has to say."""
    text = (environment() if env is None else env).get("COPILOT_LAKE_DATA", "")
    return text if "://" in text or not text else str(Path(text).expanduser().absolute())


def lake_folder(env: Mapping[str, str] | None = None) -> Path:
    """`COPILOT_LAKE_FOLDER`: this machine's folder for what is of a lake but not in it, such as the key file."""
    return Path((environment() if env is None else env).get("COPILOT_LAKE_FOLDER", "data")).expanduser()


def lake_keep_days(env: Mapping[str, str] | None = None) -> int:
    """`COPILOT_LAKE_KEEP_DAYS`: for how many days a lake still tells what its tables held.

    Raises:
        SettingsError: it is no number from 0 to 10,000.

    """
    return _whole_number(env, "COPILOT_LAKE_KEEP_DAYS", DEFAULT_LAKE_KEEP_DAYS, 0, 10_000, "days")


def export_folder(env: Mapping[str, str] | None, usual: Path) -> Path | None:
    """`COPILOT_EXPORT`: where tables are exported after each run; `usual` when unset, None if off.

    Whether it can be there is not asked.
    """
    return _folder(env, "COPILOT_EXPORT", usual)


def report_folder(env: Mapping[str, str] | None, usual: Path) -> Path | None:
    """`COPILOT_REPORT`: where the weekly report is written after each run; `usual` when unset, None if off.

    Whether it can be there is not asked.
    """
    return _folder(env, "COPILOT_REPORT", usual)


def _folder(env: Mapping[str, str] | None, name: str, usual: Path) -> Path | None:
    text = (environment() if env is None else env).get(name)
    if text is None:
        return usual
    return None if text.lower() == "off" else Path(text).expanduser()


def export_format(env: Mapping[str, str] | None = None) -> ExportFormat:
    """`COPILOT_EXPORT_FORMAT`: `parquet`, also when unset, or `csv`.

    Raises:
        SettingsError: neither.

    """
    text = (environment() if env is None else env).get("COPILOT_EXPORT_FORMAT", "parquet")
    if text.lower() not in ("parquet", "csv"):
        raise SettingsError(f"COPILOT_EXPORT_FORMAT is '{text}'. Write parquet or csv.")
    return cast("ExportFormat", text.lower())


def is_for_group(env: Mapping[str, str] | None = None) -> bool:
    """`COPILOT_READERS`: whether the group of exported files and of Dagster's history may read them too.

    Raises:
        SettingsError: it is neither `owner`, as when unset, nor `group`.

    """
    text = (environment() if env is None else env).get("COPILOT_READERS", "owner").lower()
    if text not in ("owner", "group"):
        raise SettingsError(f"COPILOT_READERS is '{text}'. Write owner or group.")
    return text == "group"


def identity_mode(env: Mapping[str, str] | None = None) -> IdentityMode:
    """`COPILOT_IDENTITIES`: pseudonym when unset.

    Raises:
        SettingsError: it is none of the three.

    """
    text = (environment() if env is None else env).get("COPILOT_IDENTITIES", IdentityMode.PSEUDONYM)
    try:
        return IdentityMode(text.lower())
    except ValueError:
        raise SettingsError(
            f"COPILOT_IDENTITIES is '{text}'. Write pseudonym (people are numbers that only the key file ties to "
            "GitHub's ids), login (GitHub's ids and logins are shown) or off (reports about people are not asked for)."
        ) from None


def min_cohort(env: Mapping[str, str] | None = None) -> int:
    """`COPILOT_MIN_COHORT`: the fewest people that a published number about a part of a scope may rest on.

    Raises:
        SettingsError: it is no number from 1 to 1000.

    """
    return _whole_number(env, "COPILOT_MIN_COHORT", DEFAULT_MIN_COHORT, 1, 1000, "people")


def seat_grace_days(env: Mapping[str, str] | None = None) -> int:
    """`COPILOT_SEAT_GRACE_DAYS`: how many days a new seat may stay unused before it counts as never used.

    Raises:
        SettingsError: it is no number from 0 to 365.

    """
    return _whole_number(env, "COPILOT_SEAT_GRACE_DAYS", DEFAULT_SEAT_GRACE_DAYS, 0, 365, "days")


def memory_mb(env: Mapping[str, str] | None = None) -> int:
    """`COPILOT_MEMORY_MB`: megabytes that DuckDB may hold in memory; what is more it writes beside the database.

    The default leaves a container of 4 GB as much again for Python, Dagster and Polars.

    Raises:
        SettingsError: it is no number from 256 to a million.

    """
    return _whole_number(env, "COPILOT_MEMORY_MB", DEFAULT_MEMORY_MB, 256, 1_000_000, "megabytes")


def keep_logs_days(env: Mapping[str, str] | None = None) -> int:
    """`COPILOT_KEEP_LOGS_DAYS`: for how many days Dagster's history keeps what the steps of a run said.

    Raises:
        SettingsError: it is no number from 1 to 10,000.

    """
    return _whole_number(env, "COPILOT_KEEP_LOGS_DAYS", DEFAULT_KEEP_LOGS_DAYS, 1, 10_000, "days")


def keep_raw_days(env: Mapping[str, str] | None = None) -> int | None:
    """`COPILOT_KEEP_RAW_DAYS`: for how many days raw keeps the text of records; None, for ever, when unset or off.

    Raises:
        SettingsError: it is neither `off` nor a number from 100 to 10,000.

    """
    env = environment() if env is None else env
    if env.get("COPILOT_KEEP_RAW_DAYS", "off").lower() == "off":
        return None
    return _whole_number(env, "COPILOT_KEEP_RAW_DAYS", LEAST_KEEP_RAW_DAYS, LEAST_KEEP_RAW_DAYS, 10_000, "days")


def days_per_run(env: Mapping[str, str] | None = None) -> int | None:
    """`COPILOT_DAYS_PER_RUN`: the days that each run of a backfill in Dagster's UI takes; None (all) when unset.

    Raises:
        SettingsError: it is no number from 1 to 10,000.

    """
    env = environment() if env is None else env
    name = "COPILOT_DAYS_PER_RUN"
    return _whole_number(env, name, 0, 1, 10_000, "days") if name in env else None


def max_file_mb(env: Mapping[str, str] | None = None) -> int:
    """`COPILOT_MAX_FILE_MB`: megabytes that a file of records may have unpacked.

    Raises:
        SettingsError: it is no number from 1 to a million.

    """
    return _whole_number(env, "COPILOT_MAX_FILE_MB", LARGEST_FILE_MB, 1, 1_000_000, "megabytes")


def plan_prices(env: Mapping[str, str] | None = None) -> dict[str, float]:
    """`COPILOT_PLAN_PRICES`: US dollars per seat and month by GitHub's `plan_type`; GitHub's list prices when unset.

    Raises:
        SettingsError: it is not written as `business=19,enterprise=39`, or names a plan twice.

    """
    return _by_plan(env, "COPILOT_PLAN_PRICES", DEFAULT_PLAN_PRICES, "US dollars per seat and month", "price")


def plan_credits(env: Mapping[str, str] | None = None) -> dict[str, int]:
    """`COPILOT_PLAN_CREDITS`: AI credits that a seat includes in a month, by `plan_type`; GitHub's own when unset.

    Raises:
        SettingsError: it is not written as `business=1900,enterprise=3900`, or names a plan twice.

    """
    told = _by_plan(env, "COPILOT_PLAN_CREDITS", DEFAULT_PLAN_CREDITS, "AI credits per seat and month", "number")
    return {plan: round(number) for plan, number in told.items()}


def _by_plan(
    env: Mapping[str, str] | None, name: str, default: Mapping[str, float], what: str, of_each: str
) -> dict[str, float]:
    """A number for each plan."""
    text = (environment() if env is None else env).get(name)
    if text is None:
        return dict(default)
    example = ",".join(f"{plan}={number:g}" for plan, number in default.items())
    found: dict[str, float] = {}
    for entry in text.split(","):
        plan, _, number = (part.strip() for part in entry.partition("="))
        if not plan or not _AMOUNT.fullmatch(number):
            raise SettingsError(
                f"{name} is '{text}', of which '{entry.strip()}' is no plan with a {of_each}. Write {what}, for "
                f"example {example}."
            )
        if plan.lower() in found:
            raise SettingsError(f"{name} is '{text}' and gives {plan.lower()} two {of_each}s. Keep the one that holds.")
        found[plan.lower()] = float(number)
    return found


def notify_urls(env: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """`COPILOT_NOTIFY`: the addresses that messages go to, as apprise writes them; each is a secret. None when unset.

    They are separated by commas; a comma within one is not followed by the beginning of another.
    """
    text = (environment() if env is None else env).get("COPILOT_NOTIFY", "")
    return tuple(url for part in re.split(r",\s*(?=[a-zA-Z][a-zA-Z0-9+.-]*://)", text) if (url := part.strip(" ,")))


def heartbeat_url(env: Mapping[str, str] | None = None) -> str | None:
    """`COPILOT_HEARTBEAT_URL`: what is called at the end of each good daily run; a secret. None when unset.

    Raises:
        SettingsError: it is no web address; without repeating it.
    """
    url = (environment() if env is None else env).get("COPILOT_HEARTBEAT_URL")
    if url is None or (urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname):
        return url
    raise SettingsError("COPILOT_HEARTBEAT_URL is no web address. Write one that begins with https:// or http://.")


def idle_cost_limit(env: Mapping[str, str] | None = None) -> float | None:
    """`COPILOT_IDLE_COST_LIMIT`: US dollars a month that idle licences of a scope may cost untold. None when unset.

    Raises:
        SettingsError: it is no amount.
    """
    text = (environment() if env is None else env).get("COPILOT_IDLE_COST_LIMIT")
    if text is None or _AMOUNT.fullmatch(text):
        return None if text is None else float(text)
    raise SettingsError(f"COPILOT_IDLE_COST_LIMIT is '{text}'. Write US dollars a month, for example 500.")


def events_path(env: Mapping[str, str] | None = None) -> Path | None:
    """`COPILOT_EVENTS`: the file of your own events; `events.csv` in the current folder if there is one, else None.

    Raises:
        SettingsError: the file that is named is not there.

    """
    text = (environment() if env is None else env).get("COPILOT_EVENTS")
    if text is None:
        usual = Path("events.csv")
        return usual if usual.is_file() else None
    path = Path(text).expanduser()
    if not path.is_file():
        raise SettingsError(
            f"COPILOT_EVENTS is {path}, and there is no such file. Write one with the columns date,scope,what, "
            "or take the setting out."
        )
    return path


def models_folder(env: Mapping[str, str] | None = None) -> Path | None:
    """`COPILOT_MODELS`: the folder of your own SQL models; `models` in the current folder if there is one, else None.

    Raises:
        SettingsError: the folder that is named is not there.

    """
    text = (environment() if env is None else env).get("COPILOT_MODELS")
    if text is None:
        usual = Path("models")
        return usual.absolute() if usual.is_dir() else None
    path = Path(text).expanduser()
    if not path.is_dir():
        raise SettingsError(
            f"COPILOT_MODELS is {path}, and there is no such folder. Make it, with your models in "
            "<schema>/<table>.sql, or take the setting out."
        )
    return path.absolute()


def _whole_number(env: Mapping[str, str] | None, name: str, default: int, least: int, most: int, what: str) -> int:
    text = (environment() if env is None else env).get(name, str(default))
    if not (text.isascii() and text.isdecimal()) or not least <= int(text) <= most:
        raise SettingsError(f"{name} is '{text}'. Write a whole number of {what} from {least} to {most}.")
    return int(text)


def _credentials(env: Mapping[str, str]) -> Token | App:
    try:
        return read_credentials(env)
    except CredentialsError as problem:
        raise SettingsError(str(problem)) from None


def _scopes(env: Mapping[str, str]) -> tuple[Scope, ...]:
    texts = [text for text in env.get("COPILOT_SCOPES", "").split(",") if text.strip()]
    if not texts:
        raise SettingsError(
            "COPILOT_SCOPES is not set, so it is unknown whom to ask about. "
            "Put for example COPILOT_SCOPES=org:octo-org,enterprise:octo-corp into .env."
        )
    try:
        return tuple(dict.fromkeys(Scope.parse(text) for text in texts))
    except ScopeError as problem:
        raise SettingsError(f"COPILOT_SCOPES: {problem}") from None


def _api_url(env: Mapping[str, str]) -> str:
    url = env.get("GITHUB_API_URL", "https://api.github.com").rstrip("/")
    parts = urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise SettingsError(
            f"GITHUB_API_URL is '{url}', which is not an https address. "
            "Write https://api.github.com, or https://api.SUBDOMAIN.ghe.com for GHE.com."
        )
    return url


def _lookback_days(env: Mapping[str, str]) -> int:
    return _whole_number(env, "COPILOT_LOOKBACK_DAYS", DEFAULT_LOOKBACK_DAYS, 1, 365, "days")


def _legacy_api(env: Mapping[str, str]) -> bool:
    return _is_on(env, "COPILOT_LEGACY_API")


def _bill_reports(env: Mapping[str, str]) -> bool:
    return _is_on(env, "COPILOT_BILL_REPORTS")


def _is_on(env: Mapping[str, str], name: str) -> bool:
    text = env.get(name, "off").lower()
    if text not in ("on", "off"):
        raise SettingsError(f"{name} is '{text}'. Write on or off.")
    return text == "on"


def _skip_reports(env: Mapping[str, str]) -> frozenset[str]:
    names = frozenset(text.strip() for text in env.get("COPILOT_SKIP_REPORTS", "").split(",") if text.strip())
    reports = [report.name for report in REPORTS]
    if unknown := sorted(names.difference(reports)):
        raise SettingsError(
            f"COPILOT_SKIP_REPORTS names {', '.join(unknown)}, which no report is called. "
            f"There are: {', '.join(reports)}."
        )
    return names


_READERS: Final[dict[str, Callable[[Mapping[str, str]], object]]] = {
    "credentials": _credentials,
    "scopes": _scopes,
    "api_url": _api_url,
    "start_date": start_date,
    "lookback_days": _lookback_days,
    "legacy_api": _legacy_api,
    "bill_reports": _bill_reports,
    "skip_reports": _skip_reports,
    "identities": identity_mode,
    "max_file_mb": max_file_mb,
}
