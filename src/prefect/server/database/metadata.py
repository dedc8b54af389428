"""SQLAlchemy's view of the tables: for migrations only."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from prefect.server.database.tables import TABLES, Check, Column, Table, Unique
from prefect.server.database.types import Json, Text, Timestamp, Uuid

__all__ = ["metadata"]

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

_TYPES: dict[str, Any] = {
    "uuid": Uuid,
    "timestamp": Timestamp,
    "json": Json,
    "text": Text,
    "integer": sa.Integer,
    "boolean": sa.Boolean(create_constraint=False),
    "bytes": sa.LargeBinary,
}


def _column(column: Column) -> sa.Column[Any]:
    arguments: list[Any] = [column.name, _TYPES[column.kind]]
    if column.references is not None:
        arguments.append(sa.ForeignKey(f"{column.references}.id", ondelete=column.on_delete))
    return sa.Column(
        *arguments,
        nullable=column.nullable,
        primary_key=column.is_primary,
        unique=column.is_unique or None,
        default=column.default,
    )


def _add(table: Table) -> None:
    parts: list[Any] = [_column(column) for column in table.columns.values()]
    for constraint in table.constraints:
        if isinstance(constraint, Unique):
            parts.append(sa.UniqueConstraint(*constraint.columns))
        elif isinstance(constraint, Check):
            parts.append(sa.CheckConstraint(constraint.sql, name=constraint.name))
        else:
            where = None if constraint.has is None else sa.text(f"{constraint.has} IS NOT NULL")
            parts.append(
                sa.Index(constraint.name, *constraint.columns, sqlite_where=where, postgresql_where=where)
            )
    sa.Table(table.name, metadata, *parts)


for _table in TABLES.values():
    _add(_table)
