"""Schemas: how objects are written to JSON and read back, from a list of fields.

A schema lists its fields as class attributes, or names a struct of `prefect._wire`: then every key of
the struct that has no field of its own gets the field that its type asks for. So the structs are the one
list of what travels, and a schema says only what a type cannot.

Settings of a schema are an inner class `Meta`, as in 1.x, or keywords of the class statement:

    class LocalRunSchema(ObjectSchema, object_class=LocalRun, wire=structs.LocalRun): ...
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    TypeAlias,
    TypedDict,
    cast,
)

from prefect import __version__
from prefect.utilities import _fields
from prefect.utilities._fields import MISSING, Field, ValidationError, default_value, get_value
from prefect.utilities._struct_fields import fields_of

if TYPE_CHECKING:
    import msgspec
    from typing_extensions import Unpack

__all__ = [
    "EXCLUDE",
    "INCLUDE",
    "RAISE",
    "Nested",
    "ObjectSchema",
    "ObjectSchemaOptions",
    "OneOfSchema",
    "Schema",
]

#: What to do with unknown keys: leave out, take as they are, or refuse.
EXCLUDE, INCLUDE, RAISE = "exclude", "include", "raise"


class ObjectSchemaOptions:
    """The settings of a schema class, from its inner class `Meta`.

    Attributes:
        object_class: class of the objects, or a function that returns it.
        exclude_fields: fields that are read, but no arguments of the constructor.
        unknown: what to do with unknown keys: "exclude", "include" or "raise".
        wire: the struct that lists the keys.

    Args:
        meta: the inner class.
        **kwargs: none are used. compat: the signature of 1.x.
    """

    def __init__(self, meta: type, **kwargs: Any) -> None:
        self.object_class: Any = getattr(meta, "object_class", None)
        self.exclude_fields: Sequence[str] = getattr(meta, "exclude_fields", None) or []
        self.unknown: str = getattr(meta, "unknown", EXCLUDE)
        self.wire: type[msgspec.Struct] | None = getattr(meta, "wire", None)


class _SchemaMeta(type):
    """Collects the fields of schema classes."""

    opts: ObjectSchemaOptions
    _declared: dict[str, Field]

    def __new__(
        mcs,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        object_class: Any = None,
        wire: type[msgspec.Struct] | None = None,
        exclude_fields: Sequence[str] | None = None,
    ) -> _SchemaMeta:
        settings = {"object_class": object_class, "wire": wire, "exclude_fields": exclude_fields}
        settings = {key: value for key, value in settings.items() if value is not None}
        if settings:
            namespace["Meta"] = type("Meta", (), settings)
        own = {key: value for key, value in namespace.items() if _is_field(value)}
        cls = super().__new__(mcs, name, bases, {k: v for k, v in namespace.items() if k not in own})
        declared: dict[str, Field] = {}
        for base in reversed(cls.__mro__[1:]):
            declared.update(base.__dict__.get("_declared", ()))
        cls._declared = {**declared, **own}
        options = cast("type[ObjectSchemaOptions]", getattr(cls, "OPTIONS_CLASS", ObjectSchemaOptions))
        cls.opts = options(cast("type", getattr(cls, "Meta", object)))
        return cls

    @property
    def _declared_fields(cls) -> dict[str, Field]:
        """All fields by name; made on first use, as it takes the types of the struct."""
        found = cls.__dict__.get("_all_fields")
        if found is None:
            found = fields_of(cls.opts.wire, cls._declared) if cls.opts.wire else dict(cls._declared)
            cls._all_fields = found
        return found


def _is_field(value: Any) -> bool:
    # Not isinstance: fields of other libraries with the same two methods work as well.
    return (
        callable(getattr(value, "serialize", None))
        and callable(getattr(value, "deserialize", None))
        and not (isinstance(value, type))
    )


class LoadOptions(TypedDict, total=False):
    """Settings of a schema that may be given for one `load`."""

    many: bool | None
    partial: bool | Iterable[str] | None
    unknown: str | None


class Schema(metaclass=_SchemaMeta):
    """What single schemas and choices of schemas have in common.

    Args:
        only: fields to use; all by default.
        exclude: fields to leave out.
        many: whether lists of objects are written and read.
        context: values for the functions of fields, shared with nested schemas.
        partial: whether required keys may be missing (True), or which ones.
        unknown: what to do with unknown keys: "exclude", "include" or "raise".
    """

    OPTIONS_CLASS = ObjectSchemaOptions

    if TYPE_CHECKING:
        opts: ClassVar[ObjectSchemaOptions]
        _declared_fields: ClassVar[dict[str, Field]]

    def __init__(
        self,
        *,
        only: Iterable[str] | None = None,
        exclude: Iterable[str] = (),
        many: bool = False,
        context: dict[str, Any] | None = None,
        partial: bool | Iterable[str] | None = None,
        unknown: str | None = None,
    ) -> None:
        self.only = None if only is None else frozenset(only)
        self.exclude = frozenset(exclude)
        self.many = many
        self.context: dict[str, Any] = {} if context is None else context
        self.partial = partial
        self.unknown = unknown

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        """The JSON (dictionaries, lists, ...) of an object, or of several.

        Raises:
            ValidationError: a value of the object has no JSON form.
        """
        if self.many if many is None else many:
            return [self.dump_one(item) for item in obj]
        return self.dump_one(obj)

    def load(self, data: Any, create_object: bool = True, **kwargs: Unpack[LoadOptions]) -> Any:
        """The object of decoded JSON, or several.

        Args:
            data: decoded JSON.
            create_object: False to get dictionaries of the values instead of objects.
            **kwargs: `many` (whether the data is a list), `partial`, `unknown`: as for the schema,
                and as the schema says by default.

        Raises:
            ValidationError: the data is of another shape; its `messages` name the fields.
        """
        self.context["create_object"] = create_object
        schema = self
        if kwargs:
            schema = copy.copy(self)
            for name, value in kwargs.items():
                if name not in LoadOptions.__annotations__:
                    raise TypeError(f"{type(self).__name__}.load takes no argument {name!r}.")
                if value is not None:
                    setattr(schema, name, value)
        return schema.load_many(data) if schema.many else schema.load_one(data)

    def load_many(self, data: Any) -> list[Any]:
        """The objects of a list."""
        if not isinstance(data, list):
            raise ValidationError(["Invalid type."])
        found: list[Any] = []
        errors: dict[Any, Any] = {}
        for index, item in enumerate(cast("list[Any]", data)):
            try:
                found.append(self.load_one(item))
            except ValidationError as exc:
                errors[index] = exc.messages
        if errors:
            raise ValidationError(errors)
        return found

    def dumps(self, obj: Any, *args: Any, many: bool | None = None, **kwargs: Any) -> str:
        """`dump` as JSON text; further arguments go to `json.dumps`."""
        return json.dumps(self.dump(obj, many=many), *args, **kwargs)

    def loads(self, json_data: str | bytes, create_object: bool = True, **kwargs: Unpack[LoadOptions]) -> Any:
        """`load` from JSON text."""
        return self.load(json.loads(json_data), create_object, **kwargs)

    def validate(self, data: Any, **kwargs: Unpack[LoadOptions]) -> dict[Any, Any]:
        """What is wrong with decoded JSON, as the `messages` of a `ValidationError`; {} if nothing is."""
        try:
            self.load(data, False, **kwargs)
        except ValidationError as exc:
            return exc.messages if isinstance(exc.messages, dict) else {"_schema": exc.messages}
        return {}

    def dump_one(self, obj: Any) -> Any:
        """The JSON of one object."""
        raise NotImplementedError

    def load_one(self, data: Any) -> Any:
        """The object of one piece of decoded JSON."""
        raise NotImplementedError


class ObjectSchema(Schema):
    """The fields of one class.

    Example:
        ```python
        from prefect.utilities.serialization import ObjectSchema, fields


        class Point:
            def __init__(self, x, y):
                self.x, self.y = x, y


        class PointSchema(ObjectSchema):
            class Meta:
                object_class = Point

            x = fields.Integer()
            y = fields.Integer()


        PointSchema().dump(Point(1, 2))  # {'x': 1, 'y': 2, '__version__': ...}
        PointSchema().load({"x": 1, "y": 2})  # a Point
        ```
    """

    #: The attributes that `get_attribute` chooses, where it is overridden; None is any.
    chosen_attributes: ClassVar[frozenset[str] | None] = None

    if TYPE_CHECKING:
        _whole_plan: ClassVar[_Plan]

    @property
    def fields(self) -> dict[str, Field]:
        """The fields in use, by name."""
        found = type(self)._declared_fields
        if self.only is None and not self.exclude:
            return found
        return {
            name: field
            for name, field in found.items()
            if (self.only is None or name in self.only) and name not in self.exclude
        }

    def get_attribute(self, obj: Any, key: str, default: Any) -> Any:
        """How attributes are read from objects; override it to choose."""
        return get_value(obj, key, default)

    def dump_one(self, obj: Any) -> dict[str, Any]:
        """The JSON of one object."""
        found: dict[str, Any] = {}
        is_mapping = _is_mapping(obj)
        for key, name, field, attribute, plain in self._plan():
            if attribute is None or is_mapping:
                value = field.serialize(name, obj, self.get_attribute, schema=self)
            else:
                # What `Field.serialize` does, without the call: this loop is most of the cost of a flow.
                value = getattr(obj, attribute, MISSING) if attribute else None
                if type(value) in plain:
                    found[key] = value
                    continue
                if value is MISSING:
                    value = default_value(field.dump_default)
                else:
                    value = field._serialize(value, name, obj, schema=self)  # pyright: ignore[reportPrivateUsage]
            if value is not MISSING:
                found[key] = value
        found["__version__"] = __version__
        return found

    def _plan(self) -> _Plan:
        """What `dump_one` does for each field, in order; the same for all schemas of a class with all fields."""
        cls = type(self)
        if self.only is not None or self.exclude:
            return _plan_for(cls, self.fields)
        found = cls.__dict__.get("_whole_plan")
        if found is None:
            found = cls._whole_plan = _plan_for(cls, cls._declared_fields)
        return found

    def load_one(self, data: Any) -> Any:
        """The object of one JSON object."""
        if not isinstance(data, Mapping):
            raise ValidationError({"_schema": ["Invalid input type."]})
        data = cast("Mapping[str, Any]", data)
        fields = self.fields
        values: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        for name, field in fields.items():
            if field.dump_only:
                continue
            raw = data.get(field.data_key or name, MISSING)
            if raw is MISSING:
                if field.required and not self._may_miss(name):
                    errors[name] = ["Missing data for required field."]
                elif field.load_default is not MISSING:
                    values[field.attribute or name] = default_value(field.load_default)
                continue
            try:
                values[field.attribute or name] = field.deserialize(raw, name, data, schema=self)
            except ValidationError as exc:
                errors[name] = exc.messages
        unknown = self.unknown or self.opts.unknown
        if unknown != EXCLUDE:
            known = {field.data_key or name for name, field in fields.items()} | {"__version__"}
            for key in data.keys() - known:
                if unknown == RAISE:
                    errors[key] = ["Unknown field."]
                else:
                    values[key] = data[key]
        if errors:
            raise ValidationError(errors)
        return self.create_object(values) if self.context.get("create_object", True) else values

    def _may_miss(self, name: str) -> bool:
        partial = self.partial
        return bool(partial) if partial is None or isinstance(partial, bool) else name in partial

    def create_object(self, data: dict[str, Any], **kwargs: Any) -> Any:
        """The object of the values read: by default, of the class named in `Meta`. Override it to make another.

        Args:
            data: values by field.
            **kwargs: arguments of the constructor beyond the fields.
        """
        object_class: Any = self.opts.object_class
        if object_class is None:
            return data
        if not isinstance(object_class, type):
            object_class = object_class()
        excluded = self.opts.exclude_fields
        arguments = {name: value for name, value in data.items() if name not in excluded}
        return object_class(**arguments, **kwargs)


def _is_mapping(obj: Any) -> bool:
    return hasattr(obj, "keys") and isinstance(obj, Mapping)  # asking the second alone is slow


#: For each field: its JSON key, name and field; the attribute it is made from ("" for the whole object,
#: None if only `Field.serialize` knows); and the classes of values that are written as they are.
_Plan: TypeAlias = "tuple[tuple[str, str, Field, str | None, frozenset[type]], ...]"


def _plan_for(cls: type[ObjectSchema], fields: Mapping[str, Field]) -> _Plan:
    chooses = cls.get_attribute is not ObjectSchema.get_attribute
    chosen = cls.chosen_attributes if chooses else frozenset[str]()
    steps: list[tuple[str, str, Field, str | None, frozenset[type]]] = []
    for name, field in fields.items():
        if field.load_only:
            continue
        attribute: str | None = field.attribute or name
        plain = frozenset[type]()
        if type(field).serialize is not Field.serialize or chosen is None or attribute in chosen:
            attribute = None
        elif not field.reads_attribute:
            attribute = ""
        else:
            plain = field.plain | {type(None)} if field.keeps_none else field.plain
        steps.append((field.data_key or name, name, field, attribute, plain))
    return tuple(steps)


class OneOfSchema(Schema):
    """A choice of schemas, by the key `type` of the JSON and the class name of the object.

    Attributes:
        type_schemas: `{type: schema class}`.
        type_field: the key.
    """

    type_field: ClassVar[str] = "type"
    type_schemas: ClassVar[dict[str, type[Schema]]] = {}

    def get_obj_type(self, obj: Any) -> str:
        """The type an object is written as: its class, or the next known class it derives from."""
        known = self.type_schemas
        for cls in type(obj).__mro__:
            if cls.__name__ in known:
                return cls.__name__
        return type(obj).__name__

    def get_data_type(self, data: Mapping[str, Any]) -> Any:
        """The type that JSON says it is; None if it says none."""
        return data.get(self.type_field)

    def dump_one(self, obj: Any) -> dict[str, Any]:
        """The JSON of one object."""
        name = self.get_obj_type(obj)
        schema = self.type_schemas.get(name)
        if schema is None:
            raise ValidationError({"_schema": [f"Unsupported object type: {name}"]})
        found = schema(context=self.context).dump_one(obj)
        found[self.type_field] = name
        return found

    def load_one(self, data: Any) -> Any:
        """The object of one JSON object."""
        if not isinstance(data, Mapping):
            raise ValidationError({"_schema": [f"Invalid data type: {data}"]})
        data = cast("Mapping[str, Any]", data)
        name = self.get_data_type(data)
        if name is None:
            raise ValidationError({self.type_field: ["Missing data for required field."]})
        schema = self.type_schemas.get(name) if isinstance(name, str) else None
        if schema is None:
            raise ValidationError({self.type_field: [f"Unsupported value: {name}"]})
        return schema(context=self.context, partial=self.partial, unknown=self.unknown).load_one(data)


class Nested(Field):
    """An object with a schema of its own.

    Args:
        nested: the schema, its class, or a function that returns the class.
        value_selection_fn: from the outer object and the context to the value; the attribute of
            the field's name by default.
        many: whether the value is a list of objects.
        only: fields of the nested schema to use.
        **kwargs: as for `Field`.
    """

    def __init__(
        self,
        nested: Schema | type[Schema] | Callable[[], type[Schema]],
        value_selection_fn: Callable[[Any, dict[str, Any]], Any] | None = None,
        *,
        many: bool = False,
        only: Iterable[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.nested = nested
        self.value_selection_fn = value_selection_fn
        self.many = many
        self.only = only

    def schema(self, context: dict[str, Any]) -> Schema:
        """The nested schema, at work in a context."""
        nested = self.nested
        if isinstance(nested, Schema):
            nested = copy.copy(nested)
            nested.context = context
            return nested
        if not isinstance(nested, type):
            nested = self.nested = nested()
        return nested(only=self.only, context=context)

    def serialize(
        self, attr: str, obj: Any, accessor: Callable[[Any, str, Any], Any] | None = None, **kwargs: Any
    ) -> Any:
        """The JSON of the nested object, or list of objects."""
        select = self.value_selection_fn
        if select is None:
            return super().serialize(attr, obj, accessor, **kwargs)
        value = select(obj, _fields.context_of(kwargs))
        return value if value is MISSING or value is None else self._serialize(value, attr, obj, **kwargs)

    def _serialize(self, value: Any, attr: str, obj: Any, **kwargs: Any) -> Any:
        schema = self.schema(_fields.context_of(kwargs))
        return [schema.dump_one(item) for item in value] if self.many else schema.dump_one(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        schema = self.schema(_fields.context_of(kwargs))
        return schema.load_many(value) if self.many else schema.load_one(value)
