"""Executors decide where tasks run: here, in threads, in processes, or on a Dask cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.executors.base import Executor
from prefect.executors.local import LocalExecutor
from prefect.utilities._lazy import lazy_names

if TYPE_CHECKING:
    from prefect.executors.dask import DaskExecutor
    from prefect.executors.local_dask import LocalDaskExecutor
    from prefect.executors.processes import ProcessPoolExecutor
    from prefect.executors.threads import ThreadPoolExecutor

__all__ = [
    "DaskExecutor",
    "Executor",
    "LocalDaskExecutor",
    "LocalExecutor",
    "ProcessPoolExecutor",
    "ThreadPoolExecutor",
]

# A run with the default executor needs neither pools nor Dask.
__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "DaskExecutor": "prefect.executors.dask",
        "LocalDaskExecutor": "prefect.executors.local_dask",
        "ProcessPoolExecutor": "prefect.executors.processes",
        "ThreadPoolExecutor": "prefect.executors.threads",
    },
    submodules=("dask", "errors", "local_dask", "processes", "threads"),
)
