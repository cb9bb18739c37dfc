"""Who is who: what the flat tables show of a person, and the key that makes pseudonyms of GitHub's ids.

A database knows which key it was made with. Nothing here knows Dagster; raw holds what GitHub sent, ids and logins
included, whatever is set here.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from copilot_assets.settings import IdentityMode, SettingsError
from copilot_assets.warehouse.changes import note_change
from copilot_assets.warehouse.private import make_private, put_in_place
from copilot_assets.warehouse.tables import transaction

if TYPE_CHECKING:
    import duckdb

_KEY_BYTES: Final = 32
# Every BI tool and every JSON parser holds a whole number of 53 bits exactly; many don't hold one of 64.
_PSEUDONYM_BITS: Final = 53
_HOW_TO_GO_ON: Final = (
    "Put it back from a backup. Without one, copilot-assets new-key makes another: then all pseudonyms change, and who "
    "was forgotten has to be forgotten again."
)


# The key of a database is beside it: `data/copilot.key` for `data/copilot.duckdb`.
KEY_SUFFIX: Final = ".key"


@dataclass(frozen=True)
class Identities:
    """What becomes of people on the way from raw to flat.

    Attributes:
        mode: whether people go by pseudonyms or by GitHub's ids and logins.
        key_file: the key of the pseudonyms, made when it is first needed. Whoever has it and a list of GitHub ids can
            tell who is who; without it nobody can, and another key makes other pseudonyms.
    """

    mode: IdentityMode
    key_file: Path

    def pseudonym(self, person: int | str) -> int:
        """The first 53 bits of HMAC-SHA256 of a GitHub id, in decimal digits, under the key.

        Two of 50,000 people share one with a chance of 1 in 7 million, two of a million with 1 in 18,000
        (n² / 2⁵⁴); the check `keys_are_unique` of the flat tables would tell.

        Raises:
            SettingsError: the key file can't be read or made.
        """
        mac = self._mac.copy()
        mac.update(str(person).encode())
        return int.from_bytes(mac.digest()[:8]) >> (64 - _PSEUDONYM_BITS)

    def pseudonym_of_login(self, login: str) -> int:
        """The same of a login, lower case, whose id nobody knows: below 0, where no id and no pseudonym of one is.

        Raises:
            SettingsError: the key file can't be read or made.
        """
        return -1 - self.pseudonym(f"login {login}")

    def shown(self, person: int) -> int:
        """What the flat tables show in the place of a GitHub id.

        Raises:
            SettingsError: the key file can't be read or made.
        """
        return person if self.mode is IdentityMode.LOGIN else self.pseudonym(person)

    @property
    def version(self) -> str:
        """Another one where the same records make other rows: by the mode and, of pseudonyms, by the key.

        Raises:
            SettingsError: the key file can't be read or made.
        """
        return "login" if self.mode is IdentityMode.LOGIN else f"pseudonym {self.fingerprint}"

    @property
    def fingerprint(self) -> str:
        """Which key it is, without telling it.

        Raises:
            SettingsError: the key file can't be read or made.
        """
        return hashlib.sha256(self._key).hexdigest()[:12]

    @property
    def has_key(self) -> bool:
        """Whether a key was ever written; an empty file is what a killed process left where its key was to be."""
        return self.key_file.exists() and self.key_file.stat().st_size > 0

    @cached_property
    def _mac(self) -> hmac.HMAC:
        """Of nothing yet: a copy of it is had in half the time that a new one takes."""
        return hmac.new(self._key, digestmod="sha256")

    @cached_property
    def _key(self) -> bytes:
        try:
            return self._made_key()
        except OSError as problem:
            raise SettingsError(
                f"{self.key_file}, the key that people's pseudonyms are made with, can't be read or made: "
                f"{problem.strerror}. Give this user the right to it and to its folder: another key would make other "
                "pseudonyms."
            ) from None

    def _made_key(self) -> bytes:
        """The key in the file, which is made where there is none, whole from the first moment.

        Who comes second takes what the first has made.
        """
        if not self.has_key:
            self.key_file.parent.mkdir(parents=True, exist_ok=True)
            with _one_at_a_time(self.key_file.parent):
                if not self.has_key:
                    new = self.key_file.with_name(f"{self.key_file.name}.new")
                    new.touch(mode=0o600)
                    new.write_text(secrets.token_hex(_KEY_BYTES))
                    put_in_place(new, self.key_file)
        return self._read_key()

    def _read_key(self) -> bytes:
        make_private(self.key_file)
        try:
            key = bytes.fromhex(self.key_file.read_text())
        except ValueError:
            key = b""
        if len(key) != _KEY_BYTES:
            raise SettingsError(
                f"{self.key_file} does not hold the key that people's pseudonyms are made with "
                f"({2 * _KEY_BYTES} hexadecimal digits). {_HOW_TO_GO_ON}"
            )
        return key


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Keep others out that make a key in the same folder; a network's file system may not know such locks."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def key_trouble(connection: duckdb.DuckDBPyConnection, identities: Identities) -> str | None:
    """What is wrong with the key, in a sentence and with how to go on; None where nothing is. None is made.

    Raises:
        SettingsError: the key can't be read.
    """
    noted = {fingerprint for (fingerprint,) in connection.execute("from raw.pseudonym_key").fetchall()}
    ((forgotten,),) = connection.execute("select count(*) from raw.forgotten").fetchall()
    if not identities.has_key and (noted or forgotten):
        return (
            f"{identities.key_file}, the key that people's pseudonyms are made with, is lost, and without it nobody "
            f"knows who was forgotten. {_HOW_TO_GO_ON}"
        )
    if noted and identities.fingerprint not in noted:
        return (
            f"{identities.key_file} holds another key than the one that people's pseudonyms in the database were made "
            f"with. {_HOW_TO_GO_ON}"
        )
    return None


def hold_to_key(connection: duckdb.DuckDBPyConnection, identities: Identities) -> None:
    """See to it that pseudonyms are made with the key that the database was made with; the first one is noted.

    To be called before the first pseudonym of whoever opens the database: with another key, those who were forgotten
    would come in again, and everybody would be somebody else.

    Raises:
        SettingsError: the key is lost, is another one, or can't be read or made.
    """
    if trouble := key_trouble(connection, identities):
        raise SettingsError(trouble)
    if not connection.execute("from raw.pseudonym_key").fetchall():
        connection.execute("insert into raw.pseudonym_key values (?)", [identities.fingerprint])


def give_up_key(connection: duckdb.DuckDBPyConnection, identities: Identities) -> int:
    """Go on without the key that the database was made with: with the one in the file, or a new one if it holds none.

    Returns:
        how many people were forgotten, of whom nobody knows any more who they are.

    Raises:
        SettingsError: the file can't be removed or read.
    """
    try:
        identities.fingerprint  # noqa: B018 - a key that can be read is kept
    except SettingsError:
        try:
            identities.key_file.unlink(missing_ok=True)
        except OSError as problem:
            raise SettingsError(f"{identities.key_file} can't be removed: {problem.strerror}.") from None
    ((forgotten,),) = connection.execute("select count(*) from raw.forgotten where person >= 0").fetchall()
    with transaction(connection):
        connection.execute("delete from raw.forgotten")
        note_change(connection, "raw.forgotten")
        connection.execute("delete from raw.pseudonym_key")
    return int(forgotten)
