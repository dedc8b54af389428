"""Executors decide where tasks run: here, in threads, in processes, or on a Dask cluster."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from prefect.executors.base import Executor
from prefect.executors.local import LocalExecutor

if TYPE_CHECKING:
    from prefect.executors.dask import DaskExecutor, LocalDaskExecutor
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

# Imported at first use: a run with the default executor needs neither pools nor Dask.
_LAZY = {
    "DaskExecutor": "dask",
    "LocalDaskExecutor": "dask",
    "ProcessPoolExecutor": "processes",
    "ThreadPoolExecutor": "threads",
}


def __getattr__(name: str) -> object:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
