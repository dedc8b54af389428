from __future__ import annotations

from typing import Any

import pytest

from prefect import Flow, task
from prefect.tasks.core.constants import Constant


@task
def same(x: Any) -> Any:
    return x


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (1.5, "1.5"),
        (None, "None"),
        ("sixsix", "'sixsix'"),
        ("seven77", "Constant[str]"),
        ([1, 2], "[1, 2]"),
        ([1, 2, 3], "Constant[list]"),
        (list(range(1000)), "Constant[list]"),
        (b"x", "b'x'"),
        (int, "Constant[type]"),
    ],
)
def test_a_constant_is_named_by_a_short_value_or_by_its_type(value: Any, name: str) -> None:
    assert Constant(value).name == name


def test_the_name_of_a_large_constant_costs_no_text_of_it() -> None:
    class Loud:
        def __repr__(self) -> str:
            raise AssertionError("nobody needs this text")

    assert Constant([Loud()] * 9).name == "Constant[list]"


def test_name_and_settings_can_be_given() -> None:
    constant = Constant(1, "one", tags=["c"])
    assert (constant.name, constant.tags, constant.value, constant.run()) == ("one", {"c"}, 1, 1)


def test_a_constant_given_to_a_task_is_kept_as_data() -> None:
    with Flow("data") as flow:
        result = same(Constant([1, 2]))

    assert flow.tasks == {result}
    assert flow.constants[result] == {"x": [1, 2]}
    assert flow.run().result[result].result == [1, 2]


def test_a_constant_that_is_mapped_over_is_a_task() -> None:
    with Flow("mapped") as flow:
        results = same.map([1, 2])

    assert {type(upstream) for upstream in flow.upstream_tasks(results)} == {Constant}
    assert flow.run().result[results].result == [1, 2]
