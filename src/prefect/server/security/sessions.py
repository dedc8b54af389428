"""Sessions: an API key exchanged for a cookie, so that pages need not keep the key."""

from __future__ import annotations

import datetime
import secrets
import uuid

from prefect.server.database.store import Transaction
from prefect.server.database.times import to_text
from prefect.server.errors import UnauthenticatedError
from prefect.server.security.identity import Found, caller_of_digest, digest_of, find_caller

__all__ = ["LIFETIME", "close_session", "delete_ended", "find_session", "open_session"]

LIFETIME = datetime.timedelta(days=7)


def open_session(tx: Transaction, key: str, tenant_id: str | None, now: datetime.datetime) -> tuple[str, str]:
    """Open a session with an API key; its secret, shown this once, and its tenant.

    Args:
        tx: the transaction.
        key: the API key.
        tenant_id: the tenant to start in; the key's default one if None.
        now: the time (UTC).

    Raises:
        UnauthenticatedError: the key is wrong, or not one for the tenant.
    """
    caller = find_caller(tx, key, now, tenant_id=tenant_id).caller
    secret = secrets.token_urlsafe(32)
    moment = to_text(now)
    tx.execute(
        "INSERT INTO session (id, created, updated, user_id, key_id, tenant_id, digest, expires_at) "
        "VALUES (:id, :now, :now, :user_id, :key_id, :tenant_id, :digest, :expires_at)",
        {
            "id": str(uuid.uuid4()),
            "now": moment,
            "user_id": caller.user_id,
            "key_id": caller.key_id,
            "tenant_id": caller.tenant_id,
            "digest": digest_of(secret),
            "expires_at": to_text(now + LIFETIME),
        },
    )
    return secret, caller.tenant_id


def find_session(tx: Transaction, secret: str, now: datetime.datetime, tenant_id: str | None) -> Found:
    """Who has a session; it lives no longer than the key it was opened with.

    Args:
        tx: the transaction.
        secret: the cookie.
        now: the time (UTC).
        tenant_id: the tenant the request names; that of the session when None.

    Raises:
        UnauthenticatedError: there is no such session, or it or its key has ended.
    """
    row = tx.one_or_none(
        "SELECT s.tenant_id, k.digest FROM session s JOIN auth_api_key k ON k.id = s.key_id "
        "WHERE s.digest = :digest AND s.revoked IS NULL AND s.expires_at > :now",
        {"digest": digest_of(secret), "now": to_text(now)},
    )
    if row is None:
        raise UnauthenticatedError("The session has ended. Log in again.")
    return caller_of_digest(tx, row.digest, now, tenant_id or row.tenant_id)


def close_session(tx: Transaction, secret: str, now: datetime.datetime) -> bool:
    """End a session; whether there was one."""
    ended = tx.execute(
        "UPDATE session SET revoked = :now, updated = :now WHERE digest = :digest AND revoked IS NULL",
        {"now": to_text(now), "digest": digest_of(secret)},
    )
    if ended:
        tx.emit("session", "", "")
    return ended > 0


def delete_ended(tx: Transaction, now: datetime.datetime) -> int:
    """Delete sessions that can never be used again; how many."""
    return tx.execute(
        "DELETE FROM session WHERE revoked IS NOT NULL OR expires_at <= :now", {"now": to_text(now)}
    )
