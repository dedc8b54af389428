"""The run context: ``prefect.context``.

One thread-local, dictionary-like object through which a task learns about its run.
It is kept as a chain of small layers: entering a context pushes a layer and leaving it
pops the layer, so nothing is ever copied, whatever the context holds.

Example:
    ```python
    with prefect.context(color="red"):
        prefect.context.color  # "red"
    prefect.context.get("color")  # None
    ```

A new thread starts from the initial context (configuration and local secrets), not from
the context of the thread that started it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn, cast

from prefect.utilities.collections import DotDict, merge_dicts

__all__ = ["Context", "Layer", "context", "forget_thread"]

_MISSING = object()
_DELETED = object()

LazyValues = Mapping[str, Callable[["Layer"], Any]]


class Layer:
    """One level of the context: values, values made on first read, and the level below.

    Args:
        values: what this level says; kept, not copied.
        lazy: functions from this layer to a value, called at the first read of their key.
    """

    __slots__ = ("lazy", "parent", "values")

    def __init__(self, values: dict[str, Any], lazy: LazyValues | None = None) -> None:
        self.values = values
        self.lazy = lazy
        self.parent: Layer | None = None

    def lookup(self, key: str) -> Any:
        """The value of `key` here or below; the module's `_MISSING` mark when there is none."""
        layer: Layer | None = self
        while layer is not None:
            value = layer.values.get(key, _MISSING)
            if value is not _MISSING:
                return _MISSING if value is _DELETED else value
            lazy = layer.lazy
            if lazy is not None and key in lazy:
                value = layer.values[key] = lazy[key](layer)
                return value
            layer = layer.parent
        return _MISSING

    def get(self, key: str, default: Any = None) -> Any:
        """The value of `key` here or below, else `default`."""
        value = self.lookup(key)
        return default if value is _MISSING else value

    def flat(self) -> dict[str, Any]:
        """All visible keys with their values, lazy ones made."""
        chain: list[Layer] = []
        layer: Layer | None = self
        while layer is not None:
            chain.append(layer)
            layer = layer.parent
        merged: dict[str, Any] = {}
        for layer in reversed(chain):
            for key in layer.lazy or ():
                merged[key] = layer.lookup(key)
            merged.update(layer.values)
        return {key: value for key, value in merged.items() if value is not _DELETED}


class _Stack(threading.local):
    """The top layer of the current thread; a new thread starts with the initial values."""

    top: Layer

    def __init__(self, initial: Callable[[], dict[str, Any]]) -> None:
        self.top = Layer(initial())


class _Entered:
    """What ``context(...)`` returns: pushes its layer on entry, restores on exit."""

    __slots__ = ("_context", "_layer", "_previous")

    def __init__(self, context: Context, values: dict[str, Any]) -> None:
        self._context = context
        self._layer = Layer(values)

    def __enter__(self) -> Context:
        values = self._layer.values
        if "config" in values:
            current: dict[str, Any] = self._context.get("config") or {}
            values["config"] = merge_dicts(current, values["config"])
        self._previous = self._context.push(self._layer)
        return self._context

    def __exit__(self, *exc_info: object) -> None:
        self._context.restore(self._previous)


class Context(DotDict):
    """A thread-local dictionary with attribute access; see the module's description.

    Args:
        *args: mappings with initial values.
        **kwargs: initial values.
    """

    _stack: _Stack

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        values: dict[str, Any] = {}
        for mapping in args:
            values.update(mapping)
        values.update(kwargs)
        object.__setattr__(self, "_stack", _Stack(lambda: dict(values)))

    # -- layers: for the engine -------------------------------------------------------

    def push(self, layer: Layer) -> Layer:
        """Make `layer` the top of this thread's chain; returns the layer that was the top."""
        stack = self._stack
        previous = layer.parent = stack.top
        stack.top = layer
        return previous

    def restore(self, layer: Layer) -> None:
        """Make `layer`, as returned by `push`, the top of this thread's chain again."""
        self._stack.top = layer

    @property
    def top(self) -> Layer:
        """The top layer of this thread."""
        return self._stack.top

    # -- dictionary -------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> _Entered:
        """A context manager in which the given values hold; all is restored at its end.

        ``config`` is merged with the present configuration, everything else is replaced.
        """
        values: dict[str, Any] = {}
        for mapping in args:
            values.update(mapping)
        values.update(kwargs)
        return _Entered(self, values)

    def __getitem__(self, key: str) -> Any:
        value = self._stack.top.lookup(key)
        if value is _MISSING:
            raise KeyError(key)
        return value

    def get(self, key: str, default: Any = None) -> Any:
        """The value of `key`, else `default`."""
        value = self._stack.top.lookup(key)
        return default if value is _MISSING else value

    def __getattr__(self, key: str) -> Any:
        value = self._stack.top.lookup(key)
        if value is _MISSING:
            raise AttributeError(
                f"prefect.context has no {key!r} here. Task and flow run values exist only inside a run; "
                f"use prefect.context.get({key!r}) where it may be absent."
            )
        return value

    def __setitem__(self, key: str, value: Any) -> None:
        self._stack.top.values[key] = value

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __delitem__(self, key: str) -> None:
        layer = self._stack.top
        if layer.lookup(key) is _MISSING:
            raise KeyError(key)
        layer.values[key] = _DELETED

    def __delattr__(self, key: str) -> None:
        if key not in self:
            raise AttributeError(key)
        del self[key]

    def __contains__(self, key: object) -> bool:
        return self._stack.top.lookup(cast("str", key)) is not _MISSING

    def __iter__(self) -> Iterator[str]:
        return iter(self._stack.top.flat())

    def __len__(self) -> int:
        return len(self._stack.top.flat())

    def clear(self) -> None:
        """Forget everything, the initial values too, until the enclosing context ends."""
        for key in self._stack.top.flat():
            del self[key]

    def copy(self) -> dict[str, Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """A plain dictionary of all values of this thread."""
        return self._stack.top.flat()

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary of all values of this thread."""
        return self._stack.top.flat()

    def __repr__(self) -> str:
        return f"<Context: {sorted(map(str, self._stack.top.flat()))}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "prefect.context cannot be pickled: it belongs to a thread. "
            "Read it as `prefect.context` inside the task instead of keeping a reference to it."
        )


def _initial_context() -> dict[str, Any]:
    import logging

    from prefect.configuration import config

    # Scripts take the logger at module level, outside of any run.
    values: dict[str, Any] = {"config": config, "logger": logging.getLogger("prefect")}
    configured = config.get("context")
    if configured:
        values.update(configured)
    return values


class _GlobalContext(Context):
    """`prefect.context`: starts from the configuration, read when a thread first uses it."""

    def __init__(self) -> None:
        object.__setattr__(self, "_stack", _Stack(_initial_context))


context: Context = _GlobalContext()


def forget_thread() -> None:
    """Start this thread's context anew, from the configuration as it is now."""
    stack = context._stack  # pyright: ignore[reportPrivateUsage]
    stack.top = Layer(_initial_context())
