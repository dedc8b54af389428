"""People and service accounts, and what they may do in a tenant."""

from __future__ import annotations

import datetime
from typing import cast

import msgspec

from prefect.server.database.store import Row, Transaction
from prefect.server.domain.common import (
    dump,
    get,
    load_object,
    lock_for_update,
    name_of,
    new_id,
    stamp,
    tenant_of,
)
from prefect.server.domain.flow_runs import json_object
from prefect.server.domain.registry import JSON, IdPayload, SuccessPayload, Uuid, mutation
from prefect.server.errors import BadInputError, ForbiddenError, NotFoundError
from prefect.server.security.caller import ROLES, Caller, Role

__all__ = ["add_user", "check_governs", "check_role", "ensure_first_user"]


class CreateUserInput(msgspec.Struct):
    """A person who joins the tenant.

    Attributes:
        username: unique on the server.
        role: read-only, user or admin.
    """

    username: str
    role: str = "user"
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None


class UpdateUserDetailsInput(msgspec.Struct):
    """What to change of the caller's own user; null leaves what there is."""

    username: str | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None


class UpdateUserSettingsInput(msgspec.Struct):
    """Settings to merge into those of the caller's own user."""

    settings: JSON


class CreateServiceAccountInput(msgspec.Struct):
    """A user for a machine: it has keys and a role in one tenant.

    Attributes:
        role: read-only, user or admin.
    """

    name: str
    tenant_id: Uuid | None = None
    role: str = "user"


class DeleteServiceAccountInput(msgspec.Struct):
    """The service account to delete, with its keys."""

    user_id: Uuid


class SetMembershipRoleInput(msgspec.Struct):
    """What a member may do from now on.

    Attributes:
        role: read-only, user or admin.
    """

    membership_id: Uuid
    role: str


class DeleteMembershipInput(msgspec.Struct):
    """The membership to end."""

    membership_id: Uuid


def add_user(
    tx: Transaction,
    username: str,
    tenant_id: str,
    role: Role,
    now: datetime.datetime,
    *,
    account_type: str = "USER",
    email: str | None = None,
    first_name: str | None = None,
    last_name: str | None = None,
) -> str:
    """Insert a user who is a member of a tenant; their id.

    Raises:
        UniquenessError: somebody has that username.
    """
    user_id, membership_id = new_id(), new_id()
    values = {
        "id": user_id,
        "now": stamp(now),
        "username": name_of(username, "A username"),
        "email": email,
        "first_name": first_name,
        "last_name": last_name,
        "account_type": account_type,
        "membership_id": membership_id,
        "tenant_id": tenant_id,
        "role": role,
    }
    tx.execute(
        'INSERT INTO "user" (id, created, updated, username, email, first_name, last_name, account_type, '
        "default_membership_id, settings) VALUES (:id, :now, :now, :username, :email, :first_name, :last_name, "
        ":account_type, :membership_id, '{}')",
        values,
    )
    tx.execute(
        "INSERT INTO membership (id, created, updated, tenant_id, user_id, role) "
        "VALUES (:membership_id, :now, :now, :tenant_id, :id, :role)",
        values,
    )
    return user_id


def ensure_first_user(
    tx: Transaction, tenant_id: str, now: datetime.datetime, username: str = "admin"
) -> str:
    """The oldest admin of a tenant, made if there is none: whose the first key of a new server is."""
    found = tx.scalar(
        "SELECT user_id FROM membership WHERE tenant_id = :tenant_id AND role = 'admin' ORDER BY created, id LIMIT 1",
        {"tenant_id": tenant_id},
    )
    return cast("str", found) if found else add_user(tx, username, tenant_id, "admin", now)


def check_governs(tx: Transaction, caller: Caller, user_id: str, what: str) -> None:
    """Refuse what would change a user for tenants in which the caller is no admin.

    Args:
        tx: the transaction.
        caller: an admin of the tenant of the request.
        user_id: a member of that tenant.
        what: what is to be done, for the message.

    Raises:
        ForbiddenError: the user is a member of such a tenant.
    """
    if caller.user_id is None:
        return  # whoever sits at the machine, of a server that asks for no keys
    foreign = tx.scalar(
        "SELECT 1 FROM membership m WHERE m.user_id = :user_id AND NOT EXISTS (SELECT 1 FROM membership own "
        "WHERE own.tenant_id = m.tenant_id AND own.user_id = :caller AND own.role = 'admin') LIMIT 1",
        {"user_id": user_id, "caller": caller.user_id},
    )
    if foreign:
        raise ForbiddenError(
            f"You may not {what} user {user_id}: they are members of a tenant in which you are no admin."
        )


def check_role(text: str) -> Role:
    """A role by its name.

    Raises:
        BadInputError: there is no such role.
    """
    if text not in ROLES:
        raise BadInputError(f"There is no role {text!r}; there are: {', '.join(ROLES)}.")
    return text


