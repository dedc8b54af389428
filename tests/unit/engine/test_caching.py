"""`cache_for`: values kept in the process for a while. Compared with 1.4.1."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pendulum
import pytest

import prefect
from prefect import Flow, Parameter, Task, task
from prefect.engine import signals
from prefect.engine.cache_validators import (
    all_inputs,
    all_parameters,
    never_use,
    partial_inputs_only,
    partial_parameters_only,
)
from prefect.engine.results import LocalResult
from prefect.engine.state import Cached, State

HOUR = datetime.timedelta(hours=1)
IN_AN_HOUR = pendulum.now("UTC").add(hours=1)


@pytest.fixture(autouse=True)
def caches() -> Iterator[dict[str, list[State]]]:
    """An empty cache, as in a new process."""
    with prefect.context(caches={}):
        yield prefect.context.caches


class Counted:
    """A flow with one task, that notes what the task was called with."""

    def __init__(self, mapped: bool = False, **task_args: Any) -> None:
        self.calls: list[Any] = []

        def pair(x: int, y: int) -> tuple[int, int]:
            self.calls.append((x, y))
            return x, y

        work = task(pair, **{"name": "work", **task_args})
        with Flow("a flow") as self.flow:
            x, y = Parameter("x", default=1), Parameter("y", default=0)
            self.done: Task = work.map(x, y) if mapped else work(x, y)

    def run(self, **parameters: Any) -> State:
        state = self.flow.run(parameters=parameters)
        assert state is not None
        return state.result[self.done]

    def values(self, *runs: dict[str, Any]) -> list[Any]:
        return [self.run(**parameters).result for parameters in runs]


ONE, TWO = {"x": 1}, {"x": 2}


def test_without_cache_for_every_run_computes() -> None:
    work = Counted()
    assert work.values(ONE, ONE, TWO) == [(1, 0), (1, 0), (2, 0)]
    assert work.calls == [(1, 0), (1, 0), (2, 0)]
    assert not work.run().is_cached()


def test_by_default_the_value_is_kept_whatever_the_inputs() -> None:
    work = Counted(cache_for=HOUR)
    assert work.values(ONE, ONE, TWO) == [(1, 0), (1, 0), (1, 0)]
    assert work.calls == [(1, 0)]


@pytest.mark.parametrize(
    ("validator", "runs", "calls"),
    [
        (all_inputs, [ONE, ONE, TWO, ONE, TWO], [(1, 0), (2, 0)]),
        (all_parameters, [ONE, ONE, TWO, ONE, TWO], [(1, 0), (2, 0)]),
        (never_use, [ONE, ONE], [(1, 0), (1, 0)]),
        (
            partial_inputs_only(["x"]),
            [{"x": 1, "y": 1}, {"x": 1, "y": 2}, {"x": 2, "y": 1}],
            [(1, 1), (2, 1)],
        ),
        (
            partial_parameters_only(["y"]),
            [{"x": 1, "y": 1}, {"x": 2, "y": 1}, {"x": 1, "y": 2}],
            [(1, 1), (1, 2)],
        ),
    ],
)
def test_a_validator_decides_which_value_will_do(
    validator: Any, runs: list[dict[str, Any]], calls: Any
) -> None:
    work = Counted(cache_for=HOUR, cache_validator=validator)
    work.values(*runs)
    assert work.calls == calls


def test_values_for_different_inputs_are_kept_side_by_side() -> None:
    work = Counted(cache_for=HOUR, cache_validator=all_inputs)
    assert work.values(ONE, TWO, ONE, TWO) == [(1, 0), (2, 0), (1, 0), (2, 0)]
    assert len(work.calls) == 2


def test_a_validator_gets_the_state_the_inputs_and_the_parameters() -> None:
    seen: list[Any] = []

    def validator(state: Cached, inputs: dict[str, Any], parameters: dict[str, Any]) -> bool:
        seen.append((state.result, inputs, parameters))
        return True

    work = Counted(cache_for=HOUR, cache_validator=validator)
    work.values(ONE, TWO)
    assert seen == [((1, 0), {"x": 2, "y": 0}, {"x": 2, "y": 0})]


def test_a_validator_that_raises_fails_the_task() -> None:
    def validator(state: Any, inputs: Any, parameters: Any) -> bool:
        raise ZeroDivisionError("broken validator")

    work = Counted(cache_for=HOUR, cache_validator=validator)
    work.run()
    state = work.run()
    assert state.is_failed()
    assert "broken validator" in str(state.message)


class TestTheCachedState:
    def test_the_first_run_ends_cached_already(self) -> None:
        work = Counted(cache_for=HOUR)
        before = pendulum.now("UTC")
        state = work.run(x=5)
        assert type(state) is Cached
        assert state.message == "Task run succeeded."
        assert state.cached_parameters == {"x": 5, "y": 0}
        assert state.hashed_inputs is not None
        assert set(state.hashed_inputs) == {"x", "y"}
        assert isinstance(state.cached_result_expiration, pendulum.DateTime)
        assert before.add(hours=1) <= state.cached_result_expiration <= pendulum.now("UTC").add(hours=1)

    def test_a_later_run_does_not_prolong_it(self) -> None:
        work = Counted(cache_for=HOUR)
        first, second = work.run(), work.run()
        assert second.cached_result_expiration == first.cached_result_expiration

    def test_state_handlers_see_it(self) -> None:
        seen: list[tuple[str, str]] = []

        def handler(task: Task, old: State, new: State) -> State:
            seen.append((type(old).__name__, type(new).__name__))
            return new

        work = Counted(cache_for=HOUR, state_handlers=[handler])
        work.run()
        assert seen == [("Pending", "Running"), ("Running", "Success"), ("Success", "Cached")]
        seen.clear()
        work.run()
        assert seen == [("Pending", "Cached")]

    def test_its_value_reaches_downstream_tasks(self) -> None:
        work = Counted(cache_for=HOUR)
        with work.flow:
            total = task(lambda pair: sum(pair), name="total")(work.done)
        assert [work.flow.run(parameters={"x": x}).result[total].result for x in (3, 4)] == [3, 3]


class TestWhoSharesACache:
    def test_tasks_of_one_name_in_any_flow(self, caches: dict[str, Any]) -> None:
        first, second = Counted(cache_for=HOUR), Counted(cache_for=HOUR)
        first.run(x=1)
        assert second.run(x=2).result == (1, 0)
        assert second.calls == []
        assert list(caches) == ["work"]

    def test_tasks_of_different_names_do_not(self) -> None:
        first, second = Counted(cache_for=HOUR), Counted(cache_for=HOUR, name="other")
        first.run(x=1)
        assert second.run(x=2).result == (2, 0)

    def test_tasks_of_different_names_with_one_key_do(self, caches: dict[str, Any]) -> None:
        first = Counted(cache_for=HOUR, cache_key="shared")
        second = Counted(cache_for=HOUR, cache_key="shared", name="other")
        first.run(x=1)
        assert second.run(x=2).result == (1, 0)
        assert list(caches) == ["shared"]

    def test_nobody_beyond_the_context_it_was_made_in(self) -> None:
        work = Counted(cache_for=HOUR)
        with prefect.context(caches={}):
            work.values(ONE, TWO)
        work.run()
        assert len(work.calls) == 2

    def test_children_of_a_mapped_task(self) -> None:
        work = Counted(mapped=True, cache_for=HOUR)
        assert work.run(x=[1, 2], y=[0, 0]).result == [(1, 0), (2, 0)]
        # The second run finds the value of the first child for all: use all_inputs for mapped tasks.
        assert work.run(x=[1, 2], y=[0, 0]).result == [(1, 0), (1, 0)]

    def test_children_of_a_mapped_task_each_for_its_own_inputs(self) -> None:
        work = Counted(mapped=True, cache_for=HOUR, cache_validator=all_inputs)
        work.run(x=[1, 2], y=[0, 0])
        assert work.run(x=[2, 3, 1], y=[0, 0, 0]).result == [(2, 0), (3, 0), (1, 0)]
        assert work.calls == [(1, 0), (2, 0), (3, 0)]


class TestWhatIsNotKept:
    def test_values_whose_time_is_over(self, caches: dict[str, Any]) -> None:
        work = Counted(cache_for=datetime.timedelta(0))
        work.values(ONE, TWO)
        assert work.calls == [(1, 0), (2, 0)]
        assert not any(caches.values())

    def test_failures(self) -> None:
        attempts: list[int] = []

        @task(name="work", cache_for=HOUR)
        def flaky() -> int:
            attempts.append(1)
            if len(attempts) == 1:
                raise ValueError("no")
            return len(attempts)

        with Flow("a flow") as flow:
            done = flaky()
        states = [flow.run().result[done] for _ in range(3)]
        assert [type(state).__name__ for state in states] == ["Failed", "Cached", "Cached"]
        assert [state.result for state in states[1:]] == [2, 2]

    def test_skips(self) -> None:
        attempts: list[int] = []

        @task(name="work", cache_for=HOUR)
        def skip() -> None:
            attempts.append(1)
            raise signals.SKIP("no")

        with Flow("a flow") as flow:
            skip()
        flow.run()
        flow.run()
        assert len(attempts) == 2


def test_a_failing_trigger_comes_before_the_value() -> None:
    @task
    def check(x: int) -> int:
        if x < 0:
            raise ValueError("no")
        return x

    calls: list[int] = []
    work = task(lambda x: calls.append(x), name="work", cache_for=HOUR)
    with Flow("a flow") as flow:
        done = work(check(Parameter("x")))
    assert flow.run(x=1).result[done].is_cached()
    assert type(flow.run(x=-1).result[done]).__name__ == "TriggerFailed"
    assert calls == [1]


def test_the_end_of_a_loop_is_kept_and_not_its_steps() -> None:
    steps: list[int] = []

    @task(name="work", cache_for=HOUR)
    def loop() -> int:
        count: int = prefect.context.get("task_loop_count", 1)
        steps.append(count)
        if count < 3:
            raise signals.LOOP(result=count)
        return 10

    with Flow("a flow") as flow:
        done = loop()
    assert [flow.run().result[done].result for _ in range(2)] == [10, 10]
    assert steps == [1, 2, 3]


def test_a_cached_state_can_be_given_to_a_run() -> None:
    work = Counted(cache_for=HOUR)
    given = Cached(result=99, cached_result_expiration=IN_AN_HOUR)
    assert work.flow.run(task_states={work.done: given}).result[work.done].result == 99
    assert work.calls == []


def test_a_cache_can_be_given_to_a_run() -> None:
    work = Counted(cache_for=HOUR)
    given = {"work": [Cached(result=88, cached_result_expiration=IN_AN_HOUR)]}
    assert work.flow.run(context={"caches": given}).result[work.done].result == 88


def test_inputs_are_hashed_when_the_task_ends() -> None:
    # As in 1.4.1: a task that changes its own input is not found again under the old input.
    calls: list[int] = []

    @task(name="work", cache_for=HOUR, cache_validator=all_inputs)
    def grow(x: list[int]) -> list[int]:
        calls.append(1)
        x.append(9)
        return list(x)

    with Flow("a flow") as flow:
        done = grow(Parameter("x"))
    assert flow.run(x=[1]).result[done].result == [1, 9]
    assert flow.run(x=[1]).result[done].result == [1, 9]
    assert len(calls) == 2


def test_a_kept_value_is_written_once(tmp_path: Path) -> None:
    work = Counted(cache_for=HOUR, result=LocalResult(dir=str(tmp_path), location="a"))
    with prefect.context(checkpointing=True):
        first = work.run()
        (tmp_path / "a").unlink()
        second = work.run()
    assert first._result.location == second._result.location == str(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_validator_without_cache_for_warns() -> None:
    with pytest.warns(UserWarning, match="cache_validator"):
        Task(cache_validator=all_inputs)
