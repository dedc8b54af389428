"""Plans: what executing a document comes to, made once for all requests of one shape."""

# graphql-core's types are generic without parameters.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphql import GraphQLError, GraphQLSchema
from graphql.language import ast

from prefect.server.database.sql import Dialect
from prefect.server.database.store import Query
from prefect.server.domain import operations
from prefect.server.domain.registry import Operation
from prefect.server.graphql.builder import Builder, Factor
from prefect.server.graphql.calls import Projection, Reader, Rows, argument_reader, has_rows, projection
from prefect.server.graphql.documents import Parsed
from prefect.server.graphql.limits import Limits
from prefect.server.graphql.scope import ScopeParameters, scope_parameters
from prefect.server.graphql.select import compile_field, compile_rows, is_table_field
from prefect.server.graphql.selections import Document, Selected, selected_fields
from prefect.server.graphql.values import ABSENT_SHAPE, Bindings, variable_shape
from prefect.server.security.caller import Caller

__all__ = ["CallStep", "IntrospectionStep", "Plan", "TableStep", "TextStep", "make_plan", "shape_of"]


@dataclass(frozen=True)
class TextStep:
    """A root field whose answer is known."""

    key: str
    text: str


@dataclass(frozen=True)
class IntrospectionStep:
    """A root field about the schema."""

    key: str
    selected: Selected


@dataclass(frozen=True)
class CallStep:
    """A root field that calls an operation.

    Attributes:
        key: its key in the answer.
        operation: what is called.
        arguments: `(name, from bindings to the value)`.
        selected: what of the output is wanted.
        has_rows: whether rows of tables are wanted in it.
    """

    key: str
    operation: Operation
    arguments: tuple[tuple[str, Reader], ...]
    selected: Projection | None
    has_rows: bool


@dataclass(frozen=True)
class TableStep:
    """A root field that reads a table.

    Attributes:
        key: its key in the answer.
        sql: the statement.
        nested: statements that it calls.
        parameters: `(name, from bindings to the value)`.
        scope: from a caller to the parameters that say what they may see.
        costs: see `Builder`.
        rows: how many rows a nested list may come to.
        is_small: whether it finds one row by its key.
        seconds: how long it may take, where that is less than of others.
    """

    key: str
    sql: str
    nested: tuple[str, ...]
    parameters: tuple[tuple[str, Callable[[Bindings], Any]], ...]
    scope: ScopeParameters
    costs: tuple[tuple[Factor, ...], ...]
    rows: int
    is_small: bool
    seconds: float | None

    def query(self, caller: Caller, bindings: Bindings) -> Query:
        """The query of a request.

        Raises:
            GraphQLError: a value of the request cannot be used.
        """
        params = self.scope(caller)
        for name, value in self.parameters:
            params[name] = value(bindings)
        for factors in self.costs:
            if math.prod(factor(bindings) for factor in factors) > self.rows:
                raise GraphQLError(
                    f"Lists in lists in {self.key!r} may come to more than {self.rows:,} rows. Give them a `limit`, "
                    "or ask for the inner ones by themselves."
                )
        return Query(self.sql, params, self.nested, self.is_small, self.seconds)


Step: TypeAlias = "TextStep | IntrospectionStep | CallStep | TableStep"


@dataclass(frozen=True)
class Plan:
    """The steps of a document, in order.

    Attributes:
        steps: one for each root field.
        is_mutation: whether each is done after the one before.
        weight: about how many characters it holds.
    """

    steps: tuple[Step, ...]
    is_mutation: bool
    weight: int


def shape_of(parsed: Parsed, variables: dict[str, Any]) -> tuple[Any, ...]:
    """What of the variables the plan of a document depends on."""
    return tuple(
        [
            variable_shape(variables[name], name in parsed.structural) if name in variables else ABSENT_SHAPE
            for name in parsed.shaping
        ]
    )


def make_plan(
    parsed: Parsed, variables: dict[str, Any], schema: GraphQLSchema, dialect: Dialect, limits: Limits
) -> Plan:
    """The plan of a document for variables of one shape.

    Raises:
        GraphQLError: an argument cannot be used.
    """
    document = Document(parsed.fragments, variables, parsed.numbers, parsed.structural)
    is_mutation = parsed.operation.operation == ast.OperationType.MUTATION
    steps: list[Step] = []
    weight = 200
    for selected in selected_fields(document, parsed.operation.selection_set):
        step = (
            _mutation(document, selected, schema, dialect, limits)
            if is_mutation
            else _query(document, selected, schema, dialect, limits)
        )
        steps.append(step)
        if isinstance(step, TableStep):
            weight += len(step.sql) + sum(map(len, step.nested)) + 100 * len(step.parameters)
    return Plan(tuple(steps), is_mutation, weight)


def _query(
    document: Document, selected: Selected, schema: GraphQLSchema, dialect: Dialect, limits: Limits
) -> Step:
    name = selected.name
    if name == "__typename":
        return TextStep(selected.key, '"query_root"')
    if name in ("__schema", "__type"):
        return IntrospectionStep(selected.key, selected)
    if not is_table_field(name):
        assert schema.query_type is not None
        declared = schema.query_type.fields[name].args
        return _call(document, selected, operations.queries()[name], declared, dialect, limits)
    builder = Builder(dialect, limits)
    return _table_step(selected.key, builder, compile_field(builder, document, selected), limits)


def _table_step(key: str, builder: Builder, sql: str, limits: Limits) -> TableStep:
    return TableStep(
        key,
        sql,
        tuple(builder.statements),
        tuple((parameter.name, parameter.value) for parameter in builder.parameters),
        scope_parameters([sql, *builder.statements]),
        tuple(builder.costs),
        limits.rows,
        not builder.has_lists,
        limits.search_s if builder.has_search else None,
    )


def _mutation(
    document: Document, selected: Selected, schema: GraphQLSchema, dialect: Dialect, limits: Limits
) -> Step:
    if selected.name == "__typename":
        return TextStep(selected.key, '"mutation_root"')
    assert schema.mutation_type is not None
    arguments = schema.mutation_type.fields[selected.name].args
    operation = operations.mutations()[selected.name]
    return _call(document, selected, operation, arguments, dialect, limits)


def _call(
    document: Document,
    selected: Selected,
    operation: Operation,
    declared: dict[str, Any],
    dialect: Dialect,
    limits: Limits,
) -> CallStep:
    readers = tuple(
        (node.name.value, argument_reader(document, node.value, declared[node.name.value].type))
        for node in selected.node.arguments or ()
    )

    def rows(table: str, inner: Selected) -> Rows:
        builder = Builder(dialect, limits)
        step = _table_step(selected.key, builder, compile_rows(builder, document, table, inner), limits)

        def query(caller: Caller, bindings: Bindings, ids: list[str]) -> Query:
            made = step.query(caller, bindings)
            return made._replace(params={**made.params, "ids": json.dumps(ids)})

        return Rows(query)

    wanted = projection(document, selected, operation.output_type, rows)
    return CallStep(selected.key, operation, readers, wanted, has_rows(wanted))
