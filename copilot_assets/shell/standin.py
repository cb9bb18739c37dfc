"""`copilot-assets standin`: serves the local stand-in for GitHub.

How it answers is in the room `standin/`.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from copilot_assets.shell.arguments import DAY
from copilot_assets.shell.screen import answer


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65534),
    required=True,
    help="Port of the API; downloads use the next. 0 takes any free two.",
)
@click.option("--today", type=DAY, help="The stand-in's current day; the real one by default.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed is another company.")
@click.option("--people", type=click.IntRange(1), default=150, show_default=True, help="How many people it has.")
@click.option(
    "--legacy",
    type=click.Choice(["open", "closed"]),
    default="closed",
    show_default=True,
    help="Whether it still offers the metrics API that GitHub closed on 2026-04-02.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME[:SCOPE[:DAY]]",
    help="Answer as GitHub does on a bad day, for example policy-off:org:octo-labs. Repeatable.",
)
@click.option(
    "--scenario",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A YAML file with a list of such faults: name, and if wanted scope, report, day, times.",
)
def standin(
    port: int,
    today: date | None,
    seed: int,
    people: int,
    legacy: str,
    faults: tuple[str, ...],
    scenario: Path | None,
) -> None:
    """Serve a local stand-in for GitHub: org:octo-org, org:octo-labs, enterprise:octo-corp.

    Point this project or any other client of GitHub's Copilot API at it with any token. Ends with Ctrl-C.

    \b
    Example:
      copilot-assets standin --port 8700
      GITHUB_API_URL=http://127.0.0.1:8700 GITHUB_TOKEN=any copilot-assets backfill …
    """
    from copilot_assets.standin import Fault, read_scenario, serve

    try:
        parsed = [Fault.parse(text) for text in faults]
    except ValueError as problem:
        raise click.BadParameter(str(problem), param_hint="--fault") from None
    try:
        parsed += read_scenario(scenario) if scenario else []
    except ValueError as problem:
        raise click.BadParameter(str(problem), param_hint="--scenario") from None
    serve(
        port=port,
        today=today,
        seed=seed,
        people=people,
        legacy_open=legacy == "open",
        faults=parsed,
        on_ready=lambda url: answer(f"The stand-in for GitHub answers at {url} (Ctrl-C ends it)."),
    )
