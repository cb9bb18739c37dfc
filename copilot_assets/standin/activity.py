"""What people do on a day: which surfaces they use, and the cells from which every number of every report is a sum.

The final truth of a day belongs here. How much of it GitHub has already processed is `world.py`, and how it is written
down is `rows.py`.
"""

from array import array
from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache
from random import Random
from typing import Final, NamedTuple

from copilot_assets.standin import changes
from copilot_assets.standin.chance import BYTE, dice, dice_by_number
from copilot_assets.standin.people import Person, Population

# The surfaces a person touched on a day: one bit each, so that a day of everybody is an array of small numbers.
PRESENT: Final = 1  # there is a row, the person counts as active
COMPLETION: Final = 2
CHAT: Final = 4
AGENT: Final = 8
CLI: Final = 16
CLOUD_AGENT: Final = 32
REVIEW_ACTIVE: Final = 64
REVIEW_PASSIVE: Final = 128
APP: Final = 256
VSCODE_AGENT: Final = 512
SERVER_ONLY: Final = 1024  # seen by GitHub's servers, not by any editor's telemetry: a row with empty breakdowns

_IN_IDE: Final = COMPLETION | CHAT | AGENT
_HOLIDAYS: Final = {(1, 1), (5, 1), (12, 25), (12, 26)}
_SATURDAY: Final = 5
_WEEKEND_SHARE: Final = 0.17
_DRAWS: Final = 8  # bytes of chance per person and day
_CHAT_MODES: Final = ("chat_panel_ask_mode",) * 6 + ("chat_panel_edit_mode",) * 2 + ("chat_panel_custom_mode",)
_LANGUAGES_OF_NOBODY: Final = ("unknown", "others", "plaintext", "text", "chatagent", "markdown")
_AGENT_APPS: Final = (("2246796", "Claude (Anthropic)"), ("2248422", "Codex (OpenAI)"))


class Cell(NamedTuple):
    """The smallest part of a day: one feature, in one editor, language and model, with the seven counters.

    `ide` is None outside editors (CLI, app), `model` is None for completions: such cells are in no IDE or model
    breakdown, as on GitHub.
    """

    ide: str | None
    feature: str
    language: str
    model: str | None
    interactions: int
    generated: int
    accepted: int
    suggested_to_add: int
    suggested_to_delete: int
    added: int
    deleted: int


class Sessions(NamedTuple):
    """A day in the CLI or the app: sessions, requests, prompts and tokens."""

    sessions: int
    requests: int
    prompts: int
    output_tokens: int
    prompt_tokens: int


class AgentApp(NamedTuple):
    """A third-party agent somebody talked to."""

    id: str
    name: str
    interactions: int
    sessions: int


