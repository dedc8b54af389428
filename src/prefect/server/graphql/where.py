"""`where`: filters to SQL conditions.

Null operands are no conditions, an empty object is true, an empty `_or` is false, an empty `_and`
true, and lists may be given as their single element: so it was in 1.x, and old clients rely on it.
"""

# graphql-core's types are generic without parameters.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from graphql import GraphQLError

from prefect.server.database.tables import Relation
from prefect.server.graphql.builder import Builder
from prefect.server.graphql.columns import ColumnType, table_info
from prefect.server.graphql.convert import checked_text, dumped, from_json_literal
from prefect.server.graphql.values import (
    Bindings,
    Flag,
    Items,
    Members,
    Null,
    Slot,
    Tree,
    depth_of,
    raw_value,
)

__all__ = ["COMPARISONS", "condition", "is_narrowed", "never_null"]

_ORDERED = ("_eq", "_neq", "_gt", "_gte", "_lt", "_lte", "_in", "_nin", "_is_null")
#: Operators of each type of column.
COMPARISONS: dict[ColumnType, tuple[str, ...]] = {
    "uuid": _ORDERED,
    "timestamptz": _ORDERED,
    "Int": _ORDERED,
    "Boolean": ("_eq", "_neq", "_in", "_nin", "_is_null"),
    "String": (*_ORDERED, "_like", "_nlike", "_ilike", "_nilike"),
    "jsonb": (
        "_eq", "_neq", "_in", "_nin", "_is_null",
        "_contains", "_contained_in", "_has_key", "_has_keys_any", "_has_keys_all",
    ),
}  # fmt: skip
_SYMBOLS = {"_eq": "=", "_neq": "<>", "_gt": ">", "_gte": ">=", "_lt": "<", "_lte": "<="}
#: Levels of `_and`, `_or`, `_not` and relations.
_MAX_DEPTH = 40
#: Relations in relations, and relations in all: each multiplies the rows that are looked at.
_MAX_RELATIONS_DEEP, _MAX_RELATIONS = 5, 50
#: Longest pattern; SQLite takes 50,000 bytes.
_MAX_PATTERN = 10_000


_WILDCARDS = re.compile("%+")
#: A subquery stands before other conditions of its level, as what is nested deep.
_SUBQUERY_DEPTH = 6


@dataclass(frozen=True)
class _Part:
    """A condition, and how deep its parentheses are nested: the parser of SQLite takes about 90."""

    sql: str
    depth: int = 0


def condition(builder: Builder, table: str, alias: str, where: Tree | None, depth: int = 0) -> str | None:
    """SQL of a filter on `table` (as `alias`); None when it says nothing.

    Raises:
        GraphQLError: an operand is of the wrong kind, or the filter is too large.
    """
    found = _condition(builder, table, alias, where, depth)
    return None if found is None else found.sql


def _condition(builder: Builder, table: str, alias: str, where: Tree | None, depth: int) -> _Part | None:
    if where is None or isinstance(where, Null):
        return None
    if depth > _MAX_DEPTH:
        raise GraphQLError(f"The filter is nested deeper than {_MAX_DEPTH} levels.")
    if isinstance(where, Items):  # a list where one object is meant: all of them
        return _join(builder, table, alias, where, "AND", depth)
    if not isinstance(where, Members):
        raise GraphQLError(f"A filter on {table} is an object.")
    info = table_info(table)
    parts: list[_Part | None] = []
    for key, value in where.items:
        if key == "_and":
            parts.append(_join(builder, table, alias, value, "AND", depth))
        elif key == "_or":
            parts.append(_join(builder, table, alias, value, "OR", depth))
        elif key == "_not":
            inner = _condition(builder, table, alias, value, depth + 1)
            # NULL is no match, negated or not: so a filter and its negation do not both miss a row.
            parts.append(None if inner is None else _Part(f"({inner.sql}) IS NOT TRUE", inner.depth + 1))
        elif key in info.columns:
            parts.append(_column(builder, f'{alias}."{key}"', info.columns[key], value))
        elif key in info.relations:
            parts.append(_relation(builder, alias, info.relations[key], value, depth))
        else:
            raise GraphQLError(f"{table} has no column or relation {key!r}.")
    return _joined([part for part in parts if part is not None], "AND")


def _join(
    builder: Builder, table: str, alias: str, value: Tree, word: Literal["AND", "OR"], depth: int
) -> _Part | None:
    if isinstance(value, Null):
        return None
    items: Sequence[Tree] = value.items if isinstance(value, Items) else (value,)
    if not items:
        return None if word == "AND" else _Part("1 = 0")
    parts = [_condition(builder, table, alias, item, depth + 1) for item in items]
    found = [part for part in parts if part is not None]
    if word == "OR" and len(found) < len(parts):
        return None  # one alternative is always true
    return _joined(found, word)


