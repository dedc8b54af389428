"""Whether a task can be mapped over what is upstream, and how often it then runs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefect import Task
from prefect.core.edge import Edge
from prefect.engine.decide import mapping
from prefect.engine.state import Failed, Mapped, Pending, Skipped, State, Success


def upstream(*states: State, is_mapped: bool = True) -> dict[Edge, State]:
    task = Task(name="mapped")
    return {
        Edge(Task(name=f"up{number}"), task, key=f"x{number}", mapped=is_mapped): state
        for number, state in enumerate(states)
    }


LIST = Success(result=[1, 2, 3])
SHORT = Success(result=[1])
MAP = Mapped(map_states=[Success(), Failed()])
SKIPPED, FAILED = Skipped(), Failed(result=ValueError())


@pytest.mark.parametrize(
    ("states", "problem"),
    [
        ([LIST], None),
        ([MAP], None),
        ([LIST, MAP], None),
        ([LIST, FAILED], None),
        ([LIST, SKIPPED], None),
        ([Success(result="text")], None),
        ([Success(result=())], None),
        ([], None),
        ([FAILED], mapping.NOTHING_TO_MAP),
        ([FAILED, SKIPPED], mapping.NOTHING_TO_MAP),
        ([Pending()], mapping.NOTHING_TO_MAP),
        ([Success(result=5)], "'up0' returned int, which is no sequence"),
        ([Success()], "'up0' returned NoneType, which is no sequence"),
        ([LIST, Success(result={1, 2})], "'up1' returned set"),
        ([Success(result={"a": 1})], "'up0' returned a dictionary; map over `list(x.items())`"),
        ([Success(result=iter([1]))], "which is no sequence; return a list"),
    ],
)
def test_what_stands_in_the_way_of_a_map_is_named(states: list[State], problem: str | None) -> None:
    found = mapping.obstacle(upstream(*states))
    assert found == problem if problem is None else problem in str(found)


def test_upstream_tasks_that_are_not_mapped_over_are_no_obstacle() -> None:
    assert mapping.obstacle(upstream(Success(result=5), FAILED, is_mapped=False)) is None


@pytest.mark.parametrize(
    ("states", "is_all"),
    [([SKIPPED], True), ([SKIPPED, SKIPPED], True), ([SKIPPED, LIST], False), ([], False), ([FAILED], False)],
)
def test_a_map_over_skipped_tasks_alone_is_skipped(states: list[State], is_all: bool) -> None:
    assert mapping.nothing_but_skipped(upstream(*states)) is is_all


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([LIST], 3),
        ([LIST, SHORT], 1),
        ([MAP], 2),
        ([Mapped(n_map_states=7)], 7),
        ([LIST, SKIPPED, FAILED], 3),
        ([Success(result=[])], 0),
        ([], 0),
    ],
)
def test_the_shortest_input_says_how_often_the_task_runs(states: list[State], expected: int) -> None:
    assert mapping.width(upstream(*states)) == expected


# -- flatten ------------------------------------------------------------------------------


@given(st.lists(st.lists(st.integers(), max_size=3), max_size=4))
def test_flattening_joins_one_level(nested: list[list[int]]) -> None:
    assert mapping.flattened_values(nested) == [element for inner in nested for element in inner]


@pytest.mark.parametrize("value", [5, None, [1, 2], [[1], 2]])
def test_what_cannot_be_flattened_stays_what_it_is(value: Any) -> None:
    assert mapping.flattened_values(value) is value


def test_a_generator_is_flattened_once_and_whole() -> None:
    assert mapping.flattened_values([n] * n for n in range(3)) == [1, 2, 2]


def test_children_are_joined_and_those_without_elements_stand_for_themselves() -> None:
    failed, skipped = Failed("no"), Skipped("no", result=[9])
    state = Mapped(map_states=[Success(result=[1, 2]), failed, Success(result=[]), skipped])
    joined = mapping.flattened_state(state)

    assert isinstance(joined, Mapped)
    assert [child.result for child in joined.map_states] == [1, 2, None, [9]]
    assert joined.map_states[2:] == [failed, skipped]
    assert joined.result == [1, 2, None, [9]]


def test_children_that_cannot_be_flattened_leave_the_map_as_it_is() -> None:
    state = Mapped(map_states=[Success(result=[1]), Success(result=5)])
    assert mapping.flattened_state(state) is state


def test_a_value_is_flattened_in_a_state_of_the_same_kind() -> None:
    assert mapping.flattened_state(Success("m", result=[[1], [2]])) == Success(result=[1, 2])
    assert mapping.flattened_state(FAILED) is FAILED
    not_nested = Success(result=[1])
    assert mapping.flattened_state(not_nested) is not_nested
