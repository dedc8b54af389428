"""Long polls: an operation that found nothing is asked again when something has changed."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from prefect.server.database.store import Store
from prefect.server.domain.registry import Operation
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
) -> Any:
    """Run a mutation; one that takes `wait_s` is run again until it finds something or time is up."""

    async def once() -> Any:
        now = clock()
        return await store.write(lambda tx: operation.handler(tx, caller, value, now))

    wait_s = min(float(getattr(value, "wait_s", None) or 0), MAX_WAIT_S)
    if not wait_s or caller is None:
        return await once()
    deadline = clock() + datetime.timedelta(seconds=wait_s)
    tenant_id = caller.tenant_id

    with store.events.subscribe(lambda e: e.topic == "queue" and e.tenant_id == tenant_id) as changes:
        while True:
            output = await once()
            remaining = (deadline - clock()).total_seconds()
            if output.found or remaining <= 0 or store.events.is_ending:
                return output
            # What is due later gives no event when its time comes: look at least every second.
            await changes.take(min(remaining, 1.0))
