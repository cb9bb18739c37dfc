"""Lists over several pages: followed as GitHub links them, all of them or none, and the token stays on its host."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from copilot_assets.github.fetches import Fetch
from copilot_assets.github.outcomes import Outcome
from copilot_assets.standin import Fault, Standin
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.landing import land
from tests.conftest import TODAY
from tests.github.test_client import CORP, ORG, fetch

SEATS = "copilot-seats"
FIRST = "/orgs/octo-org/copilot/billing/seats?per_page=100"
SECOND = "/orgs/octo-org/copilot/billing/seats?per_page=100&page=2"


def page(*people: int, total: int = 3) -> dict[str, Any]:
    seats = [{"created_at": "2026-01-05T09:00:00Z", "assignee": {"id": person}} for person in people]
    return {"total_seats": total, "seats": seats}


@dataclass
class Lists:
    """A server of lists: a body or a status for each path, and the path or address that each leads on to.

    Attributes:
        then: what a path answers from the second time on.
        asked: paths in order, with whether a token came along.
    """

    pages: dict[str, dict[str, Any] | int]
    links: dict[str, str] = field(default_factory=dict)
    then: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[tuple[str, bool]] = field(default_factory=list)
    api_url: str = ""

    @contextmanager
    def serving(self) -> Iterator[Lists]:
        lists = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                lists.asked.append((self.path, "Authorization" in self.headers))
                answer = lists.pages.get(self.path, 404)
                if self.path in lists.then:
                    lists.pages[self.path] = lists.then[self.path]
                body = json.dumps({"message": "Server Error"} if isinstance(answer, int) else answer).encode()
                self.send_response(answer if isinstance(answer, int) else 200)
                if self.path in lists.links:
                    target = lists.links[self.path]
                    self.send_header("Link", f'<{target if "://" in target else lists.api_url + target}>; rel="next"')
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing on the terminal."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.api_url = f"http://127.0.0.1:{server.server_port}"
            yield self
            server.shutdown()


def seats(lists: Lists, folder: Path) -> Fetch:
    (got,) = fetch(lists, folder, report=SEATS, days=[TODAY])  # type: ignore[arg-type]
    return got


def holders(got: Fetch) -> list[int]:
    return [seat["assignee"]["id"] for file in got.files for seat in json.loads(file.path.read_bytes())]


def test_every_page_of_the_standin_is_followed(standin: Standin, tmp_path: Path) -> None:
    standin.requests.clear()
    (got,) = fetch(standin, tmp_path, report=SEATS, scopes=[CORP], days=[TODAY])
    assert [request.query for request in standin.requests] == ["per_page=100", "per_page=100&page=2"]
    population = standin.world.population
    licensed = [population.people[number] for number in population.licensed(str(CORP), TODAY)]
    assert Counter(holders(got)) == {person.id: len(person.organizations) for person in licensed}
    assert got.headline == {"total_seats": len(set(holders(got)))}
    assert len(holders(got)) > got.headline["total_seats"] > 100


def test_a_page_that_stumbles_once_is_asked_again_and_nothing_comes_twice(standin: Standin, tmp_path: Path) -> None:
    (plain,) = fetch(standin, tmp_path, report=SEATS, scopes=[CORP], days=[TODAY])
    standin.faults.append(Fault("502", report="seats", times=1))
    (got,) = fetch(standin, tmp_path, report=SEATS, scopes=[CORP], days=[TODAY])
    assert (got.outcome, got.records, got.sha256) == (Outcome.REPORTED, plain.records, plain.sha256)


@pytest.mark.parametrize(
    ("second", "outcome", "words"),
    [
        (500, Outcome.FAILED, "GitHub had trouble: it answered 500"),
        (403, Outcome.FORBIDDEN, "COPILOT_SKIP_REPORTS=copilot-seats"),
        ({"message": "OK"}, Outcome.FAILED, "not with a list of seats"),
        ({"total_seats": 3, "seats": None}, Outcome.FAILED, "not with a list of seats"),
        ({"total_seats": "three", "seats": []}, Outcome.FAILED, "not with a number"),
    ],
    ids=["trouble", "refused", "no list", "null", "no number"],
)
def test_a_list_that_breaks_off_in_the_middle_lands_nothing_and_what_was_there_stays(
    tmp_path: Path, second: dict[str, Any] | int, outcome: Outcome, words: str
) -> None:
    lists = Lists({FIRST: page(1, 2), SECOND: page(3)}, {FIRST: SECOND})
    with lists.serving(), DuckDBFile(tmp_path / "copilot.duckdb").connect() as connection:

        def kept() -> list[tuple[Any, ...]]:
            return connection.execute("from raw.records order by seq").fetchall()

        whole = seats(lists, tmp_path)
        assert holders(whole) == [1, 2, 3]
        land(connection, [whole], "run-1")
        before = kept()
        assert len(before) == 3

        lists.pages[FIRST] = page(8, 9)
        lists.pages[SECOND] = second
        broken = seats(lists, tmp_path)
        assert (broken.outcome, broken.records, broken.sha256, broken.files) == (outcome, None, None, ())
        assert words in broken.evidence
        land(connection, [broken], "run-2")
        assert kept() == before
        assert connection.execute("select count(*) from raw.fetches").fetchall() == [(2,)]


def test_a_broken_seat_is_left_out_of_the_list_and_the_others_land(tmp_path: Path) -> None:
    lists = Lists({FIRST: page(1, 2), SECOND: page(3, 4, total=4)}, {FIRST: SECOND})
    lists.pages[SECOND]["seats"][0] = {"assignee": {"id": 3}}  # type: ignore[index]
    with lists.serving(), DuckDBFile(tmp_path / "copilot.duckdb").connect() as connection:
        got = seats(lists, tmp_path)
        assert (got.outcome, got.records, got.headline) == (Outcome.REPORTED, 3, {"total_seats": 4})
        assert "1 broken one was left out" in got.evidence
        land(connection, [got], "run")
        landed = connection.execute("select seq, payload ->> '$.assignee.id' from raw.records order by seq").fetchall()
        left_out = connection.execute("select fetch_id, place, fault, payload from raw.quarantine").fetchall()
    assert landed == [(1, "1"), (2, "2"), (3, "4")]
    fault = "breaks the contract of copilot-seats: Object missing required field `created_at`"
    assert left_out == [(got.fetch_id, "element 3", fault, '{"assignee": {"id": 3}}')]


def test_a_list_of_broken_seats_alone_fails_and_the_one_from_before_stays(tmp_path: Path) -> None:
    lists = Lists({FIRST: page(1, total=1)})
    with lists.serving(), DuckDBFile(tmp_path / "copilot.duckdb").connect() as connection:
        land(connection, [seats(lists, tmp_path)], "run-1")
        before = connection.execute("from raw.records").fetchall()
        lists.pages[FIRST] = {"total_seats": 2, "seats": [{"assignee": {"id": 3}}, {"assignee": {"id": 4}}]}
        got = seats(lists, tmp_path)
        assert (got.outcome, got.records, got.files, got.headline) == (Outcome.FAILED, None, (), {})
        assert ", and every other one is broken too. raw.quarantine has the text of each. " in got.evidence
        land(connection, [got], "run-2")
        assert connection.execute("from raw.records").fetchall() == before != []
        left_out = connection.execute("select place, payload ->> '$.assignee.id' from raw.quarantine").fetchall()
    assert left_out == [("element 1", "3"), ("element 2", "4")]


@pytest.mark.parametrize("place", ["host", "port", "scheme"])
def test_a_next_page_at_another_address_is_refused_and_gets_no_token(tmp_path: Path, place: str) -> None:
    lists = Lists({FIRST: page(1, 2)})
    elsewhere = Lists({SECOND: page(3)})
    with lists.serving(), elsewhere.serving():
        port = lists.api_url.rpartition(":")[2]
        lists.links[FIRST] = {
            "host": f"http://localhost:{port}{SECOND}",
            "port": f"{elsewhere.api_url}{SECOND}",
            "scheme": f"https://127.0.0.1:{port}{SECOND}",
        }[place]
        got = seats(lists, tmp_path)
    assert (got.outcome, got.records, got.files) == (Outcome.FAILED, None, ())
    assert got.evidence.startswith("GitHub's list goes on at another address than GITHUB_API_URL")
    assert elsewhere.asked == []
    assert lists.asked == [(FIRST, True)]


def test_a_list_that_leads_back_to_itself_ends(tmp_path: Path) -> None:
    lists = Lists({FIRST: page(1), SECOND: page(2)}, {FIRST: SECOND, SECOND: SECOND})
    with lists.serving():
        got = seats(lists, tmp_path)
    assert (got.outcome, holders(got)) == (Outcome.REPORTED, [1, 2])
    assert lists.asked == [(FIRST, True), (SECOND, True)]


def test_nobody_with_a_seat_is_an_answer_and_no_hole(tmp_path: Path) -> None:
    lists = Lists({FIRST: page(total=0)})
    with lists.serving(), DuckDBFile(tmp_path / "copilot.duckdb").connect() as connection:
        got = seats(lists, tmp_path)
        assert (got.outcome, got.records, got.headline) == (Outcome.REPORTED, 0, {"total_seats": 0})
        land(connection, [got], "run")
        assert connection.execute("select outcome, records from raw.current_fetches").fetchall() == [("reported", 0)]


def test_a_total_that_is_not_told_is_unknown(tmp_path: Path) -> None:
    lists = Lists({FIRST: {"seats": page(1)["seats"]}})
    with lists.serving():
        got = seats(lists, tmp_path)
    assert (got.outcome, got.records, got.headline) == (Outcome.REPORTED, 1, {})


def test_one_seat_is_a_record_like_many(standin: Standin, tmp_path: Path) -> None:
    """A list of one is written as an object, and must not be taken for something else."""
    lists = Lists({FIRST: page(7, total=1)})
    with lists.serving(), DuckDBFile(tmp_path / "copilot.duckdb").connect() as connection:
        land(connection, [seats(lists, tmp_path)], "run")
        rows = connection.execute("select scope, day, seq, payload ->> '$.assignee.id' from raw.records").fetchall()
    assert rows == [(str(ORG), TODAY, 1, "7")]


def test_a_list_that_shifted_while_it_was_read_is_read_again(tmp_path: Path) -> None:
    """One seat before the page's end went away meanwhile: 4 is never seen, 3 comes twice, and the total agrees."""
    lists = Lists({FIRST: page(1, 2, 3, total=4), SECOND: page(3, total=4)}, {FIRST: SECOND})
    with lists.serving():
        got = seats(lists, tmp_path)
    assert len(lists.asked) == 3 * 2
    assert got.outcome is Outcome.REPORTED
    assert "The list changed while it was read, 3 times in a row: 1 of its entries came on two pages" in got.evidence


