"""Says *which part* of a value cannot be pickled.

Python's own message names a type (`cannot pickle '_thread.lock' object`) and leaves the search to
the reader. `explain_unpicklable` pickles the value once more into nothing, notes the object at which
that fails, and finds the way from the value to it.
"""

from __future__ import annotations

import functools
import pickle
import sys
import time
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

__all__ = ["explain_unpicklable", "unpicklable_error"]

_TIME_LIMIT_S = 5.0
_NODE_LIMIT = 200_000
_PATH_LENGTH = 300

_Child = tuple[str, object]


def unpicklable_error(value: object, error: BaseException) -> TypeError | pickle.PicklingError:
    """The error to raise instead of `error`, which pickling `value` has raised.

    Args:
        value: what was to be pickled.
        error: what cloudpickle raised.

    Returns:
        a TypeError where Python raised one, else a `pickle.PicklingError`; its text names the part
        that does not pickle.
    """
    where = explain_unpicklable(value) or f"value: {_reason(value, error)}"
    text = (
        f"A value of type {_type_name(value)!r} cannot be pickled. {where}. "
        "Leave that part out of the value, or keep the value with a serializer that can write it."
    )
    return TypeError(text) if isinstance(error, TypeError) else pickle.PicklingError(text)


def explain_unpicklable(value: object, name: str = "value") -> str:
    """The part of a value at which pickling fails, and why.

    Example:
        ```python
        import threading

        from prefect.utilities._pickling import explain_unpicklable

        explain_unpicklable({"rows": [1, 2], "lock": threading.Lock()})
        # "value['lock']: cannot pickle '_thread.lock' object"
        ```

    The value is pickled a second time for this (for at most a few seconds), with the same rules as
    everywhere in Prefect: functions and classes of scripts are pickled by value, with the global
    variables and closures that they use.

    Args:
        value: anything.
        name: what to call it in the answer.

    Returns:
        one line without a full stop; empty if the value can be pickled after all, or if it is too
        large to say.
    """
    deadline = time.monotonic() + _TIME_LIMIT_S
    found = _first_failure(value, deadline)
    if found is None:
        return ""
    culprit, error = found
    if _is_too_deep(error):
        return f"{name}: it is nested too deeply"
    path = _path_to(culprit, value, name, deadline)
    if path is None:
        path = f"something in {name}"
    return f"{path}: {_reason(culprit, error)}"


# -- finding the object ---------------------------------------------------------------------


class _Nothing:
    """A file that keeps nothing."""

    def write(self, data: bytes) -> int:
        return len(data)


class _OutOfTimeError(Exception):
    """The search takes longer than it is worth."""


def _first_failure(value: object, deadline: float) -> tuple[object, Exception] | None:
    """The object at which pickling fails, with the error; None if it does not or takes too long."""
    import cloudpickle

    last: list[object] = [value]
    seen = 0

    class Probe(cloudpickle.Pickler):
        def persistent_id(self, obj: object) -> None:
            # Called for each object just before it is pickled: the last one is what failed.
            nonlocal seen
            last[0] = obj
            seen += 1
            if seen % 1000 == 0 and time.monotonic() > deadline:
                raise _OutOfTimeError

    try:
        Probe(cast("Any", _Nothing())).dump(value)  # pyright: ignore[reportUnknownMemberType]
    except _OutOfTimeError:
        return None
    except Exception as exc:  # noqa: BLE001 # whatever the value's own __reduce__ raises
        return last[0], exc
    return None


def _is_too_deep(error: BaseException) -> bool:
    return isinstance(error, RecursionError) or isinstance(
        error.__cause__ or error.__context__, RecursionError
    )


def _reason(culprit: object, error: BaseException) -> str:
    text = str(error).splitlines()[0].rstrip(".") if str(error) else ""
    if isinstance(error, TypeError) and text.startswith("cannot pickle"):
        return text
    detail = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"cannot pickle {_type_name(culprit)!r} object ({detail})"


def _type_name(value: object) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


# -- finding the way to it --------------------------------------------------------------------


def _path_to(culprit: object, root: object, name: str, deadline: float) -> str | None:
    """The shortest way from `root` to `culprit` along what is pickled, as text."""
    if culprit is root:
        return name
    # All objects met stay referenced here: the parts of reduce values are temporary, and their
    # ids would be used again.
    nodes: list[tuple[object, int, str]] = [(root, -1, name)]
    met = {id(root)}
    index = 0
    while index < len(nodes):
        if len(nodes) > _NODE_LIMIT or (index % 500 == 0 and time.monotonic() > deadline):
            return None
        for label, child in _children(nodes[index][0]):
            if child is culprit:
                return _shortened("".join([*_labels(nodes, index), label]))
            if id(child) not in met and not _is_atom(child):
                met.add(id(child))
                nodes.append((child, index, label))
        index += 1
    return None


def _labels(nodes: list[tuple[object, int, str]], index: int) -> list[str]:
    labels: list[str] = []
    while index >= 0:
        _, parent, label = nodes[index]
        labels.append(label)
        index = parent
    return labels[::-1]


def _shortened(path: str) -> str:
    if len(path) <= _PATH_LENGTH:
        return path
    half = _PATH_LENGTH // 2
    return f"{path[:half]} … {path[-half:]}"


_ATOMS = (
    type(None),
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    bytearray,
    types.BuiltinFunctionType,
    types.ModuleType,
)


