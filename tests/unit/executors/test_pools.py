"""What is special to the executors of threads and of processes."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

import prefect
from prefect.executors import ProcessPoolExecutor, ThreadPoolExecutor, _thread_pool
from prefect.executors._process_pool import ProcessPool
from prefect.executors.errors import ExecutorError, WorkerLost
from prefect.utilities import _child

cloudpickle.register_pickle_by_value(sys.modules[__name__])


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


# -- numbers of workers -----------------------------------------------------------------------


@pytest.mark.parametrize("make", [ThreadPoolExecutor, ProcessPoolExecutor])
@pytest.mark.parametrize(
    ("number", "error", "message"),
    [(0, ValueError, "max_workers must be at least 1, not 0"), (2.5, TypeError, "whole number, not 2.5")],
)
def test_a_senseless_number_of_workers_is_refused(make: Any, number: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        make(max_workers=number)


def test_the_default_number_of_workers_follows_the_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefect.executors._pool_executor.cpu_count", lambda: 6)
    monkeypatch.setattr("prefect.executors.threads.cpu_count", lambda: 6)
    assert ProcessPoolExecutor().workers == 6
    assert ThreadPoolExecutor().workers == 10


# -- threads ----------------------------------------------------------------------------------


def test_threads_start_when_they_are_needed_and_are_gone_at_the_end() -> None:
    executor = ThreadPoolExecutor(max_workers=8)
    before = threading.active_count()
    with executor.start():
        assert threading.active_count() == before
        executor.wait(executor.submit(int))
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


def test_a_finished_call_is_not_held_by_its_thread() -> None:
    class Thing:
        pass

    executor = ThreadPoolExecutor(max_workers=1)
    with executor.start():
        result = executor.wait(executor.submit(Thing))
        argument = Thing()
        executor.wait(executor.submit(id, argument))
        gone = [weakref.ref(result), weakref.ref(argument)]
        del result, argument
        executor.wait(executor.submit(int))
        gc.collect()
        assert [ref() for ref in gone] == [None, None]


@pytest.fixture
def untraced() -> Iterator[None]:
    """No coverage meanwhile: while an exception waits for a thread that is stuck, Python 3.11 goes round in
    circles at the next call of a function that is traced, in whatever thread."""
    trace = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(trace)


@pytest.mark.usefixtures("untraced")
def test_a_thread_that_cannot_be_interrupted_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_thread_pool, "INTERRUPT_GRACE_S", 0.05)
    release, running = threading.Event(), threading.Event()
    lock = threading.Lock()
    lock.acquire()

    def stuck() -> None:
        running.set()
        lock.acquire()  # no bytecode runs in here, so no interrupt arrives
        release.set()

    executor = ThreadPoolExecutor(max_workers=1)
    with pytest.raises(KeyboardInterrupt), executor.start():  # noqa: PT012 - the block is the point
        future = executor.submit(stuck)
        running.wait()
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        executor.wait(future)
    lock.release()


def test_a_run_inside_a_task_may_use_the_executor_of_the_outer_run() -> None:
    executor = ThreadPoolExecutor(max_workers=1)

    def inner() -> int:
        with executor.start():
            return executor.wait([executor.submit(pow, 2, n) for n in range(3)])[2]

    with executor.start():
        # One thread only: the inner run would wait for ever for the thread it occupies.
        assert executor.wait([executor.submit(inner), executor.submit(int)]) == [4, 0]


def test_values_set_in_a_worker_stay_in_it() -> None:
    executor = ThreadPoolExecutor(max_workers=1)

    def write() -> None:
        prefect.context["written"] = 1

    with prefect.context(seen="x"), executor.start():
        executor.wait(executor.submit(write))
        assert executor.wait(executor.submit(lambda: prefect.context.seen)) == "x"
        assert "written" not in prefect.context


# -- processes --------------------------------------------------------------------------------


def test_processes_are_reused_and_gone_at_the_end() -> None:
    executor = ProcessPoolExecutor(max_workers=2)
    with executor.start():
        pids = {executor.wait(executor.submit(os.getpid)) for _ in range(6)}
        assert len(pids) == 1, "one call at a time needs one process"
        assert os.getpid() not in pids
    assert not any(is_alive(pid) for pid in pids)


def test_an_idle_process_that_dies_costs_no_call() -> None:
    executor = ProcessPoolExecutor(max_workers=1)
    with executor.start():
        pid = executor.wait(executor.submit(os.getpid))
        os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):  # the pool has seen its end already
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        # Whether or not the pool has noticed already.
        future = executor.submit(os.getpid)
        try:
            assert executor.wait(future) != pid
        except WorkerLost:  # the bytes were under way before the system had closed the connection
            assert executor.wait(executor.submit(os.getpid)) != pid


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a signal after a time")
def test_a_second_interrupt_while_processes_are_ended_leaves_nothing_behind(tmp_path: Path) -> None:
    def stubborn(name: str) -> None:
        (tmp_path / name).touch()
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with contextlib.suppress(KeyboardInterrupt):
                time.sleep(1)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    pool = ProcessPool(2)
    for name in ("one", "two"):
        pool.submit(stubborn, (name,), {}, "stubborn")
    while len(list(tmp_path.iterdir())) < 2:
        time.sleep(0.01)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with pytest.raises(KeyboardInterrupt):
            pool.interrupt()
    finally:
        signal.signal(signal.SIGALRM, before)
    pool.interrupt()
    pool._receiver.join(10)
    assert not pool._receiver.is_alive()  # and what it raised fails the test


def test_a_killed_process_is_told_by_the_signal_and_its_work() -> None:
    def kill_myself() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    executor = ProcessPoolExecutor(max_workers=1)
    with executor.start():
        future = executor.submit(kill_myself, extra_context={"task_name": "hungry", "task_index": 4})
        with pytest.raises(WorkerLost) as caught:
            executor.wait(future)
    lost = caught.value
    assert isinstance(lost, ExecutorError)
    assert (lost.work, lost.exit_code) == ("hungry[4]", -9)
    assert str(lost) == (
        f"Worker process {lost.pid} was killed by SIGKILL while it ran 'hungry[4]'; the result is lost. "
        f"Often the system had no memory left."
    )
    copy = cloudpickle.loads(cloudpickle.dumps(lost))
    assert (str(copy), copy.work, copy.pid, copy.exit_code) == (
        str(lost),
        lost.work,
        lost.pid,
        lost.exit_code,
    )


def test_each_call_ends_in_its_result_or_its_loss_however_many_processes_die() -> None:
    def perhaps_die(number: int, dies: bool) -> int:
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    chance = random.Random(7)
    plan = [(number, chance.random() < 0.1) for number in range(150)]
    executor = ProcessPoolExecutor(max_workers=3)
    with executor.start():
        futures = [executor.submit(perhaps_die, number, dies) for number, dies in plan]
        for (number, dies), future in zip(plan, futures, strict=True):
            if dies:
                with pytest.raises(WorkerLost):
                    executor.wait(future)
            else:
                assert executor.wait(future) == number


def test_processes_that_cannot_start_fail_the_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    executor = ProcessPoolExecutor(max_workers=2)
    with executor.start():
        monkeypatch.setattr(sys, "executable", "/nonexistent/python")
        futures = [executor.submit(int) for _ in range(4)]
        for future in futures:
            with pytest.raises(FileNotFoundError, match="/nonexistent/python"):
                executor.wait(future)
        monkeypatch.undo()
        assert executor.wait(executor.submit(int)) == 0


def test_processes_that_end_at_once_fail_the_calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 3\n")
    python.chmod(0o755)
    executor = ProcessPoolExecutor(max_workers=2)
    with executor.start():
        monkeypatch.setattr(sys, "executable", str(python))
        futures = [executor.submit(bytes, 1_000_000 * size) for size in (0, 1, 2)]
        for future in futures:
            with pytest.raises(WorkerLost, match="exited with code 3"):
                executor.wait(future)


def test_a_process_that_ignores_the_interrupt_is_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(_child, "INTERRUPT_GRACE_S", 0.3)
    monkeypatch.setattr("prefect.executors._process_pool.INTERRUPT_GRACE_S", 0.3)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    def stubborn(fifo: Path) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        fifo.write_text(str(os.getpid()))
        while True:
            signal.pause()

    executor = ProcessPoolExecutor(max_workers=1)
    with pytest.raises(KeyboardInterrupt), executor.start():  # noqa: PT012 - the block is the point
        future = executor.submit(stubborn, fifo)
        pid = int(fifo.read_text())
        raise KeyboardInterrupt
    assert not is_alive(pid)
    with pytest.raises(WorkerLost, match="SIGKILL"):
        executor.wait(future)


def test_a_log_handler_that_raises_does_not_stop_the_pool(capfd: pytest.CaptureFixture[str]) -> None:
    import logging

    class Raises(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:  # type: ignore[override]
            raise RuntimeError("the handler is broken")

    def log() -> int:
        logging.getLogger("prefect.from_worker").warning("hello")
        return 1

    logger = logging.getLogger("prefect.from_worker")
    handler = Raises()
    logger.addHandler(handler)
    try:
        executor = ProcessPoolExecutor(max_workers=1)
        with executor.start():
            assert executor.wait([executor.submit(log) for _ in range(2)]) == [1, 1]
    finally:
        logger.removeHandler(handler)
    assert "the handler is broken" in capfd.readouterr().err


def test_a_flow_file_without_a_guard_runs_in_processes_once(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            print("file runs")
            from prefect import Flow, task
            from prefect.executors import ProcessPoolExecutor

            class Mine:
                def __init__(self, x):
                    self.x = x

            @task
            def make(x):
                return Mine(x)

            with Flow("unguarded") as flow:
                made = make.map([1, 2])

            state = flow.run(executor=ProcessPoolExecutor(max_workers=2))
            print([type(m) is Mine and m.x for m in state.result[made].result])
            """
        )
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines.count("file runs") == 1
    assert lines[-1] == "[1, 2]"


