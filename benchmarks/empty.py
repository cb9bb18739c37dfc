"""Dagster's own bookkeeping: a job of the same steps, assets, checks and days whose functions do nothing.

`outline` writes down the shape of the project's job. A program of its own, `python -m benchmarks.empty OUTLINE FIRST
LAST`, which knows Dagster and nothing of the project, builds a job of that shape and runs it in its process for a range
of days, on the instance of DAGSTER_HOME: each step says that its assets are made and its checks pass, without metadata.
"""

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from copilot_assets.orchestration.installation import Installation

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def outline(installation: "Installation", path: Path) -> None:
    """Write the shape of the job `everything` to a file: steps with their assets, checks, what they wait for."""
    from copilot_assets.definitions import build_defs

    defs = build_defs(installation)
    layer = defs.resolve_job_def("everything").asset_layer
    nodes = layer.asset_graph
    # In this order, because a step has to tell of an asset after those it was made from.
    chosen = [key for key in nodes.toposorted_asset_keys if key in layer.selected_asset_keys]
    steps = []
    for definition in [*(defs.assets or ()), *(defs.asset_checks or ())]:
        if not isinstance(definition, dg.AssetsDefinition):
            continue
        keys = [key for key in chosen if key in definition.keys]
        checks = [spec for spec in definition.check_specs if spec.asset_key in chosen]
        if keys or checks:
            steps.append(
                {
                    "name": definition.node_def.name,
                    "is_partitioned": definition.partitions_def is not None,
                    "assets": {
                        key.to_user_string(): [up.to_user_string() for up in nodes.get(key).parent_keys if up in chosen]
                        for key in keys
                    },
                    "checks": [
                        (
                            spec.name,
                            spec.asset_key.to_user_string(),
                            [dep.asset_key.to_user_string() for dep in spec.additional_deps if dep.asset_key in chosen],
                        )
                        for spec in checks
                    ],
                }
            )
    path.write_text(json.dumps({"start": installation.start_date().isoformat(), "steps": steps}))


def _step(step: dict[str, Any], partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    checks = [
        dg.AssetCheckSpec(name, asset=dg.AssetKey.from_user_string(key), additional_deps=_keys(deps))
        for name, key, deps in step["checks"]
    ]
    keys = {dg.AssetKey.from_user_string(key): _keys(deps) for key, deps in step["assets"].items()}

    def results() -> Iterator[Any]:
        yield from (dg.MaterializeResult(asset_key=key) for key in keys)
        yield from (dg.AssetCheckResult(asset_key=each.asset_key, check_name=each.name, passed=True) for each in checks)

    if not keys:

        @dg.multi_asset_check(name=step["name"], specs=checks, can_subset=True, pool="duckdb")
        def do_nothing_but_check() -> Iterator[Any]:
            yield from results()

        return do_nothing_but_check

    @dg.multi_asset(
        name=step["name"],
        specs=[dg.AssetSpec(key, deps=deps) for key, deps in keys.items()],
        check_specs=checks,
        partitions_def=partitions if step["is_partitioned"] else None,
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=len(keys) > 1 or bool(checks),
        pool="duckdb",
    )
    def do_nothing() -> Iterator[Any]:
        yield from results()

    return do_nothing


def _keys(names: list[str]) -> list[dg.AssetKey]:
    return [dg.AssetKey.from_user_string(name) for name in names]


def build(path: Path) -> dg.Definitions:
    """The definitions of that shape, with the job `everything`."""
    shape = json.loads(path.read_text())
    partitions = dg.DailyPartitionsDefinition(start_date=shape["start"])
    steps = [_step(step, partitions) for step in shape["steps"]]
    return dg.Definitions(
        assets=[step for step in steps if not isinstance(step, dg.AssetChecksDefinition)],
        asset_checks=[step for step in steps if isinstance(step, dg.AssetChecksDefinition)],
        jobs=[dg.define_asset_job("everything", selection=dg.AssetSelection.all())],
        executor=dg.in_process_executor,
    )


def _main() -> None:
    path, first, last = sys.argv[1:]
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    job = build(Path(path)).resolve_job_def("everything")
    job.execute_in_process(instance=dg.DagsterInstance.get(), tags=tags, run_config=_QUIET)


if __name__ == "__main__":
    _main()
