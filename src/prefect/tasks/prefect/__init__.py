"""Tasks that start, follow, rename and cancel flow runs: flows of flows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.utilities._lazy import lazy_names

if TYPE_CHECKING:
    from prefect.tasks.prefect.flow_run import (
        StartFlowRun,
        create_flow_run,
        get_task_run_result,
        wait_for_flow_run,
    )
    from prefect.tasks.prefect.flow_run_cancel import CancelFlowRun
    from prefect.tasks.prefect.flow_run_rename import RenameFlowRun

__all__ = [
    "CancelFlowRun",
    "RenameFlowRun",
    "StartFlowRun",
    "create_flow_run",
    "get_task_run_result",
    "wait_for_flow_run",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "CancelFlowRun": "prefect.tasks.prefect.flow_run_cancel",
        "RenameFlowRun": "prefect.tasks.prefect.flow_run_rename",
        "StartFlowRun": "prefect.tasks.prefect.flow_run",
        "create_flow_run": "prefect.tasks.prefect.flow_run",
        "get_task_run_result": "prefect.tasks.prefect.flow_run",
        "wait_for_flow_run": "prefect.tasks.prefect.flow_run",
    },
)
