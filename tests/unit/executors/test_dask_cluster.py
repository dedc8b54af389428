"""What is special to `DaskExecutor`, on real clusters."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

import prefect
from prefect.executors import DaskExecutor
from prefect.executors.errors import WorkerLost
from prefect.utilities.configuration import set_temporary_config

cloudpickle.register_pickle_by_value(sys.modules[__name__])

pytestmark = pytest.mark.dask

IN_PROCESS = {"n_workers": 2, "threads_per_worker": 1, "processes": False, "dashboard_address": ":0"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    import distributed

    with distributed.LocalCluster(
        **IN_PROCESS, resources={"GPU": 1}, silence_logs=logging.CRITICAL
    ) as cluster:
        yield cluster


@pytest.fixture
def executor(cluster: Any) -> Iterator[DaskExecutor]:
    executor = DaskExecutor(address=cluster.scheduler_address)
    with executor.start():
        yield executor


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """Work that reads it is held up until it is written to."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


def test_keys_on_the_cluster_carry_the_names_of_tasks(executor: DaskExecutor, gate: Path) -> None:
    named = executor.submit(gate.read_text, extra_context={"task_name": "load", "task_index": 2})
    unnamed = executor.submit(int)
    executor.wait(unnamed)
    keys = [key for keys in executor.client.processing().values() for key in keys]
    gate.write_text("go")
    assert executor.wait(named) == "go"
    assert keys == [named.key]
    assert named.key.startswith("load-2-")
    assert unnamed.key.startswith("int-")


def test_work_waits_for_a_worker_with_the_resource_it_asks_for(executor: DaskExecutor) -> None:
    tagged = executor.submit(int, extra_context={"task_name": "gpu", "task_tags": {"dask-resource:GPU=1"}})
    assert executor.wait(tagged) == 0
    never = executor.submit(int, extra_context={"task_name": "tpu", "task_tags": {"dask-resource:TPU=1"}})
    after = executor.submit(int)
    executor.wait(after)
    assert never.status == "pending"


def test_results_go_from_worker_to_worker_unless_they_are_here_already(executor: DaskExecutor) -> None:
    made = executor.submit(object)
    # In one process, and not through the client: it is the same object.
    assert executor.wait(executor.submit(lambda thing: id(thing), made)) == executor.wait(
        executor.submit(lambda things: id(things[0]), [made])
    )
    executor.wait(made)
    assert executor.wait(executor.submit(lambda thing: type(thing).__name__, made)) == "object"


def test_dask_forgets_results_that_have_arrived(executor: DaskExecutor) -> None:
    future = executor.submit(int)
    assert executor.wait_any([future]) == [future]

    def is_known(key: str, dask_scheduler: Any) -> bool:
        return key in dask_scheduler.tasks

    deadline = time.monotonic() + 20
    while executor.client.run_on_scheduler(is_known, future.key):
        assert time.monotonic() < deadline
    assert executor.wait(future) == 0


def test_workers_counts_the_threads_of_the_cluster(executor: DaskExecutor) -> None:
    assert executor.workers == 2


def test_a_future_that_was_cancelled_is_lost(executor: DaskExecutor, gate: Path, tmp_path: Path) -> None:
    started = tmp_path / "started"
    os.mkfifo(started)
    future = executor.submit(
        lambda: (started.write_text("started"), gate.read_text()), extra_context={"task_name": "slow"}
    )
    started.read_text()
    executor.client.cancel([future])
    assert executor.wait_any([future]) == [future]
    gate.write_text("go")
    with pytest.raises(WorkerLost, match="'slow'"):
        executor.wait(future)


def test_an_address_where_nobody_listens_is_an_error_of_the_start() -> None:
    executor = DaskExecutor(address="tcp://127.0.0.1:9", client_kwargs={"timeout": 0.5})
    with pytest.raises(OSError, match=r"127\.0\.0\.1:9"), executor.start():
        pytest.fail("it connected to nobody")
    assert executor.client is None