def _joined(parts: list[_Part], word: Literal["AND", "OR"]) -> _Part | None:
    """Parts under one operator. The deepest comes first, which keeps the parser's stack short; halves
    of a long list are joined each for itself, because SQLite takes trees of 1000 levels at most.
    """
    if len(parts) < 2:
        return parts[0] if parts else None
    if len(parts) > 50:
        middle = len(parts) // 2
        halves = (_joined(parts[:middle], word), _joined(parts[middle:], word))
        parts = [half for half in halves if half is not None]
    parts = sorted(parts, key=lambda part: -part.depth)  # stable: the order of equals stays
    return _Part(f" {word} ".join(f"({part.sql})" for part in parts), parts[0].depth + 1)


def _relation(builder: Builder, alias: str, relation: Relation, value: Tree, depth: int) -> _Part | None:
    if isinstance(value, Null):
        return None
    target = relation.target

    def rows(key: str) -> str:
        inner_alias = builder.alias()
        parts = [
            f'{inner_alias}."{relation.remote}" = {key}',
            builder.scope(target, inner_alias, is_narrow=True),
        ]
        inner = condition(builder, target, inner_alias, value, depth + 1)
        if inner is not None:
            parts.append(f"({inner})")
        return f'FROM "{target}" {inner_alias} WHERE {" AND ".join(parts)}'

    with builder.relation(_MAX_RELATIONS_DEEP, _MAX_RELATIONS):
        sql = builder.exists(f'{alias}."{relation.local}"', rows, depth, depth_of(value))
    return _Part(sql, _SUBQUERY_DEPTH)


def _column(builder: Builder, sql: str, kind: ColumnType, value: Tree) -> _Part | None:
    if isinstance(value, Null):
        return None
    if not isinstance(value, Members):
        raise GraphQLError("A comparison is an object such as {_eq: ...}.")
    parts = [
        _Part(_comparison(builder, sql, kind, operator, operand))
        for operator, operand in value.items
        if not isinstance(operand, Null)
    ]
    return _joined(parts, "AND")


def _comparison(builder: Builder, sql: str, kind: ColumnType, operator: str, operand: Tree) -> str:
    builder.count_condition()
    if operator not in COMPARISONS[kind]:
        raise GraphQLError(f"{operator} cannot be used on a column of type {kind}.")
    if operator == "_is_null":
        return _is_null(sql, operand)
    if kind == "jsonb":
        return _json_operator(builder, sql, operator, operand)
    if operator in ("_in", "_nin"):
        return _membership(builder, sql, kind, operator, operand)
    if operator in _SYMBOLS:
        return f"{sql} {_SYMBOLS[operator]} {builder.scalar(operand, kind)}"
    return _like(builder, sql, operator, operand)


def _is_null(sql: str, operand: Tree) -> str:
    if isinstance(operand, Flag):
        return f"{sql} IS NULL" if operand.value else f"{sql} IS NOT NULL"
    raise GraphQLError("_is_null takes true or false.")


_ARRAYS = {"Int": "bigint[]", "Boolean": "boolean[]"}


def _membership(builder: Builder, sql: str, kind: ColumnType, operator: str, operand: Tree) -> str:
    values = builder.list_of(operand, kind)
    if not builder.is_postgres:
        word = "IN" if operator == "_in" else "NOT IN"
        placeholder = builder.add(lambda bindings: json.dumps(values(bindings)))
        return f"{sql} {word} (SELECT value FROM json_each({placeholder}))"
    array = f"CAST({builder.add(values)} AS {_ARRAYS.get(kind, 'text[]')})"
    # An array can be looked up in an index; a subquery can be hashed.
    return f"{sql} = ANY({array})" if operator == "_in" else f"{sql} NOT IN (SELECT unnest({array}))"


def _like(builder: Builder, sql: str, operator: str, operand: Tree) -> str:
    builder.has_search = True  # no index helps: the time is bounded instead
    read = raw_value(operand)
    most = builder.limits.wildcards

    def pattern(bindings: Bindings) -> str:
        text = checked_text(read(bindings))
        if len(text) > _MAX_PATTERN:
            raise GraphQLError(f"A pattern has {_MAX_PATTERN} characters at most.")
        # Each of them multiplies the work; several side by side are one.
        if len(_WILDCARDS.findall(text)) > most:
            raise GraphQLError(f"A pattern has {most} times % at most.")
        # A backslash at the end escapes nothing; PostgreSQL calls that an error.
        trailing = len(text) - len(text.rstrip("\\"))
        return text + "\\" if trailing % 2 else text

    placeholder = builder.add(pattern)
    negated = "NOT " if operator in ("_nlike", "_nilike") else ""
    if operator in ("_ilike", "_nilike"):
        # The columns' own collation, "C", knows upper and lower case of ASCII only.
        lower = 'lower({} COLLATE "und-x-icu")' if builder.is_postgres else "lower_unicode({})"
        text = f"CAST({placeholder} AS text)" if builder.is_postgres else placeholder
        sql, placeholder = lower.format(sql), lower.format(text)
    return f"{sql} {negated}LIKE {placeholder} ESCAPE '\\'"


