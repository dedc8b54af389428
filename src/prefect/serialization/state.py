"""JSON of states."""

from __future__ import annotations

from typing import Any

from prefect._wire import states as structs
from prefect.engine import state
from prefect.serialization.result import StateResultSchema
from prefect.utilities.serialization import MISSING, Nested, ObjectSchema, OneOfSchema, fields

__all__ = [
    "BaseStateSchema",
    "CachedSchema",
    "CancelledSchema",
    "CancellingSchema",
    "ClientFailedSchema",
    "FailedSchema",
    "FinishedSchema",
    "LoopedSchema",
    "MappedSchema",
    "MetaStateSchema",
    "PausedSchema",
    "PendingSchema",
    "QueuedSchema",
    "ResumeSchema",
    "RetryingSchema",
    "RunningSchema",
    "ScheduledSchema",
    "SkippedSchema",
    "StateSchema",
    "SubmittedSchema",
    "SuccessSchema",
    "TimedOutSchema",
    "TriggerFailedSchema",
    "ValidationFailedSchema",
    "get_safe",
]


def get_safe(obj: state.State, context: dict[str, Any]) -> Any:
    """The value of a state that may travel: none.

    compat: 1.x could send some values along; since 0.13 it never does.
    """
    return None


class BaseStateSchema(ObjectSchema, object_class=state.State, wire=structs.State):
    """The keys of every state."""

    _result = Nested(StateResultSchema)
    cached_inputs = fields.Dict(values=Nested(StateResultSchema), allow_none=True)

    def create_object(self, data: dict[str, Any], **kwargs: Any) -> state.State:
        """The state, with the result as it came."""
        result = data.pop("_result", None)
        found: state.State = super().create_object(data, **kwargs)
        if result is not None:
            found._result = result  # pyright: ignore[reportPrivateUsage]
        return found


class MetaStateSchema(BaseStateSchema):
    """The keys of every state that wraps another."""

    state = Nested(lambda: StateSchema, allow_none=True)


class PendingSchema(BaseStateSchema, object_class=state.Pending, wire=structs.Pending):
    """A `Pending` state."""


class ScheduledSchema(PendingSchema, object_class=state.Scheduled, wire=structs.Scheduled):
    """A `Scheduled` state."""

    start_time = fields.Moment(allow_none=True)


class PausedSchema(ScheduledSchema, object_class=state.Paused, wire=structs.Paused):
    """A `Paused` state."""


class ResumeSchema(ScheduledSchema, object_class=state.Resume, wire=structs.Resume):
    """A `Resume` state."""


class RetryingSchema(ScheduledSchema, object_class=state.Retrying, wire=structs.Retrying):
    """A `Retrying` state."""


class RunningSchema(BaseStateSchema, object_class=state.Running, wire=structs.Running):
    """A `Running` state."""


class CancellingSchema(RunningSchema, object_class=state.Cancelling, wire=structs.Cancelling):
    """A `Cancelling` state."""


class FinishedSchema(BaseStateSchema, object_class=state.Finished, wire=structs.Finished):
    """A `Finished` state."""


class LoopedSchema(BaseStateSchema, object_class=state.Looped, wire=structs.Looped):
    """A `Looped` state."""


class CancelledSchema(FinishedSchema, object_class=state.Cancelled, wire=structs.Cancelled):
    """A `Cancelled` state."""


class SuccessSchema(FinishedSchema, object_class=state.Success, wire=structs.Success):
    """A `Success` state."""


class CachedSchema(SuccessSchema, object_class=state.Cached, wire=structs.Cached):
    """A `Cached` state."""

    cached_result_expiration = fields.Moment(allow_none=True)


class MappedSchema(SuccessSchema, object_class=state.Mapped, wire=structs.Mapped):
    """A `Mapped` state."""

    # Children report themselves, and the value of a mapped task is the list of theirs.
    _result = Nested(StateResultSchema, value_selection_fn=lambda obj, context: MISSING)
    map_states = Nested(lambda: StateSchema, value_selection_fn=lambda obj, context: MISSING, many=True)

    def create_object(self, data: dict[str, Any], **kwargs: Any) -> state.State:
        """The state, with None for each of the children, which are not known here."""
        width = data.pop("n_map_states", None)
        data["map_states"] = [None] * (width or 0)
        return super().create_object(data, **kwargs)


class SkippedSchema(SuccessSchema, object_class=state.Skipped, wire=structs.Skipped):
    """A `Skipped` state."""


class FailedSchema(FinishedSchema, object_class=state.Failed, wire=structs.Failed):
    """A `Failed` state."""


class TimedOutSchema(FinishedSchema, object_class=state.TimedOut, wire=structs.TimedOut):
    """A `TimedOut` state."""


class TriggerFailedSchema(FailedSchema, object_class=state.TriggerFailed, wire=structs.TriggerFailed):
    """A `TriggerFailed` state."""


class ValidationFailedSchema(
    FailedSchema, object_class=state.ValidationFailed, wire=structs.ValidationFailed
):
    """A `ValidationFailed` state."""


class ClientFailedSchema(MetaStateSchema, object_class=state.ClientFailed, wire=structs.ClientFailed):
    """A `ClientFailed` state."""


class SubmittedSchema(MetaStateSchema, object_class=state.Submitted, wire=structs.Submitted):
    """A `Submitted` state."""


class QueuedSchema(MetaStateSchema, object_class=state.Queued, wire=structs.Queued):
    """A `Queued` state."""

    start_time = fields.Moment(allow_none=True)


class StateSchema(OneOfSchema):
    """A state of any kind."""

    type_schemas = {
        "Pending": PendingSchema,
        "Scheduled": ScheduledSchema,
        "Paused": PausedSchema,
        "Resume": ResumeSchema,
        "Retrying": RetryingSchema,
        "Running": RunningSchema,
        "Cancelling": CancellingSchema,
        "Finished": FinishedSchema,
        "Looped": LoopedSchema,
        "Cancelled": CancelledSchema,
        "Success": SuccessSchema,
        "Cached": CachedSchema,
        "Mapped": MappedSchema,
        "Skipped": SkippedSchema,
        "Failed": FailedSchema,
        "TimedOut": TimedOutSchema,
        "TriggerFailed": TriggerFailedSchema,
        "ValidationFailed": ValidationFailedSchema,
        "ClientFailed": ClientFailedSchema,
        "Submitted": SubmittedSchema,
        "Queued": QueuedSchema,
    }
