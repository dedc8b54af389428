"""Column types that mean the same on both databases."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

__all__ = ["Json", "Text", "Timestamp", "Uuid"]


class Text(sa.types.TypeDecorator[str]):
    """Text compared by code point: the order of SQLite's BINARY and PostgreSQL's "C"."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        """The collation has to be said on PostgreSQL."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.TEXT(collation="C"))
        return dialect.type_descriptor(sa.Text())


class Uuid(sa.types.TypeDecorator[str]):
    """A lower-case UUID as text of 36 characters."""

    impl = sa.String(36)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        """Text compared by code point on PostgreSQL."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.VARCHAR(36, collation="C"))
        return dialect.type_descriptor(sa.String(36))


class Timestamp(sa.types.TypeDecorator[str]):
    """A moment as text in the format of `times.to_text`."""

    impl = sa.String(32)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        """Text compared by code point on PostgreSQL."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.VARCHAR(32, collation="C"))
        return dialect.type_descriptor(sa.String(32))


class Json(sa.types.TypeDecorator[str]):
    """JSON: text on SQLite, JSONB on PostgreSQL. Values go in and come out as JSON text."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        """JSONB on PostgreSQL."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.JSONB(none_as_null=True))
        return dialect.type_descriptor(sa.Text())
