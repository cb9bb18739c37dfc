"""An attack on the promise about people: what follows exactly from everything that is published together.

The attacker knows all memberships, who did anything where, and how every column is counted, and has every published
number of a week over all tables at once. Columns that are told exactly are linear equations over what the people did;
the attacker solves them, with exact arithmetic, for anything that belongs to fewer people than may be told. Shares that
are told exactly are worth two of them: in lowest terms there is one pair of numbers as large as the scope allows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import combinations
from typing import Final

FEW: Final = 5
# Of a phase's pull requests no report tells whose they are: everybody of the phase is behind them.
UNOWNED: Final = {"created", "merged"}
Atom = tuple[Hashable, ...]  # of somebody: the first item says what it is of them, the second who they are


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


@dataclass(frozen=True)
class Share:
    """A published share of one number in another, or in one that everybody knows, such as the members of a team."""

    column: str
    told: Fraction | None
    part: Number
    whole: Number | int
    most: int  # that the whole can be

    @property
    def is_exact(self) -> bool:
        truth = Fraction(self.part.truth, self._whole)
        return self.told is not None and abs(self.told - truth) < Fraction(1, 10**12)

    @property
    def _whole(self) -> int:
        return self.whole if isinstance(self.whole, int) else self.whole.truth

    def gives_away(self) -> Iterator[Number]:
        """What it is made of, where no other numbers make the same share."""
        if isinstance(self.whole, int):
            yield self.part
        elif Fraction(self.part.truth, self._whole).denominator == self._whole and self.most < 2 * self._whole:
            yield from (self.part, self.whole)


@dataclass
class Published:
    """All that is told of a company's people."""

    numbers: list[Number] = field(default_factory=list)
    shares: list[Share] = field(default_factory=list)


def leaks(found: Iterable[Published]) -> set[str]:
    """Columns of which something of few people stands there or follows."""
    companies = list(found)
    exact = exact_columns(number for each in companies for number in each.numbers)
    shares: dict[str, list[Share]] = defaultdict(list)
    for share in (share for each in companies for share in each.shares if share.told is not None):
        shares[share.column].append(share)
    exact_shares = {column for column, told in shares.items() if all(share.is_exact for share in told)}
    columns = few_behind(number for each in companies for number in each.numbers)
    for each in companies:
        given = [
            replace(number, column=share.column, told=Fraction(number.truth))
            for share in each.shares
            if share.column in exact_shares and share.told is not None
            for number in share.gives_away()
        ]
        columns |= follows([*each.numbers, *given], exact | exact_shares)
    return columns


def few_behind(numbers: Iterable[Number]) -> set[str]:
    """Columns in which a number stands that is of fewer people than may be told."""
    return {n.column for n in numbers if n.told and not n.free and n.kind not in UNOWNED and 0 < len(n.people) < FEW}


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
