"""Tenants: teams that see nothing of each other."""

from __future__ import annotations

import datetime
import re
from typing import Any, cast

import msgspec

from prefect.server.database.store import Transaction
from prefect.server.domain.common import dump, load_object, lock_for_update, name_of, new_id, stamp, tenant_of
from prefect.server.domain.registry import JSON, IdPayload, SuccessPayload, Uuid, mutation
from prefect.server.errors import BadInputError
from prefect.server.security.caller import Caller

__all__ = ["add_tenant", "check_settings", "ensure_first_tenant"]

_SLUG = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")

#: Settings that the server acts on, and what their values have to be.
_FLAGS = ("work_queue_paused",)
_DAYS = ("flow_run_retention_days", "log_retention_days", "artifact_retention_days")


class CreateTenantInput(msgspec.Struct):
    """A new tenant.

    Attributes:
        name: what people read.
        slug: what stands in links: lower case, digits and dashes; unique.
    """

    name: str
    slug: str


class DeleteTenantInput(msgspec.Struct):
    """The tenant to delete.

    Attributes:
        confirm: must be true.
    """

    tenant_id: Uuid
    confirm: bool


class UpdateTenantNameInput(msgspec.Struct):
    """A tenant's new name."""

    name: str
    tenant_id: Uuid | None = None


class UpdateTenantSlugInput(msgspec.Struct):
    """A tenant's new slug."""

    slug: str
    tenant_id: Uuid | None = None


class UpdateTenantSettingsInput(msgspec.Struct):
    """Settings to merge into a tenant's.

    Attributes:
        settings: `work_queue_paused` (boolean), `flow_run_retention_days`, `log_retention_days` and
            `artifact_retention_days` (whole numbers of at least 1, or null to keep everything), and
            whatever else clients want to remember.
    """

    settings: JSON
    tenant_id: Uuid | None = None


class PauseTenantWorkQueueInput(msgspec.Struct):
    """The tenant whose runs are no longer handed to agents."""

    tenant_id: Uuid | None = None


class ResumeTenantWorkQueueInput(msgspec.Struct):
    """The tenant whose runs are handed to agents again."""

    tenant_id: Uuid | None = None


def add_tenant(tx: Transaction, name: str, slug: str, now: datetime.datetime) -> str:
    """Insert a tenant; its id.

    Raises:
        BadInputError: the slug is not one.
        UniquenessError: another tenant has it.
    """
    tenant_id = new_id()
    tx.execute(
        "INSERT INTO tenant (id, created, updated, name, slug, settings) "
        "VALUES (:id, :now, :now, :name, :slug, '{}')",
        {"id": tenant_id, "now": stamp(now), "name": name_of(name, "The name"), "slug": _slug(slug)},
    )
    tx.emit("tenant", tenant_id, tenant_id)
    return tenant_id


def ensure_first_tenant(
    tx: Transaction, now: datetime.datetime, name: str = "default", slug: str = "default"
) -> str:
    """The oldest tenant, made if there is none: what a new server starts with."""
    found = tx.scalar("SELECT id FROM tenant ORDER BY created, id LIMIT 1")
    return cast("str", found) if found else add_tenant(tx, name, slug, now)


@mutation(role="admin")
def create_tenant(
    tx: Transaction, caller: Caller, input: CreateTenantInput, now: datetime.datetime
) -> IdPayload:
    """Create a tenant; whoever creates it is its admin."""
    tenant_id = add_tenant(tx, input.name, input.slug, now)
    if caller.user_id is not None:
        tx.execute(
            "INSERT INTO membership (id, created, updated, tenant_id, user_id, role) "
            "VALUES (:id, :now, :now, :tenant_id, :user_id, 'admin')",
            {"id": new_id(), "now": stamp(now), "tenant_id": tenant_id, "user_id": caller.user_id},
        )
    return IdPayload(tenant_id)


