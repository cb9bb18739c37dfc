"""The SQL model loader: files in a temporary folder, a real DuckDB file, real Dagster runs.

The project's own models are not tested here, only what the loader makes of any model.
"""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from textwrap import dedent

import dagster as dg
import pytest

from copilot_assets.orchestration.assets.sql import build_sql_assets
from copilot_assets.settings import SettingsError
from copilot_assets.sql_models.files import load_models
from copilot_assets.sql_models.lineage import check_references, column_lineage
from copilot_assets.sql_models.model import Assertion, ModelError, SqlModel
from copilot_assets.warehouse.changes import note_change
from copilot_assets.warehouse.duckdb_file import DuckDBFile
from copilot_assets.warehouse.store import Warehouse

REPOSITORY = Path(__file__).parents[2]

TREND = """\
    /*
    description: |
      One row per scope and ISO week.
      People with any interaction.
    owners: [team:enablement, ana@example.com]
    kinds: [trend]
    */
    with daily as (
      select scope, day, login, interactions -- #123 is no tag of a column
      from flat.user_daily
    )
    select
      scope, -- whom the row is about  #not_null #unique(scope, week_start)
      date_trunc('week', day)::date as week_start, -- ISO Monday, UTC  #not_null
      count(distinct login) filter (interactions > 0) as active_people, /* people,
        not sums of days  #range(0,) */
      sum(interactions)::bigint as interactions
    from daily
    group by all
    order by all;
    -- the end
    """
GROWTH = """\
    /*
    description: One row per scope and ISO week, with the week before.
    */
    select
      scope,
      week_start,
      active_people - lag(active_people) over (partition by scope order by week_start) as change  -- null at first
    from weekly.user_trend
    """
