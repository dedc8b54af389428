"""From values of requests to values of columns."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from graphql import GraphQLError

from prefect.server.graphql.columns import ColumnType
from prefect.server.graphql.scalars import parse_timestamp, parse_uuid
from prefect.server.graphql.values import Bindings, Slot, Tree, raw_value

__all__ = ["checked_text", "converter", "dumped", "from_json_literal", "json_text"]

_UNKEPT = re.compile("[\0\ud800-\udfff]")


def checked_text(value: Any) -> str:
    """A text that a database can keep.

    Raises:
        GraphQLError: it is none.
    """
    if not isinstance(value, str):
        raise GraphQLError(f"{_shown(value)} is not a string.")
    if _UNKEPT.search(value):
        raise GraphQLError("Text cannot contain the character U+0000 or half of a surrogate pair.")
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}..."


def _integer(value: Any) -> int:
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or value != value
        or int(value) != value
    ):
        raise GraphQLError(f"{_shown(value)} is not an integer.")
    if not -(2**31) <= value < 2**31:
        raise GraphQLError(f"{_shown(value)} does not fit into 32 bits.")
    return int(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise GraphQLError(f"{_shown(value)} is not a boolean.")
    return value


def from_json_literal(value: Any) -> Any:
    """A JSON value that was written into a document; text may hold JSON, and is text otherwise."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def json_text(value: Tree) -> Callable[[Bindings], str]:
    """From bindings to JSON text.

    Raises:
        GraphQLError: (what is returned) it cannot be kept as JSON.
    """
    read = raw_value(value)
    # wire: JSON in a document is text that holds JSON; in variables it is what it is.
    is_literal = isinstance(value, Slot) and value.literal >= 0

    def text(bindings: Bindings) -> str:
        found = read(bindings)
        return dumped(from_json_literal(found) if is_literal else found)

    return text


def dumped(value: Any) -> str:
    """JSON text that both databases keep.

    Raises:
        GraphQLError: there is none.
    """
    try:
        text = json.dumps(value, allow_nan=False)
    except (ValueError, TypeError, RecursionError) as exc:
        raise GraphQLError(
            "The value is no JSON: a number in it is infinite, or it is nested too deep."
        ) from exc
    if "\\u0000" in text or "\\ud" in text:
        _check_texts(value)
    return text


def _check_texts(value: Any) -> None:
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, str):
            checked_text(one)
        elif isinstance(one, list):
            pending.extend(one)  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(one, dict):
            pending.extend(one)  # pyright: ignore[reportUnknownArgumentType]
            pending.extend(one.values())  # pyright: ignore[reportUnknownArgumentType,reportUnknownMemberType]


_CONVERTERS: dict[ColumnType, Callable[[Any], Any]] = {
    "uuid": parse_uuid,
    "timestamptz": parse_timestamp,
    "String": checked_text,
    "Int": _integer,
    "Boolean": _boolean,
}


def converter(kind: ColumnType) -> Callable[[Any], Any]:
    """From a value of a request to that of a column of `kind` (not JSON); raises `GraphQLError`."""
    return _CONVERTERS[kind]
