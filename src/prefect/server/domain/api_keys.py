"""API keys: created, shown once, revoked."""

from __future__ import annotations

import datetime
from typing import cast

import msgspec

from prefect.server.database.store import Transaction
from prefect.server.domain.common import name_of, new_id, stamp
from prefect.server.domain.registry import DateTime, SuccessPayload, Uuid, mutation
from prefect.server.domain.users import check_governs
from prefect.server.errors import BadInputError, ForbiddenError, NotFoundError
from prefect.server.security import keys
from prefect.server.security.caller import Caller, allows

__all__: list[str] = []


class CreateApiKeyInput(msgspec.Struct):
    """A new key.

    Attributes:
        user_id: whose it is: the caller, or somebody of whose tenants the caller is an admin.
        name: what it is for.
        expires_at: when it ends; null for never.
        default_tenant_id: tenant of requests that name none; the current one when null.
    """

    user_id: Uuid
    name: str
    expires_at: DateTime | None = None
    default_tenant_id: Uuid | None = None


class CreateApiKeyPayload(msgspec.Struct):
    """The key: it is shown this once."""

    key: str
    id: Uuid


class DeleteApiKeyInput(msgspec.Struct):
    """The key to revoke."""

    key_id: Uuid


@mutation(role="read-only")
def create_api_key(
    tx: Transaction, caller: Caller, input: CreateApiKeyInput, now: datetime.datetime
) -> CreateApiKeyPayload:
    """Make an API key."""
    _check_owner(tx, caller, input.user_id, "make keys for")
    if input.expires_at is not None and input.expires_at <= now:
        raise BadInputError(f"The key would end at {stamp(input.expires_at)}, which is past.")
    tenant_id = input.default_tenant_id or caller.tenant_id
    is_member = tx.scalar(
        "SELECT 1 FROM membership WHERE user_id = :user_id AND tenant_id = :tenant_id",
        {"user_id": input.user_id, "tenant_id": tenant_id},
    )
    if not is_member:
        raise NotFoundError(f"Tenant {tenant_id} was not found.")
    made = keys.add_key(
        tx,
        id=new_id(),
        user_id=input.user_id,
        name=name_of(input.name, "The name of a key"),
        default_tenant_id=tenant_id,
        expires_at=input.expires_at,
        now=now,
    )
    return CreateApiKeyPayload(made.key, made.id)


@mutation(role="read-only")
def delete_api_key(
    tx: Transaction, caller: Caller, input: DeleteApiKeyInput, now: datetime.datetime
) -> SuccessPayload:
    """Revoke an API key: it opens nothing any more."""
    row = tx.one_or_none(
        "SELECT id, user_id FROM auth_api_key WHERE id = :id AND revoked IS NULL", {"id": input.key_id}
    )
    missing = NotFoundError(f"API key {input.key_id} was not found.")
    if row is None:
        raise missing
    try:
        _check_owner(tx, caller, cast("str", row.user_id), "revoke keys of")
    except NotFoundError:
        raise missing from None
    tx.execute(
        "UPDATE auth_api_key SET revoked = :now, updated = :now WHERE id = :id",
        {"id": row.id, "now": stamp(now)},
    )
    tx.emit("auth_api_key", row.id, caller.tenant_id)
    return SuccessPayload()


def _check_owner(tx: Transaction, caller: Caller, user_id: str, what: str) -> None:
    """A key opens all tenants of its user: so the caller is that user, or an admin in all of them."""
    if caller.user_id == user_id:
        return
    is_member = tx.scalar(
        "SELECT 1 FROM membership WHERE user_id = :user_id AND tenant_id = :tenant_id",
        {"user_id": user_id, "tenant_id": caller.tenant_id},
    )
    if not is_member:
        raise NotFoundError(f"User {user_id} was not found.")
    if not allows(caller.role, "admin"):
        raise ForbiddenError(f"You may {what} yourself only; an admin may do it for others.")
    check_governs(tx, caller, user_id, what)
