"""Observers are told of every change of state, whatever runs the tasks."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

import prefect
from prefect import Flow, task
from prefect.engine.observers import Event, is_observed, observe
from prefect.executors import LocalExecutor, ProcessPoolExecutor, ThreadPoolExecutor


@task
def numbers() -> list[int]:
    return [0, 1, 2]


@task
def double(x: int) -> int:
    return 2 * x


@task
def broken(x: Any) -> None:
    raise ValueError("no")


@pytest.mark.parametrize(
    "executor",
    [LocalExecutor(), ThreadPoolExecutor(max_workers=2), ProcessPoolExecutor(max_workers=1)],
    ids=["local", "threads", "processes"],
)
def test_every_task_and_child_is_seen_to_end(executor: Any) -> None:
    with Flow("observed", executor=executor) as flow:
        made = numbers()
        doubled = double.map(made)
        failed = broken(doubled)
    events: list[Event] = []
    with observe(events.append):
        flow.run()

    ended = {
        (event.task.name, event.map_index): type(event.new_state).__name__
        for event in events
        if event.new_state.is_finished()
    }
    assert ended == {
        ("numbers", None): "Success",
        ("double", None): "Mapped",
        ("double", 0): "Success",
        ("double", 1): "Success",
        ("double", 2): "Success",
        ("broken", None): "Failed",
    }
    assert made.name
    assert failed.name


def test_the_width_of_a_map_is_told_before_its_children() -> None:
    with Flow("width") as flow:
        doubled = double.map(numbers())
    events: list[tuple[int | None, int | None]] = []
    with observe(
        lambda event: (
            events.append((event.map_index, getattr(event.new_state, "n_map_states", None)))
            if event.task is doubled
            else None
        )
    ):
        flow.run()

    assert events[0] == (None, 3)
    assert [index for index, _ in events[1:]] == [0, 1, 2, None]


def test_retries_show_as_retrying_and_as_a_new_beginning() -> None:
    @task(max_retries=1, retry_delay=datetime.timedelta(0))
    def flaky() -> None:
        if prefect.context.task_run_count == 1:
            raise ValueError("first")

    with Flow("retried") as flow:
        flaky()
    seen: list[str] = []
    with observe(lambda event: seen.append(type(event.new_state).__name__)):
        flow.run()

    assert seen == ["Running", "Retrying", "Running", "Success"]


def test_nobody_is_told_after_the_block() -> None:
    with Flow("after") as flow:
        numbers()
    events: list[Event] = []
    with observe(events.append):
        assert is_observed()
    flow.run()

    assert not is_observed()
    assert events == []


def test_two_observers_hear_the_same() -> None:
    with Flow("two") as flow:
        numbers()
    first: list[Event] = []
    second: list[Event] = []
    with observe(first.append), observe(second.append):
        flow.run()

    assert first == second
    assert len(first) == 2
