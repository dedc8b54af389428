"""`order_by` and `distinct_on`: arguments to terms of ORDER BY and of a partition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from graphql import GraphQLError

from prefect.server.database.tables import Relation
from prefect.server.graphql.builder import Builder
from prefect.server.graphql.columns import comparable_columns, table_info
from prefect.server.graphql.values import Items, Members, Null, Tree, Word

__all__ = ["AGGREGATES", "Term", "distinct_on", "order_by"]

AGGREGATES = ("min", "max", "sum", "avg")

#: Whether it descends, and whether nulls come first.
_DIRECTIONS = {
    "asc": (False, False),
    "desc": (True, True),
    "asc_nulls_first": (False, True),
    "asc_nulls_last": (False, False),
    "desc_nulls_first": (True, True),
    "desc_nulls_last": (True, False),
}
_MAX_TERMS = 50


@dataclass(frozen=True)
class Term:
    """A term of an ORDER BY.

    Attributes:
        sql: what is ordered by.
        direction: a member of the enumeration `order_by`.
        is_nullable: whether it may be null.
    """

    sql: str
    direction: str
    is_nullable: bool

    def __str__(self) -> str:
        descends, nulls_first = _DIRECTIONS[self.direction]
        word = "DESC" if descends else "ASC"
        # Said only where there may be nulls: SQLite sorts where it could walk an index otherwise.
        return f"{self.sql} {word}" + (
            f" NULLS {'FIRST' if nulls_first else 'LAST'}" if self.is_nullable else ""
        )


def order_by(
    builder: Builder, table: str, alias: str, value: Tree | None, never_null: frozenset[str] = frozenset()
) -> list[Term]:
    """The terms of `order_by`.

    Args:
        builder: the compilation.
        table: whose rows are ordered.
        alias: its alias.
        value: the argument.
        never_null: columns that are not null because of the filter.

    Raises:
        GraphQLError: it names something that cannot be ordered by.
    """
    terms = list(_terms(builder, table, alias, value, never_null))
    if len(terms) > _MAX_TERMS:
        raise GraphQLError(f"Rows are ordered by {_MAX_TERMS} columns at most.")
    return terms


def _terms(
    builder: Builder, table: str, alias: str, value: Tree | None, never_null: frozenset[str]
) -> Iterator[Term]:
    if value is None or isinstance(value, Null):
        return
    for item in value.items if isinstance(value, Items) else (value,):
        if isinstance(item, Null):
            continue
        if not isinstance(item, Members):
            raise GraphQLError("order_by takes objects such as {created: desc}.")
        for key, direction in item.items:
            if not isinstance(direction, Null):
                yield from _of_key(builder, table, alias, str(key), direction, never_null)


def _of_key(
    builder: Builder, table: str, alias: str, key: str, direction: Tree, never_null: frozenset[str]
) -> Iterator[Term]:
    info = table_info(table)
    if key in info.columns:
        is_nullable = key not in info.required and key not in never_null
        yield Term(f'{alias}."{key}"', _direction(direction), is_nullable)
        return
    relation = info.relations.get(key)
    if relation is not None and relation.kind == "object":
        yield from _through(builder, alias, relation, direction)
        return
    relation = info.relations.get(key.removesuffix("_aggregate"))
    if relation is None or not key.endswith("_aggregate") or relation.kind == "object":
        raise GraphQLError(f"{table} cannot be ordered by {key!r}.")
    yield from _by_aggregate(builder, alias, relation, direction)


def _direction(direction: Tree) -> str:
    if not isinstance(direction, Word) or direction.value not in _DIRECTIONS:
        raise GraphQLError(f"A direction is one of: {', '.join(_DIRECTIONS)}.")
    return direction.value


def _through(builder: Builder, alias: str, relation: Relation, value: Tree) -> Iterator[Term]:
    inner_alias = builder.alias()
    for term in _terms(builder, relation.target, inner_alias, value, frozenset()):
        yield Term(_looked_up(builder, alias, relation, inner_alias, term.sql), term.direction, True)


def _looked_up(builder: Builder, alias: str, relation: Relation, inner_alias: str, sql: str) -> str:
    return (
        f'(SELECT {sql} FROM "{relation.target}" {inner_alias} WHERE '
        f'{inner_alias}."{relation.remote}" = {alias}."{relation.local}" AND '
        f"{builder.scope(relation.target, inner_alias, is_narrow=True)})"
    )


def _by_aggregate(builder: Builder, alias: str, relation: Relation, value: Tree) -> Iterator[Term]:
    if not isinstance(value, Members):
        raise GraphQLError("An aggregate is ordered by {count: desc} or {max: {column: desc}}.")
    for function, operand in value.items:
        if isinstance(operand, Null):
            continue
        inner_alias = builder.alias()
        if function == "count":
            sql = _looked_up(builder, alias, relation, inner_alias, "count(*)")
            yield Term(sql, _direction(operand), is_nullable=False)
            continue
        if function not in AGGREGATES or not isinstance(operand, Members):
            raise GraphQLError(f"Aggregates are: count, {', '.join(AGGREGATES)}.")
        for column, way in operand.items:
            if isinstance(way, Null):
                continue
            if column not in comparable_columns(relation.target, function):
                raise GraphQLError(f"{function} of {relation.target} has no column {column!r}.")
            sql = _looked_up(builder, alias, relation, inner_alias, f'{function}({inner_alias}."{column}")')
            yield Term(sql, _direction(way), is_nullable=True)


def distinct_on(table: str, alias: str, value: Tree | None) -> list[str]:
    """The columns of `distinct_on`, as SQL.

    Raises:
        GraphQLError: there is no such column.
    """
    if value is None or isinstance(value, Null):
        return []
    found: list[str] = []
    for item in value.items if isinstance(value, Items) else (value,):
        if not isinstance(item, Word) or item.value not in table_info(table).columns:
            raise GraphQLError(f"distinct_on takes columns of {table}.")
        found.append(f'{alias}."{item.value}"')
    return found