def test_workers_end_when_the_process_that_started_them_is_killed(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    code = textwrap.dedent(
        """
        import os, sys, time
        from pathlib import Path
        from prefect.executors import ProcessPoolExecutor

        def announce(path):
            Path(path).write_text(str(os.getpid()))
            while True:
                time.sleep(0.01)

        executor = ProcessPoolExecutor(max_workers=1)
        with executor.start():
            executor.wait(executor.submit(announce, sys.argv[1]))
        """
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(fifo)])
    worker = int(fifo.read_text())
    process.kill()
    process.wait()
    deadline = time.monotonic() + 20
    while is_alive(worker) and time.monotonic() < deadline:
        os.sched_yield()
    assert not is_alive(worker)


def test_tasks_that_read_standard_input_find_its_end() -> None:
    executor = ProcessPoolExecutor(max_workers=1)
    with executor.start():
        assert executor.wait(executor.submit(lambda: sys.stdin.read())) == ""
        read = executor.submit(lambda: subprocess.run(["cat"], capture_output=True, check=True).stdout)
        assert executor.wait(read) == b""


def test_a_process_forked_by_a_task_does_not_hide_that_the_worker_died(tmp_path: Path) -> None:
    def fork_and_die(pid_file: Path) -> None:
        grandchild = os.fork()
        if grandchild == 0:
            signal.pause()  # it lives on
        pid_file.write_text(str(grandchild))
        os.kill(os.getpid(), signal.SIGKILL)

    executor = ProcessPoolExecutor(max_workers=1)
    with executor.start(), pytest.raises(WorkerLost):
        executor.wait(executor.submit(fork_and_die, tmp_path / "pid"))
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
