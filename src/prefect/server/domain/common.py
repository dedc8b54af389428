"""Small things that all of the domain needs."""

from __future__ import annotations

import datetime
import json
import uuid
from typing import Any

from prefect.server.database.store import Row, Transaction
from prefect.server.database.times import to_text
from prefect.server.errors import NotFoundError
from prefect.server.security.caller import Caller

__all__ = ["dump", "get", "load", "new_id", "stamp"]


def new_id() -> str:
    """A new id."""
    return str(uuid.uuid4())


def dump(value: Any) -> str | None:
    """A value as JSON text for a JSON column; None stays NULL."""
    return None if value is None else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def load(text: str | None) -> Any:
    """The value of a JSON column."""
    return None if text is None else json.loads(text)


def stamp(now: datetime.datetime) -> str:
    """A moment for a timestamp column."""
    return to_text(now)


def get(tx: Transaction, caller: Caller, table: str, id: str | None, what: str, columns: str = "*") -> Row:
    """The row of an id, if it is the caller's tenant's.

    Args:
        table: one of our tables.
        what: what to call it in the error.
        columns: SQL list of columns.

    Raises:
        NotFoundError: there is none, or it is another tenant's: the same to the caller.
    """
    row = tx.one_or_none(
        f'SELECT {columns} FROM "{table}" WHERE id = :id AND tenant_id = :tenant_id',  # noqa: S608 # own names
        {"id": id, "tenant_id": caller.tenant_id},
    )
    if row is None:
        raise NotFoundError(f"{what} {id} was not found.")
    return row
