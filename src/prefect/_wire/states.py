"""States on the wire. There is no time stamp inside a state; dates are ISO 8601 texts with offset."""

from __future__ import annotations

from typing import Any, TypeAlias

from msgspec import UNSET, UnsetType, field

from prefect._wire.base import JSON, Wire
from prefect._wire.results import AnyResult, NoResultType

__all__ = [
    "AnyState",
    "Cached",
    "Cancelled",
    "Cancelling",
    "ClientFailed",
    "Failed",
    "Finished",
    "Looped",
    "Mapped",
    "Paused",
    "Pending",
    "Queued",
    "Resume",
    "Retrying",
    "Running",
    "Scheduled",
    "Skipped",
    "State",
    "Submitted",
    "Success",
    "TimedOut",
    "TriggerFailed",
    "ValidationFailed",
]


class State(Wire):
    """What every state has. All keys may be missing: servers and people write sparse states."""

    message: str | None = None
    #: Facts in JSON that travel with the state, such as the `tags` of its task.
    context: dict[str, Any] | None = {}
    #: Inputs by name, for the next attempt.
    cached_inputs: dict[str, AnyResult] | None = {}
    result: AnyResult | UnsetType = field(name="_result", default_factory=NoResultType)


class Pending(State, tag="Pending"):
    """Waiting to run."""


class Scheduled(Pending, tag="Scheduled"):
    """Waiting for a start time; none means now."""

    start_time: str | None = None


class Paused(Scheduled, tag="Paused"):
    """Waiting for a person; a start time ends the wait."""


class Resume(Scheduled, tag="Resume"):
    """Approved by a person."""


class Retrying(Scheduled, tag="Retrying"):
    """Waiting for another attempt."""

    run_count: int | None = None


class Running(State, tag="Running"):
    """Running."""


class Cancelling(Running, tag="Cancelling"):
    """Running, and asked to stop."""


class Finished(State, tag="Finished"):
    """Over."""


class Looped(Finished, tag="Looped"):
    """Over for this iteration."""

    loop_count: int | None = None


class Cancelled(Finished, tag="Cancelled"):
    """Stopped on request."""


class Success(Finished, tag="Success"):
    """Over and successful."""


class Cached(Success, tag="Cached"):
    """Successful, with a value that may be used again."""

    cached_parameters: JSON = None
    cached_result_expiration: str | None = None
    hashed_inputs: dict[str, Any] | None = None


class Mapped(Success, tag="Mapped"):
    """Fanned out into children; the only state that is written without a result."""

    result: AnyResult | UnsetType = field(name="_result", default=UNSET)
    n_map_states: int | None = None


class Skipped(Success, tag="Skipped"):
    """Not run, on purpose."""


class Failed(Finished, tag="Failed"):
    """Over and failed."""


class TimedOut(Failed, tag="TimedOut"):
    """Ran too long."""


class TriggerFailed(Failed, tag="TriggerFailed"):
    """Not run, because of its upstream tasks."""


class ValidationFailed(Failed, tag="ValidationFailed"):
    """Ran, with a value that is no good."""


class ClientFailed(State, tag="ClientFailed"):
    """The client could not report the wrapped state."""

    state: AnyState | None = None


class Submitted(State, tag="Submitted"):
    """Handed to an agent or executor, which will start it."""

    state: AnyState | None = None


class Queued(State, tag="Queued"):
    """Waiting for a concurrency slot."""

    start_time: str | None = None
    state: AnyState | None = None


AnyState: TypeAlias = (
    Pending
    | Scheduled
    | Paused
    | Resume
    | Retrying
    | Running
    | Cancelling
    | Finished
    | Looped
    | Cancelled
    | Success
    | Cached
    | Mapped
    | Skipped
    | Failed
    | TimedOut
    | TriggerFailed
    | ValidationFailed
    | ClientFailed
    | Submitted
    | Queued
)