def test_a_scheduler_that_dies_makes_futures_lost(tmp_path: Path) -> None:
    code = (
        "import sys, asyncio\n"
        "from distributed import Scheduler, Worker\n"
        "async def main():\n"
        "    async with Scheduler(port=0, host='127.0.0.1', dashboard_address=':0') as s:\n"
        "        async with Worker(s.address, nthreads=1):\n"
        "            print(s.address, flush=True)\n"
        "            await s.finished()\n"
        "asyncio.run(main())\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=tmp_path,
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    import dask.config
    import distributed  # noqa: F401 - its settings, before one is changed

    executor = DaskExecutor(address=address)
    with dask.config.set({"distributed.comm.timeouts.connect": "1s"}), contextlib.ExitStack() as stack:
        stack.enter_context(executor.start())
        future = executor.submit(signal.pause)
        process.kill()
        process.wait()
        process.stdout.close()
        assert executor.wait_any([future]) == [future]
        with pytest.raises(WorkerLost, match="scheduler"):
            executor.wait(future)


def test_a_run_that_is_stopped_starts_nothing_more_on_a_cluster_that_stays(
    cluster: Any, tmp_path: Path
) -> None:
    fifos = [tmp_path / f"fifo{i}" for i in range(2)]
    for fifo in fifos:
        os.mkfifo(fifo)

    def forever(fifo: Path, mark: Path) -> None:
        try:
            fifo.write_text("started")
            while True:
                threading.Event().wait(0.005)
        finally:
            mark.touch()

    executor = DaskExecutor(address=cluster.scheduler_address)
    ended = [tmp_path / f"ended{i}" for i in range(2)]
    with pytest.raises(RuntimeError, match="stop"), executor.start():  # noqa: PT012 - the block is the point
        running = [executor.submit(forever, *pair) for pair in zip(fifos, ended, strict=True)]
        waiting = [executor.submit((tmp_path / f"ran{i}").touch) for i in range(4)]
        for fifo in fifos:
            fifo.read_text()
        raise RuntimeError("stop")
    # The workers are free again for the next run, and nothing of the last one is left.
    with executor.start():
        assert executor.wait([executor.submit(int) for _ in range(4)]) == [0] * 4
    assert all(mark.exists() for mark in ended)
    assert list(tmp_path.glob("ran*")) == []
    assert len(running) + len(waiting) == 6


def test_calls_are_left_alone_when_the_cancellation_event_is_disabled(
    cluster: Any, gate: Path, tmp_path: Path
) -> None:
    started, finished = tmp_path / "started", tmp_path / "finished"
    os.mkfifo(started)
    os.mkfifo(finished)

    def to_the_end() -> None:
        started.write_text("started")
        finished.write_text(gate.read_text())

    executor = DaskExecutor(address=cluster.scheduler_address, disable_cancellation_event=True)
    with pytest.raises(RuntimeError), executor.start():  # noqa: PT012 - the block is the point
        future = executor.submit(to_the_end)
        started.read_text()
        raise RuntimeError("stop")
    gate.write_text("go on")
    assert finished.read_text() == "go on"
    assert future.cancelled()


@pytest.mark.parametrize("asynchronous", [True, False], ids=["coroutine", "plain"])
def test_subclasses_are_told_of_workers_that_come_and_go(asynchronous: bool) -> None:
    told: list[tuple[str, Any]] = []
    changed = threading.Semaphore(0)

    class Watching(DaskExecutor):
        if asynchronous:

            async def on_worker_status_changed(self, op: str, message: Any) -> None:
                await super().on_worker_status_changed(op, message)
                told.append((op, message))
                changed.release()

        else:

            def on_worker_status_changed(self, op: str, message: Any) -> None:  # type: ignore[override]
                told.append((op, message))
                changed.release()

    executor = Watching(cluster_kwargs={**IN_PROCESS, "n_workers": 1})
    with executor.start():
        assert executor.wait(executor.submit(int)) == 0
        while changed.acquire(blocking=False):
            pass
        told.clear()
        executor.client.cluster.scale(2)
        assert changed.acquire(timeout=30)
        executor.client.cluster.scale(1)
        assert changed.acquire(timeout=30)
    (first, added), (second, removed) = told[:2]
    assert (first, second) == ("add", "remove")
    assert list(added) == ["workers"]
    assert len(added["workers"]) == 1
    assert isinstance(removed, str)


def test_nobody_watches_workers_of_an_adaptive_cluster() -> None:
    class Watching(DaskExecutor):
        async def on_worker_status_changed(self, op: str, message: Any) -> None:
            raise AssertionError("nobody asked")

    cluster = {**IN_PROCESS, "n_workers": 0}
    executor = Watching(cluster_kwargs=cluster, adapt_kwargs={"minimum": 1, "maximum": 3})
    with executor.start():
        assert executor.workers == 3, "what it may grow to"
        assert executor.wait([executor.submit(abs, -n) for n in range(5)]) == [0, 1, 2, 3, 4]


def test_a_report_that_cannot_be_written_does_not_fail_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "report.html"
    executor = DaskExecutor(cluster_kwargs=IN_PROCESS, performance_report_path=str(path))
    with executor.start():
        caplog.handler.setLevel(logging.NOTSET)  # old versions of Dask silence the handlers of everybody
        assert executor.wait(executor.submit(int)) == 0
    try:
        import bokeh  # noqa: F401
    except ImportError:
        assert "could not be written" in caplog.text
        assert executor.performance_report == ""
    else:
        assert "<html" in executor.performance_report


def test_a_cluster_may_be_made_by_a_function(caplog: pytest.LogCaptureFixture) -> None:
    import distributed

    def make(n_workers: int) -> Any:
        return distributed.LocalCluster(**{**IN_PROCESS, "n_workers": n_workers}, silence_logs=50)

    executor = DaskExecutor(cluster_class=make, cluster_kwargs={"n_workers": 1})
    caplog.handler.setLevel(logging.NOTSET)
    with caplog.at_level(logging.INFO, logger="prefect"), executor.start():
        assert executor.workers == 1
        assert executor.client is not None
    assert executor.client is None
    assert "Creating a new Dask cluster with" in caplog.text


def test_workers_of_a_local_cluster_have_the_settings_that_were_changed_here() -> None:
    executor = DaskExecutor(
        cluster_kwargs={**IN_PROCESS, "n_workers": 1, "processes": True, "env": {"MINE": "too"}}
    )
    logger = logging.getLogger("prefect")
    before = logger.level
    logger.setLevel(17)
    try:
        with set_temporary_config({"flows.checkpointing": True, "context.secrets.s": "x"}), executor.start():
            found = executor.wait(
                executor.submit(
                    lambda: (
                        prefect.config.flows.checkpointing,
                        logging.getLogger("prefect").level,
                        os.environ["MINE"],
                        [name for name in os.environ if "SECRET" in name],
                    )
                )
            )
    finally:
        logger.setLevel(before)
    assert found == (True, 17, "too", [])


def test_a_local_cluster_keeps_its_workers_when_they_die_often() -> None:
    import dask.config

    def die() -> None:
        os._exit(1)

    import distributed  # noqa: F401 - its settings, before one is changed

    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        executor = DaskExecutor(cluster_kwargs={**IN_PROCESS, "n_workers": 1, "processes": True})
        with executor.start():
            assert dask.config.get("distributed.deploy.lost-worker-timeout") == "1000 days"
            for _ in range(2):
                with pytest.raises(WorkerLost, match="die"):
                    executor.wait(executor.submit(die, extra_context={"task_name": "die"}))
            assert executor.wait(executor.submit(int)) == 0
    assert dask.config.get("distributed.deploy.lost-worker-timeout") == "15s"
