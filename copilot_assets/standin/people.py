"""Who exists: the enterprise, its organisations, its people, their habits, their seats and their teams.

What holds for longer than a day belongs here; what somebody did on a day is `activity.py`.
"""

from datetime import date
from typing import Final, NamedTuple

from copilot_assets.standin.chance import BYTE, dice

ENTERPRISE: Final = "octo-corp"
ENTERPRISE_ID: Final = 4001
CROSSING_TEAM: Final = "release"  # of octo-org
MIN_SEATS: Final = 5  # a team with fewer seated people is left out of user-teams reports and legacy metrics

_NEVER: Final = date.max.toordinal()
_SEATED_FROM_THE_START: Final = date(2025, 9, 1).toordinal()

# fmt: off
_FIRST: Final = (
    "mona", "juno", "remy", "tavi", "noor", "kiri", "pim", "sefa", "lumi", "oren", "wren", "isla", "bo", "dara", "elio",
    "fenn", "gia", "hale", "ines", "jori", "koa", "lark", "milo", "niko", "ova",
)
_SECOND: Final = (
    "ash", "birch", "cedar", "dune", "ember", "fjord", "grove", "heath", "inlet", "jasper", "kelp", "lagoon", "moss",
    "nectar", "opal", "pine", "quartz", "reed", "sage", "thorn", "umber", "vale", "willow", "yarrow",
)
# fmt: on
_STACKS: Final = (
    ("typescript", "javascript", "css", "json"),
    ("ts", "html", "markdown"),
    ("python", "yaml", "sql", "markdown"),
    ("python", "shellscript", "dockerfile"),
    ("go", "yaml", "bash"),
    ("java", "xml", "sql"),
    ("java", "kotlin", "yaml"),
    ("csharp", "powershell", "json"),
    ("c#", "pwsh", "xml"),
    ("rust", "toml", "shell"),
    ("ruby", "html", "text"),
    ("swift", "markdown", "plaintext"),
)
_IDE_OF_LANGUAGE: Final = {
    "java": "intellij",
    "csharp": "visualstudio",
    "c#": "visualstudio",
    "swift": "xcode",
}
_MODELS: Final = (
    "claude-sonnet-4.6",
    "gpt-5.4",
    "claude-4.6-sonnet",
    "gpt-5-mini",
    "claude-haiku-4.5",
    "claude-4.5-haiku",
    "gemini-3-pro",
)


class Organization(NamedTuple):
    """An organisation: its login and its numeric id."""

    login: str
    id: int


OCTO_ORG: Final = Organization("octo-org", 7001)
OCTO_LABS: Final = Organization("octo-labs", 7002)
ORGANIZATIONS: Final = {o.login: o for o in (OCTO_ORG, OCTO_LABS)}

# Of fifteen people nine are in octo-org alone, four in octo-labs alone, two in both.
_MEMBERSHIP: Final = ((OCTO_ORG,),) * 9 + ((OCTO_LABS,),) * 4 + ((OCTO_ORG, OCTO_LABS),) * 2


class Person(NamedTuple):
    """One licensed person: identity, seat and habits.

    `habit` is the chance, in 256ths, of being active on a working day (0: an idle seat). Every `…_from` and `…_since`
    is a proleptic ordinal of a UTC day; a surface never adopted has the last day there is.
    """

    number: int
    id: int
    login: str
    organizations: tuple[Organization, ...]
    seat_since: int
    active_from: int
    habit: int
    intensity: float
    languages: tuple[str, ...]
    ide: str
    second_ide: str
    models: tuple[str, str]
    chat: int
    agent_from: int
    cli_from: int
    cloud_agent_from: int
    review_from: int
    app_from: int
    vscode_agent_from: int
    server_side: bool


class Membership(NamedTuple):
    """A person's place in a team, from the ordinal `since` on."""

    person: int
    since: int


class Team(NamedTuple):
    """A team of an organisation, or of the enterprise (then its slug begins with `ent:` as on GitHub)."""

    id: int
    slug: str
    name: str
    owner: str
    members: tuple[Membership, ...]

    @property
    def scope(self) -> str:
        """The team as a scope: `team:octo-org/core` or `enterprise-team:octo-corp/ent:core`."""
        kind = "enterprise-team" if self.owner == ENTERPRISE else "team"
        return f"{kind}:{self.owner}/{self.slug}"


