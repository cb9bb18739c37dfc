"""A local stand-in for GitHub: its Copilot REST API and its download host, with invented people.

Everything that plays GitHub's part belongs here, for the demo and for tests. The project's own reading of the API
does not: the stand-in imports nothing from the rest of the project, so that it can find it wrong.

    server.py     both servers in a thread: `Standin`, `serve`
    app.py        the API: gate.py is what every request passes first, answers.py how answers and refusals look,
                  apps.py a GitHub App, where it is installed and the tokens it gets
    downloads.py  the signed files of the second hop; links.py signs
    faults.py     what can be made to go wrong
    world.py      which reports exist on which day, and what is in them:
                  people.py who exists, activity.py what they do, audience.py whom GitHub has seen of them,
                  rows.py, pulls.py and legacy.py GitHub's records of it, accounts.py seats, teams and bills
    changes.py    the dates on which GitHub changed its reports; chance.py dice that always fall the same way
"""

from copilot_assets.standin.faults import Fault, read_scenario
from copilot_assets.standin.people import CROSSING_TEAM
from copilot_assets.standin.server import Standin, serve
from copilot_assets.standin.world import World

__all__ = ["CROSSING_TEAM", "Fault", "Standin", "World", "read_scenario", "serve"]
