"""The ten charts of a report, in the order in which people ask: what each shows, what it found, and its numbers.

A title is the finding in words. A chart without data says why, and what is withheld is said, never drawn as zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from copilot_assets.report import charts
from copilot_assets.report.facts import Facts
from copilot_assets.report.look import Spec
from copilot_assets.report.pictures import HOURS, main_parts
from copilot_assets.report.queries import Row
from copilot_assets.report.sentences import why_not_compared
from copilot_assets.report.words import compared, counted, day_of, dollars, percent, some, stretch, stretches

# Pixels of a chart that stands beside another one.
_WIDTH: Final = 430
_FAINT: Final = "Faint weeks are not whole or not closed; 5/7: rests on five of seven days."
_REASONS: Final = 4
_LIMITS: Final = 4
_ABOUT: Final = "People of a part are told to the nearest multiple of COPILOT_MIN_COHORT."
_FEW: Final = "fewer people are behind them than may be told of"


@dataclass(frozen=True)
class Finding:
    """One chart: its place in the page, what it found, the drawing or why there is none, and its numbers.

    A column of numbers with `share` in its name holds shares of one; other names have the unit.
    """

    key: str
    question: str
    title: str
    spec: Spec | None = None
    notes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: Sequence[Sequence[object]] = ()


def ten_findings(facts: Facts) -> list[Finding]:
    """All ten, each once, in their order. One whose table can't be read says that, and not that there is nothing."""
    found = [find(facts) for find in _FINDINGS]
    return [
        Finding(each.key, each.question, f"Not shown: {table} tells other columns than this report reads.")
        if (table := _TABLES[each.key]) in facts.unread
        else each
        for each in found
    ]


def _people(facts: Facts) -> Finding:
    rows, newest, licences = facts.rows["weekly.user_trend"], facts.one("newest"), facts.one("licences")
    about = partial(Finding, "people", "How many people use Copilot?")
    if not any(row["value"] is not None for row in rows):
        return about("Nobody knows yet: no report about people has come.")
    if newest is None or newest["active_people"] is None:
        title = "No week with people is closed yet"
    elif newest["active_people_change"] is None:
        title = f"{newest['active_people']:,} people used Copilot; no comparison, because {why_not_compared(facts)}"
    else:
        title = f"{newest['active_people']:,} people used Copilot: {compared(newest['active_people_change'])}"
    on = licences["snapshot_day"] - timedelta(licences["snapshot_day"].weekday()) if licences else None
    seats = {on.isoformat(): licences["seats"]} if licences and on else {}
    held = (
        (f"The mark shows the {licences['seats']:,} licences of {day_of(licences['snapshot_day'])}.",)
        if licences
        else ()
    )
    changed = tuple(f"Dashed: {row['day']}: {row['what']}." for row in facts.series_breaks)
    return about(
        title,
        charts.people_by_week([{**row, "seats": seats.get(row["week"])} for row in rows], width=_WIDTH),
        (_FAINT, *held, *changed),
        ("week of", "people", "change", "days reported", "closed"),
        [(row["week"], row["value"], row["change"], f"{row['days']} of 7", row["is_closed"]) for row in rows],
    )


def _licences(facts: Facts) -> Finding:
    about = partial(Finding, "licences", "Are the licences used that we pay for?")
    told = facts.one("licences")
    if told is None:
        return about("Not known: GitHub's list of licences was not fetched.")
    if told["seats_active_28_days"] is None:
        return about("Not told: none or too few of them were used, or nobody knows by whom.")
    # Numbers of people are rounded, and those of few are not told: the others stay, and none exceeds all there are.
    seats, never = told["seats"], told["seats_never_used"]
    used = min(seats, told["seats_active_28_days"])
    known = [
        ("assigned", seats),
        ("ever used, or new", None if never is None else max(0, seats - never)),
        ("used in 28 days", used),
        ("used in 7 days", told["seats_active_7_days"]),
    ]
    stages = [(label, min(seats, number)) for label, number in known if number is not None]
    drawn = [
        {
            "panel": "",
            "label": label,
            "value": number,
            "says": f"{number:,} · {percent(number / seats)}" if seats else "0",
        }
        for label, number in stages
    ]
    idle = told["idle_list_price_usd_per_month"]
    if idle is not None:
        cost = f"; idle ones cost {dollars(idle)} a month at list price"
    elif told["list_price_usd_per_month"] is not None:
        cost = "; none is idle, or too few to tell what they cost"
    else:
        cost = ""
    days = told["usage_days_reported_28_days"]
    notes = [
        f"As of {day_of(told['snapshot_day'])}. Use is taken from GitHub's list and from {days} of 28 daily reports."
    ]
    if told["seats_without_price"]:
        notes.append(f"{counted(told['seats_without_price'], 'licence')} have no price in COPILOT_PLAN_PRICES.")
    return about(
        f"{used:,} of {counted(seats, 'licence')} were used in 28 days{cost}",
        charts.shares(drawn, width=_WIDTH - 60, step=28),
        tuple(notes),
        ("licences", "number", "share"),
        [(label, number, number / seats if seats else None) for label, number in stages],
    )


