from __future__ import annotations

import collections
from concurrent.futures import Future
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from prefect.executors._nesting import iter_futures, replace_futures


class Pair(NamedTuple):
    left: Any
    right: Any


def done(value: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future


leaves = st.integers() | st.text(max_size=3) | st.none()
nested = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.builds(Pair, inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=4)
        | inner.map(done)
    ),
)


def resolved(value: Any) -> Any:
    """The plain structure, by a slower definition of its own."""
    if isinstance(value, Future):
        return value.result()
    if isinstance(value, Pair):
        return Pair(resolved(value.left), resolved(value.right))
    if isinstance(value, (list, tuple)):
        return type(value)(resolved(item) for item in value)
    if isinstance(value, dict):
        return {key: resolved(item) for key, item in value.items()}
    return value


@given(nested)
def test_every_future_is_replaced_and_the_shape_stays(value: Any) -> None:
    replaced = replace_futures(value, Future, Future.result)
    assert replaced == resolved(value)
    assert type(replaced) is type(resolved(value))


@given(nested)
def test_futures_are_found_exactly_where_they_are_replaced(value: Any) -> None:
    replaced: list[Any] = []
    replace_futures(value, Future, replaced.append)
    assert list(iter_futures(value, Future)) == replaced


def test_sets_of_futures_become_sets_of_results() -> None:
    assert replace_futures({done(1), done(2)}, Future, Future.result) == {1, 2}
    assert replace_futures(frozenset([done(1)]), Future, Future.result) == frozenset([1])


def test_subclasses_of_dict_keep_what_makes_them_special() -> None:
    counted = collections.defaultdict(list, {"a": done(1)})
    replaced = replace_futures(counted, Future, Future.result)
    assert replaced == {"a": 1}
    assert replaced["missing"] == []
    assert counted["a"].done(), "the original is as it was"


def test_other_objects_are_handed_on_untouched() -> None:
    thing = object()
    assert replace_futures(thing, Future, Future.result) is thing
