from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefect import Flow, task
from prefect.tasks.core.collections import Dict, List, Set, Tuple, VarArgsTask


@task
def same(x: Any) -> Any:
    return x


@pytest.mark.parametrize(("cls", "type_"), [(List, list), (Tuple, tuple), (Set, set)])
def test_elements_are_in_the_order_of_their_numbers(cls: type[Any], type_: type[Any]) -> None:
    inputs = {f"arg_{number}": number for number in reversed(range(1, 13))}
    assert cls().run(**inputs) == type_(range(1, 13))
    assert cls().run() == type_()


def test_a_dictionary_needs_as_many_keys_as_values() -> None:
    assert Dict().run(["a", "b"], [1, 2]) == {"a": 1, "b": 2}
    with pytest.raises(ValueError, match=r"different number of keys and values.*1 keys, 2 values"):
        Dict().run(["a"], [1, 2])


def test_collections_take_the_settings_of_tasks_by_position_and_name() -> None:
    assert List("n").name == "n"
    assert Dict("n", tags={"x"}).tags == {"x"}


def test_inputs_of_collections_have_no_names() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'x'"), Flow("names"):
        List()(1, x=1)


def test_a_task_with_any_number_of_inputs_can_be_made() -> None:
    class Sum(VarArgsTask):
        def run(self, **task_results: int) -> int:
            return sum(task_results.values())

    with Flow("sum") as flow:
        total = Sum()(same(1), 2, same(3))
        totals = Sum().map([1, 2], [10, 20])

    state = flow.run()
    assert state.result[total].result == 6
    assert state.result[totals].result == [11, 22]


VALUES = st.recursive(
    st.integers() | st.text(max_size=3) | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(VALUES, st.data())
def test_a_container_arrives_as_it_was_written_wherever_there_are_tasks_in_it(
    value: Any, data: st.DataObject
) -> None:
    def with_tasks(part: Any) -> Any:
        """`part`, with some of its parts made by tasks instead."""
        if data.draw(st.booleans()):
            return same(part)
        if isinstance(part, dict):
            return {key: with_tasks(item) for key, item in part.items()}
        if isinstance(part, (list, tuple)):
            return type(part)(with_tasks(item) for item in part)
        return part

    with Flow("container") as flow:
        result = same(with_tasks(value))

    assert flow.run().result[result].result == value
