"""The command line `copilot-assets`: the group of all commands, each of which is a file of this room.

Exit codes: 0 it worked, 1 the data or GitHub says no, 2 the command or a setting can't be used. Command files import
Dagster, DuckDB and Polars inside the functions that need them: `--help` answers at once.
"""

from __future__ import annotations

import click

from copilot_assets.shell.backfill import backfill
from copilot_assets.shell.demo import demo
from copilot_assets.shell.doctor import doctor
from copilot_assets.shell.endpoints import endpoints
from copilot_assets.shell.export import export
from copilot_assets.shell.forget import forget
from copilot_assets.shell.import_files import import_files, import_legacy
from copilot_assets.shell.init import init
from copilot_assets.shell.migrate import migrate
from copilot_assets.shell.move import move
from copilot_assets.shell.new_key import new_key
from copilot_assets.shell.notify import notify
from copilot_assets.shell.report import report
from copilot_assets.shell.standin import standin
from copilot_assets.shell.status import status
from copilot_assets.shell.tables import tables


@click.group(
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "auto_envvar_prefix": "COPILOT_ASSETS",  # COPILOT_ASSETS_DEMO_DAYS=30 make demo
    }
)
@click.version_option(package_name="copilot-assets")
def main() -> None:
    """GitHub Copilot usage in DuckDB, with a reason for every missing day.

    \b
    copilot-assets demo                                          see it work, no token needed
    copilot-assets init copilot                                  a folder to work in, where there is no checkout
    copilot-assets doctor                                        what your token may read, and what to mend
    copilot-assets backfill --start 2026-09-01 --end 2026-11-01  fetch and rebuild your own days
    copilot-assets status                                        what every day is, and what needs a hand
    copilot-assets import kept.zip --scope org:octo-org          take in reports that you kept as files
    copilot-assets report --open                                 the newest closed week, to read and forward
    copilot-assets notify --test                                 whether messages reach you
    copilot-assets export ~/copilot                              the tables as files, for BI tools
    copilot-assets forget octocat                                remove a person, and keep them out
    copilot-assets new-key                                       go on after the key of pseudonyms was lost
    copilot-assets migrate                                       make a lake, or bring one to this version
    copilot-assets move "ducklake:postgres:dbname=copilot"       everything into a lake, or back into a file
    copilot-assets standin --port 8700                           a local GitHub to develop against
    """


for command in (
    backfill,
    demo,
    doctor,
    endpoints,
    export,
    forget,
    import_files,
    init,
    migrate,
    move,
    new_key,
    notify,
    report,
    standin,
    status,
    tables,
):
    main.add_command(command)
main.add_command(import_legacy, "import-legacy")
