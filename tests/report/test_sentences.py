"""The five sentences and the titles: what is said of weeks with holes, the first week, nothing closed, no licences."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from copilot_assets.report.facts import Facts
from copilot_assets.report.findings import Finding, ten_findings
from copilot_assets.report.queries import CHARTS
from copilot_assets.report.sentences import five_sentences

WEEK = date(2026, 9, 14)
NEWEST = {
    "week": WEEK,
    "week_before": WEEK - timedelta(7),
    "active_people": 84,
    "active_people_change": 3,
    "new_people": 5,
    "returning_people": 2,
    "lapsed_people": 4,
    "user_days_compared": 7,
    "user_days_reported": 7,
    "days_expected": 7,
}
LICENCES = {
    "snapshot_day": date(2026, 9, 21),
    "seats": 150,
    "seats_active_7_days": 90,
    "seats_active_28_days": 120,
    "seats_never_used": 20,
    "seats_without_price": 0,
    "list_price_usd_per_month": 2850.0,
    "idle_list_price_usd_per_month": 570.0,
    "usage_days_reported_28_days": 28,
}


def facts(week: date | None = WEEK, breaks: Any = (), **answers: Any) -> Facts:
    """Facts of a scope with these answers and no other."""
    questions = ("newest", "licences", "teams", "pull_requests", "spend", "limits", "revisions", "missing")
    rows: dict[str, Any] = {name: [] for name in (*questions, *CHARTS)}
    named = {
        name.replace("weekly_", "weekly.").replace("quality_", "quality."): found for name, found in answers.items()
    }
    return Facts("org:a", week, rows | named, breaks)


def said(about: Facts) -> list[str]:
    return [sentence.text for sentence in five_sentences(about)]


def titled(about: Facts) -> dict[str, Finding]:
    return {finding.key: finding for finding in ten_findings(about)}


def test_a_whole_week() -> None:
    assert said(facts(newest=[NEWEST], licences=[LICENCES])) == [
        "84 people used Copilot in the week of 14 September 2026, and 150 held a licence.",
        "That is 3 more than the week before, counted on all seven days (5 new, 2 came back and 4 stayed away).",
        (
            "30 of 150 licences were not used in the 28 days before 21 September 2026. "
            "At list price $570 of $2,850 a month go to idle ones."
        ),
        "Since the week ended GitHub has revised nothing that was fetched before.",
        "No day of the week is missing in any report.",
    ]


def test_each_sentence_leads_to_its_chart() -> None:
    about = facts(newest=[NEWEST])
    assert {sentence.evidence for sentence in five_sentences(about)} <= set(titled(about))


def test_a_week_with_holes() -> None:
    hole = {"status": "no_report", "evidence": "GitHub answered 204.", "reports": ["repos-1-day", "users-1-day"]}
    earlier = {"status": "failed", "evidence": "It broke.", "reports": ["users-1-day"], "days": [date(2026, 9, 1)]}
    people = [{"week": "2026-08-31"}]
    told = said(
        facts(
            newest=[{**NEWEST, "user_days_reported": 5, "user_days_compared": 5, "active_people_change": -1}],
            missing=[{**hole, "days": [date(2026, 9, 15), date(2026, 9, 16)]}, earlier],
            weekly_user_trend=people,
        )
    )
    assert told[0].endswith("Only 5 days of seven were reported: there may have been more.")
    assert told[1].startswith("That is 1 fewer than the week before, counted on the 5 weekdays that both weeks have")
    assert told[4] == (
        "Missing: 2026-09-15 to 2026-09-16 in repos-1-day and users-1-day (GitHub answered 204). "
        "In the weeks before that are shown, 1 day lacks a report."
    )


def why(**told: Any) -> str:
    return said(facts(newest=[{**NEWEST, "active_people_change": None, **told}]))[1]


def test_a_change_that_is_not_told_says_why() -> None:
    start = "That can't be held against the week before: "
    assert why(week_before=None) == f"{start}it is not in the history."
    assert why(week_before=WEEK - timedelta(14)) == f"{start}it is not in the history."
    assert why(user_days_compared=None) == f"{start}one of the two is not whole, or not closed."
    assert why(user_days_compared=3) == f"{start}3 weekdays were reported in both, and four are needed."
    assert why(user_days_compared=6) == (
        f"{start}GitHub changed what counts as active between them, or fewer people than may be told were active on "
        "the weekdays that both weeks have."
    )
    assert why(user_days_compared=7) == f"{start}GitHub changed what counts as active between them."


def test_no_change_is_no_missing_change() -> None:
    told = said(facts(newest=[{**NEWEST, "active_people_change": 0, "new_people": None, "returning_people": None}]))
    assert told[1] == "That is as many as the week before, counted on all seven days (4 stayed away)."


def test_nobody_and_nothing_known_are_two_things() -> None:
    assert said(facts(newest=[{**NEWEST, "active_people": 0}]))[0].startswith("No people used Copilot in the week")
    unknown = said(facts(newest=[{**NEWEST, "active_people": None, "active_people_change": None}]))[0]
    assert unknown.startswith("Nobody knows how many people used Copilot")


def test_nothing_is_closed_yet() -> None:
    told = said(facts(None))
    assert told == [
        "No week is closed yet, so no number is final: GitHub revises a day for three days.",
        "There is nothing to compare before a week is closed.",
        "How many licences there are is not known: GitHub's list of them was not fetched.",
        "Of revisions nothing can be said before a week is closed.",
        "Days that are missing so far are in the last chart.",
    ]


def test_licences_without_a_price_and_without_use() -> None:
    without = {**LICENCES, "list_price_usd_per_month": None, "idle_list_price_usd_per_month": None}
    assert "COPILOT_PLAN_PRICES has no price" in said(facts(newest=[NEWEST], licences=[without]))[2]
    unused = {**LICENCES, "seats": 1, "seats_active_28_days": None}
    assert said(facts(newest=[NEWEST], licences=[unused]))[2] == (
        "1 licence on 21 September 2026; how many were used is not told: none, too few, or nobody knows by whom."
    )


def test_idle_licences_that_are_none_or_few_are_no_unknown_ones() -> None:
    hidden = {**LICENCES, "idle_list_price_usd_per_month": None}
    told = facts(newest=[NEWEST], licences=[hidden])
    assert said(told)[2].endswith(" None is idle, or too few to tell what they cost.")
    assert titled(told)["licences"].title.endswith("; none is idle, or too few to tell what they cost")


def test_revisions() -> None:
    told = said(facts(newest=[NEWEST], revisions=[{"reports": 3, "late": 1, "of_the_week": 0}]))
    assert told[3] == (
        "Since the week ended GitHub has revised 3 daily reports, none of the week itself; "
        "1 of them after they should have been final."
    )


def test_a_report_without_anything_says_why_ten_times() -> None:
    found = titled(facts(None))
    assert list(found) == [
        "people",
        "licences",
        "phases",
        "spend",
        "teams",
        "retention",
        "features",
        "events",
        "pull-requests",
        "days",
    ]
    assert all(finding.spec is None and finding.title.endswith(".") for finding in found.values())


def test_titles_are_findings() -> None:
    features = [
        {"week": "2026-09-14", "part": "code_completion", "value": 80, "is_suppressed": False, "days": 7},
        {"week": "2026-09-14", "part": "chat_inline", "value": None, "is_suppressed": True, "days": 7},
        {"week": "2026-09-07", "part": "agent_edit", "value": 99, "is_suppressed": False, "days": 7},
    ]
    team = {"week": WEEK, "active_people_change": 1, "days_reported": 7, "days_expected": 7, "is_suppressed": False}
    teams = [
        {**team, "team": "platform", "members": 10, "active_people": 6, "active_share": 0.6},
        {**team, "team": "web", "members": 10, "active_people": 4, "active_share": 0.4},
        {**team, "team": "core", "members": None, "active_people": None, "active_share": None, "is_suppressed": True},
    ]
    found = titled(facts(newest=[NEWEST], licences=[LICENCES], teams=teams, weekly_feature_trend=features))
    assert (
        found["licences"].title == "120 of 150 licences were used in 28 days; idle ones cost $570 a month at list price"
    )
    assert found["licences"].rows == [
        ("assigned", 150, 1.0),
        ("ever used, or new", 130, 130 / 150),
        ("used in 28 days", 120, 0.8),
        ("used in 7 days", 90, 0.6),
    ]
    assert found["features"].title == "Code completion is used by most: about 80 of 84 people"
    assert found["features"].rows[1] == ("chat_inline", "withheld", None)
    assert any(note.startswith("Not told of chat_inline: fewer people") for note in found["features"].notes)
    assert found["teams"].title == "In 1 of 2 teams at least half of the members are active"
    assert [row[:3] for row in found["teams"].rows] == [("platform", 10, 6), ("web", 10, 4), ("core", None, "withheld")]
    assert any(note.startswith("Not told of core: fewer people") for note in found["teams"].notes)
    spec = found["features"].spec
    assert spec is not None
    assert [(value["label"], value["value"]) for value in spec["data"]["values"]] == [("code_completion", 80 / 84)]


def test_hours_to_merge_are_told_beside_the_shares() -> None:
    newest = {"total_created": 200, "total_reviewed": 150, "created_by_copilot_share": 0.1, "hours": 4.25}
    newest |= {"reviewed_by_copilot_share": 0.4}
    week = {"panel": "org:a", "week": "2026-09-14", "part": "opened by Copilot", "value": 0.1, "hours": 0.75}
    rows = [{**week, "is_closed": True, "days": 7}]
    found = titled(facts(pull_requests=[newest], weekly_pull_request_trend=rows))["pull-requests"]
    assert found.title == "Copilot opened 10 % of pull requests and reviewed 40 %; merging took about 4.2 hours"
    assert found.columns == ("week of", "pull requests", "share", "hours to merge", "days reported")
    assert found.rows == [("2026-09-14", "opened by Copilot", 0.1, 0.75, "7 of 7")]
    newest["hours"] = None
    assert titled(facts(pull_requests=[newest], weekly_pull_request_trend=rows))["pull-requests"].title == (
        "Copilot opened 10 % of pull requests and reviewed 40 %"
    )


def test_a_table_that_cannot_be_read_is_not_said_to_be_empty() -> None:
    without = replace(facts(newest=[NEWEST]), unread=("weekly.spend_trend",))
    assert titled(without)["spend"].title == (
        "Not shown: weekly.spend_trend tells other columns than this report reads."
    )
    assert titled(facts(newest=[NEWEST]))["spend"].title.startswith("Not known: no bill was fetched")


def test_the_cost_says_how_much_of_pool_and_budgets_is_used() -> None:
    spent = {
        "panel": "org:a",
        "week": "2026-09-14",
        "part": "gpt-5",
        "value": 90.0,
        "is_closed": True,
        "is_rest": False,
    }
    pool = {"kind": "pool", "name": "org:a", "unit": "credits", "most": 285000.0, "used": 71250.4, "forecast": 142500.0}
    budget = {"kind": "budget", "name": "octo", "unit": "usd", "most": 500.0, "used": 460.0, "forecast": None}
    day = {"day": date(2026, 9, 20), "missing": 0}
    notes = titled(facts(newest=[NEWEST], weekly_spend_trend=[spent], limits=[pool | day, budget | day]))["spend"].notes
    assert notes[1:] == (
        (
            "Of the credits that plans include, 285,000 credits, 71,250 credits (25 %) was used by 20 September 2026; "
            "the month will come to about 142,500 credits."
        ),
        "Of the budget of octo, $500, $460 (92 %) was used by 20 September 2026.",
    )
    holed = [each | day | {"missing": 14} for each in (pool, budget)]
    notes = titled(facts(newest=[NEWEST], weekly_spend_trend=[spent], limits=holed))["spend"].notes
    assert notes[1].endswith(
        "was used by 20 September 2026, without 14 days whose bill is not here; the month will come to about 142,500 "
        "credits."
    )
    assert notes[2].endswith("was used by 20 September 2026."), "GitHub counts the whole month"
