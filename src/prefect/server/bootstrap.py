"""The first people of a server, made at the machine itself: there is no key to ask the API with."""

from __future__ import annotations

import datetime
from typing import cast

from prefect.server.database.store import Transaction
from prefect.server.domain.common import new_id, stamp
from prefect.server.domain.users import add_user, ensure_first_user
from prefect.server.errors import NotFoundError
from prefect.server.security.caller import Role
from prefect.server.security.keys import NewKey, add_key

__all__ = ["add_member", "add_user_key", "create_member", "first_admin_key"]


def create_member(
    tx: Transaction,
    username: str,
    email: str | None,
    slugs: tuple[str, ...],
    role: Role,
    now: datetime.datetime,
    *,
    is_service: bool = False,
) -> str:
    """Make a user who is a member of tenants; their id.

    Args:
        tx: the transaction.
        username: the name.
        email: the address.
        slugs: the tenants, the first one is their default; the oldest tenant if there are none.
        role: the role in all of them.
        now: the time (UTC).
        is_service: whether it is a service account.

    Raises:
        NotFoundError: there is no such tenant.
        UniquenessError: there is a user of that name.
    """
    tenants = [_tenant(tx, slug) for slug in slugs or (None,)]
    user_id = add_user(
        tx,
        username,
        tenants[0],
        role,
        now,
        account_type="SERVICE" if is_service else "USER",
        email=email,
    )
    for tenant_id in tenants[1:]:
        add_member(tx, user_id, tenant_id, role, now)
    return user_id


def _tenant(tx: Transaction, slug: str | None) -> str:
    if slug is None:
        return cast("str", tx.scalar("SELECT id FROM tenant ORDER BY created, id LIMIT 1"))
    tenant_id = tx.scalar("SELECT id FROM tenant WHERE slug = :slug", {"slug": slug})
    if tenant_id is None:
        raise NotFoundError(f"There is no tenant {slug!r}. Make one with `prefect server create-tenant`.")
    return cast("str", tenant_id)


def add_member(tx: Transaction, user_id: str, tenant_id: str, role: Role, now: datetime.datetime) -> None:
    """Make a user a member of a tenant, or give a member another role."""
    tx.execute(
        "INSERT INTO membership (id, created, updated, tenant_id, user_id, role) "
        "VALUES (:id, :now, :now, :tenant_id, :user_id, :role) "
        "ON CONFLICT (tenant_id, user_id) DO UPDATE SET role = excluded.role, updated = excluded.updated",
        {"id": new_id(), "now": stamp(now), "tenant_id": tenant_id, "user_id": user_id, "role": role},
    )
    tx.emit("membership", user_id, tenant_id)


def add_user_key(
    tx: Transaction, username: str, name: str, expires_at: datetime.datetime | None, now: datetime.datetime
) -> NewKey:
    """Make a key for the user of a name.

    Raises:
        NotFoundError: there is no such user.
    """
    user_id = tx.scalar('SELECT id FROM "user" WHERE username = :name', {"name": username})
    if user_id is None:
        raise NotFoundError(f"There is no user {username!r}. Make one with `prefect server create-user`.")
    return _add_key(tx, cast("str", user_id), name, expires_at, now)


def first_admin_key(tx: Transaction, now: datetime.datetime) -> NewKey | None:
    """A key of an admin of all tenants; None when there is a usable key of an admin already."""
    usable = tx.scalar(
        "SELECT 1 FROM auth_api_key k JOIN membership m ON m.user_id = k.user_id WHERE m.role = 'admin' "
        "AND k.revoked IS NULL AND (k.expires_at IS NULL OR k.expires_at > :now) LIMIT 1",
        {"now": stamp(now)},
    )
    if usable:
        return None
    user_id = ensure_first_user(tx, _tenant(tx, None), now)
    for tenant in tx.rows("SELECT id FROM tenant ORDER BY created, id"):
        add_member(tx, user_id, tenant.id, "admin", now)
    return _add_key(tx, user_id, "first key", None, now)


def _add_key(
    tx: Transaction, user_id: str, name: str, expires_at: datetime.datetime | None, now: datetime.datetime
) -> NewKey:
    return add_key(
        tx, id=new_id(), user_id=user_id, name=name, default_tenant_id=None, expires_at=expires_at, now=now
    )
