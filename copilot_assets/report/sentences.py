"""The five sentences on top of a report: what a head of engineering asks first, in words, from the numbers.

Each says how much it rests on, or why there is no answer. The evidence is the chart that it leads to.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from copilot_assets.report.facts import Facts
from copilot_assets.report.words import compared, counted, day_of, dollars, listed, some, stretches

_CAUSES = 3


class Sentence(NamedTuple):
    """What is said, and the chart that shows it."""

    text: str
    evidence: str


def five_sentences(facts: Facts) -> list[Sentence]:
    """People, change, licences, revisions, missing days: always five, in this order."""
    return [
        Sentence(_people(facts), "people"),
        Sentence(_change(facts), "people"),
        Sentence(_licences(facts), "licences"),
        Sentence(_revisions(facts), "days"),
        Sentence(_missing(facts), "days"),
    ]


def _people(facts: Facts) -> str:
    newest = facts.one("newest")
    if newest is None:
        return "No week is closed yet, so no number is final: GitHub revises a day for three days."
    week = f"the week of {day_of(newest['week'])}"
    if newest["active_people"] is None:
        return f"Nobody knows how many people used Copilot in {week}: no report about people came."
    licences = facts.one("licences")
    held = f", and {licences['seats']:,} held a licence" if licences else ""
    days = newest["user_days_reported"]
    rests = "" if days == 7 else f" Only {counted(days, 'day')} of seven were reported: there may have been more."
    return f"{counted(newest['active_people'], 'person', 'people').capitalize()} used Copilot in {week}{held}.{rests}"


def _change(facts: Facts) -> str:
    newest = facts.one("newest")
    if newest is None:
        return "There is nothing to compare before a week is closed."
    if newest["active_people_change"] is None:
        return f"That can't be held against the week before: {why_not_compared(facts)}."
    days = newest["user_days_compared"]
    like = "all seven days" if days == 7 else f"the {counted(days, 'weekday')} that both weeks have"
    moves = [
        f"{newest[name]:,} {words}"
        for name, words in (("new_people", "new"), ("returning_people", "came back"), ("lapsed_people", "stayed away"))
        if newest[name] is not None
    ]
    came = f" ({listed(moves)})" if moves else ""
    return f"That is {compared(newest['active_people_change'])}, counted on {like}{came}."


def why_not_compared(facts: Facts) -> str:
    """Why there is no change against the week before, without a full stop."""
    newest = facts.one("newest")
    if newest is None or newest["week_before"] is None or newest["week"] - newest["week_before"] > timedelta(7):
        return "it is not in the history"
    if newest["user_days_compared"] is None:
        return "one of the two is not whole, or not closed"
    if newest["user_days_compared"] < 4:
        return f"{counted(newest['user_days_compared'], 'weekday')} were reported in both, and four are needed"
    changed = "GitHub changed what counts as active between them"
    if newest["user_days_compared"] == 7:
        return changed
    return f"{changed}, or fewer people than may be told were active on the weekdays that both weeks have"


def _licences(facts: Facts) -> str:
    licences = facts.one("licences")
    if licences is None:
        return "How many licences there are is not known: GitHub's list of them was not fetched."
    seats, used = licences["seats"], licences["seats_active_28_days"]
    on = day_of(licences["snapshot_day"])
    if used is None:
        return (
            f"{counted(seats, 'licence').capitalize()} on {on}; how many were used is not told: none, too few, or "
            "nobody knows by whom."
        )
    idle = licences["idle_list_price_usd_per_month"]
    price = licences["list_price_usd_per_month"]
    if price is None:
        cost = " What they cost is not known: COPILOT_PLAN_PRICES has no price for their plan."
    elif idle is None:
        cost = " None is idle, or too few to tell what they cost."
    else:
        cost = f" At list price {dollars(idle)} of {dollars(price)} a month go to idle ones."
    return f"{max(0, seats - used):,} of {counted(seats, 'licence')} were not used in the 28 days before {on}.{cost}"


def _revisions(facts: Facts) -> str:
    if facts.week is None:
        return "Of revisions nothing can be said before a week is closed."
    revised = facts.one("revisions")
    if revised is None:
        return "Since the week ended GitHub has revised nothing that was fetched before."
    late = f"; {revised['late']:,} of them after they should have been final" if revised["late"] else ""
    own = revised["of_the_week"]
    return (
        f"Since the week ended GitHub has revised {counted(revised['reports'], 'daily report')}, "
        f"{own or 'none'} of the week itself{late}."
    )


def _missing(facts: Facts) -> str:
    if facts.week is None:
        return "Days that are missing so far are in the last chart."
    causes = facts.missing(facts.week, facts.week + timedelta(6))
    before = {day for row in facts.missing(facts.first_day, facts.week - timedelta(1)) for day in row["days"]}
    lack = f"{counted(len(before), 'day')} {'lacks' if len(before) == 1 else 'lack'} a report"
    earlier = f" In the weeks before that are shown, {lack}." if before else ""
    if not causes:
        return f"No day of the week is missing in any report.{earlier}"
    told = [
        f"{listed(stretches(row['days']))} in {some(row['reports'], 'reports', most=2)} ({row['evidence'].rstrip('.')})"
        for row in causes[:_CAUSES]
    ]
    more = f", and {counted(len(causes) - _CAUSES, 'more reason')}" if len(causes) > _CAUSES else ""
    return f"Missing: {'; '.join(told)}{more}.{earlier}"
