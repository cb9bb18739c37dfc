"""The code location as Dagster sees it: what there is, what runs when, and what a user reads at each asset."""

import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.events import DagsterEvent, DagsterEventType, StepMaterializationData
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill

from copilot_assets.definitions import build_defs
from copilot_assets.now import today_utc
from copilot_assets.orchestration.assets.raw import LEDGER
from copilot_assets.orchestration.automation import LAST, build_sensor
from copilot_assets.orchestration.checks import WEEKLY_REPORTS
from copilot_assets.orchestration.installation import Installation
from copilot_assets.shell.runs import run_range
from copilot_assets.sql_models.files import load_models
from copilot_assets.standin import Fault, Standin
from tests.conftest import TODAY, Company

ROOT = Path(__file__).parents[2]

ENV = {
    "GITHUB_TOKEN": "x",
    "COPILOT_SCOPES": "org:octo-org,enterprise:octo-corp",
    "COPILOT_START_DATE": "2026-01-01",
    "COPILOT_WAREHOUSE": "unused.duckdb",
}

# Reports about days, and what GitHub tells as of now.
REPORT = {
    "organization_1_day",
    "enterprise_1_day",
    "users_1_day",
    "user_teams_1_day",
    "repos_1_day",
    "ai_credit_usage",
    "premium_request_usage",
    "ai_usage_report",
    "premium_request_report",
    "legacy_metrics",
}
SNAPSHOT = {"organization_28_day", "enterprise_28_day", "copilot_seats", "copilot_billing", "budgets", "cost_centers"}
BY_HAND = {"ai_usage_report", "premium_request_report"}
INPUTS = {"settings", "plan_prices", "plan_credits", "events"}
RAW = REPORT | SNAPSHOT | INPUTS | {"expected_reports", "fetches", "dropped_text"}
ACTIVITY = {
    "daily",
    "ide_daily",
    "feature_daily",
    "language_feature_daily",
    "language_model_daily",
    "model_feature_daily",
    "third_party_agent_daily",
    "skill_daily",
    "custom_agent_daily",
    "mcp_daily",
    "slash_cmd_daily",
    "plugin_daily",
    "cli_daily",
    "copilot_app_daily",
    "vscode_agent_daily",
}
OF_USERS = {f"user_{what}" for what in ACTIVITY}
FLAT = (
    {f"entity_{what}" for what in ACTIVITY}
    | OF_USERS
    | {
        "entity_adoption_phase_daily",
        "entity_pull_request_daily",
        "entity_comment_type_daily",
        "user_team_daily",
        "repo_pull_request_daily",
        "repo_review_time_daily",
        "engagement_28_days",
        "feature_engagement_28_days",
        "seat",
        "seat_grant",
        "subscription",
        "ai_credit_usage",
        "premium_request_usage",
        "bill_item",
        "budget",
        "cost_center",
        "legacy_daily",
        "legacy_code_completion_daily",
        "legacy_code_completion_model_daily",
        "legacy_code_completion_editor_daily",
        "legacy_code_completion_language_daily",
        "legacy_ide_chat_daily",
        "legacy_ide_chat_editor_daily",
        "legacy_dotcom_chat_daily",
        "legacy_pull_request_daily",
        "legacy_pull_request_repository_daily",
    }
)
WEEKLY = {
    "user_trend",
    "feature_trend",
    "ide_trend",
    "language_trend",
    "model_trend",
    "team_trend",
    "adoption_phase_trend",
    "cohort_retention",
    "monthly_cohort_retention",
    "licence_trend",
    "spend_trend",
    "bill_trend",
    "pull_request_trend",
    "event_effect",
    "legacy_user_trend",
    "last_28_days",
}
# Of persons: neither shown nor exported.
PEOPLE = {"user_week", "team_week", "weekly_part", "seat_use", "idle_seat", "passive_day", "legacy_day", "group_week"}
PEOPLE |= {"first_day", "team_absence", "team_day"}
QUALITY = {
    "budget_status",
    "day_status",
    "notice",
    "open_cause",
    "quarantine",
    "reconciliation",
    "revisions",
    "schema_drift",
    "scope",
    "seat_snapshot",
    "series_break",
    "team_day_status",
    "weekly_coverage",
}
# Those that read what every raw report writes beside its records.
OF_EVERY_REPORT = {
    "budget_status",
    "day_status",
    "open_cause",
    "quarantine",
    "revisions",
    "schema_drift",
    "seat_snapshot",
}


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    return build_defs(Installation(ENV))


