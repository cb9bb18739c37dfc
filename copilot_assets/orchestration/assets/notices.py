"""The messages as a Dagster asset: the last step of a run, which tells people what they have not been told yet.

Here belongs what Dagster is told about it, and what only Dagster knows: failing checks, and whether the run was a good
one. What is told, and to whom, is decided in `notices/`. A channel that fails is told of here and fails nothing.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import dagster as dg

from copilot_assets.notices.ledger import Cause
from copilot_assets.orchestration.automation import EVERYTHING, LAST
from copilot_assets.orchestration.installation import Installation
from copilot_assets.orchestration.metadata import column_schema, table_value
from copilot_assets.orchestration.steps import OWNERS, sentences
from copilot_assets.report.queries import READ
from copilot_assets.settings import SettingsError, heartbeat_url
from copilot_assets.sql_models.model import SqlModel
from copilot_assets.warehouse.docs import NOTICE_COLUMNS
from copilot_assets.warehouse.store import Warehouse

logger = logging.getLogger(__name__)


def build_notice_asset(models: Iterable[SqlModel]) -> dg.AssetsDefinition:
    """`quality.notice`, made after everything else of a run; it tells of failing checks of these models."""
    models = tuple(models)
    rules = {
        dg.AssetCheckKey(dg.AssetKey(model.key), check.name): check.description
        for model in models
        for check in model.checks
        if check.severity == "error"
    }

    @dg.asset(
        key=LAST,
        deps=[
            *(dg.AssetKey(model.key) for model in models if model.table in {*READ, "quality.open_cause"}),
            ["export", "files"],
            ["report", "weekly"],
        ],
        group_name="quality",
        description=(
            "One row per cause that somebody had to be told of, and per digest of a week: when it was seen, told and "
            "solved. `COPILOT_NOTIFY` says where messages go; each is sent once. The last step of a run."
        ),
        owners=OWNERS,
        kinds={"python", "duckdb"},
        metadata={"dagster/column_schema": column_schema(NOTICE_COLUMNS), "dagster/table_name": "quality.notice"},
        backfill_policy=dg.BackfillPolicy.single_run(),
        # After all checks: of what can run, Dagster takes the step of the lowest priority last.
        op_tags={"dagster/priority": "-1"},
    )
    def notice(
        context: dg.AssetExecutionContext,
        installation: dg.ResourceParam[Installation],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> dg.MaterializeResult[Any]:
        from copilot_assets.notices.tell import tell

        with sentences():
            checks = list(_failing(context.instance, rules))
            channels = installation.channels()
            told = tell(warehouse, channels, checks, installation.clock.now)
            troubles = [*told.troubles, *_beat(context, installation)]
        for trouble in troubles:
            logger.warning(trouble)
        quiet = "Each took what there was." if channels else "COPILOT_NOTIFY is not set: nobody is told."
        return dg.MaterializeResult(
            metadata={
                "causes_open": len(told.causes),
                "messages_sent": len(told.sent),
                "channels": dg.MetadataValue.md("\n".join(f"- {trouble}" for trouble in troubles) or quiet),
                "open": table_value(
                    {"kind": cause.kind, "what": cause.what, "remedy": cause.remedy} for cause in told.causes
                ),
            }
        )

    return notice


def _failing(instance: dg.DagsterInstance, rules: dict[dg.AssetCheckKey, str]) -> Iterator[Cause]:
    """The checks that ended with an error when they last ran, in whichever run that was.

    A failing check does not fail its run, so no sensor of failed runs would hear of it.
    """
    found = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(rules))
    for key, record in found.items():
        evaluation = record.evaluation
        if evaluation is None or evaluation.passed:
            continue
        table = ".".join(key.asset_key.path)
        rule = rules[key].rstrip(".")
        yield Cause(
            key=f"check {table} {key.name}",
            kind="check",
            title=f"{table} breaks a rule",
            what=f"The check {key.name} of {table} fails{f': {rule}' if rule else ''}. The table stays as it is.",
            remedy=f"Open the asset {table} in the Dagster UI: its check shows the query of the rows that break it.",
        )


def _beat(context: dg.AssetExecutionContext, installation: Installation) -> Sequence[str]:
    """Call the heartbeat at the end of a daily run, or a backfill, of which no step failed; what there is to say."""
    from copilot_assets.notices.channels import beat

    try:
        url = heartbeat_url(installation.env)
    except SettingsError as problem:
        return [str(problem)]
    if url is None or context.run.job_name != EVERYTHING:
        return []
    if context.instance.all_logs(context.run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        return []
    trouble = beat(url)
    return [trouble] if trouble else []
