"""States: what a task run or flow run is, or has become.

The tree (indentation is inheritance, so a `Skipped` state *is* a `Success`):

    State
        Pending
            Scheduled
                Paused, Resume, Retrying
        Running
            Cancelling
        Finished
            Looped, Cancelled
            Success
                Cached, Mapped, Skipped
            Failed
                TimedOut, TriggerFailed, ValidationFailed
        (states that wrap another state)
            ClientFailed, Submitted, Queued

Consequences worth knowing: `Skipped` and `Mapped` count as successful; `Looped` and
`Cancelled` are finished, but neither successful nor failed; `Cancelling` is running;
`Retrying`, `Paused` and `Resume` are pending; `is_scheduled` also holds for `Queued`.

A state's value is kept in a `prefect.engine.result.Result` at `state._result` (users and
tools read it for the location of a value); `state.result` is the bare value.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, cast

from prefect.engine.result.base import NoResult, Result
from prefect.utilities import clock
from prefect.utilities.context import context as prefect_context

if TYPE_CHECKING:
    import datetime

__all__ = [
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

#: What `State._context` may hold until `state.context` is read: the tags to show there, and
#: None outside of task runs, where none are shown.
_Tags: TypeAlias = "tuple[str, ...] | None"


def _current_tags() -> _Tags:
    tags = prefect_context.top.get("task_tags")
    return None if tags is None else tuple(sorted(tags))


class State:
    """Base class of all states.

    Example:
        ```python
        state = Success("42 rows copied", result=42)
        state.is_successful()  # True
        state.result  # 42
        ```

    Args:
        message: what happened, for people.
        result: the value of the run, or a `Result` that holds it; None is "no result".
        context: JSON-compatible facts that travel with the state. Inside a task run the
            task's tags are added as `context["tags"]`.
        cached_inputs: `{input name: Result}`, what a later attempt restores inputs from.
    """

    __slots__ = ("__dict__", "__weakref__", "_cached_inputs", "_context", "_result", "message")

    color: ClassVar[str] = "#696969"
    #: Slots of the class beyond those of `State`, compared by `==` and kept by pickle.
    _extra: ClassVar[tuple[str, ...]] = ()

    _pending: ClassVar[bool] = False
    _scheduled: ClassVar[bool] = False
    _retrying: ClassVar[bool] = False
    _running: ClassVar[bool] = False
    _finished: ClassVar[bool] = False
    _successful: ClassVar[bool] = False
    _failed: ClassVar[bool] = False
    _mapped: ClassVar[bool] = False
    _cached: ClassVar[bool] = False
    _skipped: ClassVar[bool] = False
    _looped: ClassVar[bool] = False
    _queued: ClassVar[bool] = False
    _submitted: ClassVar[bool] = False
    _meta: ClassVar[bool] = False

    message: str | None
    _result: Result
    _context: dict[str, Any] | tuple[str, ...] | None
    _cached_inputs: dict[str, Result] | None

    def __init__(
        self,
        message: str | None = None,
        result: Any = None,
        context: dict[str, Any] | None = None,
        cached_inputs: dict[str, Result] | None = None,
    ) -> None:
        self.message = message
        self._result = (
            NoResult if result is None else result if isinstance(result, Result) else Result(value=result)
        )
        tags = _current_tags()
        if context:
            self._context = context
            if tags is not None:
                context.setdefault("tags", list(tags))
        else:
            self._context = tags
        self._cached_inputs = cached_inputs

    # -- value ------------------------------------------------------------------------

    @property
    def result(self) -> Any:
        """The value of the run: what the task returned, the exception of a failure, None without either."""
        return self._result.value

    @result.setter
    def result(self, value: Any) -> None:
        self._result = value if isinstance(value, Result) else Result(value=value)

    @property
    def context(self) -> dict[str, Any]:
        """JSON-compatible facts that travel with the state."""
        found = self._context
        if not isinstance(found, dict):
            found = self._context = {} if found is None else {"tags": list(found)}
        return found

    @context.setter
    def context(self, value: dict[str, Any] | None) -> None:
        self._context = value or {}

    @property
    def cached_inputs(self) -> dict[str, Result]:
        """`{input name: Result}` of the inputs this state was reached with."""
        found = self._cached_inputs
        if found is None:
            found = self._cached_inputs = {}
        return found

    @cached_inputs.setter
    def cached_inputs(self, value: dict[str, Result] | None) -> None:
        self._cached_inputs = value or {}

    def load_result(self, result: Result | None = None) -> State:
        """Read the value back from its location, if it has one and is not loaded yet.

        Args:
            result: a result that knows how to read, when the state's own does not.

        Returns:
            this state, with the value in `state.result`.
        """
        known = self._result
        location = known.location or (result.location if result is not None else None)
        if location is not None and known.value is None:
            self._result = (result or known).read(location)
        return self

    def load_cached_results(self, results: Mapping[str, Result | None] | None = None) -> State:
        """Read the values of `cached_inputs` back from their locations.

        Args:
            results: `{input name: Result}` that know how to read.

        Returns:
            this state.
        """
        results = results or {}
        for name, known in list(self.cached_inputs.items()):
            reader = results.get(name)
            location = known.location or (reader.location if reader is not None else None)
            if location is not None and known.value is None:
                self.cached_inputs[name] = (reader or known).read(location)
        return self

    # -- what it is -------------------------------------------------------------------

    def is_pending(self) -> bool:
        """Not started, or waiting to start again."""
        return self._pending

    def is_queued(self) -> bool:
        """Waiting for a concurrency slot."""
        return self._queued

    def is_retrying(self) -> bool:
        """Waiting for another attempt."""
        return self._retrying

    def is_running(self) -> bool:
        """Running, or being cancelled."""
        return self._running

    def is_finished(self) -> bool:
        """Over, with whatever outcome."""
        return self._finished

    def is_looped(self) -> bool:
        """Over for this iteration of a loop."""
        return self._looped

    def is_skipped(self) -> bool:
        """Skipped; counts as successful."""
        return self._skipped

    def is_scheduled(self) -> bool:
        """Waiting for a start time; also true while queued."""
        return self._scheduled

    def is_submitted(self) -> bool:
        """Handed to an agent or executor."""
        return self._submitted

    def is_successful(self) -> bool:
        """Over and successful (also skipped, cached and mapped)."""
        return self._successful

    def is_failed(self) -> bool:
        """Over and failed."""
        return self._failed

    def is_mapped(self) -> bool:
        """Fanned out into children."""
        return self._mapped

    def is_cached(self) -> bool:
        """Successful with a value from, or for, the cache."""
        return self._cached

    def is_meta_state(self) -> bool:
        """Wraps another state."""
        return self._meta

    # -- family -----------------------------------------------------------------------

    @classmethod
    def children(cls, include_self: bool = False, names_only: bool = False) -> list[Any]:
        """All public state classes below this one, as classes or names."""
        found: list[type[State]] = []
        pending: list[type[State]] = list(cls.__subclasses__())
        while pending:
            child = pending.pop(0)
            if not child.__name__.startswith("_"):
                found.append(child)
            pending = list(child.__subclasses__()) + pending
        if include_self:
            found.append(cls)
        return [child.__name__ for child in found] if names_only else list(found)

    @classmethod
    def parents(cls, include_self: bool = False, names_only: bool = False) -> list[Any]:
        """All public state classes above this one, as classes or names."""
        found = [
            base for base in cls.mro()[1:] if issubclass(base, State) and not base.__name__.startswith("_")
        ]
        if include_self:
            found.append(cls)
        return [base.__name__ for base in found] if names_only else list(found)

    # -- plumbing ---------------------------------------------------------------------

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"<{name}>" if self.message is None else f'<{name}: "{self.message}">'

    def __eq__(self, other: object) -> bool:
        """Same class, value and class-specific facts; message and context do not count."""
        if type(self) is not type(other):
            return False
        other = cast("State", other)
        if not bool(self._result.value == other._result.value):
            return False
        if (self._cached_inputs or {}) != (other._cached_inputs or {}):
            return False
        for name in self._extra:
            if not name.startswith("_") and getattr(self, name) != getattr(other, name):
                return False
        return _public(self.__dict__) == _public(other.__dict__)

    def __hash__(self) -> int:
        return id(self)

    def __copy__(self) -> State:
        new = type(self).__new__(type(self))
        new.__dict__.update(self.__dict__)
        new.message = self.message
        new._result = self._result
        new._context = dict(self._context) if isinstance(self._context, dict) else self._context
        new._cached_inputs = self._cached_inputs
        for name in self._extra:
            setattr(new, name, getattr(self, name))
        return new

    def __getstate__(self) -> dict[str, Any]:
        values: dict[str, Any] = dict(self.__dict__)
        values["message"] = self.message
        values["_result"] = _picklable_result(self._result)
        values["_context"] = self._context
        values["_cached_inputs"] = self._cached_inputs
        for name in self._extra:
            values[name] = getattr(self, name)
        return values

    def __setstate__(self, values: dict[str, Any]) -> None:
        # compat: pickles of 1.4.1 hold plain `context` and `cached_inputs` attributes.
        self.message = None
        self._result = NoResult
        self._context = None
        self._cached_inputs = None
        for name, value in values.items():
            setattr(self, name, value)

    def serialize(self) -> dict[str, Any]:
        """The JSON form of this state, as sent to the API. Values stay behind, locations travel."""
        from prefect.serialization.state import StateSchema

        return cast("dict[str, Any]", StateSchema().dump(self))

    @staticmethod
    def deserialize(json_blob: dict[str, Any]) -> State:
        """The state of a JSON form made by `serialize`."""
        from prefect.serialization.state import StateSchema

        return cast("State", StateSchema().load(json_blob))

    def _repr_html_(self) -> str:
        from prefect.engine._repr import state_html

        return state_html(self)


def _public(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if not name.startswith("_")}


def _picklable_result(result: Result) -> Result:
    """`result`, or a copy with a text in place of an exception that does not pickle.

    Without this, one unpicklable exception would take a whole worker's reply with it.
    """
    if not isinstance(result.value, BaseException):
        return result
    import cloudpickle

    try:
        pickle.loads(cloudpickle.dumps(result.value))  # pyright: ignore[reportUnknownMemberType]
    except Exception:  # noqa: BLE001 # any code of the user's exception may run here, and fail in any way
        replacement = result.copy()
        replacement.value = repr(result.value)
        return replacement
    return result


def make_state(cls: type[State], message: str | None, result: Result, tags: tuple[str, ...] | None) -> State:
    """A state without the look into the context: for the engine, which knows the tags of its task."""
    state = cls.__new__(cls)
    state.message = message
    state._result = result  # pyright: ignore[reportPrivateUsage]
    state._context = tags  # pyright: ignore[reportPrivateUsage]
    state._cached_inputs = None  # pyright: ignore[reportPrivateUsage]
    return state


# -- pending --------------------------------------------------------------------------


class Pending(State):
    """Waiting to run."""

    __slots__ = ()
    color: ClassVar[str] = "#7ebdff"
    _pending: ClassVar[bool] = True

    def __init__(
        self,
        message: str | None = None,
        result: Any = None,
        cached_inputs: dict[str, Result] | None = None,
        context: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message=message, result=result, context=context, cached_inputs=cached_inputs)


class Scheduled(Pending):
    """Waiting for a start time.

    Args:
        start_time: when to start (naive datetimes are UTC); now when not given.
    """

    __slots__ = ("_start_time",)
    color: ClassVar[str] = "#ffab00"
    _scheduled: ClassVar[bool] = True
    _extra: ClassVar[tuple[str, ...]] = ("start_time",)

    _start_time: datetime.datetime | None

    def __init__(
        self,
        message: str | None = None,
        result: Any = None,
        start_time: datetime.datetime | None = None,
        cached_inputs: dict[str, Result] | None = None,
        context: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message=message, result=result, context=context, cached_inputs=cached_inputs)
        self._start_time = clock.now() if start_time is None else _aware(start_time)
        run_count = prefect_context.top.get("task_run_count")
        if run_count is not None:
            self.context["task_run_count"] = run_count

    @property
    def start_time(self) -> Any:
        """When to start, as a pendulum `DateTime` (UTC unless given otherwise); None is never by itself."""
        found = self._start_time
        if found is not None and type(found).__module__ == "datetime":
            import pendulum

            found = self._start_time = pendulum.instance(found)
        return found

    @start_time.setter
    def start_time(self, value: datetime.datetime | None) -> None:
        self._start_time = None if value is None else _aware(value)


class Paused(Scheduled):
    """Waiting for a person, or until `start_time` when one is given."""

    __slots__ = ()
    color: ClassVar[str] = "#99a8e8"

    def __init__(
        self,
        message: str | None = None,
        result: Any = None,
        start_time: datetime.datetime | None = None,
        cached_inputs: dict[str, Result] | None = None,
        context: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            message=message,
            result=result,
            start_time=start_time,
            cached_inputs=cached_inputs,
            context=context,
        )
        if start_time is None:
            self.start_time = None


class Resume(Scheduled):
    """Approved by a person after a pause: runs when it is next looked at."""

    __slots__ = ()
    color: ClassVar[str] = "#f58c0c"


class Retrying(Scheduled):
    """Failed, and waiting for the next attempt.

    Args:
        run_count: attempts made so far; taken from the context when not given.
    """

    __slots__ = ("run_count",)
    color: ClassVar[str] = "#f66a0a"
    _retrying: ClassVar[bool] = True
    _extra: ClassVar[tuple[str, ...]] = ("start_time", "run_count")

    run_count: int

    def __init__(
        self,
        message: str | None = None,
        result: Any = None,
        start_time: datetime.datetime | None = None,
        cached_inputs: dict[str, Result] | None = None,
        context: dict[str, Any] | None = None,
        run_count: int | None = None,
    ) -> None:
        super().__init__(
            message=message,
            result=result,
            start_time=start_time,
            cached_inputs=cached_inputs,
            context=context,
        )
        self.run_count = prefect_context.top.get("task_run_count", 1) if run_count is None else run_count


# -- wrapping states ------------------------------------------------------------------


class _MetaState(State):
    """A state about another state; never wraps a wrapping state."""

    __slots__ = ("_state",)
    _meta: ClassVar[bool] = True
    _extra: ClassVar[tuple[str, ...]] = ("state",)

    _state: State | None

    def __init__(
        self,
        message: str | None = None,
        result: Any = None,
        state: State | None = None,
        context: dict[str, Any] | None = None,
        cached_inputs: dict[str, Result] | None = None,
    ) -> None:
        super().__init__(message=message, result=result, context=context, cached_inputs=cached_inputs)
        self.state = state

    @property
    def state(self) -> State | None:
        """The wrapped state."""
        return self._state

    @state.setter
    def state(self, value: State | None) -> None:
        while isinstance(value, _MetaState):
            value = value.state
        self._state = value


class ClientFailed(_MetaState):
    """The API could not be told about the wrapped state."""

    __slots__ = ()
    color: ClassVar[str] = "#eb0000"


class Submitted(_MetaState):
    """Handed over for execution, with the wrapped state."""

    __slots__ = ()
    color: ClassVar[str] = "#ffdf5d"
    _submitted: ClassVar[bool] = True


class Queued(_MetaState):
    """Waiting for a concurrency slot, with the wrapped state.

    Args:
        start_time: when to try again; now when not given.
    """

    __slots__ = ("_start_time",)
    color: ClassVar[str] = "#ffea7f"
    _queued: ClassVar[bool] = True
    _scheduled: ClassVar[bool] = True
    _extra: ClassVar[tuple[str, ...]] = ("state", "start_time")

    _start_time: datetime.datetime | None

    def __init__(
        self,
        message: str | None = None,
        result: Any = None,
        state: State | None = None,
        start_time: datetime.datetime | None = None,
        context: dict[str, Any] | None = None,
        cached_inputs: dict[str, Result] | None = None,
    ) -> None:
        super().__init__(
            message=message, result=result, state=state, context=context, cached_inputs=cached_inputs
        )
        self._start_time = clock.now() if start_time is None else _aware(start_time)

    start_time = Scheduled.start_time


# -- running --------------------------------------------------------------------------


class Running(State):
    """Executing."""

    __slots__ = ()
    color: ClassVar[str] = "#3d67ff"
    _running: ClassVar[bool] = True


class Cancelling(Running):
    """Asked to stop, not stopped yet."""

    __slots__ = ()
    color: ClassVar[str] = "#E8E8E8"


# -- finished -------------------------------------------------------------------------


class Finished(State):
    """Over."""

    __slots__ = ()
    color: ClassVar[str] = "#003ccb"
    _finished: ClassVar[bool] = True


class Looped(Finished):
    """Over for this iteration: the task runs again at once.

    Args:
        loop_count: iterations so far; taken from the context when not given.
    """

    __slots__ = ("loop_count",)
    color: ClassVar[str] = "#003ccb"
    _looped: ClassVar[bool] = True
    _extra: ClassVar[tuple[str, ...]] = ("loop_count",)

    loop_count: int

    def __init__(
        self,
        message: str | None = None,
        result: Any = None,
        loop_count: int | None = None,
        context: dict[str, Any] | None = None,
        cached_inputs: dict[str, Result] | None = None,
    ) -> None:
        super().__init__(message=message, result=result, context=context, cached_inputs=cached_inputs)
        self.loop_count = prefect_context.top.get("task_loop_count", 1) if loop_count is None else loop_count


class Success(Finished):
    """Over and successful."""

    __slots__ = ()
    color: ClassVar[str] = "#28a745"
    _successful: ClassVar[bool] = True


class Cached(Success):
    """Successful, with a value that may be used again.

    Args:
        cached_parameters: `{name: value}` of the flow run that made the value.
        cached_result_expiration: until when the value may be used (UTC); None is for ever.
        hashed_inputs: `{input name: hash}` of the inputs that made the value.
    """

    __slots__ = ("_cached_result_expiration", "cached_parameters", "hashed_inputs")
    color: ClassVar[str] = "#34d058"
    _cached: ClassVar[bool] = True
    _extra: ClassVar[tuple[str, ...]] = ("cached_parameters", "cached_result_expiration", "hashed_inputs")

    cached_parameters: dict[str, Any] | None
    _cached_result_expiration: datetime.datetime | None
    hashed_inputs: dict[str, str] | None

    def __init__(
        self,
        message: str | None = None,
        result: Any = None,
        cached_inputs: dict[str, Result] | None = None,
        cached_parameters: dict[str, Any] | None = None,
        cached_result_expiration: datetime.datetime | None = None,
        context: dict[str, Any] | None = None,
        hashed_inputs: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message=message, result=result, context=context, cached_inputs=cached_inputs)
        self.cached_parameters = cached_parameters
        self.cached_result_expiration = cached_result_expiration
        self.hashed_inputs = hashed_inputs

    @property
    def cached_result_expiration(self) -> Any:
        """Until when the value may be used, as a pendulum `DateTime`; None is for ever."""
        found = self._cached_result_expiration
        if found is not None and type(found).__module__ == "datetime":
            import pendulum

            found = self._cached_result_expiration = pendulum.instance(found)
        return found

    @cached_result_expiration.setter
    def cached_result_expiration(self, value: datetime.datetime | None) -> None:
        self._cached_result_expiration = None if value is None else _aware(value)


class Mapped(Success):
    """Fanned out into children; successful whatever the children become.

    Args:
        map_states: states of the children, by index.
        n_map_states: how many children there are, when known before they exist.
    """

    __slots__ = ("_n_map_states", "map_states")
    color: ClassVar[str] = "#003ccb"
    _mapped: ClassVar[bool] = True
    _extra: ClassVar[tuple[str, ...]] = ("map_states", "_n_map_states")

    map_states: list[State]
    _n_map_states: int | None

    def __init__(
        self,
        message: str | None = None,
        result: Any = None,
        map_states: Iterable[State] | None = None,
        context: dict[str, Any] | None = None,
        cached_inputs: dict[str, Result] | None = None,
        n_map_states: int | None = None,
    ) -> None:
        super().__init__(message=message, result=result, context=context, cached_inputs=cached_inputs)
        self.map_states = map_states if isinstance(map_states, list) else list(map_states or ())
        self._n_map_states = n_map_states

    @property
    def n_map_states(self) -> int:
        """How many children there are, known before they exist."""
        return len(self.map_states) if self._n_map_states is None else self._n_map_states

    @n_map_states.setter
    def n_map_states(self, value: int | None) -> None:
        self._n_map_states = value


class Skipped(Success):
    """Not run on purpose; counts as successful."""

    __slots__ = ()
    color: ClassVar[str] = "#62757f"
    _skipped: ClassVar[bool] = True


class Cancelled(Finished):
    """Stopped on request."""

    __slots__ = ()
    color: ClassVar[str] = "#bdbdbd"


class _Failure(Finished):
    """Parameter order shared by the failed states."""

    __slots__ = ()

    def __init__(
        self,
        message: str | None = None,
        result: Any = None,
        cached_inputs: dict[str, Result] | None = None,
        context: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message=message, result=result, context=context, cached_inputs=cached_inputs)


class Failed(_Failure):
    """Over and failed; the value is the exception, where there was one."""

    __slots__ = ()
    color: ClassVar[str] = "#eb0000"
    _failed: ClassVar[bool] = True


class TimedOut(Failed):
    """Failed because it ran longer than its timeout."""

    __slots__ = ()
    color: ClassVar[str] = "#ff4e33"


class TriggerFailed(Failed):
    """Not run, because its trigger said so."""

    __slots__ = ()
    color: ClassVar[str] = "#ff5131"


class ValidationFailed(Failed):
    """Ran, but its outcome was found invalid."""

    __slots__ = ()
    color: ClassVar[str] = "#ff5131"


def _aware(moment: datetime.datetime) -> datetime.datetime:
    """compat: naive datetimes are UTC."""
    if moment.tzinfo is None:
        import datetime

        return moment.replace(tzinfo=datetime.timezone.utc)
    return moment
