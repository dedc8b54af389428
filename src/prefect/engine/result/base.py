"""Results: a value together with the place it is, or will be, kept at.

Result                    holds a value; cannot read or write (the base of all others)
├── NoResultType          the class of `NoResult`: no value was computed
├── LocalResult           files                        prefect.engine.results
├── S3Result, GCSResult, AzureResult                   objects in a bucket or container
├── PrefectResult         JSON text kept in the state itself
├── ConstantResult        a value known beforehand
└── SecretResult          the value of a secret task, never stored

NotImplementedError
└── ResultNotImplementedError    a base `Result` was asked to read, write or look
"""

from __future__ import annotations

import copy
import datetime as dt
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, cast

from prefect.engine.serializers import PickleSerializer, Serializer
from prefect.utilities._lazy import removed_names

if TYPE_CHECKING:
    import logging

    from typing_extensions import Self

__all__ = ["NoResult", "NoResultType", "Result", "ResultNotImplementedError"]

__getattr__ = removed_names(__name__)

#: The serializer of every result that names none. Serializers are immutable, so one will do.
_PICKLE = PickleSerializer()
_BASE_ATTRIBUTES = ("value", "location", "serializer")


class ResultNotImplementedError(NotImplementedError):
    """A `Result` that knows no place to keep values was asked to read, write or look for one."""


class Result:
    """A value and where it is kept.

    Example:
        ```python
        from prefect.engine.results import LocalResult

        result = LocalResult(dir="data", location="{flow_name}/{task_name}.pickle")
        written = result.write(42, flow_name="etl", task_name="extract")
        written.location  # "/data/etl/extract.pickle"
        result.read(written.location).value  # 42
        ```

    A result is used as a *template* on a task or flow (`Task(result=LocalResult(...))`), and as
    the *record* of a value on a state (`state._result`). `read`, `write`, `format`, `copy` and
    `from_value` return new results and leave this one as it is.

    The base class keeps a value in memory only. To store values somewhere new, subclass it and
    implement `exists`, `read` and `write`.

    Args:
        value: the value, None if it is not here (yet).
        location: where the value is kept, relative to what the class knows (a directory, a
            bucket). May be a template in the format of `str.format`, or a function called with
            the same keywords that returns the location; both are filled in when the value is
            written.
        serializer: turns the value into bytes and back; the default is `PickleSerializer()`.

    Raises:
        TypeError: if `location` is neither text, a path, nor callable.
    """

    __slots__ = ("__dict__", "__weakref__", "location", "serializer", "value")

    value: Any
    location: str | None
    serializer: Serializer

    #: The function given as `location`, if one was.
    _formatter: Callable[..., str] | None = None

    def __init__(
        self,
        value: Any = None,
        location: str | Callable[..., str] | None = None,
        serializer: Serializer | None = None,
    ) -> None:
        self.value = value
        self.serializer = _PICKLE if serializer is None else serializer
        if location is None or isinstance(location, str):
            self.location = location
        elif isinstance(location, os.PathLike):
            self.location = os.fspath(cast("os.PathLike[str]", location))
        elif callable(location):
            self.location = None
            self._formatter = location
        else:
            raise TypeError(
                f"The location of a {type(self).__name__} is text, a path or a function that returns text, "
                f"not {location!r}."
            )

    @property
    def default_location(self) -> str:
        """A fresh location, used when none was given: `YYYY/M/D/<uuid>.prefect_result` (date in UTC)."""
        import uuid

        today = dt.datetime.now(dt.timezone.utc)
        return f"{today.year}/{today.month}/{today.day}/{uuid.uuid4()}.prefect_result"

    @property
    def logger(self) -> logging.Logger:
        """The logger of this class of results, `prefect.<class name>`."""
        own = self.__dict__.get("_logger")
        if own is not None:
            return own
        from prefect.utilities.logging import get_logger

        return get_logger(type(self).__name__)

    @logger.setter
    def logger(self, value: logging.Logger) -> None:
        # compat: `logger` was a plain attribute that subclasses may have assigned.
        self.__dict__["_logger"] = value

    # -- new results from this one ----------------------------------------------------

    def from_value(self, value: Any) -> Self:
        """A copy of this result that holds `value` and has no location yet."""
        new = self.copy()
        new.value = value
        new.location = None
        return new

    def format(self, **kwargs: Any) -> Self:
        """A copy of this result with its location filled in.

        Args:
            **kwargs: values for the placeholders of the template, or keywords for the function,
                that was given as `location`.

        Returns:
            a copy whose `location` is text; `default_location` if none was given.

        Raises:
            KeyError: if the template names something that is not in `kwargs`.
        """
        new = self.copy()
        formatter = self._formatter
        if formatter is not None:
            new.location = formatter(**kwargs)
        elif new.location is None:
            new.location = new.default_location
        elif callable(new.location):
            # compat: a task with a function as `target` puts it here.
            new.location = cast("Callable[..., str]", new.location)(**kwargs)
        elif "{" in new.location or "}" in new.location:
            new.location = new.location.format(**kwargs)
        return new

    def copy(self) -> Self:
        """A shallow copy: the value is shared."""
        return copy.copy(self)

    # -- storage ----------------------------------------------------------------------

    def exists(self, location: str, **kwargs: Any) -> bool:
        """Whether there is a value at `location`.

        Args:
            location: as for `read`, or a template.
            **kwargs: values for the placeholders of the template.

        Raises:
            ResultNotImplementedError: always, for the base class.
        """
        self._refuse("look for")

    def read(self, location: str) -> Result:
        """A new result that holds the value kept at `location`.

        Args:
            location: what `write` returned as the location, or a name relative to the place
                this result writes to.

        Raises:
            ResultNotImplementedError: always, for the base class.
        """
        self._refuse("read")

    def write(self, value_: Any, **kwargs: Any) -> Result:
        """Store `value_`; the result returned holds it and its final location.

        Args:
            value_: the value to keep.
            **kwargs: values for the placeholders of the location.

        Raises:
            ResultNotImplementedError: always, for the base class.
        """
        self._refuse("write")

    def _refuse(self, verb: str) -> NoReturn:
        raise ResultNotImplementedError(
            f"A plain {type(self).__name__} holds a value in memory and cannot {verb} stored values. "
            "Give the task or the flow a result that knows where to keep them, "
            "for example result=LocalResult(dir=...)."
        )

    # -- plumbing ---------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        """Same class and the same public attributes, value included."""
        if type(self) is not type(other):
            return False
        other = cast("Result", other)
        if self is other:
            return True
        return bool(
            self.location == other.location
            and self.serializer == other.serializer
            and self.value == other.value
            and _public(self.__dict__) == _public(other.__dict__)
        )

    __hash__ = None  # type: ignore[assignment] # compat: results were never hashable

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.value!r}>"

    def __copy__(self) -> Self:
        new = type(self).__new__(type(self))
        if self.__dict__:
            new.__dict__.update(self.__dict__)
        new.value = self.value
        new.location = self.location
        new.serializer = self.serializer
        return new

    def __getstate__(self) -> dict[str, Any]:
        """The attributes as one dictionary, the form in which 1.4.1 pickles results too."""
        state = dict(self.__dict__)
        for name in _BASE_ATTRIBUTES:
            state[name] = getattr(self, name)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in {"value": None, "location": None, "serializer": _PICKLE, **state}.items():
            # compat: pickles of 1.4.1 carry a logger and a `_formatter` of None.
            if name == "logger" or (name == "_formatter" and value is None):
                continue
            setattr(self, name, value)


