"""Results, targets and pickled states that Prefect 1.4.1 wrote (with pendulum 2 and cloudpickle 3.1)."""

from __future__ import annotations

import datetime
import pickle
from pathlib import Path
from typing import Any

import pendulum
import pytest

import prefect
from prefect import Flow, Task
from prefect.engine.result import NoResult, Result
from prefect.engine.results import (
    AzureResult,
    ConstantResult,
    GCSResult,
    LocalResult,
    PrefectResult,
    S3Result,
)
from prefect.engine.serializers import (
    CompressedSerializer,
    DateTimeSerializer,
    JSONSerializer,
    PickleSerializer,
    Serializer,
)
from prefect.engine.state import Cached, Failed, Mapped, Retrying, Skipped, Success

WRITTEN = Path(__file__).with_name("results")
VALUE = {
    "text": "naïve",
    "number": 42,
    "float": 2.5,
    "list": [1, None, True],
    "tuple": (1, 2),
    "bytes": b"\x00\xff",
    "set": {1, 2},
    "date": datetime.date(2022, 3, 4),
    "delta": datetime.timedelta(hours=3),
}
JSON_VALUE = {"text": "naïve", "number": 42, "float": 2.5, "list": [1, None, True]}


@pytest.mark.parametrize(
    ("name", "serializer", "value"),
    [
        ("value.pickle", PickleSerializer(), VALUE),
        ("value.base64", PickleSerializer(), VALUE),
        ("value.json", JSONSerializer(), JSON_VALUE),
        ("when.datetime", DateTimeSerializer(), pendulum.datetime(2022, 3, 4, 5, 6, 7, 8)),
        *(
            (f"value.{c}", CompressedSerializer(PickleSerializer(), c), VALUE)
            for c in ("bz2", "gzip", "lzma", "zlib")
        ),
    ],
)
def test_written_results_are_read(name: str, serializer: Serializer, value: Any) -> None:
    assert LocalResult(dir=str(WRITTEN), serializer=serializer).read(name).value == value


def test_pickled_times_of_pendulum_2_are_read() -> None:
    value = LocalResult(dir=str(WRITTEN)).read("pendulum_2.pickle").value
    tokyo = pendulum.datetime(2022, 3, 6, tz="Asia/Tokyo")
    assert value["tokyo"] == tokyo
    assert value["tokyo"].timezone_name == "Asia/Tokyo"
    assert value["tokyo"].add(months=6).isoformat() == "2022-09-06T00:00:00+09:00"
    assert value["utc"] == pendulum.datetime(2022, 3, 4)
    assert value["period"] == tokyo - value["utc"]
    assert value["period2"].in_days() == 2
    assert value["list"][1:] == [datetime.date(2022, 3, 4), datetime.time(0, 0)]
    again = pickle.loads(pickle.dumps(value))
    assert again == value
    assert type(again["tz"]) is pendulum.Timezone


def test_a_written_target_is_found() -> None:
    class Double(Task):
        def run(self, x: int) -> int:
            raise AssertionError("the target is there: the task should not run")

    with Flow("f") as flow:
        double = Double(target="target-{x}.pickle", result=LocalResult(dir=str(WRITTEN)))(x=21)
    state = flow.run()
    assert state.is_successful()
    assert state.result[double].is_cached()
    assert state.result[double].result == 42


def unpickled(name: str) -> Any:
    return pickle.loads((WRITTEN / f"{name}.pickle").read_bytes())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("result", Result(3, "a/{b}")),
        ("result_with_serializer", Result(3, serializer=JSONSerializer())),
        ("local", LocalResult(dir="/data", validate_dir=False, location="{x}.pickle", value=1)),
        (
            "s3",
            S3Result(
                "bucket",
                boto3_kwargs={"region_name": "eu-west-1"},
                upload_options={"ACL": "private"},
                location="k",
            ),
        ),
        ("gcs", GCSResult("bucket", location="k")),
        ("azure", AzureResult("container", connection_string_secret="S", location="k")),
        ("prefect", PrefectResult(value=[1], location="[1]")),
        ("prefect_datetime", PrefectResult(serializer=DateTimeSerializer())),
        ("constant", ConstantResult(value=5)),
        (
            "pandas_free_serializers",
            [
                PickleSerializer(),
                JSONSerializer(),
                DateTimeSerializer(),
                CompressedSerializer(PickleSerializer(), "bz2"),
            ],
        ),
    ],
)
def test_pickled_results_and_serializers_are_read(name: str, expected: Any) -> None:
    assert unpickled(f"object_{name}") == expected


def test_a_pickled_no_result_is_the_no_result_of_this_process() -> None:
    assert unpickled("object_no_result") is NoResult


class TestPickledStates:
    def test_success(self) -> None:
        state = unpickled("state_success")
        assert state == Success("done", result=Result(3, "loc"))
        assert (state.message, state.result, state._result.location) == ("done", 3, "loc")

    def test_success_without_a_result(self) -> None:
        assert unpickled("state_no_result")._result is NoResult

    def test_failed_with_an_exception(self) -> None:
        state = unpickled("state_failed")
        assert type(state) is Failed
        assert repr(state.result) == "ValueError('x')"

    def test_failed_by_a_signal(self) -> None:
        state = unpickled("state_failed_by_signal")
        assert type(state) is Failed
        assert state.message == "stop"
        assert isinstance(state.result, prefect.engine.signals.FAIL)

    def test_cached(self) -> None:
        state = unpickled("state_cached")
        assert type(state) is Cached
        assert state._result.location == "/data/x"
        assert state.hashed_inputs == {"x": "abc"}
        assert state.cached_parameters == {"p": 1}
        assert state.cached_result_expiration == datetime.datetime(2022, 1, 1, tzinfo=datetime.timezone.utc)

    def test_retrying(self) -> None:
        state = unpickled("state_retrying")
        assert type(state) is Retrying
        assert state.run_count == 2
        assert state.start_time == datetime.datetime(2022, 1, 1, tzinfo=datetime.timezone.utc)
        assert state.cached_inputs == {"x": Result(1)}

    def test_mapped(self) -> None:
        state = unpickled("state_mapped")
        assert type(state) is Mapped
        assert [type(child) for child in state.map_states] == [Success, Skipped]
        assert state.n_map_states == 2
