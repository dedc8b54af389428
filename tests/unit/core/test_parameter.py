"""Parameters with types, and points in time."""

from __future__ import annotations

import datetime
import enum
from dataclasses import dataclass
from typing import Any, Literal

import pendulum
import pytest

from prefect import Flow, Parameter, task
from prefect.core.parameter import DateTimeParameter
from prefect.engine.state import Failed


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    y: int = 0


@task
def same(x: Any) -> Any:
    return x


def run_with(parameter: Parameter, value: Any) -> Any:
    with Flow("typed") as flow:
        result = same(parameter)
    return flow.run(parameters={parameter.name: value}).result[result].result


@pytest.mark.parametrize(
    ("annotation", "given", "expected"),
    [
        (None, object, object),
        (int, 5, 5),
        (float, 5, 5.0),
        (list[int], [1, 2], [1, 2]),
        (dict[str, int], {"a": 1}, {"a": 1}),
        (str | None, None, None),
        (Literal["a", "b"], "b", "b"),
        (Colour, "red", Colour.RED),
        (Point, {"x": 1}, Point(1)),
        (datetime.date, "2020-02-29", datetime.date(2020, 2, 29)),
    ],
)
def test_values_that_fit_reach_the_tasks_converted(annotation: Any, given: Any, expected: Any) -> None:
    assert run_with(Parameter("x", annotation=annotation), given) == expected


@pytest.mark.parametrize(
    ("annotation", "given", "told"),
    [
        (int, "5", r"Parameter 'x' takes int, but was given '5': Expected `int`"),
        (int, 5.5, "takes int, but was given 5.5"),
        (list[int], ["a"], r"takes list(\[int\])?, but was given \['a'\]"),
        (Literal["a"], "c", "was given 'c'"),
        (Point, {"y": 1}, "takes Point"),
    ],
)
def test_values_that_do_not_fit_are_refused_before_anything_runs(
    annotation: Any, given: Any, told: str
) -> None:
    ran: list[int] = []

    @task
    def work(x: Any) -> None:
        ran.append(x)

    with Flow("refused") as flow:
        work(Parameter("x", annotation=annotation))

    with pytest.raises(ValueError, match=told):
        flow.run(parameters={"x": given})
    assert not ran


def test_a_value_of_the_wrong_type_fails_the_parameter_when_a_runner_is_used_directly() -> None:
    from prefect.engine import FlowRunner

    with Flow("direct") as flow:
        x = Parameter("x", annotation=int)()
    state = FlowRunner(flow).run(parameters={"x": "five"}, return_tasks=[x])

    assert isinstance(state.result[x], Failed)
    assert "takes int" in str(state.result[x].result)


def test_a_default_is_taken_as_it_is() -> None:
    default = Point(3)
    with Flow("default") as flow:
        result = same(Parameter("x", default=default, annotation=Point))

    assert flow.run().result[result].result is default


def test_a_copy_has_a_name_and_slug_of_its_own() -> None:
    first = Parameter("x", default=1, annotation=int, tags=["t"])
    second = first.copy("y", default=2)

    assert (second.name, second.slug, second.default, second.annotation) == ("y", "y", 2, int)
    assert (first.name, first.slug, first.default) == ("x", "x", 1)
    with pytest.raises(AttributeError, match="colour"):
        first.copy("z", colour="red")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2020-03-01T12:00:00+02:00", "2020-03-01T12:00:00+02:00"),
        (datetime.datetime(2020, 3, 1, 12, tzinfo=datetime.timezone.utc), "2020-03-01T12:00:00+00:00"),
        (pendulum.datetime(2020, 3, 1, tz="Europe/Berlin"), "2020-03-01T00:00:00+01:00"),
    ],
)
def test_points_in_time_are_pendulum_datetimes(given: Any, expected: str) -> None:
    result = run_with(DateTimeParameter("t"), given)

    assert isinstance(result, pendulum.DateTime)
    assert result.isoformat() == expected


def test_a_point_in_time_that_is_not_required_may_be_missing() -> None:
    with Flow("missing") as flow:
        result = same(DateTimeParameter("t", required=False))

    assert flow.run().result[result].result is None


def test_a_parameter_that_may_be_missing_is_none_then() -> None:
    with Flow("optional") as flow:
        result = same(Parameter("x", required=False))

    assert flow.run().result[result].result is None
    assert flow.run(x=3).result[result].result == 3
