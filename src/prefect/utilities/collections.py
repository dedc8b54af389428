"""Containers with attribute access, and functions over nested dictionaries."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

__all__ = [
    "CompoundKey",
    "DotDict",
    "as_nested_dict",
    "dict_to_flatdict",
    "flatdict_to_dict",
    "flatten_seq",
    "merge_dicts",
]

D = TypeVar("D", bound=MutableMapping[Any, Any])


class CompoundKey(tuple[Any, ...]):
    """The path to a value in a nested dictionary, used as a key of a flat one.

    It is a tuple of the keys along the path; its own class keeps it apart from the tuples
    that users may have as keys.
    """

    __slots__ = ()


class DotDict(MutableMapping[str, Any]):
    """A dictionary whose items can be read and written as attributes.

    Example:
        ```python
        from prefect.utilities.collections import DotDict

        settings = DotDict({"retries": 3}, verbose=True)
        assert settings.retries == 3
        settings.retries = 4
        assert settings["retries"] == 4
        ```

    Keys that are no identifiers, or that name a method, are reached with brackets.

    Args:
        init_dict: the first items, as a mapping or as pairs
        **kwargs: more items
    """

    def __init__(
        self,
        init_dict: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None,
        **kwargs: Any,
    ) -> None:
        # The items *are* the instance dictionary: attribute access then costs what it costs on any
        # object. (Subclasses such as the context swap that dictionary per thread.)
        if init_dict is not None:
            self.__dict__.update(init_dict)
        if kwargs:
            self.__dict__.update(kwargs)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of `key`, or `default` when there is none.

        Args:
            key: the key to look up
            default: returned when the key is missing
        """
        return self.__dict__.get(key, default)

    def __getitem__(self, key: str) -> Any:
        return self.__dict__[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.__dict__[key] = value

    def __delitem__(self, key: str) -> None:
        del self.__dict__[key]

    def __contains__(self, key: object) -> bool:
        return key in self.__dict__

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__)

    def __len__(self) -> int:
        return len(self.__dict__)

    def __repr__(self) -> str:
        names = ", ".join(sorted(map(repr, self)))
        return f"<{type(self).__name__}: {names}>" if names else f"<{type(self).__name__}>"

    if TYPE_CHECKING:  # any name may be an item

        def __getattr__(self, name: str) -> Any: ...

        def __setattr__(self, name: str, value: Any) -> None: ...

    def copy(self) -> DotDict:
        """A shallow copy of the same class."""
        return type(self)(self.__dict__)

    def to_dict(self) -> dict[str, Any]:
        """The items as a plain `dict`, with every nested `DotDict` turned into one too."""
        return as_nested_dict(self, dict)


DictLike = dict[str, Any] | DotDict


def as_nested_dict(obj: Any, dct_class: type[MutableMapping[Any, Any]] = DotDict) -> Any:
    """A copy of `obj` in which every mapping, at any depth, is a `dct_class`.

    Lists, tuples and sets are walked and keep their type; everything else is kept as it is.

    Args:
        obj: a mapping, or a list, tuple or set that holds mappings
        dct_class: the mapping class to build, called with a plain `dict`
    """
    if isinstance(obj, Mapping):
        items = cast("Mapping[Any, Any]", obj).items()
        return cast(Any, dct_class)({key: as_nested_dict(value, dct_class) for key, value in items})
    if isinstance(obj, (list, tuple, set)):
        group = cast("Iterable[Any]", obj)
        parts = [as_nested_dict(part, dct_class) for part in group]
        rebuild: Any = getattr(group, "_make", type(group))  # named tuples have `_make`
        return rebuild(parts)
    return obj


def merge_dicts(d1: D, d2: MutableMapping[Any, Any]) -> D:
    """A copy of `d1` updated with `d2`; where both hold a mapping, the two are merged.

    Neither argument is changed.

    Args:
        d1: the base
        d2: wins where the two disagree

    Returns:
        a mapping of the class of `d1`
    """
    merged = _shallow_copy(d1)
    for key, value in d2.items():
        present = merged.get(key)
        if isinstance(value, MutableMapping) and isinstance(present, MutableMapping):
            value = merge_dicts(
                cast("MutableMapping[Any, Any]", present), cast("MutableMapping[Any, Any]", value)
            )
        merged[key] = value
    return merged


def _shallow_copy(mapping: D) -> D:
    copy: Any = getattr(mapping, "copy", None)
    return copy() if copy is not None else cast(D, cast(Any, type(mapping))(mapping))


def dict_to_flatdict(dct: Mapping[Any, Any], parent: CompoundKey | None = None) -> dict[Any, Any]:
    """All leaves of a nested dictionary, keyed by their path.

    Empty dictionaries have no leaves, so they leave no trace.

    Example:
        ```python
        from prefect.utilities.collections import dict_to_flatdict

        assert dict_to_flatdict({"a": {"b": 1}, "c": 2}) == {("a", "b"): 1, ("c",): 2}
        ```

    Args:
        dct: a nested dictionary
        parent: a path to put in front of every key
    """
    prefix = parent or CompoundKey()
    flat: dict[Any, Any] = {}
    for key, value in dct.items():
        path = CompoundKey((*prefix, key))
        if isinstance(value, Mapping):
            flat.update(dict_to_flatdict(cast("Mapping[Any, Any]", value), path))
        else:
            flat[path] = value
    return flat


def flatdict_to_dict(dct: Mapping[Any, Any], dct_class: type[MutableMapping[Any, Any]] | None = None) -> Any:
    """The nested dictionary that `dict_to_flatdict` made `dct` from.

    Args:
        dct: values by path; keys that are no `CompoundKey` are taken over unchanged
        dct_class: class of the result and of every level in it, the class of `dct` by default
    """
    new: Any = dct_class if dct_class is not None else type(dct)
    nested: Any = new()
    for key, value in dct.items():
        if not isinstance(key, CompoundKey):
            nested[key] = value
            continue
        level: Any = nested
        for step in key[:-1]:
            if step not in level:
                level[step] = new()
            level = level[step]
        level[key[-1]] = value
    return nested


def flatten_seq(seq: Iterable[Any]) -> Generator[Any, None, None]:
    """The items of `seq`, with every iterable among them replaced by its own items, at any depth.

    Strings and bytes count as single items, mappings as the sequence of their keys.

    Example:
        ```python
        from prefect.utilities.collections import flatten_seq

        assert list(flatten_seq([1, [2, (3, "four")]])) == [1, 2, 3, "four"]
        ```

    Args:
        seq: the sequence to flatten
    """
    for item in seq:
        if isinstance(item, Iterable) and not isinstance(item, (str, bytes)):
            yield from flatten_seq(cast("Iterable[Any]", item))
        else:
            yield item
