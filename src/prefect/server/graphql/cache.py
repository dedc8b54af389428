"""A cache that forgets what was not used for longest, bounded by the size of what it keeps."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["Cache"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Cache(Generic[K, V]):
    """Values by key. Safe to use from any thread.

    Args:
        weight: sum of the weights of what is kept, at most.
        largest: weight of one value that is kept, at most; what is heavier is not worth its place.
    """

    def __init__(self, weight: int, largest: int) -> None:
        self._limit = weight
        self._largest = largest
        self._lock = threading.Lock()
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._weight = 0

    def get(self, key: K) -> V | None:
        """The value of a key, which is then the last that will be forgotten."""
        with self._lock:
            found = self._values.get(key)
            if found is None:
                return None
            self._values.move_to_end(key)
            return found[0]

    def put(self, key: K, value: V, weight: int) -> None:
        """Keep a value; the least recently used make place for it."""
        if weight > self._largest:
            return
        with self._lock:
            old = self._values.pop(key, None)
            if old is not None:
                self._weight -= old[1]
            self._values[key] = (value, weight)
            self._weight += weight
            while self._weight > self._limit:
                _, (_, freed) = self._values.popitem(last=False)
                self._weight -= freed

    def __len__(self) -> int:
        return len(self._values)

    @property
    def weight(self) -> int:
        """Sum of the weights of what is kept."""
        return self._weight
