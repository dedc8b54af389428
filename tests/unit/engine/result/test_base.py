from __future__ import annotations

import copy
import datetime
import pickle
import re
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from prefect.engine.result import NoResult, NoResultType, Result
from prefect.engine.result.base import ResultNotImplementedError
from prefect.engine.result.errors import (
    MissingResultError,
    ResultReadError,
    ResultWriteError,
    UnsafeLocationError,
)
from prefect.engine.serializers import JSONSerializer, PickleSerializer
from prefect.exceptions import PrefectException


class MemoryResult(Result):
    """A result as a user writes one: attributes first, then the base class."""

    def __init__(self, store: dict[str, bytes], **kwargs: Any) -> None:
        self.store = store
        self._secret = object()
        super().__init__(**kwargs)

    def write(self, value_: Any, **kwargs: Any) -> Result:
        new = self.format(**kwargs)
        new.value = value_
        assert new.location is not None
        self.store[new.location] = self.serializer.serialize(value_)
        return new


def test_a_result_takes_its_arguments_by_position_or_name() -> None:
    serializer = JSONSerializer()
    for result in (Result(3, "a", serializer), Result(value=3, location="a", serializer=serializer)):
        assert (result.value, result.location, result.serializer) == (3, "a", serializer)


def test_a_result_without_arguments_holds_none_and_pickles_values() -> None:
    result = Result()
    assert result.value is None
    assert result.location is None
    assert result.serializer == PickleSerializer()


def test_a_path_as_location_becomes_text() -> None:
    assert Result(location=Path("a") / "b").location == str(Path("a") / "b")  # type: ignore[arg-type]


def test_a_location_of_another_type_is_refused() -> None:
    with pytest.raises(
        TypeError, match="The location of a Result is text, a path or a function that returns text, not 5"
    ):
        Result(3, 5)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [3, "text", None, [1, 2]])
def test_the_repr_shows_class_and_value(value: Any) -> None:
    assert repr(Result(value)) == f"<Result: {value!r}>"
    assert repr(MemoryResult({}, value=value)) == f"<MemoryResult: {value!r}>"


class TestEquality:
    def test_results_of_one_class_with_the_same_attributes_are_equal(self) -> None:
        assert Result(3, "a", JSONSerializer()) == Result(3, "a", JSONSerializer())

    @pytest.mark.parametrize(
        "other",
        [
            Result(4, "a"),
            Result(3, "b"),
            Result(3, "a", JSONSerializer()),
            MemoryResult({}, value=3, location="a"),
            3,
        ],
    )
    def test_any_other_class_value_location_or_serializer_makes_a_difference(self, other: Any) -> None:
        assert Result(3, "a") != other

    def test_public_attributes_of_subclasses_count_and_private_ones_do_not(self) -> None:
        assert MemoryResult({}, value=3) == MemoryResult({}, value=3)
        assert MemoryResult({"x": b""}, value=3) != MemoryResult({}, value=3)

    def test_attributes_set_by_users_count(self) -> None:
        result = Result(3)
        result.note = "mine"  # type: ignore[attr-defined]
        assert result != Result(3)

    def test_results_cannot_be_hashed(self) -> None:
        for result in (Result(3), NoResult):
            with pytest.raises(TypeError, match="unhashable"):
                hash(result)


class TestLocations:
    def test_format_fills_the_template_of_a_copy(self) -> None:
        result = Result(3, "{x}/{y:02d}")
        formatted = result.format(x="a", y=7, z="unused")
        assert formatted.location == "a/07"
        assert formatted.value == 3
        assert result.location == "{x}/{y:02d}"

    def test_format_calls_a_function_with_all_keywords(self) -> None:
        result = Result(3, lambda **kwargs: f"{sorted(kwargs)}")
        assert result.location is None
        assert result.format(b=1, a=2).location == "['a', 'b']"

    def test_a_function_survives_copying_and_formatting(self) -> None:
        result = Result(location=lambda x: f"at-{x}")
        assert result.copy().format(x=1).format(x=2).location == "at-2"

    def test_the_text_of_a_function_is_no_template(self) -> None:
        assert Result(location=lambda **kwargs: "{x}").format(x=1).location == "{x}"

    def test_a_placeholder_without_a_value_is_a_key_error(self) -> None:
        with pytest.raises(KeyError, match="x"):
            Result(location="{x}").format(y=1)

    def test_escaped_braces_become_braces(self) -> None:
        assert Result(location="{{a}}").format().location == "{a}"

    def test_without_a_location_format_makes_a_fresh_one_each_time(self) -> None:
        result = Result(3)
        first, second = result.format().location, result.format().location
        assert first != second
        today = datetime.datetime.now(datetime.timezone.utc)
        assert first is not None
        year, month, day, name = first.split("/")
        assert datetime.date(int(year), int(month), int(day)) - today.date() < datetime.timedelta(days=2)
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.prefect_result", name)