def _phases(facts: Facts) -> Finding:
    about = partial(Finding, "phases", "How deeply do people use it?")
    people = {row["week"]: row["value"] for row in facts.rows["weekly.user_trend"]}
    rows = [
        {
            **row,
            "people": row["value"],
            "value": row["value"] / people[row["week"]] if row["value"] is not None else None,
        }
        for row in facts.rows["weekly.adoption_phase_trend"]
        if people.get(row["week"])
    ]
    if not any(row["value"] is not None for row in rows):
        return about("Not known: GitHub told of no adoption phase in these weeks, or not of enough people.")
    now = [row for row in rows if facts.week and row["week"] == facts.week.isoformat()]
    told = sorted((row for row in now if row["people"] is not None), key=lambda row: -row["people"])
    title = "In the newest closed week no phase has enough people to tell of"
    if told:
        title = f"About {told[0]['people']:,} of {people[told[0]['week']]:,} active people are in {told[0]['part']}"
    return about(
        title,
        charts.lines(rows, unit="of active people", number=".0%", width=_WIDTH),
        (
            "Phase 1: completions and edits; 2: one agent surface; 3: several. Who changes phase counts in both.",
            _ABOUT,
            *_withheld(now, "phases"),
        ),
        ("week of", "phase", "people", "share of active people"),
        [(row["week"], row["part"], _or_withheld(row, "people"), row["value"]) for row in rows],
    )


def _spend(facts: Facts) -> Finding:
    about = partial(Finding, "spend", "What does use cost beyond licences?")
    rows, newest = facts.rows["weekly.spend_trend"], facts.rows["spend"]
    if not rows:
        return about("Not known: no bill was fetched, or GitHub bills somebody else for this scope.")
    words = {"ai_credits": "AI credits", "premium_requests": "premium requests"}
    title = "; ".join(
        f"{words[row['kind']]} worth {dollars(row['gross'])} were used in the week, {dollars(row['net'])} to be paid"
        for row in newest
        if row["gross"] is not None
    )
    one_kind = [{**row, "panel": facts.scope} for row in rows if row["panel"] == rows[0]["panel"]]
    return about(
        title[:1].upper() + title[1:] or "No week of the bill is closed yet",
        charts.stack(main_parts(one_kind), unit="USD", number="$,.0f", width=_WIDTH),
        (
            "Price before discounts, by model; faint weeks are open.",
            *map(_limit, facts.rows["limits"][:_LIMITS]),
            *(
                ("Grey: models of which " + _FEW + ", or that the bill does not name.",)
                if any(row["is_rest"] for row in rows)
                else ()
            ),
        ),
        ("week of", "model", "price before discounts (USD)"),
        [(row["week"], row["part"], round(row["value"], 2) if row["value"] is not None else None) for row in rows],
    )


def _limit(row: Row) -> str:
    """How much of a limit of the newest month is used, and what the month will come to."""
    told = dollars if row["unit"] == "usd" else "{:,.0f} credits".format
    what = "the credits that plans include" if row["kind"] == "pool" else f"the budget of {row['name']}"
    share = f" ({percent(row['used'] / row['most'])})" if row["most"] else ""
    forecast = f"; the month will come to about {told(round(row['forecast']))}" if row["forecast"] is not None else ""
    used = told(round(row["used"]))
    # What GitHub itself counts of a budget is of the whole month; of the pool the days are added up here.
    holes = row["missing"] if row["kind"] == "pool" else 0
    without = f", without {holes} days whose bill is not here" if holes else ""
    return f"Of {what}, {told(row['most'])}, {used}{share} was used by {day_of(row['day'])}{without}{forecast}."


