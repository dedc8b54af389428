"""Every executor and mode, for the contract suites."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from prefect.executors import (
    DaskExecutor,
    Executor,
    LocalDaskExecutor,
    LocalExecutor,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)

CLUSTER = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}


@dataclasses.dataclass(frozen=True)
class Kind:
    """One way of running things."""

    name: str
    make: Callable[[], Executor]
    processes: bool = False  # functions run in other processes
    dask: bool = False

    @property
    def parallel(self) -> bool:
        return "sync" not in self.name and self.name != "local"


KINDS = [
    Kind("local", LocalExecutor),
    Kind("threads", lambda: ThreadPoolExecutor(max_workers=2)),
    Kind("processes", lambda: ProcessPoolExecutor(max_workers=2), processes=True),
    Kind("local-dask-threads", lambda: LocalDaskExecutor(num_workers=2)),
    Kind("local-dask-processes", lambda: LocalDaskExecutor("processes", num_workers=2), processes=True),
    Kind("local-dask-sync", lambda: LocalDaskExecutor("synchronous")),
    Kind("dask", lambda: DaskExecutor(cluster_kwargs=CLUSTER), processes=True, dask=True),
    Kind("dask-threads", lambda: DaskExecutor(cluster_kwargs={**CLUSTER, "processes": False}), dask=True),
]


def _parameters(kinds: list[Kind]) -> list[Any]:
    return [pytest.param(kind, id=kind.name, marks=[pytest.mark.dask] if kind.dask else []) for kind in kinds]


@pytest.fixture(scope="module", params=_parameters(KINDS))
def kind(request: pytest.FixtureRequest) -> Kind:
    """An executor and mode."""
    return request.param


@pytest.fixture(scope="module")
def _shared(kind: Kind) -> Iterator[Executor]:
    executor = kind.make()
    with contextlib.ExitStack() as stack:
        if kind.dask:
            import dask.config
            import distributed  # noqa: F401 - or leaving `set` would take all its settings away

            # Dask would start the call again on three more workers before it gives up.
            stack.enter_context(dask.config.set({"distributed.scheduler.allowed-failures": 0}))
        stack.enter_context(executor.start())
        yield executor


@pytest.fixture
def started(kind: Kind, _shared: Executor) -> Executor:
    """A started executor with all its workers, shared by the tests of a module."""
    if isinstance(_shared, DaskExecutor):
        _shared.client.wait_for_workers(2)  # a test before this one may have ended one of them
    return _shared


@pytest.fixture
def executor(kind: Kind) -> Executor:
    """An executor that the test starts by itself."""
    return kind.make()
