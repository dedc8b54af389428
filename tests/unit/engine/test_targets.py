"""Targets: a task whose result is there already does not run. Compared with 1.4.1."""

from __future__ import annotations

import datetime
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import prefect
from prefect import Flow, Parameter, Task, case, task
from prefect.engine import signals
from prefect.engine.results import LocalResult
from prefect.engine.serializers import JSONSerializer
from prefect.engine.state import State


def run(flow: Flow, checkpointing: bool = True, **kwargs: Any) -> State:
    with prefect.context(checkpointing=checkpointing):
        state = flow.run(**kwargs)
    assert state is not None
    return state


@pytest.fixture
def at(tmp_path: Path) -> Callable[..., LocalResult]:
    """Makes a LocalResult in the directory of the test."""

    def make(location: Any = None, **kwargs: Any) -> LocalResult:
        return LocalResult(dir=str(tmp_path), location=location, **kwargs)

    return make


class Counted:
    """A task that multiplies by ten and notes what it was called with."""

    def __init__(self, **task_args: Any) -> None:
        self.calls: list[Any] = []

        def times_ten(x: int) -> int:
            self.calls.append(x)
            return x * 10

        self.task = task(times_ten, name="work", **task_args)


def flow_of(counted: Counted, x: Any = 4, **flow_args: Any) -> tuple[Flow, Task]:
    with Flow("a flow", **flow_args) as flow:
        done = counted.task(x)
    return flow, done


def test_the_second_run_reads_what_the_first_wrote(tmp_path: Path, at: Any) -> None:
    work = Counted(target="a", result=at())
    flow, done = flow_of(work)
    first, second = run(flow).result[done], run(flow).result[done]
    assert work.calls == [4]
    assert type(first).__name__ == "Success"
    assert first._result.location == str(tmp_path / "a")
    assert second.is_cached()
    assert second.result == 40
    assert second._result.location == "a"
    assert second.message == "Result found at task target a"


def test_the_target_is_filled_in_like_a_location(tmp_path: Path, at: Any) -> None:
    work = Counted(target="{flow_name}/{task_name}-{x}-{parameters[p]}-{p}.x", result=at())
    with Flow("a flow") as flow:
        done = work.task(Parameter("p", default=4))
    run(flow)
    state = run(flow).result[done]
    assert (tmp_path / "a flow" / "work-4-4-4.x").exists()
    assert state.message == "Result found at task target a flow/work-4-4-4.x"
    assert run(flow, parameters={"p": 5}).result[done].result == 50
    assert work.calls == [4, 5]


def test_a_function_as_target_gets_the_same_as_keywords(tmp_path: Path, at: Any) -> None:
    work = Counted(target=lambda x, task_name, **others: f"{task_name}-{x}", result=at())
    flow, done = flow_of(work)
    run(flow)
    assert (tmp_path / "work-4").exists()
    assert run(flow).result[done].is_cached()
    assert work.calls == [4]


def test_a_target_may_be_an_absolute_path(tmp_path: Path, at: Any) -> None:
    path = tmp_path / "somewhere" / "else"
    work = Counted(target=str(path), result=at())
    flow, done = flow_of(work)
    run(flow)
    assert pickle.loads(path.read_bytes()) == 40
    assert run(flow).result[done].is_cached()


def test_the_serializer_of_the_result_is_used_both_ways(tmp_path: Path, at: Any) -> None:
    work = Counted(target="a.json", result=at(serializer=JSONSerializer()))
    flow, done = flow_of(work)
    run(flow)
    assert (tmp_path / "a.json").read_bytes() == b"40"
    assert run(flow).result[done].result == 40


def test_the_result_of_the_flow_will_do(tmp_path: Path, at: Any) -> None:
    work = Counted(target="{task_name}.x")
    flow, done = flow_of(work, result=at())
    run(flow)
    assert (tmp_path / "work.x").exists()
    assert run(flow).result[done].is_cached()


