"""The state of one compilation: parameters, aliases, and the few words that differ by database."""

# graphql-core's types are generic without parameters.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from graphql import GraphQLError

from prefect.server.database.sql import Dialect
from prefect.server.graphql.columns import ColumnType
from prefect.server.graphql.convert import converter, json_text
from prefect.server.graphql.limits import Limits
from prefect.server.graphql.scope import predicate
from prefect.server.graphql.values import Bindings, Slot, Tree, raw_value

__all__ = ["Builder", "Factor", "Parameter", "Subquery"]

#: json_object takes at most 63 pairs on SQLite, json_build_object 50 on PostgreSQL.
_MAX_PAIRS = 45
#: The parser of SQLite has a stack of 100 places. These are what constructs take of it (measured:
#: they are nested until it overflows); what is nested deeper runs as a statement of its own.
_STACK = 96
#: A statement; a filter in it, besides its parentheses, which take one place each.
_STATEMENT, _FILTER = 20, 10
#: A subquery for a row, for a list, for an aggregate with lists in it, and one in a filter.
Subquery = Literal["row", "list", "aggregate", "exists"]
_SUBQUERY: dict[Subquery, int] = {"row": 15, "list": 19, "aggregate": 34, "exists": 14}


@dataclass(frozen=True)
class Parameter:
    """A parameter of a plan: from the bindings of a request to the value for the database."""

    name: str
    value: Callable[[Bindings], Any]


