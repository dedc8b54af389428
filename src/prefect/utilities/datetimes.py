"""Delays that grow from one retry to the next."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

__all__ = ["retry_delay"]


class _RetryDelay:
    """A function from the number of a run to the time to wait after it; a class, so that it pickles."""

    def __init__(
        self, interval: timedelta, exponential_backoff: bool, max_delay: timedelta, jitter: float
    ) -> None:
        self.interval = interval
        self.exponential_backoff = exponential_backoff
        self.max_delay = max_delay
        self.jitter = jitter

    def __call__(self, run_number: int) -> timedelta:
        """The time to wait after a run.

        Args:
            run_number: the run that failed; the first is 1
        """
        delay = self.interval
        if self.exponential_backoff and delay > timedelta(0):
            doublings = max(run_number - 2, 0)  # the second retry waits as long as the first
            # Not 2 ** doublings at once: run 5000 would not fit into a timedelta.
            while doublings > 0 and delay < self.max_delay:
                delay *= 2
                doublings -= 1
        delay = min(delay, self.max_delay)
        if self.jitter:
            delay *= 1 + random.uniform(-self.jitter, self.jitter)
        return delay

    def __repr__(self) -> str:
        growing = ", exponential" if self.exponential_backoff else ""
        return f"<retry_delay: {self.interval}{growing}, at most {self.max_delay}>"


def retry_delay(
    interval: timedelta | None = None,
    *args: Any,
    exponential_backoff: bool = False,
    max_delay: timedelta = timedelta(hours=2),
    jitter: float = 0.0,
    **kwargs: Any,
) -> Callable[[int], timedelta]:
    """A function for `Task(retry_delay=…)` that says how long to wait before each retry.

    Example:
        ```python
        from prefect import task
        from prefect.utilities.datetimes import retry_delay


        @task(max_retries=5, retry_delay=retry_delay(seconds=10, exponential_backoff=True, jitter=0.1))
        def flaky(): ...
        ```

    waits about 10, 10, 20, 40 and 80 seconds.

    Args:
        interval: the time to wait; or give the arguments of a `timedelta` instead
        *args: positional arguments of a `timedelta` in the place of `interval`
        exponential_backoff: from the third retry on, wait twice as long as before the one before it
        max_delay: never wait longer than this (before jitter)
        jitter: spread each delay at random by this fraction of it, so that many tasks that failed
            together do not come back together; 0.1 means up to 10 % more or less
        **kwargs: arguments of a `timedelta`, such as `minutes=5`

    Returns:
        a function from the number of the run that failed (from 1) to the delay

    Raises:
        ValueError: both or neither of an interval and arguments of one are given, or jitter is not
            between 0 and 1
    """
    if interval is not None and (args or kwargs):
        raise ValueError("Provide an interval or interval keywords, but not both.")
    if interval is None and not kwargs:
        raise ValueError("Provide either an interval or interval keywords.")
    if not 0 <= jitter <= 1:
        raise ValueError(f"`jitter` is a fraction between 0 and 1, not {jitter!r}.")
    if interval is None:
        interval = timedelta(*args, **kwargs)
    if not isinstance(interval, timedelta):  # pyright: ignore[reportUnnecessaryIsInstance]
        interval = timedelta(seconds=interval)
    return _RetryDelay(interval, exponential_backoff, max_delay, jitter)
