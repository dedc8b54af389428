"""What changed, told to whoever waits for it: long polls, live pages, services.

An event says only *that* something changed (`topic`, `id`), not what to: whoever cares reads it,
with the rights they have. Events are published after the transaction that made them is committed.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Generator, Iterable
from typing import NamedTuple

__all__ = ["Event", "EventBus", "Subscription"]


class Event(NamedTuple):
    """Something changed.

    Attributes:
        topic: what kind of thing: `flow_run`, `task_run`, `queue`, `schedule`, `log`, `agent`, ...
        id: which one; for `queue` and `schedule` the tenant's or flow's id.
        tenant_id: whose it is.
    """

    topic: str
    id: str
    tenant_id: str


Listener = Callable[[list[Event]], None]


class EventBus:
    """Hands events on to the listeners of this process. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[int, Listener] = {}
        self._next = 0
        #: Whether whoever waits for an event should stop waiting, because the server ends.
        self.is_ending = False

    def stop_waiting(self) -> None:
        """Tell all who wait that the server ends."""
        self.is_ending = True

    def publish(self, events: list[Event]) -> None:
        """Tell all listeners. A listener returns at once: it wakes somebody and does not work."""
        if not events:
            return
        with self._lock:
            listeners = list(self._listeners.values())
        for listener in listeners:
            listener(events)

    @contextlib.contextmanager
    def listen(self, listener: Listener) -> Generator[None]:
        """Call `listener` with every list of events published while the block runs."""
        with self._lock:
            number = self._next
            self._next += 1
            self._listeners[number] = listener
        try:
            yield
        finally:
            with self._lock:
                del self._listeners[number]

    @contextlib.contextmanager
    def subscribe(self, wanted: Callable[[Event], bool], max_waiting: int = 1000) -> Generator[Subscription]:
        """A subscription of the running event loop to some events.

        Args:
            wanted: which events.
            max_waiting: events kept for a slow reader; beyond it the oldest are dropped, and
                `Subscription.has_gap` says so.
        """
        subscription = Subscription(asyncio.get_running_loop(), wanted, max_waiting)
        with self.listen(subscription.offer):
            yield subscription


class Subscription:
    """Events that an asyncio task waits for."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, wanted: Callable[[Event], bool], max_waiting: int
    ) -> None:
        self._loop = loop
        self._wanted = wanted
        self._max = max_waiting
        self._waiting: list[Event] = []
        self._arrived = asyncio.Event()
        #: Whether events were dropped since the last `take`.
        self.has_gap = False

    def offer(self, events: list[Event]) -> None:
        """Take in events, from any thread."""
        found = [event for event in events if self._wanted(event)]
        if found:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._accept, found)

    def _accept(self, events: Iterable[Event]) -> None:
        self._waiting.extend(events)
        if len(self._waiting) > self._max:
            self.has_gap = True
            del self._waiting[: len(self._waiting) - self._max]
        self._arrived.set()

    async def take(self, timeout_s: float | None = None) -> list[Event]:
        """The events that came since the last call; waits for one, up to `timeout_s` seconds."""
        if not self._waiting:
            self._arrived.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), timeout_s)
        events, self._waiting = self._waiting, []
        self._arrived.clear()
        self.has_gap = False
        return events
