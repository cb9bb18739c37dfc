"""Who is who: what the flat tables show of a person, and the key that makes pseudonyms of GitHub's ids.

Nothing here stores rows or knows Dagster. Raw holds what GitHub sent, ids and logins included, whatever is set here.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from copilot_assets.settings import IdentityMode, SettingsError
from copilot_assets.warehouse.private import make_private

_KEY_BYTES: Final = 32
# Every BI tool and every JSON parser holds a whole number of 53 bits exactly; many don't hold one of 64.
_PSEUDONYM_BITS: Final = 53
# Another process may have made the key file and not written it yet.
_WAIT_SECONDS: Final = 2.0


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

    @property
    def version(self) -> str:
        """Another one where the same records make other rows: by the mode and, of pseudonyms, by the key.

        Raises:
            SettingsError: the key file can't be read or made.
        """
        if self.mode is IdentityMode.LOGIN:
            return "login"
        return f"pseudonym {hashlib.sha256(self._key).hexdigest()[:12]}"

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
                f"{problem.strerror}. Set COPILOT_WAREHOUSE to a file in a folder of yours."
            ) from None

    def _made_key(self) -> bytes:
        """The key in the file, which is made where there is none; who comes second takes what the first has made."""
        with suppress(FileNotFoundError):
            return self._read_key()
        self.key_file.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            descriptor = os.open(self.key_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(_KEY_BYTES))
        return self._read_key()

    def _read_key(self) -> bytes:
        make_private(self.key_file)
        until = time.monotonic() + _WAIT_SECONDS
        while not (text := self.key_file.read_bytes()) and time.monotonic() < until:
            time.sleep(0.01)
        try:
            key = bytes.fromhex(text.decode())
        except ValueError:
            key = b""
        if len(key) != _KEY_BYTES:
            raise SettingsError(
                f"{self.key_file} does not hold the key that people's pseudonyms are made with "
                f"({2 * _KEY_BYTES} hexadecimal digits). Put it back from a backup. Without one, delete it: the next "
                "run makes another key and other pseudonyms, and no longer knows whom it was told to forget."
            )
        return key
