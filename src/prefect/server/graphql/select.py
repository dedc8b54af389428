"""Selections to SQL: each root field becomes one statement whose answer is JSON text."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass, replace

from graphql import GraphQLError

from prefect.server.database.sql import in_list
from prefect.server.database.tables import Relation
from prefect.server.graphql.builder import Builder, Factor
from prefect.server.graphql.columns import TableInfo, table_info, table_names
from prefect.server.graphql.convert import checked_text, converter
from prefect.server.graphql.order import distinct_on, order_by
from prefect.server.graphql.selections import Document, Selected, selected_fields
from prefect.server.graphql.values import Bindings, Flag, Items, Null, Tree, Word, depth_of, raw_value
from prefect.server.graphql.where import condition, is_narrowed, never_null

__all__ = ["compile_field", "compile_rows", "is_table_field"]


def is_table_field(name: str) -> bool:
    """Whether a root field reads a table: the table, `<table>_by_pk` or `<table>_aggregate`."""
    return _table_of(name) is not None


@functools.cache
def _root_fields() -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for name in table_names():
        found[name] = (name, "list")
        found[f"{name}_by_pk"] = (name, "one")
        found[f"{name}_aggregate"] = (name, "aggregate")
    return found


def _table_of(name: str) -> tuple[str, str] | None:
    return _root_fields().get(name)


@dataclass(frozen=True)
class _Place:
    """Where a selection stands, for the cost of the lists in it.

    Attributes:
        is_many: whether it is made for each row of a list.
        is_shared: whether several of these rows lead to one row, whose lists are then made for each.
        factors: of the lists around it.
    """

    is_many: bool = False
    is_shared: bool = False
    factors: tuple[Factor, ...] = ()


#: Rows of a list without a limit, for the cost: a root list, and a list in a row that came up again.
_ROWS, _ROWS_AGAIN = 1000, 100


def compile_field(builder: Builder, document: Document, selected: Selected) -> str:
    """The statement of a root field; its one column is JSON text, NULL for null.

    Raises:
        GraphQLError: an argument cannot be used.
    """
    found = _table_of(selected.name)
    assert found is not None
    table, kind = found
    if kind == "one":
        sql = _by_pk(builder, document, table, selected)
    elif kind == "aggregate":
        builder.begin("aggregate")
        sql = f"SELECT {_aggregate(builder, document, table, selected, None, _Place())}"
    else:
        sql = _list(builder, document, table, selected, None, _Place())
    # On SQLite JSON is text already.
    return f"SELECT CAST(({sql}) AS TEXT)" if builder.is_postgres else sql


def compile_rows(builder: Builder, document: Document, table: str, selected: Selected) -> str:
    """The statement of rows by their ids (`:ids`, a JSON list); its one column is the JSON of `{id: row}`.

    Raises:
        GraphQLError: an argument cannot be used.
    """
    builder.has_lists = True
    alias = builder.alias()
    row = _row(builder, document, table, alias, selected, _Place(is_many=True))
    pairs = builder.json_pairs(builder.key(alias, "id"), row)
    scope = builder.scope(table, alias, is_narrow=True)
    source = f'"{table}" {alias} WHERE {alias}.id IN {in_list(builder.dialect, "ids")} AND {scope}'
    sql = f"SELECT {pairs} FROM {source}"
    return f"SELECT CAST(({sql}) AS TEXT)" if builder.is_postgres else sql


def _by_pk(builder: Builder, document: Document, table: str, selected: Selected) -> str:
    key = document.argument(selected.node, "id")
    if key is None or isinstance(key, Null):
        return "SELECT NULL"
    alias = builder.alias()
    row = _row(builder, document, table, alias, selected, _Place())
    wanted = builder.scalar(key, "uuid")
    scope = builder.scope(table, alias, is_narrow=True)
    return f'SELECT {row} FROM "{table}" {alias} WHERE {alias}.id = {wanted} AND {scope}'


def _list(
    builder: Builder,
    document: Document,
    table: str,
    selected: Selected,
    parent: _Parent | None,
    place: _Place,
) -> str:
    rows = _rows(builder, document, table, selected, parent)
    row = _row(builder, document, table, rows.alias, selected, _inside(builder, document, selected, place))
    return f"SELECT {builder.json_array(row)} FROM {rows.source(builder.used(rows.alias))}"


def _inside(builder: Builder, document: Document, selected: Selected, place: _Place) -> _Place:
    """The place of what is selected of each row of a list."""
    if place.is_many and not place.is_shared:
        return place  # from rows to rows that are theirs alone: each is read once
    limit = document.argument(selected.node, "limit")
    most = _ROWS_AGAIN if place.is_many else _ROWS
    factors = (*place.factors, _factor(limit, most))
    if len(factors) > 1:
        builder.costs.append(factors)
    return replace(place, is_many=True, factors=factors)


def _factor(limit: Tree | None, most: int) -> Factor:
    if limit is None or isinstance(limit, Null):
        return lambda bindings: most
    read, convert = raw_value(limit), converter("Int")
    return lambda bindings: max(1, min(most, convert(read(bindings))))


# -- rows -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Parent:
    """What rows of a relation belong to.

    Attributes:
        relation: the relation.
        key: SQL of the value that the remote column equals.
    """

    relation: Relation
    key: str


@dataclass
class _Rows:
    """Rows of a table as the arguments of a field choose them."""

    table: str
    alias: str
    conditions: list[str]
    order: list[str]
    distinct: list[str]
    limit: str | None
    offset: str | None
    is_postgres: bool

    @property
    def is_cut(self) -> bool:
        """Whether it depends on their order which rows they are."""
        return bool(self.distinct) or self.limit is not None or self.offset is not None

    def source(self, columns: list[str]) -> str:
        """What stands after FROM: columns of them under their alias."""
        where = " AND ".join(self.conditions)
        source = f'"{self.table}" {self.alias}'
        if not self.order and not self.is_cut:
            return f"{source} WHERE {where}"
        if self.distinct:
            partition = ", ".join(self.distinct)
            ranked = ", ".join(self.order) or f"{self.alias}.id"
            source = (
                f"(SELECT {self.alias}.*, row_number() OVER (PARTITION BY {partition} ORDER BY {ranked}) "
                f"AS distinct_rank FROM {source} WHERE {where}) {self.alias}"
            )
            where = f"{self.alias}.distinct_rank = 1"
        listed = ", ".join(f'{self.alias}."{column}"' for column in columns) or "1 AS one"
        sql = f"SELECT {listed} FROM {source} WHERE {where}"
        if self.order:
            sql += f" ORDER BY {', '.join(self.order)}"
        if self.limit is not None:
            sql += f" LIMIT {self.limit}"
        elif self.offset is not None and not self.is_postgres:
            sql += " LIMIT -1"
        if self.offset is not None:
            sql += f" OFFSET {self.offset}"
        return f"({sql}) {self.alias}"


def _rows(
    builder: Builder, document: Document, table: str, selected: Selected, parent: _Parent | None
) -> _Rows:
    builder.has_lists = True
    alias = builder.alias()
    node = selected.node
    where = document.argument(node, "where")
    is_narrow = parent is not None or is_narrowed(where)
    conditions = [builder.scope(table, alias, is_narrow=is_narrow)]
    if parent is not None:
        conditions.insert(0, f'{alias}."{parent.relation.remote}" = {parent.key}')
    filtered = condition(builder, table, alias, where)
    if filtered is not None:
        conditions.insert(0, f"({filtered})")
    terms = order_by(builder, table, alias, document.argument(node, "order_by"), never_null(where))
    order = [str(term) for term in terms]
    rows = _Rows(
        table,
        alias,
        conditions,
        order,
        distinct_on(table, alias, document.argument(node, "distinct_on")),
        _count_argument(builder, document, selected, "limit"),
        _count_argument(builder, document, selected, "offset"),
        builder.is_postgres,
    )
    if table == "tenant" and not order:
        rows.order = [f"{alias}.created ASC"]  # wire: clients without a tenant act in the first
        terms = []
    if rows.order and (rows.is_cut or not terms) and not any(term.sql == f'{alias}."id"' for term in terms):
        rows.order.append(
            f"{alias}.id"
        )  # rows that are equal in the order stay in one order: pages do not overlap
    return rows


def _count_argument(builder: Builder, document: Document, selected: Selected, name: str) -> str | None:
    value = document.argument(selected.node, name)
    if value is None or isinstance(value, Null):
        return None
    read, convert = raw_value(value), converter("Int")

    def not_negative(bindings: Bindings) -> int:
        number = convert(read(bindings))
        if number < 0:
            raise GraphQLError(f"{name} cannot be negative.")
        return number

    return builder.add(not_negative)


# -- the JSON of a row ----------------------------------------------------------------


def _row(
    builder: Builder, document: Document, table: str, alias: str, selected: Selected, place: _Place
) -> str:
    info = table_info(table)
    pairs = [
        (entry.key, _value(builder, document, info, alias, entry, place))
        for entry in selected_fields(document, *selected.selections)
    ]
    return builder.json_object(pairs)


def _value(
    builder: Builder, document: Document, info: TableInfo, alias: str, entry: Selected, place: _Place
) -> str:
    name = entry.name
    if name == "__typename":
        return f"'{info.name}'"
    if name in info.columns:
        path = document.argument(entry.node, "path")
        if path is None or isinstance(path, Null):
            return builder.column(alias, name, info.columns[name])
        return _at_path(builder, builder.key(alias, name), path)
    relation = info.relations.get(name)
    if relation is not None and relation.kind == "object":
        return builder.nested(
            "row",
            builder.key(alias, relation.local),
            lambda key: _one(builder, document, relation, entry, key, place),
        )
    is_list = relation is not None
    relation = relation or info.relations[name.removesuffix("_aggregate")]

    def many(key: str) -> str:
        parent = _Parent(relation, key)
        if is_list:
            return _list(builder, document, relation.target, entry, parent, place)
        return f"SELECT {_aggregate(builder, document, relation.target, entry, parent, place)}"

    depth = depth_of(document.argument(entry.node, "where"))
    return builder.nested("list" if is_list else "aggregate", builder.key(alias, relation.local), many, depth)


def _one(
    builder: Builder, document: Document, relation: Relation, entry: Selected, key: str, place: _Place
) -> str:
    inner = builder.alias()
    row = _row(builder, document, relation.target, inner, entry, replace(place, is_shared=place.is_many))
    scope = builder.scope(relation.target, inner, is_narrow=True)
    return (
        f'SELECT {row} FROM "{relation.target}" {inner} WHERE {inner}."{relation.remote}" = {key} AND {scope}'
    )


_STEP = re.compile(r"""\.?([^.\[\]'"]+)|\[\s*(?:([0-9]+)|'([^']*)'|"([^"]*)")\s*\]""")


def _path_steps(text: str) -> list[str]:
    """The steps of `a.b[0]` or `$.a['b c']`."""
    rest = text.removeprefix("$")
    steps: list[str] = []
    position = 0
    while position < len(rest):
        found = _STEP.match(rest, position)
        if found is None or len(steps) == 100:
            raise GraphQLError("path is a text such as a.b[0].")
        steps.append(next(group for group in found.groups() if group is not None))
        position = found.end()
    return steps


def _at_path(builder: Builder, sql: str, path: Tree) -> str:
    """A part of a JSON column."""
    read = raw_value(path)

    def steps(bindings: Bindings) -> list[str]:
        return _path_steps(checked_text(read(bindings)))

    if builder.is_postgres:
        return f"{sql} #> CAST({builder.add(steps)} AS text[])"
    return f"json(json_at({sql}, {builder.add(lambda bindings: json.dumps(steps(bindings)))}))"


# -- aggregates -----------------------------------------------------------------------


def _aggregate(
    builder: Builder,
    document: Document,
    table: str,
    selected: Selected,
    parent: _Parent | None,
    place: _Place,
) -> str:
    """The JSON of `<x>_aggregate`."""
    pairs: list[tuple[str, str]] = []
    for entry in selected_fields(document, *selected.selections):
        if entry.name == "__typename":
            pairs.append((entry.key, f"'{table}_aggregate'"))
            continue
        rows = _rows(builder, document, table, selected, parent)
        if entry.name == "nodes":
            inside = _inside(builder, document, selected, place)
            item = _row(builder, document, table, rows.alias, entry, inside)
            query = f"SELECT {builder.json_array(item)} FROM {rows.source(builder.used(rows.alias))}"
        else:
            if not rows.is_cut:
                rows.order = []
            _inside(builder, document, selected, place)
            values = _aggregate_values(builder, document, table, rows.alias, entry)
            query = f"SELECT {values} FROM {rows.source(builder.used(rows.alias))}"
        pairs.append((entry.key, f"({query})" if builder.is_postgres else f"json(({query}))"))
    return builder.json_object(pairs)


def _aggregate_values(
    builder: Builder, document: Document, table: str, alias: str, selected: Selected
) -> str:
    pairs: list[tuple[str, str]] = []
    for entry in selected_fields(document, *selected.selections):
        function = entry.name
        if function == "__typename":
            pairs.append((entry.key, f"'{table}_aggregate_fields'"))
        elif function == "count":
            pairs.append((entry.key, _count(builder, table_info(table), alias, document, entry)))
        else:
            inner = [
                (one.key, _of_column(builder, table, alias, function, one.name))
                for one in selected_fields(document, *entry.selections)
            ]
            pairs.append((entry.key, builder.json_object(inner)))
    return builder.json_object(pairs)


def _of_column(builder: Builder, table: str, alias: str, function: str, column: str) -> str:
    if column == "__typename":
        return f"'{table}_{function}_fields'"
    sql = f"{function}({builder.key(alias, column)})"
    return f"CAST({sql} AS double precision)" if function == "avg" and builder.is_postgres else sql


def _count(builder: Builder, info: TableInfo, alias: str, document: Document, entry: Selected) -> str:
    columns = document.argument(entry.node, "columns")
    distinct = document.argument(entry.node, "distinct")
    if columns is None or isinstance(columns, Null) or (isinstance(columns, Items) and not columns.items):
        return "count(*)"
    names: list[str] = []
    for item in columns.items if isinstance(columns, Items) else (columns,):
        if not isinstance(item, Word) or item.value not in info.columns:
            raise GraphQLError(f"count takes columns of {info.name}.")
        names.append(builder.key(alias, item.value))
    word = "DISTINCT " if isinstance(distinct, Flag) and distinct.value else ""
    if len(names) == 1:
        return f"count({word}{names[0]})"
    # Several columns count as one value, which is never null.
    together = "jsonb_build_array" if builder.is_postgres else "json_array"
    return f"count({word}{together}({', '.join(names)}))"
