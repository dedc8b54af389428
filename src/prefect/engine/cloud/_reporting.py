"""What both runners do with the API: send states, wait for slots and start times."""

from __future__ import annotations

import copy
import datetime
from typing import TYPE_CHECKING, cast

from prefect.engine.result.base import NoResult
from prefect.engine.state import Failed, State
from prefect.utilities import clock
from prefect.utilities.context import context

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from prefect.engine.state import Scheduled

__all__ = ["broken_handler", "for_api", "wait_for_start"]

#: A run that may start again within this time is waited for; later ones are left to the API.
WAITS_AT_MOST = datetime.timedelta(minutes=10)


def for_api(state: State) -> State:
    """The state as it is sent: without values that have no location, as they would mean nothing there."""
    result = state._result  # pyright: ignore[reportPrivateUsage]
    inputs = state._cached_inputs  # pyright: ignore[reportPrivateUsage]
    if result.location is not None or state.is_mapped():
        sent = state
    else:
        sent = copy.copy(state)
        sent._result = NoResult  # pyright: ignore[reportPrivateUsage]
    if inputs and any(kept.location is None for kept in inputs.values()):
        sent = copy.copy(sent)
        sent.cached_inputs = {name: kept for name, kept in inputs.items() if kept.location is not None}
    return sent


def broken_handler(exc: Exception, logger: logging.Logger) -> State:
    """The state of a run whose state handler raised `exc`; the API is told of it like of any other.

    Raises:
        Exception: `exc`, if errors are to leave the run (`raise_on_exception`).
    """
    if context.get("raise_on_exception"):
        raise exc
    message = f"Exception raised while calling state handlers: {exc!r}"
    logger.error(message, exc_info=exc)
    return Failed(message, result=exc)


def wait_for_start(state: State, say: Callable[[str], None]) -> bool:
    """Wait until a queued or retrying run may go on; False when that is too late to wait for."""
    start_time = cast("datetime.datetime | None", cast("Scheduled", state).start_time)
    if start_time is None or start_time - clock.now() > WAITS_AT_MOST:
        return False
    if start_time > clock.now():
        say(f"{type(state).__name__}: going on at {start_time}.")
        clock.wait_until(start_time)
    return True
