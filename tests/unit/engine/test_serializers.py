from __future__ import annotations

import base64
import bz2
import datetime
import gzip
import lzma
import pickle
import sqlite3
import threading
import types
import zlib
from typing import Any

import cloudpickle
import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefect.engine import serializers
from prefect.engine.serializers import (
    CompressedSerializer,
    DateTimeSerializer,
    JSONSerializer,
    PandasSerializer,
    PickleSerializer,
    Serializer,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


class TestSerializer:
    def test_the_base_class_says_what_is_missing(self) -> None:
        class Half(Serializer):
            pass

        with pytest.raises(NotImplementedError, match="Half does not say how to serialize a value"):
            Half().serialize(3)
        with pytest.raises(NotImplementedError, match="Half does not say how to deserialize a value"):
            Half().deserialize(b"")

    def test_two_of_one_class_are_equal(self) -> None:
        assert PickleSerializer() == PickleSerializer()
        assert PickleSerializer() != JSONSerializer()
        assert PickleSerializer() != 3

    def test_a_subclass_is_another_class(self) -> None:
        class Mine(JSONSerializer):
            pass

        assert JSONSerializer() != Mine()


class TestPickle:
    @given(JSON | st.binary() | st.sets(st.integers()))
    def test_values_come_back(self, value: Any) -> None:
        serializer = PickleSerializer()
        assert serializer.deserialize(serializer.serialize(value)) == value

    def test_functions_come_back(self) -> None:
        serializer = PickleSerializer()
        factor = 3
        assert serializer.deserialize(serializer.serialize(lambda x: x * factor))(4) == 12

    @given(JSON | st.binary())
    def test_base64_pickles_of_old_versions_are_read(self, value: Any) -> None:
        assert PickleSerializer().deserialize(base64.b64encode(cloudpickle.dumps(value))) == value

    def test_the_part_that_does_not_pickle_is_named(self) -> None:
        with pytest.raises(TypeError) as caught:
            PickleSerializer().serialize({"rows": 3, "lock": threading.Lock()})
        assert str(caught.value) == (
            "A value of type 'dict' cannot be pickled. value['lock']: cannot pickle '_thread.lock' object. "
            "Leave that part out of the value, or keep the value with a serializer that can write it."
        )

    def test_a_connection_is_named(self) -> None:
        connection = sqlite3.connect(":memory:")
        try:
            with pytest.raises(TypeError, match=r"value\.conn: cannot pickle 'sqlite3.Connection' object"):
                PickleSerializer().serialize(types.SimpleNamespace(conn=connection))
        finally:
            connection.close()

    @pytest.mark.parametrize(
        ("data", "error"),
        [
            (b"", EOFError),
            (b"garbage", pickle.UnpicklingError),
            (pickle.dumps([1, 2, "three"])[:-4], (pickle.UnpicklingError, EOFError)),
            (base64.b64encode(b"no pickle at all"), Exception),
            (b"\x80\x04cno_such_module_here\nthing\n.", ModuleNotFoundError),
        ],
    )
    def test_damaged_pickles_raise_what_python_raises(self, data: bytes, error: Any) -> None:
        with pytest.raises(error):
            PickleSerializer().deserialize(data)


class TestJSON:
    @given(JSON)
    def test_values_come_back(self, value: Any) -> None:
        serializer = JSONSerializer()
        assert serializer.deserialize(serializer.serialize(value)) == value

    def test_the_bytes_are_plain_json(self) -> None:
        assert JSONSerializer().serialize({"a": [1, None]}) == b'{"a": [1, null]}'

    def test_what_json_cannot_express_is_a_type_error(self) -> None:
        with pytest.raises(TypeError, match="Object of type object is not JSON serializable"):
            JSONSerializer().serialize(object())

    def test_no_json_is_a_value_error(self) -> None:
        with pytest.raises(ValueError, match="Expecting value"):
            JSONSerializer().deserialize(b"nope")


class TestDateTime:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (pendulum.datetime(2020, 1, 1), b"2020-01-01T00:00:00Z"),
            (pendulum.datetime(2020, 1, 1, tz="Europe/Paris"), b"2020-01-01T00:00:00+01:00"),
            (datetime.datetime(2020, 1, 1), b"2020-01-01T00:00:00Z"),
            (
                datetime.datetime(2020, 1, 1, 1, 2, 3, 4, tzinfo=datetime.timezone.utc),
                b"2020-01-01T01:02:03.000004+00:00",
            ),
            (pendulum.datetime(2020, 1, 1, tz="Europe/London"), b"2020-01-01T00:00:00+00:00"),
        ],
    )
    def test_the_text_is_iso_8601(self, value: datetime.datetime, text: bytes) -> None:
        assert DateTimeSerializer().serialize(value) == text

    @given(st.datetimes(timezones=st.timezones() | st.just(datetime.timezone.utc)))
    def test_the_same_moment_comes_back_as_a_pendulum_object(self, value: datetime.datetime) -> None:
        serializer = DateTimeSerializer()
        if value.utcoffset() is None or value.utcoffset() % datetime.timedelta(minutes=1):  # type: ignore[operator]
            return  # before standard time: offsets with seconds are not in ISO 8601
        again = serializer.deserialize(serializer.serialize(value))
        assert isinstance(again, pendulum.DateTime)
        assert again.timestamp() == value.timestamp()  # `==` is never true within an ambiguous hour

    def test_the_offset_comes_back(self) -> None:
        again = DateTimeSerializer().deserialize(b"2020-01-01T00:00:00+02:00")
        assert again.utcoffset() == datetime.timedelta(hours=2)

    @pytest.mark.parametrize("value", ["2020-01-01", 5, datetime.date(2020, 1, 1)])
    def test_anything_else_is_refused(self, value: Any) -> None:
        with pytest.raises(ValueError, match="DateTimeSerializer takes datetimes only"):
            DateTimeSerializer().serialize(value)


