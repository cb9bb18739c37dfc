"""What the columns of the published tables are the sum of, as their docs say: what the attacker knows of each.

Which column tells whom of what belongs here; what follows from them is the attack's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from fractions import Fraction
from typing import Final

from tests.dbt_like_sql.conftest import Book, Row
from tests.promise.attack import Atom, Number, Published, Share
from tests.promise.company import (
    MEASURES,
    MONDAY,
    PRICES,
    SNAPSHOT,
    Act,
    Company,
    paid_by,
    phase_of,
)

# Columns that say how much is known, who is a member and holds a seat, and what GitHub tells of whole scopes.
NO_DOINGS: Final = {
    *("days_expected", "days_reported", "days_pending", "days_below_threshold", "days_missing", "days_compared"),
    *("user_days_reported", "user_days_compared", "user_days_reported_28_days", "weeks_since", "window_no", "days"),
    *("team_id", "members", "snapshots", "workdays_reported", "last_http_status", "grants", "grants_without_person"),
    *("people_known", "people_seated", "usage_days_reported_7_days", "usage_days_reported_28_days"),
    *("days_with_pull_requests_told", "days_with_minutes_to_merge_told", "phase_number", "seats", "total_seats"),
    "user_days_reported_28_days_before",
    *("usage_days_reported_7_days", "usage_days_reported_28_days", "seats_without_price", "list_price_usd_per_month"),
    *("days_expected_before", "days_reported_before", "days_expected_after", "days_reported_after"),
    *("user_days_reported_before", "user_days_reported_after", "weekdays_compared", "user_weekdays_compared"),
    *("total_seats", "people", "enterprise_id", "difference", "limit_amount", "days_billed", "weekday_days"),
}
# Told by the same rule as the others of their table, and of nobody in companies of two weeks.
ALIKE: Final = {
    *("chat_people_28_days", "agent_people_28_days", "monthly_active_users"),
    *("monthly_active_chat_users", "monthly_active_agent_users", "total_reviewed", "total_created_by_copilot"),
    *("total_reviewed_by_copilot", "total_merged_created_by_copilot", "total_merged_reviewed_by_copilot"),
    *("total_suggestions", "total_applied_suggestions", "total_copilot_suggestions"),
    *("total_copilot_applied_suggestions", "created_by_copilot_share", "reviewed_by_copilot_share"),
    *("merged_created_by_copilot_share", "copilot_suggestions_applied_share"),
    *(f"avg_daily_median_minutes_to_merge{of}" for of in ("", "_copilot_authored", "_copilot_reviewed")),
    *(f"{measure}_before" for measure in MEASURES),
}
# Made from columns that are attacked, each a difference or an average of them.
DERIVED: Final = {
    *("passive_people", "people_change", "active_people_change", "share_of_active_people", "scope_share_in_teams"),
    *("avg_daily_active_users", "avg_daily_active_users_change", "avg_engaged_users"),
    *("avg_workday_active_users", "avg_active_users", "avg_active_users_change", "avg_engaged_users_change"),
    *("total_created_change", "total_merged_change"),
    *("used_share", "straight_line_forecast", "weekday_forecast"),
}
# GitHub's calendar of changes and what is written down by hand: the same whatever anybody does.
OF_NOBODY: Final = {"quality.series_break"}
# Sentences about what other published tables say.
SENTENCES: Final = {"quality.open_cause"}


def published(book: Book, companies: Iterable[Company]) -> list[Published]:
    """Of each company, every number and share about its people that stands in the published tables."""
    rows = {table: _by_scope(book, table, where) for table, where in TABLES.items()}
    return [_published(each, rows) for each in companies]


_WEEK = f"week_start = '{MONDAY}'"
TABLES: Final = {
    **{
        f"weekly.{name}": _WEEK
        for name in (
            *("user_trend", "feature_trend", "ide_trend", "language_trend", "model_trend", "team_trend"),
            *("cohort_retention", "monthly_cohort_retention", "adoption_phase_trend", "licence_trend", "spend_trend"),
            *("pull_request_trend", "bill_trend"),
        )
    },
    "weekly.event_effect": "window_no = 1",
    "weekly.legacy_user_trend": "true",
    "weekly.last_28_days": "true",
    "quality.day_status": f"day >= '{MONDAY}' or scope like 'team:%'",
    "quality.reconciliation": f"day >= '{MONDAY}'",
    "quality.schema_drift": "true",
    **{
        f"quality.{name}": "true"
        for name in (
            *("seat_snapshot", "team_day_status", "revisions", "weekly_coverage", "scope", "quarantine"),
            "budget_status",
        )
    },
}


def _by_scope(book: Book, table: str, where: str) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in book.rows(f"from {table} where {where}"):
        rows[row.get("scope", "")].append(row)
    return rows


def _published(each: Company, rows: dict[str, dict[str, list[Row]]]) -> Published:
    found = Published()
    for scope in each.scopes:
        for table, row in ((table, row) for table, by_scope in rows.items() for row in by_scope.get(scope, ())):
            name = table.split(".")[1] + ".{}" + " in total" * (row.get("is_total", False) or _is_whole(scope, row))
            name += " of a single day" * each.has_one_day(scope)
            for column, kind, sum_of, free in _SUMS.get(table, _nothing)(each, scope, row):
                if column in row:
                    found.numbers.append(Number(name.format(column), _told(row[column]), kind, _some(sum_of), free))
            for column, part, whole, most in _SHARES.get(table, _nothing)(each, scope, row):
                found.shares.append(Share(name.format(column), _told(row[column]), part, whole, most))
    for table in ("weekly.legacy_user_trend", "weekly.last_28_days", "quality.day_status"):
        for row in rows[table].get(f"team:{each.name}/core", ()):
            found.numbers += _legacy(each, table, row)
    for row in rows["quality.schema_drift"][""]:
        if row["name"] == f"$.new_{each.name}":
            people: dict[Atom, int] = {("field", person): 1 for person in range(each.drift)}
            found.numbers.append(Number("schema_drift.records", _told(row["records"]), "field", people))
    return found


def _told(value: object) -> Fraction | None:
    return None if value is None else Fraction(str(value))


def _some(sum_of: dict[Atom, int]) -> dict[Atom, int]:
    return {atom: value for atom, value in sum_of.items() if value}


def _nothing(*_: object) -> Iterator[tuple[str, object, dict[Atom, int], None]]:
    return iter(())


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
    early = {p for p in each.scopes[scope] - each.unseen if each.early[p]}
    # On the only day with people, those of the week are those of the day.
    week = _when(each, seen) if each.has_one_day(scope) else _who(seen)
    yield "active_people", "people", week, "ours"
    yield "engaged_people", "people", _who(seen - each.passive), None
    yield "new_people", "people", _who(seen - before - early), None
    yield "returning_people", "people", _who((seen & early) - before), None
    yield "lapsed_people", "people", {("before", person): 1 for person in before - seen}, None
    for number, name in enumerate(("1_day", "2_days", "3_days", "4_days", "5_or_more_days"), 1):
        of = {p for p in seen if len(each.days[p]) == number or (number == 5 and len(each.days[p]) > 5)}
        yield f"people_active_{name}", "people", _who(of), None
    yield "people_7_days", "people", _who(seen), None
    yield "weekly_active_users", "people", _who(engaged), "github"
    trailing = {("before", p): 1 for p in before - seen} | {("early", p): 1 for p in early - before - seen}
    yield "people_28_days", "people", _who(seen) | trailing, None
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
    people = {p for p in each.scopes[scope] - each.unseen if each.early[p] or p in each.before or each.days[p]}
    people = {person for person in people if each.first_week(person) == row["cohort_week"]}
    yield "active_people", "people", _who(each.seen(scope) & people), None
    yield "cohort_people", row["cohort_week"], _who(people), None


def _month(each: Company, scope: str, row: Row) -> Iterator[Sum]:
    first = {p: min(each.early[p]) for p in each.scopes[scope] - each.unseen if each.early[p]}
    people = {person for person, day in first.items() if day.replace(day=1) == row["cohort_month"]}
    yield "active_people", "people", _who(each.seen(scope) & people), None
    yield "cohort_people", row["cohort_month"], _who(people), None


def _phase(each: Company, scope: str, row: Row) -> Iterator[Sum]:
    people = {person for person in each.seen(scope) if phase_of(person) == row["phase_number"]}
    engaged = {p for p in each.scopes[scope] - each.passive if phase_of(p) == row["phase_number"]}
    pulls: dict[Atom, int] = {("pull", p, day): n for (p, day), n in each.pulls.items() if p in engaged}
    yield "active_people", "people", _who(people), None
    yield "users_in_phase_28d", "people", _who(people), None
    yield "days_active", "people", _when(each, engaged), None
    yield "total_pull_requests_merged", "merged", pulls, None


def _pulls(each: Company, scope: str, row: Row) -> Iterator[Sum]:
    pulls: dict[Atom, int] = {("pull", *key): n for key, n in each.pulls.items() if key[0] in each.scopes[scope]}
    yield "total_created", "created", pulls, "github"
    yield "total_merged", "merged", pulls, "github"


def _licence(each: Company, scope: str, row: Row) -> Iterator[Sum]:
    people = each.scopes[scope]
    by_seats = {p: 999 if (days := each.seats[p].used_before) is None else days for p in people}
    by_usage = {p: each.days_since_use(p) for p in people}
    either = {p: min(by_seats[p], by_usage[p]) for p in people}
    idle = {p for p in people if either[p] > 28}
    seen = {p for p in idle & each.passive - each.unseen if any(day < SNAPSHOT for day in each.days[p])}
    groups = {
        **{f"seats_active_{n}_days": {p for p in people if either[p] <= n} for n in (7, 28)},
        **{f"seats_active_{n}_days_by_seats": {p for p in people if by_seats[p] <= n} for n in (7, 28)},
        **{f"seats_active_{n}_days_by_usage": {p for p in people if by_usage[p] <= n} for n in (7, 28)},
        "seats_active_by_seats_only": {p for p in people if by_seats[p] <= 28 < by_usage[p]},
        "seats_active_by_usage_only": {p for p in people if by_usage[p] <= 28 < by_seats[p]},
        "seats_seen_passively_28_days": seen,
        "seats_never_used": {p for p in idle if each.seats[p].used_before is None},
        "seats_pending_cancellation": {p for p in people if each.seats[p].ends},
    }
    for column, group in groups.items():
        yield column, column, _who(group), None
    usd: dict[Atom, int] = {("idle", person): PRICES[each.seats[person].plan] for person in idle}
    yield "idle_list_price_usd_per_month", "usd", usd, None


def _event(each: Company, scope: str, row: Row) -> Iterator[Sum]:
    """Of the whole scope by the weekdays of both weeks; of a team, whose numbers are those of its trend."""
    compared = range(each.early_days)
    team = {p for p in each.teams.get((scope, 1), set()) if row["team_slug"]}
    people = each.seen(scope) & team if row["team_slug"] else each.seen(scope)
    early = {p for p in (team or each.scopes[scope]) - each.unseen if each.early[p]}
    after = {p for p in people if any(day.weekday() in compared for day in each.days[p])}
    is_whole = len(compared) == 7 and not row["team_slug"]
    yield "active_people_before", "early", {("early", p): 1 for p in early}, None if row["team_slug"] else "ours"
    week = _when(each, after) if each.has_one_day(scope) and is_whole else _who(after)
    yield "active_people_after", "people", week, "ours" if is_whole else None
    acts = [
        act
        for act in _acts(each, scope)
        if act.day.weekday() in compared and (not row["team_slug"] or act.person in people)
    ]
    for number in (0, 1, 2, 4):
        yield f"{MEASURES[number]}_after", number, _amount(acts, number), None if row["team_slug"] else "github"


BILLED: Final = ("gross_quantity", "gross_amount", "net_quantity", "net_amount")


def _spend(each: Company, scope: str, row: Row) -> Iterator[Sum]:
    whole = row["is_total"]
    acts = [a for a in _acts(each, scope) if a.model is not None] if whole else _acts(each, scope, model=row["model"])
    for column in BILLED:
        yield column, "bill", _credits(acts), "github" if whole else None
    if not whole:
        yield "people", "people", _who(_counted(each, acts)), None


def _credits(acts: Iterable[Act]) -> dict[Atom, int]:
    return {("act", act.person, id(act)): act.credits for act in acts}


def _bill(each: Company, scope: str, row: Row) -> Iterator[Sum]:
    """Of the bill by person: an organisation or a cost centre in the week, which is all that the month has."""
    acts = [act for act in _acts(each, scope) if act.model is not None and act.person not in each.unseen]
    of = [a for a in acts if (paid_by(each, a.person)[row["breakdown"]] or "none") == row["part"]]
    for column in BILLED:
        yield column, "bill", _credits(of), None
    yield "people", "people", _who({act.person for act in of if act.credits}), None


def _is_whole(scope: str, row: Row) -> bool:
    """Whether a limit is of the whole scope."""
    return row.get("limit_kind") == "pool" or row.get("budget_scope") == _KINDS[scope.partition(":")[0]]


_KINDS: Final = {"enterprise": "enterprise", "org": "organization"}


def _budget(each: Company, scope: str, row: Row) -> Iterator[Sum]:
    acts = [act for act in _acts(each, scope) if act.model is not None]
    if _is_whole(scope, row):
        yield "used_amount", "bill", _credits(acts), "github"
        yield "billed_amount", "bill", _credits(acts), "github"
        return
    of = [act for act in acts if paid_by(each, act.person)[row["budget_scope"]] == row["limit_name"]]
    seen = [act for act in of if act.person not in each.unseen]
    told_of_all = row["used_amount"] == sum(act.credits for act in of)  # as GitHub counts, and not the lines
    yield "used_amount", "bill", _credits(of if told_of_all else seen), None
    yield "billed_amount", "bill", _credits(seen), None


def _day(each: Company, scope: str, row: Row) -> Iterator[Sum]:
    engaged = {p for p in each.scopes[scope] if row["day"] in each.days[p]} - each.passive
    if row["report"] in ("organization-1-day", "enterprise-1-day"):
        yield "active_people", "people", {("day", person, row["day"]): 1 for person in engaged}, "github"
    if row["report"] == "users-1-day":
        rows = {p for p in each.scopes[scope] - each.unseen if row["day"] in each.days[p]}
        for column in ("records", "old_records"):
            yield column, "people", {("day", person, row["day"]): 1 for person in rows}, None


def _difference(each: Company, scope: str, row: Row) -> Iterator[Sum]:
    unseen = {p for p in each.scopes[scope] & each.unseen - each.passive if row["day"] in each.days[p]}
    if row["kind"] == "people":
        yield "difference", "people", {("day", person, row["day"]): 1 for person in unseen}, None


def _legacy(each: Company, table: str, row: Row) -> Iterator[Number]:
    """Of a legacy team nobody knows who they are; a week with a day of few tells of them."""
    if table == "quality.day_status" and row["day"] not in each.legacy:
        return
    days = [each.legacy[row["day"]]] if table == "quality.day_status" else each.legacy.values()
    fewest: dict[Atom, int] = {("legacy", person): 1 for person in range(min(days))}
    for column in ("active_people",) if table == "quality.day_status" else ("active_users", "engaged_users"):
        if row[column] is not None:
            yield Number(f"{table.split('.')[1]}.{column} of a team", Fraction(row[column]), "legacy", fewest)


_SUMS: Final[dict[str, Callable[[Company, str, Row], Iterator[Sum]]]] = {
    "weekly.user_trend": _user,
    **{f"weekly.{name}_trend": _part(name) for name in ("feature", "ide", "language", "model")},
    "weekly.team_trend": _team,
    "weekly.cohort_retention": _cohort,
    "weekly.monthly_cohort_retention": _month,
    "weekly.adoption_phase_trend": _phase,
    "weekly.licence_trend": _licence,
    "weekly.spend_trend": _spend,
    "weekly.bill_trend": _bill,
    "quality.budget_status": _budget,
    "weekly.pull_request_trend": _pulls,
    "weekly.event_effect": _event,
    "quality.day_status": _day,
    "quality.revisions": _day,
    "quality.reconciliation": _difference,
}


# --- Shares -----------------------------------------------------------------------------------------------------------

ShareOf = tuple[str, Number, Number | int, int]  # its column, the part, the whole, and the most that the whole can be


def _rate(each: Company, scope: str, column: str, acts: list[Act], part: int, whole: int) -> Iterator[ShareOf]:
    one, other = (Number(column, None, n, _some(_amount(acts, n))) for n in (part, whole))
    if other.truth:
        yield column, one, other, sum(act.amounts[whole] for act in _acts(each, scope))


def _rates(each: Company, scope: str, row: Row) -> Iterator[ShareOf]:
    acts = _acts(each, scope, feature="code_completion")
    if "language" in row:
        acts = [act for act in acts if act.language == row["language"]]
        yield from _rate(each, scope, "completion_acceptance_rate", acts, 2, 1)
        yield from _rate(each, scope, "completion_line_acceptance_rate", acts, 4, 3)
    elif row.get("feature") == "code_completion":
        yield from _rate(each, scope, "acceptance_rate", acts, 2, 1)
        yield from _rate(each, scope, "line_acceptance_rate", acts, 4, 3)
    elif "completion_acceptance_rate" in row:
        yield from _rate(each, scope, "completion_acceptance_rate", acts, 2, 1)


def _of_known(
    sums: Callable[[Company, str, Row], Iterator[Sum]], column: str, part: str, whole: str
) -> Callable[[Company, str, Row], Iterator[ShareOf]]:
    """Shares in a number that is told or that everybody knows."""

    def shares(each: Company, scope: str, row: Row) -> Iterator[ShareOf]:
        for name, kind, sum_of, _ in sums(each, scope, row):
            if name == part and row[whole]:
                yield column, Number(name, None, kind, _some(sum_of)), int(row[whole]), int(row[whole])

    return shares


def _per_day(each: Company, scope: str, row: Row) -> Iterator[ShareOf]:
    people = {p for p in each.scopes[scope] - each.passive if phase_of(p) == row["phase_number"]}
    days = Number("", None, "people", _some(_when(each, people)))
    acts = [act for act in each.acts if act.person in people]
    for name, measure in (("interactions", 0), ("generations", 1), ("acceptances", 2), ("loc_added", 4)):
        if days.truth:
            part = Number("", None, measure, _some(_amount(acts, measure)))
            yield f"{name}_per_active_day", part, days, 7 * len(each.scopes[scope])
    pulls: dict[Atom, int] = {("pull", p, day): n for (p, day), n in each.pulls.items() if p in people}
    if days.truth:
        yield "pull_requests_created_per_active_day", Number("", None, "created", pulls), days, 7 * len(people)


_SHARES: Final[dict[str, Callable[[Company, str, Row], Iterator[ShareOf]]]] = {
    **{f"weekly.{name}_trend": _rates for name in ("user", "feature", "language")},
    "weekly.team_trend": _of_known(_team, "active_share", "active_people", "members"),
    "weekly.licence_trend": _of_known(_licence, "active_share", "seats_active_28_days", "seats"),
    "weekly.cohort_retention": _of_known(_cohort, "retention", "active_people", "cohort_people"),
    "weekly.monthly_cohort_retention": _of_known(_month, "retention", "active_people", "cohort_people"),
    "weekly.adoption_phase_trend": _per_day,
}
