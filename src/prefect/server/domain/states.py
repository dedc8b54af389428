"""States as the server handles them: read, completed, and taken apart into columns. Pure."""

from __future__ import annotations

import datetime
import functools
import json
import re
from typing import Any, cast

import msgspec

from prefect._wire import base as wire
from prefect._wire import states as wire_states
from prefect.server.database.times import from_text, to_text
from prefect.server.domain import policy
from prefect.server.domain.common import clean
from prefect.server.errors import BadInputError

__all__ = [
    "DUE_STATES",
    "ENDING_STATES",
    "FINISHED_STATES",
    "HOLDING_STATES",
    "ParsedState",
    "carry_inputs",
    "first_task_state",
    "is_finished",
    "is_running",
    "parse_state",
]

#: U+0000 in JSON text, which PostgreSQL does not store; not a backslash followed by these letters.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")

#: States in which something waits for a time.
DUE_STATES = ("Scheduled", "Paused", "Resume", "Retrying", "Queued")
#: States in which a run holds its concurrency slots.
HOLDING_STATES = ("Submitted", "Running", "Cancelling")

_CLASSES: dict[str, type[wire_states.State]] = {
    name: cast("type[wire_states.State]", getattr(wire_states, name))
    for name in wire_states.__all__
    if name not in ("AnyState", "State")
}
FINISHED_STATES = frozenset(name for name, cls in _CLASSES.items() if issubclass(cls, wire_states.Finished))
#: States whose time is the end of a run.
ENDING_STATES = FINISHED_STATES - {"Mapped"}


def is_finished(state: str | None) -> bool:
    """Whether nothing more will happen."""
    return state in FINISHED_STATES


def is_running(state: str | None) -> bool:
    """Whether it runs, or is being cancelled."""
    return state in ("Running", "Cancelling")


class ParsedState(msgspec.Struct, frozen=True, gc=False):
    """A state, complete and in columns.

    Attributes:
        type: name of its class.
        message: what happened.
        start_time: text of the time it waits for; None for states that wait for none.
        result: its result as JSON text.
        json: all of it as JSON text.
        tags: `context.tags`, the tags of the task it belongs to.
        run_count: attempts so far, of a retry.
        has_cached_inputs: whether inputs travel with it.
        n_map_states: number of children, of a mapped task.
    """

    type: str
    message: str | None
    start_time: str | None
    result: str | None
    json: str
    tags: tuple[str, ...] = ()
    run_count: int | None = None
    has_cached_inputs: bool = False
    n_map_states: int | None = None


def parse_state(state: Any, now: datetime.datetime) -> ParsedState:
    """Read a state, and give sparse ones the values that 1.x servers gave them.

    A `Scheduled`, `Resume`, `Retrying` or `Queued` without a start time is due now; a `Paused`
    without one waits for ever.

    Args:
        state: the JSON object, or its text.
        now: the time (UTC).

    Raises:
        BadInputError: not a state, or one that is too large (`server.limits.state_bytes`).
    """
    if isinstance(state, str):
        try:
            state = json.loads(state)
        except ValueError as exc:
            raise BadInputError(f"A state is a JSON object; this text is no JSON: {exc}.") from exc
    if not isinstance(state, dict):
        raise BadInputError("A state is a JSON object with a `type`.")
    fields = cast("dict[str, Any]", state)
    name = fields.get("type")
    if not isinstance(name, str) or name not in _CLASSES:
        raise BadInputError(f"There is no state of type {name!r}; there are: {', '.join(sorted(_CLASSES))}.")
    try:
        # By its class: for the union of all of them msgspec would look at every class again.
        parsed = cast("Any", wire.from_builtins(fields, _CLASSES[name]))
        _complete(parsed, now)
        encoded = wire.encode(parsed)
        text = encoded.decode()
    except UnicodeEncodeError:
        return parse_state(clean(fields), now)
    except (msgspec.ValidationError, ValueError) as exc:
        raise BadInputError(f"The {name} state cannot be read: {exc}.") from exc
    if "\\u0000" in text and _NUL.search(text):
        return parse_state(clean(fields), now)
    if len(encoded) > policy.current().limits.state_bytes:
        raise BadInputError("State payload is too large.")
    start_time = getattr(parsed, "start_time", None)
    result = getattr(parsed, "result", msgspec.UNSET)
    tags = cast("dict[str, Any]", parsed.context or {}).get("tags")
    return ParsedState(
        type=name,
        message=parsed.message,
        start_time=to_text(from_text(start_time)) if start_time else None,
        result=None if result is msgspec.UNSET else wire.encode(result).decode(),
        json=text,
        tags=tuple(str(tag) for tag in cast("list[Any]", tags)) if isinstance(tags, list) else (),
        run_count=getattr(parsed, "run_count", None),
        has_cached_inputs=bool(parsed.cached_inputs),
        n_map_states=getattr(parsed, "n_map_states", None),
    )


@functools.cache
def first_task_state() -> ParsedState:
    """The state of a task run that was just made."""
    epoch = datetime.datetime.fromtimestamp(0, datetime.timezone.utc)
    return parse_state({"type": "Pending", "message": "Task run created"}, epoch)


def _complete(state: Any, now: datetime.datetime) -> None:
    if isinstance(state, (wire_states.Scheduled, wire_states.Queued)):
        if state.start_time is None and not isinstance(state, wire_states.Paused):
            state.start_time = to_text(now)
        elif state.start_time is not None:
            # Naive times are UTC; one format for all.
            state.start_time = to_text(from_text(state.start_time))
    if isinstance(state, wire_states.Retrying) and state.run_count is None:
        state.run_count = 1
    wrapped = getattr(state, "state", None)
    if wrapped is not None:
        _complete(wrapped, now)


def carry_inputs(state: ParsedState, stored: str | None) -> ParsedState:
    """The state with the stored state's inputs, if it has none of its own."""
    if state.has_cached_inputs or not stored:
        return state
    kept = json.loads(stored).get("cached_inputs")
    if not kept:
        return state
    fields = json.loads(state.json)
    fields["cached_inputs"] = kept
    return msgspec.structs.replace(
        state, json=json.dumps(fields, separators=(",", ":")), has_cached_inputs=True
    )
