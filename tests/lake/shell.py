"""The command line on a lake: what it sees of the environment, and that no secret is ever among what it says."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import duckdb
from click.testing import CliRunner, Result

from copilot_assets.shell.cli import main
from copilot_assets.standin import Standin
from tests.lake.lakes import Lake
from tests.postgres import PASSWORD

AWS_SECRET = "planted-aws-Secret0000000000"
SECRETS = (PASSWORD.encode(), AWS_SECRET.encode(), b"secret-of-the-test")


def own_environment(lake: Lake, standin: Standin, folder: Path, **env: str) -> dict[str, str]:
    """What a command sees: nothing of ours but the settings, and a bucket's credentials."""
    ours = {name: text for name, text in os.environ.items() if not name.startswith(("GITHUB_", "COPILOT_", "DAGSTER_"))}
    path = os.pathsep.join(str(place) for place in (Path(duckdb.__file__).parents[1], Path(__file__).parents[2]))
    return {
        **ours,
        **lake.installed(standin),
        "PYTHONPATH": path,
        "DAGSTER_HOME": str(folder),
        "AWS_ACCESS_KEY_ID": "planted-id",
        "AWS_SECRET_ACCESS_KEY": AWS_SECRET,
        **env,
    }


@dataclass
class Shell:
    """The command line in a folder of its own, with a lake."""

    lake: Lake
    folder: Path
    env: dict[str, str]

    def run(self, *arguments: str, **env: str) -> Result:
        result = CliRunner().invoke(main, arguments, env=self.env | env)
        assert not [secret for secret in SECRETS if secret in result.output.encode()], arguments
        return result
