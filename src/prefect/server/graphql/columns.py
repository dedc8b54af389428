"""What the compiler knows of each table: columns, their GraphQL types, relations."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

from prefect.server.database import tables
from prefect.server.database.tables import Relation
from prefect.server.database.types import Json, Timestamp, Uuid

__all__ = ["ColumnType", "TableInfo", "table_info", "table_names"]

ColumnType = Literal["uuid", "timestamptz", "jsonb", "String", "Int", "Boolean"]


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
    columns: dict[str, ColumnType] = {}
    required: set[str] = set()
    for column in source.columns:
        if column.name in hidden:
            continue
        if isinstance(column.type, Uuid):
            kind: ColumnType = "uuid"
        elif isinstance(column.type, Timestamp):
            kind = "timestamptz"
        elif isinstance(column.type, Json):
            kind = "jsonb"
        else:
            python_type = column.type.python_type
            kind = "Boolean" if python_type is bool else "Int" if python_type is int else "String"
        columns[column.name] = kind
        if not column.nullable:
            required.add(column.name)
    relations = {relation.name: relation for relation in tables.RELATIONS.get(name, ())}
    return TableInfo(name, columns, frozenset(required), relations, "tenant_id" in source.columns)
