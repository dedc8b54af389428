from __future__ import annotations

import operator
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from prefect import Flow, Task, task
from prefect.engine.results import LocalResult
from prefect.tasks.core import operators


@task
def same(x: Any) -> Any:
    return x


BINARY: list[Callable[[Any, Any], Any]] = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.floordiv,
    operator.mod,
    operator.pow,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
]


@pytest.mark.parametrize("operate", BINARY)
@pytest.mark.parametrize("sides", ["task and task", "task and value", "value and task"])
def test_an_operator_between_tasks_is_applied_to_their_results(
    operate: Callable[[Any, Any], Any], sides: str
) -> None:
    with Flow("operators") as flow:
        x: Any = 7 if sides == "value and task" else same(7)
        y: Any = 2 if sides == "task and value" else same(2)
        result = operate(x, y)

    assert isinstance(result, Task)
    assert flow.run().result[result].result == operate(7, 2)


def test_logic_is_that_of_python() -> None:
    with Flow("logic") as flow:
        a, b = same(0), same("b")
        found = [a & b, b & a, 1 & b, a.or_(b), a.not_(), b.not_(), a.is_equal(0), a.is_not_equal(b)]

    state = flow.run()
    assert [state.result[item].result for item in found] == [0, 0, "b", "b", True, False, True, True]


def test_items_are_taken_by_keys_that_may_be_tasks() -> None:
    with Flow("items") as flow:
        data = same({"k": [10, 20]})
        first = data["k"]
        second = first[same(1)]

    state = flow.run()
    assert (state.result[first].result, state.result[second].result) == ([10, 20], 20)
    assert [first.name, second.name] == ["same['k']", "same['k'][same]"]


def test_an_item_is_checkpointed_like_the_task_it_comes_from(tmp_path: Any) -> None:
    result = LocalResult(str(tmp_path))
    with Flow("items"):
        source = same.copy(checkpoint=False, result=result)
        source.bind([1])
        item = source[0]

    assert (item.checkpoint, item.result) == (False, result)


def test_a_missing_item_is_an_error_unless_there_is_a_default() -> None:
    with pytest.raises(KeyError):
        operators.GetItem().run({}, "a")
    with pytest.raises(IndexError):
        operators.GetItem().run([1], 3)
    assert operators.GetItem(default=5).run([1], 3) == 5
    assert operators.GetItem(None).run({}, "a") is None
    assert operators.GetItem().run({}, "a", default=None) is None
    with pytest.raises(TypeError, match="not subscriptable"):
        operators.GetItem(default=5).run(3, "a")


def test_attributes_may_be_nested() -> None:
    value = SimpleNamespace(address=SimpleNamespace(city="Berlin"))
    assert operators.GetAttr().run(value, "address.city") == "Berlin"
    assert operators.GetAttr(default="-").run(value, "address.street") == "-"
    assert operators.GetAttr().run(value, "name", default="nobody") == "nobody"
    with pytest.raises(AttributeError, match="street"):
        operators.GetAttr().run(value, "address.street")
    with pytest.raises(TypeError, match="must be a string"):
        operators.GetAttr().run(value, 3)  # type: ignore[arg-type]


def test_operator_tasks_take_the_settings_of_tasks() -> None:
    assert operators.Add("plus").name == "plus"
    assert operators.Not(tags={"t"}).tags == {"t"}
    assert operators.GetItem(5, "item").name == "item"
