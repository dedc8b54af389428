"""Secrets: values that flows read and the database holds encrypted."""

from __future__ import annotations

import datetime
import json

import msgspec

from prefect.server.database.store import Transaction
from prefect.server.domain.common import dump, name_of, new_id, stamp
from prefect.server.domain.registry import JSON, SuccessPayload, mutation, query
from prefect.server.errors import NotFoundError
from prefect.server.security import crypto
from prefect.server.security.caller import Caller

__all__: list[str] = []


class SetSecretInput(msgspec.Struct):
    """A secret and the value it has from now on."""

    name: str
    value: JSON | None = None


class DeleteSecretInput(msgspec.Struct):
    """The secret to delete."""

    name: str


@mutation(role="user")
def set_secret(
    tx: Transaction, caller: Caller, input: SetSecretInput, now: datetime.datetime
) -> SuccessPayload:
    """Give a secret a value."""
    name = name_of(input.name, "The name of a secret")
    plain = (dump(input.value) or "null").encode()
    key_id, sealed = crypto.encrypt(tx, plain, caller.tenant_id, name)
    tx.execute(
        "INSERT INTO secret (id, created, updated, tenant_id, name, key_id, ciphertext) "
        "VALUES (:id, :now, :now, :tenant_id, :name, :key_id, :sealed) ON CONFLICT (tenant_id, name) "
        "DO UPDATE SET key_id = excluded.key_id, ciphertext = excluded.ciphertext, updated = excluded.updated",
        {
            "id": new_id(),
            "now": stamp(now),
            "tenant_id": caller.tenant_id,
            "name": name,
            "key_id": key_id,
            "sealed": sealed,
        },
    )
    return SuccessPayload()


@mutation(role="user")
def delete_secret(
    tx: Transaction, caller: Caller, input: DeleteSecretInput, now: datetime.datetime
) -> SuccessPayload:
    """Delete a secret."""
    del now
    gone = tx.execute(
        "DELETE FROM secret WHERE tenant_id = :tenant_id AND name = :name",
        {"tenant_id": caller.tenant_id, "name": input.name.strip()},
    )
    if not gone:
        raise NotFoundError(f"Secret {input.name!r} was not found.")
    return SuccessPayload()


@query(role="user")
def secret_value(tx: Transaction, caller: Caller, now: datetime.datetime, name: str) -> JSON | None:
    """The value of a secret."""
    del now
    row = tx.one_or_none(
        "SELECT name, key_id, ciphertext FROM secret WHERE tenant_id = :tenant_id AND name = :name",
        {"tenant_id": caller.tenant_id, "name": name},
    )
    if row is None:
        # wire: clients look for these words, and raise a KeyError.
        raise NotFoundError("No value found for the requested key")
    return json.loads(crypto.decrypt(row.key_id, bytes(row.ciphertext), caller.tenant_id, row.name))


@query(role="read-only")
def secret_names(tx: Transaction, caller: Caller, now: datetime.datetime) -> list[str]:
    """The names of all secrets, in their order."""
    del now
    rows = tx.rows(
        "SELECT name FROM secret WHERE tenant_id = :tenant_id ORDER BY name", {"tenant_id": caller.tenant_id}
    )
    return [str(row.name) for row in rows]
