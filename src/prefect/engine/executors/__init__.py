"""The place of `prefect.executors` before Prefect 0.14; works, with a warning that names the new one."""

from __future__ import annotations

from prefect.engine.executors.dask import DaskExecutor, LocalDaskExecutor
from prefect.engine.executors.local import LocalExecutor
from prefect.executors.base import Executor

__all__ = ["DaskExecutor", "Executor", "LocalDaskExecutor", "LocalExecutor"]