def test_a_list_that_is_whole_at_the_second_reading_is_taken_as_it_is(tmp_path: Path) -> None:
    lists = Lists({FIRST: page(1, 2), SECOND: page(2)}, {FIRST: SECOND}, {SECOND: page(3)})
    with lists.serving():
        got = seats(lists, tmp_path)
    assert len(lists.asked) == 2 * 2
    assert holders(got) == [1, 2, 3]
    assert "changed" not in got.evidence


def test_grants_of_one_person_by_two_organisations_and_nameless_ones_are_no_shift(tmp_path: Path) -> None:
    nameless = {"created_at": "2026-01-05T09:00:00Z", "assignee": None}
    one, other = ({**page(1)["seats"][0], "organization": {"id": n, "login": f"o-{n}"}} for n in (1, 2))
    pages = {
        FIRST: {"total_seats": 2, "seats": [one, nameless]},
        SECOND: {"total_seats": 2, "seats": [other, nameless]},
    }
    lists = Lists(pages, {FIRST: SECOND})
    with lists.serving():
        got = seats(lists, tmp_path)
    assert len(lists.asked) == 2
    assert got.records == 4


# --- Budgets: GitHub says in the page whether another follows, and names people whom nobody needs to know -------------

BUDGETS = "/enterprises/octo-corp/settings/billing/budgets?per_page=100"


