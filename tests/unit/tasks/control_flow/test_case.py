from __future__ import annotations

from typing import Any

import pytest

from prefect import Flow, Parameter, case, context, task
from prefect.engine.state import Skipped
from prefect.tasks.control_flow import merge


@task
def same(x: Any) -> Any:
    return x


@task
def inc(x: int) -> int:
    return x + 1


def edges(flow: Flow) -> set[tuple[str, str]]:
    """Edges that carry no data, by name."""
    return {(edge.upstream_task.name, edge.downstream_task.name) for edge in flow.edges if edge.key is None}


def test_only_the_branch_with_the_right_value_runs() -> None:
    with Flow("branches") as flow:
        color = Parameter("color")
        with case(color, "red"):
            red = same("stop")
        with case(color, "green"):
            green = same("go")
        decision = merge(red, green)

    assert flow.run(color="red").result[decision].result == "stop"
    state = flow.run(color="green")
    assert state.result[decision].result == "go"
    assert isinstance(state.result[red], Skipped)
    assert isinstance(flow.run(color="blue").result[decision], Skipped)


def test_flags_are_values_too() -> None:
    with Flow("flags") as flow:
        flag = Parameter("flag")
        with case(flag, True):
            yes = inc(1)
        with case(flag, False):
            no = inc(10)
        answer = merge(yes, no)

    assert flow.run(flag=True).result[answer].result == 2
    assert flow.run(flag=False).result[answer].result == 11
    assert flow.run(flag=0).result[answer].result == 11  # as `0 == False`


def test_only_the_first_tasks_of_a_block_wait_for_the_condition() -> None:
    with Flow("first") as flow, case(same(1), 1):
        a = inc(1)
        inc.copy(name="second").bind(a)

    assert edges(flow) == {("case(1)", "inc")}


def test_conditions_of_nested_blocks_chain() -> None:
    with Flow("nested") as flow:
        x, y = Parameter("x"), Parameter("y")
        with case(x, 1):
            with case(y, 2):
                inner = inc(1)
            outer = inc(2)

    assert edges(flow) >= {("case(1)", "case(2)"), ("case(2)", "inc")}
    state = flow.run(x=0, y=2)
    assert isinstance(state.result[inner], Skipped)
    assert isinstance(state.result[outer], Skipped)
    state = flow.run(x=1, y=0)
    assert isinstance(state.result[inner], Skipped)
    assert state.result[outer].result == 3


def test_parameters_and_constants_of_a_block_are_never_skipped() -> None:
    with Flow("parameters") as flow, case(same(1), 2):
        x = Parameter("x", default=3)
        inc(x)
        inc.map([1, 2])

    state = flow.run()
    assert state.result[x].result == 3
    assert [state.result[t].result for t in flow.tasks if t.name == "[1, 2]"] == [[1, 2]]


def test_a_block_without_tasks_adds_nothing() -> None:
    with Flow("empty") as flow:
        condition = same(1)
        with case(condition, 1):
            pass

    assert flow.tasks == {condition}


def test_the_condition_may_be_a_plain_value() -> None:
    with Flow("plain") as flow:
        with case("a", "a"):
            a = inc(1)
        with case("a", "b"):
            b = inc(1)

    state = flow.run()
    assert state.result[a].is_successful()
    assert isinstance(state.result[b], Skipped)


def test_the_value_cannot_be_a_task() -> None:
    with pytest.raises(TypeError, match="`value` cannot be a task"):
        case(same, same)


def test_an_error_in_the_block_leaves_the_block() -> None:
    with Flow("error") as flow:
        with pytest.raises(RuntimeError, match="mine"), case(same(1), 2):
            raise RuntimeError("mine")
        after = inc(1)

    assert context.get("case") is None
    assert flow.run().result[after].result == 2


def test_one_block_cannot_hold_tasks_of_two_flows() -> None:
    with Flow("one"), case(same(1), 1):
        inc(1)
        with Flow("two"), pytest.raises(ValueError, match="Multiple flows"):
            inc(1)
