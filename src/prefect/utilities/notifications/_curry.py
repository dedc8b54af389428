"""State handlers that can be given their options first and the state change later."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prefect.engine.state import State

__all__ = ["MISSING", "StateHandler", "state_handler"]

MISSING: Any = "__no__default__"
"""Stands for an argument that comes later."""

_CHANGE = ("tracked_obj", "old_state", "new_state")


class StateHandler:
    """A state handler with options.

    Called with a task or flow and two states it handles the change. Called with less, usually only with
    options, it returns a handler that knows them:

        slack_notifier(only_states=[Failed])

    `only_states` and `ignore_states` are heeded here, before anything else happens.

    Args:
        fn: does the work; takes `tracked_obj`, `old_state`, `new_state` and options by name
        args: positional arguments known already
        kwargs: keyword arguments known already
    """

    def __init__(
        self, fn: Callable[..., Any], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> None:
        self._fn = fn
        self._args = args
        self._kwargs = kwargs or {}
        functools.update_wrapper(self, fn)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Handle a change of state, or take options.

        Returns:
            the new state if all of `tracked_obj`, `old_state` and `new_state` are known, else a handler

        Raises:
            TypeError: an argument is unknown, or there are too many
        """
        all_args = (*self._args, *args)
        all_kwargs = {**self._kwargs, **kwargs}
        try:
            bound = inspect.signature(self._fn).bind(*all_args, **all_kwargs)
        except TypeError as exc:
            raise TypeError(f"{self._fn.__name__}() {exc}") from None
        bound.apply_defaults()
        given = bound.arguments
        if any(given[name] is MISSING for name in _CHANGE):
            return StateHandler(self._fn, all_args, all_kwargs)
        new_state: State = given["new_state"]
        ignored, only = given["ignore_states"] or (), given["only_states"] or ()
        if (ignored and isinstance(new_state, tuple(ignored))) or (
            only and not isinstance(new_state, tuple(only))
        ):
            return new_state
        self._fn(**given)
        return new_state

    def __reduce__(self) -> Any:
        # The wrapped function is reachable by its name only as this object, so the name is what pickles.
        if not self._args and not self._kwargs:
            return self._fn.__qualname__
        return _rebuild, (self._fn.__module__, self._fn.__qualname__, self._args, self._kwargs)

    def __repr__(self) -> str:
        shown = [*map(repr, self._args), *(f"{name}={value!r}" for name, value in self._kwargs.items())]
        return f"<state handler {self._fn.__name__}({', '.join(shown)})>"


def _rebuild(module: str, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> StateHandler:
    from importlib import import_module

    return getattr(import_module(module), name)(*args, **kwargs)


def state_handler(fn: Callable[..., Any]) -> StateHandler:
    """A decorator that makes a function of a module a `StateHandler`.

    Args:
        fn: takes `tracked_obj`, `old_state`, `new_state`, `ignore_states`, `only_states` and options, all of
            them with defaults
    """
    return StateHandler(fn)
