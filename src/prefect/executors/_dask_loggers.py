"""What others do with the loggers of Dask, which older versions set up anew when they are imported."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["imported", "when_imported"]

_waiting: list[Callable[[], None]] = []


def when_imported(function: Callable[[], None]) -> None:
    """Call a function, once, when an executor has imported Dask.

    Args:
        function: the function.
    """
    if function not in _waiting:
        _waiting.append(function)


def imported() -> None:
    """Dask has been imported: call who waits for that."""
    while _waiting:
        _waiting.pop()()
