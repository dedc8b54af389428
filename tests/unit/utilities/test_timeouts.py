from __future__ import annotations

import asyncio
import datetime
import logging
import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import psutil
import pytest

import prefect
from prefect import Task
from prefect.engine import signals
from prefect.exceptions import TaskTimeoutSignal
from prefect.utilities import _timeouts
from prefect.utilities.executors import (
    multiprocessing_safe_run_and_retrieve,
    run_task_with_timeout,
    run_with_multiprocess_timeout,
    run_with_thread_timeout,
)

cloudpickle.register_pickle_by_value(sys.modules[__name__])

LONG = 60.0  # nothing here waits that long; a test that did would be a hang
SHORT = 0.2


def in_thread(call: Callable[[], Any]) -> Any:
    """The outcome of a call made outside of the main thread."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append((call(), None))
        except BaseException as exc:
            outcome.append((None, exc))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    value, error = outcome[0]
    if error is not None:
        raise error
    return value


def children() -> set[int]:
    """Processes that have this one as their parent, those included that nobody waited for."""
    return {child.pid for child in psutil.Process().children()}


def forever() -> None:
    while True:
        time.sleep(0.01)


@pytest.fixture(params=["alarm", "process"])
def limited(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Both ways to run a function for a limited time."""
    if request.param == "alarm":
        return run_with_thread_timeout
    return run_with_multiprocess_timeout


# -- both ways --------------------------------------------------------------------------------


def test_a_function_that_ends_in_time_gives_its_result(limited: Callable[..., Any]) -> None:
    assert limited(pow, (2,), {"exp": 5}, timeout=LONG) == 32


@pytest.mark.parametrize("timeout", [SHORT, datetime.timedelta(seconds=SHORT)])
def test_a_function_that_takes_too_long_is_ended(limited: Callable[..., Any], timeout: Any) -> None:
    with pytest.raises(TaskTimeoutSignal, match="Execution timed out"):
        limited(forever, timeout=timeout)


def test_a_function_in_a_blocking_call_is_ended(limited: Callable[..., Any]) -> None:
    with pytest.raises(TaskTimeoutSignal):
        limited(time.sleep, (LONG,), timeout=SHORT)


@pytest.mark.parametrize("timeout", [None, 0, datetime.timedelta(0)])
def test_without_a_limit_the_function_just_runs(limited: Callable[..., Any], timeout: Any) -> None:
    assert limited(os.getpid, timeout=timeout) == os.getpid()


def test_an_exception_comes_out_as_it_is(limited: Callable[..., Any]) -> None:
    class Mine(Exception):
        pass

    def fail() -> None:
        raise Mine("a", 1)

    with pytest.raises(Mine) as caught:
        limited(fail, timeout=LONG)
    assert caught.value.args == ("a", 1)


def test_a_signal_comes_out_as_a_signal_and_not_as_a_result(limited: Callable[..., Any]) -> None:
    def skip() -> None:
        raise signals.SKIP("not today", result=5)

    with pytest.raises(signals.SKIP) as caught:
        limited(skip, timeout=LONG)
    assert caught.value.state.message == "not today"
    assert caught.value.state.result == 5


def test_an_exception_returned_is_a_result(limited: Callable[..., Any]) -> None:
    returned = limited(ValueError, ("just a value",), timeout=LONG)
    assert isinstance(returned, ValueError)


def test_the_function_may_clean_up_when_its_time_is_up(limited: Callable[..., Any], tmp_path: Path) -> None:
    def tidy(mark: Path) -> None:
        try:
            forever()
        finally:
            mark.touch()

    with pytest.raises(TaskTimeoutSignal):
        limited(tidy, (tmp_path / "mark",), timeout=SHORT)
    assert (tmp_path / "mark").exists()


def test_the_function_sees_the_context_of_the_caller(limited: Callable[..., Any]) -> None:
    with prefect.context(colour="red", lock=threading.Lock()):
        assert limited(lambda: prefect.context.get("colour"), timeout=LONG) == "red"


