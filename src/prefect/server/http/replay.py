"""The latest events, numbered, for readers that were away for a moment."""

from __future__ import annotations

import secrets
import threading
from collections import deque

from prefect.server.events import Event

__all__ = ["Replay"]


class Replay:
    """Keeps the latest events of this process. Safe to use from any thread.

    Args:
        size: how many.
    """

    def __init__(self, size: int = 5_000) -> None:
        self._lock = threading.Lock()
        self._events: deque[tuple[int, Event]] = deque(maxlen=size)
        self._last = 0
        #: Tells the numbers of this process from those of another.
        self.run = secrets.token_hex(4)

    def add(self, events: list[Event]) -> None:
        """Listener of the event bus."""
        with self._lock:
            for event in events:
                self._last += 1
                self._events.append((self._last, event))

    @property
    def last(self) -> int:
        """Number of the latest event."""
        return self._last

    def position(self, id: str | None) -> int | None:
        """Where a reader is that saw `id` last; None if what it missed is not known any more."""
        if not id:
            return None
        run, _, number = id.partition("-")
        if run != self.run or not number.isdigit():
            return None
        position = int(number)
        with self._lock:
            oldest = self._events[0][0] if self._events else self._last + 1
            return position if oldest - 1 <= position <= self._last else None

    def since(self, position: int, tenant_id: str) -> tuple[int, list[Event], bool]:
        """A tenant's events after a position.

        Returns:
            The new position, the events, and whether all of them are there still.
        """
        with self._lock:
            oldest = self._events[0][0] if self._events else self._last + 1
            is_complete = position >= oldest - 1
            found: list[Event] = []
            for number, event in reversed(self._events):
                if number <= position:
                    break
                if event.tenant_id == tenant_id:
                    found.append(event)
            return self._last, found[::-1], is_complete

    def id_of(self, position: int) -> str:
        """The id of a position, for readers to name when they come back."""
        return f"{self.run}-{position}"
