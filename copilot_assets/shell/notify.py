"""`copilot-assets notify`: tries the addresses that messages go to.

What a message says and how it is sent is decided in `notices/`.
"""

from __future__ import annotations

import click

from copilot_assets.shell.interrupts import Interruptible
from copilot_assets.shell.screen import answer, refuse, usage_errors


@click.command(cls=Interruptible)
@click.option("--test", "is_test", is_flag=True, required=True, help="Send a sample, and call the heartbeat.")
def notify(is_test: bool) -> None:
    """Send a sample to every address of COPILOT_NOTIFY, and say what came back of each.

    Calls COPILOT_HEARTBEAT_URL too, if it is set. Reads nothing but the settings; real messages are sent by runs. Ends
    with 1 when an address took no message.

    \b
    Example:
      copilot-assets notify --test
    """
    from copilot_assets.notices.channels import beat
    from copilot_assets.notices.messages import sample
    from copilot_assets.now import now_utc
    from copilot_assets.orchestration.installation import Installation
    from copilot_assets.settings import heartbeat_url

    with usage_errors():
        installation = Installation()
        channels, heartbeat = installation.channels(), heartbeat_url()
    if not channels and not heartbeat:
        refuse(
            "COPILOT_NOTIFY is not set, so there is nobody to tell. Write an address as apprise has it into .env, such "
            "as mailto://NAME:PASSWORD@example.com or slack://TOKEN_A/TOKEN_B/TOKEN_C."
        )
    troubles = 0
    for sent in channels.send(sample(now_utc())):
        troubles += sent.trouble is not None
        said = "took the sample" if sent.trouble is None else f"took nothing: {sent.trouble}"
        answer(f"{sent.channel} {said}.")
    if heartbeat:
        trouble = beat(heartbeat)
        troubles += trouble is not None
        answer(trouble or "COPILOT_HEARTBEAT_URL was called and answered well.")
    if troubles:
        raise SystemExit(1)
