"""The sets behind a flow behave like sets, and tasks come out in an order that a run can take."""

from __future__ import annotations

import itertools
import pickle
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from prefect import Flow, Task
from prefect.core._graph import EdgeSet, OrderedSet, TaskSet, reachable, topological_order
from prefect.core.edge import Edge

items = st.integers(0, 6)
collections = st.lists(items, max_size=5)


class SetsCompared(RuleBasedStateMachine):
    """Every change, made to an `OrderedSet` and to a plain set with a list that remembers the order."""

    def __init__(self) -> None:
        super().__init__()
        self.ours: OrderedSet[int] = OrderedSet()
        self.plain: set[int] = set()
        self.order: list[int] = []
        self.seen_version = self.ours.version

    def _settle(self) -> None:
        self.order = [item for item in self.order if item in self.plain]

    def _extend(self, new: Any) -> None:
        for item in new:
            if item not in self.order:
                self.order.append(item)

    @rule(item=items)
    def add(self, item: int) -> None:
        self.ours.add(item)
        self.plain.add(item)
        self._extend([item])

    @rule(item=items)
    def discard(self, item: int) -> None:
        self.ours.discard(item)
        self.plain.discard(item)
        self._settle()

    @rule(item=items)
    def remove(self, item: int) -> None:
        if item in self.plain:
            self.ours.remove(item)
            self.plain.remove(item)
            self._settle()
        else:
            with pytest.raises(KeyError):
                self.ours.remove(item)

    @rule()
    def pop(self) -> None:
        if self.plain:
            popped = self.ours.pop()
            assert popped == self.order[-1]
            self.plain.remove(popped)
            self._settle()
        else:
            with pytest.raises(KeyError):
                self.ours.pop()

    @rule()
    def clear(self) -> None:
        self.ours.clear()
        self.plain.clear()
        self._settle()

    @rule(others=st.lists(collections, max_size=2), in_place=st.booleans())
    def update(self, others: list[list[int]], in_place: bool) -> None:
        if in_place:
            for other in others:
                self.ours |= set(other)
        else:
            self.ours.update(*others)
        self.plain.update(*others)
        for other in others:
            self._extend(set(other) if in_place else other)

    @rule(other=collections, in_place=st.booleans())
    def difference_update(self, other: list[int], in_place: bool) -> None:
        if in_place:
            self.ours -= set(other)
        else:
            self.ours.difference_update(other)
        self.plain.difference_update(other)
        self._settle()

    @rule(other=collections, in_place=st.booleans())
    def intersection_update(self, other: list[int], in_place: bool) -> None:
        if in_place:
            self.ours &= set(other)
        else:
            self.ours.intersection_update(other)
        self.plain.intersection_update(other)
        self._settle()

    @rule(other=st.sets(items, max_size=5), in_place=st.booleans())
    def symmetric_difference_update(self, other: set[int], in_place: bool) -> None:
        new = [item for item in other if item not in self.plain]
        if in_place:
            self.ours ^= other
        else:
            self.ours.symmetric_difference_update(other)
        self.plain.symmetric_difference_update(other)
        self._settle()
        self._extend(new)

    @rule()
    def through_a_pickle(self) -> None:
        self.ours = pickle.loads(pickle.dumps(self.ours))
        self.seen_version = -1

    @rule()
    def by_itself(self) -> None:
        self.ours.update(self.ours)
        self.ours.intersection_update(self.ours)

    @invariant()
    def they_are_equal(self) -> None:
        assert self.ours == self.plain
        assert len(self.ours) == len(self.plain)
        assert all((item in self.ours) == (item in self.plain) for item in range(7))

    @invariant()
    def the_order_is_that_of_insertion(self) -> None:
        assert list(self.ours) == self.order

    @invariant()
    def every_change_raises_the_version(self) -> None:
        if self.seen_version >= 0 and getattr(self, "_last", None) not in (None, self.order):
            assert self.ours.version > self.seen_version
        self._last = list(self.order)
        self.seen_version = self.ours.version


TestSetsCompared = SetsCompared.TestCase


@given(collections, collections)
def test_operators_give_what_plain_sets_give(left: list[int], right: list[int]) -> None:
    ours, plain = OrderedSet(left), set(left)
    other = set(right)

    assert (ours | other) == (plain | other)
    assert (ours & other) == (plain & other)
    assert (ours - other) == (plain - other)
    assert (ours ^ other) == (plain ^ other)
    assert (ours <= other) == (plain <= other)
    assert ours.isdisjoint(other) == plain.isdisjoint(other)
    assert ours.copy() == plain


def test_a_copy_is_a_set_of_its_own() -> None:
    ours = OrderedSet([1, 2])
    copy = ours.copy()
    copy.add(3)

    assert list(ours) == [1, 2]


# -- edges --------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.booleans()), max_size=20))
def test_the_indexes_of_edges_say_what_a_search_would_find(changes: list[tuple[int, int, bool]]) -> None:
    tasks = [Task(name=str(number)) for number in range(5)]
    edges = EdgeSet()
    for upstream, downstream, is_added in changes:
        if upstream == downstream:
            continue
        edge = Edge(tasks[upstream], tasks[downstream])
        if is_added:
            edges.add(edge)
        else:
            edges.discard(edge)

    for task in tasks:
        assert edges.upstream.get(task, []) == [edge for edge in edges if edge.downstream_task is task]
        assert edges.downstream.get(task, []) == [edge for edge in edges if edge.upstream_task is task]
    assert set(edges.upstream) == {edge.downstream_task for edge in edges}
    assert set(edges.downstream) == {edge.upstream_task for edge in edges}


