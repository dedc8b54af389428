from __future__ import annotations

from typing import Any

import pytest

from prefect import Flow, Parameter, Task, apply_map, case, flatten, mapped, tags, task, unmapped
from prefect.engine.state import Skipped
from prefect.tasks.control_flow import merge


@task
def inc(x: int) -> int:
    return x + 1


@task
def add(x: Any, y: Any) -> Any:
    return x + y


@task
def is_odd(x: int) -> bool:
    return x % 2 == 1


@task
def gather(x: Any = None, y: Any = None) -> Any:
    return (x, y)


@task
def numbers(count: int = 3) -> list[int]:
    return list(range(count))


def results(build: Any) -> Any:
    """Results of what `build()` returns in a flow: of one task, or of several."""
    with Flow("apply_map") as flow:
        made = build()
    state = flow.run()
    assert state.is_successful()
    if isinstance(made, Task):
        return state.result[made].result
    return [state.result[one].result for one in made]


def test_all_tasks_of_a_function_run_for_each_element() -> None:
    assert results(lambda: apply_map(lambda x: inc(inc(x)), numbers())) == [2, 3, 4]
    assert results(lambda: apply_map(lambda x: (inc(x), is_odd(x)), [1, 2])) == [[2, 3], [True, False]]


def test_each_element_takes_its_own_branch() -> None:
    def branches(x: Any) -> Any:
        odd = is_odd(x)
        with case(odd, True):
            a = inc(x)
        with case(odd, False):
            b = add(x, 100)
        return merge(a, b)

    assert results(lambda: apply_map(branches, [1, 2, 3])) == [2, 102, 4]


def test_unmapped_inputs_arrive_whole_and_flattened_ones_flat() -> None:
    assert results(lambda: apply_map(add, [1, 2], unmapped(10))) == [11, 12]
    assert results(lambda: apply_map(add, [1, 2], y=unmapped(inc(9)))) == [11, 12]
    assert results(lambda: apply_map(inc, flatten([[1], [2, 3]]))) == [2, 3, 4]
    assert results(lambda: apply_map(gather, [1, 2], unmapped(flatten([[1], [2, 3]])))) == [
        (1, [1, 2, 3]),
        (2, [1, 2, 3]),
    ]


def test_constants_stay_data() -> None:
    with Flow("constants") as flow:
        added = apply_map(add, numbers(), unmapped([1, 2]))

    assert flow.constants[added] == {"y": [1, 2]}


def test_the_same_input_can_be_given_mapped_and_whole() -> None:
    def both() -> Any:
        all_numbers = numbers()
        return apply_map(gather, all_numbers, unmapped(all_numbers))

    def constants() -> Any:
        given = [1, 2]
        return apply_map(gather, given, unmapped(given))

    assert results(both) == [(0, [0, 1, 2]), (1, [0, 1, 2]), (2, [0, 1, 2])]
    assert results(constants) == [(1, [1, 2]), (2, [1, 2])]


def test_a_list_of_tasks_can_be_mapped_over() -> None:
    assert results(lambda: apply_map(inc, [inc(1), inc(2)])) == [3, 4]
    assert results(lambda: apply_map(lambda x: inc(inc(x)), mapped([inc(1), 5]))) == [4, 7]


def test_tasks_without_inputs_run_for_each_element_too() -> None:
    assert results(lambda: apply_map(lambda x: gather(1, upstream_tasks=[]), [1, 2])) == [
        (1, None),
        (1, None),
    ]
    assert results(lambda: apply_map(lambda x: add(inc(1), inc(x)), numbers())) == [3, 4, 5]


def test_the_shortest_input_decides_how_often() -> None:
    assert results(lambda: apply_map(lambda x, y: add(inc(x), y), [1, 2, 3], numbers(2))) == [2, 4]


def test_parameters_may_be_mapped_over_or_used_whole() -> None:
    def build() -> Any:
        return apply_map(add, Parameter("many", default=[1, 2]), unmapped(Parameter("one", default=10)))

    assert results(build) == [11, 12]


def test_parameters_used_inside_are_mapped_over_like_other_outer_tasks() -> None:
    def build() -> Any:
        many = Parameter("many", default=[10, 20])
        return apply_map(lambda x: add(x, many), [1, 2])

    assert results(build) == [11, 22]


def test_tags_and_branches_around_hold_for_all_tasks() -> None:
    with Flow("around") as flow, tags("t"), case(is_odd(2), True):
        first, second = apply_map(lambda x: (inc(x), inc(x)), [1, 2])

    state = flow.run()
    assert first.tags == second.tags == {"t"}
    assert isinstance(state.result[first], Skipped)
    assert isinstance(state.result[second], Skipped)


def test_tasks_are_added_to_the_flow_that_is_given() -> None:
    flow = Flow("given")
    added = apply_map(inc, [1, 2], flow=flow)
    assert added in flow.tasks
    assert flow.run().result[added].result == [2, 3]


def test_nothing_is_reported_as_unused() -> None:
    # Warnings are errors in these tests.
    results(lambda: apply_map(lambda x, y, z: add(x, y), [1, 2], unmapped(10), unmapped(None)))


@pytest.mark.parametrize(
    "inside",
    [lambda x: inc.map(x), lambda x: apply_map(inc, x), lambda x: merge(x, mapped=True)],
)
def test_what_is_mapped_as_a_whole_cannot_map_by_itself(inside: Any) -> None:
    with pytest.raises(
        ValueError, match="Cannot set `mapped=True` when running from inside a mapped context"
    ):
        results(lambda: apply_map(inside, [[1], [2]]))


def test_what_cannot_be_mapped_over_is_refused_with_the_remedy() -> None:
    with (
        pytest.raises(TypeError, match=r"non-sequence object of type `int`: 3. Wrap it in `unmapped\(...\)`"),
        Flow("scalar"),
    ):
        apply_map(inc, 3)


def test_a_flow_is_needed() -> None:
    with pytest.raises(ValueError, match="Couldn't infer a flow in the current context"):
        apply_map(inc, [1, 2])
