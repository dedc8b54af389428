"""Signals: raise one inside a task to choose the state it ends in.

Example:
    ```python
    @task
    def only_on_weekdays(day):
        if day.weekday() > 4:
            raise signals.SKIP("no data at the weekend")
    ```

Signals derive from `BaseException`, so an `except Exception` in user code lets them pass.
Arguments beyond the message go to the state class. Unless `result` is given, the signal
itself is the state's result (for LOOP its repr), and a lenient downstream task receives
it as input; pass `result=None` where it should not.
"""

from __future__ import annotations

from typing import Any, ClassVar

from prefect.engine import state as states
from prefect.engine.state import State
from prefect.exceptions import PrefectSignal

__all__ = [
    "ENDRUN",
    "FAIL",
    "LOOP",
    "PAUSE",
    "RETRY",
    "SKIP",
    "SUCCESS",
    "TRIGGERFAIL",
    "VALIDATIONFAIL",
    "PrefectStateSignal",
    "signal_from_state",
]


class ENDRUN(PrefectSignal):
    """Ends a runner's pipeline with a state; raised by runner steps, not by tasks.

    Args:
        state: the state to end with.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        super().__init__("")

    def __reduce__(self) -> tuple[type[ENDRUN], tuple[State]]:
        return type(self), (self.state,)


class PrefectStateSignal(PrefectSignal):
    """A signal that stands for a state.

    Args:
        message: the message of the state.
        *args: further positional arguments of the state class.
        **kwargs: further arguments of the state class.
    """

    _state_cls: ClassVar[type[State]] = State

    def __init__(self, message: str | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(message)  # pyright: ignore[reportArgumentType]
        kwargs.setdefault("result", self._default_result())
        self.state: State = self._state_cls(message, *args, **kwargs)

    def _default_result(self) -> Any:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        state = self.state
        # A result that is the signal itself would make the pickle a circle.
        own_result = state.result is self
        if own_result:
            state = _with_result(state, None)
        return _restore_signal, (type(self), state.message, state, own_result)


def _with_result(state: State, value: Any) -> State:
    import copy

    replacement = copy.copy(state)
    replacement.result = value
    return replacement


def _restore_signal(
    cls: type[PrefectStateSignal], message: str | None, state: State, own_result: bool
) -> PrefectStateSignal:
    signal = cls.__new__(cls)
    PrefectSignal.__init__(signal, message)  # pyright: ignore[reportArgumentType]
    signal.args = (message,)
    signal.state = state
    if own_result:
        state.result = signal
    return signal


class FAIL(PrefectStateSignal):
    """Ends the task `Failed`; retried like any failure."""

    _state_cls: ClassVar[type[State]] = states.Failed


class TRIGGERFAIL(FAIL):
    """Ends the task `TriggerFailed`; for triggers."""

    _state_cls: ClassVar[type[State]] = states.TriggerFailed


class VALIDATIONFAIL(FAIL):
    """Ends the task `ValidationFailed`."""

    _state_cls: ClassVar[type[State]] = states.ValidationFailed


class SUCCESS(PrefectStateSignal):
    """Ends the task `Success`; a `result` is checkpointed like a returned value."""

    _state_cls: ClassVar[type[State]] = states.Success


class RETRY(PrefectStateSignal):
    """Runs the task again at `start_time`, at once without one; `max_retries` does not count."""

    _state_cls: ClassVar[type[State]] = states.Retrying


class SKIP(PrefectStateSignal):
    """Ends the task `Skipped`, and by default the tasks downstream of it."""

    _state_cls: ClassVar[type[State]] = states.Skipped


class PAUSE(PrefectStateSignal):
    """Pauses the task until a person resumes it, or until `start_time`."""

    _state_cls: ClassVar[type[State]] = states.Paused


class LOOP(PrefectStateSignal):
    """Runs the task again at once, with `result` as `prefect.context.task_loop_result`."""

    _state_cls: ClassVar[type[State]] = states.Looped

    def _default_result(self) -> Any:
        return repr(self)


def signal_from_state(state: State) -> type[PrefectStateSignal]:
    """The signal class that ends a task in the class of `state`.

    Raises:
        ValueError: no signal stands for exactly this class.
    """
    pending = list(PrefectStateSignal.__subclasses__())
    while pending:
        signal = pending.pop()
        if signal._state_cls is type(state):  # pyright: ignore[reportPrivateUsage]
            return signal
        pending.extend(signal.__subclasses__())
    raise ValueError(f"No signal matches the provided state: {state}")
