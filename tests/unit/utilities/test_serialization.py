"""Fields, schemas and names of functions."""

from __future__ import annotations

import datetime
import functools
import json
import pickle
import uuid
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

import prefect
from prefect.utilities.serialization import (
    MISSING,
    UUID,
    Bytes,
    DateTimeTZ,
    FunctionReference,
    JSONCompatible,
    Nested,
    ObjectSchema,
    ObjectSchemaOptions,
    OneOfSchema,
    SortedList,
    StatefulFunctionReference,
    ValidationError,
    fields,
    from_qualified_name,
    to_qualified_name,
)

VERSION = {"__version__": prefect.__version__}


class Point:
    def __init__(self, x: Any = 1, y: Any = "one") -> None:
        self.x = x
        self.y = y

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]


class Point3(Point):
    pass


class PointSchema(ObjectSchema):
    class Meta:
        object_class = Point

    x = fields.Integer(allow_none=True)
    y = fields.String()


class ShapeSchema(OneOfSchema):
    type_schemas = {"Point": PointSchema}


# -- schemas ----------------------------------------------------------------------------------------


def test_an_object_is_written_with_the_version_and_read_back() -> None:
    data = PointSchema().dump(Point(2, "two"))

    assert data == {"x": 2, "y": "two", **VERSION}
    assert PointSchema().load(data) == Point(2, "two")


def test_dictionaries_are_written_like_objects_and_missing_attributes_left_out() -> None:
    assert PointSchema().dump({"x": 3}) == {"x": 3, **VERSION}


def test_keys_that_are_missing_leave_the_constructor_its_defaults() -> None:
    assert PointSchema().load({"x": 5}) == Point(5, "one")


def test_unknown_keys_are_ignored_unless_asked_otherwise() -> None:
    data = {"x": 1, "z": 2}

    assert PointSchema().load(data) == Point(1)
    assert PointSchema(unknown="include").load(data, create_object=False) == {"x": 1, "z": 2}
    with pytest.raises(ValidationError, match=r"z: Unknown field\."):
        PointSchema().load(data, unknown="raise")


def test_without_create_object_the_values_are_returned() -> None:
    assert PointSchema().load({"x": "4"}, create_object=False) == {"x": 4}


def test_all_errors_are_reported_at_once_by_field() -> None:
    with pytest.raises(ValidationError) as caught:
        PointSchema().load({"x": "many", "y": 3})

    assert caught.value.messages == {"x": ["Not a valid integer."], "y": ["Not a valid string."]}
    assert str(caught.value) == "x: Not a valid integer.; y: Not a valid string."


def test_errors_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(ValidationError({"a": {0: ["bad"]}})))

    assert error.messages == {"a": {0: ["bad"]}}
    assert str(error) == "a.0: bad"


@pytest.mark.parametrize("data", [None, 3, "text", [1]])
def test_what_is_no_json_object_is_refused(data: Any) -> None:
    with pytest.raises(ValidationError, match="Invalid input type"):
        PointSchema().load(data)


def test_lists_are_read_and_errors_name_the_index() -> None:
    assert PointSchema(many=True).load([{"x": 1}, {"x": 2}]) == [Point(1), Point(2)]
    assert PointSchema().dump([Point(1)], many=True) == [{"x": 1, "y": "one", **VERSION}]
    with pytest.raises(ValidationError) as caught:
        PointSchema().load([{"x": 1}, {"x": "q"}], many=True)
    assert caught.value.messages == {1: {"x": ["Not a valid integer."]}}


def test_json_text_is_written_and_read() -> None:
    text = PointSchema().dumps(Point(1, "a"), sort_keys=True)

    assert json.loads(text) == {"x": 1, "y": "a", **VERSION}
    assert PointSchema().loads(text) == Point(1, "a")


