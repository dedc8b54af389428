"""JSON operators of PostgreSQL as functions for SQLite."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable
from typing import Any, cast

__all__ = ["register"]

_is_index = re.compile(r"-?[0-9]{1,9}").fullmatch


def register(connection: sqlite3.Connection) -> None:
    """Make `json_equal`, `json_among`, `json_contains`, `json_has_keys` and `json_at` known to a connection."""
    connection.create_function("json_equal", 2, _equal, deterministic=True)
    connection.create_function("json_among", 2, _among, deterministic=True)
    connection.create_function("json_contains", 2, _contains, deterministic=True)
    connection.create_function("json_has_keys", 3, _has_keys, deterministic=True)
    connection.create_function("json_at", 2, _at, deterministic=True)


def _equal(left: str | None, right: str | None) -> int | None:
    if left is None or right is None:
        return None
    return int(same(json.loads(left), json.loads(right)))


def _among(value: str | None, values: str) -> int | None:
    if value is None:
        return None
    found = json.loads(value)
    return int(any(same(found, one) for one in json.loads(values)))


def same(left: Any, right: Any) -> bool:
    """Equality of JSON values: unlike in Python, `true` is not `1`."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        ours, theirs = cast("dict[str, Any]", left), cast("dict[str, Any]", right)
        return ours.keys() == theirs.keys() and all(same(ours[key], theirs[key]) for key in ours)
    if isinstance(left, list) and isinstance(right, list):
        mine, other = cast("list[Any]", left), cast("list[Any]", right)
        return len(mine) == len(other) and all(same(a, b) for a, b in zip(mine, other, strict=True))
    return left == right


def _contains(outer: str | None, inner: str | None) -> int | None:
    if outer is None or inner is None:
        return None
    whole, part = json.loads(outer), json.loads(inner)
    # An array contains a bare scalar, at the top only.
    if isinstance(whole, list) and not isinstance(part, (dict, list)):
        return int(any(same(item, part) for item in cast("list[Any]", whole)))
    return int(contains(whole, part))


def contains(whole: Any, part: Any) -> bool:
    """What `@>` says of two JSON values."""
    if isinstance(whole, dict) and isinstance(part, dict):
        ours, theirs = cast("dict[str, Any]", whole), cast("dict[str, Any]", part)
        return all(key in ours and contains(ours[key], value) for key, value in theirs.items())
    if isinstance(whole, list) and isinstance(part, list):
        mine, other = cast("list[Any]", whole), cast("list[Any]", part)
        return all(any(contains(item, wanted) for item in mine) for wanted in other)
    return same(whole, part)


def _has_keys(value: str | None, keys: str, every: int) -> int | None:
    if value is None:
        return None
    found = json.loads(value)
    wanted = cast("list[str]", json.loads(keys))
    if isinstance(found, (dict, list)):
        names: Iterable[Any] = cast("Iterable[Any]", found)
        present = {name for name in names if isinstance(name, str)}
    else:
        present = {found} if isinstance(found, str) else set[str]()
    hits = [key in present for key in wanted]
    return int(all(hits) if every else any(hits))


def _at(value: str | None, path: str) -> str | None:
    """What `#>` says: the part at a path, None where there is none."""
    if value is None:
        return None
    found = json.loads(value)
    for step in json.loads(path):
        if isinstance(found, dict):
            fields = cast("dict[str, Any]", found)
            if step not in fields:
                return None
            found = fields[step]
        elif isinstance(found, list):
            items = cast("list[Any]", found)
            number = int(step) if _is_index(step) else len(items)
            if not -len(items) <= number < len(items):
                return None
            found = items[number]
        else:
            return None
    return json.dumps(found)
