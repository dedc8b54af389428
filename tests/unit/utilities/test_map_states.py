"""The helpers for runners that fan out mapped tasks by themselves."""

from __future__ import annotations

from typing import Any

import pytest

from prefect import Task
from prefect.core.edge import Edge
from prefect.engine.state import Cached, Failed, Mapped, Pending, Skipped, State, Success
from prefect.executors import Executor, LocalExecutor, ThreadPoolExecutor
from prefect.utilities.executors import (
    flatten_mapped_children,
    flatten_upstream_state,
    prepare_upstream_states_for_mapping,
)

a, b, c = Task("a"), Task("b"), Task("c")
here = LocalExecutor()


def prepared(upstream: dict[Edge, State], children: dict[Task, list[Any]] | None = None) -> list[list[Any]]:
    """`[type, result]` by child and edge, in the order of the edges."""
    found = prepare_upstream_states_for_mapping(Mapped(), upstream, children or {}, here)
    assert all(list(child) == list(upstream) for child in found)
    return [[(type(state), state.result) for state in child.values()] for child in found]


@pytest.mark.parametrize(
    ("value", "flat"),
    [
        ([[1], [2, 3]], [1, 2, 3]),
        (((1,), (2,)), [1, 2]),
        ("ab", ["a", "b"]),
        (["ab", "c"], ["a", "b", "c"]),
        ({"k": [1]}, ["k"]),
        ([], []),
    ],
)
def test_a_state_is_flattened_by_one_level(value: Any, flat: list[Any]) -> None:
    state = Success("done", result=value)
    flattened = flatten_upstream_state(state)
    assert flattened.result == flat
    assert (type(flattened), flattened.message) == (Success, "done")
    assert state.result == value


@pytest.mark.parametrize("value", [[1, 2], [[1], 2], None, 5])
def test_a_state_that_cannot_be_flattened_is_returned_as_it_is(value: Any) -> None:
    state = Success(result=value)
    assert flatten_upstream_state(state) is state


def test_a_mapped_state_keeps_its_children_when_it_is_flattened() -> None:
    children = [Success(result=[7])]
    flattened = flatten_upstream_state(Mapped(map_states=children, result=[[7]]))
    assert isinstance(flattened, Mapped)
    assert flattened.result == [7]
    assert flattened.map_states == children


def test_children_are_taken_apart_into_their_elements() -> None:
    flat = flatten_mapped_children([Success(result=[1, 2]), Success(result="c")], here)
    assert [state.result for state in flat] == [1, 2, "c"]
    assert {type(state) for state in flat} == {Success}


def test_children_that_have_no_elements_stand_for_themselves(caplog: pytest.LogCaptureFixture) -> None:
    children = [Failed(result=3), Skipped(result=[1]), Success(result=4)]
    assert flatten_mapped_children(children, here) == children
    assert caplog.text.count("`flatten` was used on upstream task that did not return an iterable") == 1
    assert flatten_mapped_children([], here) == []


def test_futures_of_children_are_waited_for() -> None:
    executor: Executor = ThreadPoolExecutor(max_workers=1)
    with executor.start():
        futures: list[Any] = [executor.submit(Success, result=[1, 2]), executor.submit(Success, result=[3])]
        assert [state.result for state in flatten_mapped_children(futures, executor)] == [1, 2, 3]


def test_each_child_gets_its_element_and_the_rest_whole() -> None:
    upstream = {
        Edge(a, c, key="x", mapped=True): Success(result=[1, 2]),
        Edge(b, c, key="y"): Success(result=[5]),
    }
    assert prepared(upstream) == [[(Success, 1), (Success, [5])], [(Success, 2), (Success, [5])]]


def test_a_mapped_upstream_task_gives_its_children() -> None:
    children = [Success(result=7), Failed(result=8)]
    edge = Edge(a, c, key="x", mapped=True)
    upstream = {edge: Mapped(map_states=children)}
    found = prepare_upstream_states_for_mapping(Mapped(), upstream, {a: children}, here)
    assert [child[edge] for child in found] == children


def test_a_flattened_mapped_upstream_task_gives_the_elements_of_its_children() -> None:
    children = [Success(result=[7]), Success(result=[8, 9])]
    edge = Edge(a, c, key="x", mapped=True, flattened=True)
    assert prepared({edge: Mapped(map_states=children)}, {a: children}) == [
        [(Success, 7)],
        [(Success, 8)],
        [(Success, 9)],
    ]


def test_the_shortest_input_decides_how_many_children_there_are() -> None:
    upstream = {
        Edge(a, c, key="x", mapped=True): Success(result=[1, 2, 3]),
        Edge(b, c, key="y", mapped=True): Success(result="ab"),
    }
    assert [[result for _, result in child] for child in prepared(upstream)] == [[1, "a"], [2, "b"]]


def test_elements_keep_the_class_and_message_of_the_state_they_come_from() -> None:
    edge = Edge(a, c, key="x", mapped=True)
    upstream: dict[Edge, State] = {edge: Cached("from yesterday", result=[1])}
    [child] = prepare_upstream_states_for_mapping(Mapped(), upstream, {}, here)
    assert type(child[edge]) is Cached
    assert child[edge].message == "from yesterday"


@pytest.mark.parametrize("state", [Failed(), Skipped(), Success(result=None), Success(result=[])])
def test_there_are_no_children_without_elements(state: State) -> None:
    assert prepared({Edge(a, c, key="x", mapped=True): state, Edge(b, c): Success(result=1)}) == []


def test_there_are_no_children_unless_the_parent_is_mapped() -> None:
    upstream: dict[Edge, State] = {Edge(a, c, key="x", mapped=True): Success(result=[1])}
    assert prepare_upstream_states_for_mapping(Pending(), upstream, {}, here) == []
    assert (
        prepare_upstream_states_for_mapping(Mapped(), {Edge(b, c, key="y"): Success(result=[1])}, {}, here)
        == []
    )
