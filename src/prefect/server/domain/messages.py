"""Messages to the people of a tenant."""

from __future__ import annotations

import datetime

import msgspec

from prefect.server.database.store import Transaction
from prefect.server.domain.common import get, stamp
from prefect.server.domain.registry import SuccessPayload, Uuid, mutation
from prefect.server.errors import NotFoundError
from prefect.server.security.caller import Caller

__all__: list[str] = []


class MarkMessageAsReadInput(msgspec.Struct):
    """The message that was read."""

    message_id: Uuid


class MarkMessageAsUnreadInput(msgspec.Struct):
    """The message to show as new."""

    message_id: Uuid


class DeleteMessageInput(msgspec.Struct):
    """The message to delete."""

    message_id: Uuid


@mutation(role="read-only")
def mark_message_as_read(
    tx: Transaction, caller: Caller, input: MarkMessageAsReadInput, now: datetime.datetime
) -> SuccessPayload:
    """Say that a message was read."""
    return _mark(tx, caller, input.message_id, True, now)


@mutation(role="read-only")
def mark_message_as_unread(
    tx: Transaction, caller: Caller, input: MarkMessageAsUnreadInput, now: datetime.datetime
) -> SuccessPayload:
    """Show a message as new again."""
    return _mark(tx, caller, input.message_id, False, now)


@mutation(role="user")
def delete_message(
    tx: Transaction, caller: Caller, input: DeleteMessageInput, now: datetime.datetime
) -> SuccessPayload:
    """Delete a message."""
    del now
    _own(tx, caller, input.message_id)
    tx.execute("DELETE FROM message WHERE id = :id", {"id": input.message_id})
    return SuccessPayload()


def _mark(
    tx: Transaction, caller: Caller, message_id: str, is_read: bool, now: datetime.datetime
) -> SuccessPayload:
    _own(tx, caller, message_id)
    tx.execute(
        'UPDATE message SET "read" = :read, updated = :now WHERE id = :id',
        {"id": message_id, "read": is_read, "now": stamp(now)},
    )
    return SuccessPayload()


def _own(tx: Transaction, caller: Caller, message_id: str) -> None:
    """Messages to one person are that person's; the others are the tenant's."""
    row = get(tx, caller, "message", message_id, "Message", "id, user_id")
    if row.user_id not in (None, caller.user_id):
        raise NotFoundError(f"Message {message_id} was not found.")