class TestCompressed:
    @pytest.mark.parametrize(
        ("name", "decompress"),
        [
            ("bz2", bz2.decompress),
            ("gzip", gzip.decompress),
            ("lzma", lzma.decompress),
            ("zlib", zlib.decompress),
        ],
    )
    def test_the_bytes_are_those_of_the_named_module(self, name: str, decompress: Any) -> None:
        serializer = CompressedSerializer(JSONSerializer(), name)
        data = serializer.serialize([1, 2])
        assert decompress(data) == b"[1, 2]"
        assert serializer.deserialize(data) == [1, 2]

    def test_own_functions_are_used(self) -> None:
        serializer = CompressedSerializer(
            JSONSerializer(), compress=lambda data: data[::-1], decompress=lambda data: data[::-1]
        )
        assert serializer.serialize([1, 2]) == b"]2 ,1["
        assert serializer.deserialize(b"]2 ,1[") == [1, 2]

    def test_keywords_reach_the_functions(self) -> None:
        serializer = CompressedSerializer(
            JSONSerializer(), "zlib", compress_kwargs={"level": 0}, decompress_kwargs={"bufsize": 5}
        )
        assert serializer.serialize("x") == zlib.compress(b'"x"', level=0)
        assert serializer.deserialize(serializer.serialize("x")) == "x"

    def test_a_compressed_serializer_pickles(self) -> None:
        serializer = CompressedSerializer(JSONSerializer(), "zlib", compress_kwargs={"level": 0})
        assert pickle.loads(pickle.dumps(serializer)) == serializer

    @pytest.mark.parametrize(
        "other",
        [
            CompressedSerializer(PickleSerializer(), "zlib"),
            CompressedSerializer(JSONSerializer(), "bz2"),
            CompressedSerializer(JSONSerializer(), "zlib", compress_kwargs={"level": 1}),
            CompressedSerializer(JSONSerializer(), "zlib", decompress_kwargs={"bufsize": 1}),
            JSONSerializer(),
        ],
    )
    def test_all_arguments_count_for_equality(self, other: Any) -> None:
        serializer = CompressedSerializer(JSONSerializer(), "zlib")
        assert serializer == CompressedSerializer(JSONSerializer(), "zlib")
        assert serializer != other

    @pytest.mark.parametrize("kwargs", [{}, {"compress": zlib.compress}, {"decompress": zlib.decompress}])
    def test_without_a_way_to_compress_it_is_refused(self, kwargs: Any) -> None:
        with pytest.raises(ValueError, match="needs either a `format` or both `compress` and `decompress`"):
            CompressedSerializer(JSONSerializer(), **kwargs)

    @pytest.mark.parametrize("kwargs", [{"compress": zlib.compress}, {"decompress": zlib.decompress}])
    def test_two_ways_to_compress_are_refused(self, kwargs: Any) -> None:
        with pytest.raises(ValueError, match="not both"):
            CompressedSerializer(JSONSerializer(), "zlib", **kwargs)

    def test_a_module_that_is_not_there_is_named(self) -> None:
        with pytest.raises(
            ImportError, match=r"no module 'nonesuch' to compress with\. Python itself has 'bz2'"
        ):
            CompressedSerializer(JSONSerializer(), "nonesuch")

    def test_a_module_that_cannot_compress_is_named(self) -> None:
        with pytest.raises(
            ValueError, match="The module 'json' has no functions `compress` and `decompress`"
        ):
            CompressedSerializer.compression_from_lib("json")


