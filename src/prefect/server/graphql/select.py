"""Selections to SQL: each root field becomes one statement whose answer is JSON text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLError
from graphql.language import ast

from prefect.server.database.tables import Relation
from prefect.server.graphql.builder import Builder
from prefect.server.graphql.columns import TableInfo, table_info, table_names
from prefect.server.graphql.values import Flag, Items, Members, Null, Slot, Tree, Word, tree
from prefect.server.graphql.where import condition

__all__ = ["Document", "Selected", "compile_field", "is_table_field", "selected_fields"]

_DIRECTIONS = {
    "asc": "ASC NULLS LAST",
    "desc": "DESC NULLS FIRST",
    "asc_nulls_first": "ASC NULLS FIRST",
    "asc_nulls_last": "ASC NULLS LAST",
    "desc_nulls_first": "DESC NULLS FIRST",
    "desc_nulls_last": "DESC NULLS LAST",
}
_AGGREGATES = ("min", "max", "sum", "avg")


@dataclass(frozen=True)
class Document:
    """The document a plan is made for, with one request's variables.

    Attributes:
        fragments: `{name: definition}`.
        variables: variables with their defaults.
        numbers: `{position in the text: number of the literal}`.
        structural: variables whose texts are names.
    """

    fragments: Mapping[str, ast.FragmentDefinitionNode]
    variables: Mapping[str, Any]
    numbers: Mapping[int, int]
    structural: frozenset[str] = frozenset()

    def argument(self, node: ast.FieldNode, name: str) -> Tree | None:
        """The tree of an argument; None when it is not there."""
        for argument in node.arguments or ():
            if argument.name.value == name:
                return tree(argument.value, self.variables, self.numbers, self.structural)
        return None


@dataclass
class Selected:
    """A field, with the selections of all its occurrences in one selection set."""

    key: str
    name: str
    node: ast.FieldNode
    selections: list[ast.SelectionSetNode] = field(default_factory=list[ast.SelectionSetNode])


def selected_fields(document: Document, *sets: ast.SelectionSetNode) -> list[Selected]:
    """The fields of selection sets in order, fragments and directives resolved, equal keys merged."""
    found: dict[str, Selected] = {}
    for node in _flat(document, sets):
        key = node.alias.value if node.alias else node.name.value
        entry = found.get(key)
        if entry is None:
            entry = found[key] = Selected(key, node.name.value, node)
        if node.selection_set is not None:
            entry.selections.append(node.selection_set)
    return list(found.values())


def _flat(document: Document, sets: tuple[ast.SelectionSetNode, ...]) -> Iterator[ast.FieldNode]:
    for selection_set in sets:
        for selection in selection_set.selections:
            if not _is_included(document, selection):
                continue
            if isinstance(selection, ast.FieldNode):
                yield selection
            elif isinstance(selection, ast.InlineFragmentNode):
                yield from _flat(document, (selection.selection_set,))
            else:
                assert isinstance(selection, ast.FragmentSpreadNode)
                yield from _flat(document, (document.fragments[selection.name.value].selection_set,))


def _is_included(document: Document, node: ast.SelectionNode) -> bool:
    for directive in node.directives or ():
        if directive.name.value not in ("include", "skip"):
            continue
        value = tree(directive.arguments[0].value, document.variables, document.numbers)
        wanted = isinstance(value, Flag) and value.value
        if wanted != (directive.name.value == "include"):
            return False
    return True


# -- root fields ----------------------------------------------------------------------


def is_table_field(name: str) -> bool:
    """Whether a root field reads a table: the table, `<table>_by_pk` or `<table>_aggregate`."""
    return _table_of(name) is not None


def _table_of(name: str) -> tuple[str, str] | None:
    names = table_names()
    if name in names:
        return name, "list"
    for suffix, kind in (("_by_pk", "one"), ("_aggregate", "aggregate")):
        if name.endswith(suffix) and name[: -len(suffix)] in names:
            return name[: -len(suffix)], kind
    return None


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
        sql = f"SELECT {_aggregate(builder, document, table, selected, None)}"
    else:
        sql = _list(builder, document, table, selected, None)
    return f"SELECT CAST(({sql}) AS TEXT)"


def _by_pk(builder: Builder, document: Document, table: str, selected: Selected) -> str:
    key = document.argument(selected.node, "id")
    if key is None or isinstance(key, Null):
        return "SELECT NULL"
    alias = builder.alias()
    row = _row(builder, document, table, alias, selected)
    wanted = builder.scalar(key, "uuid")
    return (
        f'SELECT {row} FROM "{table}" {alias} '
        f"WHERE {alias}.id = {wanted} AND {builder.scope(table, alias)}"
    )


def _list(
    builder: Builder, document: Document, table: str, selected: Selected, parent: tuple[Relation, str] | None
) -> str:
    rows = _rows(builder, document, table, selected, parent)
    return builder.json_array(
        rows.select(lambda alias: f"{_row(builder, document, table, alias, selected)} AS j")
    )


# -- rows -----------------------------------------------------------------------------


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

    def select(self, columns: Any) -> str:
        """A query of them: `columns` makes the SELECT list from the alias."""
        where = " AND ".join(self.conditions)
        source = f'"{self.table}" {self.alias}'
        order = self.order
        if self.distinct:
            partition = ", ".join(self.distinct)
            ranked = ", ".join(order) or f"{self.alias}.id"
            source = (
                f"(SELECT {self.alias}.*, row_number() OVER (PARTITION BY {partition} ORDER BY {ranked}) "
                f"AS distinct_rank FROM {source} WHERE {where}) {self.alias}"
            )
            where = f"{self.alias}.distinct_rank = 1"
        sql = f"SELECT {columns(self.alias)} FROM {source} WHERE {where}"
        if order:
            sql += f" ORDER BY {', '.join(order)}"
        if self.limit is not None:
            sql += f" LIMIT {self.limit}"
        elif self.offset is not None and not self.is_postgres:
            sql += " LIMIT -1"
        if self.offset is not None:
            sql += f" OFFSET {self.offset}"
        return sql


def _rows(
    builder: Builder, document: Document, table: str, selected: Selected, parent: tuple[Relation, str] | None
) -> _Rows:
    alias = builder.alias()
    conditions = [builder.scope(table, alias)]
    if parent is not None:
        relation, parent_alias = parent
        conditions.insert(0, f'{alias}."{relation.remote}" = {parent_alias}."{relation.local}"')
    where = condition(builder, table, alias, document.argument(selected.node, "where"))
    if where is not None:
        conditions.append(f"({where})")
    return _Rows(
        table,
        alias,
        conditions,
        _order_by(builder, table, alias, document.argument(selected.node, "order_by")),
        _distinct_on(table, alias, document.argument(selected.node, "distinct_on")),
        _count_argument(builder, document, selected, "limit"),
        _count_argument(builder, document, selected, "offset"),
        builder.is_postgres,
    )


def _count_argument(builder: Builder, document: Document, selected: Selected, name: str) -> str | None:
    value = document.argument(selected.node, name)
    if value is None or isinstance(value, Null):
        return None
    placeholder = builder.scalar(value, "Int")
    parameter = builder.parameters[-1]
    read = parameter.value

    def not_negative(bindings: Any) -> int:
        number = read(bindings)
        if number < 0:
            raise GraphQLError(f"{name} cannot be negative.")
        return number

    builder.parameters[-1] = type(parameter)(parameter.name, not_negative)
    return placeholder


def _order_by(builder: Builder, table: str, alias: str, value: Tree | None) -> list[str]:
    if value is None or isinstance(value, Null):
        return []
    found: list[str] = []
    for item in value.items if isinstance(value, Items) else (value,):
        if isinstance(item, Null):
            continue
        if not isinstance(item, Members):
            raise GraphQLError("order_by takes objects such as {created: desc}.")
        for key, direction in item.items:
            if not isinstance(direction, Null):
                found.extend(_order_terms(builder, table, alias, key, direction))
    return found


def _order_terms(builder: Builder, table: str, alias: str, key: str, direction: Tree) -> list[str]:
    info = table_info(table)
    if key in info.columns:
        return [f'{alias}."{key}" {_direction(direction)}']
    if key in info.relations and info.relations[key].kind == "object":
        return _order_through(builder, alias, info.relations[key], direction)
    name = key.removesuffix("_aggregate")
    if key.endswith("_aggregate") and name in info.relations:
        return [_order_by_aggregate(builder, alias, info.relations[name], direction)]
    raise GraphQLError(f"{table} cannot be ordered by {key!r}.")


def _direction(direction: Tree) -> str:
    if not isinstance(direction, Word) or direction.value not in _DIRECTIONS:
        raise GraphQLError(f"A direction is one of: {', '.join(_DIRECTIONS)}.")
    return _DIRECTIONS[direction.value]


def _order_through(builder: Builder, alias: str, relation: Relation, value: Tree) -> list[str]:
    inner_alias = builder.alias()
    terms = _order_by(builder, relation.target, inner_alias, value)
    found: list[str] = []
    for term in terms:
        sql, direction = _split_direction(term)
        found.append(
            f'(SELECT {sql} FROM "{relation.target}" {inner_alias} WHERE '
            f'{inner_alias}."{relation.remote}" = {alias}."{relation.local}" AND '
            f"{builder.scope(relation.target, inner_alias)}) {direction}"
        )
    return found


def _split_direction(term: str) -> tuple[str, str]:
    for direction in _DIRECTIONS.values():
        if term.endswith(f" {direction}"):
            return term[: -len(direction) - 1], direction
    raise AssertionError(term)


def _order_by_aggregate(builder: Builder, alias: str, relation: Relation, value: Tree) -> str:
    if not isinstance(value, Members) or not value.items:
        raise GraphQLError("An aggregate is ordered by {count: desc} or {max: {column: desc}}.")
    inner_alias = builder.alias()
    function, operand = value.items[0]
    if function == "count":
        sql, direction = "count(*)", _direction(operand)
    else:
        if function not in _AGGREGATES or not isinstance(operand, Members):
            raise GraphQLError(f"Aggregates are: count, {', '.join(_AGGREGATES)}.")
        column, way = operand.items[0]
        if column not in table_info(relation.target).columns:
            raise GraphQLError(f"{relation.target} has no column {column!r}.")
        sql, direction = f'{function}({inner_alias}."{column}")', _direction(way)
    return (
        f'(SELECT {sql} FROM "{relation.target}" {inner_alias} WHERE '
        f'{inner_alias}."{relation.remote}" = {alias}."{relation.local}" AND '
        f"{builder.scope(relation.target, inner_alias)}) {direction}"
    )


def _distinct_on(table: str, alias: str, value: Tree | None) -> list[str]:
    if value is None or isinstance(value, Null):
        return []
    found: list[str] = []
    for item in value.items if isinstance(value, Items) else (value,):
        if not isinstance(item, Word) or item.value not in table_info(table).columns:
            raise GraphQLError(f"distinct_on takes columns of {table}.")
        found.append(f'{alias}."{item.value}"')
    return found


# -- the JSON of a row ----------------------------------------------------------------


def _row(builder: Builder, document: Document, table: str, alias: str, selected: Selected) -> str:
    info = table_info(table)
    pairs = [
        (entry.key, _value(builder, document, info, alias, entry))
        for entry in selected_fields(document, *selected.selections)
    ]
    return builder.json_object(pairs)


def _value(builder: Builder, document: Document, info: TableInfo, alias: str, entry: Selected) -> str:
    name = entry.name
    if name == "__typename":
        return f"'{info.name}'"
    if name in info.columns:
        sql = builder.column(alias, name, info.columns[name])
        path = document.argument(entry.node, "path")
        return sql if path is None or isinstance(path, Null) else _at_path(builder, alias, name, path)
    if name in info.relations:
        relation = info.relations[name]
        if relation.kind == "object":
            inner = builder.alias()
            row = _row(builder, document, relation.target, inner, entry)
            return builder.nested(
                f'SELECT {row} FROM "{relation.target}" {inner} WHERE '
                f'{inner}."{relation.remote}" = {alias}."{relation.local}" AND '
                f"{builder.scope(relation.target, inner)}"
            )
        return builder.nested(_list(builder, document, relation.target, entry, (relation, alias)))
    relation = info.relations[name.removesuffix("_aggregate")]
    return builder.nested(
        f"SELECT {_aggregate(builder, document, relation.target, entry, (relation, alias))}"
    )


def _at_path(builder: Builder, alias: str, column: str, path: Tree) -> str:
    """A part of a JSON column: `path: "a.b"` or `"$.a.b"`."""
    from prefect.server.graphql.builder import raw_value

    read = raw_value(path)

    def steps(bindings: Any) -> list[str]:
        text = read(bindings)
        if not isinstance(text, str):
            raise GraphQLError("path is a text such as a.b")
        text = text.removeprefix("$").removeprefix(".").replace("[", ".").replace("]", "")
        return [step.strip("'\"") for step in text.split(".") if step]

    if builder.is_postgres:
        import json

        placeholder = builder.add(lambda bindings: json.dumps(steps(bindings)))
        array = f"ARRAY(SELECT jsonb_array_elements_text(CAST({placeholder} AS jsonb)))"
        return f'{alias}."{column}" #> {array}'

    def sqlite_path(bindings: Any) -> str:
        parts = [f"[{step}]" if step.isdigit() else '."' + step.replace('"', "") + '"' for step in steps(bindings)]
        return "$" + "".join(parts)

    return f'json({alias}."{column}" -> {builder.add(sqlite_path)})'


def _aggregate(
    builder: Builder, document: Document, table: str, selected: Selected, parent: tuple[Relation, str] | None
) -> str:
    """The JSON of `<x>_aggregate`."""
    pairs: list[tuple[str, str]] = []
    for entry in selected_fields(document, *selected.selections):
        if entry.name == "__typename":
            pairs.append((entry.key, f"'{table}_aggregate'"))
        elif entry.name == "nodes":
            rows = _rows(builder, document, table, selected, parent)
            row_of = entry

            def columns(alias: str, row_of: Selected = row_of) -> str:
                return f"{_row(builder, document, table, alias, row_of)} AS j"

            pairs.append((entry.key, builder.nested(builder.json_array(rows.select(columns)))))
        else:
            rows = _rows(builder, document, table, selected, parent)
            inner = builder.alias()
            values = _aggregate_values(builder, document, table, inner, entry)
            query = f"SELECT {values} FROM ({rows.select(lambda alias: f'{alias}.*')}) AS {inner}"
            pairs.append((entry.key, builder.nested(query)))
    return builder.json_object(pairs)


def _aggregate_values(
    builder: Builder, document: Document, table: str, alias: str, selected: Selected
) -> str:
    info = table_info(table)
    pairs: list[tuple[str, str]] = []
    for entry in selected_fields(document, *selected.selections):
        if entry.name == "__typename":
            pairs.append((entry.key, f"'{table}_aggregate_fields'"))
        elif entry.name == "count":
            pairs.append((entry.key, _count(info, alias, document, entry)))
        else:
            function = entry.name
            inner = [
                (one.key, f"'{table}_{function}_fields'")
                if one.name == "__typename"
                else (one.key, f'{function}({alias}."{one.name}")')
                for one in selected_fields(document, *entry.selections)
            ]
            pairs.append((entry.key, builder.json_object(inner)))
    return builder.json_object(pairs)


def _count(info: TableInfo, alias: str, document: Document, entry: Selected) -> str:
    columns = document.argument(entry.node, "columns")
    distinct = document.argument(entry.node, "distinct")
    if columns is None or isinstance(columns, Null):
        return "count(*)"
    names: list[str] = []
    for item in columns.items if isinstance(columns, Items) else (columns,):
        if isinstance(item, Slot) or not isinstance(item, Word) or item.value not in info.columns:
            raise GraphQLError(f"count takes columns of {info.name}.")
        names.append(f'{alias}."{item.value}"')
    word = "DISTINCT " if isinstance(distinct, Flag) and distinct.value else ""
    # Several columns count as one value; the separator occurs in none of ids, times and numbers.
    joined = names[0] if len(names) == 1 else " || '\x1f' || ".join(f"CAST({name} AS TEXT)" for name in names)
    return f"count({word}{joined})"
