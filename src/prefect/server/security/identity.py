"""From an API key to the caller behind it."""

from __future__ import annotations

import datetime
import hashlib
import hmac
from dataclasses import dataclass
from typing import cast

from prefect.server.database.store import Transaction
from prefect.server.database.times import to_text
from prefect.server.errors import UnauthenticatedError
from prefect.server.security.caller import ROLES, Caller, Role

__all__ = ["Found", "caller_of_digest", "digest_of", "find_caller", "note_use"]

#: How exactly `last_used` is kept.
_NOTED_EVERY = datetime.timedelta(seconds=60)


@dataclass(frozen=True)
class Found:
    """Whose key it is.

    Attributes:
        caller: who sent it.
        is_use_due: whether `note_use` should be called for it.
    """

    caller: Caller
    is_use_due: bool


def digest_of(secret: str) -> str:
    """What the database has of a key or cookie: they are 256 random bits, so a plain hash keeps them."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def find_caller(tx: Transaction, key: str, now: datetime.datetime, tenant_id: str | None = None) -> Found:
    """Who sends a key, and which tenant they act in.

    Args:
        tx: the transaction.
        key: the key as it was sent.
        now: the time (UTC).
        tenant_id: the tenant the request names; the key's default when None. Membership decides:
            a tenant that the user is no member of is refused.

    Raises:
        UnauthenticatedError: no such key, or it is expired or revoked, or has no such tenant.
    """
    return caller_of_digest(tx, digest_of(key), now, tenant_id)


def caller_of_digest(tx: Transaction, digest: str, now: datetime.datetime, tenant_id: str | None) -> Found:
    """Like `find_caller`, of a key whose digest is known.

    Raises:
        UnauthenticatedError: no such key, or it is expired or revoked, or has no such tenant.
    """
    row = tx.one_or_none(
        "SELECT k.id, k.user_id, k.digest, k.default_tenant_id, k.expires_at, k.revoked, k.last_used, "
        'u.default_membership_id FROM auth_api_key k JOIN "user" u ON u.id = k.user_id WHERE k.digest = :digest',
        {"digest": digest},
    )
    # The index has compared already, and leaks at most a prefix of a hash; this is for the reader.
    if row is None or not hmac.compare_digest(cast("str", row.digest), digest):
        raise UnauthenticatedError("The API key is not valid. Check it, or create a new one.")
    if row.revoked is not None:
        raise UnauthenticatedError(f"The API key was revoked at {row.revoked}. Use another one.")
    if row.expires_at is not None and row.expires_at <= to_text(now):
        raise UnauthenticatedError(f"The API key expired at {row.expires_at}. Create a new one.")
    memberships = tx.rows(
        "SELECT id, tenant_id, role FROM membership WHERE user_id = :user_id ORDER BY created, id",
        {"user_id": row.user_id},
    )
    # A role that nobody knows opens nothing.
    roles: dict[str, Role] = {entry.tenant_id: entry.role for entry in memberships if entry.role in ROLES}
    if tenant_id is None:
        defaults = [entry.tenant_id for entry in memberships if entry.id == row.default_membership_id]
        candidates = [row.default_tenant_id, *defaults, *roles]
        tenant_id = next((one for one in candidates if one in roles), None)
        if tenant_id is None:
            raise UnauthenticatedError("The user of this API key is no member of any tenant.")
    elif tenant_id not in roles:
        raise UnauthenticatedError(f"The API key is not valid for tenant {tenant_id}.")
    caller = Caller(
        tenant_id=tenant_id,
        role=roles[tenant_id],
        user_id=row.user_id,
        key_id=row.id,
        tenants=tuple(roles),
    )
    return Found(caller, row.last_used is None or row.last_used <= to_text(now - _NOTED_EVERY))


def note_use(tx: Transaction, key_id: str, now: datetime.datetime) -> None:
    """Remember that a key was used; at most once a minute, so that reading stays reading."""
    tx.execute(
        "UPDATE auth_api_key SET last_used = :now WHERE id = :id AND (last_used IS NULL OR last_used <= :before)",
        {"id": key_id, "now": to_text(now), "before": to_text(now - _NOTED_EVERY)},
    )
