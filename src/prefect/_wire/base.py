"""What all objects on the wire have in common, and how they are read and written."""

from __future__ import annotations

import functools
import json
from typing import Annotated, Any, TypeAlias, TypeVar

import msgspec

from prefect import __version__

__all__ = [
    "JSON",
    "SortedStrings",
    "Wire",
    "WireError",
    "canonical",
    "decode",
    "encode",
    "from_builtins",
    "to_builtins",
]

W = TypeVar("W")

#: Any JSON value. The mark tells the schemas of `prefect.serialization` to check it when dumping.
JSON: TypeAlias = Annotated[Any, msgspec.Meta(extra={"json": True})]

#: Strings without order or repetition: sets in memory, sorted lists on the wire.
SortedStrings: TypeAlias = Annotated[list[str], msgspec.Meta(extra={"sorted": True})]

#: Raised for anything that is not the expected object; its text names the place (`$.clocks[0].cron`).
WireError = msgspec.ValidationError


class Wire(msgspec.Struct, kw_only=True):
    """Base of everything that crosses a process, as JSON.

    Unknown keys are ignored when reading, so that newer writers can add some.
    """

    #: Version of the library that wrote the object; nobody decides anything by it.
    wire_version: str = msgspec.field(name="__version__", default=__version__)


@functools.cache
def _decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(type_)


_encoder = msgspec.json.Encoder()
_sorted_encoder = msgspec.json.Encoder(order="sorted")


def decode(data: bytes | str, type_: type[W] | Any) -> W:
    """The object of a JSON text.

    Args:
        data: UTF-8 JSON.
        type_: a class of this package, or one of its unions (`State`, `Result`, `Clock`, ...).

    Raises:
        WireError: the JSON is of another shape; the message names the place.
        msgspec.DecodeError: it is no JSON.
    """
    return _decoder(type_).decode(data)


def encode(value: Any, *, sort: bool = False) -> bytes:
    """The JSON of an object (or of plain lists and dictionaries), as UTF-8.

    Args:
        value: the object.
        sort: whether keys are sorted, which makes equal objects equal bytes.
    """
    return (_sorted_encoder if sort else _encoder).encode(value)


def canonical(value: Any) -> bytes:
    """JSON that is the same for equal values, whatever the order of their keys: for hashes.

    Args:
        value: anything that `json.dumps` takes.

    Raises:
        TypeError, ValueError: the value is no JSON.
    """
    try:
        return _sorted_encoder.encode(value)
    except (TypeError, UnicodeEncodeError):
        # Keys that are no text, and surrogates, which JSON can write and UTF-8 cannot.
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def from_builtins(value: Any, type_: type[W] | Any) -> W:
    """The object of decoded JSON (dictionaries, lists, ...).

    Raises:
        WireError: it is of another shape; the message names the place.
    """
    return msgspec.convert(value, type_)


def to_builtins(value: Any) -> Any:
    """An object as dictionaries, lists, ... ready for any JSON encoder."""
    return msgspec.to_builtins(value)
