"""What the states of tasks mean for the tasks after them and for the flow."""

from __future__ import annotations

import pytest

from prefect import Task
from prefect.core.edge import Edge
from prefect.engine.decide.final_state import outcome
from prefect.engine.decide.upstream import all_finished, any_skipped, relevant_states
from prefect.engine.state import Cancelled, Failed, Mapped, Pending, Running, Skipped, State, Success

HALF_DONE = Mapped(map_states=[Success(), Pending()])
ONE_SKIPPED = Mapped(map_states=[Success(), Skipped()])


def upstream(state: State, is_mapped: bool = False) -> dict[Edge, State]:
    return {Edge(Task(name="up"), Task(name="down"), mapped=is_mapped): state}


@pytest.mark.parametrize(
    ("state", "is_mapped", "finished", "skipped"),
    [
        (Success(), False, True, False),
        (Failed(), False, True, False),
        (Pending(), False, False, False),
        (Running(), False, False, False),
        (Skipped(), False, True, True),
        (HALF_DONE, False, False, False),
        (HALF_DONE, True, True, False),
        (ONE_SKIPPED, False, True, True),
        (ONE_SKIPPED, True, True, False),
    ],
)
def test_a_whole_map_upstream_counts_with_its_children(
    state: State, is_mapped: bool, finished: bool, skipped: bool
) -> None:
    states = upstream(state, is_mapped)

    assert all_finished(states) is finished
    assert any_skipped(states) is skipped


def test_children_are_looked_at_after_their_map() -> None:
    assert list(relevant_states(upstream(ONE_SKIPPED))) == [ONE_SKIPPED, *ONE_SKIPPED.map_states]


def test_nothing_upstream_is_finished_and_not_skipped() -> None:
    assert all_finished({}) is True
    assert any_skipped({}) is False


@pytest.mark.parametrize(
    ("terminal", "key", "expected"),
    [
        ([], [], "all successful"),
        ([Success()], [Success()], "all successful"),
        ([Success()], [Skipped()], "all successful"),
        ([Pending()], [Failed()], "unfinished"),
        ([Success(), Running()], [Success()], "unfinished"),
        ([Failed()], [Success()], "all successful"),
        ([Success()], [Success(), Failed()], "failed"),
        ([Success()], [Cancelled()], "none failed"),
        ([Cancelled()], [Cancelled(), Failed()], "failed"),
        ([Success()], [Pending()], "none failed"),
    ],
)
def test_reference_tasks_decide_when_all_terminal_tasks_are_done(
    terminal: list[State], key: list[State], expected: str
) -> None:
    assert outcome(terminal, key) == expected