def _json_operator(builder: Builder, sql: str, operator: str, operand: Tree) -> str:
    if operator in ("_in", "_nin"):
        return _json_membership(builder, sql, operator, operand)
    if operator in ("_eq", "_neq"):
        value = builder.scalar(operand, "jsonb")
        if builder.is_postgres:
            return f"{sql} {_SYMBOLS[operator]} {value}"
        return f"json_equal({sql}, {value}) = {1 if operator == '_eq' else 0}"
    if operator in ("_contains", "_contained_in"):
        value = builder.scalar(operand, "jsonb")
        outer, inner = (sql, value) if operator == "_contains" else (value, sql)
        return f"{outer} @> {inner}" if builder.is_postgres else f"json_contains({outer}, {inner}) = 1"
    return _has_keys(builder, sql, operator, operand)


def _json_membership(builder: Builder, sql: str, operator: str, operand: Tree) -> str:
    # A list of lists is a list of values; one value stands for a list of one.
    if isinstance(operand, Items):
        parts = [_json_operator(builder, sql, "_eq", item) for item in operand.items]
        joined = _joined([_Part(part) for part in parts], "OR")
        inside = "1 = 0" if joined is None else joined.sql
        return inside if operator == "_in" else f"NOT ({inside})"
    read = raw_value(operand)
    is_literal = isinstance(operand, Slot) and operand.literal >= 0

    def as_json(bindings: Bindings) -> str:
        found = read(bindings)
        values = found if isinstance(found, list) else [found]
        return dumped([from_json_literal(value) if is_literal else value for value in values])  # pyright: ignore[reportUnknownVariableType]

    placeholder = builder.json_value(as_json)
    if builder.is_postgres:
        inside = f"{sql} IN (SELECT jsonb_array_elements({placeholder}))"
    else:
        inside = f"json_among({sql}, {placeholder}) = 1"
    return inside if operator == "_in" else f"NOT ({inside})"


def _has_keys(builder: Builder, sql: str, operator: str, operand: Tree) -> str:
    every = operator != "_has_keys_any"
    read = raw_value(operand)

    def names(bindings: Bindings) -> list[str]:
        found = read(bindings)
        return [checked_text(key) for key in (found if isinstance(found, list) else [found])]  # pyright: ignore[reportUnknownVariableType]

    if builder.is_postgres:
        # The functions behind ?& and ?|, whose question marks drivers take for parameters.
        function = "jsonb_exists_all" if every else "jsonb_exists_any"
        return f"{function}({sql}, CAST({builder.add(names)} AS text[]))"
    placeholder = builder.add(lambda bindings: json.dumps(names(bindings)))
    return f"json_has_keys({sql}, {placeholder}, {1 if every else 0}) = 1"


# -- what a filter says at its top ------------------------------------------------------


def is_narrowed(where: Tree | None) -> bool:
    """Whether a filter asks for few rows: by an id, or by a name."""
    return any(
        (key == "id" or key.endswith("_id") or key in _NARROW) and _has(value, ("_eq", "_in"))
        for key, value in _top(where)
        if key != "tenant_id"
    )


_NARROW = frozenset({"name", "slug", "cache_key", "idempotency_key", "key", "tag", "version_group_id"})


def never_null(where: Tree | None) -> frozenset[str]:
    """Columns that are not null in the rows that a filter leaves."""
    positive = tuple(name for name in _ORDERED if name != "_is_null")
    return frozenset(
        key
        for key, value in _top(where)
        if _has(value, positive) or (isinstance(value, Members) and value.get("_is_null") == Flag(False))
    )


def _has(value: Tree, operators: tuple[str, ...]) -> bool:
    return isinstance(value, Members) and any(
        key in operators and not isinstance(operand, Null) for key, operand in value.items
    )


def _top(where: Tree | None) -> list[tuple[str, Tree]]:
    """Members that all rows fulfil: those at the top, and those of `_and`."""
    if isinstance(where, Items):
        return [entry for item in where.items for entry in _top(item)]
    if not isinstance(where, Members):
        return []
    found: list[tuple[str, Tree]] = []
    for key, value in where.items:
        if key == "_and":
            found.extend(_top(value))
        elif not key.startswith("_"):
            found.append((key, value))
    return found
