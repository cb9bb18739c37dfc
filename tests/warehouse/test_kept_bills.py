"""Usage reports in CSV that people kept: what a line becomes, whose bill it is, and which of two files counts."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from copilot_assets.flat.refresh import make_tables, refresh_flat
from copilot_assets.github.scopes import Scope
from copilot_assets.people.forget import find, forget
from copilot_assets.people.identities import Identities
from copilot_assets.records import BillLine, UserDay
from copilot_assets.settings import IdentityMode
from copilot_assets.sql_models.files import load_models
from copilot_assets.warehouse.kept_files import ArchiveError
from tests.conftest import pseudonym
from tests.warehouse.test_kept_reports import Shelf as KeptShelf
from tests.warehouse.test_kept_reports import user

CORP = Scope.parse("enterprise:octo-corp")
REPORTS = ["ai-usage-report", "premium-request-report"]
COLUMNS = (
    *("date", "product", "sku", "quantity", "unit_type", "applied_cost_per_quantity", "gross_amount"),
    *("discount_amount", "net_amount", "username", "organization", "repository", "cost_center_name", "model"),
    *("input", "output", "cache_read", "cache_write"),
)
LINE = {
    "date": "2026-11-09",
    "product": "copilot",
    "sku": "copilot_ai_credit",
    "quantity": "19.5",
    "unit_type": "ai-credits",
    "applied_cost_per_quantity": "0.01",
    "gross_amount": "0.195",
    "discount_amount": "0.1",
    "net_amount": "0.095",
    "username": "Mona",
    "organization": "octo-org",
    "repository": "octo-org/tea",
    "cost_center_name": "Research",
    "model": "Auto: Claude Haiku 4.5",
    "input": "1200",
    "output": "34",
    "cache_read": "0",
    "cache_write": "",
}


def line(day: str = "2026-11-09", **values: str) -> dict[str, str]:
    return LINE | {"date": day} | values


def text(*lines: dict[str, str], columns: Sequence[str] = COLUMNS, mark: bytes = b"", end: str = "\n") -> bytes:
    """A file in which every value is quoted, as GitHub writes it."""
    rows = [list(columns), *([each.get(name, "") for name in columns] for each in lines)]
    return mark + end.join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows).encode()


class Shelf(KeptShelf):
    def items(self, columns: str = "day, user_id, quantity", *, mode: str = "pseudonym") -> list[tuple[Any, ...]]:
        """Rows of flat.bill_item, after all is flattened that is stale."""
        identities = Identities(IdentityMode(mode), self.identities.key_file)
        with self.warehouse.connect() as connection:
            refresh_flat(connection, UserDay, ["users-1-day"], identities)
            refresh_flat(connection, BillLine, REPORTS, identities)
            return connection.execute(f"select {columns} from flat.bill_item order by all").fetchall()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_a_line_has_all_that_the_bill_tells(shelf: Shelf) -> None:
    shelf.take(shelf.save("bill.csv", text(line())), scope=CORP)
    assert shelf.items("* exclude (user_id)") == [
        (
            *("enterprise:octo-corp", date(2026, 11, 9), None, "octo-org", "octo-org/tea", "Research", "copilot"),
            *("copilot_ai_credit", "Auto: Claude Haiku 4.5", "claude-haiku-4.5", "ai-credits"),
            *(Decimal("19.5"), Decimal("0.01"), Decimal("0.195"), Decimal("0.1"), Decimal("0.095"), None, None),
            *(Decimal(1200), Decimal(34), Decimal(0), None, True),
        )
    ]
    ((kept,),) = shelf.sql("select payload::varchar from raw.records")
    for cell in LINE.values():
        assert cell in kept, "every cell stays as it stood"


def test_columns_go_by_name_and_none_but_four_has_to_be_there(shelf: Shelf) -> None:
    columns = ("model", "quantity", "Date", "sku")
    path = shelf.save("bill.csv", text({**line(), "Date": "2026-11-09"}, columns=columns))
    shelf.take(path, scope=CORP)
    expected = (date(2026, 11, 9), Decimal("19.5"), "copilot_ai_credit", None, None)
    assert shelf.items("day, quantity, sku, net_amount, user_id") == [expected]


@pytest.mark.parametrize("missing", ["date", "quantity", "model", "sku"])
def test_a_file_without_one_of_these_is_refused_by_its_name(shelf: Shelf, missing: str) -> None:
    path = shelf.save("bill.csv", text(line(), columns=[name for name in COLUMNS if name != missing]))
    with pytest.raises(ArchiveError, match=f"bill.csv is a CSV file without the column {missing}, so"):
        shelf.take(path, scope=CORP)


@pytest.mark.parametrize(
    "written",
    [
        text(line(), mark=b"\xef\xbb\xbf"),
        text(line("11/9/26")),
        text(line("11/09/2026")),
        text(line(), end="\r\n"),
        text(line()) + b"\n\n",
        text(line()).replace(b'"', b"").replace(b",", b";"),
        gzip.compress(text(line())),
    ],
    ids=["byte order mark", "M/D/YY", "M/D/YYYY", "CRLF", "blank end", "semicolons, unquoted", "gzip"],
)
def test_as_files_are_found_in_the_wild(shelf: Shelf, written: bytes) -> None:
    shelf.take(shelf.save("bill.csv", written), scope=CORP)
    assert shelf.items("day, quantity, cost_center_name") == [(date(2026, 11, 9), Decimal("19.5"), "Research")]


def test_a_folder_and_a_zip_may_hold_bills_beside_reports(shelf: Shelf) -> None:
    shelf.save("kept/users.ndjson", [user("2026-11-09", 4, 1, organization_id=None, enterprise_id="9")])
    with zipfile.ZipFile(shelf.folder / "kept" / "bill.zip", "w") as archive:
        archive.writestr("november/bill.csv", text(line()))
    took = shelf.take(shelf.folder / "kept", shelf.folder / "kept" / "bill.zip", scope=CORP)
    assert {(each.report.name, each.days) for each in took} == {("users-1-day", 1), ("ai-usage-report", 1)}


def test_two_units_in_one_file_are_two_bills_of_a_day(shelf: Shelf) -> None:
    requests = {"sku": "copilot_premium_request", "unit_type": "requests", "quantity": "3"}
    path = shelf.save("bill.csv", text(line(), line(**requests), line(**(requests | {"unit_type": ""}))))
    took = shelf.take(path, scope=CORP)
    assert [(each.report.name, each.days) for each in took] == [(name, 1) for name in REPORTS]
    assert [row[0] for row in shelf.items("quantity")] == [Decimal(3), Decimal(3), Decimal("19.5")]
    # A new file about one of the two replaces that one, and the other stays.
    shelf.take(shelf.save("bill.csv", text(line(quantity="7"))), scope=CORP, overwrite=True)
    assert [row[0] for row in shelf.items("quantity")] == [Decimal(3), Decimal(3), Decimal(7)]


def test_a_day_without_a_line_is_a_day_without_use(shelf: Shelf) -> None:
    path = shelf.save("bill.csv", text(line("2026-11-06"), line("2026-11-09")))
    (took,) = shelf.take(path, scope=CORP)
    assert (took.days, list(took.new)) == (4, [date(2026, 11, n) for n in (6, 7, 8, 9)])
    assert shelf.sql("select day, outcome, records from raw.fetches order by day") == [
        (date(2026, 11, 6 + n), "reported", records) for n, records in enumerate((1, 0, 0, 1))
    ]


def test_lines_that_are_the_same_are_two(shelf: Shelf) -> None:
    path = shelf.save("bill.csv", text(line(), line()))
    shelf.take(path, scope=CORP)
    assert shelf.items("sum(quantity)") == [(Decimal(39),)]
    (again,) = shelf.take(path, scope=CORP)
    assert (again.same, again.new) == ([date(2026, 11, 9)], [])
    (once,) = shelf.take(shelf.save("once.csv", text(line())), scope=CORP)
    assert once.kept == [date(2026, 11, 9)], "one line fewer is another content"


def test_of_files_that_overlap_the_one_that_ends_later_counts_for_a_day(shelf: Shelf) -> None:
    first = shelf.save("1.csv", text(line("2026-11-08"), line("2026-11-09")))
    second = shelf.save("2.csv", text(line("2026-11-09", quantity="20"), line("2026-11-10")))
    expected = [
        (date(2026, 11, 8), Decimal("19.5")),
        (date(2026, 11, 9), Decimal(20)),
        (date(2026, 11, 10), Decimal("19.5")),
    ]
    for order in ((first, second), (second, first)):
        (took,) = shelf.take(*order, scope=CORP, overwrite=True)
        assert shelf.items("day, quantity") == expected, "two files of a day are never added up"
    assert list(took.conflicts) == []
    (took,) = shelf.take(first, second, scope=CORP, overwrite=True)
    assert list(took.conflicts) == [date(2026, 11, 9)]


def test_a_day_that_is_there_stays_unless_it_is_overwritten(shelf: Shelf) -> None:
    shelf.take(shelf.save("1.csv", text(line())), scope=CORP)
    other = shelf.save("2.csv", text(line(quantity="20")))
    (took,) = shelf.take(other, scope=CORP)
    assert (took.kept, shelf.items("quantity")) == ([date(2026, 11, 9)], [(Decimal("19.5"),)])
    (took,) = shelf.take(other, scope=CORP, overwrite=True)
    assert (took.overwritten, shelf.items("quantity")) == ([date(2026, 11, 9)], [(Decimal(20),)])


def test_lines_of_days_that_have_not_closed_are_left_out(shelf: Shelf) -> None:
    path = shelf.save("bill.csv", text(line("2026-11-21"), line("2026-11-22"), line("2026-11-22")))
    (took,) = shelf.take(path, scope=CORP)  # today is 22 November
    assert (took.days, took.last) == (1, date(2026, 11, 21))


# --- Whose bill it is -------------------------------------------------------------------------------------------------


def test_the_one_organisation_that_all_lines_name_is_whose_bill_it_is(shelf: Shelf) -> None:
    (took,) = shelf.take(shelf.save("bill.csv", text(line(), line(organization="Octo-Org"))), scope=None)
    assert str(took.scope) == "org:octo-org"


@pytest.mark.parametrize("other", ["octo-labs", ""])
def test_several_or_lines_of_none_have_to_be_told(shelf: Shelf, other: str) -> None:
    path = shelf.save("bill.csv", text(line(), line(organization=other)))
    with pytest.raises(ArchiveError, match="Say whose bill it is with --scope"):
        shelf.take(path, scope=None)
    assert shelf.take(path, scope=CORP)[0].days == 1


@pytest.mark.parametrize(
    ("scope", "words"), [("org:octo-labs", "of other organisations than org:octo-labs"), ("team:octo-org/a", "no bill")]
)
def test_a_bill_of_somebody_else_is_refused(shelf: Shelf, scope: str, words: str) -> None:
    with pytest.raises(ArchiveError, match=words):
        shelf.take(shelf.save("bill.csv", text(line())), scope=Scope.parse(scope))


# --- Broken files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (text(line()) + b'\n"2026-11-09","mo', "line 3 has more or fewer cells|line 3 begins a quotation"),
        (text(line()) + b'\n"2026-11-09","mona-lisa"\n', "line 3 has more or fewer cells"),
        (text(line("9. November")), "1 of 1 lines whose date can't be read"),
        (text(), "without a line"),
        (text(line()).replace(b"tea", b"t\xe9a"), "line 2 is not text in UTF-8"),
        (text(line(), columns=(*COLUMNS, "model")), "a column twice"),
        (b"name,size,colour\na,1,red\n", "without the columns date, quantity, model, sku"),
    ],
    ids=["half a quotation", "half a line", "no date", "no line", "not UTF-8", "twice", "another CSV"],
)
def test_a_broken_file_is_refused_with_its_place_and_names_nobody(shelf: Shelf, written: bytes, words: str) -> None:
    good = shelf.save("good.csv", text(line()))
    with pytest.raises(ArchiveError, match=words) as refused:
        shelf.take(good, shelf.save("bill.csv", written), scope=CORP)
    assert "mona" not in str(refused.value).lower()
    assert shelf.sql("select count(*) from raw.records") == [(0,)]


@pytest.mark.parametrize("amount", ["a lot", "NaN", "1e30"])
def test_a_line_that_breaks_the_contract_is_in_quarantine_and_the_others_land(shelf: Shelf, amount: str) -> None:
    path = shelf.save("bill.csv", text(line(), line(quantity=amount), line(quantity="2")))
    (took,) = shelf.take(path, scope=CORP)
    assert took.broken == 1
    assert shelf.items("quantity") == [(Decimal(2),), (Decimal("19.5"),)]
    ((fault,),) = shelf.sql("select fault from raw.quarantine")
    assert "mona" not in fault.lower()


# --- People -----------------------------------------------------------------------------------------------------------


def people(shelf: Shelf, *told: tuple[str, int, str]) -> None:
    rows = [user(day, person, 1) | {"user_login": login} for day, person, login in told]
    shelf.take(shelf.save("users.ndjson", rows), scope=Scope.parse("org:octo-org"))


def test_a_person_is_who_a_report_says_and_otherwise_a_login_that_is_nobody_s_id(shelf: Shelf) -> None:
    people(shelf, ("2026-11-09", 42, "mona"))
    shelf.take(shelf.save("bill.csv", text(line(), line(username="hubot"), line(username=""))), scope=CORP)
    found = [person for (person,) in shelf.items("user_id")]
    assert found[1:] == [pseudonym(42), None]
    assert found[0] < 0, "no pseudonym of an id is below 0, and no id"
    assert shelf.items("user_login") == [(None,)] * 3, "no login outside of raw"
    assert shelf.items("user_id, user_login", mode="login") == [(found[0], "hubot"), (42, "Mona"), (None, None)]


def test_who_becomes_known_later_is_the_same_as_who_was_known_before(shelf: Shelf) -> None:
    shelf.take(shelf.save("bill.csv", text(line(), line("2026-11-10"))), scope=CORP)
    assert all(person < 0 for (person,) in shelf.items("user_id"))
    people(shelf, ("2026-11-08", 42, "MONA"))
    assert shelf.items("user_id") == [(pseudonym(42),)] * 2


def test_a_login_that_went_to_somebody_else_is_of_each_in_their_time(shelf: Shelf) -> None:
    people(shelf, ("2026-11-02", 42, "mona"), ("2026-11-04", 42, "mona"), ("2026-11-09", 77, "mona"))
    shelf.take(shelf.save("bill.csv", text(*(line(f"2026-11-{day:02}") for day in (1, 3, 6, 7, 9, 12)))), scope=CORP)
    expected = {1: 42, 3: 42, 6: 42, 7: 77, 9: 77, 12: 77}
    assert dict(shelf.items("day(day), user_id")) == {day: pseudonym(person) for day, person in expected.items()}


@pytest.mark.parametrize("name", ["Mona", "42"])
def test_who_is_forgotten_is_gone_from_the_bill_and_stays_away(shelf: Shelf, name: str) -> None:
    people(shelf, ("2026-11-09", 42, "mona"))
    path = shelf.save("bill.csv", text(line(), line(username="hubot", quantity="2")))
    shelf.take(path, scope=CORP)
    assert len(shelf.items()) == 2
    forget(shelf.warehouse, find(shelf.warehouse, shelf.identities, name))
    assert shelf.items("quantity") == [(Decimal(2),)]
    assert "mona" not in str(shelf.sql("select payload::varchar from raw.records")).lower()
    assert shelf.sql("from raw.logins") == []
    shelf.take(path, scope=CORP, overwrite=True)
    assert shelf.items("quantity") == [(Decimal(2),)]
    assert "mona" not in str(shelf.sql("select payload::varchar from raw.records")).lower()


def test_who_is_on_bills_alone_can_be_forgotten_too(shelf: Shelf) -> None:
    path = shelf.save("bill.csv", text(line(), line(username="hubot", quantity="2")))
    shelf.take(path, scope=CORP)
    assert len(shelf.items()) == 2
    forget(shelf.warehouse, find(shelf.warehouse, shelf.identities, "@mona"))
    shelf.take(path, scope=CORP, overwrite=True)
    assert shelf.items("quantity") == [(Decimal(2),)]


def test_a_day_that_was_over_long_ago_when_it_was_imported_is_final(shelf: Shelf) -> None:
    (model,) = (each for each in load_models() if each.table == "quality.day_status")
    with shelf.warehouse.connect() as connection:
        make_tables(connection)
    shelf.take(shelf.save("bill.csv", text(line("2024-11-08"), line("2024-11-09"))), scope=CORP)
    assert shelf.sql(f"select distinct status from ({model.sql})") == [("reported",)]