HEADER = "/*\ndescription: d\n*/\n"
KNOWN = ["flat.user_daily", "flat.entity_ide_daily", "flat.seat"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dbt_like_sql").mkdir()
    return tmp_path / "dbt_like_sql"


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Ana and Bo on Monday 2 March 2026 and Tuesday, Cy a week later; Dee did nothing, Eve is unknown."""
    warehouse = DuckDBFile(tmp_path / "test.duckdb")
    query(warehouse, "create schema flat")
    query(warehouse, "create table flat.user_daily (scope varchar, day date, login varchar, interactions bigint)")
    query(
        warehouse,
        """insert into flat.user_daily values
            ('org:a', '2026-03-02', 'ana', 3), ('org:a', '2026-03-03', 'ana', 4), ('org:a', '2026-03-03', 'bo', 1),
            ('org:a', '2026-03-09', 'cy', 2), ('org:a', '2026-03-15', 'dee', 0),
            ('org:b', '2026-03-09', 'eve', null)""",
    )
    return warehouse


def query(warehouse: Warehouse, sql: str) -> list[tuple[object, ...]]:
    with warehouse.connect() as connection:
        return connection.execute(sql).fetchall()


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.sql"
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(dedent(text), encoding="utf-8")
    return path


def read(folder: Path, select: str, name: str = "mart/x") -> SqlModel:
    write(folder, name, f"/*\ndescription: One row.\n*/\n{select}")
    return load_models(folder)[0]


def run(
    folder: Path, warehouse: Warehouse, *others: dg.AssetsDefinition, **run_arguments: object
) -> dg.ExecuteInProcessResult:
    models = load_models(folder)
    return dg.materialize(
        [*others, build_sql_assets(models, KNOWN)],
        resources={"warehouse": warehouse},
        **run_arguments,
    )


def metadata(result: dg.ExecuteInProcessResult, *key: str) -> dict[str, dg.MetadataValue]:
    (event,) = (
        event for event in result.asset_materializations_for_node("sql_models") if event.asset_key.path == [*key]
    )
    return dict(event.metadata)


def built(result: dg.ExecuteInProcessResult) -> list[str]:
    """The tables that a run built, in order."""
    return [".".join(event.asset_key.path) for event in result.get_asset_materialization_events()]


def sentence(result: dg.ExecuteInProcessResult) -> str:
    """What the one step that failed says."""
    (failure,) = result.get_step_failure_events()
    return str(failure.step_failure_data.user_failure_data.description)


# What is read out of a file


def test_a_file_says_everything_about_its_table(folder: Path) -> None:
    path = write(folder, "weekly/user_trend", TREND)
    (model,) = load_models(folder)
    assert (model.key, model.table, model.path) == (("weekly", "user_trend"), "weekly.user_trend", path)
    assert model.description == "One row per scope and ISO week.\nPeople with any interaction."
    assert model.owners == ("team:enablement", "ana@example.com")
    assert model.kinds == ("trend",)
    assert model.depends_on == (("flat", "user_daily"),)
    assert model.sql == path.read_text()
    assert [(c.name, c.doc, [str(a) for a in c.assertions]) for c in model.columns] == [
        ("scope", "whom the row is about", ["not_null", "unique(scope, week_start)"]),
        ("week_start", "ISO Monday, UTC", ["not_null"]),
        ("active_people", "people, not sums of days", ["range(0, )"]),
        ("interactions", "", []),
    ]


def test_a_header_without_owners_belongs_to_the_team(folder: Path) -> None:
    model = read(folder, "select 1 as one")
    assert (model.owners, model.kinds) == (("team:copilot",), ())


def test_a_doc_stands_after_the_name_on_the_same_line(folder: Path) -> None:
    model = read(
        folder,
        """select
  -- above: about a
  a,
  t.b -- before the comma
  , case when a > 1 -- why so
      then 2 end as c, -- the whole case #accepted(2, it's)
  '-- no comment' as d, e, -- two on a line
  -- above the last
  coalesce(a, 0) f
-- below
from flat.user_daily as t""",
    )
    assert [(c.name, c.doc) for c in model.columns] == [
        ("a", ""),
        ("b", "before the comma"),
        ("c", "the whole case"),
        ("d", ""),
        ("e", "two on a line"),
        ("f", ""),
    ]
    assert model.columns[2].assertions == (Assertion("accepted", ("2", "it's")),)


@pytest.mark.parametrize(
    ("select", "tables"),
    [
        ("with seat as (select x from flat.seat) select x from seat", ["flat.seat"]),
        ("with a as (select 1 as x), b as (select x from a) select x from b", []),
        ("with recursive t as (select 1 as n union all select n + 1 from t where n < 3) select n from t", []),
        ("select x from (with a as (select x from flat.a) select x from a) s", ["flat.a"]),
        ("select x from FLAT.A where exists (select 1 from flat.b) or y in (select y from flat.c)",
         ["flat.a", "flat.b", "flat.c"]),
        ("select x from flat.b union all by name select x from flat.a", ["flat.a", "flat.b"]),
        ("select x from flat.a asof join flat.b using (x) join lateral (select z from flat.c) on true",
         ["flat.a", "flat.b", "flat.c"]),
        ("with p as (pivot flat.a on k in ('u') using sum(y)) select u from p", ["flat.a"]),
        ("from flat.a select x", ["flat.a"]),
        ("select x from generate_series(1, 3) as g(x), unnest([1]) as u(y)", []),
    ],
)  # fmt: skip
def test_tables_are_those_read_and_no_cte(folder: Path, select: str, tables: list[str]) -> None:
    assert [".".join(table) for table in read(folder, select).depends_on] == tables


@pytest.mark.parametrize(
    "select",
    [
        "with a as (with b as (select 1 as x) select x from b) select x from b",  # b lives inside a only
        "with a as (select x from b), b as (select 1 as x) select x from a",  # b comes later
        "with a as (select x from a) select x from a",  # a means itself only in a recursive with
        "select x from 'b.parquet'",
    ],
)
def test_a_bare_name_out_of_reach_of_its_cte_is_refused(folder: Path, select: str) -> None:
    with pytest.raises(ModelError, match=r"mart/x\.sql:4: reads .*; write <schema>\.<table>"):
        read(folder, select)


def test_models_come_after_what_they_read(folder: Path) -> None:
    for name, reads in {"a": "mart.b", "b": "mart.d", "c": "flat.seat", "d": "mart.c"}.items():
        write(folder, f"mart/{name}", f"/*\ndescription: One row.\n*/\nselect x from {reads}")
    assert [model.name for model in load_models(folder)] == ["c", "d", "b", "a"]


def test_comments_and_layout_keep_the_code_version(folder: Path) -> None:
    before = read(folder, "select x, y -- a doc\nfrom flat.seat").code_version
    assert read(folder, "SELECT x,\n y -- another #not_null\nFROM flat.seat; -- end").code_version == before
    assert read(folder, "select x, y from flat.seat where x > 0").code_version != before


def test_the_projects_own_folder_is_the_default() -> None:
    files = set((REPOSITORY / "dbt_like_sql").glob("*/*.sql")) - set((REPOSITORY / "dbt_like_sql/checks").glob("*"))
    assert {model.path for model in load_models()} == files


def test_models_of_ones_own_stand_beside_the_projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = {model.table for model in load_models()}
    write(tmp_path / "models", "weekly/champions", f"{HEADER}select week_start from weekly.user_trend")
    assert [model.table for model in load_models() if model.table not in shipped] == ["weekly.champions"]
    (tmp_path / "models").rename(tmp_path / "ours")
    assert {model.table for model in load_models()} == shipped
    monkeypatch.setenv("COPILOT_MODELS", "ours")
    assert len(load_models()) == len(shipped) + 1


def test_a_model_of_ones_own_takes_no_shipped_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "models", "weekly/user_trend", f"{HEADER}select day as week_start from flat.user_daily")
    with pytest.raises(
        ModelError, match=r"^models/weekly/user_trend\.sql: builds weekly\.user_trend, which dbt_like_sql/"
    ):
        load_models()


def test_a_folder_of_models_that_is_named_has_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPILOT_MODELS", "nowhere")
    with pytest.raises(SettingsError, match="COPILOT_MODELS is nowhere, and there is no such folder"):
        load_models()


# What is refused, and how it is said


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("mart/x", f"{HEADER}select a,\n  b b b\nfrom flat.seat", "mart/x.sql:5: cannot be read as DuckDB SQL"),
        ("mart/x", f"{HEADER}select 'a as x", "mart/x.sql: cannot be read as DuckDB SQL"),
        ("mart/x", f"{HEADER}select 1 as x; select 2 as x", "mart/x.sql: holds 2 statements"),
        ("mart/x", HEADER, "mart/x.sql: holds 0 statements"),
        ("mart/x", f"{HEADER}create table t as select 1 as x", "mart/x.sql: is not a SELECT but CREATE"),
        ("mart/x", "select 1 as x", "missing required field `description`"),
        ("mart/x", "-- description: d\nselect 1 as x", "missing required field `description`"),
        ("mart/x", "/*\ndescription: ''\n*/\nselect 1 as x", "mart/x.sql: its header, the leading"),
        ("mart/x", "/*\ndescription: d\nowner: [team:a]\n*/\nselect 1 as x", "unknown field `owner`"),
        ("mart/x", "/*\ndescription: d\nowners: team:a\n*/\nselect 1 as x", "got `str` - at `$.owners`"),
        ("mart/x", "/*\ndescription: d\nowners: [ana]\n*/\nselect 1 as x", "mart/x.sql: its header, the leading"),
        ("mart/x", "/*\ndescription: d\ndescription: e\n*/\nselect 1 as x", "gives `description` twice"),
        ("mart/x", "\n/*\ndescription: d\nowners: a: b\n*/\nselect 1 as x", "mart/x.sql:4: its header is not YAML"),
        ("mart/x", f"{HEADER}select * from flat.seat", "its final select has a `*`"),
        ("mart/x", f"{HEADER}select 1 as x union select t.* from flat.seat t", "its final select has a `*`"),
        ("mart/x", f"{HEADER}select x::date from flat.seat", "the column `CAST(x AS DATE)` of its final"),
        ("mart/x", f"{HEADER}select 1 as x,\n 2 as x", "mart/x.sql:5: the column name `x` is taken"),
        ("mart/x", f"{HEADER}select 1 as Week", "the column name `Week` is taken or not lower case"),
        ("mart/x", f"{HEADER}select 1 as x\nfrom db.flat.seat", "mart/x.sql:5: reads `db.flat.seat`"),
        ("mart/x", f"{HEADER}select\n  1 as x -- #notnull", "mart/x.sql:5: #notnull is no assertion"),
        ("mart/x", f"{HEADER}select 1 as x -- #not_null(x)", "#not_null(x) is no assertion"),
        ("mart/x", f"{HEADER}select 1 as x -- #unique", "#unique is no assertion"),
        ("mart/x", f"{HEADER}select 1 as x -- #accepted()", "#accepted() is no assertion"),
        ("mart/x", f"{HEADER}select 1 as x -- #range(,)", "#range(,) is no assertion"),
        ("mart/x", f"{HEADER}select 1 as x -- #range(a,2)", "#range(a,2) is no assertion"),
        ("mart/x", f"{HEADER}select 1 as wek -- #unique(week)",
         "#unique names `week`, which is no column (did you mean `wek`?)"),
        ("mart/x", f"{HEADER}select 1 as x, -- doc\n  -- #not_null\n 2 as y",
         "mart/x.sql:5: #not_null stands beside no column"),
        ("mart/x", f"{HEADER}select 1 as x -- #not_null #not_null", "has #not_null twice beside `x`"),
        ("quality/x", f"{HEADER}select user_id from flat.user_daily", "quality/x.sql: takes `user_id` out of a table"),
        ("weekly/x", f"{HEADER}with w as (select user_id as who from flat.user_daily) select who from w",
         "weekly/x.sql: takes `user_id` out of a table of people"),
        ("weekly/x", f"{HEADER}select max(user_login) as best, max(day) as week_start from flat.user_daily",
         "weekly/x.sql: takes `user_login` out of a table of people"),
        ("weekly/x", f"{HEADER}select 1 as x", "weekly/x.sql: has neither `week_start` nor `window_no`"),
        ("flat/x", f"{HEADER}select 1 as x", "flat/x.sql: builds a table of schema flat, which holds what came"),
        ("X", "select 1 as x", "X.sql: does not name a table"),
        ("mart/Trend", "select 1 as x", "mart/Trend.sql: does not name a table"),
        ("mart/sub/x", "select 1 as x", "mart/sub/x.sql: does not name a table"),
        ("checks/weekly.trend", "select 1 as x", "checks/weekly.trend.sql: does not say what it tests"),
        ("checks/mart.x__y", "/*\nseverity: fatal\n*/\nselect 1 as x", "checks/mart.x__y.sql: its header, the leading"),
        ("checks/mart.x__y", "select 1 as x", "checks/mart.x__y.sql: tests `mart.x`, but no file builds that table"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_a_model_says_why(folder: Path, name: str, text: str, message: str) -> None:
    write(folder, name, text)
    with pytest.raises(ModelError) as error:
        load_models(folder)
    assert message in str(error.value)


def test_a_parse_error_points_at_the_place(folder: Path) -> None:
    write(folder, "mart/x", f"{HEADER}select x\nform flat.seat")
    with pytest.raises(ModelError) as error:
        load_models(folder)
    first, source, caret = str(error.value).splitlines()
    assert first.startswith("dbt_like_sql/mart/x.sql:5: ")
    assert source == "    form flat.seat"
    assert caret.strip() == "^"
    assert source[: caret.index("^") + 1].strip()


def test_bytes_that_are_no_text_are_refused(folder: Path) -> None:
    write(folder, "mart/x", "").write_bytes(b"select '\xff' as x")
    with pytest.raises(ModelError, match=r"mart/x\.sql: is not UTF-8 text"):
        load_models(folder)


def test_all_problems_are_told_at_once(folder: Path) -> None:
    write(folder, "mart/x", "select 1 as x")
    write(folder, "mart/y", "select 1 as y")
    with pytest.raises(ModelError) as error:
        load_models(folder)
    assert [line.split(":")[0] for line in str(error.value).splitlines()] == [
        "dbt_like_sql/mart/x.sql",
        "dbt_like_sql/mart/y.sql",
    ]


def test_a_cycle_is_told_with_its_path(folder: Path) -> None:
    for name, reads in {"a": "b", "b": "c", "c": "a"}.items():
        write(folder, f"mart/{name}", f"/*\ndescription: One row.\n*/\nselect x from mart.{reads}")
    with pytest.raises(ModelError) as error:
        load_models(folder)
    path = str(error.value).split("by way of ")[1].split(";")[0].split(" → ")
    reads = {"mart.a": "mart.b", "mart.b": "mart.c", "mart.c": "mart.a"}
    assert len(path) == 4
    assert all(reads[reader] == table for reader, table in pairwise(path))


def test_an_unknown_table_is_refused_with_the_nearest_name(folder: Path) -> None:
    write(folder, "mart/x", f"{HEADER}select x\nfrom flat.user_dayly")
    write(folder, "checks/mart.x__t", "select x\nfrom mart.x, flat.sead")
    with pytest.raises(ModelError) as error:
        build_sql_assets(load_models(folder), KNOWN)
    first, second = str(error.value).splitlines()
    assert first.startswith("dbt_like_sql/mart/x.sql:5: reads `flat.user_dayly`, which neither")
    assert first.endswith("(did you mean `flat.user_daily`?).")
    assert second.startswith("dbt_like_sql/checks/mart.x__t.sql:2: reads `flat.sead`, which neither")


def test_a_table_has_one_builder(folder: Path) -> None:
    read(folder, "select 1 as x", "mart/seat")
    with pytest.raises(ModelError, match=r"mart/seat\.sql: builds `mart\.seat`, which a Python asset builds too"):
        check_references(load_models(folder), ["mart.seat"])


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no such folder"):
        load_models(tmp_path / "nowhere")


def test_a_table_without_an_asset_of_its_name_leads_to_its_writers(folder: Path) -> None:
    write(folder, "mart/x", f"{HEADER}select f.x from raw.fetches as f, raw.reasons, flat.seat")
    write(folder, "checks/mart.x__t", "select x from raw.fetches")
    users, repos = dg.AssetKey(["raw", "users_1_day"]), dg.AssetKey(["raw", "repos_1_day"])
    writers = {"raw.fetches": [users, repos], "raw.reasons": [users]}
    assets = build_sql_assets(load_models(folder), ["flat.seat"], writers)
    assert set(assets.dependency_keys) == {dg.AssetKey(["flat", "seat"]), users, repos}
    (spec,) = assets.check_specs
    assert {dep.asset_key for dep in spec.additional_deps} == {users, repos}


# Column lineage

UPSTREAM = {
    ("flat", "a"): {"k": "VARCHAR", "x": "BIGINT", "y": "BIGINT"},
    ("flat", "b"): {"k": "VARCHAR", "z": "BIGINT"},
}
AX, AY, BZ = (("flat", "a"), "x"), (("flat", "a"), "y"), (("flat", "b"), "z")


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ("select k, x, y + z as s from flat.a join flat.b using (k)",
         {"k": ((("flat", "a"), "k"), (("flat", "b"), "k")), "x": (AX,), "s": (AY, BZ)}),
        ("with a as (select * from flat.a), t as (select x + y as q from a) select q, 1 as one from t; -- end",
         {"q": (AX, AY), "one": ()}),
        ("select x as v from flat.a union all select z from flat.b", {"v": (AX, BZ)}),
        ("select x, y from flat.a union all by name select z as y, 0 as x from flat.b", {}),
        ("select (select max(z) from flat.b) as m", {"m": (BZ,)}),
        ("select nope from flat.a", {"nope": ()}),
    ],
)  # fmt: skip
def test_lineage_names_the_upstream_columns(folder: Path, select: str, expected: dict[str, object]) -> None:
    assert column_lineage(read(folder, select), UPSTREAM) == expected


# What Dagster makes of it


def test_chained_models_are_built_in_one_run(folder: Path, warehouse: Warehouse) -> None:
    write(folder, "weekly/user_trend", TREND)
    write(folder, "weekly/growth", GROWTH)
    assert run(folder, warehouse).success
    monday, next_monday = "2026-03-02", "2026-03-09"
    # Eve's week is in the table with nobody active: her number is unknown, not zero.
    assert query(
        warehouse, "select scope, week_start::varchar, active_people, interactions from weekly.user_trend"
    ) == [
        ("org:a", monday, 2, 8),
        ("org:a", next_monday, 1, 2),
        ("org:b", next_monday, 0, None),
    ]
    assert query(warehouse, "select scope, week_start::varchar, change from weekly.growth order by all") == [
        ("org:a", monday, None),
        ("org:a", next_monday, -1),
        ("org:b", next_monday, None),
    ]


def test_an_asset_is_described_before_it_is_built(folder: Path) -> None:
    path = write(folder, "weekly/user_trend", TREND)
    write(folder, "weekly/growth", GROWTH)
    models = load_models(folder)
    assets = build_sql_assets(models, KNOWN)
    spec, growth = assets.specs
    assert spec.key == dg.AssetKey(["weekly", "user_trend"])
    assert [dep.asset_key for dep in spec.deps] == [dg.AssetKey(["flat", "user_daily"])]
    assert [dep.asset_key for dep in growth.deps] == [spec.key]
    assert (spec.group_name, spec.kinds, list(spec.owners)) == (
        "weekly",
        {"duckdb", "sql", "trend"},
        ["team:enablement", "ana@example.com"],
    )
    assert spec.code_version == models[0].code_version
    assert assets.backfill_policy == dg.BackfillPolicy.single_run()
    assert spec.metadata["dagster/table_name"] == "weekly.user_trend"
    (reference,) = spec.metadata["dagster/code_references"].code_references
    assert reference.file_path == str(path)
    columns = {column.name: column for column in spec.metadata["dagster/column_schema"].columns}
    assert columns["week_start"].description == "ISO Monday, UTC"
    assert columns["week_start"].constraints == dg.TableColumnConstraints(nullable=False)
    assert columns["scope"].constraints.other == ["unique(scope, week_start)"]


def test_a_build_tells_rows_types_lineage_and_a_preview(folder: Path, warehouse: Warehouse) -> None:
    write(folder, "weekly/user_trend", TREND)
    told = metadata(run(folder, warehouse), "weekly", "user_trend")
    assert told["dagster/row_count"].value == 3
    assert 0 < told["seconds"].value < 60
    assert [(c.name, c.type, c.description) for c in told["dagster/column_schema"].value.columns] == [
        ("scope", "VARCHAR", "whom the row is about"),
        ("week_start", "DATE", "ISO Monday, UTC"),
        ("active_people", "BIGINT", "people, not sums of days"),
        ("interactions", "BIGINT", None),
    ]
    upstream = dg.AssetKey(["flat", "user_daily"])
    assert told["dagster/column_lineage"].value.deps_by_column["active_people"] == [
        dg.TableColumnDep(upstream, "interactions"),
        dg.TableColumnDep(upstream, "login"),
    ]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in told["preview"].value.splitlines()]
    assert cells[0] == ["scope", "week_start", "active_people", "interactions"]
    assert cells[2:] == [  # newest first
        ["org:a", "2026-03-09", "1", "2"],
        ["org:b", "2026-03-09", "0", "null"],
        ["org:a", "2026-03-02", "2", "8"],
    ]


def test_a_preview_shows_the_columns_that_its_header_names(folder: Path, warehouse: Warehouse) -> None:
    header = "/*\ndescription: d\npreview: [c, a]\n*/\n"
    write(folder, "quality/few", header + "select 1 as a, 2 as b, 3 as c")
    told = str(metadata(run(folder, warehouse), "quality", "few")["preview"].value).splitlines()
    assert [[cell.strip() for cell in line.strip("|").split("|")] for line in (told[0], told[2])] == [
        ["c", "a"],
        ["3", "1"],
    ]


def test_a_preview_of_a_column_that_is_not_there_is_refused(folder: Path) -> None:
    write(folder, "mart/x", "/*\ndescription: d\npreview: [a, z]\n*/\nselect 1 as a")
    with pytest.raises(ModelError, match=r"has `z` in `preview:`, and no such column in its final select"):
        load_models(folder)


@pytest.mark.parametrize(
    ("column", "select", "sentence"),
    [
        ("week_start", "select 1 as a", r"has `incremental: week_start`, and no such column in its final select"),
        ("day", "select day from flat.user_daily", r"nothing of it reads getvariable\('since'\)"),
        (
            "day",
            "select day from raw.records where day >= getvariable('since')",
            r"reads `raw.records`, of which nobody notes when it changed. Of schema raw read current_fetches, events, ",
        ),
        ("day", "select today() as day where day >= getvariable('since')", r"asks a clock, dice or a file"),
        ("day", "select day from flat.sources where day >= getvariable('since')", r"reads `flat.sources`"),
        ("month", "select 1 as month", r"Invalid enum value 'month'"),
    ],
)
def test_what_could_go_stale_is_not_incremental(folder: Path, column: str, select: str, sentence: str) -> None:
    write(folder, "mart/x", f"/*\ndescription: d\nincremental: {column}\n*/\n{select}")
    with pytest.raises(ModelError, match=sentence):
        load_models(folder)


def test_a_preview_is_ten_rows_and_never_of_people(folder: Path, warehouse: Warehouse) -> None:
    header = "/*\ndescription: One row.\n*/\n"
    write(folder, "quality/many", f"{header}select x, 'a|b' as t from generate_series(1, 30) as g(x)")
    write(folder, "people/many", f"{header}select x from generate_series(1, 30) as g(x)")
    write(folder, "quality/person", f"{header}select x as payload from generate_series(1, 30) as g(x)")
    result = run(folder, warehouse)
    preview = metadata(result, "quality", "many")["preview"].value.splitlines()
    assert len(preview) == 2 + 10
    assert r"a\|b" in preview[2]
    assert "preview" not in metadata(result, "people", "many")
    assert "preview" not in metadata(result, "quality", "person")


def test_a_query_that_fails_leaves_the_old_table(folder: Path, warehouse: Warehouse) -> None:
    write(folder, "weekly/user_trend", TREND)
    assert run(folder, warehouse).success
    write(folder, "weekly/user_trend", TREND.replace("sum(interactions)", "sum(interactionz)"))
    result = run(folder, warehouse, raise_on_error=False)
    assert not result.success
    text = sentence(result)
    assert text.startswith("weekly.user_trend was not rebuilt and keeps the rows it had")
    assert "LINE 17" in text  # the line of the file
    assert query(warehouse, "select count(*) from weekly.user_trend") == [(3,)]


def test_a_query_that_fails_stops_what_reads_its_table_and_nothing_else(folder: Path, warehouse: Warehouse) -> None:
    write(folder, "mart/bad", f"{HEADER}select 1 as x -- #not_null")
    write(folder, "mart/child", f"{HEADER}select x -- #not_null\nfrom mart.bad")
    write(folder, "mart/grandchild", f"{HEADER}select x -- #not_null\nfrom mart.child")
    write(folder, "mart/other", f"{HEADER}select 1 as x -- #not_null #unique(x)")
    write(folder, "mart/second", f"{HEADER}select 1 as x")
    write(folder, "checks/mart.other__is_like_the_child", "select x from mart.other anti join mart.child using (x)")
    assert run(folder, warehouse).success
    for name in ("bad", "second"):
        write(folder, f"mart/{name}", f"{HEADER}select error('no {name}')::integer as x -- #not_null")
    write(folder, "mart/other", f"{HEADER}select 2 as x -- #not_null #unique(x)")
    result = run(folder, warehouse, raise_on_error=False)
    lines = sentence(result).splitlines()
    assert [line.split(" was not rebuilt")[0] for line in lines if "not rebuilt" in line] == ["mart.bad", "mart.second"]
    assert all(any(reason in line for line in lines) for reason in ("no bad", "no second"))
    assert lines[-1] == "Not built because of that, and with the rows they had: mart.child, mart.grandchild."
    assert built(result) == ["mart.other"]
    assert query(warehouse, "select x from mart.grandchild union all select x from mart.other") == [(1,), (2,)]
    # Red by itself, the third check of `other` would be judged by a table of the run before.
    evaluated = [(each.asset_key.path[-1], each.check_name) for each in result.get_asset_check_evaluations()]
    assert sorted(evaluated) == [("other", "not_null"), ("other", "unique_x")]


def test_a_test_that_fails_keeps_no_other_from_running(folder: Path, warehouse: Warehouse) -> None:
    write(folder, "mart/a", f"{HEADER}select 1 as x -- #not_null")
    write(folder, "mart/b", f"{HEADER}select 1 as x -- #not_null")
    path = write(folder, "checks/mart.a__odd", "select nope from mart.a")
    result = run(folder, warehouse, raise_on_error=False)
    assert sentence(result).startswith(f"mart.a was not checked for `odd`: DuckDB refuses the query of {path}.")
    assert built(result) == ["mart.a", "mart.b"]
    evaluated = [(each.asset_key.path[-1], each.check_name) for each in result.get_asset_check_evaluations()]
    assert evaluated == [("a", "not_null"), ("b", "not_null")]


def test_a_file_that_is_held_elsewhere_fails_the_step_with_its_sentence(folder: Path, warehouse: Warehouse) -> None:
    write(folder, "mart/x", f"{HEADER}select 1 as x")
    held = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", held, str(warehouse.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        result = run(folder, warehouse, raise_on_error=False)
        holder.communicate()
    assert sentence(result).startswith(f"{warehouse.path} is open in ")


def test_what_of_the_ledger_the_tables_show_is_noted_once_all_that_read_tables_are_built(
    folder: Path, warehouse: Warehouse
) -> None:
    query(warehouse, "insert into raw.fetches by name select '1' as fetch_id, 'org:a' as scope, 'r' as report, "
        "date '2026-03-02' as day, now()::timestamp as requested_at, 'failed' as outcome, 'No.' as evidence, "
        "7 as entry_number")  # fmt: skip
    write(folder, "mart/a", f"{HEADER}select scope from flat.user_daily")
    write(folder, "mart/b", f"{HEADER}select error('no')::bigint as x from flat.user_daily")
    write(folder, "mart/c", f"{HEADER}select 1 as x")
    assert not run(folder, warehouse, raise_on_error=False).success
    assert query(warehouse, "from raw.rebuilt") == []
    write(folder, "mart/b", f"{HEADER}select login from flat.user_daily")
    run(folder, warehouse, selection=["mart/b"])
    assert query(warehouse, "from raw.rebuilt") == []
    run(folder, warehouse, selection=["mart/a", "mart/b"])
    assert query(warehouse, "from raw.rebuilt") == [(7,)]


def test_a_first_build_that_fails_leaves_nothing(folder: Path, warehouse: Warehouse) -> None:
    write(folder, "mart/x", f"{HEADER}select error('no')::bigint as x")
    assert not run(folder, warehouse, raise_on_error=False).success
    assert query(warehouse, "select count(*) from duckdb_schemas() where schema_name = 'mart'") == [(0,)]


def test_a_reader_never_sees_half_a_table(folder: Path, warehouse: Warehouse) -> None:
    """A reader holds its snapshot over a replacement; one that fails in its last row changes nothing."""
    write(folder, "mart/x", f"{HEADER}select 1 as x")
    assert run(folder, warehouse).success
    with warehouse.connect() as reader:
        reader.begin()
        assert reader.execute("select x from mart.x").fetchall() == [(1,)]
        write(folder, "mart/x", f"{HEADER}select x from generate_series(2, 3) as g(x)")
        assert run(folder, warehouse).success
        assert reader.execute("select x from mart.x").fetchall() == [(1,)]
        reader.commit()
        assert reader.execute("select x from mart.x").fetchall() == [(2,), (3,)]
        late = "if(x = 100000, error('late'), x)::bigint as x"
        write(folder, "mart/x", f"{HEADER}select {late} from generate_series(1, 100000) as g(x)")
        assert not run(folder, warehouse, raise_on_error=False).success
        assert reader.execute("select x from mart.x").fetchall() == [(2,), (3,)]


# Checks

BROKEN = """\
    /*
    description: One row per number.
    */
    select
      n, -- #not_null #unique(n)
      kind, -- #accepted(odd, even)
      share, -- #range(0,1)
      low, -- #range(,10)
      high -- #range(0,)
    from (values
      (1, 'odd', 0.5::double, 10::double, 0::double),
      (2, 'even', 1, 'nan', 'nan'),
      (2, 'other', 1.5, null, null),
      (null, null, null, '-infinity', 'infinity')
    ) as v(n, kind, share, low, high)
    """


def checks(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}


def shown_rows(evaluation: dg.AssetCheckEvaluation) -> list[dict[str, object]]:
    return [dict(record.data) for record in evaluation.metadata["rows"].records]


def test_assertions_show_the_rows_that_break_them(folder: Path, warehouse: Warehouse) -> None:
    write(folder, "quality/numbers", BROKEN)
    found = checks(run(folder, warehouse))
    assert set(found) == {"unique_n", "not_null", "accepted", "range"}
    assert not any(evaluation.passed for evaluation in found.values())
    assert {evaluation.severity for evaluation in found.values()} == {dg.AssetCheckSeverity.ERROR}
    assert shown_rows(found["unique_n"]) == [{"n": 2, "copies": 2}]
    assert shown_rows(found["accepted"]) == [{"n": 2, "kind": "other", "share": 1.5, "low": None, "high": None}]
    assert [row["kind"] for row in shown_rows(found["not_null"])] == [None]
    # The range of `share` is broken by 1.5, not by null; an open end refuses what is no number at all.
    assert sorted((str(row["share"]), str(row["low"]), str(row["high"])) for row in shown_rows(found["range"])) == [
        ("1.0", "nan", "nan"),
        ("1.5", "None", "None"),
        ("None", "-inf", "inf"),
    ]
    assert found["range"].description == "Rows that break this rule: 3. The query shows them all."


def test_assertions_that_hold_pass(folder: Path, warehouse: Warehouse) -> None:
    write(folder, "weekly/user_trend", TREND)
    found = checks(run(folder, warehouse))
    assert set(found) == {"not_null", "unique_scope_week_start", "range"}
    assert all(evaluation.passed for evaluation in found.values())
    assert all("rows" not in evaluation.metadata for evaluation in found.values())


def test_a_singular_test_fails_on_any_row(folder: Path, warehouse: Warehouse) -> None:
    write(folder, "weekly/user_trend", TREND)
    write(
        folder,
        "checks/weekly.user_trend__no_empty_week",
        """\
        /*
        description: A week has somebody active.
        severity: warn
        */
        select scope, week_start from weekly.user_trend where active_people = 0; -- each is a week nobody used it
        """,
    )
    write(
        folder,
        "checks/weekly.user_trend__all_scopes",
        "select scope from flat.user_daily anti join weekly.user_trend using (scope)",
    )
    models = load_models(folder)
    assert [check.depends_on for check in models[0].checks if check.name == "all_scopes"] == [(("flat", "user_daily"),)]
    found = checks(run(folder, warehouse))
    assert found["all_scopes"].passed
    failed = found["no_empty_week"]
    assert (failed.passed, failed.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert shown_rows(failed) == [{"scope": "org:b", "week_start": "2026-03-09"}]
    shown = failed.metadata["query"].value.removeprefix("```sql\n").removesuffix("\n```")
    assert [row[0] for row in query(warehouse, shown)] == ["org:b"]


def test_a_test_waits_for_every_table_it_reads(folder: Path, warehouse: Warehouse) -> None:
    write(folder, "weekly/user_trend", TREND)
    write(folder, "weekly/growth", GROWTH)
    write(folder, "checks/weekly.user_trend__grows", "select scope from weekly.growth where change < 0")
    assets = build_sql_assets(load_models(folder), KNOWN)
    spec = next(spec for spec in assets.check_specs if spec.name == "grows")
    assert [dep.asset_key for dep in spec.additional_deps] == [dg.AssetKey(["weekly", "growth"])]
    assert shown_rows(checks(run(folder, warehouse))["grows"]) == [{"scope": "org:a"}]


def test_a_test_waits_for_a_table_that_no_model_reads(folder: Path, warehouse: Warehouse) -> None:
    """Of steps that wait for nothing, Dagster takes the first by name: this one would come after the models."""

    @dg.multi_asset(specs=[dg.AssetSpec(["flat", "seat"])])
    def z_seat() -> None:
        query(warehouse, "create table flat.seat as select 7 as x")

    write(folder, "mart/a", f"{HEADER}select 1 as x")
    write(folder, "mart/b", f"{HEADER}select x from mart.a")
    write(folder, "checks/mart.a__no_seat", "select x from flat.seat")
    write(folder, "checks/mart.a__no_b", "select x from mart.b where x > 1")
    found = checks(run(folder, warehouse, z_seat))
    assert {name: check.passed for name, check in found.items()} == {"no_seat": False, "no_b": True}
    assert found["no_seat"].metadata["offending_rows"].value == 1


def test_twenty_offending_rows_are_shown_and_all_are_counted(folder: Path, warehouse: Warehouse) -> None:
    text = f"{HEADER}select x -- #range(1000,)\nfrom generate_series(1, 30) as g(x)"
    write(folder, "quality/many", text)
    write(folder, "people/many", text)
    evaluations = run(folder, warehouse).get_asset_check_evaluations()
    by_schema = {evaluation.asset_key.path[0]: evaluation for evaluation in evaluations}
    assert {e.metadata["offending_rows"].value for e in by_schema.values()} == {30}
    assert len(shown_rows(by_schema["quality"])) == 20
    assert "rows" not in by_schema["people"].metadata


def test_one_check_can_run_alone(folder: Path, warehouse: Warehouse) -> None:
    write(folder, "quality/numbers", BROKEN)
    assert run(folder, warehouse).success
    query(warehouse, "delete from quality.numbers where kind = 'other'")
    wanted = dg.AssetCheckKey(dg.AssetKey(["quality", "numbers"]), "unique_n")
    result = run(folder, warehouse, selection=dg.AssetSelection.checks(wanted))
    assert {name: check.passed for name, check in checks(result).items()} == {"unique_n": True}
    assert built(result) == [], "it is the table that is there that was checked"


def test_one_model_can_be_built_alone(folder: Path, warehouse: Warehouse) -> None:
    """With its checks, as a click in the UI does, or without; the others stay, and so does what it reads."""
    write(folder, "mart/a", f"{HEADER}select 1 as x -- #not_null")
    write(folder, "mart/b", f"{HEADER}select x -- #not_null\nfrom mart.a")
    write(folder, "mart/c", f"{HEADER}select x -- #not_null\nfrom mart.b")
    assert built(run(folder, warehouse)) == ["mart.a", "mart.b", "mart.c"]
    for name, number in {"a": 2, "b": 3, "c": 4}.items():
        query(warehouse, f"update mart.{name} set x = {number}")
    with warehouse.connect() as connection:
        note_change(connection, "mart.a")
    only = dg.AssetSelection.assets(["mart", "b"])
    result = run(folder, warehouse, selection=only)
    assert built(result) == ["mart.b"]
    assert [each.asset_key.path[-1] for each in result.get_asset_check_evaluations()] == ["b"]
    assert query(warehouse, "select x from mart.a union all from mart.b union all from mart.c") == [(2,), (2,), (4,)]
    result = run(folder, warehouse, selection=only.without_checks())
    assert (built(result), checks(result)) == (["mart.b"], {})


def test_a_whole_run_is_one_step_and_a_result_tells_of_the_table_it_was_made_of(
    folder: Path, warehouse: Warehouse
) -> None:
    write(folder, "weekly/user_trend", TREND)
    write(folder, "weekly/growth", GROWTH)
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(folder, warehouse, instance=instance)
        assert [event.step_key for event in result.all_events if event.is_step_start] == ["sql_models"]
        latest = instance.get_latest_materialization_event(dg.AssetKey(["weekly", "user_trend"]))
    targets = {each.target_materialization_data.timestamp for each in result.get_asset_check_evaluations()}
    assert latest is not None
    assert targets == {latest.timestamp}


def test_the_examples_of_the_readme_work(folder: Path, warehouse: Warehouse) -> None:
    readme = (REPOSITORY / "dbt_like_sql/README.md").read_text()
    model, incremental, test, parts = (block.split("```")[0] for block in readme.split("```sql\n")[1:])
    query(warehouse, "alter table flat.user_daily rename column interactions to user_initiated_interaction_count")
    query(warehouse, "alter table flat.user_daily rename column login to user_id")
    write(folder, "weekly/example", model)
    assert run(folder, warehouse).success
    assert query(warehouse, "select people, interactions from weekly.example") == [(2, 8), (1, 2)]
    write(folder, "weekly/kept", incremental)
    assert run(folder, warehouse).success
    assert query(warehouse, "select people from weekly.kept order by scope, week_start") == [(2,), (2,), (1,)]
    key = "select 'org:a' as scope, date '2026-03-02' as week_start"
    write(
        folder,
        "people/weekly_part",
        f"{HEADER}{key}, 'ide' as breakdown, 'x' as part, false as is_suppressed, 7 as people_shown, "
        "5 as loc_added_sum",
    )
    write(folder, "quality/weekly_coverage", f"{HEADER}{key}, 'entity-1-day' as source, 6 as days_reported")
    write(folder, "weekly/parts", parts)
    assert run(folder, warehouse).success
    assert query(warehouse, "select ide, days_reported, people, loc_added_sum from weekly.parts") == [("x", 6, 7, 5)]
    write(folder, "weekly/user_trend", f"{HEADER}select 'org:a' as scope, current_date as week_start")
    write(folder, "checks/weekly.user_trend__example", test)
    checks_by_name = {check.name: check for model in load_models(folder) for check in model.checks}
    assert checks_by_name["example"].severity == "warn"


# A range of days in one run


def test_a_range_of_days_builds_models_once(folder: Path, warehouse: Warehouse) -> None:
    @dg.asset(
        key=["flat", "user_daily"],
        partitions_def=dg.DailyPartitionsDefinition("2026-03-01", end_date="2026-04-01"),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def user_daily(context: dg.AssetExecutionContext) -> None:
        days = ", ".join(f"('org:c', date '{day}', 'ana', 1)" for day in context.partition_keys)
        query(warehouse, f"insert into flat.user_daily values {days}")

    write(folder, "weekly/user_trend", TREND)
    write(folder, "weekly/growth", GROWTH)
    tags = {
        "dagster/asset_partition_range_start": "2026-03-05",
        "dagster/asset_partition_range_end": "2026-03-11",
    }
    result = run(folder, warehouse, user_daily, tags=tags)
    assert len(result.asset_materializations_for_node("flat__user_daily")) == 7
    assert metadata(result, "weekly", "user_trend")["dagster/row_count"].value == 5
    assert len(checks(result)) == 3
    # Thursday 5 to Sunday 8 March, then Monday 9 to Wednesday 11.
    assert query(warehouse, "select interactions from weekly.user_trend where scope = 'org:c' order by week_start") == [
        (4,),
        (3,),
    ]
