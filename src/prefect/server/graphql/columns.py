"""What the compiler knows of each table: columns, their GraphQL types, relations."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

from prefect.server.database import tables
from prefect.server.database.tables import Relation

__all__ = ["ColumnType", "TableInfo", "comparable_columns", "table_info", "table_names"]

ColumnType = Literal["uuid", "timestamptz", "jsonb", "String", "Int", "Boolean"]

_TYPES: dict[tables.ColumnKind, ColumnType] = {
    "uuid": "uuid",
    "timestamp": "timestamptz",
    "json": "jsonb",
    "text": "String",
    "integer": "Int",
    "boolean": "Boolean",
}


@dataclass(frozen=True)
class TableInfo:
    """One table of the API.

    Attributes:
        name: name of the table and of its GraphQL type.
        columns: `{column: GraphQL scalar}`.
        required: columns that are never null.
        relations: `{field: Relation}`.
        has_tenant: whether rows belong to a tenant by a `tenant_id` column.
    """

    name: str
    columns: dict[str, ColumnType]
    required: frozenset[str]
    relations: dict[str, Relation]
    has_tenant: bool


def table_names() -> list[str]:
    """Tables that can be read, in the order of the schema."""
    return list(tables.PUBLIC_TABLES)


@functools.cache
def table_info(name: str) -> TableInfo:
    """What is known of a table that can be read."""
    hidden = tables.PUBLIC_TABLES[name]
    source = tables.table(name)
    shown = [column for column in source.columns.values() if column.name not in hidden]
    columns: dict[str, ColumnType] = {column.name: _TYPES[column.kind] for column in shown}
    required = {column.name for column in shown if not column.nullable}
    relations = {relation.name: relation for relation in tables.RELATIONS.get(name, ())}
    return TableInfo(name, columns, frozenset(required), relations, "tenant_id" in source.columns)


@functools.cache
def comparable_columns(name: str, function: str) -> dict[str, ColumnType]:
    """Columns of a table that an aggregate (min, max, sum, avg) can be made of."""
    kinds = ("Int", "String", "timestamptz") if function in ("min", "max") else ("Int",)
    return {column: kind for column, kind in table_info(name).columns.items() if kind in kinds}