class PersonDay(NamedTuple):
    """All that one person did on one day."""

    cells: tuple[Cell, ...]
    cli: Sessions | None
    app: Sessions | None
    vscode_agent: tuple[int, int] | None  # sessions, messages
    agent_apps: tuple[AgentApp, ...]
    ai_credits: float

    def halved(self) -> "PersonDay":
        """The same day while half of its telemetry is still under way."""
        cells = tuple([Cell(*cell[:4], *[count // 2 for count in cell[4:]]) for cell in self.cells])
        return self._replace(cells=cells)


class Activity:
    """The days of a population: `surfaces` of everybody at once, `person_day` for the details of one."""

    def __init__(self, population: Population, seed: int) -> None:
        self._people = population.people
        self._seed = seed
        self.surfaces = lru_cache(maxsize=512)(self._surfaces)
        self.mask = lru_cache(maxsize=8192)(self._mask)
        self.person_day = lru_cache(maxsize=60_000)(self._person_day)

    def _surfaces(self, day: date) -> Sequence[int]:
        """For every person the surfaces touched that day, as bits."""
        result = array("H", bytes(2 * len(self._people)))
        if is_holiday(day):
            return result
        draws = dice(self._seed, day, "surfaces").randbytes(_DRAWS * len(self._people))
        share = _share_of_habit(day)
        ordinal = day.toordinal()
        for person in self._people:
            start = _DRAWS * person.number
            if ordinal >= person.active_from and draws[start] < person.habit * share:
                result[person.number] = _touched(person, ordinal, draws[start + 1 : start + _DRAWS])
        return result

    def _mask(self, day: date, surface: int) -> int:
        """The people who touched a surface that day: bit i is person i."""
        return mask_of(flags & surface for flags in self.surfaces(day))

    def _person_day(self, index: int, day: date) -> PersonDay:
        """The details of a day of somebody who was present."""
        ordinal = day.toordinal()
        rng = dice_by_number((self._seed * 1_000_003 + ordinal) * 1_000_003 + index)
        return _Diary(self._people[index], day, self.surfaces(day)[index], rng).write()


def is_holiday(day: date) -> bool:
    """Whether nobody works that day: a real zero day."""
    return (day.month, day.day) in _HOLIDAYS


def mask_of(flags: Iterator[int]) -> int:
    """A bit set of the positions that are not zero."""
    digits = ["1" if flag else "0" for flag in flags]
    digits.reverse()
    return int("".join(digits) or "0", 2)


def people_in(mask: int) -> list[int]:
    """The positions in a bit set, ascending."""
    return [i for i, digit in enumerate(reversed(f"{mask:b}")) if digit == "1"]


def _share_of_habit(day: date) -> float:
    """How much of people's habit shows: less at weekends, and a little more every month for the first fourteen."""
    growth = 0.8 + 0.2 * min(1.0, max(0, (day - changes.ENTERPRISE_REPORTS).days) / 420)
    return growth * (_WEEKEND_SHARE if day.weekday() >= _SATURDAY else 1.0)


def _touched(person: Person, ordinal: int, draws: bytes) -> int:
    """The surfaces of an active person, from seven bytes of chance."""
    if person.server_side:
        if ordinal < changes.SERVER_SIDE_USERS.toordinal():
            return 0
        return PRESENT | SERVER_ONLY | (REVIEW_PASSIVE if draws[5] < BYTE // 3 else 0)
    completion, chat, agent, cli, cloud_agent, review, rest = draws
    chosen = (
        (COMPLETION, completion < 230),
        (CHAT, chat < person.chat),
        (AGENT, ordinal >= person.agent_from and agent < 120),
        (CLI, ordinal >= person.cli_from and cli < 140),
        (CLOUD_AGENT, ordinal >= person.cloud_agent_from and cloud_agent < 60),
        (REVIEW_ACTIVE, ordinal >= person.review_from and review < 20),
        (REVIEW_PASSIVE, ordinal >= changes.CODE_REVIEW_FLAGS.toordinal() and review >= 246),
        (APP, ordinal >= person.app_from and rest < 90),
        (VSCODE_AGENT, ordinal >= person.vscode_agent_from and rest >= 180),
    )
    flags = PRESENT | sum(bit for bit, touched in chosen if touched)
    counts_alone = CLI | APP if ordinal >= changes.CLI_IN_TOTALS.toordinal() else APP
    return flags if flags & (_IN_IDE | counts_alone) else flags | COMPLETION


class _Diary:
    """Writes one person's day: rolls the dice once, in a fixed order."""

    def __init__(self, person: Person, day: date, surfaces: int, rng: Random) -> None:
        self.person = person
        self.day = day
        self.surfaces = surfaces
        self.rng = rng
        self.ide = person.second_ide if rng.random() < 0.2 else person.ide
        self.model = self._model()

    def write(self) -> PersonDay:
        """The whole day; a person seen by servers only has no cells."""
        cli = self._sessions() if self.surfaces & CLI else None
        app = self._sessions() if self.surfaces & APP else None
        cells = [] if self.surfaces & SERVER_ONLY else [*self._in_ide(), *self._outside_ide(cli, app)]
        window = (self._up_to(3), self._up_to(12)) if self.surfaces & VSCODE_AGENT else None
        spent = sum(c.interactions for c in cells) * 0.6 + (cli.requests * 0.05 if cli else 0)
        return PersonDay(
            cells=tuple(cells),
            cli=cli,
            app=app,
            vscode_agent=window,
            agent_apps=tuple(self._agent_apps()),
            ai_credits=round(spent + self.rng.random(), 2),
        )

    def _in_ide(self) -> Iterator[Cell]:
        if self.surfaces & COMPLETION:
            yield from self._completions()
        if self.surfaces & CHAT:
            yield from self._chat()
        if self.surfaces & AGENT:
            yield from self._agent()

    def _outside_ide(self, cli: Sessions | None, app: Sessions | None) -> Iterator[Cell]:
        """CLI and app, whose prompts are the interactions; and now and then a row of rest that counts nothing."""
        if cli and self.day >= changes.CLI_IN_TOTALS:
            yield self._edits(None, "copilot_cli", self._language(), prompts=cli.prompts)
        if app:
            yield self._edits(None, "copilot_app", self._language(), prompts=app.prompts)
        if self.rng.random() < 0.02:
            yield Cell(None, "others", "others", "others", 0, 0, 0, 0, 0, 0, 0)

    def _completions(self) -> Iterator[Cell]:
        """Ghost text: no interactions, no model. Some days everything shown is ignored."""
        ignored = self.rng.random() < 0.08
        for language in self.person.languages[: self._up_to(3)]:
            shown = self._up_to(40)
            accepted = 0 if ignored else int(shown * (0.15 + 0.25 * self.rng.random()))
            lines = shown + self._up_to(shown)
            yield Cell(
                self.ide, "code_completion", language, None, 0, shown, accepted, lines, 0, lines * accepted // shown, 0
            )

    def _chat(self) -> Iterator[Cell]:
        """One or two chat features; a prompt may yield several code blocks, or none."""
        features = [_CHAT_MODES[int(self.rng.random() * len(_CHAT_MODES))]]
        if self.rng.random() < 0.25:
            features.append("chat_inline")
        if self.rng.random() < 0.15:
            features.append("chat_panel_plan_mode" if self.day >= changes.PLAN_MODE else "chat_panel_unknown_mode")
        for feature in features:
            prompts = self._up_to(10)
            blocks = int(prompts * 1.2 * self.rng.random())
            accepted = int(blocks * 0.6 * self.rng.random())
            lines = blocks * self._up_to(12)
            yield Cell(
                self.ide, feature, self._language(), self.model, prompts, blocks, accepted, lines, 0,
                lines * accepted // max(1, blocks), 0,
            )  # fmt: skip

    def _agent(self) -> Iterator[Cell]:
        """Agent mode: the prompts are one feature, the edits another; edits add lines that nobody suggested."""
        prompts = self._up_to(8)
        yield Cell(
            self.ide, "chat_panel_agent_mode", self._language(), self.model, prompts, prompts, prompts // 2,
            prompts * 6, 0, prompts * 2, 0,
        )  # fmt: skip
        yield self._edits(self.ide, "agent_edit", self._language(), prompts=0)

    def _edits(self, ide: str | None, feature: str, language: str, *, prompts: int) -> Cell:
        """What an agent wrote itself: every edit is generated and accepted at once."""
        edits = self._up_to(14)
        added = edits * self._up_to(18)
        return Cell(
            ide, feature, language, self.model, prompts, edits, edits, 0, 0, added, int(added * 0.4 * self.rng.random())
        )

    def _sessions(self) -> Sessions:
        prompts = self._up_to(20)
        requests = prompts * self._up_to(20)
        return Sessions(self._up_to(4), requests, prompts, requests * self._up_to(900), requests * self._up_to(140_000))

    def _agent_apps(self) -> Iterator[AgentApp]:
        if self.day >= changes.AGENT_APPS and self.surfaces & CLOUD_AGENT:
            id_, name = _AGENT_APPS[int(self.rng.random() * len(_AGENT_APPS))]
            yield AgentApp(id_, name, self._up_to(5), 1)

    def _language(self) -> str:
        """Mostly one of the person's own, now and then what an editor reports when it does not know."""
        names = _LANGUAGES_OF_NOBODY if self.rng.random() < 0.06 else self.person.languages
        return names[int(self.rng.random() * len(names))]

    def _model(self) -> str:
        roll = self.rng.random()
        if roll < (0.1 if self.day >= changes.AUTO_RESOLVED else 0.4):
            return "auto"
        if roll > 0.97:
            return "unknown" if roll > 0.985 else "others"
        return self.person.models[self.rng.random() < 0.3]

    def _up_to(self, most: int) -> int:
        """A whole number from 1 to `most`, or beyond it for the busiest people."""
        return 1 + int(most * self.person.intensity * self.rng.random() * 0.8)
