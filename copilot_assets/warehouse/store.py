"""The store: what the rest of the project may ask of the place where its tables are, whatever that place is.

Here belongs the interface alone. What is true of one DuckDB file is in `duckdb_file.py`, which store a setting names in
`address.py`, what schema `raw` holds in `layout.py` and `raw.py`, how tables are changed in `tables.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")

# What DuckDB calls the store on every connection to it; it is the database in use there.
DATABASE: Final = "warehouse"

# What one process at a time writes where a store lets several in: what GitHub sent, or the tables made of it.
Turn = Literal["landing", "tables"]
# In this order, where somebody writes both.
TURNS: Final[tuple[Turn, ...]] = ("landing", "tables")

# A condition on rows, as SQL with named parameters, and these parameters.
Condition = tuple[str, dict[str, Any]]

# Writes into the store what was made near at hand: by table which rows, as a condition, and then what else is done on
# the connection; in one transaction.
Put = Callable[[Mapping[str, str], Callable[["duckdb.DuckDBPyConnection"], None]], None]


class WarehouseError(Exception):
    """The store can't be opened or written. The message says why and what to do."""


def make_nothing(connection: duckdb.DuckDBPyConnection) -> None:
    """Leave tables to whoever fills them."""


def put_nothing(rows: Mapping[str, str], note: Callable[[duckdb.DuckDBPyConnection], None]) -> None:
    """Leave what was written to the store itself."""


class Warehouse(Protocol):
    """Where the tables are. Nobody but its own module knows of what it consists."""

    @property
    def name(self) -> str:
        """What sentences call it."""

    @property
    def is_shared(self) -> bool:
        """Whether several processes may work on it at once."""

    def exists(self) -> bool:
        """Whether anything was ever kept there."""

    def connect(self, *turns: Turn) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """A connection for writing, closed at the end whatever happens; schema `raw` is there, in the current layout.

        Connect late and leave at once: a store may let one process in at a time.

        Args:
            turns: what is written, so that no other process writes that meanwhile; it is waited for.

        Raises:
            WarehouseError: it can't be opened or written, or another version of the project wrote it.
        """

    def migrate(self, make: Callable[[duckdb.DuckDBPyConnection], None] = make_nothing) -> None:
        """Bring the store to this version's layout, or make it, once and before anything runs.

        Args:
            make: makes all other tables, for a store that had better have them at once; inside a transaction.

        Raises:
            WarehouseError: it can't be opened or written, or a newer version of the project wrote it.
        """

    def read(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """A connection for reading alone; what is made on it besides is in memory, and gone at the end.

        Whoever needs no more of the store gives it back before that: `use memory`, then detach `DATABASE`.

        Raises:
            WarehouseError: there is no store, it can't be opened, or a newer version of the project wrote it.
        """

    def near(
        self, connection: duckdb.DuckDBPyConnection, read: Collection[str], written: Collection[str] = ()
    ) -> AbstractContextManager[Put]:
        """Let what is asked of `schema.table` inside take about as long as it does of a file.

        What is written meanwhile may be written to copies: it is in the store once it was put there. Whoever writes has
        both turns, and no transaction is open at the begin and at the end.

        Args:
            connection: to the store.
            read: tables that are read.
            written: tables that are read and written, or made; others can't be.
        """

    def incoming(self) -> AbstractContextManager[Path]:
        """A new folder on this machine for files that are about to land: its owner's alone, and gone at the end.

        What a killed process left of such folders is cleared away by `maintain` and `forget`.

        Raises:
            WarehouseError: a file can't be written there; also out of what is done inside.
        """

    def maintain(self) -> None:
        """Clear away what killed processes left, as it is done once before a run.

        Raises:
            WarehouseError: as of `connect`.
        """

    def compact(self, keep_days: int) -> Mapping[str, int]:
        """Make few files of many, and drop what the tables held more than so many days ago.

        Returns:
            numbers of what there is now, by name; none where there is nothing of the kind.

        Raises:
            WarehouseError: as of `connect`.
        """

    def forget(
        self, left_out: Callable[[duckdb.DuckDBPyConnection], Mapping[str, Condition]], noted: Condition
    ) -> None:
        """Remove rows so that nothing of them stays legible anywhere in the store, whole or not at all.

        Args:
            left_out: of the tables on a connection, by name as SQL takes it, which rows go; other tables stay whole.
            noted: a statement that is carried out together with that.

        Raises:
            WarehouseError: as of `connect`.
            OSError, duckdb.Error: it could not be done; everything is as it was.
        """

    def attached(self, connection: duckdb.DuckDBPyConnection, name: str) -> AbstractContextManager[None]:
        """Let another store's connection, until that is closed, read this one under a name; nobody writes it then.

        Raises:
            WarehouseError: it can't be opened.
        """

    def fill(self, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Make the store out of what `work` does on a connection to it, whole or not at all.

        Raises:
            WarehouseError: it holds something already, or can't be written; also out of `work`.
        """

    def examined(self) -> str:
        """Which store it is, in a sentence with its versions, after seeing that it can be written. Nothing is made.

        Raises:
            WarehouseError: it can't be opened or written, or another version of the project wrote it.
        """

    def why_not_writable(self) -> str | None:
        """What keeps this user from writing it, as the end of a sentence; None where nothing is seen to."""

    def beside(self, suffix: str) -> Path:
        """Where a file of this machine's is that belongs to it, such as the key of people's pseudonyms (`.key`)."""

    def size_bytes(self) -> int:
        """How much room what it holds takes."""

    def free_bytes(self) -> int:
        """How much of that holds nothing, and is filled before more is taken.

        Raises:
            WarehouseError: as of `read`.
        """

    def folder(self) -> Path:
        """The folder of this machine's for all else that belongs to it, such as exported files."""

    def by_hand(self, query: str) -> str:
        """The command line with which a person asks it something."""
