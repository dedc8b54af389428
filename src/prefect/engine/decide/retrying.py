"""Whether a failed attempt is followed by another, and when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, cast


def is_cause(retry_on: Iterable[type[BaseException]] | None, reason: object) -> bool:
    """Whether a failure is one to try again after.

    Args:
        retry_on: exception classes to retry on; None is all failures.
        reason: the value of the failed state, an exception where there was one.
    """
    return retry_on is None or isinstance(reason, tuple(retry_on))


def delay_after(run_count: int, retry_delay: Any) -> timedelta:
    """Time to wait after a failed attempt.

    Args:
        run_count: number of the attempt, from 1.
        retry_delay: a timedelta, a list of them (the last one repeats), a function of the attempt
            number, or None for no delay. Functions may answer in seconds.

    Raises:
        TypeError: the function returned neither a timedelta nor a number.
    """
    if callable(retry_delay):
        retry_delay = retry_delay(run_count)
        if isinstance(retry_delay, (int, float)):
            return timedelta(seconds=retry_delay)
        if not isinstance(retry_delay, timedelta):
            raise TypeError(
                f"`retry_delay` returned {retry_delay!r} for attempt {run_count}; it must return a "
                "datetime.timedelta or a number of seconds."
            )
        return retry_delay
    if isinstance(retry_delay, list):
        delays = cast("list[timedelta]", retry_delay)
        return delays[min(run_count, len(delays)) - 1]
    return timedelta(0) if retry_delay is None else cast("timedelta", retry_delay)


def retry_message(run_count: int, max_retries: int) -> str:
    """The message of the state between two attempts."""
    return f"Retrying Task (after attempt {run_count} of {max_retries + 1})"
