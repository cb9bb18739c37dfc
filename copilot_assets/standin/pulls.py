"""Repositories and their pull requests: the part of the reports that no editor's telemetry feeds.

Drawing a repository's day and writing `pull_requests` and `pull_request_review_times` belong here.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from statistics import median, quantiles
from typing import Any, Final, NamedTuple

from copilot_assets.standin import changes
from copilot_assets.standin.activity import is_holiday
from copilot_assets.standin.chance import dice
from copilot_assets.standin.people import ENTERPRISE_ID, ORGANIZATIONS

_NAMES: Final = {
    "octo-org": ("harbour", "lighthouse", "compass", "anchor", "tide-tables", "buoy", "rigging"),
    "octo-labs": ("hydrophone", "sonar-kit", "ink-cloud", "reef-maps"),
}
_VISIBILITY: Final = ("INTERNAL", "PRIVATE", "PRIVATE", "PUBLIC")
_COMMENT_TYPES: Final = ("bug_risk", "security", "performance")
_STAGES: Final = (("ready_to_first_review", 0.3), ("first_to_final_review", 0.5), ("final_review_to_merge", 0.2))


class Repository(NamedTuple):
    """A repository: id, name, the organisation that owns it, and how visible it is."""

    id: int
    name: str
    owner: str
    visibility: str


class Merge(NamedTuple):
    """A merged pull request: minutes from opening to merge, and Copilot's part in it."""

    minutes: float
    by_copilot: bool
    reviewed_by_copilot: bool


class Pulls(NamedTuple):
    """A day of pull requests of one repository."""

    created: int
    created_by_copilot: int
    reviewed: int
    reviewed_by_copilot: int
    merges: tuple[Merge, ...]
    suggestions: int
    applied: int
    copilot_comments: tuple[tuple[str, int, int], ...]  # type, suggestions, applied


REPOSITORIES: Final = tuple(
    Repository(880_000_000 + 1000 * o + n, name, owner, _VISIBILITY[n % len(_VISIBILITY)])
    for o, (owner, names) in enumerate(_NAMES.items())
    for n, name in enumerate(names)
)


@lru_cache(maxsize=8192)
def pulls_of(seed: int, repository: Repository, day: date) -> Pulls:
    """What happened in a repository that day; nothing on holidays, little at weekends."""
    rng = dice(seed, day, repository.id, "pulls")
    most = 0 if is_holiday(day) else 2 if day.weekday() > 4 else 9
    created, reviewed, merged = (rng.randint(0, most) for _ in range(3))
    since = changes.CODING_AGENT_FLAG
    share = 0.0 if day < since else min(0.4, 0.1 + (day - since).days / 900)
    merges = tuple(
        Merge(round(rng.lognormvariate(5.5, 1.2), 2), rng.random() < share, rng.random() < 0.4) for _ in range(merged)
    )
    comments = tuple((kind, rng.randint(0, most), rng.randint(0, most // 3)) for kind in _COMMENT_TYPES)
    return Pulls(
        created=created,
        created_by_copilot=sum(rng.random() < share for _ in range(created)),
        reviewed=reviewed,
        reviewed_by_copilot=sum(rng.random() < 0.5 for _ in range(reviewed)),
        merges=merges,
        suggestions=2 * reviewed + sum(made for _, made, _ in comments),
        applied=reviewed // 2 + sum(applied for _, _, applied in comments),
        copilot_comments=comments,
    )


def pull_requests(pulls: Sequence[Pulls], day: date, *, by_comment_type: bool = True) -> dict[str, Any]:
    """The `pull_requests` object of one or more repositories' days.

    Medians are absent without merges of their kind; comment types are not available for a single repository.
    """
    merges = [m for p in pulls for m in p.merges]
    made: Counter[str] = Counter()
    applied: Counter[str] = Counter()
    for kind, suggested, taken in (comment for p in pulls for comment in p.copilot_comments):
        made[kind] += suggested
        applied[kind] += taken
    record: dict[str, Any] = {
        "total_reviewed": sum(p.reviewed for p in pulls),
        "total_created": sum(p.created for p in pulls),
        "total_created_by_copilot": sum(p.created_by_copilot for p in pulls),
        "total_reviewed_by_copilot": sum(p.reviewed_by_copilot for p in pulls),
        "total_merged": len(merges),
        "total_suggestions": sum(p.suggestions for p in pulls),
        "total_applied_suggestions": sum(p.applied for p in pulls),
        "total_merged_created_by_copilot": sum(m.by_copilot for m in merges),
        "total_copilot_suggestions": made.total(),
        "total_copilot_applied_suggestions": applied.total(),
    }
    if day >= changes.CODE_REVIEW_USERS:
        record["total_merged_reviewed_by_copilot"] = sum(m.reviewed_by_copilot for m in merges)
    for key, chosen in (
        ("median_minutes_to_merge", merges),
        ("median_minutes_to_merge_copilot_authored", [m for m in merges if m.by_copilot]),
        ("median_minutes_to_merge_copilot_reviewed", [m for m in merges if m.reviewed_by_copilot]),
    ):
        if chosen:
            record[key] = median_minutes(chosen)
    if day >= changes.COMMENT_TYPES:
        record["copilot_suggestions_by_comment_type"] = [
            {
                "comment_type": kind,
                "total_copilot_suggestions": made[kind],
                "total_copilot_applied_suggestions": applied[kind],
            }
            for kind in (_COMMENT_TYPES if by_comment_type else ())
            if made[kind] or applied[kind]
        ]
    return record


def median_minutes(merges: Iterable[Merge]) -> float:
    """The median time to merge, in minutes; the iterable must not be empty."""
    return round(median(m.minutes for m in merges), 2)


def repository_row(seed: int, repository: Repository, day: date) -> dict[str, Any] | None:
    """A line of `repos-1-day`, or None for a repository in which nothing happened."""
    pulls = pulls_of(seed, repository, day)
    if not (pulls.created or pulls.reviewed or pulls.merges):
        return None
    row: dict[str, Any] = {
        "day": day.isoformat(),
        "enterprise_id": str(ENTERPRISE_ID),
        "organization_id": str(ORGANIZATIONS[repository.owner].id),
        "repo_id": repository.id,
        "repo_owner_name": repository.owner,
        "repo_name": repository.name,
        "repo_visibility": repository.visibility,
        "pull_requests": pull_requests([pulls], day, by_comment_type=False),
    }
    if day >= changes.REVIEW_TIMES:
        row["pull_request_review_times"] = _review_times(pulls)
    return row


def _review_times(pulls: Pulls) -> list[dict[str, Any]]:
    """How long people waited for people: only pull requests opened by a human; [] without such merges."""
    waits = sorted(m.minutes for m in pulls.merges if not m.by_copilot)
    if not waits:
        return []
    middle = median(waits)
    slow = quantiles(waits, n=10, method="inclusive")[-1] if len(waits) > 1 else middle
    row: dict[str, Any] = {"authored_by": "human", "reviewed_by": "human", "total_merged": len(waits)}
    for stage, share in _STAGES:
        row[f"median_minutes_{stage}"] = round(middle * share, 2)
        row[f"p90_minutes_{stage}"] = round(slow * share, 2)
    return [row]
