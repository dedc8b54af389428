"""Signatures of task functions: what may be a task, and binding calls fast."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    import inspect

#: Keywords of `task(...)` itself, which a task's own arguments may not be named.
RESERVED_ARGUMENTS = ("mapped", "task_args", "upstream_tasks", "flow")


class TaskSignature:
    """How a task's `run` is called.

    Attributes:
        signature: the full signature of `run`, without `self`.
        positional: names that may be given by position, in order.
        names: all names.
        required: names without a default.
        var_keyword: name of the `**kwargs` parameter, if there is one.
    """

    __slots__ = ("names", "positional", "required", "signature", "var_keyword")

    def __init__(self, signature: inspect.Signature) -> None:
        self.signature = signature
        positional: list[str] = []
        names: set[str] = set()
        required: set[str] = set()
        self.var_keyword: str | None = None
        for name, parameter in signature.parameters.items():
            kind = parameter.kind
            if kind == parameter.VAR_KEYWORD:
                self.var_keyword = name
                continue
            names.add(name)
            if kind == parameter.POSITIONAL_OR_KEYWORD:
                positional.append(name)
            if parameter.default is parameter.empty:
                required.add(name)
        self.positional = tuple(positional)
        self.names = frozenset(names)
        self.required = frozenset(required)

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """`{argument name: value}` of the given arguments, as Python would bind them.

        Raises:
            TypeError: an argument is missing, unknown or given twice.
        """
        positional = self.positional
        if len(args) <= len(positional):
            bound = dict(zip(positional, args, strict=False)) if args else {}
            if kwargs:
                size = len(bound) + len(kwargs)
                bound.update(kwargs)
                is_clear = len(bound) == size and self.names.issuperset(kwargs)
            else:
                is_clear = True
            if is_clear and self.required.issubset(bound):
                return bound
        # The uncommon cases, and Python's own words for what is wrong.
        bound = dict(self.signature.bind(*args, **kwargs).arguments)
        if self.var_keyword is not None:
            bound.update(bound.pop(self.var_keyword, {}))
        return bound


_by_function: WeakKeyDictionary[Callable[..., Any], TaskSignature] = WeakKeyDictionary()


def task_signature(run: Callable[..., Any]) -> TaskSignature:
    """The signature of a task's `run` (function or bound method), looked up once per function."""
    function: Callable[..., Any] = getattr(run, "__func__", run)
    try:
        found = _by_function.get(function)
    except TypeError:  # not hashable or not weakly referable
        found = None
    if found is None:
        import inspect

        found = TaskSignature(inspect.signature(run))
        try:
            _by_function[function] = found
        except TypeError:
            return found
    return found


_HAS_VARARGS = 0x04  # inspect.CO_VARARGS


def _is_ordinary(run: Callable[..., Any]) -> bool:
    """Whether a function's code alone shows that it can be a task's `run`; spares loading `inspect`."""
    if not isinstance(run, FunctionType) or run.__dict__:  # decorated functions say what they wrap there
        return False
    code = run.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + 1]  # with the name of **kwargs
    return (
        not code.co_flags & _HAS_VARARGS
        and not code.co_posonlyargcount
        and not any(name in RESERVED_ARGUMENTS for name in names)
    )


def check_run_signature(run: Callable[..., Any], name: str | None = None) -> None:
    """Refuse functions that cannot be a task's `run`.

    Raises:
        ValueError: `*args`, reserved names, or no signature at all.
        TypeError: positional-only parameters.
    """
    if _is_ordinary(run):
        return
    import inspect

    function: Callable[..., Any] = inspect.unwrap(run)
    label: str = name or getattr(run, "__name__", repr(run))
    try:
        parameters = inspect.signature(function).parameters
    except ValueError as exc:
        raise ValueError(
            f"The signature of {label!r} cannot be read, as for some functions built into Python. "
            f"Wrap it in a function of yours, such as `@task def {label}_task(x): return {label}(x)`."
        ) from exc
    kinds = {parameter.kind for parameter in parameters.values()}
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        raise ValueError(
            "Tasks with variable positional arguments (*args) are not supported, because all Prefect "
            "arguments are stored as keywords. As a workaround, consider modifying the run() method to "
            "accept **kwargs and feeding the values to *args."
        )
    positional_only = [
        p.name for p in parameters.values() if p.kind == p.POSITIONAL_ONLY and p.name != "self"
    ]
    if positional_only:
        raise TypeError(
            f"Found positional-only parameters in the function signature for task {label}: {positional_only}. "
            "Prefect passes arguments using keywords and does not support positional-only parameters."
        )
    reserved = sorted(set(parameters) & set(RESERVED_ARGUMENTS))
    if reserved:
        raise ValueError(
            f"Tasks cannot have the following argument names: {', '.join(reserved)}. "
            "These are reserved keyword arguments."
        )