def _is_atom(value: object) -> bool:
    return type(value) in _ATOMS


def _children(value: object) -> Iterator[_Child]:
    """The parts of `value` that are pickled with it, each with the text that leads to it."""
    kind = type(value)
    if kind is dict:
        yield from _items(cast("dict[object, object]", value).items())
    elif kind in (list, tuple):
        for i, part in enumerate(cast("list[object]", value)):
            yield f"[{i}]", part
    elif kind in (set, frozenset):
        for part in cast("set[object]", value):
            yield " (an element)", part
    elif isinstance(value, types.FunctionType):
        if not _is_importable(value):
            yield from _of_function(value)
    elif isinstance(value, type):
        if not _is_importable(value):
            yield from _of_class(value)
    elif isinstance(value, types.MethodType):
        yield ".__self__", value.__self__
        yield ".__func__", value.__func__
    elif isinstance(value, (staticmethod, classmethod)):
        yield "", cast("classmethod[Any, Any, Any]", value).__func__
    elif isinstance(value, functools.partial):
        whole = cast("functools.partial[Any]", value)
        yield from ((".func", whole.func), (".args", whole.args), (".keywords", whole.keywords))
    elif isinstance(value, property):
        yield from (("", part) for part in (value.fget, value.fset, value.fdel) if part is not None)
    else:
        yield from _of_reduced(value)


def _items(pairs: Iterable[tuple[object, object]]) -> Iterator[_Child]:
    for key, part in pairs:
        yield f"[{_short(key)}]", part
        if not _is_atom(key):
            yield f" (the key {_short(key)})", key


def _short(key: object) -> str:
    try:
        text = repr(key)
    except Exception:  # noqa: BLE001 # the user's __repr__
        text = object.__repr__(key)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _is_importable(value: types.FunctionType | type) -> bool:
    """Whether cloudpickle writes only the name of this function or class."""
    module = sys.modules.get(value.__module__ or "")
    if module is None or value.__module__ == "__main__":
        return False
    found: object = module
    for part in value.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is value


def _of_function(function: types.FunctionType) -> Iterator[_Child]:
    who = f"of function {function.__name__!r}"
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            yield f" (variable {name!r} {who})", cell.cell_contents
        except ValueError:  # a cell that is still empty
            continue
    for name in sorted(_names_used(function.__code__)):
        if name in function.__globals__:
            yield f" (global variable {name!r} {who})", function.__globals__[name]
    for i, default in enumerate(function.__defaults__ or ()):
        yield f" (default {i} {who})", default
    for name, default in (function.__kwdefaults__ or {}).items():
        yield f" (default of {name!r} {who})", default
    for name, part in function.__dict__.items():
        yield f".{name}", part


def _names_used(code: types.CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names_used(constant)
    return names


def _of_class(cls: type) -> Iterator[_Child]:
    for name, part in vars(cls).items():
        if name not in {"__dict__", "__weakref__", "__doc__", "__module__"}:
            yield f" (class {cls.__name__!r}).{name}", part
    for base in cls.__bases__:
        yield "", base


def _of_reduced(value: object) -> Iterator[_Child]:
    """The parts of an object as its own `__reduce_ex__` lists them."""
    try:
        reduced = _reducer(type(value))(value)
    except Exception:  # noqa: BLE001 # the object itself is what cannot be pickled, or it is none of our business
        return
    if not isinstance(reduced, tuple):
        return  # the name of a global
    function, arguments, state, items, pairs = (cast("tuple[Any, ...]", reduced) + (None,) * 4)[:5]
    yield "", function
    is_exception = isinstance(value, BaseException)
    for i, part in enumerate(cast("tuple[object, ...]", arguments or ())):
        if isinstance(part, type):
            yield "", part
        elif is_exception:
            yield f".args[{i}]", part
        else:
            yield f" (part {i} of it)", part
    if state is not None:
        yield from _of_state(value, state)
    for i, part in enumerate(cast("Iterable[object]", items or ())):
        yield f"[{i}]", part
    yield from _items(cast("Iterable[tuple[object, object]]", pairs or ()))


def _reducer(kind: type) -> Callable[[Any], Any]:
    import copyreg

    registered = copyreg.dispatch_table.get(kind)
    return registered if registered is not None else lambda value: value.__reduce_ex__(4)


def _of_state(value: object, state: object) -> Iterator[_Child]:
    """The parts of a state: a dictionary, or the pair (dictionary, slots), or the user's own."""
    layers: list[object] = [state]
    if type(state) is tuple:
        pair = cast("tuple[object, ...]", state)
        if len(pair) == 2 and all(layer is None or type(layer) is dict for layer in pair):
            layers = list(pair)
    for layer in layers:
        if type(layer) is not dict:
            if layer is not None:
                yield " (its state)", layer
            continue
        for name, part in cast("dict[object, object]", layer).items():
            if isinstance(name, str) and _is_plain_attribute(value, name, part):
                yield f".{name}", part
            else:
                yield f".__getstate__()[{_short(name)}]", part


def _is_plain_attribute(value: object, name: str, part: object) -> bool:
    """Whether `value.name` is `part`, found without running a property of the user's."""
    own = getattr(value, "__dict__", None)
    if isinstance(own, dict) and name in own:
        return cast("dict[str, object]", own)[name] is part
    return type(getattr(type(value), name, None)) is types.MemberDescriptorType
