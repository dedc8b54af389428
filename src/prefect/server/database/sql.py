"""SQL text that both databases take: named parameters, and the few words that differ."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any, Literal

__all__ = [
    "Dialect",
    "for_psycopg",
    "has_any",
    "in_list",
    "is_subset",
    "json_length",
    "json_value",
    "new_uuid",
    "pairs_of",
    "with_repetitions",
]

Dialect = Literal["sqlite", "postgresql"]

# A parameter, or something that only looks like one: quoted text, a cast, a comment.
_PARAMETER = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|::|(?<![\w:]):([A-Za-z_]\w*)")


@functools.lru_cache(maxsize=4096)
def for_psycopg(sql: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A statement for psycopg, and the parameters that need a second name.

    `:name` becomes `%(name)s`, and percent signs are doubled. Where a name stands again it gets a
    name of its own: PostgreSQL gives a parameter one type, and refuses one that is used as two.

    Returns:
        The statement, and `(name in it, name it was)` of the repetitions.
    """
    counts: dict[str, int] = {}
    repeated: list[tuple[str, str]] = []

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        if name is None:
            return match.group(0)
        number = counts[name] = counts.get(name, 0) + 1
        if number == 1:
            return f"%({name})s"
        alias = f"{name}__{number}"
        repeated.append((alias, name))
        return f"%({alias})s"

    return _PARAMETER.sub(replace, sql.replace("%", "%%")), tuple(repeated)


def with_repetitions(params: Mapping[str, Any], repeated: tuple[tuple[str, str], ...]) -> Mapping[str, Any]:
    """Parameters for a statement of `for_psycopg`."""
    return {**params, **{alias: params[name] for alias, name in repeated}} if repeated else params


def is_subset(dialect: Dialect, column: str, parameter: str) -> str:
    """SQL for "every element of the JSON list in `column` is in the JSON list `:parameter`"."""
    if dialect == "postgresql":
        return f"{column} <@ CAST(:{parameter} AS jsonb)"
    return (
        f"NOT EXISTS (SELECT 1 FROM json_each({column}) AS element "
        f"WHERE element.value NOT IN (SELECT value FROM json_each(:{parameter})))"
    )


def json_length(dialect: Dialect, column: str) -> str:
    """SQL for the length of a JSON list."""
    return f"jsonb_array_length({column})" if dialect == "postgresql" else f"json_array_length({column})"


def has_any(dialect: Dialect, column: str, parameter: str) -> str:
    """SQL for "some element of the JSON list in `column` is in the JSON list `:parameter`"."""
    if dialect == "postgresql":
        return (
            f"EXISTS (SELECT 1 FROM jsonb_array_elements({column}) AS element(value) "
            f"WHERE CAST(:{parameter} AS jsonb) @> element.value)"
        )
    return (
        f"EXISTS (SELECT 1 FROM json_each({column}) AS element "
        f"WHERE element.value IN (SELECT value FROM json_each(:{parameter})))"
    )


def in_list(dialect: Dialect, parameter: str) -> str:
    """SQL of the texts of the JSON list `:parameter`, to stand behind `IN`."""
    if dialect == "postgresql":
        return f"(SELECT jsonb_array_elements_text(CAST(:{parameter} AS jsonb)))"
    return f"(SELECT value FROM json_each(:{parameter}))"


def pairs_of(dialect: Dialect, parameter: str) -> str:
    """SQL for the pairs in the JSON list of lists `:parameter`, as a table with `first` and `second`."""
    if dialect == "postgresql":
        return (
            "(SELECT one ->> 0 AS first, one ->> 1 AS second "
            f"FROM jsonb_array_elements(CAST(:{parameter} AS jsonb)) AS listed (one))"
        )
    return f"(SELECT value ->> 0 AS first, value ->> 1 AS second FROM json_each(:{parameter}))"


def json_value(dialect: Dialect, parameter: str) -> str:
    """SQL of the JSON text `:parameter` as a value for a JSON column, where the column is not named beside it."""
    return f"CAST(:{parameter} AS jsonb)" if dialect == "postgresql" else f":{parameter}"


def new_uuid(dialect: Dialect) -> str:
    """SQL for a new id, a different one for each row: a UUID of version 7.

    It begins with the parameter `:uuid_prefix`, the time as `domain.common.uuid_prefix` writes it, so that rows
    made one after the other lie side by side in indexes.
    """
    if dialect == "postgresql":
        return "(CAST(:uuid_prefix AS text) || substr(CAST(gen_random_uuid() AS text), 16))"
    return (
        ":uuid_prefix || lower(substr(hex(randomblob(2)), 2) || '-' "
        "|| substr('89AB', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))"
    )
