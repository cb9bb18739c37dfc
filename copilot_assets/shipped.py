"""Files that come with the package and are no Python: the SQL models, Dagster's configuration, the example of `.env`.

Here belongs where they lie. What is in them is read where it is used.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).parent


def shipped(name: str) -> Path:
    """A file or folder of the project: beside the package in a checkout, inside it where a wheel was installed."""
    beside = PACKAGE.parent / name
    return beside if (PACKAGE.parent / "pyproject.toml").exists() else PACKAGE / name
