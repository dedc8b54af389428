"""Slowing down whoever tries keys."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable

__all__ = ["Throttle"]


class Throttle:
    """Counts wrong keys by address. Right keys are never refused: many people may share an address.

    Args:
        monotonic: seconds of a clock that only goes forward.
        most: wrong keys of one address in one window, before it has to wait.
        window_s: length of the window.
        size: addresses to remember; the least recent are forgotten.
    """

    def __init__(
        self, monotonic: Callable[[], float], most: int = 20, window_s: float = 60.0, size: int = 10_000
    ) -> None:
        self._monotonic = monotonic
        self._most = most
        self._window_s = window_s
        self._size = size
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def fail(self, address: str) -> int | None:
        """Note a wrong key; the seconds to wait if there were too many, else None."""
        now = self._monotonic()
        times = self._failures.setdefault(address, deque(maxlen=self._most + 1))
        self._failures.move_to_end(address)
        while times and times[0] <= now - self._window_s:
            times.popleft()
        times.append(now)
        if len(self._failures) > self._size:
            self._failures.popitem(last=False)
        if len(times) <= self._most:
            return None
        return max(1, round(times[0] + self._window_s - now))
