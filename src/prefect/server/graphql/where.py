"""`where`: filters to SQL conditions.

Null operands are no conditions, an empty object is true, an empty `_or` is false, an empty `_and`
true, and lists may be given as their single element: so it was in 1.x, and old clients rely on it.
"""

from __future__ import annotations

from graphql import GraphQLError

from prefect.server.database.tables import Relation
from prefect.server.graphql.builder import Builder, raw_value
from prefect.server.graphql.columns import ColumnType, table_info
from prefect.server.graphql.values import Bindings, Flag, Items, Members, Null, Slot, Tree

__all__ = ["COMPARISONS", "condition"]

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


def condition(builder: Builder, table: str, alias: str, where: Tree | None) -> str | None:
    """SQL of a filter on `table` (as `alias`); None when it says nothing.

    Raises:
        GraphQLError: an operand is of the wrong kind.
    """
    if where is None or isinstance(where, Null):
        return None
    if isinstance(where, Items):  # a list where one object is meant: all of them
        return _join(builder, table, alias, where, "AND")
    if not isinstance(where, Members):
        raise GraphQLError(f"A filter on {table} is an object.")
    info = table_info(table)
    parts: list[str | None] = []
    for key, value in where.items:
        if key == "_and":
            parts.append(_join(builder, table, alias, value, "AND"))
        elif key == "_or":
            parts.append(_join(builder, table, alias, value, "OR"))
        elif key == "_not":
            inner = condition(builder, table, alias, value)
            # NULL is no match, negated or not: so a filter and its negation do not both miss a row.
            parts.append(None if inner is None else f"NOT coalesce({inner}, {_false(builder)})")
        elif key in info.columns:
            parts.append(_column(builder, f'{alias}."{key}"', info.columns[key], value))
        elif key in info.relations:
            parts.append(_relation(builder, alias, info.relations[key], value))
        else:
            raise GraphQLError(f"{table} has no column or relation {key!r}.")
    found = [part for part in parts if part is not None]
    return " AND ".join(f"({part})" for part in found) if found else None


def _false(builder: Builder) -> str:
    return "false" if builder.is_postgres else "0"


def _join(builder: Builder, table: str, alias: str, value: Tree, word: str) -> str | None:
    if isinstance(value, Null):
        return None
    items = value.items if isinstance(value, Items) else (value,)
    if not items:
        return None if word == "AND" else "1 = 0"
    parts = [condition(builder, table, alias, item) for item in items]  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    if word == "OR":
        if any(part is None for part in parts):
            return None  # one alternative is always true
        return " OR ".join(f"({part})" for part in parts)
    found = [part for part in parts if part is not None]
    return " AND ".join(f"({part})" for part in found) if found else None


def _relation(builder: Builder, alias: str, relation: Relation, value: Tree) -> str | None:
    if isinstance(value, Null):
        return None
    inner_alias = builder.alias()
    inner = condition(builder, relation.target, inner_alias, value)
    parts = [
        f'{inner_alias}."{relation.remote}" = {alias}."{relation.local}"',
        builder.scope(relation.target, inner_alias),
    ]
    if inner is not None:
        parts.append(f"({inner})")
    return f'EXISTS (SELECT 1 FROM "{relation.target}" {inner_alias} WHERE {" AND ".join(parts)})'


def _column(builder: Builder, sql: str, kind: ColumnType, value: Tree) -> str | None:
    if isinstance(value, Null):
        return None
    if not isinstance(value, Members):
        raise GraphQLError(f"A comparison is an object such as {{_eq: ...}}; column {sql} was given a value.")
    parts = [
        _comparison(builder, sql, kind, operator, operand)
        for operator, operand in value.items
        if not isinstance(operand, Null)
    ]
    return " AND ".join(f"({part})" for part in parts) if parts else None


def _comparison(builder: Builder, sql: str, kind: ColumnType, operator: str, operand: Tree) -> str:
    if operator not in COMPARISONS[kind]:
        raise GraphQLError(f"{operator} cannot be used on a column of type {kind}.")
    if operator == "_is_null":
        return _is_null(builder, sql, operand)
    if kind == "jsonb" and operator not in ("_eq", "_neq", "_in", "_nin"):
        return _json_operator(builder, sql, operator, operand)
    if operator in ("_in", "_nin"):
        return _membership(builder, sql, kind, operator, operand)
    if operator in _SYMBOLS:
        if kind == "jsonb":
            return _json_equality(builder, sql, operator, operand)
        return f"{sql} {_SYMBOLS[operator]} {builder.scalar(operand, kind)}"
    return _like(builder, sql, operator, operand)


def _is_null(builder: Builder, sql: str, operand: Tree) -> str:
    if isinstance(operand, Flag):
        return f"{sql} IS NULL" if operand.value else f"{sql} IS NOT NULL"
    raise GraphQLError("_is_null takes true or false.")


def _membership(builder: Builder, sql: str, kind: ColumnType, operator: str, operand: Tree) -> str:
    word = "IN" if operator == "_in" else "NOT IN"
    if kind == "jsonb":
        items = operand.items if isinstance(operand, Items) else (operand,)
        parts = [_json_equality(builder, sql, "_eq", item) for item in items]  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        joined = " OR ".join(parts) or "1 = 0"
        return f"({joined})" if word == "IN" else f"NOT ({joined})"
    return f"{sql} {word} ({builder.scalars(operand, kind)})"


def _like(builder: Builder, sql: str, operator: str, operand: Tree) -> str:
    pattern = builder.scalar(operand, "String")
    negated = "NOT " if operator in ("_nlike", "_nilike") else ""
    if operator in ("_like", "_nlike"):
        return f"{sql} {negated}LIKE {pattern} ESCAPE '\\'"
    if builder.is_postgres:
        return f"{sql} {negated}ILIKE {pattern} ESCAPE '\\'"
    return f"casefold({sql}) {negated}LIKE casefold({pattern}) ESCAPE '\\'"


def _json_equality(builder: Builder, sql: str, operator: str, operand: Tree) -> str:
    value = builder.scalar(operand, "jsonb")
    if builder.is_postgres:
        return f"{sql} {_SYMBOLS[operator]} {value}"
    compared = f"json_equal({sql}, {value})"
    return f"{compared} = 1" if operator == "_eq" else f"{compared} = 0"


def _json_operator(builder: Builder, sql: str, operator: str, operand: Tree) -> str:
    if operator in ("_contains", "_contained_in"):
        value = builder.scalar(operand, "jsonb")
        outer, inner = (sql, value) if operator == "_contains" else (value, sql)
        return f"{outer} @> {inner}" if builder.is_postgres else f"json_contains({outer}, {inner}) = 1"
    if operator == "_has_key":
        keys: Tree = Items((operand,)) if isinstance(operand, (Slot,)) else operand
        every = True
    else:
        keys = operand
        every = operator == "_has_keys_all"
    read = raw_value(keys)

    def as_json(bindings: Bindings) -> str:
        import json

        found = read(bindings)
        values = found if isinstance(found, list) else [found]
        if not all(isinstance(key, str) for key in values):
            raise GraphQLError(f"{operator} takes names of keys.")
        return json.dumps(values)

    placeholder = builder.add(as_json)
    if builder.is_postgres:
        array = f"ARRAY(SELECT jsonb_array_elements_text(CAST({placeholder} AS jsonb)))"
        # The functions behind ?& and ?|, whose question marks drivers take for parameters.
        function = "jsonb_exists_all" if every else "jsonb_exists_any"
        return f"{function}({sql}, {array})"
    return f"json_has_keys({sql}, {placeholder}, {1 if every else 0}) = 1"
