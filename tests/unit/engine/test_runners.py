"""Runners used directly, configured, or broken by what users override."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

import prefect
from prefect import Flow, Task, task
from prefect.core.edge import Edge
from prefect.engine import (
    FlowRunner,
    TaskRunner,
    get_default_executor_class,
    get_default_flow_runner_class,
    get_default_task_runner_class,
    signals,
)
from prefect.engine.flow_runner import run_task
from prefect.engine.result import Result
from prefect.engine.runner import ENDRUN, Runner
from prefect.engine.state import (
    Cached,
    Failed,
    Mapped,
    Pending,
    Queued,
    Resume,
    Running,
    Scheduled,
    Skipped,
    State,
    Submitted,
    Success,
)
from prefect.engine.task_plan import has_original_steps
from prefect.executors import LocalDaskExecutor, LocalExecutor
from prefect.testing import FakeClock
from prefect.testing import run_task as run_one
from prefect.utilities.configuration import set_temporary_config


@task
def add(x: int, y: int = 10) -> int:
    return x + y


class Mine(TaskRunner):
    pass


class MyFlowRunner(FlowRunner):
    pass


# -- configured classes -------------------------------------------------------------------


def test_the_usual_classes_are_the_default() -> None:
    assert get_default_executor_class() is LocalExecutor
    assert get_default_flow_runner_class() is FlowRunner
    assert get_default_task_runner_class() is TaskRunner


@pytest.mark.parametrize(
    ("setting", "value", "get", "expected"),
    [
        (
            "engine.executor.default_class",
            "prefect.executors.LocalDaskExecutor",
            get_default_executor_class,
            LocalDaskExecutor,
        ),
        ("engine.executor.default_class", LocalDaskExecutor, get_default_executor_class, LocalDaskExecutor),
        ("engine.flow_runner.default_class", MyFlowRunner, get_default_flow_runner_class, MyFlowRunner),
        ("engine.task_runner.default_class", Mine, get_default_task_runner_class, Mine),
    ],
)
def test_another_class_can_be_configured_by_name_or_as_it_is(
    setting: str, value: Any, get: Any, expected: type
) -> None:
    with set_temporary_config({setting: value}):
        assert get() is expected


def test_a_name_that_leads_nowhere_is_warned_of_and_the_default_taken() -> None:
    with (
        set_temporary_config({"engine.task_runner.default_class": "nowhere.Runner"}),
        pytest.warns(
            UserWarning, match=r"'nowhere.Runner'.*`engine.task_runner.default_class`.*using prefect"
        ),
    ):
        assert get_default_task_runner_class() is TaskRunner


def test_the_configured_task_runner_runs_the_tasks_of_a_flow() -> None:
    ran: list[str] = []

    class Noting(TaskRunner):
        def run(self, *args: Any, **kwargs: Any) -> State:
            ran.append(self.task.name)
            return super().run(*args, **kwargs)

    with Flow("configured") as flow:
        add(1)
    with set_temporary_config({"engine.task_runner.default_class": Noting}):
        flow.run()

    assert ran == ["add"]


# -- steps --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["get_task_inputs", "check_for_retry", "run", "__init__", "logger"])
def test_a_class_that_overrides_a_step_is_noticed(name: str) -> None:
    assert has_original_steps(TaskRunner)
    assert has_original_steps(Mine)
    changed = type("Changed", (TaskRunner,), {name: lambda self, *args, **kwargs: None})
    assert not has_original_steps(changed)


def test_a_step_that_is_patched_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    original = TaskRunner.get_task_inputs

    def patched(self: TaskRunner, **kwargs: Any) -> Any:
        seen.append(self.task.name)
        return original(self, **kwargs)

    monkeypatch.setattr(TaskRunner, "get_task_inputs", patched)
    with Flow("patched") as flow:
        add(1)
    flow.run()

    assert seen == ["add"]


def test_a_step_without_a_decorator_that_raises_fails_the_run() -> None:
    class Broken(TaskRunner):
        def load_results(self, state: State, upstream_states: Any) -> Any:
            raise RuntimeError("cannot load")

    with Flow("broken") as flow:
        added = add(1)
    state = FlowRunner(flow, task_runner_cls=Broken).run(return_tasks=[added])

    assert isinstance(state.result[added], Failed)
    assert state.result[added].message == (
        "Task 'add': Unexpected error while running task: RuntimeError('cannot load')"
    )


def test_a_target_step_that_is_overridden_is_only_asked_for_tasks_with_a_target() -> None:
    asked: list[str] = []

    class Noting(TaskRunner):
        def check_target(self, state: State, inputs: Any) -> State:
            asked.append(self.task.name)
            return super().check_target(state, inputs)

    runner = Noting(add)
    assert runner.check_target(Pending("p"), inputs={}).message == "p"
    asked.clear()
    with Flow("targets") as flow:
        add(1)
    FlowRunner(flow, task_runner_cls=Noting).run()

    assert asked == []


def test_who_overrides_the_beginning_finds_the_context_of_the_flow_run() -> None:
    found: dict[str, Any] = {}

    class Noting(TaskRunner):
        def initialize_run(self, state: State | None, context: dict[str, Any]) -> Any:
            begun = super().initialize_run(state, context)
            found.update(begun.context)
            return begun

    with Flow("begun") as flow:
        prefect.Parameter("p", default=1)()
    FlowRunner(flow, task_runner_cls=Noting).run(context={"mine": 2})

    assert found["flow_name"] == "begun"
    assert found["parameters"] == {"p": 1}
    assert (found["mine"], found["task_full_name"], found["task_slug"]) == (2, "p", "p")


# -- flow runner --------------------------------------------------------------------------


def test_a_flow_that_is_neither_pending_nor_running_is_not_run() -> None:
    flow = Flow("over")
    runner = FlowRunner(flow)

    assert runner.run(state=Success("done")).message == "done"
    with pytest.raises(ENDRUN):
        runner.set_flow_to_running(Success())
    running = Running("r")
    assert runner.set_flow_to_running(running) is running


def test_a_flow_waits_for_its_start_time() -> None:
    with Flow("later") as flow:
        added = add(1)
    with FakeClock() as clock:
        waiting = Scheduled("later", start_time=clock.now() + datetime.timedelta(minutes=1))
        assert FlowRunner(flow).run(state=waiting) is waiting
        clock.advance(60)
        assert FlowRunner(flow).run(state=waiting, return_tasks=[added]).result[added].result == 11


def test_wrapping_states_give_way_to_the_wrapped_one() -> None:
    with Flow("wrapped") as flow:
        add(1)
    runner = FlowRunner(flow)

    assert runner.run(state=Submitted(state=Pending())).is_successful()
    assert runner.run(state=Queued(state=Success("inner"))).message == "inner"
    assert runner.run(state=Submitted()).is_successful()
    assert Runner().initialize_run(None, {})[0].is_pending()


def test_the_context_of_the_caller_is_restored_also_after_an_error() -> None:
    class Broken(FlowRunner):
        def set_flow_to_running(self, state: State) -> State:
            raise RuntimeError("broken")

    before = prefect.context.top
    state = Broken(Flow("x")).run()

    assert state.is_failed()
    assert prefect.context.top is before


def test_given_parameters_win_over_those_of_the_context_and_the_defaults() -> None:
    with Flow("parameters") as flow:
        values = [prefect.Parameter(name, default="default")() for name in "abc"]
    state = FlowRunner(flow).run(
        return_tasks=values,
        parameters={"a": "given"},
        context={"parameters": {"a": "context", "b": "context"}},
    )

    assert [state.result[value].result for value in values] == ["given", "context", "default"]


# -- one task -----------------------------------------------------------------------------


def edge_to(work: Task, key: str | None = None, mapped: bool = False) -> Edge:
    return Edge(Task(name="up"), work, key=key, mapped=mapped)


def test_run_task_runs_one_task_of_a_flow_run() -> None:
    state = run_task(
        task=add,
        state=None,
        upstream_states={edge_to(add, "x"): Success(result=1)},
        context={"task_slug": "add-1", "map_index": None},
        flow_result=None,
        task_runner_cls=TaskRunner,
        task_runner_state_handlers=None,
        upstream_mapped_states={},
    )
    assert state.result == 11


def test_run_task_puts_children_into_mapped_upstream_states() -> None:
    @task
    def total(xs: list[int]) -> int:
        return sum(xs)

    edge = edge_to(total, "xs")
    state = run_task(
        task=total,
        state=None,
        upstream_states={edge: Mapped()},
        context={},
        flow_result=Result(),
        task_runner_cls=TaskRunner,
        task_runner_state_handlers=[],
        upstream_mapped_states={edge: [Success(result=1), Success(result=2)]},
    )
    assert state.result == 3


def test_an_approved_run_says_so_in_its_context() -> None:
    @task
    def look() -> Any:
        return prefect.context.get("resume")

    assert TaskRunner(look).run(state=Resume()).result is True
    assert TaskRunner(look).run().result is None


def test_a_task_that_is_mapped_already_ends_its_fan_out_with_that_state() -> None:
    mapped = Mapped("before", map_states=[Success()])
    found = TaskRunner(add).run(
        state=mapped,
        upstream_states={edge_to(add, "x", mapped=True): Success(result=[1])},
        is_mapped_parent=True,
    )
    assert found is mapped


def test_signals_and_errors_of_a_trigger_become_states() -> None:
    def failing(states: Any) -> bool:
        raise KeyError("trigger")

    def skipping(states: Any) -> bool:
        raise signals.SKIP("by the trigger")

    failed = TaskRunner(Task(trigger=failing)).run()
    assert failed.message == "Unexpected error while checking task trigger: KeyError('trigger')"
    assert isinstance(failed.result, KeyError)
    assert isinstance(TaskRunner(Task(trigger=skipping)).run(), Skipped)


def test_a_cached_state_that_is_still_valid_ends_the_run() -> None:
    cached = Cached("kept", result=5)
    work = Task(cache_for=datetime.timedelta(hours=1))

    assert TaskRunner(work).run(state=cached) is cached
    assert TaskRunner(Task()).run(state=cached).message == "Task run succeeded."


def test_a_runner_of_a_task_tells_what_it_runs() -> None:
    assert repr(TaskRunner(add)) == "<TaskRunner: add>"
    assert repr(FlowRunner(Flow("f"))) == "<FlowRunner: f>"
    assert repr(Runner()) == "<Runner>"
    with pytest.raises(TypeError, match="state_handlers should be iterable"):
        Runner(state_handlers=lambda *args: None)  # type: ignore[arg-type]


def test_one_task_can_be_tried_with_states_upstream() -> None:
    skipped = run_one(add, upstream={"x": Skipped()})
    assert skipped.is_skipped()
    assert run_one(add, x=1, y=2).result == 3
