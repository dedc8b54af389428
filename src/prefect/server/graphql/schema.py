"""The GraphQL schema, made from the tables and from the registry of operations."""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Callable
from typing import Any

import msgspec
from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLFloat,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    print_schema,
)

from prefect.server.domain import operations
from prefect.server.domain.registry import Operation
from prefect.server.graphql import descriptions
from prefect.server.graphql.calls import row_table, snake
from prefect.server.graphql.columns import TableInfo, comparable_columns, table_info, table_names
from prefect.server.graphql.order import AGGREGATES
from prefect.server.graphql.scalars import BY_NAME
from prefect.server.graphql.where import COMPARISONS

__all__ = ["build_schema", "sdl"]


def _scalar(kind: str) -> GraphQLScalarType:
    return {"String": GraphQLString, "Int": GraphQLInt, "Boolean": GraphQLBoolean}.get(kind) or BY_NAME[kind]


class _Types:
    """The types of one schema, made once by name."""

    def __init__(self) -> None:
        self.order_by = GraphQLEnumType(
            "order_by",
            {
                name: GraphQLEnumValue(name, description=text)
                for name, text in {
                    "asc": "ascending, nulls last",
                    "asc_nulls_first": "ascending, nulls first",
                    "asc_nulls_last": "ascending, nulls last",
                    "desc": "descending, nulls first",
                    "desc_nulls_first": "descending, nulls first",
                    "desc_nulls_last": "descending, nulls last",
                }.items()
            },
            description="Direction of an order.",
        )
        self._made: dict[str, Any] = {}

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        found = self._made.get(name)
        if found is None:
            found = self._made[name] = make()
        return found

    # -- tables -----------------------------------------------------------------------

    def row(self, table: str) -> GraphQLObjectType:
        """The type of a row."""
        return self._once(
            table,
            lambda: GraphQLObjectType(
                table, lambda: self._row_fields(table_info(table)), description=descriptions.row(table)
            ),
        )

    def _row_fields(self, info: TableInfo) -> dict[str, GraphQLField]:
        fields: dict[str, GraphQLField] = {}
        for name, kind in info.columns.items():
            scalar = _scalar(kind)
            arguments = (
                {"path": GraphQLArgument(GraphQLString, description="Part of the value: `a.b`.")}
                if kind == "jsonb"
                else {}
            )
            fields[name] = GraphQLField(
                GraphQLNonNull(scalar) if name in info.required else scalar,
                arguments,
                description=descriptions.column(name),
            )
        for name, relation in info.relations.items():
            if relation.kind == "object":
                fields[name] = GraphQLField(self.row(relation.target))
            else:
                fields[name] = self.list_field(relation.target)
                fields[f"{name}_aggregate"] = self.aggregate_field(relation.target)
        return fields

    def list_field(self, table: str) -> GraphQLField:
        """A field that lists rows."""
        rows = GraphQLNonNull(GraphQLList(GraphQLNonNull(self.row(table))))
        return GraphQLField(rows, self._list_arguments(table), description=f"Rows of {table}.")

    def aggregate_field(self, table: str) -> GraphQLField:
        """A field that counts and sums rows."""
        aggregate = self._once(
            f"{table}_aggregate",
            lambda: GraphQLObjectType(
                f"{table}_aggregate",
                lambda: {
                    "aggregate": GraphQLField(self._aggregate_fields(table)),
                    "nodes": GraphQLField(GraphQLNonNull(GraphQLList(GraphQLNonNull(self.row(table))))),
                },
            ),
        )
        return GraphQLField(
            GraphQLNonNull(aggregate),
            self._list_arguments(table),
            description=f"Rows of {table}, aggregated.",
        )

    def by_pk_field(self, table: str) -> GraphQLField:
        """A field for one row; the id may be null, which finds nothing."""
        return GraphQLField(
            self.row(table),
            {"id": GraphQLArgument(BY_NAME["uuid"])},
            description=f"The row of {table} with an id.",
        )

    def _list_arguments(self, table: str) -> dict[str, GraphQLArgument]:
        return {
            "distinct_on": GraphQLArgument(GraphQLList(GraphQLNonNull(self._columns_enum(table)))),
            "limit": GraphQLArgument(GraphQLInt),
            "offset": GraphQLArgument(GraphQLInt),
            "order_by": GraphQLArgument(GraphQLList(GraphQLNonNull(self._order(table)))),
            "where": GraphQLArgument(self._filter(table)),
        }

    def _columns_enum(self, table: str) -> GraphQLEnumType:
        name = f"{table}_select_column"
        return self._once(
            name,
            lambda: GraphQLEnumType(
                name, {column: GraphQLEnumValue(column) for column in table_info(table).columns}
            ),
        )

    def _filter(self, table: str) -> GraphQLInputObjectType:
        name = f"{table}_bool_exp"

        def fields() -> dict[str, GraphQLInputField]:
            info = table_info(table)
            own = self._filter(table)
            found = {
                "_and": GraphQLInputField(GraphQLList(own)),
                "_or": GraphQLInputField(GraphQLList(own)),
                "_not": GraphQLInputField(own),
            }
            for column, kind in info.columns.items():
                found[column] = GraphQLInputField(self._comparison(kind))
            for relation in info.relations.values():
                found[relation.name] = GraphQLInputField(self._filter(relation.target))
            return found

        return self._once(
            name, lambda: GraphQLInputObjectType(name, fields, description=f"A filter of {table}.")
        )

    def _comparison(self, kind: Any) -> GraphQLInputObjectType:
        name = f"{kind}_comparison_exp"

        def fields() -> dict[str, GraphQLInputField]:
            scalar = _scalar(kind)
            found: dict[str, GraphQLInputField] = {}
            for operator in COMPARISONS[kind]:
                if operator == "_is_null":
                    found[operator] = GraphQLInputField(GraphQLBoolean)
                elif operator in ("_in", "_nin"):
                    found[operator] = GraphQLInputField(GraphQLList(GraphQLNonNull(scalar)))
                elif operator in ("_has_keys_any", "_has_keys_all"):
                    found[operator] = GraphQLInputField(GraphQLList(GraphQLNonNull(GraphQLString)))
                elif operator == "_has_key":
                    found[operator] = GraphQLInputField(GraphQLString)
                else:
                    found[operator] = GraphQLInputField(scalar)
            return found

        return self._once(name, lambda: GraphQLInputObjectType(name, fields))

    def _order(self, table: str) -> GraphQLInputObjectType:
        name = f"{table}_order_by"

        def fields() -> dict[str, GraphQLInputField]:
            info = table_info(table)
            found = {column: GraphQLInputField(self.order_by) for column in info.columns}
            for relation in info.relations.values():
                if relation.kind == "object":
                    found[relation.name] = GraphQLInputField(self._order(relation.target))
                else:
                    found[f"{relation.name}_aggregate"] = GraphQLInputField(
                        self._aggregate_order(relation.target)
                    )
            return found

        return self._once(name, lambda: GraphQLInputObjectType(name, fields))

    def _aggregate_order(self, table: str) -> GraphQLInputObjectType:
        name = f"{table}_aggregate_order_by"

        def fields() -> dict[str, GraphQLInputField]:
            found = {"count": GraphQLInputField(self.order_by)}
            for function in AGGREGATES:
                columns = {
                    column: GraphQLInputField(self.order_by) for column in comparable_columns(table, function)
                }
                inner = f"{table}_{function}_order_by"
                if columns:
                    found[function] = GraphQLInputField(
                        self._once(
                            inner, lambda inner=inner, columns=columns: GraphQLInputObjectType(inner, columns)
                        )
                    )
            return found

        return self._once(name, lambda: GraphQLInputObjectType(name, fields))

    def _aggregate_fields(self, table: str) -> GraphQLObjectType:
        name = f"{table}_aggregate_fields"

        def fields() -> dict[str, GraphQLField]:
            columns_argument = GraphQLArgument(GraphQLList(GraphQLNonNull(self._columns_enum(table))))
            found = {
                "count": GraphQLField(
                    GraphQLInt, {"columns": columns_argument, "distinct": GraphQLArgument(GraphQLBoolean)}
                )
            }
            for function in AGGREGATES:
                columns = {
                    column: GraphQLField(GraphQLFloat if function == "avg" else _scalar(kind))
                    for column, kind in comparable_columns(table, function).items()
                }
                if columns:
                    inner = f"{table}_{function}_fields"
                    found[function] = GraphQLField(
                        self._once(
                            inner, lambda inner=inner, columns=columns: GraphQLObjectType(inner, columns)
                        )
                    )
            return found

        return self._once(name, lambda: GraphQLObjectType(name, fields))

    # -- operations -------------------------------------------------------------------

    def output(self, kind: Any) -> Any:
        """The GraphQL type of what an operation returns."""
        inner, is_optional = _without_none(kind)
        made = self._type(inner, self.output_struct)
        return made if is_optional else GraphQLNonNull(made)

    def input(self, kind: Any) -> Any:
        """The GraphQL type of an input."""
        inner, is_optional = _without_none(kind)
        made = self._type(inner, self.input_struct)
        return made if is_optional else GraphQLNonNull(made)

    def _type(self, kind: Any, struct: Callable[[Any], Any]) -> Any:
        origin = typing.get_origin(kind)
        if origin is typing.Annotated:
            row = row_table(kind)
            if row is not None:
                return self.row(row)
            for meta in kind.__metadata__:
                if isinstance(meta, msgspec.Meta) and meta.title in BY_NAME:
                    return BY_NAME[meta.title]
            return self._type(typing.get_args(kind)[0], struct)
        if origin in (list, tuple):
            inner, is_optional = _without_none(typing.get_args(kind)[0])
            made = self._type(inner, struct)
            return GraphQLList(made if is_optional else GraphQLNonNull(made))
        if origin is typing.Literal:
            return GraphQLString
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return struct(kind)
        return {str: GraphQLString, int: GraphQLInt, bool: GraphQLBoolean, float: GraphQLFloat}[kind]

    def output_struct(self, kind: type[msgspec.Struct]) -> GraphQLObjectType:
        """The type of a struct that is returned."""
        name = snake(kind.__name__)
        return self._once(
            name,
            lambda: GraphQLObjectType(
                name,
                lambda: self._output_fields(kind),
                description=_first_line(kind),
            ),
        )

    def _output_fields(self, kind: type[msgspec.Struct]) -> dict[str, GraphQLField]:
        told = descriptions.members(kind)
        return {
            field.name: GraphQLField(self.output(field.kind), description=told.get(field.name))
            for field in _struct_fields(kind)
        }

    def input_struct(self, kind: type[msgspec.Struct]) -> GraphQLInputObjectType:
        """The type of a struct that is taken."""
        name = snake(kind.__name__)

        def fields() -> dict[str, GraphQLInputField]:
            found: dict[str, GraphQLInputField] = {}
            told = descriptions.members(kind)
            for field in _struct_fields(kind):
                inner, is_optional = _without_none(field.kind)
                made = self._type(inner, self.input_struct)
                found[field.name] = GraphQLInputField(
                    made if is_optional or not field.required else GraphQLNonNull(made),
                    description=told.get(field.name),
                )
            return found

        return self._once(name, lambda: GraphQLInputObjectType(name, fields, description=_first_line(kind)))

    def mutation_field(self, operation: Operation) -> GraphQLField:
        """The field of a mutation."""
        assert operation.input_type is not None
        made = self.input_struct(operation.input_type)
        return GraphQLField(
            self.output(operation.output_type | None),
            {"input": GraphQLArgument(GraphQLNonNull(made))},
            description=operation.description,
        )

    def query_field(self, operation: Operation) -> GraphQLField:
        """The field of a query that is a function."""
        return GraphQLField(
            self.output(typing.Optional[operation.output_type]),  # noqa: UP045 # output_type is a value
            {name: GraphQLArgument(self.input(kind)) for name, kind in operation.arguments.items()},
            description=operation.description,
        )


