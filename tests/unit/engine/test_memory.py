"""A big map does not hold every result of its stages: what nothing needs any more is let go."""

from __future__ import annotations

import gc
import threading
from typing import Any

import pytest

from prefect import Flow, task
from prefect.engine import FlowRunner
from prefect.executors import LocalExecutor, ProcessPoolExecutor, ThreadPoolExecutor

WIDTH = 300


class Big:
    """A value that knows how many of its kind are alive, in this process."""

    alive = 0
    most = 0
    guard = threading.Lock()

    def __init__(self, number: int) -> None:
        self.number = number
        with Big.guard:
            Big.alive += 1
            Big.most = max(Big.most, Big.alive)

    def __del__(self) -> None:
        with Big.guard:
            Big.alive -= 1

    def __reduce__(self) -> Any:
        return Big, (self.number,)


@pytest.fixture(autouse=True)
def _counted_anew() -> None:
    gc.collect()
    assert Big.alive == 0
    Big.most = 0


@task
def numbers() -> list[int]:
    return list(range(WIDTH))


@task
def make(number: int) -> Big:
    return Big(number)


@task
def again(big: Big) -> Big:
    return Big(big.number + 1000)


@task
def measure(big: Big) -> list[int]:
    return [big.number, Big.alive]


def pipeline() -> tuple[Flow, Any]:
    with Flow("pipeline") as flow:
        last = measure.map(again.map(make.map(numbers())))
    return flow, last


@pytest.mark.parametrize(
    ("executor", "at_once"),
    [(LocalExecutor(), 2), (ThreadPoolExecutor(max_workers=3), 6)],
    ids=["local", "threads"],
)
def test_results_of_stages_in_between_are_let_go_child_by_child(executor: Any, at_once: int) -> None:
    flow, last = pipeline()
    state = FlowRunner(flow).run(return_tasks=[last], executor=executor)

    results = state.result[last].result
    assert [number for number, _ in results] == [number + 1000 for number in range(WIDTH)]
    assert Big.most <= at_once
    assert Big.alive == 0


def test_a_worker_process_lets_go_of_what_it_has_done() -> None:
    flow, last = pipeline()
    state = FlowRunner(flow).run(return_tasks=[last], executor=ProcessPoolExecutor(max_workers=2))

    results = state.result[last].result
    assert [number for number, _ in results] == [number + 1000 for number in range(WIDTH)]
    assert max(alive for _, alive in results) <= 2
    assert Big.most == 0, "results of stages in between never come to this process"


def test_results_that_were_asked_for_are_kept() -> None:
    flow, last = pipeline()
    middle = flow.get_tasks(name="make")[0]
    state = FlowRunner(flow).run(return_tasks=[middle, last])

    assert [big.number for big in state.result[middle].result] == list(range(WIDTH))
    assert Big.most <= WIDTH + 1
    del state
    gc.collect()
    assert Big.alive == 0


def test_results_that_another_task_needs_are_kept_until_then() -> None:
    @task
    def total(bigs: list[Big]) -> int:
        return sum(big.number for big in bigs)

    with Flow("reduced") as flow:
        made = make.map(numbers())
        summed = total(made)
        last = measure.map(made)
    state = FlowRunner(flow).run(return_tasks=[summed, last])

    assert state.result[summed].result == sum(range(WIDTH))
    assert [number for number, _ in state.result[last].result] == list(range(WIDTH))


def test_failed_children_keep_their_error() -> None:
    @task
    def picky(big: Big) -> Big:
        if big.number % 2:
            raise ValueError(big.number)
        return big

    with Flow("errors") as flow:
        picked = picky.map(make.map(numbers()))
        last = measure.map(picked)
    state = FlowRunner(flow).run(return_tasks=[last])

    children = state.result[last].map_states
    assert [child.is_failed() for child in children] == [bool(number % 2) for number in range(WIDTH)]


def test_flow_run_returns_every_result() -> None:
    flow, _ = pipeline()
    state = flow.run()

    assert all(value is not None for task_state in state.result.values() for value in task_state.result)


def test_a_result_that_was_written_keeps_its_location_when_its_value_is_let_go() -> None:
    import prefect
    from prefect.engine.map_group import release
    from prefect.engine.result import Result
    from prefect.engine.state import Success
    from prefect.testing import MemoryResult

    written = MemoryResult(location="here").write(5)
    state = Success(result=written)
    release(state)
    assert state.result is None
    assert state._result.location == "here"
    assert written.value == 5

    plain = Success(result=Result(5))
    release(plain)
    assert plain._result is prefect.engine.result.NoResult