def _teams(facts: Facts) -> Finding:
    about = partial(Finding, "teams", "Which teams use it?")
    teams = facts.rows["teams"]
    if not teams:
        return about("Not known: GitHub reported no team of five licensed people or more.")
    told = [row for row in teams if row["active_share"] is not None]
    half = sum(row["active_share"] >= 0.5 for row in told)
    shown = told[:12]
    drawn = [
        {
            "panel": "",
            "label": row["team"],
            "value": row["active_share"],
            "says": f"about {row['active_people']:,} of {row['members']:,}" + _by(row["active_people_change"]),
        }
        for row in shown
    ]
    hidden = [row["team"] for row in teams if row["active_share"] is None]
    notes = [f"Members with a licence who were active in the week of {day_of(teams[0]['week'])}. {_ABOUT}"]
    if hidden:
        notes.append(f"Not told of {some(hidden, 'teams', most=6)}: {_FEW}, or a neighbour's number would follow.")
    if len(told) > len(shown):
        notes.append(f"Drawn are the {len(shown)} with the largest share; the others are in the numbers.")
    return about(
        f"In {half} of {counted(len(told), 'team')} at least half of the members are active"
        if told
        else "No team is large enough to tell of",
        charts.shares(drawn, width=_WIDTH - 110) if drawn else None,
        tuple(notes),
        ("team", "members", "active people", "share", "change", "days reported"),
        [
            (
                row["team"],
                row["members"],
                _or_withheld(row, "active_people"),
                row["active_share"],
                row["active_people_change"],
                f"{row['days_reported']} of {row['days_expected']}",
            )
            for row in teams
        ],
    )


def _retention(facts: Facts) -> Finding:
    about = partial(Finding, "retention", "Do people stay?")
    rows = facts.rows["weekly.monthly_cohort_retention"]
    if not any(row["value"] is not None for row in rows):
        return about("Not known yet: no month has enough people who began in it, or too few weeks have passed.")
    later = [row for row in rows if row["weeks_since_month"] == 4 and row["value"] is not None]
    title = "Four weeks have not passed since a month of first use"
    if later:
        share, month = percent(later[-1]["value"]), later[-1]["part"]
        title = f"About {share} of those first seen in {month} were active in the fourth week after it"
    return about(
        title,
        charts.lines(main_parts(rows), unit="still active", number=".0%", width=_WIDTH, x="weeks_since_month"),
        (f"First seen by this warehouse: people of the first month may have begun at any time before. {_ABOUT}",),
        ("first seen in", "weeks since the month", "share still active"),
        [(row["part"], row["weeks_since_month"], row["value"]) for row in rows],
    )


def _features(facts: Facts) -> Finding:
    about = partial(Finding, "features", "Which features do people use?")
    rows, newest = facts.of_week("weekly.feature_trend"), facts.one("newest")
    told = sorted((row for row in rows if row["value"] is not None), key=lambda row: -row["value"])
    if not told or newest is None or not newest["active_people"]:
        return about("Not known: no feature of the newest closed week has enough people to tell of.")
    people = newest["active_people"]
    drawn = [
        {
            "panel": "",
            "label": row["part"],
            "value": row["value"] / people,
            "says": f"{percent(row['value'] / people)} · {row['value']:,}",
        }
        for row in told[:12]
    ]
    first = told[0]["part"].replace("_", " ").capitalize()
    return about(
        f"{first} is used by most: about {told[0]['value']:,} of {people:,} people",
        charts.shares(drawn, width=_WIDTH - 150),
        (
            f"Share of the week's active people; rests on {told[0]['days']} of 7 days. {_ABOUT}",
            *_withheld(rows, "features"),
        ),
        ("feature", "people", "share of active people"),
        [
            (row["part"], _or_withheld(row, "value"), row["value"] / people if row["value"] is not None else None)
            for row in rows
        ],
    )


def _events(facts: Facts) -> Finding:
    about = partial(Finding, "events", "Did what we did change anything?")
    rows = [{**row, "label": row["of_scope"]} for row in facts.rows["weekly.event_effect"]]
    if not rows:
        return about("No event of yours is written down: events.csv takes a line for each training or roll-out.")
    told = [row for row in rows if row["before"] is not None and row["after"] is not None and row["are_closed"]]
    columns = ("event", "weeks before and after", "people before", "people after", "changed between")
    numbers = [
        (row["label"], row["window_no"], _or_withheld(row, "before"), _or_withheld(row, "after"), row["series_breaks"])
        for row in rows
    ]
    if not told:
        return about("The weeks around your events are not both closed and told of yet", None, (), columns, numbers)
    newest = told[0]
    away = counted(newest["window_no"], "week")
    return about(
        f"{newest['label']}: {newest['before']:,} people {away} before, {newest['after']:,} people {away} after",
        charts.before_and_after(told, width=_WIDTH - 240),
        ("Hollow: before; filled: after. One thing after another, no claim of a cause.",),
        columns,
        numbers,
    )