def test_log_lines_of_the_function_reach_our_loggers(
    limited: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    def log() -> None:
        logging.getLogger("prefect.inside").info("hello from %s", "inside")

    with caplog.at_level(logging.INFO, logger="prefect"):
        limited(log, timeout=LONG)
    assert [r.getMessage() for r in caplog.records if r.name == "prefect.inside"] == ["hello from inside"]


def test_a_coroutine_runs_under_the_limit(limited: Callable[..., Any]) -> None:
    async def add(a: int, b: int) -> int:
        await asyncio.sleep(0)
        return a + b

    async def wait() -> None:
        await asyncio.sleep(LONG)

    assert limited(add, (1, 2), timeout=LONG) == 3
    with pytest.raises(TaskTimeoutSignal):
        limited(wait, timeout=SHORT)


# -- alarm ------------------------------------------------------------------------------------


def test_alarms_are_refused_outside_of_the_main_thread() -> None:
    with pytest.raises(ValueError, match="main thread"):
        in_thread(lambda: run_with_thread_timeout(int, timeout=LONG))


def test_the_alarm_is_switched_off_and_the_handler_restored() -> None:
    def mine(number: int, frame: Any) -> None: ...

    before = signal.signal(signal.SIGALRM, mine)
    try:
        run_with_thread_timeout(int, timeout=LONG)
        assert signal.getsignal(signal.SIGALRM) is mine
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
        with pytest.raises(TaskTimeoutSignal):
            run_with_thread_timeout(forever, timeout=SHORT)
        assert signal.getsignal(signal.SIGALRM) is mine
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_an_outer_alarm_goes_on_after_an_inner_one() -> None:
    def outer() -> None:
        assert run_with_thread_timeout(int, timeout=LONG) == 0
        remaining, _ = signal.getitimer(signal.ITIMER_REAL)
        assert 0 < remaining <= LONG / 2
        with pytest.raises(TaskTimeoutSignal):
            run_with_thread_timeout(forever, timeout=SHORT)
        remaining, _ = signal.getitimer(signal.ITIMER_REAL)
        assert 0 < remaining <= LONG / 2

    run_with_thread_timeout(outer, timeout=LONG / 2)


def test_an_outer_alarm_that_is_due_first_ends_the_inner_function() -> None:
    seen: list[str] = []

    def outer() -> None:
        try:
            run_with_thread_timeout(forever, timeout=LONG)
        finally:
            seen.append("inner ended")

    with pytest.raises(TaskTimeoutSignal):
        run_with_thread_timeout(outer, timeout=SHORT)
    assert seen == ["inner ended"]


def test_a_foreign_alarm_within_the_time_of_ours_still_rings() -> None:
    rang: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: rang.append(number))
    try:
        signal.setitimer(signal.ITIMER_REAL, SHORT / 4)

        def wait_for_it() -> str:
            while not rang:
                time.sleep(0.005)
            return "went on"

        assert run_with_thread_timeout(wait_for_it, timeout=LONG) == "went on"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# -- process ----------------------------------------------------------------------------------


def test_no_process_is_left_however_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_timeouts, "HARD_GRACE_S", 0.1)

    def swallow() -> None:
        while True:
            try:
                forever()
            except BaseException:
                continue

    before = children()
    run_with_multiprocess_timeout(int, timeout=LONG)
    with pytest.raises(ZeroDivisionError):
        run_with_multiprocess_timeout(divmod, (1, 0), timeout=LONG)
    with pytest.raises(TaskTimeoutSignal):
        run_with_multiprocess_timeout(forever, timeout=SHORT)
    with pytest.raises(TaskTimeoutSignal, match=r"Execution timed out for Function 'swallow'\."):
        run_with_multiprocess_timeout(swallow, timeout=SHORT)
    with pytest.raises(RuntimeError, match="Function '_exit': the process that it ran in exited with code 3"):
        run_with_multiprocess_timeout(os._exit, (3,), timeout=LONG)
    assert children() == before


def test_time_counts_from_the_start_of_the_function_not_of_the_process(tmp_path: Path) -> None:
    package = tmp_path / "slow_to_import.py"
    package.write_text("import time; time.sleep(1)\ndef quick():\n    return 'done'\n")
    sys.path.insert(0, str(tmp_path))
    try:
        from slow_to_import import quick

        assert run_with_multiprocess_timeout(quick, timeout=0.5) == "done"
    finally:
        sys.path.remove(str(tmp_path))


def test_what_does_not_pickle_is_named_before_a_process_is_started() -> None:
    with pytest.raises(TypeError, match=r"cannot be sent to another process\. argument 'box'\['lock'\]"):
        run_with_multiprocess_timeout(dict, (), {"box": {"lock": threading.Lock()}}, timeout=LONG)


def test_a_result_that_does_not_pickle_is_an_error_that_names_its_type() -> None:
    with pytest.raises(TypeError, match="The result, of type 'lock', cannot be sent back"):
        run_with_multiprocess_timeout(threading.Lock, timeout=LONG)


