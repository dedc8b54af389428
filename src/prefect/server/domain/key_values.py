"""The key-value store: small JSON values that flows share."""

from __future__ import annotations

import datetime
from typing import cast

import msgspec

from prefect.server.database.store import Transaction
from prefect.server.domain import policy
from prefect.server.domain.common import dump, get, name_of, new_id, stamp
from prefect.server.domain.registry import JSON, IdPayload, SuccessPayload, Uuid, mutation
from prefect.server.errors import BadInputError
from prefect.server.security.caller import Caller

__all__: list[str] = []


class SetKeyValueInput(msgspec.Struct):
    """A key and the value it has from now on."""

    key: str
    value: JSON | None = None


class DeleteKeyValueInput(msgspec.Struct):
    """The entry to delete."""

    key_value_id: Uuid


@mutation(role="user")
def set_key_value(
    tx: Transaction, caller: Caller, input: SetKeyValueInput, now: datetime.datetime
) -> IdPayload:
    """Give a key a value."""
    text = dump(input.value) or "null"
    # wire: clients of 1.x count as many bytes or more, and stop at 10,000 themselves.
    most = policy.current().limits.key_value_bytes
    if len(text.encode()) > most:
        raise BadInputError(f"The value of key {input.key!r} has more than {most:,} bytes of JSON.")
    row = tx.one_or_none(
        "INSERT INTO key_value (id, created, updated, tenant_id, key, value) "
        "VALUES (:id, :now, :now, :tenant_id, :key, :value) ON CONFLICT (tenant_id, key) "
        "DO UPDATE SET value = excluded.value, updated = excluded.updated RETURNING id",
        {
            "id": new_id(),
            "now": stamp(now),
            "tenant_id": caller.tenant_id,
            "key": name_of(input.key, "A key"),
            "value": text,
        },
    )
    assert row is not None
    return IdPayload(cast("str", row.id))


@mutation(role="user")
def delete_key_value(
    tx: Transaction, caller: Caller, input: DeleteKeyValueInput, now: datetime.datetime
) -> SuccessPayload:
    """Delete a key with its value."""
    del now
    get(tx, caller, "key_value", input.key_value_id, "Key", "id")
    tx.execute("DELETE FROM key_value WHERE id = :id", {"id": input.key_value_id})
    return SuccessPayload()
