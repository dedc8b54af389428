"""From the types of a struct of `prefect._wire` to fields."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from prefect.utilities import _fields
from prefect.utilities._fields import Field
from prefect.utilities._special_fields import JSONCompatible, SortedList

if TYPE_CHECKING:
    import msgspec

__all__ = ["fields_of"]


def fields_of(struct: type[msgspec.Struct], declared: Mapping[str, Field]) -> dict[str, Field]:
    """The fields for the keys of a struct: declared ones first, the others from their types."""
    import msgspec

    found: dict[str, Field] = {}
    for info in msgspec.structs.fields(struct):
        key = info.encode_name
        if key == "__version__":
            continue
        field = declared.get(key)
        found[key] = _field_for(info.type, required=info.required) if field is None else field
    return {**found, **declared}


def _field_for(type_: Any, **options: Any) -> Field:
    """The field for a type of a struct."""
    origin, args = get_origin(type_), get_args(type_)
    if origin is Annotated:
        extra: dict[str, Any] = args[1].extra or {}
        if extra.get("json"):
            options.setdefault("allow_none", True)
            return JSONCompatible(**options)
        return SortedList(_fields.String, **options)
    if origin in (Union, types.UnionType):
        import msgspec

        kinds = [arg for arg in args if arg not in (type(None), msgspec.UnsetType)]
        if len(kinds) < len(args):
            options["allow_none"] = type(None) in args
        return _fields.Number(**options) if set(kinds) == {int, float} else _field_for(kinds[0], **options)
    if origin is dict:
        values = args[1]
        return _fields.Dict(values=None if values is Any else _field_for(values), **options)
    if origin is list:
        return _fields.List(Field(allow_none=True) if args[0] is Any else _field_for(args[0]), **options)
    simple = {str: _fields.String, int: _fields.Integer, bool: _fields.Boolean}.get(type_)
    if simple is None:
        raise TypeError(f"The schema must say how {type_} is written: no field follows from the type.")
    return simple(**options)