@mutation(role="admin")
def create_user(tx: Transaction, caller: Caller, input: CreateUserInput, now: datetime.datetime) -> IdPayload:
    """Let a person join the tenant. Make them a key with create_api_key."""
    return IdPayload(
        add_user(
            tx,
            input.username,
            caller.tenant_id,
            check_role(input.role),
            now,
            email=input.email,
            first_name=input.first_name,
            last_name=input.last_name,
        )
    )


@mutation(role="admin")
def create_service_account(
    tx: Transaction, caller: Caller, input: CreateServiceAccountInput, now: datetime.datetime
) -> IdPayload:
    """Make a user for a machine."""
    tenant_id = tenant_of(caller, input.tenant_id)
    role = check_role(input.role)
    return IdPayload(add_user(tx, input.name, tenant_id, role, now, account_type="SERVICE"))


@mutation(role="admin")
def delete_service_account(
    tx: Transaction, caller: Caller, input: DeleteServiceAccountInput, now: datetime.datetime
) -> SuccessPayload:
    """Delete a service account with its keys."""
    del now
    row = tx.one_or_none(
        'SELECT u.id, u.account_type FROM "user" u JOIN membership m ON m.user_id = u.id '
        "WHERE u.id = :id AND m.tenant_id = :tenant_id",
        {"id": input.user_id, "tenant_id": caller.tenant_id},
    )
    if row is None or row.account_type != "SERVICE":
        raise NotFoundError(f"Service account {input.user_id} was not found.")
    check_governs(tx, caller, row.id, "delete")
    tx.execute('DELETE FROM "user" WHERE id = :id', {"id": row.id})
    tx.emit("user", row.id, caller.tenant_id)
    return SuccessPayload()


@mutation(role="read-only")
def update_user_details(
    tx: Transaction, caller: Caller, input: UpdateUserDetailsInput, now: datetime.datetime
) -> IdPayload:
    """Change the names and the address of one's own user."""
    user = _self(tx, caller)
    for column in ("username", "email", "first_name", "last_name"):
        value = getattr(input, column)
        if value is not None:
            text = name_of(value, "A username") if column == "username" else value
            tx.execute(
                f'UPDATE "user" SET {column} = :value, updated = :now WHERE id = :id',
                {"id": user.id, "value": text, "now": stamp(now)},
            )
    return IdPayload(user.id)


@mutation(role="read-only")
def update_user_settings(
    tx: Transaction, caller: Caller, input: UpdateUserSettingsInput, now: datetime.datetime
) -> IdPayload:
    """Merge settings into those of one's own user."""
    user = _self(tx, caller)
    settings = {**load_object(user.settings), **(json_object(input.settings, "settings") or {})}
    tx.execute(
        'UPDATE "user" SET settings = :settings, updated = :now WHERE id = :id',
        {"id": user.id, "settings": dump(settings), "now": stamp(now)},
    )
    return IdPayload(user.id)


@mutation(role="admin")
def set_membership_role(
    tx: Transaction, caller: Caller, input: SetMembershipRoleInput, now: datetime.datetime
) -> IdPayload:
    """Change what a member may do."""
    role = check_role(input.role)
    membership = get(tx, caller, "membership", input.membership_id, "Membership", "id, role", lock=True)
    if role != "admin":
        _keep_an_admin(tx, caller, membership)
    tx.execute(
        "UPDATE membership SET role = :role, updated = :now WHERE id = :id",
        {"id": membership.id, "role": role, "now": stamp(now)},
    )
    tx.emit("membership", membership.id, caller.tenant_id)
    return IdPayload(membership.id)


@mutation(role="admin")
def delete_membership(
    tx: Transaction, caller: Caller, input: DeleteMembershipInput, now: datetime.datetime
) -> SuccessPayload:
    """Let a member leave the tenant; their keys no longer open it."""
    del now
    membership = get(tx, caller, "membership", input.membership_id, "Membership", "id, role", lock=True)
    _keep_an_admin(tx, caller, membership)
    tx.execute("DELETE FROM membership WHERE id = :id", {"id": membership.id})
    tx.emit("membership", membership.id, caller.tenant_id)
    return SuccessPayload()


def _self(tx: Transaction, caller: Caller) -> Row:
    row = tx.one_or_none('SELECT id, settings FROM "user" WHERE id = :id', {"id": caller.user_id or ""})
    if row is None:
        raise BadInputError("Nobody is signed in: this server asks for no keys.")
    return row


def _keep_an_admin(tx: Transaction, caller: Caller, membership: Row) -> None:
    if membership.role != "admin":
        return
    # The tenant is the lock: two admins cannot remove each other at the same time.
    tx.scalar(f"SELECT id FROM tenant WHERE id = :id{lock_for_update(tx)}", {"id": caller.tenant_id})
    others = tx.scalar(
        "SELECT count(*) FROM membership WHERE tenant_id = :tenant_id AND role = 'admin' AND id <> :id",
        {"tenant_id": caller.tenant_id, "id": membership.id},
    )
    if not others:
        raise BadInputError("This is the only admin of the tenant. Make somebody else an admin first.")