class NoResultType(Result):
    """The class of `NoResult`, which says that no value was computed.

    There is one instance per process, and it cannot be changed: states share it. Calling the
    class returns that instance, whatever the arguments.

    Args:
        value: ignored.
        location: ignored.
        serializer: ignored.
    """

    __slots__ = ()

    _the_one: Any = None

    def __new__(
        cls,
        value: Any = None,  # noqa: ARG004 # the constructor has the signature of every result
        location: str | Callable[..., str] | None = None,  # noqa: ARG004
        serializer: Serializer | None = None,  # noqa: ARG004
    ) -> Self:
        """The one instance."""
        one: Self | None = NoResultType._the_one
        if one is None:
            one = super().__new__(cls)
            for name, initial in (("value", None), ("location", None), ("serializer", _PICKLE)):
                object.__setattr__(one, name, initial)
            NoResultType._the_one = one
        return one

    def __init__(  # pyright: ignore[reportMissingSuperCall]
        self,
        value: Any = None,
        location: str | Callable[..., str] | None = None,
        serializer: Serializer | None = None,
    ) -> None:
        pass

    def from_value(self, value: Any) -> Result:  # type: ignore[override]
        """A plain `Result` that holds `value`."""
        return Result(value=value)

    def format(self, **kwargs: Any) -> NoResultType:  # type: ignore[override]
        """This object: there is nothing to place."""
        return self

    def copy(self) -> NoResultType:
        """This object."""
        return self

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(
            f"NoResult is shared by all states without a value, so its {name!r} cannot be set; "
            "assign `state.result = value` instead."
        )

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = None  # type: ignore[assignment]

    def __copy__(self) -> NoResultType:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> NoResultType:
        return self

    def __reduce__(self) -> tuple[type[NoResultType], tuple[()]]:
        return NoResultType, ()

    def __setstate__(self, state: dict[str, Any]) -> None:
        # compat: pickles of 1.4.1 bring a state along; there is nothing to restore.
        del state


def _public(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if not name.startswith("_")}


NoResult: NoResultType = NoResultType()
