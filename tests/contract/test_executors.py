"""What holds for every executor, whatever runs the work and wherever."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import cloudpickle
import pytest

import prefect
from prefect.engine import signals
from prefect.exceptions import PrefectException
from prefect.executors import Executor
from prefect.executors.errors import WorkerLost

# Workers cannot import this file; as in a user's script, its functions travel by value.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


class Point(NamedTuple):
    x: Any
    y: Any


class Boom(Exception):
    pass


def add(a: Any, b: Any = 0) -> Any:
    return a + b


def fail(message: str) -> None:
    raise Boom(message)


def wait_for(fifo: Path) -> str:
    """Block until somebody opens the other end."""
    return fifo.read_text()


def announce(fifo: Path) -> None:
    fifo.write_text("here")


def interrupted(started_fifo: Path, marker: Path) -> None:
    """Run until interrupted; leaves a mark when its cleaning up was done."""
    try:
        announce(started_fifo)
        while True:
            time.sleep(0.005)
    finally:
        marker.touch()


def run(executor: Executor, fn: Any, *args: Any, **kwargs: Any) -> Any:
    return executor.wait(executor.submit(fn, *args, **kwargs))


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


# -- results ----------------------------------------------------------------------------------


def test_the_result_of_a_call_comes_out_of_wait(started: Executor) -> None:
    assert run(started, add, 1, b=2) == 3


def test_a_call_that_returns_none_gives_none(started: Executor) -> None:
    assert run(started, print, end="") is None


def test_wait_keeps_the_shape_around_futures(started: Executor) -> None:
    one, two = started.submit(add, 1), started.submit(add, 2)
    waited = started.wait({"list": [one, two], "point": Point(one, (two, "plain")), "set": {3}, "n": None})
    assert waited == {"list": [1, 2], "point": Point(1, (2, "plain")), "set": {3}, "n": None}
    assert type(waited["point"]) is Point


def test_wait_gives_plain_values_back(started: Executor) -> None:
    assert started.wait([1, "a", {"x": None}]) == [1, "a", {"x": None}]


def test_futures_among_the_arguments_become_their_results(started: Executor) -> None:
    one = started.submit(add, 1)
    two = started.submit(add, one, b=one)
    total = started.submit(lambda items, more: sum(items) + more["two"], [one, two, 10], more={"two": two})
    assert started.wait(total) == 1 + 2 + 10 + 2


def test_a_long_chain_of_futures_is_followed(started: Executor) -> None:
    future = started.submit(add, 0)
    for _ in range(100):
        future = started.submit(add, future, 1)
    assert started.wait(future) == 100


def test_large_arguments_and_results_arrive_whole(started: Executor) -> None:
    data = os.urandom(3_000_000)
    assert run(started, bytes.__add__, data, b"!") == data + b"!"


def test_extra_context_may_name_and_tag_the_work(started: Executor) -> None:
    extra = {"task_name": "a / odd name", "task_index": 3, "task_tags": {"one", "two"}}
    assert started.wait(started.submit(add, 1, extra_context=extra)) == 1


def test_classes_of_a_script_keep_their_identity(started: Executor) -> None:
    point = run(started, Point, 1, 2)
    assert type(point) is Point


# -- errors -----------------------------------------------------------------------------------


def test_an_exception_of_the_call_is_raised_with_its_type_and_arguments(started: Executor) -> None:
    with pytest.raises(Boom) as caught:
        run(started, fail, "no luck")
    assert caught.value.args == ("no luck",)


def test_a_signal_is_raised_as_a_signal(started: Executor) -> None:
    def skip() -> None:
        raise signals.SKIP("not today")

    with pytest.raises(signals.SKIP, match="not today"):
        run(started, skip)


def test_system_exit_does_not_end_the_worker(started: Executor) -> None:
    with pytest.raises(SystemExit) as caught:
        run(started, sys.exit, 3)
    assert caught.value.code == 3
    assert run(started, add, 1) == 1


def test_what_depends_on_a_failed_call_fails_with_the_same_exception(kind: Any, started: Executor) -> None:
    if kind.name == "local":
        pytest.skip("LocalExecutor raises in submit, before anything can depend on it")
    failed = started.submit(fail, "first")
    after = started.submit(add, [failed], [1])
    with pytest.raises(Boom, match="first"):
        started.wait(after)


def test_an_exception_that_does_not_pickle_is_told_by_its_text(kind: Any, started: Executor) -> None:
    class Holder(Exception):
        def __init__(self, message: str) -> None:
            super().__init__(message)
            self.lock = threading.Lock()

    def hold() -> None:
        raise Holder("held")

    with pytest.raises(Exception, match="held"):
        run(started, hold)


def test_an_argument_that_does_not_pickle_is_named(kind: Any, started: Executor) -> None:
    box = {"rows": [1], "lock": threading.Lock()}
    if not kind.processes and not kind.dask:
        assert run(started, len, box) == 2
        return
    future = started.submit(dict, rows=box, extra_context={"task_name": "store"})
    with pytest.raises(TypeError, match=r"store cannot be sent to another process.*'rows'\['lock'\]"):
        started.wait(future)


def test_a_function_that_does_not_pickle_is_named_with_the_variable(kind: Any, started: Executor) -> None:
    lock = threading.Lock()

    def locked() -> bool:
        return lock.locked()

    if not kind.processes and not kind.dask:
        assert run(started, locked) is False
        return
    with pytest.raises(TypeError, match="variable 'lock' of function 'locked'"):
        started.wait(started.submit(locked))


def test_a_result_that_does_not_pickle_is_an_error_that_says_so(kind: Any, started: Executor) -> None:
    if not kind.processes:
        assert run(started, threading.Lock) is not None
        return
    with pytest.raises(TypeError, match=r"cannot be sent.*lock|lock.*cannot be sent"):
        run(started, threading.Lock)


def test_a_call_whose_worker_dies_is_lost_and_the_next_one_runs(kind: Any, started: Executor) -> None:
    if not kind.processes:
        pytest.skip("it would be this process that dies")
    future = started.submit(os._exit, 7, extra_context={"task_name": "crash", "task_index": 2})
    with pytest.raises(WorkerLost, match="crash") as caught:
        started.wait(future)
    assert isinstance(caught.value, PrefectException)
    if not kind.dask:
        assert caught.value.exit_code == 7
        assert str(caught.value).startswith(f"Worker process {caught.value.pid} exited with code 7")
        assert caught.value.work == "crash[2]"
    assert run(started, add, 1) == 1


def test_a_dying_worker_takes_no_other_call_with_it(kind: Any, started: Executor, fifo: Path) -> None:
    if not kind.processes:
        pytest.skip("it would be this process that dies")
    other = started.submit(wait_for, fifo)
    with pytest.raises(WorkerLost):
        run(started, os._exit, 1)
    announce(fifo)
    assert started.wait(other) == "here"


# -- waiting for the first --------------------------------------------------------------------


def test_wait_any_gives_the_done_ones_and_leaves_the_rest(kind: Any, started: Executor, fifo: Path) -> None:
    if not kind.parallel:
        pytest.skip("runs one thing at a time")
    blocked = started.submit(wait_for, fifo)
    quick = started.submit(add, 1)
    assert started.wait_any([blocked, quick]) == [quick]
    assert started.wait(quick) == 1
    announce(fifo)
    assert started.wait_any([blocked]) == [blocked]
    assert started.wait(blocked) == "here"


def test_wait_any_counts_a_failed_call_as_done_and_does_not_raise(kind: Any, started: Executor) -> None:
    if kind.name == "local":
        pytest.skip("LocalExecutor raises in submit")
    failed = started.submit(fail, "later")
    assert started.wait_any([failed]) == [failed]
    with pytest.raises(Boom, match="later"):
        started.wait(failed)


def test_wait_any_counts_a_lost_call_as_done(kind: Any, started: Executor) -> None:
    if not kind.processes:
        pytest.skip("it would be this process that dies")
    lost = started.submit(os._exit, 1)
    assert started.wait_any([lost]) == [lost]
    with pytest.raises(WorkerLost):
        started.wait(lost)


def test_wait_any_of_nothing_is_nothing(started: Executor) -> None:
    assert started.wait_any([]) == []


def test_a_result_can_be_waited_for_twice(started: Executor) -> None:
    future = started.submit(add, 1)
    started.wait_any([future])
    assert started.wait(future) == 1
    assert started.wait([future]) == [1]


# -- workers ----------------------------------------------------------------------------------


def test_as_many_calls_run_at_once_as_there_are_workers(kind: Any, started: Executor, tmp_path: Path) -> None:
    if not kind.parallel:
        assert started.workers == 1
        return
    assert started.workers == 2
    there, back = tmp_path / "there", tmp_path / "back"
    os.mkfifo(there)
    os.mkfifo(back)
    # Each waits for the other: they end only if they run at the same time.
    first = started.submit(lambda: (announce(there), wait_for(back)))
    second = started.submit(lambda: (wait_for(there), announce(back)))
    assert started.wait([first, second]) == [(None, "here"), ("here", None)]


def test_placement_says_whether_arguments_are_passed_by_reference(kind: Any, started: Executor) -> None:
    thing = object()
    if started.placement in ("inline", "threads"):
        assert run(started, id, thing) == id(thing)
    else:
        assert kind.processes or kind.dask


def test_inline_placement_runs_in_the_calling_thread(started: Executor) -> None:
    same = (
        run(started, threading.get_ident) == threading.get_ident() and run(started, os.getpid) == os.getpid()
    )
    assert same == (started.placement == "inline")


# -- start and end ----------------------------------------------------------------------------


def test_submitting_outside_of_start_says_so_or_runs_at_once(executor: Executor) -> None:
    if executor.__class__.__name__ in ("LocalExecutor", "LocalDaskExecutor"):
        assert run(executor, add, 1) == 1
    else:
        with pytest.raises(ValueError, match="has not been started"):
            executor.submit(add, 1)


def test_an_executor_can_be_started_again(executor: Executor) -> None:
    for expected in (1, 2):
        with executor.start():
            assert run(executor, add, expected) == expected


def test_an_executor_can_be_pickled_also_while_it_runs(kind: Any, started: Executor) -> None:
    copy = cloudpickle.loads(cloudpickle.dumps(started))
    assert type(copy) is type(started)
    assert copy.placement == started.placement
    if not kind.dask:
        with copy.start():
            assert run(copy, add, 1) == 1


def test_leaving_by_an_exception_cancels_what_waits_and_interrupts_what_runs(
    kind: Any, executor: Executor, tmp_path: Path
) -> None:
    if not kind.parallel:
        pytest.skip("nothing is under way between two calls")
    fifos = [tmp_path / f"started{i}" for i in range(2)]
    marks = [tmp_path / f"mark{i}" for i in range(6)]
    for path in fifos:
        os.mkfifo(path)
    with pytest.raises(KeyboardInterrupt), executor.start():  # noqa: PT012 - the block is the point
        futures = [executor.submit(interrupted, fifos[i], marks[i]) for i in range(2)]
        futures += [executor.submit(Path.touch, mark) for mark in marks[2:]]
        for path in fifos:
            wait_for(path)
        raise KeyboardInterrupt
    assert [mark.exists() for mark in marks] == [True, True, False, False, False, False]


def test_a_future_that_was_cancelled_raises(kind: Any, executor: Executor, fifo: Path) -> None:
    if not kind.parallel or kind.dask:
        pytest.skip("futures of a closed cluster end with it")
    futures = []
    with pytest.raises(RuntimeError), executor.start():  # noqa: PT012 - the block is the point
        futures += [
            executor.submit(interrupted, fifo, fifo.with_name("mark")),
            *(executor.submit(add, i) for i in (1, 2)),
        ]
        wait_for(fifo)
        futures += [executor.submit(time.sleep, 60) for _ in range(4)]
        raise RuntimeError("the run is over")
    for future in futures[-2:]:
        with pytest.raises(BaseException):
            executor.wait(future)


def test_leaving_normally_finishes_what_was_submitted(kind: Any, executor: Executor, tmp_path: Path) -> None:
    if kind.dask:
        pytest.skip("a cluster is closed at the end; the engine waits for all it submits")
    marks = [tmp_path / f"mark{i}" for i in range(10)]
    with executor.start():
        for mark in marks:
            executor.submit(Path.touch, mark)
    assert all(mark.exists() for mark in marks)


# -- surroundings of the work -----------------------------------------------------------------


def test_work_sees_the_run_context_of_the_start_block(kind: Any, executor: Executor) -> None:
    if kind.dask:
        pytest.skip("on a cluster the engine sends the context with the work")
    with prefect.context(colour="red"), executor.start():
        assert run(executor, lambda: prefect.context.get("colour")) == "red"


def test_log_records_of_work_reach_the_handlers_of_this_process(
    kind: Any, executor: Executor, caplog: pytest.LogCaptureFixture
) -> None:
    if kind.dask:
        pytest.skip("Dask workers write their own logs")

    def log(number: int) -> int:
        logging.getLogger("prefect.test").info("number %s", number)
        try:
            raise Boom("inside")
        except Boom:
            logging.getLogger("prefect.test").exception("caught")
        return number

    with caplog.at_level(logging.INFO), executor.start():
        for number in range(3):
            assert run(executor, log, number) == number
            # The records of a call are there when its result is.
            assert [r.getMessage() for r in caplog.records if r.name == "prefect.test"][-2:] == [
                f"number {number}",
                "caught",
            ]
    assert caplog.text.count("Boom: inside") == 3


def test_settings_changed_at_run_time_hold_for_the_work(kind: Any, executor: Executor) -> None:
    if kind.dask:
        pytest.skip("a cluster has settings of its own")
    from prefect.utilities.configuration import set_temporary_config

    with set_temporary_config({"flows.checkpointing": True}), executor.start():
        assert run(executor, lambda: prefect.config.flows.checkpointing) is True
