"""An attack on the promise about people: what follows exactly from everything that is published together.

The attacker knows all memberships, who did anything where, and how every column is counted, and has every published
number of a week over all tables at once. Columns that are told exactly are linear equations over what the people did;
the attacker solves them, with exact arithmetic, for anything that belongs to fewer people than may be told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Final

from tests.dbt_like_sql.conftest import Book, Row
from tests.promise.company import BEFORE, MEASURES, MONDAY, Act, Company

FEW: Final = 5
Atom = tuple[Hashable, ...]  # of somebody: the first item says what it is of them, the second who they are

# Columns that say how much is known, who is a member and holds a seat, and what GitHub tells of whole scopes.
NO_DOINGS: Final = {
    *("days_expected", "days_reported", "days_pending", "days_below_threshold", "days_missing", "days_compared"),
    *("user_days_reported", "user_days_compared", "user_days_reported_28_days", "weeks_since", "window_no", "days"),
    *("team_id", "members", "snapshots", "workdays_reported", "last_http_status", "grants", "grants_without_person"),
    *("people_known", "people_seated", "usage_days_reported_7_days", "usage_days_reported_28_days"),
    *("days_with_pull_requests_told", "phase_number", "user_days_reported_28_days_before"),
}
# Told by the same rule as the others of their table, and of nobody in companies of two weeks.
ALIKE: Final = {
    *("returning_people", "chat_people_28_days", "agent_people_28_days", "monthly_active_users"),
    *("monthly_active_chat_users", "monthly_active_agent_users"),
}
# Made from columns that are attacked, each a ratio, a difference or an average of them.
DERIVED: Final = {
    *("people_change", "active_people_change", "active_share", "share_of_active_people", "scope_share_in_teams"),
    *("acceptance_rate", "line_acceptance_rate", "completion_acceptance_rate", "completion_line_acceptance_rate"),
    *("retention", "cohort_people", "avg_daily_active_users", "avg_daily_active_users_change", "avg_engaged_users"),
    *("avg_workday_active_users", "avg_active_users", "avg_active_users_change", "avg_engaged_users_change"),
}


@dataclass(frozen=True)
class Number:
    """A published number: what it is told as, and the sum that it is known to be of."""

    column: str  # with its table
    told: Fraction | None
    kind: Hashable  # numbers of one kind are sums of the same unknowns
    sum_of: dict[Atom, int]  # every unknown that is not zero, with its value
    free: str | None = None  # whose total of a scope it is, which may be told whatever follows from it

    @property
    def truth(self) -> int:
        return sum(self.sum_of.values())

    @property
    def people(self) -> set[Hashable]:
        return {atom[1] for atom in self.sum_of}


def published(book: Book, companies: Iterable[Company]) -> dict[str, list[Number]]:
    """By company, every number about its people that stands in the published tables."""
    found: dict[str, list[Number]] = {}
    rows = {table: _by_scope(book, table, where) for table, where in TABLES.items()}
    for each in companies:
        found[each.name] = list(_numbers(each, rows))
    return found


def few_behind(numbers: Iterable[Number]) -> set[str]:
    """Columns in which a number stands that is of fewer people than may be told."""
    return {n.column for n in numbers if n.told and not n.free and 0 < len(n.people) < FEW}


def exact_columns(numbers: Iterable[Number]) -> set[str]:
    """Columns that are told as they are, wherever they are told: what an attacker learns from the documentation."""
    told: dict[str, list[bool]] = defaultdict(list)
    for number in numbers:
        if number.told is not None and number.sum_of:
            told[number.column].append(number.told == number.truth)
    return {column for column, hits in told.items() if all(hits)}


def follows(numbers: Iterable[Number], exact: set[str]) -> set[str]:
    """What follows of fewer people than may be told: the columns that each such number is made from."""
    leaks: set[str] = set()
    by_kind: dict[Hashable, list[Number]] = defaultdict(list)
    for number in numbers:
        if number.column in exact and number.told is not None and number.sum_of:
            by_kind[number.kind].append(number)
    for equations in by_kind.values():
        if _solve(equations):
            leaks |= {equation.column for equation in equations if equation.free != "github"}
    return leaks


Vector = dict[int, Fraction]


def _solve(equations: list[Number]) -> bool:
    """Whether a combination of the equations is of few people, and not of the totals of scopes alone."""
    # Unknowns that stand in the same equations stay together in every combination: they are one.
    together: dict[tuple[int, ...], set[Hashable]] = defaultdict(set)
    for atom in {atom for equation in equations for atom in equation.sum_of}:
        together[tuple(n for n, equation in enumerate(equations) if atom in equation.sum_of)].add(atom[1])
    groups = sorted(together, key=lambda key: -len(together[key]))
    people = [together[key] for key in groups]
    rows = [{g: Fraction(1) for g, key in enumerate(groups) if n in key} for n in range(len(equations))]
    large = sum(len(each) >= FEW for each in people)
    small = [row for row in _reduced(rows) if min(row) >= large]
    free = [
        _reduced([row for row, equation in zip(rows, equations, strict=True) if equation.free == whose])
        for whose in ("github", "ours")
    ]
    return any(
        len(set().union(*(people[group] for group in row))) < FEW and not any(_is_in(row, space) for space in free)
        for row in _combinations(small)
    )


def _combinations(rows: list[Vector]) -> Iterator[Vector]:
    """The rows, and of every two of them those in which an unknown falls away."""
    yield from rows
    for one, other in combinations(rows, 2):
        for group in one.keys() & other.keys():
            both = _less(one, other, one[group] / other[group])
            if both:
                yield both


def _less(row: Vector, other: Vector, times: Fraction) -> Vector:
    left = {group: row.get(group, Fraction(0)) - times * other.get(group, Fraction(0)) for group in row | other}
    return {group: value for group, value in left.items() if value}


def _reduced(rows: Iterable[Vector]) -> list[Vector]:
    """Reduced row echelon form, by exact fractions; the first unknowns go first."""
    done: dict[int, Vector] = {}
    for row in rows:
        for pivot in sorted(done):
            if pivot in row:
                row = _less(row, done[pivot], row[pivot])
        if row:
            pivot = min(row)
            row = {group: value / row[pivot] for group, value in row.items()}
            done = {p: _less(each, row, each[pivot]) if pivot in each else each for p, each in done.items()}
            done[pivot] = row
    return [done[pivot] for pivot in sorted(done)]


def _is_in(row: Vector, space: list[Vector]) -> bool:
    for basis in space:
        pivot = min(basis)
        if pivot in row:
            row = _less(row, basis, row[pivot])
    return not row


# --- What each column is the sum of ----------------------------------------------------------------------------------

_WEEK = f"week_start = '{MONDAY}'"
TABLES: Final = {
    "weekly.user_trend": _WEEK,
    "weekly.feature_trend": _WEEK,
    "weekly.ide_trend": _WEEK,
    "weekly.language_trend": _WEEK,
    "weekly.model_trend": _WEEK,
    "weekly.team_trend": _WEEK,
    "weekly.cohort_retention": _WEEK,
    "weekly.spend_trend": _WEEK,
    "weekly.legacy_user_trend": "true",
    "quality.day_status": f"day >= '{MONDAY}' or scope like 'team:%'",
    "quality.reconciliation": f"day >= '{MONDAY}'",
}


def _by_scope(book: Book, table: str, where: str) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in book.rows(f"from {table} where {where}"):
        rows[row["scope"]].append(row)
    return rows


def _numbers(each: Company, rows: dict[str, dict[str, list[Row]]]) -> Iterator[Number]:
    for scope in each.scopes:
        for table, by_scope in rows.items():
            for row in by_scope.get(scope, ()):
                for column, kind, sum_of, free in _SUMS[table](each, scope, row):
                    if column in row:
                        told = None if row[column] is None else Fraction(str(row[column]))
                        name = f"{table.split('.')[1]}.{column}" + " in total" * row.get("is_total", False)
                        name += " of a single day" * each.has_one_day(scope)
                        yield Number(name, told, kind, {k: v for k, v in sum_of.items() if v}, free)
    for table in ("weekly.legacy_user_trend", "quality.day_status"):
        for row in rows[table].get(f"team:{each.name}/core", ()):
            yield from _legacy(each, table, row)


Sum = tuple[str, Hashable, dict[Atom, int], str | None]


def _who(people: Iterable[int]) -> dict[Atom, int]:
    return {("week", person): 1 for person in people}


def _when(each: Company, people: Iterable[int]) -> dict[Atom, int]:
    return {("day", person, day): 1 for person in people for day in each.days[person]}


def _amount(acts: Iterable[Act], measure: int) -> dict[Atom, int]:
    return {("act", act.person, id(act)): act.amounts[measure] for act in acts}


def _acts(each: Company, scope: str, **of: str) -> list[Act]:
    return [
        act
        for act in each.acts
        if act.person in each.scopes[scope] and all(getattr(act, name) == value for name, value in of.items())
    ]


def _counted(each: Company, acts: list[Act]) -> set[int]:
    """People with a number in one of them, as far as the report of people has them."""
    return {act.person for act in acts if any(act.amounts)} - each.unseen


def _user(each: Company, scope: str, row: Row) -> Iterator[Sum]:
    seen, engaged = each.seen(scope), {p for p in each.scopes[scope] if each.days[p]} - each.passive
    before = each.before & each.scopes[scope] - each.unseen
    # On the only day with people, those of the week are those of the day.
    week = _when(each, seen) if each.has_one_day(scope) else _who(seen)
    yield "active_people", "people", week, "ours"
    yield "engaged_people", "people", _who(seen - each.passive), None
    yield "passive_people", "people", _who(seen & each.passive), None
    yield "new_people", "people", _who(seen - before), None
    yield "lapsed_people", "people", {("before", person): 1 for person in before - seen}, None
    for number, name in enumerate(("1_day", "2_days", "3_days", "4_days", "5_or_more_days"), 1):
        of = {p for p in seen if len(each.days[p]) == number or (number == 5 and len(each.days[p]) > 5)}
        yield f"people_active_{name}", "people", _who(of), None
    yield "people_7_days", "people", _who(seen), None
    yield "weekly_active_users", "people", _who(engaged), "github"
    yield "people_28_days", "people", _who(seen) | {("before", p): 1 for p in before - seen}, None
    yield "active_user_days", "people", _when(each, engaged), "github"
    completions = _acts(each, scope, feature="code_completion")
    yield "completion_people", "people", _who(_counted(each, completions)), None
    yield "completion_generation_count", 1, _amount(completions, 1), None
    yield "completion_acceptance_count", 2, _amount(completions, 2), None
    for number, measure in enumerate(MEASURES):
        yield measure, number, _amount(_acts(each, scope), number), "github"


def _part(breakdown: str) -> Callable[[Company, str, Row], Iterator[Sum]]:
    def sums(each: Company, scope: str, row: Row) -> Iterator[Sum]:
        acts = _acts(each, scope, **{breakdown: row[breakdown]})
        if row[breakdown] == "copilot_code_review_passive":
            yield "people", "people", _who(each.seen(scope) & each.passive), None
            return
        yield "people", "people", _who(_counted(each, acts)), None
        for number, measure in enumerate(MEASURES):
            yield measure, number, _amount(acts, number), None

    return sums


def _team(each: Company, scope: str, row: Row) -> Iterator[Sum]:
    teams = {team: members for (of, team), members in each.teams.items() if of == scope}
    in_any = set().union(*teams.values()) if teams else set()
    team = row["team_id"]
    people = each.seen(scope) & (teams[team] if team is not None else each.scopes[scope] - in_any)
    others = set().union(*(members for number, members in teams.items() if number != team)) if teams else set()
    acts = [act for act in each.acts if act.person in people]
    yield "active_people", "people", _who(people), None
    yield "days_active", "people", _when(each, people), None
    if team is not None:
        yield "shared_people", "people", _who(people & others), None
    for number, measure in enumerate(MEASURES):
        yield measure, number, _amount(acts, number), None


def _cohort(each: Company, scope: str, row: Row) -> Iterator[Sum]:
    old = each.before - each.unseen
    seen = each.seen(scope)
    yield "active_people", "people", _who(seen & old if row["cohort_week"] == BEFORE else seen - old), None


def _spend(each: Company, scope: str, row: Row) -> Iterator[Sum]:
    whole = row["is_total"]
    acts = [a for a in _acts(each, scope) if a.model is not None] if whole else _acts(each, scope, model=row["model"])
    billed: dict[Atom, int] = {("act", act.person, id(act)): act.credits for act in acts}
    yield "gross_quantity", "bill", billed, "github" if whole else None
    if not whole:
        yield "people", "people", _who(_counted(each, acts)), None


def _day(each: Company, scope: str, row: Row) -> Iterator[Sum]:
    engaged = {p for p in each.scopes[scope] if row["day"] in each.days[p]} - each.passive
    if row["report"] in ("organization-1-day", "enterprise-1-day"):
        yield "active_people", "people", {("day", person, row["day"]): 1 for person in engaged}, "github"
    if row["report"] == "users-1-day":
        rows = {p for p in each.scopes[scope] - each.unseen if row["day"] in each.days[p]}
        yield "records", "people", {("day", person, row["day"]): 1 for person in rows}, None


def _difference(each: Company, scope: str, row: Row) -> Iterator[Sum]:
    unseen = {p for p in each.scopes[scope] & each.unseen - each.passive if row["day"] in each.days[p]}
    if row["kind"] == "people":
        yield "difference", "people", {("day", person, row["day"]): 1 for person in unseen}, None


def _legacy(each: Company, table: str, row: Row) -> Iterator[Number]:
    """Of a legacy team nobody knows who they are; a week with a day of few tells of them."""
    column = "active_users" if table == "weekly.legacy_user_trend" else "active_people"
    if (table == "quality.day_status" and row["day"] not in each.legacy) or row[column] is None:
        return
    days = each.legacy.values() if table == "weekly.legacy_user_trend" else [each.legacy[row["day"]]]
    fewest = {("legacy", person): 1 for person in range(min(days))}
    yield Number(f"{table.split('.')[1]}.{column} of a team", Fraction(row[column]), "legacy", fewest)


_SUMS: Final[dict[str, Callable[[Company, str, Row], Iterator[Sum]]]] = {
    "weekly.user_trend": _user,
    **{f"weekly.{name}_trend": _part(name) for name in ("feature", "ide", "language", "model")},
    "weekly.team_trend": _team,
    "weekly.cohort_retention": _cohort,
    "weekly.spend_trend": _spend,
    "weekly.legacy_user_trend": lambda *_: iter(()),
    "quality.day_status": _day,
    "quality.reconciliation": _difference,
}
