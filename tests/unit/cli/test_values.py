from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefect import Flow, Parameter
from prefect.cli import _exit_codes
from prefect.cli._errors import CommandError
from prefect.cli._values import check_parameters, key_values, merged_parameters, value_of

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(json_values)
def test_every_json_value_is_taken_as_itself(value: Any) -> None:
    assert value_of(json.dumps(value)) == value


@pytest.mark.parametrize(
    "text", ["Marvin", "", "two words", "a=b", "1.2.3", "2024-01-01", "True", "C:\\temp"]
)
def test_bare_text_is_taken_as_it_is(text: str) -> None:
    assert value_of(text) == text


@pytest.mark.parametrize("text", ['{"a": 1', "[1, 2", '"open', "{bad", " {"])
def test_text_that_starts_like_json_must_be_json(text: str) -> None:
    with pytest.raises(ValueError, match="at character"):
        value_of(text)


def test_values_may_contain_equals_signs_and_the_last_of_a_key_wins() -> None:
    assert key_values(["x=a=b", "y=1", "y=2"], "--param") == {"x": "a=b", "y": 2}


@pytest.mark.parametrize("pair", ["x", "=3", " =3", ""])
def test_a_pair_without_key_or_value_is_a_usage_error(pair: str) -> None:
    with pytest.raises(CommandError, match="not of the form key=value") as caught:
        key_values([pair], "--param")
    assert caught.value.exit_code == _exit_codes.USAGE


def test_broken_json_says_how_to_pass_it_as_text() -> None:
    with pytest.raises(CommandError, match="--context note starts like JSON but is not") as caught:
        key_values(["note=[draft]"], "--context")
    assert caught.value.hint is not None
    suggested = caught.value.hint.partition("'note=")[2].removesuffix("'")
    assert value_of(suggested) == "[draft]"


def test_param_wins_over_the_file_and_the_overridden_names_are_known(tmp_path: Path) -> None:
    file = tmp_path / "values.json"
    file.write_text('{"a": 1, "b": 2}', encoding="utf-8")
    values, overridden = merged_parameters(str(file), ["b=3", "c=4"])
    assert values == {"a": 1, "b": 3, "c": 4}
    assert overridden == ["b"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON: .* at line 1, column 2"),
        ("[1]", "holds a list; it must hold one JSON object"),
        ('"x"', "holds a text"),
        ("3", "holds a number"),
        ("true", "holds a boolean"),
        ("null", "holds null"),
    ],
)
def test_a_parameter_file_must_hold_one_json_object(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "values.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(CommandError, match=message) as caught:
        merged_parameters(str(file), [])
    assert caught.value.exit_code == _exit_codes.USAGE
    assert str(file) in caught.value.message


def test_a_missing_parameter_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no parameter file") as caught:
        merged_parameters(str(tmp_path / "none.json"), [])
    assert caught.value.exit_code == _exit_codes.NOT_FOUND


def test_a_parameter_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        merged_parameters(str(tmp_path), [])


class TestCheckParameters:
    flow = Flow("paint")
    flow.add_task(Parameter("colour"))
    flow.add_task(Parameter("coats", default=1))

    def test_names_of_the_flow_pass(self) -> None:
        check_parameters(self.flow, {"colour": "red"})
        check_parameters(self.flow, {"colour": None, "coats": 2})

    def test_an_unknown_name_lists_the_known_ones_and_suggests_one(self) -> None:
        with pytest.raises(CommandError) as caught:
            check_parameters(self.flow, {"color": "red"})
        assert caught.value.message == "Flow 'paint' has no parameter 'color'; it has 'coats', 'colour'."
        assert caught.value.hint == "Did you mean 'colour'?"
        assert caught.value.exit_code == _exit_codes.USAGE

    def test_a_flow_without_parameters_says_so(self) -> None:
        with pytest.raises(CommandError, match="it has none") as caught:
            check_parameters(Flow("bare"), {"x": 1})
        assert caught.value.hint is None

    def test_a_missing_required_parameter_shows_how_to_pass_it(self) -> None:
        with pytest.raises(CommandError, match="needs a value for its parameter 'colour'") as caught:
            check_parameters(self.flow, {})
        assert caught.value.hint == "Pass --param colour=VALUE."
