"""API keys: how they are made.

A key is `pc_<prefix>_<secret>`: six characters to tell keys apart, and 256 random bits. It is shown
once. The database has its SHA-256, which is enough for a random secret, and the prefix; `identity`
finds out whose a key is.
"""

from __future__ import annotations

import datetime
import secrets
import string
from dataclasses import dataclass

from prefect.server.database.store import Transaction
from prefect.server.database.times import to_text
from prefect.server.security.identity import digest_of

__all__ = ["NewKey", "add_key", "make_key"]

_ALPHABET = string.digits + string.ascii_letters
_PREFIX_LENGTH = 6
_SECRET_LENGTH = 43  # 62 ** 43 > 2 ** 256


@dataclass(frozen=True)
class NewKey:
    """A key that was just made: the only time that its text is known."""

    id: str
    key: str


def make_key() -> tuple[str, str]:
    """`(key, prefix)` of a new key."""
    prefix = _random(_PREFIX_LENGTH)
    return f"pc_{prefix}_{_random(_SECRET_LENGTH)}", prefix


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def add_key(
    tx: Transaction,
    *,
    id: str,
    user_id: str,
    name: str,
    default_tenant_id: str | None,
    expires_at: datetime.datetime | None,
    now: datetime.datetime,
) -> NewKey:
    """Make a key for a user.

    Args:
        tx: the transaction.
        id: id of the key.
        user_id: whose it is.
        name: what it is for.
        default_tenant_id: the tenant of requests that name none.
        expires_at: when it ends; None for never.
        now: the time (UTC).
    """
    key, prefix = make_key()
    tx.execute(
        "INSERT INTO auth_api_key (id, created, updated, name, user_id, default_tenant_id, expires_at, prefix, digest) "
        "VALUES (:id, :now, :now, :name, :user_id, :tenant_id, :expires_at, :prefix, :digest)",
        {
            "id": id,
            "now": to_text(now),
            "name": name,
            "user_id": user_id,
            "tenant_id": default_tenant_id,
            "expires_at": None if expires_at is None else to_text(expires_at),
            "prefix": prefix,
            "digest": digest_of(key),
        },
    )
    return NewKey(id, key)
