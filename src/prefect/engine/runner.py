"""What the runners of flows and tasks share: steps, state handlers, and how a run ends."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from prefect.engine.signals import ENDRUN, PrefectStateSignal
from prefect.engine.state import Failed, Pending, State
from prefect.utilities.context import context as prefect_context
from prefect.utilities.logging import get_logger

if TYPE_CHECKING:
    import logging

__all__ = ["ENDRUN", "Runner", "call_state_handlers"]

StateHandler = Callable[[Any, State, State], "State | None"]
Step = TypeVar("Step", bound=Callable[..., State])


def call_state_handlers(method: Step) -> Step:
    """Make a method of a runner a *step*: a function from a state to the next.

    A step whose state differs from the one it was given has its runner's handlers called. Errors
    of a step become states: a signal its state, `ENDRUN` the last state of the run, and any
    other exception `Failed`.
    """

    @functools.wraps(method)
    def step(self: Runner, state: State, *args: Any, **kwargs: Any) -> State:
        ends = False
        try:
            new_state = method(self, state, *args, **kwargs)
        except ENDRUN as exc:
            ends = True
            new_state = exc.state
        except PrefectStateSignal as exc:
            self.logger.info(f"{type(exc).__name__} signal raised: {exc!r}")
            new_state = exc.state
        except Exception as exc:  # the code of users: tasks, triggers, overridden steps
            message = f"Unexpected error: {exc!r}"
            self.logger.exception(message)
            if prefect_context.get("raise_on_exception"):
                raise
            new_state = Failed(message, result=exc)
        if new_state is not state:
            new_state = self.handle_state_change(state, new_state)
        if ends:
            raise ENDRUN(new_state)
        return new_state

    return cast("Step", step)


class Runner:
    """Base class of `FlowRunner` and `TaskRunner`.

    Args:
        state_handlers: functions `(runner, old_state, new_state)`, called on every change of
            state after those of the flow or task; a returned state replaces the new one.

    Raises:
        TypeError: one function instead of a collection.
    """

    def __init__(self, state_handlers: Iterable[StateHandler] | None = None) -> None:
        if state_handlers is not None and not isinstance(state_handlers, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError("state_handlers should be iterable.")
        self.state_handlers: list[StateHandler] = list(state_handlers or ())

    @property
    def logger(self) -> logging.Logger:
        """The logger of the runner's class."""
        return get_logger(type(self).__name__)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def initialize_run(self, state: State | None, context: dict[str, Any]) -> Any:
        """The state and the context that a run begins with.

        A missing state is `Pending`; a wrapping state (`Submitted`, `Queued`) gives way to the one
        it wraps.

        Returns:
            a tuple that starts with the state; subclasses add to it.
        """
        if state is None:
            state = Pending()
        else:
            state = _unwrapped(state)
        return state, context

    def call_runner_target_handlers(self, old_state: State, new_state: State) -> State:
        """Call the handlers of what is run (the flow or task); subclasses do."""
        return new_state

    def handle_state_change(self, old_state: State, new_state: State) -> State:
        """Call all handlers for a change of state.

        Returns:
            the new state, or what a handler put in its place.

        Raises:
            ENDRUN: a handler failed; the run ends `Failed`, without a retry.
        """
        try:
            new_state = self.call_runner_target_handlers(old_state, new_state)
            for handler in self.state_handlers:
                new_state = handler(self, old_state, new_state) or new_state
        except ENDRUN:
            raise
        except PrefectStateSignal as exc:
            new_state = exc.state
        except Exception as exc:  # the code of users' handlers
            if prefect_context.get("raise_on_exception"):
                raise
            message = f"Unexpected error while calling state handlers: {exc!r}"
            self.logger.exception(message)
            raise ENDRUN(Failed(message, result=exc)) from exc
        return new_state


def _unwrapped(state: State) -> State:
    """The state that wrapping ones are around; `Running` that was only asked for has not begun."""
    wrapping = state
    while state._meta:  # pyright: ignore[reportPrivateUsage]
        state = cast("State", getattr(state, "state", None) or Pending())
    return Pending(state.message) if state is not wrapping and state.is_running() else state