def test_validate_says_what_is_wrong_and_makes_no_object() -> None:
    assert PointSchema().validate({"x": 1}) == {}
    assert PointSchema().validate({"x": "q"}) == {"x": ["Not a valid integer."]}
    assert PointSchema().validate(7) == {"_schema": ["Invalid input type."]}


def test_only_and_exclude_choose_fields() -> None:
    assert PointSchema(only=["x"]).dump(Point()) == {"x": 1, **VERSION}
    assert PointSchema(exclude=["x"]).dump(Point()) == {"y": "one", **VERSION}


def test_excluded_fields_are_read_but_not_given_to_the_constructor() -> None:
    class Partly(PointSchema):
        class Meta:
            object_class = lambda: Point
            exclude_fields = ["y"]

    assert Partly().load({"x": 2, "y": "unused"}) == Point(2)
    assert isinstance(Partly.opts, ObjectSchemaOptions)
    assert Partly.opts.exclude_fields == ["y"]


def test_required_fields_must_be_there_unless_partial() -> None:
    class Strict(ObjectSchema):
        x = fields.Integer(required=True)
        y = fields.Integer(load_default=list)

    assert Strict().load({"x": 1}) == {"x": 1, "y": []}
    assert Strict().load({}, partial=True) == {"y": []}
    assert Strict(partial=["x"]).load({}) == {"y": []}
    with pytest.raises(ValidationError, match=r"x: Missing data for required field\."):
        Strict().load({}, partial=["y"])


def test_a_subclass_can_choose_attributes_and_make_objects() -> None:
    class Swapped(PointSchema):
        def get_attribute(self, obj: Any, key: str, default: Any) -> Any:
            return {"x": obj.y, "y": obj.x}[key]

        def create_object(self, data: dict[str, Any], **kwargs: Any) -> Any:
            point = super().create_object(data, **kwargs)
            return [point, self.context["owner"]]

    assert Swapped().dump(Point(1, 2)) == {"x": 2, "y": "1", **VERSION}
    assert Swapped(context={"owner": "me"}).load({"x": 1}) == [Point(1), "me"]


def test_functions_and_methods_make_values() -> None:
    class Made(ObjectSchema):
        total = fields.Function(lambda obj: obj.x + 1, lambda value, context: value * context["times"])
        kind = fields.Method("kind_of")
        secret = fields.Function(deserialize=str)

        def kind_of(self, obj: Any) -> str:
            return type(obj).__name__

    assert Made().dump(Point(1)) == {"total": 2, "kind": "Point", **VERSION}
    loaded = Made(context={"times": 3}).load({"total": 2, "kind": "ignored", "secret": 5})
    assert loaded == {"total": 6, "secret": "5"}


def test_nested_objects_share_the_context() -> None:
    class Line(ObjectSchema):
        start = Nested(PointSchema)
        ends = Nested(lambda: PointSchema, lambda obj, context: [obj["start"], context["end"]], many=True)
        none = Nested(PointSchema, lambda obj, context: MISSING)

    data = Line(context={"end": Point(9)}).dump({"start": Point(1)})
    assert [end["x"] for end in data["ends"]] == [1, 9]
    assert "none" not in data
    assert Line().load(data)["ends"] == [Point(1), Point(9)]
    assert Line().load(data, create_object=False)["start"] == {"x": 1, "y": "one"}
    with pytest.raises(ValidationError) as caught:
        Line().load({"start": {"x": "q"}, "ends": [{"x": "q"}]})
    assert caught.value.messages == {
        "start": {"x": ["Not a valid integer."]},
        "ends": {0: {"x": ["Not a valid integer."]}},
    }


def test_the_type_key_chooses_the_schema() -> None:
    data = ShapeSchema().dump(Point(2, "b"))

    assert data == {"x": 2, "y": "b", "type": "Point", **VERSION}
    assert ShapeSchema().load(data) == Point(2, "b")
    assert ShapeSchema().load([data], many=True) == [Point(2, "b")]