class Population:
    """Everybody in `octo-corp`, the same for the same seed, size and month.

    `made_on` decides one thing: team `octo-org/release` gets its fifth seat on the first day of the month before
    last, 59 to 91 days earlier, so that one team crosses the threshold in every history of 120 days. `members` holds
    the numbers of the people of every enterprise and organisation, by scope, with or without a seat.
    """

    def __init__(self, *, seed: int, size: int, made_on: date) -> None:
        self.people: list[Person] = [_person(seed, number) for number in range(size)]
        self.by_login: dict[str, Person] = {p.login: p for p in self.people}
        self.members: dict[str, list[int]] = {f"enterprise:{ENTERPRISE}": list(range(size))} | {
            f"org:{o.login}": [p.number for p in self.people if o in p.organizations] for o in ORGANIZATIONS.values()
        }
        self.crossing_day: date = _month_before_last(made_on)
        self.teams: dict[str, Team] = {t.scope: t for t in self._teams()}

    def licensed(self, scope: str, day: date) -> list[int]:
        """The numbers of those who are in the scope and hold a seat at the end of the day."""
        ordinal = day.toordinal()
        team = self.teams.get(scope)
        indices = [m.person for m in team.members if m.since <= ordinal] if team else self.members[scope]
        return [i for i in indices if self.people[i].seat_since <= ordinal]

    def teams_of(self, owner: str) -> list[Team]:
        """The teams of an organisation or of the enterprise, by its login or slug."""
        return [t for t in self.teams.values() if t.owner == owner]

    def _teams(self) -> list[Team]:
        """Twelve organisation teams, three of them with fewer than five seats, and three enterprise teams."""
        org, labs = self.members["org:octo-org"], self.members["org:octo-labs"]
        everybody = self.members[f"enterprise:{ENTERPRISE}"]
        fifth = [Membership(i, self.crossing_day.toordinal()) for i in self._seated(org, 14, 1)]
        return [
            _team(1, "core", OCTO_ORG.login, org[0::6]),
            _team(2, "platform", OCTO_ORG.login, org[1::6]),
            _team(3, "payments", OCTO_ORG.login, org[2::6]),
            _team(4, "mobile", OCTO_ORG.login, org[3::6] + org[0::18]),
            _team(5, "web", OCTO_ORG.login, org[4::6] + org[1::18]),
            _team(6, "security-champions", OCTO_ORG.login, self._seated(org, 0, 3)),
            _team(7, CROSSING_TEAM, OCTO_ORG.login, self._seated(org, 10, 4), *fifth),
            _team(8, "research", OCTO_LABS.login, labs[0::4]),
            _team(9, "robotics", OCTO_LABS.login, labs[1::4]),
            _team(10, "tooling", OCTO_LABS.login, labs[2::4] + labs[0::8]),
            _team(11, "maps", OCTO_LABS.login, labs[3::5]),
            _team(12, "interns", OCTO_LABS.login, self._seated(labs, 0, 4)),
            _team(21, "ent:core", ENTERPRISE, everybody[0::7]),
            _team(22, "ent:python-guild", ENTERPRISE, everybody[3::9]),
            _team(23, "ent:architects", ENTERPRISE, self._seated(everybody, 20, 7)),
        ]

    def _seated(self, members: list[int], skip: int, count: int) -> list[int]:
        """Some members whose seats are as old as the history and in use."""
        early = [i for i in members if self.people[i].seat_since <= _SEATED_FROM_THE_START and self.people[i].habit]
        return early[skip : skip + count]


def _team(number: int, slug: str, owner: str, members: list[int], *later: Membership) -> Team:
    name = slug.removeprefix("ent:").replace("-", " ").title()
    return Team(9000 + number, slug, name, owner, (*(Membership(i, 1) for i in sorted(set(members))), *later))


def _month_before_last(day: date) -> date:
    months = day.year * 12 + day.month - 1 - 2
    return date(months // 12, months % 12 + 1, 1)


def _login(number: int) -> str:
    """A name nobody has: two words, and a counter once all pairs are taken."""
    block, first = divmod(number, len(_FIRST))
    again, shift = divmod(block, len(_SECOND))
    name = f"{_FIRST[first]}-{_SECOND[(first + shift) % len(_SECOND)]}"
    return f"{name}-{again + 1}" if again else name


def _person(seed: int, number: int) -> Person:
    roll = dice(seed, "person", number).random

    def adopted(share: float, earliest: date, days: int) -> int:
        """The day from which this person uses something, if they are of the share that ever does."""
        chance, wait = roll(), int(roll() * days)
        return earliest.toordinal() + wait if chance < share else _NEVER

    seat_since = _SEATED_FROM_THE_START
    if roll() < 0.2:
        seat_since += 30 + int(roll() * 365)
    languages = _STACKS[int(roll() * len(_STACKS))]
    ide = _IDE_OF_LANGUAGE.get(languages[0], "vscode")
    if roll() < 0.06:
        ide = ("neovim", "eclipse", "zed")[int(roll() * 3)]
    first_model = int(roll() * len(_MODELS))
    return Person(
        number=number,
        id=210_000_001 + 17 * number,
        login=_login(number),
        organizations=_MEMBERSHIP[number % len(_MEMBERSHIP)],
        seat_since=seat_since,
        active_from=seat_since if roll() < 0.55 else seat_since + int(roll() * 480),
        habit=_habit(roll(), roll()),
        intensity=0.4 + 1.4 * roll(),
        languages=languages,
        ide=ide,
        second_ide="vscode" if roll() < 0.2 else ide,
        models=(_MODELS[first_model], _MODELS[(first_model + 1 + int(roll() * 5)) % len(_MODELS)]),
        chat=int(BYTE * (0.25 + 0.6 * roll())),
        agent_from=adopted(0.65, date(2025, 7, 1), 500),
        cli_from=adopted(0.4, date(2026, 2, 27), 300),
        cloud_agent_from=adopted(0.3, date(2026, 3, 25), 300),
        review_from=adopted(0.5, date(2026, 4, 6), 200),
        app_from=adopted(0.3, date(2026, 7, 28), 150),
        vscode_agent_from=adopted(0.15, date(2026, 9, 11), 60),
        server_side=roll() < 0.04,
    )


def _habit(kind: float, degree: float) -> int:
    """One seat in twelve is idle; the others are light, regular or heavy users."""
    if kind < 1 / 12:
        return 0
    low, high = (0.15, 0.35) if kind < 0.28 else (0.5, 0.8) if kind < 0.78 else (0.82, 0.97)
    return int(BYTE * (low + (high - low) * degree))
