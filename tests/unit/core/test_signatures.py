"""Calls of tasks are bound as Python binds calls of functions."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefect import Flow, Task, task
from prefect.core._signatures import TaskSignature, check_run_signature, task_signature

NAMES = ["a", "b", "c", "d"]


@st.composite
def functions(draw: st.DrawFn) -> Any:
    """A function with some of: positional arguments, keyword-only ones, defaults, and `**others`."""
    count = draw(st.integers(0, 4))
    split = draw(st.integers(0, count))
    parts: list[str] = []
    has_default = False
    for position, name in enumerate(NAMES[:count]):
        if position == split:
            parts.append("*")
        given_default = draw(st.booleans())
        # After an argument with a default, others by position need one too.
        has_default = given_default or (has_default and position < split)
        parts.append(f"{name}={position}" if has_default else name)
        if position == split - 1:
            has_default = False
    if draw(st.booleans()):
        parts.append("**others")
    namespace: dict[str, Any] = {}
    exec(f"def function({', '.join(parts)}): return dict(locals())", namespace)
    return namespace["function"]


calls = st.tuples(
    st.lists(st.integers(10, 19), max_size=5),
    st.dictionaries(st.sampled_from([*NAMES, "e"]), st.integers(20, 29), max_size=4),
)


@given(functions(), calls)
def test_arguments_are_bound_as_the_signature_binds_them(
    function: Any, call: tuple[list[int], dict[str, int]]
) -> None:
    args, kwargs = tuple(call[0]), call[1]
    signature = inspect.signature(function)
    bind = TaskSignature(signature).bind
    refusal = None
    bound: dict[str, Any] = {}
    try:
        bound = dict(signature.bind(*args, **kwargs).arguments)
    except TypeError as error:
        refusal = str(error)
    if refusal is not None:
        with pytest.raises(TypeError) as ours:
            bind(args, kwargs)
        assert str(ours.value) == refusal
        return
    bound.update(bound.pop("others", {}))
    assert bind(args, dict(kwargs)) == bound


@given(functions(), calls)
def test_running_with_the_bound_arguments_is_the_same_call(
    function: Any, call: tuple[list[int], dict[str, int]]
) -> None:
    args, kwargs = tuple(call[0]), call[1]
    try:
        expected = function(*args, **kwargs)
    except TypeError:
        return
    bound = TaskSignature(inspect.signature(function)).bind(args, dict(kwargs))
    assert function(**bound) == expected


def test_a_signature_is_read_once_for_each_function() -> None:
    def function(x: int) -> int:
        return x

    assert task_signature(function) is task_signature(function)


def test_methods_of_one_class_share_their_signature() -> None:
    class Work(Task):
        def run(self, x: int) -> int:
            return x

    assert task_signature(Work().run) is task_signature(Work().run)
    assert task_signature(Work().run).names == {"x"}


def test_callables_that_cannot_be_kept_are_read_every_time() -> None:
    class Unhashable:
        __hash__ = None  # type: ignore[assignment]

        def __call__(self, x: int) -> int:
            return x

    assert task_signature(Unhashable()).names == {"x"}


def test_an_object_with_a_call_method_can_be_a_task() -> None:
    class Add:
        __name__ = "add"

        def __call__(self, x: int, y: int = 1) -> int:
            return x + y

    with Flow("object") as flow:
        added = task(Add())(4)

    assert flow.run().result[added].result == 5


@pytest.mark.parametrize(
    ("source", "error", "told"),
    [
        ("def f(*args): pass", ValueError, r"variable positional arguments \(\*args\)"),
        ("def f(flow): pass", ValueError, "cannot have the following argument names: flow"),
        ("def f(mapped, task_args): pass", ValueError, "names: mapped, task_args"),
        ("def f(x, /): pass", TypeError, r"positional-only parameters .* task f: \['x'\]"),
    ],
)
def test_functions_that_cannot_be_tasks_are_refused(source: str, error: type[Exception], told: str) -> None:
    namespace: dict[str, Any] = {}
    exec(source, namespace)

    with pytest.raises(error, match=told):
        check_run_signature(namespace["f"])


def test_a_builtin_without_a_signature_is_refused_with_the_way_around() -> None:
    class NoSignature:
        __name__ = "opaque"
        __signature__ = "none"

        def __call__(self) -> None: ...

    with pytest.raises((ValueError, TypeError)):
        check_run_signature(NoSignature())
    with pytest.raises(ValueError, match=r"`@task def \w+_task\(x\): return \w+\(x\)`"):
        check_run_signature(max)


def test_annotations_that_are_texts_are_read_as_types() -> None:
    @task
    def typed(x: int, y: str = "a") -> list[int]:
        return [x]

    assert typed.inputs()["x"] == {"type": int, "default": None, "required": True}
    assert typed.inputs()["y"] == {"type": str, "default": "a", "required": False}
    assert typed.outputs() == list[int]


def test_annotations_that_cannot_be_read_stay_texts() -> None:
    @task
    def typed(x: NotThere) -> NotThere:  # type: ignore[name-defined]  # noqa: F821
        return x

    assert typed.inputs()["x"]["type"] == "NotThere"
    assert typed.outputs() == "NotThere"