class TestCopies:
    def test_from_value_keeps_everything_but_value_and_location(self) -> None:
        store: dict[str, bytes] = {}
        result = MemoryResult(store, value=1, location="a", serializer=JSONSerializer())
        new = result.from_value(2)
        assert (new.value, new.location, new.serializer) == (2, None, JSONSerializer())
        assert new.store is store
        assert (result.value, result.location) == (1, "a")

    def test_copies_share_the_value_and_nothing_else(self) -> None:
        value = [1]
        result = MemoryResult({}, value=value, location="a")
        for new in (result.copy(), copy.copy(result)):
            assert new.value is value
            new.location = "b"
            new.store = {"x": b""}
            assert result.location == "a"
            assert result.store == {}

    def test_copies_keep_attributes_set_by_users(self) -> None:
        result = Result(3)
        result.note = "mine"  # type: ignore[attr-defined]
        assert result.copy().note == "mine"  # type: ignore[attr-defined]

    @pytest.mark.parametrize("module", [pickle, cloudpickle])
    @pytest.mark.parametrize(
        "result",
        [Result(), Result([1], "a", JSONSerializer()), MemoryResult({"a": b"b"}, value=3)],
    )
    def test_pickling_keeps_the_result(self, result: Result, module: Any) -> None:
        again = pickle.loads(module.dumps(result))
        assert again == result
        assert type(again) is type(result)

    def test_pickling_keeps_a_location_function(self) -> None:
        result = pickle.loads(cloudpickle.dumps(Result(location=lambda x: f"at-{x}")))
        assert result.format(x=1).location == "at-1"

    def test_a_subclass_writes_through_format_and_serializer(self) -> None:
        store: dict[str, bytes] = {}
        written = MemoryResult(store, location="{x}", serializer=JSONSerializer()).write([1], x="k")
        assert (written.location, written.value) == ("k", [1])
        assert store == {"k": b"[1]"}


class TestTheBaseClassCannotStore:
    @pytest.mark.parametrize(
        ("call", "verb"),
        [
            (lambda r: r.read("a"), "read"),
            (lambda r: r.write(3, x=1), "write"),
            (lambda r: r.exists("a", x=1), "look for"),
        ],
    )
    def test_it_says_what_to_use_instead(self, call: Any, verb: str) -> None:
        for result, name in ((Result(3), "Result"), (NoResult, "NoResultType")):
            with pytest.raises(ResultNotImplementedError) as caught:
                call(result)
            assert str(caught.value) == (
                f"A plain {name} holds a value in memory and cannot {verb} stored values. "
                "Give the task or the flow a result that knows where to keep them, "
                "for example result=LocalResult(dir=...)."
            )
            assert isinstance(caught.value, NotImplementedError)


def test_the_logger_is_named_after_the_class() -> None:
    assert Result().logger.name == "prefect.Result"
    assert MemoryResult({}).logger.name == "prefect.MemoryResult"


def test_a_logger_of_the_users_own_is_kept() -> None:
    import logging

    result = Result()
    result.logger = logging.getLogger("mine")
    assert result.logger.name == "mine"
    assert result == Result()


class TestNoResult:
    def test_there_is_one(self) -> None:
        assert NoResultType() is NoResult
        assert NoResultType(3, "a", JSONSerializer()) is NoResult
        assert isinstance(NoResult, Result)

    def test_it_has_no_value(self) -> None:
        assert NoResult.value is None
        assert NoResult.location is None
        assert repr(NoResult) == "<NoResultType: None>"

    def test_it_equals_only_itself(self) -> None:
        assert NoResult == NoResultType()
        assert NoResult != Result(None)
        assert Result(None) != NoResult

    @pytest.mark.parametrize(
        "again",
        [
            NoResult.copy,
            NoResult.format,
            lambda: copy.copy(NoResult),
            lambda: copy.deepcopy(NoResult),
            lambda: pickle.loads(pickle.dumps(NoResult)),
            lambda: pickle.loads(pickle.dumps(NoResult, protocol=2)),
            lambda: pickle.loads(cloudpickle.dumps([NoResult]))[0],
        ],
    )
    def test_copies_are_itself(self, again: Any) -> None:
        assert again() is NoResult

    def test_from_value_gives_a_plain_result(self) -> None:
        result = NoResult.from_value(3)
        assert type(result) is Result
        assert result.value == 3

    @pytest.mark.parametrize("name", ["value", "location", "anything"])
    def test_it_cannot_be_changed_because_states_share_it(self, name: str) -> None:
        with pytest.raises(
            AttributeError, match=f"NoResult is shared by all states without a value, so its '{name}'"
        ):
            setattr(NoResult, name, 3)
        assert NoResult.value is None


@pytest.mark.parametrize(
    "error_class", [MissingResultError, ResultReadError, ResultWriteError, UnsafeLocationError]
)
def test_errors_keep_their_text_and_location_across_processes(error_class: Any) -> None:
    error = pickle.loads(pickle.dumps(error_class("text", location="/a")))
    assert type(error) is error_class
    assert (str(error), error.location) == ("text", "/a")
    assert isinstance(error, PrefectException)


def test_errors_are_what_callers_of_files_expect() -> None:
    assert issubclass(MissingResultError, FileNotFoundError)
    assert issubclass(ResultWriteError, OSError)
    assert issubclass(UnsafeLocationError, ValueError)
