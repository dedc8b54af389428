from __future__ import annotations

import datetime
from typing import Any

import pendulum
import pytest

from prefect.engine.cache_validators import (
    all_inputs,
    all_parameters,
    duration_only,
    hash_inputs,
    never_use,
    partial_inputs_only,
    partial_parameters_only,
)
from prefect.engine.result import Result
from prefect.engine.state import Cached

UTC = datetime.timezone.utc
TOMORROW = datetime.datetime.now(UTC) + datetime.timedelta(days=1)
YESTERDAY = datetime.datetime.now(UTC) - datetime.timedelta(days=1)
INPUTS = {"x": 1, "y": [2, 3]}
PARAMETERS = {"p": 1, "q": "two"}

ALL = {
    "duration_only": duration_only,
    "all_inputs": all_inputs,
    "all_parameters": all_parameters,
    "partial_inputs_only": partial_inputs_only(["x"]),
    "partial_parameters_only": partial_parameters_only(["p"]),
}


def cached(expires: datetime.datetime | None = TOMORROW) -> Cached:
    return Cached(
        cached_result_expiration=expires,
        hashed_inputs=hash_inputs(INPUTS),
        cached_parameters=dict(PARAMETERS),
    )


@pytest.mark.parametrize("validator", ALL.values(), ids=ALL)
@pytest.mark.parametrize(
    ("expires", "expected"),
    [
        (TOMORROW, True),
        (YESTERDAY, False),
        (None, True),
        (TOMORROW.replace(tzinfo=None), True),
        (YESTERDAY.replace(tzinfo=None), False),
        (pendulum.instance(TOMORROW), True),
        (TOMORROW.astimezone(datetime.timezone(datetime.timedelta(hours=-11))), True),
        (YESTERDAY.astimezone(datetime.timezone(datetime.timedelta(hours=13))), False),
    ],
)
def test_a_cached_state_is_used_until_its_time_is_over(
    validator: Any, expires: datetime.datetime | None, expected: bool
) -> None:
    assert validator(cached(expires), INPUTS, PARAMETERS) is expected


def test_never_use_never_uses() -> None:
    assert never_use(cached(None), INPUTS, PARAMETERS) is False


@pytest.mark.parametrize("inputs", [{}, {"x": 2}, {"z": 1}])
def test_duration_only_ignores_inputs_and_parameters(inputs: dict[str, Any]) -> None:
    assert duration_only(cached(), inputs, inputs)


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"x": 1, "y": [2, 3]}, True),
        ({"y": [2, 3], "x": 1}, True),
        ({"x": 1, "y": [3, 2]}, False),
        ({"x": 1}, False),
        ({"x": 1, "y": [2, 3], "z": 0}, False),
        ({}, False),
    ],
)
def test_all_inputs_wants_every_input_the_same(inputs: dict[str, Any], expected: bool) -> None:
    assert all_inputs(cached(), inputs, {}) is expected


def test_all_inputs_accepts_no_inputs_for_a_task_without_any() -> None:
    assert all_inputs(Cached(cached_result_expiration=TOMORROW), {}, {})


def test_inputs_kept_as_values_are_compared_too() -> None:
    state = Cached(cached_result_expiration=TOMORROW, cached_inputs={"x": Result(1)})
    assert all_inputs(state, {"x": 1}, {})
    assert not all_inputs(state, {"x": 2}, {})


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"p": 1, "q": "two"}, True),
        ({"p": 1, "q": "three"}, False),
        ({"p": 1}, False),
        ({"p": 1, "q": "two", "r": 0}, False),
        ({}, False),
    ],
)
def test_all_parameters_wants_every_parameter_the_same(parameters: dict[str, Any], expected: bool) -> None:
    assert all_parameters(cached(), {}, parameters) is expected


@pytest.mark.parametrize(
    ("validate_on", "inputs", "expected"),
    [
        (["x"], {"x": 1, "y": 0}, True),
        (["x"], {"x": 2, "y": [2, 3]}, False),
        (["x", "y"], {"x": 1, "y": 0}, False),
        ("x", {"x": 1, "y": 0}, True),
        (iter(["x"]), {"x": 1}, True),
        ([], {"x": 2}, True),
        (None, {"x": 2}, True),
        (["z"], {"x": 2}, True),
        (["z"], {"z": 2}, False),
        (["x"], {}, False),
    ],
)
def test_partial_inputs_only_looks_at_the_named_inputs(
    validate_on: Any, inputs: dict[str, Any], expected: bool
) -> None:
    assert partial_inputs_only(validate_on)(cached(), inputs, {}) is expected


@pytest.mark.parametrize(
    ("validate_on", "parameters", "expected"),
    [
        (["p"], {"p": 1, "q": 0}, True),
        (["p"], {"p": 2, "q": "two"}, False),
        (["p", "q"], {"p": 1, "q": 0}, False),
        ([], {"p": 2}, True),
        (None, {"p": 2}, True),
        (["r"], {"p": 2}, True),
        (["p"], None, False),
    ],
)
def test_partial_parameters_only_looks_at_the_named_parameters(
    validate_on: Any, parameters: Any, expected: bool
) -> None:
    assert partial_parameters_only(validate_on)(cached(), {}, parameters) is expected


def test_a_partial_validator_can_be_used_many_times() -> None:
    validator = partial_inputs_only(iter(["x"]))
    assert [validator(cached(), {"x": 2}, {}) for _ in range(3)] == [False, False, False]


def test_equal_values_have_equal_hashes() -> None:
    assert hash_inputs({"a": [1, {"b": 2}]}) == hash_inputs({"a": [1, {"b": 2}]})
    assert hash_inputs({"a": 1}) != hash_inputs({"a": 2})
    assert hash_inputs({}) == hash_inputs(None) == {}
