"""The worker's side of `DaskExecutor`, without a cluster."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import CancelledError
from typing import Any

import pytest

from prefect.executors import _dask_worker
from prefect.utilities._child import pack_call

# What cannot be pickled, and so is reached by name.
functions: dict[str, Any] = {}


def call(name: str) -> Any:
    return functions[name]()


def test_a_call_is_interrupted_once_however_many_workers_share_the_process() -> None:
    interrupts: list[str] = []
    started = threading.Event()

    def work() -> None:
        try:
            started.set()
            while True:
                threading.Event().wait(0.001)
        except KeyboardInterrupt:
            interrupts.append("first")
        try:
            for _ in range(50):
                threading.Event().wait(0.001)
        except KeyboardInterrupt:
            interrupts.append("second")

    functions["work"] = work
    thread = threading.Thread(target=_dask_worker.run_packed, args=("once", pack_call(call, ("work",), {})))
    thread.start()
    started.wait()
    _dask_worker.stop_run("once")
    _dask_worker.stop_run("once")
    thread.join()
    assert interrupts == ["first"]


def test_calls_of_a_stopped_run_do_not_start() -> None:
    _dask_worker.stop_run("stopped")
    with pytest.raises(CancelledError, match="stopped before this started"):
        _dask_worker.run_packed("stopped", pack_call(int, (), {}))
    assert _dask_worker.run_packed("another", pack_call(int, (), {})) == 0


def test_what_is_no_exception_is_handed_over_as_a_result() -> None:
    raised = _dask_worker.run_packed("exits", pack_call(sys.exit, (3,), {}))
    assert isinstance(raised, _dask_worker.Raised)
    assert isinstance(raised.again(), SystemExit)
    with pytest.raises(ZeroDivisionError):
        _dask_worker.run_packed("raises", pack_call(divmod, (1, 0), {}))


def test_a_call_that_depends_on_one_that_exited_exits_as_well() -> None:
    first = _dask_worker.run_packed("chain", pack_call(sys.exit, (3,), {}))
    second = _dask_worker.run_packed("chain", pack_call(abs, (_dask_worker.Input(0),), {}), first)
    assert isinstance(second, _dask_worker.Raised)
    assert second.again().code == 3  # type: ignore[attr-defined]
