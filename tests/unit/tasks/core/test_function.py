from __future__ import annotations

import functools
import inspect
import pickle
from typing import Any

import cloudpickle
import pytest

from prefect import Flow, task
from prefect.engine.results import LocalResult
from prefect.tasks.core.function import FunctionTask


def documented(x: int, y: int = 1) -> int:
    """Adds."""
    return x + y


def test_a_function_task_looks_like_its_function() -> None:
    made: Any = FunctionTask(documented)

    assert made.name == made.__name__ == "documented"
    assert made.__doc__ == "Adds."
    assert made.__wrapped__ is documented
    assert made.run is documented
    assert list(inspect.signature(made).parameters)[:2] == ["x", "y"]


def test_the_name_can_be_chosen() -> None:
    assert FunctionTask(documented, name="plus").name == "plus"
    assert FunctionTask(documented, "plus").name == "plus"


def test_something_callable_without_a_name_is_named_after_the_class() -> None:
    class Doubler:
        def __call__(self, x: int) -> int:
            return 2 * x

    made = FunctionTask(Doubler())
    assert made.name == "FunctionTask"
    assert made.run(2) == 4
    assert FunctionTask(functools.partial(documented, y=5)).run(x=1) == 6


@pytest.mark.parametrize("is_hashable", [True, False])
def test_a_callable_may_lack_a_hash_or_weak_references(is_hashable: bool) -> None:
    class Adder:
        __slots__ = ("amount",)
        __hash__ = object.__hash__ if is_hashable else None  # type: ignore[assignment]

        def __init__(self, amount: int) -> None:
            self.amount = amount

        def __call__(self, x: int) -> int:
            return x + self.amount

    with Flow("adder") as flow:
        added = FunctionTask(Adder(5))(1)

    assert flow.run().result[added].result == 6


def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(TypeError, match=r"`fn` must be callable, and 3 is not"):
        FunctionTask(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("function", "error", "text"),
    [
        (lambda *args: args, ValueError, "variable positional arguments"),
        (lambda x, /: x, TypeError, r"positional-only parameters .*\['x'\]"),
        (lambda mapped: mapped, ValueError, "Tasks cannot have the following argument names: mapped"),
        (lambda flow, upstream_tasks: flow, ValueError, "flow, upstream_tasks"),
        (dict, ValueError, "Wrap it in a function of yours"),
    ],
)
def test_functions_that_cannot_be_tasks_are_refused_every_time(
    function: Any, error: type[Exception], text: str
) -> None:
    for _ in range(2):
        with pytest.raises(error, match=text):
            FunctionTask(function)


def test_attributes_of_the_function_do_not_hide_settings() -> None:
    def labelled() -> None: ...

    labelled.tags = "not a set"  # type: ignore[attr-defined]
    labelled.color = "red"  # type: ignore[attr-defined]
    made: Any = FunctionTask(labelled, tags={"a"})

    assert made.tags == {"a"}
    assert made.color == "red"


def test_a_return_annotation_says_how_many_results_there_are() -> None:
    def pair() -> tuple[int, str]:
        return 1, "a"

    assert FunctionTask(pair).nout == 2
    assert FunctionTask(pair, nout=1).nout == 1


def test_settings_go_to_the_task() -> None:
    result = LocalResult("here")
    made = FunctionTask(documented, tags=["a"], checkpoint=False, result=result, log_stdout=True)

    assert (made.tags, made.checkpoint, made.log_stdout) == ({"a"}, False, True)
    with pytest.raises(TypeError, match="retries"):
        FunctionTask(documented, retries=2)


def test_calling_a_function_task_in_a_flow_makes_a_copy_with_the_same_function() -> None:
    made = task(documented)
    with Flow("calls") as flow:
        first = made(1)
        second = made(first, y=2)

    assert first is not second is not made
    assert first.run is second.run is documented
    assert flow.constants[first] == {"x": 1}
    assert flow.run().result[second].result == 4


def test_a_wrong_call_is_an_error_when_the_flow_is_built() -> None:
    made = task(documented)
    with pytest.raises(TypeError, match="missing a required argument: 'x'"), Flow("wrong"):
        made()
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'z'"), Flow("wrong"):
        made(1, z=2)
    with pytest.raises(TypeError, match="multiple values for argument 'x'"), Flow("wrong"):
        made(1, x=2)
    with pytest.raises(TypeError, match="too many positional arguments"), Flow("wrong"):
        made(1, 2, 3)


def test_keyword_only_and_var_keyword_arguments_are_inputs_too() -> None:
    @task
    def collect(a: int, *, b: int = 2, **more: int) -> dict[str, int]:
        return {"a": a, "b": b, **more}

    with Flow("keywords") as flow:
        collected = collect(collect(1)["a"], b=5, c=collect(3)["a"])

    assert flow.run().result[collected].result == {"a": 1, "b": 5, "c": 3}


def test_function_tasks_survive_pickling() -> None:
    local = 10
    made = FunctionTask(lambda x: x + local, name="closure", tags={"t"})
    again = pickle.loads(cloudpickle.dumps(made))

    assert again.run(1) == 11
    assert (again.name, again.tags) == ("closure", {"t"})


def test_coroutine_functions_are_awaited_when_they_run() -> None:
    @task
    async def double(x: int) -> int:
        return 2 * x

    with Flow("coroutines") as flow:
        doubled = double.map(double.map([1, 2, 3]))
        alone = double(double(4))

    state = flow.run()
    assert state.result[doubled].result == [4, 8, 12]
    assert state.result[alone].result == 16
