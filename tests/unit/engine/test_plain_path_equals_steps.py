"""The short path of plain tasks and the steps of `TaskRunner` are the same run.

Random flows are run twice: once as they are, and once with a runner class whose steps are
overridden (by themselves), which sends every task through all steps.
"""

from __future__ import annotations

import datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import prefect
from prefect import Flow, Task, flatten, task, unmapped
from prefect.engine import FlowRunner, TaskRunner, signals
from prefect.engine.state import State


class StepByStep(TaskRunner):
    """Overrides a step, by which no task is plain any more."""

    def check_task_is_ready(self, state: State) -> State:
        return super().check_task_is_ready(state)


class Act(Task):
    """Does one of the things that tasks do, and some of them only in the first attempt."""

    def __init__(self, act: str, **kwargs: Any) -> None:
        self.act = act
        super().__init__(**kwargs)

    def run(self, x: Any = None, y: Any = 0) -> Any:
        context = prefect.context
        act = self.act
        if act == "fail":
            raise ValueError(f"no {x}")
        if act == "fail odd" and isinstance(x, int) and x % 2:
            raise ValueError("odd")
        if act == "fail once" and context.task_run_count == 1:
            raise RuntimeError("first attempt")
        if act == "skip":
            raise signals.SKIP("not today")
        if act == "skip odd" and isinstance(x, int) and x % 2:
            raise signals.SKIP("odd", result=None)
        if act == "success":
            raise signals.SUCCESS("early", result=[x])
        if act == "retry" and context.task_run_count == 1:
            raise signals.RETRY("again")
        if act == "loop":
            count = context.get("task_loop_count", 1)
            if count < 3:
                raise signals.LOOP(
                    message=f"round {count}", result=(context.get("task_loop_result") or 0) + 1
                )
            return context.task_loop_result
        if act == "loop fails once":
            count = context.get("task_loop_count", 1)
            if count == 2 and context.task_run_count == 1:
                raise KeyError("second round")
            if count < 3:
                raise signals.LOOP(result=count)
            return context.task_loop_result
        if act == "fail signal":
            raise signals.FAIL("no", result=x)
        if act == "list":
            return [0, 1, 2]
        if act == "nested":
            return [[0, 1], [2]]
        if act == "none":
            return None
        if act == "context":
            return [context.task_name, context.map_index, context.task_full_name, context.task_run_count]
        return x


ACTS = ("pass", "fail", "fail odd", "fail once", "skip", "skip odd", "success", "retry", "loop", "list")
ACTS = (*ACTS, "nested", "none", "context", "loop fails once", "fail signal")

Step = tuple[str, int, str, int]
steps = st.lists(
    st.tuples(
        st.sampled_from(ACTS),
        st.integers(0, 5),
        st.sampled_from(["plain", "map", "map flat", "unmapped", "constant", "order", "map after", "two"]),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=7,
)


def build(recipe: list[Step]) -> Flow:
    with Flow("random") as flow:
        made: list[Any] = [Act("list", name="first")()]
        for number, (act, upstream, how, retries) in enumerate(recipe):
            source = made[upstream % len(made)]
            other = made[(upstream + 1) % len(made)]
            delay = datetime.timedelta(0) if retries else None
            new = Act(act, name=f"t{number}", max_retries=retries, retry_delay=delay, tags={"b", "a"})
            if how == "map":
                made.append(new.map(source))
            elif how == "map flat":
                made.append(new.map(flatten(source)))
            elif how == "unmapped":
                made.append(new.map(source, y=unmapped(other)))
            elif how == "constant":
                made.append(new(source, y=number))
            elif how == "map after":
                made.append(
                    new.map(source, upstream_tasks=[other]) if other is not source else new.map(source)
                )
            elif how == "two":
                made.append(new(source, y=other))
            elif how == "order":
                made.append(new(upstream_tasks=[source]))
            else:
                made.append(new(source))
    return flow


def outcome(flow: Flow, runner_cls: type[TaskRunner]) -> Any:
    """All that can be seen of a run, of each task and child."""
    states: dict[Task, State] = {}
    for _ in range(4):  # enough for the retries of these flows
        runner = FlowRunner(flow, task_runner_cls=runner_cls)
        state = runner.run(return_tasks=flow.tasks, task_states=states)
        states = state.result
    return {
        flow.slugs[one]: (describe(found), [describe(child) for child in getattr(found, "map_states", ())])
        for one, found in states.items()
    } | {"flow": (type(state).__name__, state.message)}


def describe(state: State) -> Any:
    return (
        type(state).__name__,
        state.message,
        repr(state.result),
        type(state._result).__name__,
        state.context,
        getattr(state, "run_count", None),
    )


@settings(max_examples=150, deadline=None)
@given(steps)
def test_every_flow_ends_the_same_with_and_without_the_short_path(recipe: list[Step]) -> None:
    flow = build(recipe)

    assert outcome(flow, TaskRunner) == outcome(flow, StepByStep)


def test_the_overridden_runner_really_takes_the_steps() -> None:
    taken: list[str] = []

    class Counting(TaskRunner):
        def get_task_run_state(self, state: State, inputs: dict[str, Any]) -> State:
            taken.append(self.task.name)
            return super().get_task_run_state(state, inputs)

    @task
    def plain() -> int:
        return 1

    with Flow("plain") as flow:
        plain()
    FlowRunner(flow, task_runner_cls=Counting).run(return_tasks=flow.tasks)

    assert taken == ["plain"]
