"""The state of one compilation: parameters, aliases, and the few words that differ by database."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from graphql import GraphQLError

from prefect.server.database.sql import Dialect
from prefect.server.graphql.columns import ColumnType
from prefect.server.graphql.scalars import parse_timestamp, parse_uuid
from prefect.server.graphql.scope import predicate
from prefect.server.graphql.values import Bindings, Flag, Items, Null, Slot, Tree, Word

__all__ = ["Builder", "Parameter", "literal_converter"]

#: json_object takes at most 63 pairs on SQLite, json_build_object 50 on PostgreSQL.
_MAX_PAIRS = 45


@dataclass(frozen=True)
class Parameter:
    """A parameter of a plan: from the bindings of a request to the value for the database."""

    name: str
    value: Callable[[Bindings], Any]


def _as_int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise GraphQLError(f"{value!r} is not an integer.")
    try:
        number = int(value)
    except ValueError:
        raise GraphQLError(f"{value!r} is not an integer.") from None
    if not -(2**63) <= number < 2**63:
        raise GraphQLError(f"{value} is too large.")
    return number


def _as_text(value: Any) -> str:
    if not isinstance(value, str):
        raise GraphQLError(f"{value!r} is not a string.")
    if "\x00" in value:
        raise GraphQLError("Text cannot contain the character U+0000.")
    return value


def _as_json(value: Any) -> str:
    if isinstance(value, str):
        # wire: JSON may come as text that holds JSON; other text is a JSON string.
        try:
            value = json.loads(value)
        except ValueError:
            return json.dumps(value)
    return json.dumps(value)


_CONVERTERS: dict[ColumnType, Callable[[Any], Any]] = {
    "uuid": parse_uuid,
    "timestamptz": parse_timestamp,
    "String": _as_text,
    "Int": _as_int,
    "jsonb": _as_json,
    "Boolean": lambda value: bool(value),
}


def literal_converter(kind: ColumnType) -> Callable[[Any], Any]:
    """From a value of a request to that of a column of `kind`; raises `GraphQLError`."""
    return _CONVERTERS[kind]


def raw_value(value: Tree) -> Callable[[Bindings], Any]:
    """From bindings to the plain value of a tree."""
    if isinstance(value, Slot):
        return value.value
    if isinstance(value, (Flag, Word)):
        constant = value.value
        return lambda bindings: constant
    if isinstance(value, Null):
        return lambda bindings: None
    if isinstance(value, Items):
        parts = [raw_value(item) for item in value.items]
        return lambda bindings: [part(bindings) for part in parts]
    members = [(key, raw_value(inner)) for key, inner in value.items]
    return lambda bindings: {key: inner(bindings) for key, inner in members}


@dataclass
class Builder:
    """One compilation.

    Attributes:
        dialect: the database.
        parameters: parameters so far.
    """

    dialect: Dialect
    parameters: list[Parameter] = field(default_factory=list[Parameter])
    _aliases: int = 0

    @property
    def is_postgres(self) -> bool:
        """Whether the database is PostgreSQL."""
        return self.dialect == "postgresql"

    def alias(self) -> str:
        """A new alias for a table."""
        self._aliases += 1
        return f"t{self._aliases}"

    def add(self, value: Callable[[Bindings], Any]) -> str:
        """A new parameter; its placeholder."""
        name = f"p{len(self.parameters)}"
        self.parameters.append(Parameter(name, value))
        return f":{name}"

    def scalar(self, value: Tree, kind: ColumnType) -> str:
        """A parameter for a value that is compared with a column."""
        convert = literal_converter(kind)
        read = raw_value(value)
        placeholder = self.add(lambda bindings: convert(read(bindings)))
        return self.json_parameter(placeholder) if kind == "jsonb" else placeholder

    def scalars(self, value: Tree, kind: ColumnType) -> str:
        """SQL of a one-column query over the values of a list."""
        convert = literal_converter(kind)
        read = raw_value(value)

        def as_json(bindings: Bindings) -> str:
            found = read(bindings)
            values = found if isinstance(found, list) else [found]
            return json.dumps([convert(item) for item in values if item is not None])

        placeholder = self.add(as_json)
        if not self.is_postgres:
            return f"SELECT value FROM json_each({placeholder})"
        cast = {"Int": "::bigint", "Boolean": "::boolean"}.get(kind, "")
        return f"SELECT value{cast} FROM jsonb_array_elements_text(CAST({placeholder} AS jsonb)) AS e(value)"

    def json_parameter(self, placeholder: str) -> str:
        """A placeholder of JSON text as a JSON value."""
        return f"CAST({placeholder} AS jsonb)" if self.is_postgres else f"json({placeholder})"

    def scope(self, table: str, alias: str) -> str:
        """The predicate of the rows the caller may see."""
        return predicate(table, alias, self.dialect)

    # -- JSON -------------------------------------------------------------------------

    def column(self, alias: str, name: str, kind: ColumnType) -> str:
        """A column as a value inside a JSON object."""
        sql = f'{alias}."{name}"'
        if self.is_postgres:
            return sql
        if kind == "Boolean":
            return f"json(CASE {sql} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END)"
        return f"json({sql})" if kind == "jsonb" else sql

    def json_object(self, pairs: list[tuple[str, str]]) -> str:
        """A JSON object of `(key, SQL)`; keys are names of GraphQL, safe by their grammar."""
        function = "json_build_object" if self.is_postgres else "json_object"
        if len(pairs) <= _MAX_PAIRS:
            inner = ", ".join(f"'{key}', {sql}" for key, sql in pairs)
            return f"{function}({inner})"
        parts = [
            self.json_object(pairs[start : start + _MAX_PAIRS]) for start in range(0, len(pairs), _MAX_PAIRS)
        ]
        if self.is_postgres:
            texts = [f"substr(({part})::text, 2, length(({part})::text) - 2)" for part in parts]
            return f"CAST('{{' || {' || chr(44) || '.join(texts)} || '}}' AS json)"
        texts = [f"substr({part}, 2, length({part}) - 2)" for part in parts]
        return f"json('{{' || {(' || char(44) || ').join(texts)} || '}}')"

    def nested(self, sql: str) -> str:
        """A scalar subquery whose value is JSON, as a value inside a JSON object."""
        return f"({sql})" if self.is_postgres else f"json(({sql}))"

    def json_array(self, rows: str) -> str:
        """A query for the JSON array of column `j` of the rows, in their order."""
        if self.is_postgres:
            return f"SELECT coalesce(json_agg(rows.j), '[]'::json) FROM ({rows}) AS rows"
        return f"SELECT coalesce(json_group_array(json(rows.j)), '[]') FROM ({rows}) AS rows"


Direction = Literal["asc", "desc"]