class TestPandasWithoutPandas:
    def test_the_extra_to_install_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "pandas", None)
        with pytest.raises(ImportError, match=r'pip install "prefect-classic\[pandas\]"'):
            PandasSerializer("csv")


class FakeFrame:
    """What PandasSerializer knows of a data frame, without pandas."""

    def __init__(self, text: str) -> None:
        self.text = text

    def to_bytes_format(self, file: Any, *, suffix: str = "") -> None:
        file.write((self.text + suffix).encode())

    def to_text_format(self, file: Any) -> None:
        file.write(self.text)


class TestPandas:
    @pytest.fixture(autouse=True)
    def _fake_pandas(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def read(file: Any, *, prefix: str = "") -> FakeFrame:
            return FakeFrame(prefix + file.read().decode())

        fake = types.SimpleNamespace(DataFrame=FakeFrame, read_bytes_format=read, read_text_format=read)
        monkeypatch.setattr(serializers, "_pandas", lambda: fake)

    @pytest.mark.parametrize("file_type", ["bytes_format", "text_format"])
    def test_frames_come_back_through_the_functions_of_pandas(self, file_type: str) -> None:
        serializer = PandasSerializer(file_type)
        data = serializer.serialize(FakeFrame("é"))
        assert data == "é".encode()
        assert serializer.deserialize(data).text == "é"

    def test_keywords_reach_the_functions_of_pandas(self) -> None:
        serializer = PandasSerializer("bytes_format", {"prefix": "<"}, {"suffix": ">"})
        assert serializer.serialize(FakeFrame("x")) == b"x>"
        assert serializer.deserialize(b"x").text == "<x"

    def test_a_file_type_that_pandas_does_not_know_is_refused(self) -> None:
        with pytest.raises(ValueError, match="has no 'read_nonesuch'"):
            PandasSerializer("nonesuch")

    def test_a_value_that_is_no_frame_is_refused(self) -> None:
        with pytest.raises(ValueError, match="A value of type 'int' has no 'to_bytes_format'"):
            PandasSerializer("bytes_format").serialize(3)

    def test_all_arguments_count_for_equality(self) -> None:
        serializer = PandasSerializer("bytes_format")
        assert serializer == PandasSerializer("bytes_format", {}, {})
        for other in (
            PandasSerializer("text_format"),
            PandasSerializer("bytes_format", {"prefix": "<"}),
            PandasSerializer("bytes_format", None, {"suffix": ">"}),
            JSONSerializer(),
        ):
            assert serializer != other


@pytest.mark.parametrize("file_type", ["csv", "json", "pickle"])
def test_real_data_frames_come_back(file_type: str) -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "é"]})
    kwargs = {"serialize_kwargs": {"index": False}} if file_type == "csv" else {}
    serializer = PandasSerializer(file_type, **kwargs)
    pd.testing.assert_frame_equal(serializer.deserialize(serializer.serialize(frame)), frame)
