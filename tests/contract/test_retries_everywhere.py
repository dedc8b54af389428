"""Pipelines of maps that fail, retry, loop and skip end the same on every executor, pass by pass."""

from __future__ import annotations

import contextlib
import datetime
import logging
from collections.abc import Generator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import prefect
from prefect import Flow, Task, flatten, unmapped
from prefect.engine import FlowRunner, signals
from prefect.engine.state import State
from prefect.executors import Executor, LocalExecutor


class Kept(Executor):
    """An executor that was started before, so that each pass need not start it."""

    def __init__(self, started: Executor) -> None:
        super().__init__()
        self._started = started
        self.placement = started.placement

    @property
    def workers(self) -> int:
        return self._started.workers

    @contextlib.contextmanager
    def start(self) -> Generator[None]:
        yield

    def submit(self, fn: Any, *args: Any, extra_context: Any = None, **kwargs: Any) -> Any:
        return self._started.submit(fn, *args, extra_context=extra_context, **kwargs)

    def wait(self, futures: Any) -> Any:
        return self._started.wait(futures)

    def wait_any(self, futures: Sequence[Any]) -> list[Any]:
        return self._started.wait_any(futures)


ACTS = [
    "pass",
    "odd once",
    "odd twice",
    "always",
    "skip odd",
    "retry signal",
    "loop",
    "loop fails once",
    "list",
]


class Act(Task):
    """Does what `act` says, some of it only in the first attempts."""

    def __init__(self, act: str, **kwargs: Any) -> None:
        self.act = act
        super().__init__(**kwargs)

    def run(self, x: Any = 0, y: Any = None) -> Any:
        context = prefect.context
        attempt = context.task_run_count
        is_odd = isinstance(x, int) and x % 2 == 1
        if self.act == "list":
            return [0, 1, 2, 3]
        if is_odd and (
            (self.act == "odd once" and attempt == 1)
            or (self.act == "odd twice" and attempt < 3)
            or self.act == "always"
        ):
            raise ValueError(f"{x} in attempt {attempt}")
        if is_odd and self.act == "skip odd":
            raise signals.SKIP("odd", result=None)
        if self.act == "retry signal" and attempt == 1:
            raise signals.RETRY("once more")
        if self.act.startswith("loop"):
            count = context.get("task_loop_count", 1)
            if self.act == "loop fails once" and count == 2 and attempt == 1 and is_odd:
                raise ValueError("in the second round")
            if count < 3:
                raise signals.LOOP(f"round {count}", result=[x, count])
            return context.task_loop_result
        return [x, y, attempt, context.map_index] if y is not None else x


Step = tuple[str, str, int, int]
recipes = st.lists(
    st.tuples(
        st.sampled_from(ACTS),
        st.sampled_from(["map", "map", "map", "map with", "flat", "reduce"]),
        st.integers(0, 2),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=4,
)


def build(recipe: list[Step]) -> Flow:
    with Flow("pipeline") as flow:
        made: list[Any] = [Act("list", name="first")()]
        for number, (act, how, retries, back) in enumerate(recipe):
            delay = datetime.timedelta(0) if retries else None
            new = Act(act, name=f"t{number}", max_retries=retries, retry_delay=delay)
            source = made[-1 - back % len(made)]
            if how == "map":
                made.append(new.map(source))
            elif how == "map with":
                made.append(new.map(source, y=unmapped(made[0])))
            elif how == "flat":
                made.append(new.map(flatten(source)))
            else:
                made.append(new(source))
    return flow


def passes(flow: Flow, executor: Executor) -> list[Any]:
    """What every pass of a run ends in."""
    states: dict[Task, State] = {}
    found: list[Any] = []
    for _ in range(5):
        state = FlowRunner(flow).run(return_tasks=flow.tasks, task_states=states, executor=executor)
        states = state.result
        found.append(
            (
                type(state).__name__,
                {flow.slugs[task]: describe(each) for task, each in states.items()},
            )
        )
        if state.is_finished():
            break
    return found


def describe(state: State) -> Any:
    return (
        type(state).__name__,
        state.message,
        repr(state.result),
        dict(state.context),
        getattr(state, "run_count", None),
        [describe(child) for child in getattr(state, "map_states", ())],
    )


@pytest.fixture
def _quiet() -> Generator[None]:
    # Thousands of lines that nobody reads; workers are told of the level as well.
    logger = logging.getLogger("prefect")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)


@pytest.mark.usefixtures("_quiet")
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(recipe=recipes)
def test_every_pass_ends_as_it_does_locally(started: Executor, recipe: list[Step]) -> None:
    flow = build(recipe)

    assert passes(flow, Kept(started)) == passes(flow, LocalExecutor())