class _StructField(typing.NamedTuple):
    name: str
    kind: Any
    required: bool


def _struct_fields(kind: type[msgspec.Struct]) -> list[_StructField]:
    hints = typing.get_type_hints(kind, include_extras=True)
    return [_StructField(f.encode_name, hints[f.name], f.required) for f in msgspec.structs.fields(kind)]


def _without_none(kind: Any) -> tuple[Any, bool]:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        inner = [argument for argument in typing.get_args(kind) if argument is not type(None)]
        if len(inner) == 1:
            return inner[0], True
    return kind, False


def _first_line(kind: type) -> str | None:
    text = (kind.__doc__ or "").strip()
    return text.partition("\n")[0] or None


@functools.cache
def build_schema() -> GraphQLSchema:
    """The schema."""
    made = _Types()
    query_fields: dict[str, GraphQLField] = {}
    for table in table_names():
        query_fields[table] = made.list_field(table)
        query_fields[f"{table}_aggregate"] = made.aggregate_field(table)
        query_fields[f"{table}_by_pk"] = made.by_pk_field(table)
    for operation in operations.queries().values():
        query_fields[operation.name] = made.query_field(operation)
    mutation_fields = {
        operation.name: made.mutation_field(operation) for operation in operations.mutations().values()
    }
    return GraphQLSchema(
        query=GraphQLObjectType("query_root", query_fields),
        mutation=GraphQLObjectType("mutation_root", mutation_fields),
        types=list(BY_NAME.values()),
    )


def sdl() -> str:
    """The schema as text."""
    return print_schema(build_schema())
