"""Small things that all of the domain needs."""

from __future__ import annotations

import datetime
import json
import os
import time
from typing import Any, cast

import msgspec

from prefect.server.database.store import Row, Transaction
from prefect.server.database.times import to_text
from prefect.server.errors import BadInputError, NotFoundError
from prefect.server.security.caller import Caller

__all__ = [
    "clean",
    "clean_text",
    "dump",
    "get",
    "load",
    "load_list",
    "load_object",
    "lock_for_update",
    "name_of",
    "new_id",
    "ordered_id",
    "stamp",
    "tenant_of",
    "uuid_prefix",
    "write_settings",
]


def new_id() -> str:
    """A new id: a UUID of version 7, so that rows made one after the other lie side by side in indexes."""
    return ordered_id(time.time_ns() // 1_000_000, os.urandom(9).hex())


def uuid_prefix(milliseconds: int | None = None) -> str:
    """The time as the first 15 characters of a UUID of version 7; `sql.new_uuid` takes it as a parameter.

    Args:
        milliseconds: since 1970; now when None.
    """
    begin = f"{time.time_ns() // 1_000_000 if milliseconds is None else milliseconds:012x}"
    return f"{begin[:8]}-{begin[8:]}-7"


def ordered_id(milliseconds: int, rest: str) -> str:
    """A UUID that sorts by time.

    Args:
        milliseconds: since 1970.
        rest: 18 hexadecimal digits that tell it from others of that millisecond.
    """
    return f"{uuid_prefix(milliseconds)}{rest[:3]}-8{rest[3:6]}-{rest[6:]}"


_decode = msgspec.json.Decoder().decode

#: Made once: `json.dumps` would make one for each call.
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def dump(value: Any) -> str | None:
    """A value as JSON text for a JSON column; None stays NULL.

    Raises:
        BadInputError: it holds a number that JSON does not have.
    """
    if value is None:
        return None
    if not value and isinstance(value, (dict, list)):
        return "{}" if isinstance(value, dict) else "[]"
    try:
        text = _encode(value)
    except ValueError as exc:
        raise BadInputError("NaN and Infinity are no JSON values; send them as text.") from exc
    if "\\u0000" in text or not _is_encodable(text):
        text = _encode(clean(value))
    return text


def clean(value: Any) -> Any:
    """A JSON value without characters that a database cannot keep: see `clean_text`."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {clean_text(key): clean(inner) for key, inner in fields.items()}
    if isinstance(value, list):
        return [clean(item) for item in cast("list[Any]", value)]
    return value


def clean_text(text: str) -> str:
    """Text without U+0000 and without halves of surrogate pairs; the sign U+FFFD stands for them.

    User code prints anything, and PostgreSQL refuses these: a log line must not be lost for it.
    """
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if not (text.isascii() or _is_encodable(text)):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _is_encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def load(text: str | None) -> Any:
    """The value of a JSON column."""
    if text is None:
        return None
    try:
        return _decode(text)
    except msgspec.DecodeError:
        return json.loads(text)  # numbers beyond what msgspec takes; Python's own reader takes any


def load_object(text: str | None) -> dict[str, Any]:
    """The object of a JSON column; empty for NULL."""
    return cast("dict[str, Any]", load(text) or {})


def load_list(text: str | None) -> list[Any]:
    """The list of a JSON column; empty for NULL."""
    return cast("list[Any]", load(text) or [])


def stamp(now: datetime.datetime) -> str:
    """A moment for a timestamp column."""
    return to_text(now)


def get(
    tx: Transaction,
    caller: Caller,
    table: str,
    id: str | None,
    what: str,
    columns: str = "*",
    *,
    lock: bool = False,
) -> Row:
    """The row of an id, if it is the caller's tenant's.

    Args:
        tx: the transaction.
        caller: who asks.
        table: one of our tables.
        id: the id.
        what: what to call it in the error.
        columns: SQL list of columns.
        lock: whether nobody else may change it until the transaction ends.

    Raises:
        NotFoundError: there is none, or it is another tenant's: the same to the caller.
    """
    row = tx.one_or_none(
        f'SELECT {columns} FROM "{table}" WHERE id = :id AND tenant_id = :tenant_id'
        f"{lock_for_update(tx) if lock else ''}",
        {"id": id, "tenant_id": caller.tenant_id},
    )
    if row is None:
        raise NotFoundError(f"{what} {id} was not found.")
    return row


def lock_for_update(tx: Transaction, of: str | None = None) -> str:
    """The end of a SELECT that keeps others from changing its rows until the transaction ends.

    SQLite has one writer and needs none. Rows that refer to these can still be inserted.

    Args:
        tx: the transaction.
        of: the alias of the table whose rows are meant, in a join.
    """
    if tx.dialect != "postgresql":
        return ""
    return " FOR NO KEY UPDATE" + (f" OF {of}" if of else "")


def tenant_of(caller: Caller, tenant_id: str | None) -> str:
    """The tenant an input means: the caller's, said or unsaid.

    Raises:
        NotFoundError: it is another one.
    """
    if tenant_id is None or tenant_id == caller.tenant_id:
        return caller.tenant_id
    if caller.user_id is None and tenant_id in caller.tenants:
        return tenant_id  # nobody has keys: all tenants are everybody's
    raise NotFoundError(f"Tenant {tenant_id} was not found.")


def name_of(text: str | None, what: str) -> str:
    """A name somebody chose, without space around it.

    Raises:
        BadInputError: nothing is left.
    """
    name = clean_text(text or "").strip()
    if not name:
        raise BadInputError(f"{what} cannot be empty.")
    return name


def write_settings(
    tx: Transaction, flow_group_id: str, settings: dict[str, Any], now: datetime.datetime
) -> None:
    """Write the settings of a flow group, whose row is locked, and of all its versions."""
    params = {"id": flow_group_id, "settings": dump(settings), "now": stamp(now)}
    tx.execute("UPDATE flow_group SET settings = :settings, updated = :now WHERE id = :id", params)
    # wire: 1.x clients read them from the flow.
    tx.execute("UPDATE flow SET settings = :settings, updated = :now WHERE flow_group_id = :id", params)
