"""Serializers: how a value becomes the bytes that a result keeps, and back.

    Serializer                 base class; subclass it for a format of your own
    ├── PickleSerializer       anything that cloudpickle can pickle (the default)
    ├── JSONSerializer         what `json` can write
    ├── DateTimeSerializer     dates and times as ISO 8601 text
    ├── PandasSerializer       data frames, in any file format that pandas knows
    └── CompressedSerializer   another serializer, with its bytes compressed

Reading a pickle runs code that the pickle names. Whoever can write to the place where results
are kept can run code in the flows that read them; where that matters, use `JSONSerializer`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import datetime as dt

    import pendulum

__all__ = [
    "CompressedSerializer",
    "DateTimeSerializer",
    "JSONSerializer",
    "PandasSerializer",
    "PickleSerializer",
    "Serializer",
]


class Serializer:
    """Base class: implement `serialize` and `deserialize`.

    Example:
        ```python
        class TextSerializer(Serializer):
            def serialize(self, value):
                return value.encode()

            def deserialize(self, value):
                return value.decode()
        ```

    Serializers take no part in the value they write: two of one class are equal unless a
    subclass with arguments says otherwise.
    """

    def serialize(self, value: Any) -> bytes:
        """The bytes for `value`.

        Raises:
            NotImplementedError: for the base class.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how to serialize a value.")

    def deserialize(self, value: bytes) -> Any:
        """The value that `serialize` made these bytes from.

        Raises:
            NotImplementedError: for the base class.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how to deserialize a value.")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    __hash__ = None  # type: ignore[assignment] # compat: serializers were never hashable


class PickleSerializer(Serializer):
    """Any value that cloudpickle can pickle, functions and classes of scripts included."""

    def serialize(self, value: Any) -> bytes:
        """The pickle of `value`.

        Raises:
            TypeError: if some part of it cannot be pickled; the text says which part.
            pickle.PicklingError: the same, where Python itself raises anything but TypeError.
        """
        import cloudpickle

        try:
            return cloudpickle.dumps(value)  # pyright: ignore[reportUnknownMemberType]
        except Exception as exc:  # whatever the value's own __reduce__ raises
            from prefect.utilities._pickling import unpicklable_error

            raise unpicklable_error(value, exc) from exc

    def deserialize(self, value: bytes) -> Any:
        """The value of a pickle.

        Raises:
            Exception: what unpickling raises: the bytes are damaged, or name a module, class or
                attribute that is not here.
        """
        try:
            return _unpickled(value)
        except Exception:  # a pickle may raise anything
            # compat: before 0.12 pickles were wrapped in base64.
            unwrapped = _from_base64(value)
            if unwrapped is None:
                raise
            return _unpickled(unwrapped)


def _unpickled(data: bytes) -> Any:
    import pickle

    try:
        return pickle.loads(data)
    except ModuleNotFoundError as exc:
        from prefect.engine import _old_pickles

        if not _old_pickles.is_of_pendulum_2(exc):
            raise
        return _old_pickles.loads(data)


def _from_base64(value: bytes) -> bytes | None:
    """What `value` is the base64 form of; None if it is no base64 or holds no pickle."""
    import base64
    import binascii

    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError):
        return None
    # All pickles since protocol 2 start with this byte and end with a dot.
    return decoded if decoded[:1] == b"\x80" else None


class JSONSerializer(Serializer):
    """Values that the `json` module can write, as UTF-8 text."""

    def serialize(self, value: Any) -> bytes:
        """The JSON text of `value`.

        Raises:
            TypeError: if it holds something that JSON cannot express.
        """
        import json

        return json.dumps(value).encode()

    def deserialize(self, value: bytes) -> Any:
        """The value of a JSON text.

        Raises:
            ValueError: if it is no JSON.
        """
        import json

        return json.loads(value)


class DateTimeSerializer(Serializer):
    """Dates and times as ISO 8601 text; they come back as pendulum objects."""

    def serialize(self, value: Any) -> bytes:
        """The ISO 8601 text of a datetime; one without a time zone is taken as UTC.

        Raises:
            ValueError: if it is no datetime.
        """
        return _iso_text(value).encode()

    def deserialize(self, value: bytes) -> pendulum.DateTime:
        """The datetime of an ISO 8601 text, in the offset that it names, UTC without one.

        Raises:
            ValueError: if it is no date or time.
        """
        import pendulum

        text = value if isinstance(value, str) else value.decode()
        return cast("pendulum.DateTime", pendulum.parse(text))


def _iso_text(value: dt.datetime | Any) -> str:
    import datetime as dt

    if not isinstance(value, dt.datetime):
        raise ValueError(  # compat: a ValueError
            f"DateTimeSerializer takes datetimes only, not {value!r} of type {type(value).__name__!r}."
        )
    text = value.isoformat()
    if value.tzinfo is None:
        return text + "Z"
    # compat: the zone UTC itself was written as Z, an offset of zero as +00:00.
    name = getattr(value.tzinfo, "key", None) or getattr(value.tzinfo, "name", None)
    return text[:-6] + "Z" if name == "UTC" and text.endswith("+00:00") else text


class PandasSerializer(Serializer):
    """Data frames, through the `to_<file_type>` and `read_<file_type>` functions of pandas.

    Example:
        <!-- no-run: pandas is an extra -->
        ```python
        @task(result=LocalResult(serializer=PandasSerializer("csv", serialize_kwargs={"index": False})))
        def prices() -> pd.DataFrame: ...
        ```

    Args:
        file_type: what follows `to_` and `read_` in the names of pandas: "csv", "parquet",
            "json", "feather", "pickle", …
        deserialize_kwargs: more keywords for the function that reads.
        serialize_kwargs: more keywords for the method that writes.

    Raises:
        ValueError: if pandas does not know the file type.
        ImportError: if pandas is not installed.
    """

    def __init__(
        self,
        file_type: str,
        deserialize_kwargs: dict[str, Any] | None = None,
        serialize_kwargs: dict[str, Any] | None = None,
    ) -> None:
        self.file_type = file_type
        self.deserialize_kwargs = deserialize_kwargs or {}
        self.serialize_kwargs = serialize_kwargs or {}
        pandas = _pandas()
        self._lookup(pandas, f"read_{file_type}")
        self._lookup(pandas.DataFrame, f"to_{file_type}")

    def serialize(self, value: Any) -> bytes:
        """The bytes of the file that `value.to_<file_type>` writes.

        Raises:
            ValueError: if the value is nothing of pandas, so that it has no such method.
        """
        import io

        write = self._lookup(value, f"to_{self.file_type}")
        buffer = io.BytesIO()
        try:
            write(buffer, **self.serialize_kwargs)
            return buffer.getvalue()
        except TypeError:
            # Some formats (JSON) insist on text.
            text = io.StringIO()
            write(text, **self.serialize_kwargs)
            return text.getvalue().encode()

    def deserialize(self, value: bytes) -> Any:
        """The data frame that `pandas.read_<file_type>` reads from these bytes."""
        import io

        read = self._lookup(_pandas(), f"read_{self.file_type}")
        return read(io.BytesIO(value), **self.deserialize_kwargs)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, PandasSerializer)
            and type(self) is type(other)
            and self.file_type == other.file_type
            and self.serialize_kwargs == other.serialize_kwargs
            and self.deserialize_kwargs == other.deserialize_kwargs
        )

    __hash__ = None  # type: ignore[assignment]

    def _lookup(self, owner: Any, name: str) -> Callable[..., Any]:
        found = getattr(owner, name, None)
        if found is None:
            what = getattr(owner, "__name__", None) or f"A value of type {type(owner).__name__!r}"
            raise ValueError(
                f"{what} has no {name!r}: PandasSerializer({self.file_type!r}) cannot be used for it."
            )
        return found


def _pandas() -> Any:
    from prefect.utilities._extras import require

    return require("pandas", "pandas")


_COMMON_FORMATS = ("bz2", "gzip", "lzma", "zlib")


class CompressedSerializer(Serializer):
    """The bytes of another serializer, compressed.

    Example:
        ```python
        import zlib

        CompressedSerializer(PickleSerializer(), "lzma")
        CompressedSerializer(JSONSerializer(), compress=zlib.compress, decompress=zlib.decompress)
        ```

    Args:
        serializer: makes and reads the bytes that are compressed.
        format: name of a module with the functions `compress` and `decompress`: "bz2", "gzip",
            "lzma", "zlib", or one that is installed, like "blosc".
        compress: function from bytes to bytes; instead of `format`, with `decompress`.
        decompress: its opposite.
        compress_kwargs: more keywords for `compress`.
        decompress_kwargs: more keywords for `decompress`.

    Raises:
        ValueError: if neither or both of `format` and the pair of functions are given, or the
            module has no such functions.
        ImportError: if the module is not installed.
    """

    def __init__(
        self,
        serializer: Serializer,
        format: str | None = None,
        compress: Callable[..., bytes] | None = None,
        decompress: Callable[..., bytes] | None = None,
        compress_kwargs: Mapping[str, Any] | None = None,
        decompress_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        if format is not None and (compress is not None or decompress is not None):
            raise ValueError(
                "CompressedSerializer takes either a `format` or `compress` and `decompress`, not both."
            )
        if format is not None:
            compress, decompress = self.compression_from_lib(format)
        if compress is None or decompress is None:
            raise ValueError(
                "CompressedSerializer needs either a `format` or both `compress` and `decompress`."
            )
        self._serializer = serializer
        self._compress = compress
        self._decompress = decompress
        self._compress_kwargs = dict(compress_kwargs or {})
        self._decompress_kwargs = dict(decompress_kwargs or {})

    def serialize(self, value: Any) -> bytes:
        """The compressed bytes for `value`."""
        return self._compress(self._serializer.serialize(value), **self._compress_kwargs)

    def deserialize(self, value: bytes) -> Any:
        """The value of compressed bytes."""
        return self._serializer.deserialize(self._decompress(value, **self._decompress_kwargs))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, CompressedSerializer)
            and type(self) is type(other)
            and self._serializer == other._serializer
            and self._compress == other._compress
            and self._decompress == other._decompress
            and self._compress_kwargs == other._compress_kwargs
            and self._decompress_kwargs == other._decompress_kwargs
        )

    __hash__ = None  # type: ignore[assignment]

    @staticmethod
    def compression_from_lib(compression_format: str) -> tuple[Callable[..., bytes], Callable[..., bytes]]:
        """The functions `(compress, decompress)` of a module.

        Args:
            compression_format: name of the module.

        Raises:
            ImportError: if it is not installed.
            ValueError: if it has no such functions.
        """
        from importlib import import_module

        common = ", ".join(repr(name) for name in _COMMON_FORMATS)
        try:
            module = import_module(compression_format)
        except ImportError as exc:
            raise ImportError(
                f"There is no module {compression_format!r} to compress with. Python itself has {common}."
            ) from exc
        compress = getattr(module, "compress", None)
        decompress = getattr(module, "decompress", None)
        if compress is None or decompress is None:
            raise ValueError(
                f"The module {compression_format!r} has no functions `compress` and `decompress`. "
                f"Use one of {common}, or pass the two functions yourself."
            )
        return compress, decompress
