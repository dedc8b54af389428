"""Long polls: an operation that found nothing is asked again when something has changed."""

from __future__ import annotations

import datetime
from collections.abc import Awaitable, Callable
from typing import Any

from prefect.server.database.store import Store
from prefect.server.domain.registry import Operation
from prefect.server.errors import UnauthenticatedError
from prefect.server.security.caller import Caller

__all__ = ["MAX_WAIT_S", "run_waiting"]

#: Old clients and proxies give up on a request after 15 seconds.
MAX_WAIT_S = 12.0


async def run_waiting(
    store: Store,
    operation: Operation,
    caller: Caller | None,
    value: Any,
    clock: Callable[[], datetime.datetime],
    is_still: Callable[[], Awaitable[bool]] | None = None,
) -> Any:
    """Run a mutation; one that takes `wait_s` is run again until it finds something or time is up.

    Args:
        store: the database.
        operation: the mutation.
        caller: who asks.
        value: its input.
        clock: the time (UTC).
        is_still: asked before it is run again: whether the caller may still do so.

    Raises:
        UnauthenticatedError: they may not: their key was revoked while they waited.
        UnavailableError: they have hung up.
    """

    async def once() -> Any:
        now = clock()
        return await store.write(lambda tx: operation.handler(tx, caller, value, now))

    wait_s = min(float(getattr(value, "wait_s", None) or 0), MAX_WAIT_S)
    if not wait_s > 0 or caller is None:  # NaN is no time to wait either
        return await once()
    deadline = clock() + datetime.timedelta(seconds=wait_s)
    tenant_id = caller.tenant_id

    # What is due later gives no event when its time comes: who waits for the queue looks every second.
    topic, id = getattr(value, "waits_for", ("queue", tenant_id))

    with store.events.subscribe(
        lambda e: e.topic == topic and e.id == id and e.tenant_id == tenant_id
    ) as changes:
        while True:
            output = await once()
            remaining = (deadline - clock()).total_seconds()
            if output.found or remaining <= 0 or store.events.is_ending:
                return output
            while True:
                seen = await changes.take(min(remaining, 1.0))
                remaining = (deadline - clock()).total_seconds()
                # A server that ends lets nobody wait; who waits for a run is not answered before it changes.
                if topic == "queue" or seen or remaining <= 0 or store.events.is_ending:
                    break
            if is_still is not None and not await is_still():
                raise UnauthenticatedError("The API key is no longer valid. Use another one.")
