"""Slowing down whoever tries keys, and whoever asks too often."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict, deque
from collections.abc import Callable

__all__ = ["Pace", "Throttle"]


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
        address = _network(address)
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


class Pace:
    """Lets each key make so many requests a second on average; ten seconds' worth may come at once.

    Args:
        monotonic: seconds of a clock that only goes forward.
        per_second: requests; 0 for as many as it likes.
        size: keys to remember; the least recent are forgotten.
    """

    def __init__(self, monotonic: Callable[[], float], per_second: int, size: int = 10_000) -> None:
        self._monotonic = monotonic
        self._step_s = 1 / per_second if per_second else 0.0
        self._size = size
        #: When each key would have used up what it may, had it come evenly.
        self._used_until: OrderedDict[str, float] = OrderedDict()

    def wait_s(self, key: str) -> int | None:
        """Note a request; the seconds to wait if it is one too many, else None."""
        if not self._step_s:
            return None
        now = self._monotonic()
        used_until = max(now, self._used_until.get(key, now)) + self._step_s
        if used_until - now > 10.0:
            return max(1, round(used_until - now - 10.0))
        self._used_until[key] = used_until
        self._used_until.move_to_end(key)
        if len(self._used_until) > self._size:
            self._used_until.popitem(last=False)
        return None


def _network(address: str) -> str:
    """What one attacker has: an IPv4 address, or 2^64 of IPv6."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))