@mutation(role="admin")
def delete_tenant(
    tx: Transaction, caller: Caller, input: DeleteTenantInput, now: datetime.datetime
) -> SuccessPayload:
    """Delete a tenant with everything in it."""
    del now
    tenant_id = tenant_of(caller, input.tenant_id)
    if not input.confirm:
        raise BadInputError("Deleting a tenant deletes everything in it. Send confirm: true if you mean it.")
    tx.emit("tenant", tenant_id, tenant_id)
    return SuccessPayload(tx.execute("DELETE FROM tenant WHERE id = :id", {"id": tenant_id}) == 1)


@mutation(role="admin")
def update_tenant_name(
    tx: Transaction, caller: Caller, input: UpdateTenantNameInput, now: datetime.datetime
) -> IdPayload:
    """Rename a tenant."""
    tenant_id = tenant_of(caller, input.tenant_id)
    name = name_of(input.name, "The name")
    tx.execute(
        "UPDATE tenant SET name = :name, updated = :now WHERE id = :id",
        {"id": tenant_id, "name": name, "now": stamp(now)},
    )
    return IdPayload(tenant_id)


@mutation(role="admin")
def update_tenant_slug(
    tx: Transaction, caller: Caller, input: UpdateTenantSlugInput, now: datetime.datetime
) -> IdPayload:
    """Change what stands for a tenant in links."""
    tenant_id = tenant_of(caller, input.tenant_id)
    tx.execute(
        "UPDATE tenant SET slug = :slug, updated = :now WHERE id = :id",
        {"id": tenant_id, "slug": _slug(input.slug), "now": stamp(now)},
    )
    return IdPayload(tenant_id)


@mutation(role="admin")
def update_tenant_settings(
    tx: Transaction, caller: Caller, input: UpdateTenantSettingsInput, now: datetime.datetime
) -> IdPayload:
    """Merge settings into a tenant's."""
    tenant_id = tenant_of(caller, input.tenant_id)
    _merge_settings(tx, tenant_id, check_settings(input.settings), now)
    return IdPayload(tenant_id)


@mutation(role="admin")
def pause_tenant_work_queue(
    tx: Transaction, caller: Caller, input: PauseTenantWorkQueueInput, now: datetime.datetime
) -> SuccessPayload:
    """Hand no more runs to agents."""
    _merge_settings(tx, tenant_of(caller, input.tenant_id), {"work_queue_paused": True}, now)
    return SuccessPayload()


@mutation(role="admin")
def resume_tenant_work_queue(
    tx: Transaction, caller: Caller, input: ResumeTenantWorkQueueInput, now: datetime.datetime
) -> SuccessPayload:
    """Hand runs to agents again."""
    _merge_settings(tx, tenant_of(caller, input.tenant_id), {"work_queue_paused": False}, now)
    return SuccessPayload()


def check_settings(settings: Any) -> dict[str, Any]:
    """Settings whose values the server can act on.

    Raises:
        BadInputError: it cannot.
    """
    if not isinstance(settings, dict):
        raise BadInputError("Settings are an object such as {work_queue_paused: true}.")
    found = cast("dict[str, Any]", settings)
    for name in _FLAGS:
        if name in found and not isinstance(found[name], bool):
            raise BadInputError(f"The setting {name} is true or false, not {found[name]!r}.")
    for name in _DAYS:
        value = found.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise BadInputError(
                f"The setting {name} is a number of days of at least 1, or null, not {value!r}."
            )
    return found


def _merge_settings(
    tx: Transaction, tenant_id: str, settings: dict[str, Any], now: datetime.datetime
) -> None:
    row = tx.one_or_none(
        f"SELECT settings FROM tenant WHERE id = :id{lock_for_update(tx)}", {"id": tenant_id}
    )
    assert row is not None, "a caller's tenant exists"
    merged = {**load_object(row.settings), **settings}
    tx.execute(
        "UPDATE tenant SET settings = :settings, updated = :now WHERE id = :id",
        {"id": tenant_id, "settings": dump(merged), "now": stamp(now)},
    )
    tx.emit("queue", tenant_id, tenant_id)


def _slug(text: str) -> str:
    if not _SLUG.fullmatch(text):
        raise BadInputError(
            f"{text!r} is not a slug: lower-case letters and digits, with single dashes between."
        )
    return text
