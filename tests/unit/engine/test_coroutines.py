"""Coroutine functions are tasks, in scripts and inside of a running loop."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable
from typing import Any

import pytest

import prefect
from prefect import Flow, Task, task
from prefect.engine import signals
from prefect.engine.state import Failed, Skipped, TimedOut
from prefect.executors import ProcessPoolExecutor, ThreadPoolExecutor


def directly(flow: Flow) -> Any:
    return flow.run()


def inside_a_loop(flow: Flow) -> Any:
    """As a notebook does: a loop runs already in this thread."""

    async def main() -> Any:
        return flow.run()

    return asyncio.run(main())


everywhere = pytest.mark.parametrize("run", [directly, inside_a_loop])
Run = Callable[[Flow], Any]


@task
async def add(x: int, y: int) -> int:
    await asyncio.sleep(0)
    return x + y


@everywhere
def test_a_coroutine_task_gives_its_value(run: Run) -> None:
    with Flow("value") as flow:
        total = add(add(1, 2), 3)

    assert run(flow).result[total].result == 6


@everywhere
def test_mapped_coroutines_give_a_list(run: Run) -> None:
    with Flow("mapped") as flow:
        totals = add.map([1, 2, 3], y=prefect.unmapped(10))

    assert run(flow).result[totals].result == [11, 12, 13]


@everywhere
def test_a_class_may_have_a_coroutine_as_its_run(run: Run) -> None:
    class Wait(Task):
        async def run(self, x: int) -> int:
            await asyncio.sleep(0)
            return x

    with Flow("class") as flow:
        waited = Wait()(5)

    assert run(flow).result[waited].result == 5


@everywhere
def test_an_error_of_a_coroutine_fails_the_task(run: Run) -> None:
    @task
    async def broken() -> None:
        await asyncio.sleep(0)
        raise ValueError("awaited")

    with Flow("error") as flow:
        failed = broken()
    state = run(flow).result[failed]

    assert isinstance(state, Failed)
    assert repr(state.result) == "ValueError('awaited')"


@everywhere
def test_a_signal_of_a_coroutine_is_the_state(run: Run) -> None:
    @task
    async def skip() -> None:
        await asyncio.sleep(0)
        raise signals.SKIP("not today")

    with Flow("signal") as flow:
        skipped = skip()

    assert isinstance(run(flow).result[skipped], Skipped)


@everywhere
def test_a_coroutine_reads_the_context_of_its_run(run: Run) -> None:
    @task
    async def look() -> list[Any]:
        await asyncio.sleep(0)
        return [prefect.context.task_name, prefect.context.flow_name, prefect.context.task_run_count]

    with Flow("context") as flow:
        looked = look()

    assert run(flow).result[looked].result == ["look", "context", 1]


@everywhere
def test_a_coroutine_is_retried_and_loops(run: Run) -> None:
    @task(max_retries=1, retry_delay=datetime.timedelta(0))
    async def flaky() -> int:
        await asyncio.sleep(0)
        if prefect.context.task_run_count == 1:
            raise ValueError("first")
        if prefect.context.get("task_loop_count", 1) < 3:
            raise signals.LOOP(result=prefect.context.get("task_loop_count", 1))
        return prefect.context.task_loop_result

    with Flow("again") as flow:
        done = flaky()

    assert run(flow).result[done].result == 2


def test_a_coroutine_that_takes_too_long_is_timed_out() -> None:
    @task(timeout=0.05)
    async def slow() -> None:
        await asyncio.sleep(30)

    with Flow("slow") as flow:
        timed_out = slow()

    assert isinstance(flow.run().result[timed_out], TimedOut)


def test_a_coroutine_within_its_time_gives_its_value() -> None:
    @task(timeout=30)
    async def quick() -> int:
        await asyncio.sleep(0)
        return 1

    with Flow("quick") as flow:
        done = quick()

    assert flow.run().result[done].result == 1


@pytest.mark.parametrize(
    "executor",
    [ThreadPoolExecutor(max_workers=2), ProcessPoolExecutor(max_workers=1)],
    ids=["threads", "processes"],
)
def test_executors_run_coroutines(executor: Any) -> None:
    with Flow("executor", executor=executor) as flow:
        total = add(1, 2)
        totals = add.map([1, 2], y=prefect.unmapped(1))
    state = flow.run()

    assert state.result[total].result == 3
    assert state.result[totals].result == [2, 3]


def test_a_coroutine_that_prints_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    @task(log_stdout=True)
    async def talk() -> None:
        await asyncio.sleep(0)
        print("from the coroutine")

    with Flow("talk") as flow:
        talk()
    with caplog.at_level("INFO", logger="prefect"):
        flow.run()

    assert "from the coroutine" in caplog.text
