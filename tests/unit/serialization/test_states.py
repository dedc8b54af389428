"""States keep what they say when they travel; their values stay behind."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefect import _wire
from prefect.engine import state as states
from prefect.engine.result import NoResult, Result
from prefect.engine.results import LocalResult, SecretResult
from prefect.serialization.result import StateResultSchema
from prefect.serialization.state import BaseStateSchema, StateSchema, SuccessSchema, get_safe
from prefect.tasks.secrets import EnvVarSecret
from prefect.utilities.serialization import ValidationError

MOMENTS = st.datetimes(
    datetime.datetime(1980, 1, 1), datetime.datetime(2200, 1, 1), timezones=st.just(datetime.timezone.utc)
)
SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5)
FACTS = st.dictionaries(st.text(max_size=5), SCALARS | st.lists(SCALARS, max_size=2), max_size=3)
RESULTS = st.one_of(
    st.just(NoResult),
    st.builds(Result, location=st.text(min_size=1, max_size=8)),
    st.builds(LocalResult, dir=st.just("/data"), location=st.just("a/b"), validate_dir=st.just(False)),
)
COMMON = {
    "message": st.none() | st.text(max_size=10),
    "result": RESULTS,
    "context": FACTS,
    "cached_inputs": st.dictionaries(st.text(max_size=5), RESULTS, max_size=2),
}
EXTRA: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "Scheduled": {"start_time": MOMENTS},
    "Resume": {"start_time": MOMENTS},
    "Paused": {"start_time": st.none() | MOMENTS},
    "Retrying": {"start_time": MOMENTS, "run_count": st.integers(1, 99)},
    "Looped": {"loop_count": st.integers(1, 99)},
    "Cached": {
        "cached_parameters": st.none() | FACTS,
        "cached_result_expiration": st.none() | MOMENTS,
        "hashed_inputs": st.none() | st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
    },
    "Queued": {"start_time": MOMENTS},
}
WRAPPERS = ("ClientFailed", "Submitted", "Queued")
NAMES = sorted(set(StateSchema.type_schemas) - {"Mapped"})


def a_state(name: str) -> st.SearchStrategy[states.State]:
    arguments = {**COMMON, **EXTRA.get(name, {})}
    if name in WRAPPERS:
        plain = [inner for inner in NAMES if inner not in WRAPPERS]
        arguments["state"] = st.none() | st.sampled_from(plain).flatmap(a_state)
    return st.builds(getattr(states, name), **arguments)


def described(state: states.State | None) -> Any:
    """All that a state says."""
    if state is None:
        return None
    kept = {
        "type": type(state),
        "message": state.message,
        "context": state.context,
        "result": placed(state._result),
        "inputs": {name: placed(result) for name, result in state.cached_inputs.items()},
    }
    for name in EXTRA.get(type(state).__name__, {}):
        kept[name] = getattr(state, name)
    if isinstance(state, (states.Submitted, states.ClientFailed, states.Queued)):
        kept["state"] = described(state.state)
    return kept


def placed(result: Result) -> Any:
    return type(result), result.location, getattr(result, "dir", None)


@given(st.sampled_from(NAMES).flatmap(a_state))
def test_a_state_survives_its_json(state: states.State) -> None:
    text = json.dumps(state.serialize())

    assert described(states.State.deserialize(json.loads(text))) == described(state)


@given(st.sampled_from(NAMES).flatmap(a_state))
def test_the_json_of_a_state_is_the_one_of_its_struct(state: states.State) -> None:
    data = json.loads(json.dumps(state.serialize()))

    assert json.loads(_wire.encode(_wire.from_builtins(data, _wire.AnyState))) == data


def test_values_do_not_travel() -> None:
    assert "secret" not in json.dumps(states.Success("m", result="secret").serialize())
    assert "secret" not in json.dumps(states.Failed("m", result=ValueError("secret")).serialize())
    assert get_safe(states.Success(result="secret"), {}) is None


def test_a_mapped_state_tells_how_many_children_it_has() -> None:
    data = states.Mapped("m", map_states=[states.Success(), states.Failed()]).serialize()

    assert data["n_map_states"] == 2
    assert "_result" not in data
    assert "map_states" not in data
    loaded = states.State.deserialize(data)
    assert isinstance(loaded, states.Mapped)
    assert loaded.n_map_states == 2


@pytest.mark.parametrize("name", [*NAMES, "Mapped"])
def test_a_state_of_nothing_but_its_type_loads(name: str) -> None:
    state = states.State.deserialize({"type": name})

    assert type(state) is getattr(states, name)
    assert state.message is None
    assert state._result is NoResult


def test_a_scheduled_state_without_start_time_is_due_now() -> None:
    before = datetime.datetime.now(datetime.timezone.utc)
    state = states.State.deserialize({"type": "Scheduled"})

    assert isinstance(state, states.Scheduled)
    assert before <= state.start_time <= datetime.datetime.now(datetime.timezone.utc)


def test_nulls_are_defaults() -> None:
    state = states.State.deserialize({"type": "Pending", "context": None, "cached_inputs": None})

    assert state.context == {}
    assert state.cached_inputs == {}


def test_a_state_class_of_the_user_is_written_as_the_one_it_derives_from() -> None:
    class Partial(states.Success):
        pass

    assert StateSchema().dump(Partial("half"))["type"] == "Success"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"type": "Odd"}, "type: Unsupported value: Odd"),
        ({"type": "Pending", "message": 3}, "message: Not a valid string."),
        ({"type": "Pending", "context": 3}, "context: Not a valid mapping type."),
        ({"type": "Scheduled", "start_time": "then"}, "start_time: Not a valid datetime."),
        ({"type": "Success", "_result": None}, "_result: Field may not be null."),
        ({"type": "Submitted", "state": {"type": "Odd"}}, "state.type: Unsupported value: Odd"),
    ],
)
def test_what_is_no_state_is_refused(data: Any, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        StateSchema().load(data)
    assert str(caught.value) == message


def test_the_schema_of_one_state_needs_no_type() -> None:
    assert type(SuccessSchema().load({"message": "a"})) is states.Success
    assert type(BaseStateSchema().load({"message": "a"})) is states.State


def test_parameters_of_a_cached_state_must_be_json() -> None:
    with pytest.raises(ValidationError, match=r"values for `Cached\.cached_parameters` must be JSON"):
        states.Cached(cached_parameters={"x": object()}).serialize()


def test_results_of_other_kinds_are_read_as_plain_ones() -> None:
    result = StateResultSchema().load({"type": "FutureResult", "location": "there"})

    assert type(result) is Result
    assert result.location == "there"


def test_there_is_one_no_result() -> None:
    assert StateResultSchema().load({"type": "NoResultType"}) is NoResult


def test_objects_that_are_no_results_are_written_as_custom_ones() -> None:
    assert StateResultSchema().dump(object())["type"] == "CustomResult"


def test_a_secret_result_reads_the_secret_by_the_same_kind_of_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "t")
    data = StateResultSchema().dump(SecretResult(EnvVarSecret("MY_TOKEN")))

    result = StateResultSchema().load(data)

    assert data["location"] == "MY_TOKEN"
    assert result.read(result.location).value == "t"
