"""`copilot-assets tables`: every table with what a row is and what its columns mean, as a page of docs/.

What is said stands beside the columns: in `dbt_like_sql/` of what SQL builds, in `records/` of what GitHub sends.
`make docs` writes the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Final

import click

from copilot_assets.flat.tables import FLAT_TABLES
from copilot_assets.sql_models.files import load_models
from copilot_assets.sql_models.model import SqlModel

_SCHEMAS: Final = {
    "weekly": "The trends. In the Dagster UI, the report and the exported files: no number about the doings of few.",
    "quality": "What is missing, why, and what does not agree. Published like `weekly`.",
    "people": "Rows about single persons, from which `weekly` counts. In the database alone, never exported.",
}
_FLAT: Final = (
    "What GitHub sent, typed, a table a grain; a person is a pseudonym (`user_id`) unless `COPILOT_IDENTITIES=login`. "
    "In the database, and in files on request (`copilot-assets export --flat`)."
)
_HEAD: Final = """\
# Tables

Made by `make docs` from the models in `dbt_like_sql/` and the contract of GitHub's records; do not edit it by hand.

Every table has `scope` (`org:octo-org`, `enterprise:octo-corp`). Scopes overlap, so never add up rows of several:
`quality.scope` says which contains which. Days are UTC dates, weeks are ISO weeks and named by their Monday, money is
US dollars. null is unknown, 0 is zero, and a missing day is a row in `quality.day_status`. What type a column has says
`describe weekly.user_trend` in DuckDB.

Times are UTC: without a zone in the database (`timestamp`), with it in exported files. DuckDB takes the day, week and
hour of a `timestamptz` in the time zone of whoever asks, so the same query would give other days in Los Angeles.

GitHub sends `c#` and `csharp`, `ts` and `typescript`, and models in many spellings: a column `language`, `ide`,
`editor` or `model` holds what it sent, `language_name` and so on beside it the one name to group by. A model has its
`model_name` by rule: `Claude-Sonnet-4.5`, `claude-4.5-sonnet` and the bill's "Auto: Claude Sonnet 4.5 (preview)" are
`claude-sonnet-4.5`, and `is_auto_selected` keeps that GitHub chose it.

Below these stands schema `raw`, GitHub's answers as they came, which name people: see
[architecture.md](architecture.md) and [privacy.md](privacy.md). Which endpoint of GitHub's feeds which table is in
[endpoints.md](endpoints.md)."""


@click.command()
def tables() -> None:
    """Print every table with what a row is and what its columns mean, as Markdown.

    \b
    Example:
      copilot-assets tables > docs/tables.md
    """
    click.echo(markdown(load_models()), nl=False)


def markdown(models: tuple[SqlModel, ...]) -> str:
    """The page: a list of all tables, then each with its columns."""
    return "\n".join(_lines(models)) + "\n"


def _lines(models: tuple[SqlModel, ...]) -> Iterator[str]:
    yield _HEAD
    schemas = {
        schema: sorted(of_schema, key=lambda model: model.name)
        for schema, of_schema in groupby(sorted(models, key=_place), key=lambda model: model.schema)
    }
    yield from ("", "| table | one row per |", "|---|---|")
    for models_of in schemas.values():
        for model in models_of:
            yield f"| [`{model.table}`](#{model.schema}{model.name}) | {_cell(_grain(model.description))} |"
    for table in FLAT_TABLES:
        yield f"| [`flat.{table.name}`](#flat{table.name}) | {_cell(_grain(table.grain))} |"
    for schema, models_of in schemas.items():
        yield from ("", f"## {schema}", "", _SCHEMAS.get(schema, "Models of your own."))
        for model in models_of:
            yield from _table(model.table, model.description, model.docs.columns)
    yield from ("", "## flat", "", _FLAT)
    for table in FLAT_TABLES:
        yield from _table(f"flat.{table.name}", table.grain, table.docs.columns)


def _place(model: SqlModel) -> tuple[int, str]:
    order = [*_SCHEMAS]
    return (order.index(model.schema) if model.schema in order else len(order), model.schema)


def _table(name: str, description: str, columns: Mapping[str, str]) -> Iterator[str]:
    yield from ("", f"### {name}", "", description.strip(), "", "| column | |", "|---|---|")
    for column, doc in columns.items():
        yield f"| `{column}` | {_cell(doc)} |"


def _grain(description: str) -> str:
    """What one row is, out of a description's first sentence."""
    sentence = " ".join(description.split()).partition(". ")[0].rstrip(".")
    return sentence.removeprefix("One row per ")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
