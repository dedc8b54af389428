"""Futures inside lists, tuples, sets and dicts: find them, replace them by their results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast


def iter_futures(value: Any, future_type: type) -> Iterator[Any]:
    """Every future in `value`, at any depth, in order; duplicates included."""
    if isinstance(value, future_type):
        yield value
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in cast("list[Any]", value):
            yield from iter_futures(item, future_type)
    elif isinstance(value, dict):
        for item in cast("dict[Any, Any]", value).values():
            yield from iter_futures(item, future_type)


def replace_futures(value: Any, future_type: type, result: Callable[[Any], Any]) -> Any:
    """`value` with every future replaced by `result(future)`.

    Containers are copied with their type kept (named tuples and dict subclasses included, as far
    as they can be built from their items); everything else is returned as it is.
    """
    if isinstance(value, future_type):
        return result(value)
    kind = cast("Any", type(cast("object", value)))
    if issubclass(kind, (list, set, frozenset, tuple)):
        items = [replace_futures(item, future_type, result) for item in cast("list[Any]", value)]
        if kind is list:
            return items
        return _build(kind, items)
    if issubclass(kind, dict):
        table = cast("dict[Any, Any]", value)
        pairs = {key: replace_futures(item, future_type, result) for key, item in table.items()}
        if kind is dict:
            return pairs
        copy = table.copy()  # keeps what a subclass adds, e.g. default_factory
        copy.update(pairs)
        return copy
    return value


def _build(kind: Any, items: list[Any]) -> Any:
    make = getattr(kind, "_make", kind)  # a named tuple takes its fields one by one
    return make(items)
