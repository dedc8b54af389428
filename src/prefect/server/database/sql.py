"""SQL text that both databases take: named parameters, and the few words that differ."""

from __future__ import annotations

import functools
import re
from typing import Literal

__all__ = ["Dialect", "for_psycopg", "is_subset", "json_length"]

Dialect = Literal["sqlite", "postgresql"]

# A parameter, or something that only looks like one: quoted text, a cast, a comment.
_PARAMETER = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|::|(?<![\w:]):([A-Za-z_]\w*)")


@functools.lru_cache(maxsize=4096)
def for_psycopg(sql: str) -> str:
    """`:name` as `%(name)s`, for psycopg; percent signs are doubled."""

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        return match.group(0) if name is None else f"%({name})s"

    return _PARAMETER.sub(replace, sql.replace("%", "%%"))


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
