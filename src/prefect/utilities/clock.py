"""The time as the engine sees it, so that tests can set it.

Runs ask this module for the time and wait through it. `prefect.testing.FakeClock` stands in for
the system's clock where waiting ten minutes for a retry would not do.
"""

from __future__ import annotations

import contextlib
import datetime
import threading
from collections.abc import Generator
from typing import Protocol

__all__ = ["Clock", "now", "use_clock", "wait_until"]


class Clock(Protocol):
    """What a clock does."""

    def now(self) -> datetime.datetime:
        """The time (UTC, aware)."""
        ...

    def wait_until(self, moment: datetime.datetime) -> None:
        """Return when `moment` has come."""
        ...


class SystemClock:
    """The clock of this machine."""

    def __init__(self) -> None:
        # Never set: waiting for it with a timeout is a sleep that Ctrl-C ends at once.
        self._never = threading.Event()

    def now(self) -> datetime.datetime:
        """The time (UTC, aware)."""
        return datetime.datetime.now(datetime.timezone.utc)

    def wait_until(self, moment: datetime.datetime) -> None:
        """Return when `moment` has come, also when the machine slept in between."""
        while (remaining := (moment - self.now()).total_seconds()) > 0:
            self._never.wait(min(remaining, 60.0))


_system = SystemClock()
_clock: Clock = _system


def now() -> datetime.datetime:
    """The time (UTC, aware)."""
    return _clock.now()


def wait_until(moment: datetime.datetime) -> None:
    """Return when `moment` has come."""
    _clock.wait_until(moment)


@contextlib.contextmanager
def use_clock(clock: Clock) -> Generator[None]:
    """Take the time from `clock` while the block runs, in all threads of this process."""
    global _clock
    previous, _clock = _clock, clock
    try:
        yield
    finally:
        _clock = previous
