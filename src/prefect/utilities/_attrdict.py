"""A real `dict` with attribute access, under settings, answers of the API and registries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["AttrDict", "NoSuchKeyError"]


class NoSuchKeyError(KeyError, AttributeError):
    """A key is missing; both `except KeyError` and `except AttributeError` catch it."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument, which would put a sentence into quotes.
        return str(self.args[0]) if self.args else ""


class AttrDict(dict[str, Any]):
    """A dictionary whose keys are attributes too, at every level.

    Dictionaries that are stored in it, also inside lists, become dictionaries of this class, so
    `answer.data.flow[0].id` works. Attribute reads prefer methods: a key named `items` is reached
    as `d["items"]`. Plain `dict` operations keep their speed and pickling needs no help.

    Args:
        *args: the first items, as for `dict`
        **kwargs: more items
    """

    __slots__ = ()

    def __init__(self, *args: Mapping[str, Any] | Iterable[tuple[str, Any]], **kwargs: Any) -> None:
        super().__init__()
        if args or kwargs:
            self.update(*args, **kwargs)

    # -------------------------------------------------------------- reading

    def __missing__(self, key: str) -> Any:
        raise NoSuchKeyError(f"{type(self).__name__} has no key {key!r}{self._known_keys()}")

    # The C function itself: reading a setting costs no Python frame.
    __getattr__ = dict[str, Any].__getitem__

    def _known_keys(self) -> str:
        if not self:
            return ": it is empty"
        shown = ", ".join(sorted(map(str, self))[:20])
        return f"; its keys are {shown}{', …' if len(self) > 20 else ''}"

    # -------------------------------------------------------------- writing

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, self._adopt(value))

    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: Any) -> None:
            if hasattr(type(self), name):
                raise NoSuchKeyError(f"{name!r} is the name of a method; write [{name!r}] to use it as a key")
            self[name] = value

        def __delattr__(self, name: str) -> None:
            del self[name]

    else:

        def __setattr__(self, name: str, value: Any) -> None: ...

    def __delitem__(self, key: str) -> None:
        if key not in self:
            self.__missing__(key)
        super().__delitem__(key)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set many items, as `dict.update` does."""
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value of `key`, which becomes `default` when it is missing."""
        if key not in self:
            self[key] = default
        return self[key]

    def __ior__(self, other: Any) -> Self:  # type: ignore[override, misc]
        self.update(other)
        return self

    def _adopt(self, value: Any) -> Any:
        """`value` with the plain dictionaries in it replaced by ones of this class."""
        if isinstance(value, dict) and not isinstance(value, AttrDict):
            return type(self)(cast("dict[str, Any]", value))
        if type(value) is list:
            parts = cast("list[Any]", value)
            if any(isinstance(part, (dict, list)) for part in parts):
                return [self._adopt(part) for part in parts]
            return parts
        return value

    # -------------------------------------------------------------- copies and views

    def copy(self) -> Self:
        """A copy in which every level of dictionaries is a copy too; other values are shared."""
        twin = type(self)()
        for key, value in self.items():
            twin[key] = value.copy() if isinstance(value, AttrDict) else value
        return twin

    __copy__ = copy

    def to_dict(self) -> dict[str, Any]:
        """The items as plain dictionaries and lists, at every level."""
        return {key: _plain(value) for key, value in self.items()}

    def __dir__(self) -> Iterable[str]:
        return [*super().__dir__(), *(key for key in self if key.isidentifier())]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.to_dict()!r})"

    def __str__(self) -> str:
        return str(self.to_dict())


def _plain(value: Any) -> Any:
    if isinstance(value, AttrDict):
        return value.to_dict()
    if type(value) is list:
        return [_plain(part) for part in cast("list[Any]", value)]
    return value
