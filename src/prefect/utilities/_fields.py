"""Fields: how one attribute of an object is written to JSON and read back.

The plain kinds are here. Those that users of 1.x imported by name are in
`prefect.utilities.serialization`, with the schemas that fields are put together in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, NoReturn, cast

from prefect._wire.times import parse_any_time, time_text
from prefect.exceptions import PrefectException

__all__ = [
    "MISSING",
    "Boolean",
    "DateTime",
    "Dict",
    "Field",
    "Function",
    "Integer",
    "List",
    "Method",
    "Number",
    "String",
    "TimeDelta",
    "ValidationError",
]


class _Missing:
    """The type of `MISSING`."""

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "<missing>"


#: "There is no value", where None is one.
MISSING = _Missing()


class ValidationError(PrefectException, ValueError):
    """A value cannot be written to, or read from, JSON.

    Attributes:
        messages: what is wrong: a list of sentences, or `{field: messages}` for the fields of an
            object (`{index: messages}` for the elements of a list).

    Args:
        messages: the same, or one sentence.
    """

    messages: list[str] | dict[Any, Any]

    def __init__(self, messages: str | list[str] | dict[Any, Any]) -> None:
        self.messages = [messages] if isinstance(messages, str) else messages
        super().__init__("; ".join(_sentences(self.messages, "")))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.messages,)


def _sentences(messages: Any, place: str) -> Iterable[str]:
    if isinstance(messages, Mapping):
        for key, value in cast("Mapping[Any, Any]", messages).items():
            inner = place if key == "_schema" else f"{place}.{key}" if place else str(key)
            yield from _sentences(value, inner)
    elif isinstance(messages, list):
        for message in cast("list[Any]", messages):
            yield from _sentences(message, place)
    else:
        yield f"{place}: {messages}" if place else str(messages)


class Field:
    """One attribute of an object: written and read unchanged by this base class.

    Subclasses override `_serialize` and `_deserialize`. Both are given None only if they say so
    by `keeps_none = False`; by default None stays None.

    Args:
        *args: none are taken. compat: the signature of 1.x.
        allow_none: whether null may be read. True by default if `load_default` is None.
        required: whether the key must be there.
        load_default: value (or function that makes it) for a missing key.
        dump_default: value (or function that makes it) for a missing attribute.
        dump_only: whether the field is never read.
        load_only: whether the field is never written.
        attribute: name of the attribute, if it is not the name of the field.
        data_key: the JSON key, if it is not the name of the field.
        validate: functions of the value read, which return False or raise `ValidationError`.
        **metadata: kept in `metadata`.
    """

    #: Whether a value is looked up at all; else the field makes one from the whole object.
    reads_attribute: ClassVar[bool] = True
    #: Whether None is written as null without asking `_serialize`.
    keeps_none: ClassVar[bool] = True
    #: Values of exactly these classes are written unchanged, without asking `_serialize`.
    plain: ClassVar[frozenset[type]] = frozenset()

    def __init__(
        self,
        *args: Any,
        allow_none: bool | None = None,
        required: bool = False,
        load_default: Any = MISSING,
        dump_default: Any = MISSING,
        dump_only: bool = False,
        load_only: bool = False,
        attribute: str | None = None,
        data_key: str | None = None,
        validate: Callable[[Any], Any] | Iterable[Callable[[Any], Any]] | None = None,
        **metadata: Any,
    ) -> None:
        if args:
            raise TypeError(f"{type(self).__name__} takes keywords only, not {args!r}.")
        self.allow_none = load_default is None if allow_none is None else allow_none
        self.required = required
        self.load_default = load_default
        self.dump_default = dump_default
        self.dump_only = dump_only
        self.load_only = load_only
        self.attribute = attribute
        self.data_key = data_key
        self.validators = [] if validate is None else [validate] if callable(validate) else list(validate)
        self.metadata = metadata

    def __repr__(self) -> str:
        return f"<{type(self).__name__} field>"

    def serialize(
        self, attr: str, obj: Any, accessor: Callable[[Any, str, Any], Any] | None = None, **kwargs: Any
    ) -> Any:
        """The JSON of an attribute of an object; `MISSING` if the object lacks it.

        Args:
            attr: name of the attribute.
            obj: the object, or a dictionary.
            accessor: how attributes are read: `accessor(obj, name, default)`.
            **kwargs: handed to `_serialize`; the `schema` at work is among them.
        """
        if not self.reads_attribute:
            return self._serialize(None, attr, obj, **kwargs)
        value = (accessor or get_value)(obj, self.attribute or attr, MISSING)
        if value is MISSING:
            return default_value(self.dump_default)
        if value is None and self.keeps_none:
            return None
        return self._serialize(value, attr, obj, **kwargs)

    def deserialize(
        self, value: Any, attr: str | None = None, data: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        """The value of JSON.

        Args:
            value: decoded JSON; `MISSING` if there is none.
            attr: name of the field.
            data: the whole JSON object.
            **kwargs: handed to `_deserialize`; the `schema` at work is among them.

        Raises:
            ValidationError: it is no value of this field.
        """
        if value is MISSING:
            if self.required:
                raise ValidationError("Missing data for required field.")
            return default_value(self.load_default)
        if value is None:
            if not self.allow_none:
                raise ValidationError("Field may not be null.")
            return None
        found = self._deserialize(value, attr, data, **kwargs)
        for validate in self.validators:
            if validate(found) is False:
                raise ValidationError("Invalid value.")
        return found

    def _serialize(self, value: Any, attr: str, obj: Any, **kwargs: Any) -> Any:
        return value

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return value


def get_value(obj: Any, name: str, default: Any) -> Any:
    """An attribute of an object, or an item of a dictionary."""
    if isinstance(obj, Mapping):
        return cast("Mapping[str, Any]", obj).get(name, default)
    return getattr(obj, name, default)


def default_value(default: Any) -> Any:
    """A default, made anew if it is a function."""
    return default() if callable(default) else default


def _invalid(what: str) -> NoReturn:
    raise ValidationError(f"Not a valid {what}.")


class String(Field):
    """Text; anything else is written as `str` makes it."""

    plain: ClassVar[frozenset[type]] = frozenset({str})

    def _serialize(self, value: Any, attr: str, obj: Any, **kwargs: Any) -> Any:
        return value if type(value) is str else str(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return value if isinstance(value, str) else _invalid("string")


class Integer(Field):
    """A whole number, also read from text; fractions are cut off."""

    plain: ClassVar[frozenset[type]] = frozenset({int})

    def _serialize(self, value: Any, attr: str, obj: Any, **kwargs: Any) -> Any:
        return int(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return int(_number(value, "integer"))


class Number(Field):
    """A number, whole ones without fraction."""

    plain: ClassVar[frozenset[type]] = frozenset({int})

    def _serialize(self, value: Any, attr: str, obj: Any, **kwargs: Any) -> Any:
        return value if isinstance(value, int) else _whole(float(value))

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        found = _number(value, "number")
        return found if isinstance(found, int) else _whole(found)


def _number(value: Any, what: str) -> int | float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return value
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            pass
    return _invalid(what)


def _whole(value: float) -> int | float:
    return int(value) if value.is_integer() else value


class Boolean(Field):
    """True or false; a few usual texts and 0, 1 are read as well."""

    plain: ClassVar[frozenset[type]] = frozenset({bool})

    _values: ClassVar[dict[Any, bool]] = {
        **dict.fromkeys((1, "1", "t", "true", "y", "yes", "on"), True),
        **dict.fromkeys((0, "0", "f", "false", "n", "no", "off"), False),
    }

    def _serialize(self, value: Any, attr: str, obj: Any, **kwargs: Any) -> Any:
        return bool(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        key: Any = value.lower() if isinstance(value, str) else value
        found = self._values.get(key) if isinstance(key, (bool, int, float, str)) else None
        return _invalid("boolean") if found is None else found


class DateTime(Field):
    """A moment, as ISO 8601. It is read as a stdlib datetime, naive if the text has no offset."""

    def _serialize(self, value: Any, attr: str, obj: Any, **kwargs: Any) -> Any:
        return cast("datetime", value).isoformat()

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, str):
            _invalid("datetime")
        try:
            return parse_any_time(value)
        except ValueError:
            _invalid("datetime")


class Moment(DateTime):
    """A moment with offset, as ISO 8601; without one it is UTC."""

    def _serialize(self, value: Any, attr: str, obj: Any, **kwargs: Any) -> Any:
        return time_text(value)


class TimeDelta(Field):
    """A length of time, as a whole number; smaller parts are cut off.

    Args:
        precision: unit of the number.
        **options: as for `Field`.
    """

    def __init__(self, precision: Literal["seconds", "microseconds"] = "seconds", **options: Any) -> None:
        self.precision = precision
        super().__init__(**options)

    def _serialize(self, value: Any, attr: str, obj: Any, **kwargs: Any) -> Any:
        seconds = cast("timedelta", value).total_seconds()
        return math.floor(seconds) if self.precision == "seconds" else round(seconds * 1_000_000)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            return timedelta(**{self.precision: int(value)})
        except (TypeError, ValueError, OverflowError):
            _invalid("period of time")


class Dict(Field):
    """A JSON object with text keys.

    Args:
        keys: field of the keys; `str` of them by default.
        values: field of the values; unchanged by default.
        **options: as for `Field`.
    """

    def __init__(
        self,
        keys: Field | type[Field] | None = None,
        values: Field | type[Field] | None = None,
        **options: Any,
    ) -> None:
        self.key_field = as_field(keys) if keys is not None else String()
        self.value_field = as_field(values) if values is not None else None
        super().__init__(**options)

    def _serialize(self, value: Any, attr: str, obj: Any, **kwargs: Any) -> Any:
        items = cast("Mapping[Any, Any]", value).items()
        inner = self.value_field
        if inner is None:
            return {str(key): item for key, item in items}
        return {str(key): write_value(inner, item, attr, obj, **kwargs) for key, item in items}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, Mapping):
            _invalid("mapping type")
        found: dict[Any, Any] = {}
        errors: dict[Any, Any] = {}
        for key, item in cast("Mapping[Any, Any]", value).items():
            try:
                name = self.key_field.deserialize(key, **kwargs)
            except ValidationError as exc:
                errors[key] = {"key": exc.messages}
                continue
            try:
                found[name] = (
                    item if self.value_field is None else self.value_field.deserialize(item, **kwargs)
                )
            except ValidationError as exc:
                errors[key] = {"value": exc.messages}
        if errors:
            raise ValidationError(errors)
        return found


class List(Field):
    """A JSON array of values of one kind.

    Args:
        cls_or_instance: field of the elements.
        **options: as for `Field`.
    """

    def __init__(self, cls_or_instance: Field | type[Field], **options: Any) -> None:
        self.inner = as_field(cls_or_instance)
        super().__init__(**options)

    def _serialize(self, value: Any, attr: str, obj: Any, **kwargs: Any) -> Any:
        inner = self.inner
        return [write_value(inner, item, attr, obj, **kwargs) for item in value]

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
            _invalid("list")
        found: list[Any] = []
        errors: dict[Any, Any] = {}
        for index, item in enumerate(cast("Iterable[Any]", value)):
            try:
                found.append(self.inner.deserialize(item, **kwargs))
            except ValidationError as exc:
                errors[index] = exc.messages
        if errors:
            raise ValidationError(errors)
        return found


def as_field(field: Field | type[Field]) -> Field:
    """A field, from a field or its class."""
    return field() if isinstance(field, type) else field


def write_value(field: Field, value: Any, attr: str, obj: Any, **kwargs: Any) -> Any:
    """The JSON of a value of the kind that a field describes."""
    if value is None and field.keeps_none:
        return None
    return field._serialize(value, attr, obj, **kwargs)  # pyright: ignore[reportPrivateUsage]


class Function(Field):
    """A value made by functions.

    Args:
        serialize: from the object (and the context, if it takes two arguments) to JSON. Without
            one the field is not written.
        deserialize: from JSON (and the context) to the value; unchanged by default.
        **options: as for `Field`.
    """

    reads_attribute: ClassVar[bool] = False

    def __init__(
        self,
        serialize: Callable[..., Any] | None = None,
        deserialize: Callable[..., Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.serialize_func = serialize
        self.deserialize_func = deserialize
        self._writer = _with_context(serialize)
        self._reader = _with_context(deserialize)

    def _serialize(self, value: Any, attr: str, obj: Any, **kwargs: Any) -> Any:
        return MISSING if self._writer is None else self._writer(obj, context_of(kwargs))

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return value if self._reader is None else self._reader(value, context_of(kwargs))


def _with_context(function: Callable[..., Any] | None) -> Callable[[Any, dict[str, Any]], Any] | None:
    if function is None:
        return None
    code = getattr(function, "__code__", None)
    if code is not None and code.co_argcount - bool(getattr(function, "__self__", None)) > 1:
        return function
    return lambda value, context: function(value)


def context_of(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The context of the schema at work, from the keywords given to a field."""
    schema = kwargs.get("schema")
    return {} if schema is None else schema.context


class Method(Field):
    """A value made by methods of the schema.

    Args:
        serialize: name of the method from the object to JSON. Without one the field is not written.
        deserialize: name of the method from JSON to the value. Without one the field is not read.
        **options: as for `Field`.
    """

    reads_attribute: ClassVar[bool] = False

    def __init__(self, serialize: str | None = None, deserialize: str | None = None, **options: Any) -> None:
        options.setdefault("dump_only", deserialize is None)
        options.setdefault("load_only", serialize is None)
        super().__init__(**options)
        self.serialize_method_name = serialize
        self.deserialize_method_name = deserialize

    def _serialize(self, value: Any, attr: str, obj: Any, **kwargs: Any) -> Any:
        if self.serialize_method_name is None:
            return MISSING
        return getattr(kwargs["schema"], self.serialize_method_name)(obj)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if self.deserialize_method_name is None:
            return value
        return getattr(kwargs["schema"], self.deserialize_method_name)(value)
