from __future__ import annotations

from typing import Any

import pytest

from prefect import Flow, Parameter, case, task, triggers, unmapped
from prefect.engine import signals
from prefect.engine.state import Mapped, Skipped, Success, TriggerFailed
from prefect.tasks.control_flow import ifelse, merge, switch
from prefect.tasks.control_flow.conditional import CompareValue, Merge


@task
def same(x: Any) -> Any:
    return x


@task
def inc(x: int) -> int:
    return x + 1


@task
def add(x: int, y: int) -> int:
    return x + y


@task
def skip(x: Any = None) -> None:
    raise signals.SKIP("not today")


@task
def fail() -> None:
    raise ValueError("no")


def test_compare_value_skips_unless_the_value_is_equal() -> None:
    assert CompareValue(3).run(3) is None
    assert CompareValue(True).run(1) is None
    with pytest.raises(signals.SKIP, match='Provided value "4" did not match "3"'):
        CompareValue(3).run(4)
    assert CompareValue("a").name == 'CompareValue: "a"'
    assert CompareValue("a", name="n").name == "n"


@pytest.mark.parametrize(
    ("value", "ran"), [("a", "a"), ("b", "b"), (None, "nothing"), (1, "one"), ("?", None)]
)
def test_switch_runs_the_task_of_the_value(value: Any, ran: str | None) -> None:
    with Flow("switch") as flow:
        branches = {"a": same("a"), "b": same("b"), None: same("nothing"), 1: same("one")}
        switch(Parameter("value"), branches)
        result = merge(*branches.values())

    state = flow.run(value=value)
    assert state.result[result].result == ran
    assert sum(isinstance(state.result[branch], Skipped) for branch in branches.values()) == 4 - bool(ran)


def test_a_default_of_switch_is_another_argument_of_merge() -> None:
    with Flow("default") as flow:
        a = inc(1)
        switch(Parameter("value"), {"a": a})
        result = merge(a, inc(100))

    assert flow.run(value="a").result[result].result == 2
    assert flow.run(value="?").result[result].result == 101


def test_tasks_upstream_of_a_branch_run_anyway() -> None:
    with Flow("upstream") as flow:
        upstream = inc(1)
        branch = inc(upstream)
        switch("a", {"b": branch})

    state = flow.run()
    assert state.result[upstream].result == 2
    assert isinstance(state.result[branch], Skipped)


def test_conditions_of_switch_are_tagged() -> None:
    with Flow("tags") as flow:
        switch(same(1), {1: inc(1)})

    assert [t.tags for t in flow.tasks if isinstance(t, CompareValue)] == [{"switch"}]


@pytest.mark.parametrize(("condition", "ran"), [(True, 2), ("text", 2), ([], 11), (None, 11), (0, 11)])
def test_ifelse_asks_whether_a_value_is_true(condition: Any, ran: int) -> None:
    with Flow("ifelse") as flow:
        yes, no = inc(1), inc(10)
        ifelse(Parameter("condition"), yes, no)
        result = merge(yes, no)

    assert flow.run(condition=condition).result[result].result == ran


def test_one_side_of_ifelse_may_be_missing() -> None:
    with Flow("one side") as flow:
        yes, no = inc(1), inc(10)
        ifelse(Parameter("condition"), yes, None)
        ifelse(Parameter("other"), None, no)

    state = flow.run(condition=True, other=True)
    assert state.result[yes].result == 2
    assert isinstance(state.result[no], Skipped)


def test_switch_and_ifelse_decide_for_each_element_when_mapped() -> None:
    with Flow("mapped") as flow:
        numbers = same([0, 1, 0])
        a, b = inc.map(numbers), add.map(numbers, unmapped(100))
        switch(numbers, {0: a, 1: b}, mapped=True)
        switched = merge(a, b, mapped=True)
        c, d = inc.map(numbers), add.map(numbers, unmapped(100))
        ifelse(numbers, c, d, mapped=True)
        chosen = merge(c, d, mapped=True)

    state = flow.run()
    assert state.result[switched].result == [1, 101, 1]
    assert state.result[chosen].result == [100, 2, 100]


def test_merge_takes_the_first_result_that_is_there_in_the_order_of_arguments() -> None:
    with Flow("order") as flow:
        nothing = same(None)
        result = merge(nothing, *(same(number) for number in range(2, 13)))

    assert flow.run().result[result].result == 2


def test_merge_passes_over_a_branch_that_skipped_itself() -> None:
    with Flow("skip") as flow:
        result = merge(skip(), inc(1))
        nothing = merge(skip(), same(None))

    state = flow.run()
    assert state.result[result].result == 2
    assert state.result[nothing].result is None


def test_merge_is_skipped_when_all_branches_were_and_fails_when_one_failed() -> None:
    with Flow("end") as flow:
        skipped = merge(skip(), skip())
        failed = merge(fail(), inc(1))

    state = flow.run()
    assert isinstance(state.result[skipped], Skipped)
    assert isinstance(state.result[failed], TriggerFailed)


def test_merge_takes_settings_of_tasks() -> None:
    made = Merge(name="m", trigger=triggers.all_finished)
    assert (made.name, made.trigger, made.skip_on_upstream_skip) == ("m", triggers.all_finished, False)
    with pytest.raises(ValueError, match="skip_on_upstream_skip=False"):
        Merge(skip_on_upstream_skip=True)
    assert Merge().run(b=None, a=2, task_3=1) == 2


def test_merge_adds_to_the_flow_that_it_is_given() -> None:
    flow = Flow("given")
    result = merge(1, 2, flow=flow)
    assert flow.tasks == {result}


def test_a_mapped_merge_joins_branches_of_which_one_was_skipped_as_a_whole() -> None:
    with Flow("whole") as flow:
        kind = Parameter("kind")
        with case(kind, "inc"):
            a = inc.map([1, 2, 3])
        with case(kind, "add"):
            b = add.map([1, 2], unmapped(100))
        joined = merge(a, b, mapped=True)
        after = inc.map(joined)

    assert flow.run(kind="inc").result[after].result == [3, 4, 5]
    assert flow.run(kind="add").result[after].result == [102, 103]


def test_a_mapped_merge_is_skipped_when_all_branches_were_skipped_as_a_whole() -> None:
    with Flow("nothing") as flow:
        with case(same(1), 2):
            a = inc.map([1, 2, 3])
            b = inc.map([1, 2])
        joined = merge(a, b, mapped=True)
        after = inc.map(joined)

    state = flow.run()
    assert isinstance(state.result[joined], Skipped)
    assert isinstance(state.result[after], Skipped)
    assert isinstance(state, Success)


def test_a_mapped_merge_works_when_single_children_were_skipped() -> None:
    @task
    def skip_odd(x: int) -> int:
        if x % 2:
            raise signals.SKIP("odd")
        return x

    with Flow("children") as flow:
        even = skip_odd.map([1, 2, 3])
        joined = merge(even, inc.map([10, 20, 30]), mapped=True)

    state = flow.run()
    assert isinstance(state.result[joined], Mapped)
    assert state.result[joined].result == [11, 2, 31]