class TestWithoutCheckpointing:
    def test_nothing_is_written(self, tmp_path: Path, at: Any) -> None:
        work = Counted(target="a", result=at())
        flow, _ = flow_of(work)
        run(flow, checkpointing=False)
        run(flow, checkpointing=False)
        assert work.calls == [4, 4]
        assert list(tmp_path.iterdir()) == []

    def test_what_is_there_is_read_all_the_same(self, at: Any) -> None:
        at("a").write(7)
        work = Counted(target="a", result=at())
        flow, done = flow_of(work)
        state = run(flow, checkpointing=False).result[done]
        assert (state.is_cached(), state.result, work.calls) == (True, 7, [])

    def test_a_task_that_is_not_checkpointed_writes_no_target(self, tmp_path: Path, at: Any) -> None:
        work = Counted(target="a", result=at(), checkpoint=False)
        flow, _ = flow_of(work)
        run(flow)
        run(flow)
        assert work.calls == [4, 4]
        assert list(tmp_path.iterdir()) == []


class TestTargetAndLocation:
    def test_the_target_wins_over_the_location_of_the_result_with_a_warning(
        self, tmp_path: Path, at: Any
    ) -> None:
        with pytest.warns(UserWarning, match="Both `result.location` and `target` were provided"):
            work = Counted(target="a", result=at("b"))
        assert work.task.result is not None
        assert work.task.result.location == "a"
        run(flow_of(work)[0])
        assert [path.name for path in tmp_path.iterdir()] == ["a"]

    def test_the_result_that_was_given_is_not_changed(self, at: Any) -> None:
        result = at()
        work = Counted(target="a", result=result)
        run(flow_of(work)[0])
        assert (result.location, result.value) == (None, None)

    def test_the_same_text_twice_is_no_reason_to_warn(self, at: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            Counted(target="a", result=at("a"))


class TestMappedTasks:
    def test_each_child_has_its_own_target_if_the_template_says_so(self, at: Any) -> None:
        work = Counted(target="{map_index}", result=at())
        with Flow("a flow") as flow:
            done = work.task.map([1, 2, 3])
        run(flow)
        state = run(flow).result[done]
        assert work.calls == [1, 2, 3]
        assert [child.is_cached() for child in state.map_states] == [True, True, True]
        assert state.result == [10, 20, 30]

    def test_only_missing_children_run(self, tmp_path: Path, at: Any) -> None:
        work = Counted(target="{x}", result=at())
        with Flow("a flow") as flow:
            done = work.task.map([1, 2, 3])
        run(flow)
        (tmp_path / "2").unlink()
        state = run(flow).result[done]
        assert work.calls == [1, 2, 3, 2]
        assert [type(child).__name__ for child in state.map_states] == ["Cached", "Success", "Cached"]

    def test_with_one_target_for_all_the_first_child_answers_for_the_others(self, at: Any) -> None:
        # The usual mistake: {map_index}, or an input, belongs into the target of a mapped task.
        work = Counted(target="same", result=at())
        with Flow("a flow") as flow:
            done = work.task.map([1, 2, 3])
        assert run(flow).result[done].result == [10, 10, 10]
        assert work.calls == [1]


class TestTargetAndTheRestOfTheRun:
    def test_upstream_tasks_run_all_the_same(self, at: Any) -> None:
        up, work = Counted(), Counted(target="a", result=at())
        with Flow("a flow") as flow:
            done = work.task(up.task(1))
        run(flow)
        assert run(flow).result[done].is_cached()
        assert (up.calls, work.calls) == ([1, 1], [10])

    def test_downstream_tasks_get_the_value(self, at: Any) -> None:
        at("a").write(7)
        down = Counted()
        with Flow("a flow") as flow:
            done = down.task(Counted(target="a", result=at()).task(1))
        assert run(flow).result[done].result == 70

    def test_a_failing_trigger_comes_before_the_value(self, at: Any) -> None:
        at("a").write(7)

        @task
        def fail() -> None:
            raise ValueError("no")

        work = Counted(target="a", result=at())
        with Flow("a flow") as flow:
            done = work.task(fail())
        state = run(flow).result[done]
        assert type(state).__name__ == "TriggerFailed"
        assert work.calls == []

    def test_a_skip_upstream_comes_before_the_value(self, at: Any) -> None:
        at("a").write(7)

        @task
        def skip() -> None:
            raise signals.SKIP("no")

        with Flow("a flow") as flow:
            done = Counted(target="a", result=at()).task(skip())
        assert run(flow).result[done].is_skipped()

    def test_it_works_in_a_branch(self, at: Any) -> None:
        work = Counted(target="{x}", result=at())
        with Flow("a flow") as flow, case(Parameter("which", default="yes"), "yes"):
            done = work.task(3)
        run(flow)
        assert run(flow).result[done].is_cached()
        assert run(flow, parameters={"which": "no"}).result[done].is_skipped()

    def test_state_handlers_see_the_cached_state(self, at: Any) -> None:
        seen: list[tuple[str, str]] = []

        def handler(task: Task, old: State, new: State) -> State:
            seen.append((type(old).__name__, type(new).__name__))
            return new

        flow, _ = flow_of(Counted(target="a", result=at(), state_handlers=[handler]))
        run(flow)
        assert seen == [("Pending", "Running"), ("Running", "Success")]
        seen.clear()
        run(flow)
        assert seen == [("Pending", "Cached")]

    def test_a_retried_task_writes_its_target_in_the_end(self, tmp_path: Path, at: Any) -> None:
        attempts: list[int] = []

        @task(target="a", result=at(), max_retries=1, retry_delay=datetime.timedelta(0))
        def flaky() -> int:
            attempts.append(1)
            if len(attempts) == 1:
                raise ValueError("no")
            return 3

        with Flow("a flow") as flow:
            flaky()
        assert run(flow).is_successful()
        assert pickle.loads((tmp_path / "a").read_bytes()) == 3

    def test_the_cached_state_tells_the_parameters(self, at: Any) -> None:
        work = Counted(target="a", result=at())
        with Flow("a flow") as flow:
            done = work.task(Parameter("p"))
        run(flow, parameters={"p": 1})
        state = run(flow, parameters={"p": 2}).result[done]
        assert state.cached_parameters == {"p": 2}
        assert state.cached_result_expiration is None


class TestErrors:
    def test_a_damaged_target_fails_the_task_and_is_named(self, tmp_path: Path, at: Any) -> None:
        (tmp_path / "a").write_bytes(b"\x80\x04")
        work = Counted(target="a", result=at())
        flow, done = flow_of(work)
        state = run(flow).result[done]
        assert state.is_failed()
        assert f"The result at {tmp_path / 'a'} cannot be read: it is damaged" in str(state.message)
        assert "Delete it to have the task compute it again" in str(state.message)
        assert work.calls == []

    def test_an_unknown_placeholder_fails_the_task(self, at: Any) -> None:
        flow, done = flow_of(Counted(target="{nonesuch}", result=at()))
        state = run(flow).result[done]
        assert state.is_failed()
        assert "nonesuch" in str(state.message)

    def test_a_value_that_leads_out_of_the_directory_fails_the_task(self, tmp_path: Path) -> None:
        (tmp_path / "outside").write_bytes(pickle.dumps("stolen"))
        work = Counted(target="{x}", result=LocalResult(dir=str(tmp_path / "base")))
        flow, done = flow_of(work, x="../outside")
        state = run(flow, checkpointing=False).result[done]
        assert state.is_failed()
        assert "A value in the result location '{x}' leads to" in str(state.message)
        assert work.calls == []

    def test_a_target_that_was_none_is_read_as_none(self, at: Any) -> None:
        at("a").write(None)
        work = Counted(target="a", result=at())
        flow, done = flow_of(work)
        state = run(flow).result[done]
        assert (state.is_cached(), state.result, work.calls) == (True, None, [])
