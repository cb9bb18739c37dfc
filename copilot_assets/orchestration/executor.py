"""How a run of the UI, the schedule or Dagster's command line goes on: in one process that owns it, one at a time.

Steps, their order and their retries are Dagster's. Runs from the shell wait before they are made (`shell/runs.py`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress

import dagster as dg
from dagster._core.errors import raise_execution_interrupts
from dagster._core.events import DagsterEvent
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.in_process import InProcessExecutor

from copilot_assets.orchestration.owners import fail_dead_runs, owned
from copilot_assets.warehouse.lock import one_run
from copilot_assets.warehouse.store import Warehouse, WarehouseError


def build_executor(warehouse: Warehouse) -> dg.ExecutorDefinition:
    """The executor of all jobs: DuckDB lets one process in, and a process a step would cost 1.5 s a step besides."""

    @dg.executor(name="in_process")
    def one_run_at_a_time(_: dg.InitExecutorContext) -> dg.Executor:
        return _OneRunAtATime(warehouse)

    return one_run_at_a_time


class _OneRunAtATime(InProcessExecutor):
    """Dagster's own, once no other run works on the warehouse."""

    def __init__(self, warehouse: Warehouse) -> None:
        super().__init__(RetryMode.ENABLED)
        self._warehouse = warehouse

    def execute(self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan) -> Iterator[DagsterEvent]:
        from copilot_assets.orchestration.history import drop_old_logs

        run, instance = plan_context.dagster_run, plan_context.instance

        def say(sentence: str) -> None:
            instance.report_engine_event(sentence, run)

        def pause(seconds: float) -> None:
            with raise_execution_interrupts():  # so that Terminate ends the waiting, too
                time.sleep(seconds)

        fail_dead_runs(instance)
        drop_old_logs(instance)
        who = f"run {run.run_id[:8]} of the Dagster UI"
        with owned(instance, run.run_id, to_its_end=False), one_run(self._warehouse, who, say, pause):
            with suppress(WarehouseError):  # each step says what is wrong with it
                self._warehouse.maintain()
            yield from super().execute(plan_context, execution_plan)