def test_the_definitions_can_be_loaded(defs: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(defs)


def test_every_table_is_an_asset_in_the_group_of_its_schema(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    keys = {tuple(key.path) for key in graph.get_all_asset_keys()}
    assert keys == {
        *(("raw", name) for name in RAW),
        *(("flat", name) for name in FLAT),
        *(("weekly", name) for name in WEEKLY),
        *(("quality", name) for name in QUALITY),
        *(("people", name) for name in PEOPLE),
        ("export", "files"),
        ("report", "weekly"),
    }
    for key in graph.get_all_asset_keys():
        assert graph.get(key).group_name == key.path[0]


def test_only_raw_reports_are_partitioned_by_day_and_all_take_a_range_in_one_run(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        is_report = key.path[0] == "raw" and key.path[1] in REPORT
        assert isinstance(node.partitions_def, dg.DailyPartitionsDefinition) == is_report, key
        # The ledger has no step of its own: every raw step writes it.
        expected = None if key.path == ["raw", "fetches"] else dg.BackfillPolicy.single_run()
        assert node.backfill_policy == expected, key


@pytest.mark.parametrize(("days", "each"), [("3", 3), ("none", None)])
def test_a_backfill_is_cut_into_runs_where_that_is_set(days: str, each: int | None) -> None:
    defs = build_defs(Installation({**ENV, "COPILOT_DAYS_PER_RUN": days}))
    dg.Definitions.validate_loadable(defs)
    graph = defs.resolve_asset_graph()
    for key in graph.get_all_asset_keys() - {dg.AssetKey(["raw", "fetches"])}:
        is_report = key.path[0] == "raw" and key.path[1] in REPORT
        policy = dg.BackfillPolicy.multi_run(each) if each and is_report else dg.BackfillPolicy.single_run()
        assert graph.get(key).backfill_policy == policy, key


def test_a_user_reads_grain_owner_kind_and_column_docs_at_every_asset(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description, key
        assert node.owners == ["team:copilot"], key
        assert "duckdb" in node.kinds, key
        if key.path[0] in ("export", "report"):
            continue
        assert node.description.startswith("One row per "), key
        columns = node.metadata["dagster/column_schema"].columns
        assert columns, key
        assert all(column.description for column in columns), key
    trend = graph.get(dg.AssetKey(["weekly", "user_trend"]))
    (reference,) = trend.metadata["dagster/code_references"].code_references
    assert Path(reference.file_path) == ROOT / "dbt_like_sql" / "weekly" / "user_trend.sql"


def test_who_selects_what_github_fills_gets_what_is_asked_for() -> None:
    """Its missing days are fetched by a click, and nobody wants those of a report that is switched off."""
    asks_little = {
        "COPILOT_SCOPES": "org:octo-org",
        "COPILOT_IDENTITIES": "off",
        "COPILOT_SKIP_REPORTS": "budgets,ai-credit-usage,premium-request-usage,repos-1-day",
    }
    graph = build_defs(Installation(ENV | asks_little)).resolve_asset_graph()
    by_github = {key.path[1] for key in graph.get_all_asset_keys() if "github" in graph.get(key).kinds}
    assert by_github == {"organization_1_day", "organization_28_day", "copilot_billing"}


def test_raw_and_weekly_assets_are_checked_for_missing_days_and_threshold_gaps(defs: dg.Definitions) -> None:
    checks = {(tuple(key.asset_key.path), key.name) for key in defs.resolve_asset_graph().asset_check_keys}
    about = [("raw", name) for name in REPORT] + [("weekly", name) for name in WEEKLY]
    for asset in about:
        assert (asset, "missing_days") in checks
        assert (asset, "five_user_threshold_gaps") in checks
    for name in SNAPSHOT:
        assert (("raw", name), "missing_days") not in checks, "no day of what is told as of now can be missing"
    assert (("quality", "seat_snapshot"), "people_are_total_seats") in checks
    assert (("quality", "quarantine"), "is_empty") in checks
    assert (("quality", "revisions"), "are_in_time_and_grow") in checks
    assert set(WEEKLY_REPORTS) == {model.name for model in load_models() if model.schema == "weekly"}


def test_all_sql_models_and_their_checks_are_one_step(defs: dg.Definitions) -> None:
    """Each further step would be 0.1 s of Dagster's bookkeeping in every run."""
    models = load_models()
    (definition,) = {id(each): each for each in (defs.get_assets_def(model.key) for model in models)}.values()
    assert set(definition.keys) == {dg.AssetKey(model.key) for model in models}
    checks = {(dg.AssetKey(model.key), check.name) for model in models for check in model.checks}
    assert {(key.asset_key, key.name) for key in definition.check_keys} == checks


def test_downstream_of_a_report_is_everything_made_from_it(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    below = {tuple(key.path) for key in graph.get(dg.AssetKey(["raw", "users_1_day"])).child_keys}
    flat = {("flat", name) for name in OF_USERS}
    assert below == flat | {("quality", name) for name in OF_EVERY_REPORT} | {("raw", "fetches")}
    for name, others in (("quarantine", set()), ("revisions", {"expected_reports"})):
        above = {tuple(key.path) for key in graph.get(dg.AssetKey(["quality", name])).parent_keys}
        assert above == {("raw", report) for report in REPORT | SNAPSHOT | {"fetches"} | others}
    seats = {tuple(key.path) for key in graph.get(dg.AssetKey(["quality", "seat_snapshot"])).parent_keys}
    assert {("flat", "seat"), ("flat", "seat_grant"), ("raw", "copilot_seats"), ("raw", "fetches")} <= seats
    above = {tuple(key.path) for key in graph.get(dg.AssetKey(["weekly", "user_trend"])).parent_keys}
    assert above == {
        ("flat", "entity_daily"),
        ("people", "user_week"),
        ("people", "weekly_part"),
        ("quality", "day_status"),
        ("quality", "series_break"),
        ("quality", "weekly_coverage"),
        ("raw", "settings"),
    }


def test_the_export_comes_after_every_table_that_is_in_it_and_in_every_job(defs: dg.Definitions) -> None:
    files = dg.AssetKey(["export", "files"])
    graph = defs.resolve_asset_graph()
    exported = {key for key in graph.get_all_asset_keys() if key.path[0] in ("weekly", "quality")}
    # What people were told is known only after all else.
    assert graph.get(files).parent_keys == exported - {dg.AssetKey(["quality", "notice"])}
    for job in ("everything", "rebuild"):
        assert files in defs.resolve_job_def(job).asset_layer.executable_asset_keys


def test_workspace_yaml_is_the_entry_and_nothing_shadows_it() -> None:
    """`dagster dev` looks into pyproject.toml first: a dagster or dg table there would hide workspace.yaml silently."""
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert not {"dagster", "dg"} & set(tables)
    (entry,) = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    assert entry["python_module"]["module_name"] == "copilot_assets.definitions"


def test_the_instance_sends_no_telemetry_and_no_step_can_keep_a_slot_that_nobody_frees(defs: dg.Definitions) -> None:
    config = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    assert config["telemetry"] == {"enabled": False}
    assert not [node.definition.pools for node in defs.resolve_job_def("everything").nodes if node.definition.pools]
    assert config["storage"]["custom"]["config"]["base_dir"].startswith(".dagster/")


def test_a_start_date_that_cannot_be_used_does_not_keep_the_location_from_loading() -> None:
    tomorrow = (today_utc() + timedelta(days=1)).isoformat()
    defs = build_defs(Installation({**ENV, "COPILOT_START_DATE": tomorrow}))
    dg.Definitions.validate_loadable(defs)


def schedule_tick(env: dict[str, str], at: datetime) -> dg.RunRequest | dg.SkipReason:
    defs = build_defs(Installation(env))
    schedule = defs.resolve_schedule_def("refresh_recent_days")
    context = dg.build_schedule_context(scheduled_execution_time=at, repository_def=defs.get_repository_def())
    data = schedule.evaluate_tick(context)
    if data.run_requests:
        (request,) = data.run_requests
        return request
    return dg.SkipReason(data.skip_message)


def test_the_daily_run_asks_again_for_the_days_that_github_may_have_revised() -> None:
    tick = schedule_tick(ENV, datetime(2026, 10, 1, 6, 30, tzinfo=UTC))
    assert isinstance(tick, dg.RunRequest)
    # Yesterday, and back to the first day that is final: GitHub revises a day for three full UTC days.
    assert tick.tags["dagster/asset_partition_range_start"] == "2026-09-27"
    assert tick.tags["dagster/asset_partition_range_end"] == "2026-09-30"
    longer = schedule_tick({**ENV, "COPILOT_LOOKBACK_DAYS": "10"}, datetime(2026, 10, 1, 6, 30, tzinfo=UTC))
    assert isinstance(longer, dg.RunRequest)
    assert longer.tags["dagster/asset_partition_range_start"] == "2026-09-21"


def test_the_daily_run_begins_no_earlier_than_the_history() -> None:
    env = {**ENV, "COPILOT_START_DATE": "2026-09-29"}
    tick = schedule_tick(env, datetime(2026, 10, 1, 6, 30, tzinfo=UTC))
    assert isinstance(tick, dg.RunRequest)
    assert tick.tags["dagster/asset_partition_range_start"] == "2026-09-29"
    assert isinstance(schedule_tick(env, datetime(2026, 9, 29, 6, 30, tzinfo=UTC)), dg.SkipReason)


def test_the_schedule_and_the_sensor_are_on_from_the_start(defs: dg.Definitions) -> None:
    assert defs.resolve_schedule_def("refresh_recent_days").default_status is dg.DefaultScheduleStatus.RUNNING
    sensor = defs.get_repository_def().get_sensor_def("follow_raw")
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING


def test_a_report_that_no_scope_has_is_not_run() -> None:
    defs = build_defs(Installation({**ENV, "COPILOT_SCOPES": "org:octo-org"}))
    keys = defs.resolve_job_def("everything").asset_layer.executable_asset_keys
    raw = {key.path[1] for key in keys if key.path[0] == "raw"}
    # Legacy metrics are asked for only where they are switched on; the ledger has no step of its own.
    assert raw == RAW - {"enterprise_1_day", "enterprise_28_day", "cost_centers", "legacy_metrics", "fetches", *BY_HAND}


def test_a_report_that_is_left_out_is_not_run_and_what_is_below_stays_buildable() -> None:
    skipped = {"copilot_seats", "ai_credit_usage"}
    defs = build_defs(Installation({**ENV, "COPILOT_SKIP_REPORTS": "copilot-seats,ai-credit-usage"}))
    keys = defs.resolve_job_def("everything").asset_layer.executable_asset_keys
    assert {key.path[1] for key in keys if key.path[0] == "raw"} == RAW - skipped - {
        "legacy_metrics",
        "fetches",
        *BY_HAND,
    }
    assert dg.AssetKey(["flat", "seat"]) in keys, "a history that was kept before is still shown"
    graph = defs.resolve_asset_graph()
    assert {key.path[1] for key in graph.get_all_asset_keys() if key.path[0] == "raw"} == RAW


def look(company: Company, cursor: str | None) -> tuple[Any, str | None]:
    """What the sensor asks for, and the cursor that Dagster keeps for it."""
    repository = build_defs(company.installation).get_repository_def()
    with dg.build_sensor_context(
        instance=company.instance, cursor=cursor, repository_def=repository, sensor_name="follow_raw"
    ) as context:
        told = repository.get_sensor_def("follow_raw").evaluate_tick(context)
    return told, told.cursor


def test_what_is_below_follows_what_landed_and_rests_after_a_whole_run(company: Company, standin: Standin) -> None:
    """Under the schedule nothing but the sensor rebuilds after a failed run: a refusal must not freeze the rest."""
    told, cursor = look(company, None)
    assert (told.run_requests, told.skip_message) == ([], "Nothing has landed since the last look.")
    day = TODAY - timedelta(days=4)
    assert company.load(day, day) == []
    told, cursor = look(company, cursor)
    assert (told.run_requests, told.skip_message) == ([], "A run has built everything from what has landed.")

    # A day that is red for one scope has landed for the others.
    standin.faults.append(Fault("policy-off", scope="org:octo-labs"))
    earlier = day - timedelta(days=1)
    assert company.load(earlier, earlier, *company.raw)
    assert company.sql(f"select distinct scope from flat.user_daily where day = '{earlier}'") == []
    told, cursor = look(company, cursor)
    (request,) = told.run_requests
    assert (request.job_name, request.run_key) == (None, cursor)
    assert look(company, cursor)[0].skip_message == "Nothing has landed since the last look.", "asked for once"
    assert company.rebuild() == []
    scopes = company.sql(f"select distinct scope from flat.user_daily where day = '{earlier}' order by 1")
    assert scopes == [("enterprise:octo-corp",), ("org:octo-org",)]
    assert look(company, cursor)[0].run_requests == [], "a rebuild asks GitHub for nothing, so nothing follows it"


@pytest.fixture
def at_ease() -> Iterator[dg.DagsterInstance]:
    """An instance with nothing in it."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def event(instance: dg.DagsterInstance, key: dg.AssetKey, run: dg.DagsterRun) -> None:
    """As a step of the run tells of it."""
    data = StepMaterializationData(dg.AssetMaterialization(key), [])
    told = DagsterEvent(DagsterEventType.ASSET_MATERIALIZATION.value, run.job_name, event_specific_data=data)
    instance.report_dagster_event(told, run.run_id)


def started(instance: dg.DagsterInstance) -> dg.DagsterRun:
    run = instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.STARTING)
    instance.report_dagster_event(DagsterEvent(DagsterEventType.RUN_START.value, run.job_name), run.run_id)
    return run


def ended(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    instance.report_dagster_event(DagsterEvent(DagsterEventType.RUN_SUCCESS.value, run.job_name), run.run_id)


@dg.job
def nothing() -> None:
    """A job of no step."""


def follows(instance: dg.DagsterInstance, cursor: str | None = None) -> bool:
    with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
        return bool(build_sensor().evaluate_tick(context).run_requests)


def test_what_landed_while_a_run_built_is_built_by_another_one(at_ease: dg.DagsterInstance) -> None:
    """Of two runs at once: what one lands may come after the other has read it."""
    whole, part = started(at_ease), started(at_ease)
    for run, key in ((whole, LEDGER), (part, LEDGER), (whole, LAST)):
        event(at_ease, key, run)
    ended(at_ease, whole)
    assert not follows(at_ease), "a run is at work"
    ended(at_ease, part)
    assert follows(at_ease)
    assert follows(at_ease, "eNqrVkrOz0lVslIqLkksSVWqBQA3QgZi"), "the cursor that automation conditions left"
    later = started(at_ease)
    event(at_ease, LAST, later)
    ended(at_ease, later)
    assert not follows(at_ease), "it began after all had landed"


def test_whole_runs_one_after_the_other_are_followed_by_nothing(at_ease: dg.DagsterInstance) -> None:
    """As at the first look after a week in which the sensor was off."""
    for _ in range(2):
        run = started(at_ease)
        event(at_ease, LEDGER, run)
        event(at_ease, LAST, run)
        ended(at_ease, run)
    assert not follows(at_ease)


def test_a_failed_run_that_landed_is_followed_and_one_that_did_not_get_to_the_end_too(
    at_ease: dg.DagsterInstance,
) -> None:
    first = started(at_ease)
    event(at_ease, LAST, first)
    event(at_ease, LEDGER, first)
    ended(at_ease, first)
    assert follows(at_ease), "it told people before it landed more"


def test_while_a_backfill_goes_on_its_next_run_is_waited_for(at_ease: dg.DagsterInstance) -> None:
    run = started(at_ease)
    event(at_ease, LEDGER, run)
    ended(at_ease, run)
    backfill = PartitionBackfill(
        "some-id", BulkActionStatus.REQUESTED, from_failure=False, tags={}, backfill_timestamp=0.0
    )
    at_ease.add_backfill(backfill)
    assert not follows(at_ease)
    at_ease.update_backfill(backfill.with_status(BulkActionStatus.COMPLETED_SUCCESS))
    assert follows(at_ease)


def test_a_setting_that_cannot_be_used_fails_the_run_with_its_sentence_first(company: Company) -> None:
    company.env["GITHUB_TOKEN"] = ""
    day = date(2026, 9, 20)
    # Not `Company.run`, which opens the file.
    result = run_range(company.installation, day, day, instance=company.instance, on_day=lambda *_: None)
    assert result.problems[0].startswith("GITHUB_TOKEN is not set, so GitHub can't be asked for anything.")
    assert not Path(company.env["COPILOT_WAREHOUSE"]).exists(), "nothing was written"
