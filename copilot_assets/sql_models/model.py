"""What a SQL model is, once it is read: its columns, what they claim, its checks, the tables it reads.

Plain facts and how an error speaks of them; reading files is `files.py`'s.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from copilot_assets.records.contract import Docs

Severity = Literal["warn", "error"]
TableName = tuple[str, str]

# Their tables are shown in the UI, whose history keeps what it shows, and exported.
PUBLISHED_SCHEMAS: Final = ("weekly", "quality")


class ModelError(Exception):
    """SQL models cannot be loaded: one sentence a problem, each beginning with the file and, where known, the line."""


@dataclass(frozen=True)
class Assertion:
    """What a tag beside a column claims: `#range(0, 1)` is tag `range` with arguments `("0", "1")`."""

    tag: str
    arguments: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.tag}({', '.join(self.arguments)})" if self.arguments else self.tag


@dataclass(frozen=True)
class ModelColumn:
    """A column of the final select, with the comment that stands beside it."""

    name: str
    doc: str
    assertions: tuple[Assertion, ...]


@dataclass(frozen=True)
class ModelCheck:
    """A SELECT of offending rows: it passes when there are none. Made of an assertion or of a file in `checks/`.

    Where it `is_noted` when what it reads changes, it need not be run again until then once it passed; and where it
    `is_incremental`, it then looks at the rows from the day on that the variable `since` has.
    """

    name: str
    description: str
    sql: str
    severity: Severity
    path: Path
    depends_on: tuple[TableName, ...] = ()
    is_noted: bool = True
    is_incremental: bool = False

    @property
    def code_version(self) -> str:
        """Another for another query."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


@dataclass(frozen=True)
class SqlModel:
    """One file of `dbt_like_sql/`: the SELECT, verbatim, and everything that was read out of it.

    `incremental` is the column by whose days rows are replaced; empty where all of them are. It `is_noted` when what it
    reads changes, and where not, the table is rebuilt each time.
    """

    schema: str
    name: str
    path: Path
    sql: str
    description: str
    owners: tuple[str, ...]
    kinds: tuple[str, ...]
    preview: tuple[str, ...]
    incremental: str
    is_noted: bool
    columns: tuple[ModelColumn, ...]
    depends_on: tuple[TableName, ...]
    code_version: str
    checks: tuple[ModelCheck, ...]

    @property
    def key(self) -> TableName:
        """`("weekly", "user_trend")`: the parts of the table's name and of the asset's key."""
        return self.schema, self.name

    @property
    def table(self) -> str:
        """`weekly.user_trend`, as SQL writes it."""
        return f"{self.schema}.{self.name}"

    @property
    def docs(self) -> Docs:
        """What the table and its columns mean."""
        return Docs(self.description, {column.name: column.doc for column in self.columns})


def shown(path: Path) -> str:
    """`dbt_like_sql/weekly/user_trend.sql`, wherever the folder lies."""
    return "/".join(path.parts[-3:])


def raise_all(problems: Iterable[str]) -> None:
    """Raise `ModelError` with all problems, if there are any."""
    if found := list(problems):
        raise ModelError("\n".join(found))


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """The end of a sentence that names the candidate closest to a name; empty where none is close."""
    close = difflib.get_close_matches(name, list(candidates), n=1)
    return f" (did you mean `{close[0]}`?)" if close else ""
