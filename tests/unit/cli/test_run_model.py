from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefect import Flow, Parameter, Task, task
from prefect.cli._run_model import DONE, Row, RunModel, category_of, failure_text
from prefect.engine.observers import Event, observe
from prefect.engine.signals import LOOP
from prefect.engine.state import (
    Cached,
    Cancelled,
    Failed,
    Looped,
    Mapped,
    Paused,
    Pending,
    Retrying,
    Running,
    Skipped,
    State,
    Submitted,
    Success,
    TimedOut,
)


@pytest.mark.parametrize(
    ("state", "category"),
    [
        (Pending(), "waiting"),
        (Submitted(), "waiting"),
        (Running(), "running"),
        (Looped(), "running"),
        (Retrying(), "retrying"),
        (Paused(), "paused"),
        (Success(), "success"),
        (Mapped(), "success"),
        (Cached(), "cached"),
        (Skipped(), "skipped"),
        (Failed(), "failed"),
        (TimedOut(), "failed"),
        (Cancelled(), "cancelled"),
    ],
)
def test_every_state_has_a_category(state: State, category: str) -> None:
    assert category_of(state) == category


def test_the_reason_of_a_failure_is_one_line() -> None:
    assert failure_text(Failed("gone", result=ValueError("first\nsecond"))) == "ValueError: first"
    assert failure_text(Failed("it says so", result=LOOP("x"))) == "it says so"
    assert failure_text(TimedOut()) == "TimedOut"


def test_a_row_counts_the_time_from_its_first_run_to_its_end() -> None:
    row = Row("work")
    row.apply(Pending(), None, now=0.0)
    assert row.seconds(5.0) is None
    row.apply(Running(), None, now=10.0)
    assert row.seconds(12.0) == 2.0
    row.apply(Success(), None, now=13.0)
    assert row.seconds(99.0) == 3.0


def test_being_told_again_of_an_end_does_not_move_it() -> None:
    row = Row("work")
    row.apply(Running(), None, now=0.0)
    row.apply(Success(), None, now=1.0)
    row.apply(Success(), None, now=9.0)
    assert row.seconds(9.0) == 1.0


def test_a_task_that_was_looked_at_and_must_wait_has_not_started() -> None:
    row = Row("work")
    row.apply(Running(), None, now=0.0)
    row.apply(Pending(), None, now=1.0)
    assert row.category == "waiting"
    assert row.seconds(9.0) is None


def test_a_map_runs_until_all_its_children_are_over() -> None:
    row = Row("work")
    row.apply(Mapped(n_map_states=3), None, now=0.0)
    assert (row.category, row.children_done, row.children_total) == ("waiting", 0, 3)
    row.apply(Success(), 0, now=1.0)
    assert (row.category, row.children_done) == ("running", 1)
    row.apply(Failed(result=ValueError("no")), 2, now=2.0)
    row.apply(Success(), 1, now=3.0)
    assert (row.category, row.children_done) == ("failed", 3)
    assert row.failures == [(2, "ValueError: no")]
    assert row.seconds(9.0) == 3.0 - 1.0


def test_a_map_of_nothing_is_over_at_once() -> None:
    row = Row("work")
    row.apply(Mapped(n_map_states=0), None, now=0.0)
    assert row.category == "success"


def test_children_heard_of_before_their_parent_do_not_end_the_map() -> None:
    row = Row("work")
    row.apply(Success(), 0, now=0.0)
    assert row.category == "running"


def test_children_are_known_from_the_parents_state_alone() -> None:
    row = Row("work")
    row.apply(Mapped(map_states=[Success(), Failed("no")], n_map_states=2), None, now=0.0)
    assert row.counts == Counter(success=1, failed=1)


def test_a_retried_child_is_no_failure_any_more() -> None:
    row = Row("work")
    row.apply(Mapped(n_map_states=1), None, now=0.0)
    row.apply(Failed(result=OSError("flaky")), 0, now=1.0)
    row.apply(Retrying(), 0, now=1.0)
    assert row.failures == []
    assert row.counts["retrying"] == 1
    row.apply(Success(), 0, now=2.0)
    assert row.category == "success"


def test_equal_reasons_are_listed_once() -> None:
    row = Row("work")
    row.apply(Mapped(n_map_states=9), None, now=0.0)
    for index in range(9):
        row.apply(Failed(result=ValueError("same")), index, now=1.0)
    assert row.failures == [(0, "ValueError: same")]
    assert row.counts["failed"] == 9


_STATES = [Pending, Running, Retrying, Success, Failed, Skipped, Cached]


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(_STATES)), max_size=40))
def test_counts_always_add_up_to_the_children_heard_of(changes: list[tuple[int, type[State]]]) -> None:
    row = Row("work")
    last: dict[int, str] = {}
    for index, cls in changes:
        state = cls()
        row.apply(state, index, now=0.0)
        last[index] = category_of(state)
    assert +row.counts == Counter(last.values())
    assert row.children_done == sum(category in DONE for category in last.values())


def model_of(flow: Flow, **parameters: Any) -> RunModel:
    model = RunModel(flow, now=0.0)
    with observe(lambda event: model.apply(event, now=1.0)):
        state = flow.run(parameters=parameters)
    model.finish(state, now=2.0)
    return model


def test_a_real_run_ends_with_every_row_over() -> None:
    @task
    def numbers(n: int) -> list[int]:
        return list(range(n))

    @task
    def check(x: int) -> int:
        if x == 2:
            raise ValueError("two")
        return x

    with Flow("numbers") as flow:
        check.map(numbers(Parameter("n", default=4)))

    model = model_of(flow)
    assert [(row.name, row.category, row.children_total) for row in model.rows] == [
        ("numbers", "success", 0),
        ("check", "failed", 4),
    ]
    assert model.rows[1].failures == [(2, "ValueError: two")]
    assert model.final is not None
    assert model.final.is_failed()


def test_parameters_and_tasks_that_prefect_made_are_shown_only_when_they_fail() -> None:
    @task
    def add(xs: list[int]) -> int:
        return sum(xs)

    with Flow("sum") as flow:
        x = Parameter("x", default=1)
        add([x, x])

    assert [row.name for row in model_of(flow).rows] == ["add"]
    model = RunModel(flow, now=0.0)
    model.apply(Event(x, None, None, Failed("no")), now=0.0)
    assert [row.name for row in model.rows] == ["x", "add"]


def test_events_of_other_flows_are_ignored() -> None:
    model = RunModel(Flow("empty"), now=0.0)
    model.apply(Event(Task("stranger"), None, None, Success()), now=0.0)
    assert model.rows == []
