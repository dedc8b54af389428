"""Laws of the structs: what is written can be read, and newer writers do no harm."""

from __future__ import annotations

import json
import subprocess
import sys
import types
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefect import _wire
from prefect._wire import schedules, states

JSON_SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8)
JSON_VALUES = st.recursive(
    JSON_SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
KINDS = [
    _wire.AnyState,
    _wire.AnyResult,
    _wire.AnyRunConfig,
    _wire.AnyStorage,
    _wire.AnyClock,
    schedules.AnyRRule,
    _wire.Schedule,
    _wire.Flow,
    _wire.Task,
    _wire.Parameter,
    _wire.Edge,
]


def values_of(type_: Any, depth: int = 2) -> st.SearchStrategy[Any]:
    """Values of a type of a struct."""
    origin, args = get_origin(type_), get_args(type_)
    if origin is Annotated:
        return values_of(args[0], depth)
    if origin in (Union, types.UnionType):
        choices = [arg for arg in args if arg is not msgspec.UnsetType]
        if depth <= 0 and type(None) in choices:
            return st.none()
        return st.one_of([values_of(arg, depth) for arg in choices])
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        fields = msgspec.structs.fields(type_)
        return st.builds(type_, **{field.name: values_of(field.type, depth - 1) for field in fields})
    if origin is list:
        return st.lists(values_of(args[0], depth), max_size=2)
    if origin is dict:
        return st.dictionaries(st.text(max_size=5), values_of(args[1], depth), max_size=2)
    simple = {
        str: st.text(max_size=10),
        int: st.integers(-(2**62), 2**62),
        float: st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: not x.is_integer()),
        bool: st.booleans(),
        type(None): st.none(),
        Any: JSON_VALUES,
    }
    return simple[type_]


@st.composite
def objects(draw: st.DrawFn) -> tuple[Any, Any]:
    kind = draw(st.sampled_from(KINDS))
    return kind, draw(values_of(kind))


@given(objects())
def test_what_is_encoded_decodes_to_the_same(case: tuple[Any, Any]) -> None:
    kind, value = case

    assert _wire.decode(_wire.encode(value), kind) == value
    assert _wire.from_builtins(_wire.to_builtins(value), kind) == value


@given(objects(), st.text(min_size=1, max_size=5).map(lambda text: f"new {text}"), JSON_VALUES)
def test_unknown_keys_are_ignored(case: tuple[Any, Any], key: str, extra: Any) -> None:
    kind, value = case
    data = json.loads(_wire.encode(value))
    data[key] = extra

    assert _wire.from_builtins(data, kind) == value


@given(objects())
def test_sorted_json_is_the_same_whatever_the_order_of_keys(case: tuple[Any, Any]) -> None:
    _, value = case
    data = _wire.to_builtins(value)
    backwards = dict(reversed(data.items()))

    assert _wire.encode(data, sort=True) == _wire.encode(backwards, sort=True)


@given(JSON_VALUES)
def test_canonical_json_is_json_of_the_same_value(value: Any) -> None:
    assert json.loads(_wire.canonical(value)) == value


@pytest.mark.parametrize("value", [{2: "b", 1: "a"}, {"x": "\ud800"}])
def test_canonical_json_takes_all_that_json_takes(value: Any) -> None:
    backwards = dict(reversed(value.items()))

    assert _wire.canonical(value) == _wire.canonical(backwards)
    assert json.loads(_wire.canonical(value)) == json.loads(json.dumps(value))


def test_what_is_no_json_has_no_canonical_form() -> None:
    with pytest.raises(TypeError):
        _wire.canonical({"x": object()})


@pytest.mark.parametrize("name", [cls.__name__ for cls in get_args(_wire.AnyState)])
def test_a_state_of_nothing_but_its_type_loads(name: str) -> None:
    state = _wire.decode(json.dumps({"type": name}), _wire.AnyState)

    assert type(state).__name__ == name
    assert state.message is None
    assert state.context == {}
    assert state.cached_inputs == {}


def test_a_mapped_state_is_written_without_result() -> None:
    data = json.loads(_wire.encode(states.Mapped(n_map_states=2)))

    assert "_result" not in data
    assert data["n_map_states"] == 2


def test_errors_name_the_place() -> None:
    with pytest.raises(_wire.WireError, match=r"\$\.clocks\[0\]\.cron"):
        _wire.decode('{"clocks": [{"type": "CronClock", "cron": 5}]}', _wire.Schedule)


def test_a_compressed_flow_is_read_back() -> None:
    flow = _wire.Flow(name="x", tasks=[_wire.Task(slug="a-1")])

    assert _wire.decompress(_wire.compress(flow)) == flow


@pytest.mark.parametrize("text", ["", "no base64!", "bm8gZ3ppcA=="])
def test_text_that_is_no_compressed_flow_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base64 of gzipped JSON"):
        _wire.decompress(text)


def test_the_structs_need_no_engine() -> None:
    code = (
        "import sys; from prefect import _wire;"
        "print([m for m in sys.modules if m.startswith(('prefect.engine', 'prefect.core', 'prefect.storage'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
