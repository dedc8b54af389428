"""Settings of a task: checked and brought into one form when the task is made."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, TypeAlias, cast

RetryDelay: TypeAlias = "timedelta | Sequence[timedelta] | Callable[[int], timedelta | float]"


def seconds(value: timedelta | float) -> timedelta:
    """A delay given in seconds or as timedelta, as timedelta."""
    return value if isinstance(value, timedelta) else timedelta(seconds=value)


def normal_timeout(timeout: Any) -> float | int | None:
    """The timeout in seconds, whole ones as int.

    Raises:
        TypeError: neither a number nor a timedelta.
    """
    if timeout is None:
        return None
    if isinstance(timeout, timedelta):
        timeout = timeout.total_seconds()
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise TypeError(
            f"A timeout is a number of seconds or a datetime.timedelta, not {type(timeout).__name__} {timeout!r}."
        )
    return int(timeout) if timeout == int(timeout) else timeout


def normal_tags(tags: Iterable[str] | None) -> set[str]:
    """The tags as a new set.

    Raises:
        TypeError: one string instead of a collection of strings.
    """
    if tags is None:
        return set()
    if isinstance(tags, str):
        raise TypeError("Tags should be a set of tags, not a string.")
    return set(tags)


def normal_retry_delay(retry_delay: Any, max_retries: int) -> RetryDelay | None:
    """The delay before retries: a timedelta, a list of them, or a function of the attempt number.

    Raises:
        ValueError: retries without a delay, or a delay without retries.
        TypeError: none of these.
    """
    if max_retries > 0 and retry_delay is None:
        raise ValueError("A datetime.timedelta `retry_delay` must be provided if max_retries > 0")
    if retry_delay is not None and max_retries < 1:
        raise ValueError(
            "A `max_retries` argument greater than 0 must be provided if specifying a retry delay."
        )
    if retry_delay is None or callable(retry_delay):
        return cast("RetryDelay | None", retry_delay)
    if isinstance(retry_delay, (timedelta, int, float)):
        return seconds(retry_delay)
    if isinstance(retry_delay, Iterable):
        delays = [seconds(delay) for delay in cast("Iterable[timedelta | float]", retry_delay)]
        if delays:
            return delays
    raise TypeError(
        "A `retry_delay` is a datetime.timedelta, a number of seconds, a list of these (one for each retry, "
        f"the last is used again), or a function from the attempt number to one; not {retry_delay!r}."
    )


def normal_retry_on(retry_on: Any, max_retries: int) -> set[type[BaseException]] | None:
    """The exception classes that are retried; None is all of them.

    Raises:
        ValueError: no retries.
        TypeError: something that is no exception class.
    """
    if retry_on is None:
        return None
    if not max_retries:
        raise ValueError("A number of `max_retries` must be provided if `retry_on` is set.")
    given: list[Any] = list(cast("Iterable[Any]", retry_on)) if isinstance(retry_on, Iterable) else [retry_on]
    for item in given:
        if not isinstance(item, type):
            raise TypeError(
                f"Invalid `retry_on` value {item!r}. Expected an exception type but got an instance of "
                f"{type(item).__name__}"
            )
        if not issubclass(item, BaseException):
            raise TypeError(f"Invalid `retry_on` type {item.__name__!r}. It is no subclass of Exception.")
    return set(cast("list[type[BaseException]]", given)) or None  # compat: an empty collection is none


def normal_handlers(state_handlers: Any, on_failure: Any) -> list[Callable[..., Any]]:
    """The state handlers of a task or flow, with the one that calls `on_failure` last.

    Raises:
        TypeError: one function instead of a list.
    """
    if state_handlers is None:
        handlers: list[Callable[..., Any]] = []
    elif isinstance(state_handlers, Sequence) and not isinstance(state_handlers, (str, bytes)):
        handlers = list(cast("Sequence[Callable[..., Any]]", state_handlers))
    else:
        raise TypeError("state_handlers should be iterable.")
    if on_failure is not None:
        from prefect.utilities.notifications import callback_factory

        handlers.append(callback_factory(on_failure, check=_is_failed))
    return handlers


def _is_failed(state: Any) -> bool:
    return state.is_failed()


def normal_cache(cache_for: Any, cache_validator: Any) -> tuple[timedelta | None, Callable[..., bool] | None]:
    """How long results are reused, and the validator that says whether they may be; None is the default one."""
    if cache_for is not None and not isinstance(cache_for, timedelta):
        cache_for = seconds(cache_for)
    if cache_for is None and cache_validator is not None:
        from prefect.engine.cache_validators import never_use

        if cache_validator is not never_use:
            warnings.warn(
                "cache_validator provided without specifying cache expiration (cache_for); "
                "this Task will not be cached.",
                stacklevel=4,
            )
    return cache_for, cache_validator
