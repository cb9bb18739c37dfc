"""Kept files of reports, and of other tools: whom and which day a record is about, and which record counts."""

from __future__ import annotations

import gzip
import json
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from copilot_assets.github.scopes import Scope
from copilot_assets.people.forget import strike
from copilot_assets.people.identities import Identities
from copilot_assets.settings import IdentityMode
from copilot_assets.warehouse.archive import Imported, import_archive
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.kept_days import read_archive
from copilot_assets.warehouse.kept_files import ArchiveError
from tests.conftest import KEY

TODAY = date(2026, 11, 22)
ORG, CORP = Scope.parse("org:octo-org"), Scope.parse("enterprise:octo-corp")


def user(day: str, person: int, prompts: int, **more: Any) -> dict[str, Any]:
    return {
        "day": day,
        "organization_id": "7",
        "user_id": person,
        "user_login": f"login-{person}",
        "user_initiated_interaction_count": prompts,
        **more,
    }


def window(last: str, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows as users-28-day has them; the first day of the 28 does not matter here."""
    return [{"report_start_day": "2026-01-01", "report_end_day": last, **row} for row in rows]


class Shelf:
    """A database, and files beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warehouse = DuckDBFile(folder / "copilot.duckdb")
        self.identities = Identities(IdentityMode.PSEUDONYM, folder / "copilot.key")
        self.identities.key_file.write_text(KEY.hex())

    def save(self, name: str, rows: list[dict[str, Any]] | dict[str, Any] | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(rows, list):
            rows = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
        path.write_bytes(rows if isinstance(rows, bytes) else json.dumps(rows).encode())
        return path

    def take(self, *paths: Path, scope: Scope | None = ORG, overwrite: bool = False) -> list[Imported]:
        with read_archive(paths, TODAY, scope) as archive:
            return import_archive(
                self.warehouse,
                archive,
                overwrite=overwrite,
                run_id="run",
                today=TODAY,
                keep_out=lambda connection, fetches: strike(connection, fetches, self.identities),
            )

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        with self.warehouse.connect() as connection:
            return connection.execute(query).fetchall()

    def prompts(self) -> list[tuple[Any, ...]]:
        """Day, person and prompts of every record of users-1-day, in the order of the day's records."""
        return self.sql(
            "select day::varchar, (payload ->> 'user_id')::int, (payload ->> 'user_initiated_interaction_count')::int "
            "from raw.users_1_day order by scope, day, seq"
        )


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def refusal(shelf: Shelf, *paths: Path, scope: Scope | None = ORG) -> str:
    with pytest.raises(ArchiveError) as refused:
        shelf.take(*paths, scope=scope)
    assert shelf.sql("select count(*) from raw.fetches") == [(0,)], "nothing was written"
    return str(refused.value).replace(f"{shelf.folder}/", "")


# --- Reports of one day and of 28 ------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_several_windows_the_newest_tells_a_day_whole(shelf: Shelf, order: tuple[int, int]) -> None:
    """The newer one revises person 1, and no longer has person 2: what it says is the whole day."""
    files = [
        shelf.save("older", window("2026-09-28", user("2026-09-10", 1, 5), user("2026-09-10", 2, 6))),
        shelf.save("newer", window("2026-09-29", user("2026-09-10", 1, 7), user("2026-09-29", 3, 1))),
    ]
    (told,) = shelf.take(*(files[n] for n in order))
    assert shelf.prompts() == [("2026-09-10", 1, 7), ("2026-09-29", 3, 1)]
    assert (told.report.name, told.days, told.new) == ("users-1-day", 2, [date(2026, 9, 10), date(2026, 9, 29)])
    assert told.missing == [date(2026, 9, n) for n in range(11, 29)]


def test_a_report_of_the_day_counts_before_one_of_28_days(shelf: Shelf) -> None:
    day = shelf.save("day", [user("2026-09-10", 1, 9)])
    shelf.take(day, shelf.save("window", window("2026-10-07", user("2026-09-10", 1, 7), user("2026-09-11", 1, 2))))
    assert shelf.prompts() == [("2026-09-10", 1, 9), ("2026-09-11", 1, 2)]


def test_a_day_of_a_window_that_has_no_line_stays_unknown(shelf: Shelf) -> None:
    """Nobody was active on it, or GitHub had nothing of it: the file tells neither."""
    (told,) = shelf.take(shelf.save("window", window("2026-10-07", user("2026-09-10", 1, 7), user("2026-09-12", 1, 2))))
    assert told.new == [date(2026, 9, 10), date(2026, 9, 12)]
    assert shelf.sql("select distinct day::varchar from raw.fetches order by 1") == [("2026-09-10",), ("2026-09-12",)]


def test_files_of_one_day_add_up_and_the_later_record_of_a_person_counts(shelf: Shelf) -> None:
    shelf.take(
        shelf.save("part-1", [user("2026-09-10", 1, 1), user("2026-09-10", 2, 2)]),
        shelf.save("part-2", [user("2026-09-10", 3, 3), user("2026-09-10", 1, 4)]),
    )
    assert sorted(shelf.prompts()) == [("2026-09-10", 1, 4), ("2026-09-10", 2, 2), ("2026-09-10", 3, 3)]


def test_a_later_record_that_is_broken_hides_none_that_is_whole(shelf: Shelf) -> None:
    day = "2026-09-10"
    (told,) = shelf.take(
        shelf.save("part-1", [user(day, 1, 1), user(day, 2, -2), user(day, 3, -3)]),
        shelf.save("part-2", [user(day, 1, -4), user(day, 2, 5), user(day, 3, -6)]),
    )
    assert sorted(shelf.prompts()) == [(day, 1, 1), (day, 2, 5)]
    assert told.broken == 2, "of the first person the later one, and of the third the last"
    assert sorted(shelf.sql("select payload ->> 'user_id' from raw.quarantine")) == [("1",), ("3",)]


def test_the_days_of_a_report_of_28_days_are_days_of_the_organisation(shelf: Shelf) -> None:
    totals = [{"day": "2026-09-02", "daily_active_users": 4}, {"day": "2026-09-01", "daily_active_users": 0}]
    whole = {"report_start_day": "2026-09-01", "report_end_day": "2026-09-28", "day_totals": totals}
    for scope, field, report in (
        (ORG, "organization_id", "organization-1-day"),
        (CORP, "enterprise_id", "enterprise-1-day"),
    ):
        (told,) = shelf.take(shelf.save("28-days.json", whole | {field: "1"}), scope=scope)
        assert (told.report.name, told.new) == (report, [date(2026, 9, 1), date(2026, 9, 2)])
    assert shelf.sql(
        "select scope, report, day::varchar, payload ->> 'daily_active_users' from raw.records order by all"
    ) == [
        ("enterprise:octo-corp", "enterprise-1-day", "2026-09-01", "0"),
        ("enterprise:octo-corp", "enterprise-1-day", "2026-09-02", "4"),
        ("org:octo-org", "organization-1-day", "2026-09-01", "0"),
        ("org:octo-org", "organization-1-day", "2026-09-02", "4"),
    ]


def test_every_report_is_known_by_its_records(shelf: Shelf) -> None:
    team = {"day": "2026-09-01", "user_id": 1, "team_id": 5, "slug": "core", "organization_id": "7"}
    repo = {"day": "2026-09-01", "repo_id": 3, "repo_name": "site", "repo_owner_name": "octo-org"}
    path = shelf.save(
        "all.json", [team, repo, user("2026-09-01", 1, 1), {"day": "2026-09-01", "daily_active_users": 1}]
    )
    reports = {told.report.name for told in shelf.take(path)}
    assert reports == {"user-teams-1-day", "repos-1-day", "users-1-day", "organization-1-day"}
    names = shelf.sql("select distinct evidence, http_status from raw.fetches")
    assert names == [("Imported from the archive all.json.", None)]
    expected = "select distinct start_day::varchar, as_of::varchar from raw.expected_reports"
    assert shelf.sql(expected) == [("2026-09-01", "2026-09-02")], "nobody asks for what comes after the archive"


# --- What is there already -------------------------------------------------------------------------------------------


def test_the_same_day_out_of_another_report_is_there_already(shelf: Shelf) -> None:
    rows = [user("2026-09-10", 1, 1), user("2026-09-10", 2, 2)]
    shelf.take(shelf.save("day", rows))
    (told,) = shelf.take(shelf.save("window", window("2026-09-28", *reversed(rows))))
    assert (told.same, told.new, told.kept) == ([date(2026, 9, 10)], [], [])


def test_another_day_stays_unless_it_is_to_be_overwritten(shelf: Shelf) -> None:
    shelf.take(shelf.save("one", [user("2026-09-10", 1, 1)]))
    other = shelf.save("two", [user("2026-09-10", 1, 2)])
    assert shelf.take(other)[0].kept == [date(2026, 9, 10)]
    assert shelf.prompts() == [("2026-09-10", 1, 1)]
    assert shelf.take(other, overwrite=True)[0].overwritten == [date(2026, 9, 10)]
    assert shelf.prompts() == [("2026-09-10", 1, 2)]


def test_who_was_forgotten_does_not_come_back_by_a_file(shelf: Shelf) -> None:
    with shelf.warehouse.connect() as connection:
        connection.execute("insert into raw.forgotten values (?, now()::timestamp)", [shelf.identities.pseudonym(1)])
    shelf.take(shelf.save("kept", [user("2026-09-10", 1, 1), user("2026-09-10", 2, 2)]))
    assert shelf.prompts() == [("2026-09-10", 2, 2)]


# --- Broken records, and other accounts ------------------------------------------------------------------------------


def test_a_broken_record_goes_to_quarantine_and_its_neighbours_land(shelf: Shelf) -> None:
    rows = [user("2026-09-10", 1, 1), user("2026-09-10", 2, -2), user("2026-09-11", 3, -3)]
    (told,) = shelf.take(shelf.save("kept", rows))
    assert shelf.prompts() == [("2026-09-10", 1, 1)]
    assert (told.new, told.failed, told.broken) == ([date(2026, 9, 10)], [date(2026, 9, 11)], 2)
    assert shelf.sql("select day::varchar, payload ->> 'user_id' from raw.quarantine order by 1") == [
        ("2026-09-10", "2"),
        ("2026-09-11", "3"),
    ]


def test_an_organisations_records_are_no_enterprises(shelf: Shelf) -> None:
    path = shelf.save("kept", [user("2026-09-10", 1, 1)])
    assert refusal(shelf, path, scope=CORP) == (
        "kept, line 1, is a record of an organisation, and --scope says enterprise:octo-corp."
    )
    assert "and no such report is about a team" in refusal(
        shelf, shelf.save("repo", [{"day": "2026-09-01", "repo_id": 1}]), scope=Scope.parse("team:octo-org/core")
    )
    assert refusal(shelf, path, scope=None).startswith(
        "kept, line 1, does not name whom it is about. Say it with --scope"
    )


def test_another_account_is_known_by_its_number(shelf: Shelf) -> None:
    other = shelf.save("kept", [user("2026-09-10", 1, 1), user("2026-09-10", 2, 2, organization_id="8")])
    assert "kept, line 2, is about another account than the records before it" in refusal(shelf, other)
    shelf.take(shelf.save("entity", {"day": "2026-09-01", "daily_active_users": 4, "organization_id": "7"}))
    with pytest.raises(ArchiveError, match="about another account than org:octo-org"):
        shelf.take(shelf.save("kept", [user("2026-09-10", 1, 1, organization_id="8")]))
    assert shelf.sql("select distinct report from raw.records") == [("organization-1-day",)]


# --- Folders, zips, gzip ---------------------------------------------------------------------------------------------


def test_a_folder_and_a_zip_hold_files(shelf: Shelf) -> None:
    lines = [json.dumps(user("2026-09-10", person, person)).encode() for person in (1, 2, 3)]
    shelf.save("folder/b/2.json", lines[0])
    shelf.save("folder/1.ndjson.gz", gzip.compress(b"\xef\xbb\xbf" + lines[1]))
    shelf.save("folder/.hidden.json", b"no JSON")
    shelf.save("folder/sunday.json", b"")
    shelf.save("folder/README.md", b"no JSON")
    with zipfile.ZipFile(shelf.folder / "kept.zip", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("export/3.ndjson", lines[2])
        made.writestr("__MACOSX/export/._3.ndjson", b"no JSON")
    shelf.take(shelf.folder / "folder", shelf.folder / "kept.zip")
    assert sorted(shelf.prompts()) == [("2026-09-10", person, person) for person in (1, 2, 3)]


def test_a_zip_that_is_damaged_or_holds_nothing_is_refused(shelf: Shelf) -> None:
    with zipfile.ZipFile(shelf.folder / "kept.zip", "w") as made:
        made.writestr("3.ndjson", json.dumps(user("2026-09-10", 1, 1)))
    whole = (shelf.folder / "kept.zip").read_bytes()
    damaged = shelf.save("damaged.zip", whole.replace(b"login-1", b"login-2"))
    assert refusal(shelf, damaged) == (
        "damaged.zip, 3.ndjson is compressed and damaged or cut. Copy it again from where it came."
    )
    locked = shelf.save(
        "locked.zip", whole.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01")
    )
    assert refusal(shelf, locked) == "locked.zip needs a password. Unpack it, and import the files."
    with zipfile.ZipFile(shelf.folder / "pictures.zip", "w") as made:
        made.writestr("a.png", b"x")
    assert refusal(shelf, shelf.folder / "pictures.zip").startswith(
        "pictures.zip is a zip without any file that ends in"
    )
    (shelf.folder / "empty").mkdir()
    assert refusal(shelf, shelf.folder / "empty").startswith("empty is a folder without any file that ends in")


# --- Days of the closed API as other tools store them ----------------------------------------------------------------

LEGACY_DAY = {"date": "2025-06-02", "total_active_users": 12, "total_engaged_users": 9}


def active(shelf: Shelf) -> list[tuple[Any, ...]]:
    return shelf.sql(
        "select scope, day::varchar, (payload ->> 'total_active_users')::int from raw.legacy_metrics order by all"
    )


def test_days_of_several_scopes_in_one_file_go_to_their_own(shelf: Shelf) -> None:
    days = [
        LEGACY_DAY | {"organization": "octo-org", "team": None, "enterprise": None},
        LEGACY_DAY | {"organization": "octo-org", "team": "core", "total_active_users": 6},
        LEGACY_DAY | {"organization": "octo-labs", "team": "core", "total_active_users": 5},
        LEGACY_DAY | {"enterprise": "octo-corp", "team": "ent:core", "total_active_users": 7},
    ]
    shelf.take(shelf.save("kept.json", days), scope=None)
    assert active(shelf) == [
        ("enterprise-team:octo-corp/ent:core", "2025-06-02", 7),
        ("org:octo-org", "2025-06-02", 12),
        ("team:octo-labs/core", "2025-06-02", 5),
        ("team:octo-org/core", "2025-06-02", 6),
    ]


@pytest.mark.parametrize(
    ("beside", "given", "says"),
    [
        ({"organization": "octo-labs"}, "org:octo-org", "is about org:octo-labs, and --scope says org:octo-org."),
        ({"organization": "octo-org"}, "team:octo-org/core", "is about org:octo-org, and --scope says team:"),
        ({"organization": "octo-org", "team": "core"}, "team:octo-org/web", "is about team:octo-org/core, and --scope"),
        (
            {"enterprise": "octo-corp"},
            "org:octo-corp",
            "is about enterprise:octo-corp, and --scope says org:octo-corp.",
        ),
        ({"team": "core"}, None, "names a team and not whose it is."),
        ({"organization": "a b"}, None, "names somebody whom GitHub would not let be called so."),
    ],
)
def test_a_scope_that_contradicts_the_record_is_refused_with_its_place(
    shelf: Shelf, beside: dict[str, str], given: str | None, says: str
) -> None:
    path = shelf.save("kept.json", [LEGACY_DAY | beside])
    sentence = refusal(shelf, path, scope=Scope.parse(given) if given else None)
    assert sentence.startswith("kept.json, line 1,")
    assert says in sentence


@pytest.mark.parametrize(
    ("content", "scope"),
    [
        ([{"team": {"name": "Core", "slug": "core"}, "data": [LEGACY_DAY]}], "team:octo-org/core"),
        ([{"team": "core", "data": [LEGACY_DAY]}], "team:octo-org/core"),
        ({"organization": "octo-org", "generated_at": "2025-06-10", "metrics": [LEGACY_DAY]}, "org:octo-org"),
        ([{"_index": "copilot", "_source": LEGACY_DAY}], "org:octo-org"),
        ([LEGACY_DAY | {"date": "2025-06-02T00:00:00.000Z"}], "org:octo-org"),
    ],
)
def test_a_day_in_what_other_tools_put_around_it(shelf: Shelf, content: Any, scope: str) -> None:
    shelf.take(shelf.save("kept.json", content))
    assert active(shelf) == [(scope, "2025-06-02", 12)]


def test_a_time_that_is_no_midnight_of_utc_is_no_day(shelf: Shelf) -> None:
    assert "is not a day of the Copilot metrics API" in refusal(
        shelf, shelf.save("kept.json", [LEGACY_DAY | {"date": "2025-06-02T22:00:00+02:00"}])
    )
