"""Runs the services: when something happened, when their time has come, and in one process only."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
from collections.abc import AsyncGenerator, Callable, Sequence

from prefect.server.database.store import Store
from prefect.server.errors import UnavailableError
from prefect.server.loops.service import Service
from prefect.server.waiting import first_of

__all__ = ["Supervisor"]

_log = logging.getLogger("prefect.server")

#: A service that fails waits this long before it is tried again; doubled up to the longest, which is
#: shorter while the database is away: that ends some time, and work is waiting then.
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_LONGEST_AWAY_S = 5.0


class Supervisor:
    """Runs services beside each other in the running event loop.

    Args:
        store: the database.
        services: what to run.
        clock: the time (UTC).
        counted: told of every round: service, outcome (`done`, `failed`, `elsewhere`), work done.
    """

    def __init__(
        self,
        store: Store,
        services: Sequence[Service],
        clock: Callable[[], datetime.datetime],
        counted: Callable[[str, str, int], None],
    ) -> None:
        self._store = store
        self._services = services
        self._clock = clock
        self._counted = counted

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """The services run while the block does; what they are at is finished at its end."""
        stopping = asyncio.Event()
        tasks = [asyncio.create_task(self._serve(service, stopping)) for service in self._services]
        try:
            yield
        finally:
            stopping.set()
            await asyncio.gather(*tasks)

    async def _serve(self, service: Service, stopping: asyncio.Event) -> None:
        topics = service.topics
        pause_s = 0.0
        was_interrupted = False
        interruptions = self._store.interruptions
        with self._store.events.subscribe(lambda event: event.topic in topics, max_waiting=1) as changes:
            while not stopping.is_set():
                before, interruptions = interruptions, self._store.interruptions
                try:
                    has_more = await self._round(service, was_interrupted or interruptions != before)
                except Exception as exc:  # noqa: BLE001 # a service goes on, whatever becomes of one round
                    is_away = isinstance(exc, UnavailableError)
                    longest_s = _LONGEST_AWAY_S if is_away else _LONGEST_PAUSE_S
                    pause_s = min(max(_FIRST_PAUSE_S, pause_s * 2), longest_s)
                    was_interrupted = True
                    has_more = False
                    self._counted(service.name, "failed", 0)
                    if is_away:
                        _log.warning("the %s waits %gs for the database: %s", service.name, pause_s, exc)
                    else:
                        _log.exception("the %s failed and is tried again in %gs", service.name, pause_s)
                else:
                    pause_s, was_interrupted = 0.0, False
                if has_more:
                    await asyncio.sleep(0)
                elif pause_s:
                    await first_of(stopping.wait(), asyncio.sleep(pause_s))
                else:
                    await first_of(stopping.wait(), changes.take(service.every_s))

    async def _round(self, service: Service, was_interrupted: bool) -> bool:
        """One round; whether another follows at once."""
        now = self._clock()
        service.observe(now, was_interrupted)
        if not await asyncio.to_thread(self._store.elected, service.name):
            self._counted(service.name, "elsewhere", 0)
            return False
        work = await self._store.write(lambda tx: service.tick(tx, now))
        self._counted(service.name, "done", work)
        return service.has_more