def test_an_object_of_a_subclass_is_written_as_the_class_that_is_known() -> None:
    assert ShapeSchema().dump(Point3())["type"] == "Point"


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        ({"type": "Circle"}, {"type": ["Unsupported value: Circle"]}),
        ({"type": 5}, {"type": ["Unsupported value: 5"]}),
        ({"x": 1}, {"type": ["Missing data for required field."]}),
        (None, {"_schema": ["Invalid data type: None"]}),
        ({"type": "Point", "x": "q"}, {"x": ["Not a valid integer."]}),
    ],
)
def test_an_unknown_type_is_named(data: Any, messages: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        ShapeSchema().load(data)
    assert caught.value.messages == messages


def test_an_object_without_schema_cannot_be_written() -> None:
    with pytest.raises(ValidationError, match="Unsupported object type: int"):
        ShapeSchema().dump(3)


def test_a_load_option_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TypeError, match="takes no argument 'strict'"):
        PointSchema().load({}, strict=True)  # type: ignore[call-arg]


# -- fields -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        (fields.String(), 5, "5"),
        (fields.Integer(), "5", 5),
        (fields.Integer(), 2.9, 2),
        (fields.Number(), 2.5, 2.5),
        (fields.Number(), 2.0, 2),
        (fields.Boolean(), [], False),
        (fields.TimeDelta(), datetime.timedelta(minutes=1, seconds=2.9), 62),
        (
            fields.TimeDelta(precision="microseconds"),
            datetime.timedelta(days=9, microseconds=7),
            777600000007,
        ),
        (fields.DateTime(), datetime.datetime(2030, 1, 2), "2030-01-02T00:00:00"),
        (fields.Moment(), datetime.datetime(2030, 1, 2), "2030-01-02T00:00:00+00:00"),
        (fields.Dict(), {1: 2}, {"1": 2}),
        (fields.Dict(values=fields.String), {"a": 2}, {"a": "2"}),
        (fields.List(fields.String), (1, None), ["1", None]),
        (SortedList(fields.String), {"b", "a"}, ["a", "b"]),
        (Bytes(), b"abc", "YWJj"),
        (UUID(), uuid.UUID(int=3), "00000000-0000-0000-0000-000000000003"),
        (JSONCompatible(), {"a": [1, None]}, {"a": [1, None]}),
        (fields.Integer(), None, None),
    ],
)
def test_a_field_writes(field: fields.Field, value: Any, text: Any) -> None:
    assert field.serialize("it", {"it": value}) == text


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        (fields.Integer(), "5", 5),
        (fields.Number(), 2.5, 2.5),
        (fields.Number(), "3", 3),
        (fields.Boolean(), "true", True),
        (fields.Boolean(), 0, False),
        (fields.Boolean(), "Off", False),
        (fields.TimeDelta(), "60", datetime.timedelta(minutes=1)),
        (fields.DateTime(), "2030-01-02T00:00:00", datetime.datetime(2030, 1, 2)),
        (fields.Dict(), {"a": 1}, {"a": 1}),
        (fields.List(fields.Integer), ["1", 2], [1, 2]),
        (Bytes(), "YWJj", b"abc"),
        (UUID(), "00000000000000000000000000000003", "00000000-0000-0000-0000-000000000003"),
        (fields.String(allow_none=True), None, None),
        (fields.String(load_default=None), None, None),
    ],
)
def test_a_field_reads(field: fields.Field, text: Any, value: Any) -> None:
    assert field.deserialize(text) == value


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        (fields.String(), 5, "Not a valid string."),
        (fields.Integer(), True, "Not a valid integer."),
        (fields.Integer(), float("nan"), "Not a valid integer."),
        (fields.Number(), "q", "Not a valid number."),
        (fields.Boolean(), 5, "Not a valid boolean."),
        (fields.Boolean(), [], "Not a valid boolean."),
        (fields.TimeDelta(), "long", "Not a valid period of time."),
        (fields.DateTime(), "2030-01-02", "Not a valid datetime."),
        (fields.DateTime(), 3, "Not a valid datetime."),
        (fields.Dict(), [], "Not a valid mapping type."),
        (fields.List(fields.String), "ab", "Not a valid list."),
        (fields.List(fields.String), 5, "Not a valid list."),
        (fields.List(fields.String), ["a", 1], "1: Not a valid string."),
        (fields.Dict(values=fields.String), {"a": 1}, "a.value: Not a valid string."),
        (fields.Dict(), {5: 1}, "5.key: Not a valid string."),
        (Bytes(), 3, "Not valid base64."),
        (UUID(), "x", "Not a valid UUID."),
        (JSONCompatible(), {1}, "Values must be JSON compatible, got `{1}`"),
        (fields.String(), None, "Field may not be null."),
        (fields.String(required=True), MISSING, "Missing data for required field."),
        (fields.Integer(validate=lambda value: value > 0), -1, "Invalid value."),
    ],
)
def test_a_field_refuses(field: fields.Field, text: Any, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        field.deserialize(text)
    assert str(caught.value) == message


def test_values_that_are_no_json_are_named_with_their_place() -> None:
    with pytest.raises(ValidationError, match=r"values for `Point\.x` must be JSON compatible"):
        JSONCompatible().serialize("x", Point(object()))


def test_fields_take_keywords_only() -> None:
    with pytest.raises(TypeError, match="takes keywords only"):
        fields.String("text")


def test_missing_attributes_are_left_out_or_defaulted() -> None:
    assert fields.String().serialize("z", Point()) is MISSING
    assert not MISSING
    assert fields.String(dump_default="d").serialize("z", Point()) == "d"


@given(
    st.datetimes(datetime.datetime(1970, 1, 1)),
    st.sampled_from(sorted(available_timezones() - {"localtime"})),
)
def test_a_zoned_date_keeps_its_moment_and_its_zone(naive: datetime.datetime, zone: str) -> None:
    moment = naive.replace(tzinfo=ZoneInfo(zone))

    written = DateTimeTZ().serialize("at", {"at": moment})
    read = DateTimeTZ().deserialize(written)

    assert written == {"dt": naive.isoformat(), "tz": zone}
    assert isinstance(read, pendulum.DateTime)
    assert read.timezone_name == zone
    later = moment.replace(fold=1)
    exists = later.astimezone(datetime.timezone.utc).astimezone(later.tzinfo).replace(tzinfo=None) == naive
    if exists:  # of a wall time that occurs twice, the second
        assert read.timestamp() == pytest.approx(later.timestamp(), abs=1e-5)
    else:
        assert read.replace(tzinfo=None) > naive


@pytest.mark.parametrize(
    ("moment", "zone"),
    [
        (datetime.datetime(2030, 1, 1), "UTC"),
        (datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc), "UTC"),
        (pendulum.datetime(2030, 1, 1, tz="Asia/Tokyo"), "Asia/Tokyo"),
        (pendulum.datetime(2030, 1, 1, tz=5), "+05:00"),
        (
            datetime.datetime(
                2030, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=-5, minutes=-30))
            ),
            "-05:30",
        ),
    ],
)
def test_every_kind_of_zone_is_written_and_read(moment: datetime.datetime, zone: str) -> None:
    written = DateTimeTZ().serialize("at", {"at": moment})

    assert written == {"dt": "2030-01-01T00:00:00", "tz": zone}
    aware = moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)
    assert DateTimeTZ().deserialize(written) == aware


