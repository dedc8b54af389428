"""PrefectResult, ConstantResult and SecretResult."""

from __future__ import annotations

import pickle
from typing import Any

import cloudpickle
import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefect import Task
from prefect.engine.result.base import ResultNotImplementedError
from prefect.engine.result.errors import ResultReadError
from prefect.engine.results import ConstantResult, PrefectResult, SecretResult
from prefect.engine.serializers import (
    CompressedSerializer,
    DateTimeSerializer,
    JSONSerializer,
    PickleSerializer,
    Serializer,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


class TestPrefectResult:
    @given(JSON)
    def test_the_location_is_the_value(self, value: Any) -> None:
        written = PrefectResult().write(value)
        assert written.value == value
        assert written.location is not None
        assert PrefectResult().read(written.location).value == value
        assert PrefectResult().exists(written.location)

    def test_the_location_is_json(self) -> None:
        assert PrefectResult(location="{ignored}").write({"a": 1}, x=2).location == '{"a": 1}'

    def test_datetimes_have_a_serializer_of_their_own(self) -> None:
        result = PrefectResult(serializer=DateTimeSerializer())
        when = pendulum.datetime(2020, 1, 1)
        written = result.write(when)
        assert written.location == "2020-01-01T00:00:00Z"
        assert result.read(written.location).value == when

    def test_read_and_write_leave_the_result_alone(self) -> None:
        result = PrefectResult(value=5)
        written, read = result.write(6), result.read("7")
        assert (result.value, result.location) == (5, None)
        assert (written.value, read.value) == (6, 7)
        assert read.location == "7"

    @pytest.mark.parametrize(
        "serializer", [PickleSerializer(), CompressedSerializer(JSONSerializer(), "zlib")]
    )
    def test_other_serializers_are_refused(self, serializer: Serializer) -> None:
        message = f"takes a JSONSerializer or a DateTimeSerializer, not {type(serializer).__name__}"
        with pytest.raises(TypeError, match=message):
            PrefectResult(serializer=serializer)
        result = PrefectResult()
        with pytest.raises(TypeError, match=message):
            result.serializer = serializer
        assert result.serializer == JSONSerializer()

    def test_subclasses_of_the_two_are_accepted(self) -> None:
        class Pretty(JSONSerializer):
            def serialize(self, value: Any) -> bytes:
                return super().serialize(value).replace(b",", b",\n")

        assert PrefectResult(serializer=Pretty()).write([1, 2]).location == "[1,\n 2]"

    def test_what_json_cannot_express_is_a_type_error(self) -> None:
        with pytest.raises(TypeError, match="not JSON serializable"):
            PrefectResult().write(object())

    @pytest.mark.parametrize(
        ("location", "expected"), [("nope", False), ("3", True), ("", False), ("{x}", False)]
    )
    def test_exists_says_whether_it_can_be_read(self, location: str, expected: bool) -> None:
        assert PrefectResult().exists(location, x=3) is expected

    def test_a_text_that_cannot_be_read_is_quoted(self) -> None:
        with pytest.raises(ResultReadError, match="The result at the location 'nope' itself cannot be read"):
            PrefectResult().read("nope")
        with pytest.raises(ResultReadError) as caught:
            PrefectResult().read("x" * 10_000)
        assert len(str(caught.value)) < 500

    @pytest.mark.parametrize("via", [pickle, cloudpickle])
    def test_it_can_be_pickled_and_copied(self, via: Any) -> None:
        result = PrefectResult(value=3, location="3", serializer=DateTimeSerializer())
        assert pickle.loads(via.dumps(result)) == result
        assert result.copy() == result


class TestConstantResult:
    def test_it_reads_as_itself(self) -> None:
        result = ConstantResult(value=3)
        assert result.read("anything") is result
        assert result.value == 3

    def test_it_always_exists(self) -> None:
        assert ConstantResult(value=3).exists("any{thing}") is True

    def test_it_cannot_be_written(self) -> None:
        with pytest.raises(ValueError, match="Cannot write values to `ConstantResult` types"):
            ConstantResult(value=3).write(4)

    def test_it_takes_keywords_only(self) -> None:
        with pytest.raises(TypeError):
            ConstantResult(3)  # type: ignore[call-arg]


class Vault(Task):
    """A secret task: its value changes between two runs."""

    def __init__(self, **kwargs: Any) -> None:
        self.looked_up = 0
        super().__init__(**kwargs)

    def run(self) -> str:
        self.looked_up += 1
        return f"secret-{self.looked_up}"


class TestSecretResult:
    def test_reading_runs_the_task_again(self) -> None:
        result = SecretResult(Vault(name="KEY"))
        assert result.read("KEY").value == "secret-1"
        assert result.read("KEY").value == "secret-2"
        assert result.value is None

    def test_the_location_is_the_name_of_the_task(self) -> None:
        task = Vault(name="KEY")
        assert SecretResult(task).location == "KEY"
        assert SecretResult(task).read("KEY").location == "KEY"
        assert SecretResult(task, location="other").location == "other"

    def test_it_is_never_written(self) -> None:
        with pytest.raises(ValueError, match="SecretResults cannot be written to"):
            SecretResult(Vault(name="KEY")).write("secret")

    def test_whether_it_exists_is_not_known(self) -> None:
        with pytest.raises(ResultNotImplementedError):
            SecretResult(Vault(name="KEY")).exists("KEY")

    def test_a_secret_that_cannot_be_looked_up_raises_what_the_task_raises(self) -> None:
        class Empty(Task):
            def run(self) -> None:
                raise ValueError("no such secret")

        with pytest.raises(ValueError, match="no such secret"):
            SecretResult(Empty(name="KEY")).read("KEY")

    def test_pickling_leaves_the_value_of_the_task_to_be_looked_up(self) -> None:
        result = pickle.loads(cloudpickle.dumps(SecretResult(Vault(name="KEY"))))
        assert result.read("KEY").value == "secret-1"