@dataclass
class Builder:
    """One compilation.

    Attributes:
        dialect: the database.
        limits: what may be asked for.
        parameters: parameters so far.
        statements: statements that the main one calls on SQLite; see `database.nested`.
        has_lists: whether it reads more than one row of some table.
        has_search: whether it looks for a text.
        costs: for each nested list, the factors whose product is how many rows it may come to.
    """

    dialect: Dialect
    limits: Limits = field(default_factory=Limits)
    parameters: list[Parameter] = field(default_factory=list[Parameter])
    statements: list[str] = field(default_factory=list[str])
    has_lists: bool = False
    has_search: bool = False
    costs: list[tuple[Factor, ...]] = field(default_factory=list["tuple[Factor, ...]"])
    _aliases: int = 0
    _stack: int = _STATEMENT
    _conditions: int = 0
    _relations: int = 0
    _relations_deep: int = 0
    _columns: dict[str, set[str]] = field(default_factory=dict[str, set[str]])

    @property
    def is_postgres(self) -> bool:
        """Whether the database is PostgreSQL."""
        return self.dialect == "postgresql"

    def alias(self) -> str:
        """A new alias for a table."""
        self._aliases += 1
        return f"t{self._aliases}"

    def count_condition(self) -> None:
        """Count a comparison of a filter.

        Raises:
            GraphQLError: there are too many.
        """
        self._conditions += 1
        if self._conditions > self.limits.conditions:
            raise GraphQLError(f"The filter has more than {self.limits.conditions} conditions.")

    @contextlib.contextmanager
    def relation(self, deep: int, most: int) -> Generator[None]:
        """Count a relation of a filter, for as long as what is in it is compiled.

        Args:
            deep: relations in relations at most.
            most: relations in all at most.

        Raises:
            GraphQLError: there are too many.
        """
        self._relations += 1
        self._relations_deep += 1
        if self._relations_deep > deep or self._relations > most:
            raise GraphQLError(f"A filter has {deep} relations in each other, and {most} in all, at most.")
        yield
        self._relations_deep -= 1

    # -- parameters -------------------------------------------------------------------

    def add(self, value: Callable[[Bindings], Any]) -> str:
        """A new parameter; its placeholder."""
        name = f"p{len(self.parameters)}"
        self.parameters.append(Parameter(name, value))
        return f":{name}"

    def scalar(self, value: Tree, kind: ColumnType) -> str:
        """A parameter for a value that is compared with a column."""
        if kind == "jsonb":
            return self.json_value(json_text(value))
        convert = converter(kind)
        if isinstance(value, Slot) and value.literal >= 0:
            number = value.literal
            return self.add(lambda bindings: convert(bindings.literals[number]))
        read = raw_value(value)
        return self.add(lambda bindings: convert(read(bindings)))

    def list_of(self, value: Tree, kind: ColumnType) -> Callable[[Bindings], list[Any]]:
        """From bindings to the values of a list; one value is a list of one."""
        convert = converter(kind)
        read = raw_value(value)

        def values(bindings: Bindings) -> list[Any]:
            found = read(bindings)
            items: list[Any] = found if isinstance(found, list) else [found]
            return [convert(item) for item in items if item is not None]

        return values

    def json_value(self, value: Callable[[Bindings], str]) -> str:
        """A parameter of JSON text as a JSON value."""
        placeholder = self.add(value)
        return f"CAST({placeholder} AS jsonb)" if self.is_postgres else placeholder

    # -- tables -----------------------------------------------------------------------

    def scope(self, table: str, alias: str, *, is_narrow: bool = False) -> str:
        """The predicate of the rows the caller may see.

        Args:
            table: one that can be read.
            alias: its alias.
            is_narrow: whether another condition leaves few rows, so that the index over the
                tenant, which leaves all, is not to be used.
        """
        return predicate(table, alias, self.dialect, is_narrow=is_narrow)

    def key(self, alias: str, name: str) -> str:
        """A column, as SQL; whoever makes the rows of the alias has to select it."""
        self._columns.setdefault(alias, set()).add(name)
        return f'{alias}."{name}"'

    def used(self, alias: str) -> list[str]:
        """Columns of an alias that were asked for."""
        return sorted(self._columns.get(alias, ()))

    # -- JSON -------------------------------------------------------------------------

    def column(self, alias: str, name: str, kind: ColumnType) -> str:
        """A column as a value inside a JSON object."""
        sql = self.key(alias, name)
        if self.is_postgres:
            return sql
        if kind == "Boolean":
            return f"json(CASE {sql} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END)"
        return f"json({sql})" if kind == "jsonb" else sql

    def json_object(self, pairs: Sequence[tuple[str, str]]) -> str:
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
        return f"json('{{' || {' || char(44) || '.join(texts)} || '}}')"

    def json_array(self, item: str) -> str:
        """An aggregate: the JSON array of an item for each row, in their order."""
        if self.is_postgres:
            return f"coalesce(json_agg({item}), '[]'::json)"
        return f"json_group_array({item})"

    def json_pairs(self, key: str, item: str) -> str:
        """An aggregate: the JSON object of a key and an item for each row."""
        if self.is_postgres:
            return f"coalesce(json_object_agg({key}, {item}), '{{}}'::json)"
        return f"json_group_object({key}, {item})"

    def nested(self, kind: Subquery, key: str, make: Callable[[str], str], filter_depth: int = 0) -> str:
        """A subquery whose one value is JSON, as a value inside a JSON object.

        Args:
            kind: what it is for.
            key: the one value of the outer query that the inner one depends on, as SQL.
            make: makes the inner query from what stands for that value.
            filter_depth: how deep its filter is nested.
        """
        sql = self._inner(key, make, _SUBQUERY[kind], filter_depth)
        if isinstance(sql, int):
            return f"json(nested({sql}, {key}))"
        return f"({sql})" if self.is_postgres else f"json(({sql}))"

    def exists(self, key: str, make: Callable[[str], str], outside: int, filter_depth: int) -> str:
        """Whether a query finds a row.

        Args:
            key: see `nested`.
            make: makes what stands after SELECT 1.
            outside: how deep the condition itself is nested.
            filter_depth: how deep its filter is nested.
        """
        cost = _SUBQUERY["exists"] + outside
        sql = self._inner(key, lambda inner: f"SELECT 1 {make(inner)}", cost, filter_depth)
        return f"nested({sql}, {key}) IS NOT NULL" if isinstance(sql, int) else f"EXISTS ({sql})"

    def begin(self, kind: Subquery) -> None:
        """Say what the statement itself is for."""
        self._stack = _STATEMENT + _SUBQUERY[kind] - _SUBQUERY["list"]

    def _inner(self, key: str, make: Callable[[str], str], cost: int, filter_depth: int) -> str | int:
        """The inner query, or the number of the statement it became."""
        before = self._stack
        needed = before + cost + (filter_depth + _FILTER if filter_depth else 0)
        is_apart = not self.is_postgres and needed > _STACK
        self._stack = _STATEMENT + cost if is_apart else before + cost
        sql = make(":key" if is_apart else key)
        self._stack = before
        if not is_apart:
            return sql
        self.statements.append(sql)
        return len(self.statements) - 1


#: How many rows a list may come to, by the bindings of a request.
Factor = Callable[[Bindings], int]