def test_an_interrupted_thread_ends_the_process_it_waits_for(tmp_path: Path) -> None:
    from prefect.executors import ThreadPoolExecutor

    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    def announce() -> None:
        fifo.write_text("started")
        forever()

    before = children()
    executor = ThreadPoolExecutor(max_workers=1)
    with pytest.raises(KeyboardInterrupt), executor.start():  # noqa: PT012 - the block is the point
        executor.submit(run_with_multiprocess_timeout, announce, timeout=LONG)
        fifo.read_text()
        raise KeyboardInterrupt
    assert children() == before


# -- tasks ------------------------------------------------------------------------------------


class Where(Task):
    def run(self, wait: bool = False) -> tuple[int, int]:
        if wait:
            forever()
        return os.getpid(), threading.get_ident()


def test_in_the_main_thread_a_task_runs_right_here() -> None:
    here = (os.getpid(), threading.get_ident())
    assert run_task_with_timeout(Where(timeout=60)) == here
    with pytest.raises(TaskTimeoutSignal, match="Execution timed out"):
        run_task_with_timeout(Where(timeout=datetime.timedelta(seconds=SHORT)), kwargs={"wait": True})


def test_in_another_thread_a_task_runs_in_a_process() -> None:
    pid, _ = in_thread(lambda: run_task_with_timeout(Where(timeout=60)))
    assert pid != os.getpid()
    with pytest.raises(TaskTimeoutSignal, match=r"Execution timed out for Task 'Where'\."):
        in_thread(
            lambda: run_task_with_timeout(
                Where(timeout=datetime.timedelta(seconds=SHORT)), kwargs={"wait": True}
            )
        )


def test_a_task_without_a_timeout_runs_right_here_in_any_thread() -> None:
    pid, ident = in_thread(lambda: run_task_with_timeout(Where()))
    assert pid == os.getpid()
    assert ident != threading.get_ident()


def test_in_a_daemonic_process_the_limit_is_soft(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocessing.current_process(), "_config", {"daemon": True})
    release, went_on = threading.Event(), threading.Event()

    class Patient(Task):
        def run(self, wait: bool) -> str:
            if wait:
                release.wait()
                went_on.set()
            return prefect.context.get("colour")

    task = Patient(timeout=datetime.timedelta(seconds=SHORT))

    def with_context() -> Any:
        with prefect.context(colour="red"):
            return run_task_with_timeout(task, kwargs={"wait": False})

    assert in_thread(with_context) == "red"
    with pytest.raises(TaskTimeoutSignal, match="Task 'Patient'"):
        in_thread(lambda: run_task_with_timeout(task, kwargs={"wait": True}))
    release.set()
    assert went_on.wait(LONG), "it runs on in the background"

    class Fails(Task):
        def run(self) -> None:
            raise signals.FAIL("inside")

    with pytest.raises(signals.FAIL, match="inside"):
        in_thread(lambda: run_task_with_timeout(Fails(timeout=60)))


# -- the 1.x helper for queues ----------------------------------------------------------------


def answer(**payload: Any) -> Any:
    answers: queue.Queue[bytes] = queue.Queue()
    multiprocessing_safe_run_and_retrieve(answers, cloudpickle.dumps(payload))
    return cloudpickle.loads(answers.get_nowait())


def test_a_pickled_call_puts_its_result_into_a_queue() -> None:
    assert answer(fn=pow, args=[2], kwargs={"exp": 3}, context={}, name="power") == 8
    assert answer(fn=lambda: prefect.context.colour, args=[], kwargs={}, context={"colour": "red"}) == "red"


def test_a_pickled_call_that_raises_puts_the_exception_into_the_queue() -> None:
    error = answer(fn=divmod, args=[1, 0], kwargs={}, context={})
    assert isinstance(error, ZeroDivisionError)


def test_a_pickled_call_whose_result_does_not_pickle_says_so() -> None:
    error = answer(fn=threading.Lock, args=[], kwargs={}, context={}, name="Task 'lock'")
    assert isinstance(error, RuntimeError)
    assert str(error).startswith("Task 'lock': the result, of type 'lock', cannot be sent")


def test_a_pickled_call_runs_in_a_process_of_multiprocessing() -> None:
    spawn = multiprocessing.get_context("spawn")
    answers = spawn.SimpleQueue()
    payload = cloudpickle.dumps({"fn": lambda: 7, "args": [], "kwargs": {}, "context": {}})
    process = spawn.Process(target=multiprocessing_safe_run_and_retrieve, args=(answers, payload))
    process.start()
    assert cloudpickle.loads(answers.get()) == 7
    process.join()
    answers.close()