def budgets(*ids: str, more: bool = False, **values: Any) -> dict[str, Any]:
    entries = [{"id": each, "budget_scope": "cost_center", "budget_amount": 5, **values} for each in ids]
    return {"budgets": entries, "has_next_page": more, "total_count": 3}


def kept(lists: Lists, folder: Path, report: str = "budgets") -> list[dict[str, Any]]:
    with lists.serving():
        (got,) = fetch(lists, folder, report=report, scopes=[CORP], days=[TODAY])  # type: ignore[arg-type]
    assert got.outcome is Outcome.REPORTED
    found = [json.loads(file.path.read_bytes()) for file in got.files]
    return [each for one in found for each in (one if isinstance(one, list) else [one])]


def test_a_list_without_links_is_followed_as_long_as_it_says_that_it_goes_on(tmp_path: Path) -> None:
    lists = Lists({BUDGETS: budgets("a", "b", more=True), f"{BUDGETS}&page=2": budgets("c")})
    assert [each["id"] for each in kept(lists, tmp_path)] == ["a", "b", "c"]
    assert [path for path, _ in lists.asked] == [BUDGETS, f"{BUDGETS}&page=2"]


def test_a_list_that_says_so_for_ever_ends_where_it_brings_nothing_new(tmp_path: Path) -> None:
    lists = Lists({BUDGETS: budgets("a", more=True), f"{BUDGETS}&page=2": budgets("a", more=True)})
    assert {each["id"] for each in kept(lists, tmp_path)} == {"a"}
    assert len(lists.asked) == 2 * 3, "an entry on two pages is a list that shifted, which is read anew"


def test_people_whom_nobody_needs_to_know_are_not_kept(tmp_path: Path) -> None:
    of_parts = budgets("a", user="mona", budget_alerting={"will_alert": True, "alert_recipients": ["mona"]})
    of_a_person = budgets("b", budget_scope="user", budget_entity_name="mona", user="mona")
    lists = Lists({BUDGETS: {**of_parts, "budgets": [*of_parts["budgets"], *of_a_person["budgets"]]}})
    expected = {"id": "a", "budget_scope": "cost_center", "budget_amount": 5, "budget_alerting": {"will_alert": True}}
    assert kept(lists, tmp_path) == [expected]
    centers = "/enterprises/octo-corp/settings/billing/cost-centers"
    center = {"id": "c", "name": "Research", "resources": [{"type": "User", "name": "mona"}]}
    lists = Lists({centers: {"costCenters": [center]}})
    assert kept(lists, tmp_path, "cost-centers") == [{"id": "c", "name": "Research"}]


def test_the_standin_s_budgets_are_more_than_a_page(standin: Standin, tmp_path: Path) -> None:
    standin.requests.clear()
    (got,) = fetch(standin, tmp_path, report="budgets", scopes=[CORP], days=[TODAY])
    assert len(standin.world.population.people[0].login) > 3
    texts = "".join(file.path.read_text() for file in got.files)
    assert got.records == 15, "2 of the whole, 2 organisations, 3 cost centres, 8 repositories"
    assert standin.world.population.people[0].login not in texts