def test_an_edge_that_is_added_twice_is_there_once() -> None:
    a, b = Task(name="a"), Task(name="b")
    edges = EdgeSet([Edge(a, b), Edge(a, b)])

    assert len(edges) == 1
    assert len(edges.upstream[b]) == 1


# -- order --------------------------------------------------------------------------------


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Task], EdgeSet]:
    """Tasks and edges without a cycle: every edge follows a hidden order of the tasks."""
    tasks = [Task(name=str(number)) for number in range(draw(st.integers(0, 9)))]
    hidden = draw(st.permutations(range(len(tasks)))) if draw(st.booleans()) else list(range(len(tasks)))
    pairs = draw(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=25))
    edges = EdgeSet()
    for first, second in pairs:
        low, high = sorted((first, second))
        if low != high and high < len(tasks):
            edges.add(Edge(tasks[hidden[low]], tasks[hidden[high]]))
    return tasks, edges


@given(graphs())
def test_every_task_comes_once_and_after_those_it_waits_for(graph: tuple[list[Task], EdgeSet]) -> None:
    tasks, edges = graph
    order = topological_order(tasks, edges)

    assert sorted(order, key=id) == sorted(tasks, key=id)
    place = {task: index for index, task in enumerate(order)}
    assert all(place[edge.upstream_task] < place[edge.downstream_task] for edge in edges)


@given(graphs())
def test_of_the_tasks_that_could_be_next_the_one_declared_first_is(graph: tuple[list[Task], EdgeSet]) -> None:
    tasks, edges = graph
    order = topological_order(tasks, edges)

    done: set[Task] = set()
    for task in order:
        ready = [
            other
            for other in tasks
            if other not in done and all(edge.upstream_task in done for edge in edges.upstream.get(other, ()))
        ]
        assert task is ready[0]
        done.add(task)


@given(graphs())
def test_a_declaration_that_is_an_order_is_kept(graph: tuple[list[Task], EdgeSet]) -> None:
    tasks, edges = graph
    order = topological_order(tasks, edges)

    assert topological_order(order, edges) == order


@given(graphs(), st.data())
def test_an_edge_back_makes_a_cycle_whose_tasks_are_named_in_order(
    graph: tuple[list[Task], EdgeSet], data: st.DataObject
) -> None:
    tasks, edges = graph
    if not edges:
        return
    edge = data.draw(st.sampled_from(list(edges)))
    edges.add(Edge(edge.downstream_task, edge.upstream_task))

    with pytest.raises(ValueError, match="Cycle found; flows must be acyclic!") as error:
        topological_order(tasks, edges)

    named = re.search(r"Remove one of these edges: (.+)\.$", str(error.value))
    assert named is not None
    cycle = named[1].split(" -> ")
    assert cycle[0] == cycle[-1]
    assert len(cycle) == len(set(cycle)) + 1
    existing = {(each.upstream_task.name, each.downstream_task.name) for each in edges}
    assert set(itertools.pairwise(cycle)) <= existing


@given(graphs(), st.data())
def test_what_is_reachable_is_the_closure_of_the_edges(
    graph: tuple[list[Task], EdgeSet], data: st.DataObject
) -> None:
    tasks, edges = graph
    roots = data.draw(st.lists(st.sampled_from(tasks), max_size=2)) if tasks else []
    found = reachable(roots, edges)

    assert set(roots) <= found
    for edge in edges:
        if edge.upstream_task in found:
            assert edge.downstream_task in found
    for task in found - set(roots):
        assert any(edge.upstream_task in found for edge in edges.upstream[task])


def test_ten_thousand_tasks_declared_backwards_are_sorted() -> None:
    tasks = [Task(name=str(number)) for number in range(10_000)]
    edges = EdgeSet(Edge(upstream, downstream) for downstream, upstream in itertools.pairwise(tasks))

    assert topological_order(tasks, edges) == tasks[::-1]


def test_the_sets_of_a_flow_remember_the_order_of_declaration() -> None:
    flow = Flow("order")
    tasks = [Task(name=name) for name in "cab"]
    for task in tasks:
        flow.add_task(task)

    assert isinstance(flow.tasks, TaskSet)
    assert list(flow.tasks) == tasks
    assert list(flow.sorted_tasks()) == tasks


def test_changing_the_sets_of_a_flow_directly_changes_what_it_says() -> None:
    a, b = Task(name="a"), Task(name="b")
    flow = Flow("direct", tasks=[a, b])
    assert flow.terminal_tasks() == {a, b}

    edge = Edge(a, b)
    flow.edges.add(edge)
    assert flow.terminal_tasks() == {b}

    flow.edges.remove(edge)
    assert flow.terminal_tasks() == {a, b}


def test_what_a_flow_says_may_be_changed_by_the_caller() -> None:
    a = Task(name="a")
    flow = Flow("kept", tasks=[a])
    flow.terminal_tasks().clear()
    flow.reference_tasks().clear()

    assert flow.terminal_tasks() == flow.reference_tasks() == {a}