def _pull_requests(facts: Facts) -> Finding:
    about = partial(Finding, "pull-requests", "What part has Copilot in pull requests?")
    rows, newest = facts.rows["weekly.pull_request_trend"], facts.one("pull_requests")
    if not any(row["value"] is not None for row in rows):
        return about("Not known: no report told of pull requests in these weeks.")
    title = "No week that tells of pull requests is closed yet"
    if newest and newest["created_by_copilot_share"] is not None and newest["reviewed_by_copilot_share"] is not None:
        title = (
            f"Copilot opened {percent(newest['created_by_copilot_share'])} of pull requests "
            f"and reviewed {percent(newest['reviewed_by_copilot_share'])}"
        )
        title += f"; merging took about {newest['hours']:,.1f} hours" if newest["hours"] is not None else ""
    notes = [HOURS]
    if newest and newest["total_created"] is not None:
        opened, reviewed = newest["total_created"], newest["total_reviewed"] or 0
        notes.insert(0, f"Of {opened:,} opened and {reviewed:,} reviewed in the newest closed week.")
    return about(
        title,
        charts.pull_requests(rows, width=_WIDTH),
        tuple(notes),
        ("week of", "pull requests", "share", "hours to merge", "days reported"),
        [(row["week"], row["part"], row["value"], row["hours"], f"{row['days']} of 7") for row in rows],
    )


def _days(facts: Facts) -> Finding:
    about = partial(Finding, "days", "Which days are missing, and why?")
    rows = facts.rows["quality.day_status"]
    if not rows:
        return about("No day is expected yet.")
    gone = {"missing, explained", "missing, unexplained", "below five licences"}
    missing = sum((row["last"] - row["first"]).days + 1 for row in rows if row["what"] in gone)
    unexplained = sum((row["last"] - row["first"]).days + 1 for row in rows if row["what"] == "missing, unexplained")
    expected = sum((row["last"] - row["first"]).days + 1 for row in rows)
    title = f"{expected - missing:,} of {expected:,} daily reports are there or on their way; "
    title += f"{counted(unexplained, 'is', 'are') if unexplained else 'none is'} missing without explanation"
    causes = facts.missing(min(row["first"] for row in rows), max(row["last"] for row in rows))
    reasons = [
        f"{some(stretches(row['days']), 'stretches', 4)} in {some(row['reports'], 'reports', 2)}: {row['evidence']}"
        for row in causes[:_REASONS]
    ]
    if len(causes) > _REASONS:
        reasons.append(f"{counted(len(causes) - _REASONS, 'more reason')} in quality.day_status.")
    return about(
        title,
        charts.day_strips(rows, width=_WIDTH - 60),
        tuple(reasons),
        ("report", "days", "what is known"),
        [(row["report"], stretch(row["first"], row["last"]), row["what"]) for row in rows],
    )


_FINDINGS: Final[tuple[Callable[[Facts], Finding], ...]] = (
    _people,
    _licences,
    _phases,
    _spend,
    _teams,
    _retention,
    _features,
    _events,
    _pull_requests,
    _days,
)


_TABLES: Final = {
    "people": "weekly.user_trend",
    "licences": "weekly.licence_trend",
    "phases": "weekly.adoption_phase_trend",
    "spend": "weekly.spend_trend",
    "teams": "weekly.team_trend",
    "retention": "weekly.monthly_cohort_retention",
    "features": "weekly.feature_trend",
    "events": "weekly.event_effect",
    "pull-requests": "weekly.pull_request_trend",
    "days": "quality.day_status",
}


def _or_withheld(row: Row, name: str) -> object:
    return "withheld" if row[name] is None and row.get("is_suppressed") else row[name]


def _by(change: int | None) -> str:
    return f" ({change:+,})" if change else ""


def _withheld(rows: Sequence[Row], what: str) -> tuple[str, ...]:
    """Which parts of a week are not told, in words."""
    parts = [row["part"] for row in rows if row["is_suppressed"]]
    return (f"Not told of {some(parts, what, most=5)}: {_FEW}.",) if parts else ()