@pytest.mark.parametrize(
    "value",
    ["2030-01-01", {"tz": "UTC"}, {"dt": "then", "tz": "UTC"}, {"dt": "2030-01-01T00:00:00", "tz": "Mars"}],
)
def test_what_is_no_zoned_date_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError, match="Not a valid zoned datetime"):
        DateTimeTZ().deserialize(value)


# -- functions --------------------------------------------------------------------------------------


def known() -> None: ...


def other() -> None: ...


def factory(limit: Any, *, unit: Any = None) -> Any:
    derived = [limit]

    def check(value: Any) -> bool:
        return value < limit and (unit or derived)

    return check


def test_functions_are_written_by_name() -> None:
    field = FunctionReference([known])
    name = f"{__name__}.known"

    assert field.serialize("f", {"f": known}) == name
    assert field.deserialize(name) is known


def test_other_functions_are_refused_or_kept_as_text() -> None:
    strict, lenient = FunctionReference([known]), FunctionReference([known], reject_invalid=False)

    assert lenient.serialize("f", {"f": other}) == f"{__name__}.other"
    assert lenient.deserialize("x.y") == "x.y"
    with pytest.raises(ValidationError, match="Invalid function reference"):
        strict.serialize("f", {"f": other})
    with pytest.raises(ValidationError, match=r"Invalid function reference: x\.y"):
        strict.deserialize("x.y")


