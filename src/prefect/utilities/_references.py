"""Names of functions and classes, and fields that write functions by name."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, cast

from prefect._wire.times import parse_time
from prefect.utilities._fields import Field, ValidationError

__all__ = ["FunctionReference", "StatefulFunctionReference", "from_qualified_name", "to_qualified_name"]


def to_qualified_name(obj: Any) -> str:
    """The dotted path of a class or function: its module and its name within it.

    Raises:
        AttributeError: the object is neither.
    """
    return f"{obj.__module__}.{obj.__qualname__}"


def from_qualified_name(obj_str: str) -> Any:
    """The object at a dotted path, in a module that is imported already.

    Args:
        obj_str: such as `json.dumps`.

    Raises:
        ValueError: no imported module has it.
    """
    parts = obj_str.split(".")
    for cut in range(len(parts), 0, -1):
        found: Any = sys.modules.get(".".join(parts[:cut]))
        if found is None:
            continue
        try:
            for name in parts[cut:]:
                found = getattr(found, name)
        except AttributeError:
            continue
        return found
    raise ValueError(f"Couldn't load \"{obj_str}\"; maybe it hasn't been imported yet?")


class FunctionReference(Field):
    """A function, written as its dotted path.

    Args:
        valid_functions: the functions that may be written and read.
        reject_invalid: whether other functions are errors. If not, they are written all the same,
            and read as the path they came as.
        **kwargs: as for `Field`.
    """

    keeps_none: ClassVar[bool] = False

    def __init__(
        self, valid_functions: Iterable[Callable[..., Any]], reject_invalid: bool = True, **kwargs: Any
    ) -> None:
        self.valid_functions = {to_qualified_name(function): function for function in valid_functions}
        self.reject_invalid = reject_invalid
        super().__init__(**kwargs)

    def _serialize(self, value: Any, attr: str, obj: Any, **kwargs: Any) -> Any:
        if value is None and not self.reject_invalid:
            return None
        if self.reject_invalid and not any(value is function for function in self.valid_functions.values()):
            raise ValidationError(f"Invalid function reference: {value}")
        return to_qualified_name(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if value in self.valid_functions:
            return self.valid_functions[value]
        if self.reject_invalid:
            raise ValidationError(f"Invalid function reference: {value}")
        return value


class StatefulFunctionReference(Field):
    """A function, written as `{"fn": dotted path, "kwargs": the arguments it was made with}`.

    Functions made by calling a factory (`some_failed(at_least=2)`) keep the factory's arguments in
    their closure; from there they are written. Dates and times are written as tagged text.

    Args:
        valid_functions: the functions and factories that may be written and read.
        reject_invalid: whether other functions are errors. If not, they are written all the same,
            and read as None.
        **kwargs: as for `Field`.
    """

    keeps_none: ClassVar[bool] = False

    def __init__(
        self, valid_functions: Iterable[Callable[..., Any]], reject_invalid: bool = True, **kwargs: Any
    ) -> None:
        self.valid_functions = {to_qualified_name(function): function for function in valid_functions}
        self.reject_invalid = reject_invalid
        self._plain = {function: name for name, function in self.valid_functions.items()}
        super().__init__(**kwargs)

    def _serialize(self, value: Any, attr: str, obj: Any, **kwargs: Any) -> Any:
        try:
            plain = self._plain.get(value)
        except TypeError:  # a callable without hash
            plain = None
        if plain is not None:
            return {"fn": plain, "kwargs": {}}
        name = _made_by(value)
        factory = self.valid_functions.get(name)
        if factory is not None:
            return {"fn": name, "kwargs": _arguments(value, factory)}
        if not self.reject_invalid:
            return {"fn": name, "kwargs": {}}
        place = f"{type(obj).__name__}.{attr}"
        raise ValidationError(
            f"When running with Prefect Cloud/Server, custom functions aren't supported for `{place}`. "
            f"Unable to serialize `{value!r}`."
        )

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        reference: Mapping[str, Any] = cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
        name: Any = reference.get("fn")
        function = self.valid_functions.get(name) if isinstance(name, str) else None
        if function is None:
            if self.reject_invalid:
                raise ValidationError(f"Invalid function reference: {value}")
            return None
        arguments: dict[str, Any] = reference.get("kwargs") or {}
        if not arguments:
            return function
        try:
            return function(**{key: _read_argument(argument) for key, argument in arguments.items()})
        except (TypeError, ValueError) as exc:
            raise ValidationError(f"Invalid arguments of {name}: {exc}") from exc


def _made_by(function: Any) -> str:
    """The dotted path of a function, or of the factory that made it."""
    named = function if hasattr(function, "__qualname__") else cast("Any", type(function))  # a partial, say
    return to_qualified_name(named).partition(".<locals>")[0]


def _arguments(function: Any, factory: Callable[..., Any]) -> dict[str, Any]:
    """The arguments that `factory` made `function` with, ready for JSON."""
    code = factory.__code__
    parameters = frozenset(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {name: _write_argument(cell.cell_contents) for name, cell in cells if name in parameters}


def _write_argument(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return f"//datetime:{value.isoformat()}"
    if isinstance(value, datetime.time):
        return f"//time:{value.isoformat()}"
    if isinstance(value, datetime.timedelta):
        return f"//timedelta:{value.total_seconds()}"
    if isinstance(value, (set, frozenset)):
        return sorted(cast("set[Any]", value))
    return value


def _read_argument(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith("//"):
        return value
    kind, _, text = value[2:].partition(":")
    if kind == "datetime":
        import pendulum

        return pendulum.instance(parse_time(text))
    if kind == "time":
        import pendulum

        moment = datetime.time.fromisoformat(text)
        return pendulum.Time(
            moment.hour, moment.minute, moment.second, moment.microsecond, tzinfo=moment.tzinfo
        )
    if kind == "timedelta":
        return datetime.timedelta(seconds=float(text))
    return value
