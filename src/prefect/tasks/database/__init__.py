"""Tasks for databases that need nothing but Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.utilities._lazy import lazy_names

if TYPE_CHECKING:
    from prefect.tasks.database.sqlite import SQLiteQuery, SQLiteScript

__all__ = ["SQLiteQuery", "SQLiteScript"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {"SQLiteQuery": "prefect.tasks.database.sqlite", "SQLiteScript": "prefect.tasks.database.sqlite"},
)