@pytest.mark.parametrize(
    ("argument", "written"),
    [
        (3, 3),
        (datetime.timedelta(hours=1.5), "//timedelta:5400.0"),
        (datetime.time(1, 2, 3, 4), "//time:01:02:03.000004"),
        (pendulum.datetime(2030, 1, 2, 3, tz="Asia/Tokyo"), "//datetime:2030-01-02T03:00:00+09:00"),
        ({"b", "a"}, ["a", "b"]),
    ],
)
def test_made_functions_are_written_with_their_arguments(argument: Any, written: Any) -> None:
    field = StatefulFunctionReference([factory])

    data = field.serialize("f", {"f": factory(argument, unit="s")})
    again = field.serialize("f", {"f": field.deserialize(data)})

    assert data == {"fn": f"{__name__}.factory", "kwargs": {"limit": written, "unit": "s"}}
    assert again == data


def test_text_that_looks_like_a_tag_of_another_kind_stays_text() -> None:
    field = StatefulFunctionReference([factory])
    data = {"fn": f"{__name__}.factory", "kwargs": {"limit": "//path:/x"}}

    assert field.serialize("f", {"f": field.deserialize(data)})["kwargs"]["limit"] == "//path:/x"


def test_functions_of_the_user_are_refused_or_named_only() -> None:
    strict, lenient = (
        StatefulFunctionReference([known]),
        StatefulFunctionReference([known], reject_invalid=False),
    )

    assert lenient.serialize("f", {"f": other}) == {"fn": f"{__name__}.other", "kwargs": {}}
    assert lenient.serialize("f", {"f": functools.partial(other)})["fn"] == "functools.partial"
    assert lenient.deserialize({"fn": "x.y", "kwargs": {}}) is None
    with pytest.raises(ValidationError, match=r"custom functions aren't supported for `Point\.x`"):
        strict.serialize("x", Point(other))
    with pytest.raises(ValidationError, match="Invalid function reference"):
        strict.deserialize({"kwargs": {}})


def test_wrong_arguments_of_a_function_are_named() -> None:
    field = StatefulFunctionReference([factory])

    with pytest.raises(ValidationError, match=r"Invalid arguments of .*factory"):
        field.deserialize({"fn": f"{__name__}.factory", "kwargs": {"most": 1}})


@pytest.mark.parametrize("obj", [Point, known, PointSchema.dump, json.dumps, prefect.Task.run])
def test_a_dotted_path_leads_back(obj: Any) -> None:
    assert from_qualified_name(to_qualified_name(obj)) is obj


def test_only_imported_modules_are_looked_into() -> None:
    assert from_qualified_name("json") is json
    with pytest.raises(ValueError, match="maybe it hasn't been imported yet"):
        from_qualified_name("json.nothing")
    with pytest.raises(AttributeError):
        to_qualified_name(3)
