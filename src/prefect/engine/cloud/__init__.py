"""Runners of runs that an API keeps: they read it and report every change of state to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.utilities._lazy import lazy_names

if TYPE_CHECKING:
    from prefect.engine.cloud.flow_runner import CloudFlowRunner
    from prefect.engine.cloud.task_runner import CloudTaskRunner

__all__ = ["CloudFlowRunner", "CloudTaskRunner"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "CloudFlowRunner": "prefect.engine.cloud.flow_runner",
        "CloudTaskRunner": "prefect.engine.cloud.task_runner",
    },
)
