"""Small flows that use everything by which flows are written; their graphs and states were recorded with 1.4.1.

`python cases.py > recorded.json`, run with Prefect 1.4.1, records them anew. So this file imports only what
both versions have. A case is a function that builds a flow inside `with Flow(...)`; `LOG` collects what
resources do.
"""

from __future__ import annotations

import collections
import json
import sys
from collections.abc import Callable
from typing import Any

from prefect import (
    Flow,
    Parameter,
    apply_map,
    case,
    context,
    flatten,
    mapped,
    resource_manager,
    tags,
    task,
    triggers,
    unmapped,
)
from prefect.engine.signals import SKIP
from prefect.tasks.control_flow import FilterTask, ifelse, merge, switch
from prefect.tasks.core.constants import Constant
from prefect.tasks.secrets import EnvVarSecret, PrefectSecret
from prefect.tasks.shell import ShellTask
from prefect.tasks.templates import StringFormatter

CASES: dict[str, Callable[[], Any]] = {}
LOG: list[Any] = []


def add_case(function: Callable[[], Any]) -> Callable[[], Any]:
    CASES[function.__name__] = function
    return function


# ---------------------------------------------------------------------- what flows are made of


@task
def gather(x=None, y=None, z=None):
    return (x, y, z)


@task
def inc(x):
    return x + 1


@task
def add(x, y):
    return x + y


@task
def odd(x):
    return x % 2 == 1


@task
def numbers(n=4):
    return list(range(n))


@task
def same(x):
    return x


@task
def none(x=None):
    return None


@task
def fail(x=None):
    raise ValueError("no")


@task
def skip(x=None):
    raise SKIP("not today")


@task
def picky(x):
    if x == 1:
        raise ValueError("one")
    return None if x == 3 else x


@task(nout=2)
def pair(x):
    return x, 2 * x


@resource_manager
class Thing:
    def __init__(self, size=1, fails_in=""):
        LOG.append("init")
        if fails_in == "init":
            raise RuntimeError("init")
        self.size = size
        self.fails_in = fails_in

    def setup(self):
        LOG.append("setup")
        if self.fails_in == "setup":
            raise RuntimeError("setup")
        return ["thing", self.size]

    def cleanup(self, thing):
        LOG.append(["cleanup", thing])
        if self.fails_in == "cleanup":
            raise RuntimeError("cleanup")


@resource_manager(name="plain")
class WithoutSetup:
    def cleanup(self, thing):
        LOG.append(["cleanup", thing])


# ---------------------------------------------------------------------- containers and constants


@add_case
def list_of_tasks():
    return gather([inc(1), 2])


@add_case
def list_of_annotated_constants():
    return gather([unmapped(1)])


@add_case
def named_tuple():
    point = collections.namedtuple("point", "a b")  # noqa: PYI024 - what users have
    return gather(point(inc(1), 2))


@add_case
def default_dict():
    return gather(collections.defaultdict(list, {"k": inc(1)}))


@add_case
def nested_containers():
    return gather({"a": [inc(1), {"b": (inc(2), 3)}], 5: 6})


@add_case
def set_of_tasks():
    return gather({inc(1), 7})


@add_case
def twelve_elements():
    return gather([inc(number) for number in range(12)])


@add_case
def upstream_constant():
    return gather(1, upstream_tasks=[3])


@add_case
def upstream_list():
    return gather(1, upstream_tasks=[[inc(1), 2]])


@add_case
def uncalled_task_as_input():
    return gather(numbers)


@add_case
def explicit_constant():
    return inc(Constant(3))


@add_case
def task_in_container_key():
    return gather({"k": None}, y=[], z={})


# ---------------------------------------------------------------------- operators


@add_case
def arithmetic():
    a, b = same(7), same(2)
    return gather([a + b, a - b, a * b, a / b, a // b, a % b, a**b, a & b])


@add_case
def reflected_arithmetic():
    a = same(7)
    return gather([1 + a, 1 - a, 2 * a, 7 / a, 15 // a, 9 % a, 2**a, 0 & a])


@add_case
def comparisons():
    a, b = same(7), same(2)
    return gather([a < b, a <= b, a > b, a >= b, 1 < a, a.is_equal(b), a.is_not_equal(b), a.not_(), a.or_(b)])  # noqa: SIM300


@add_case
def items():
    a = same({"k": [10, 20]})
    return a["k"][1] + a["k"][same(0)]


@add_case
def missing_item():
    return same({})["k"]


@add_case
def ordering_operator():
    first, second = inc(1), inc(2)
    return first | second


@add_case
def unpacking():
    a, b = pair(3)
    return add(a, b)


@add_case
def unpacking_mapped():
    return apply_map(lambda x: add(*pair(x)), [1, 2])


# ---------------------------------------------------------------------- mapping


@add_case
def map_list_of_tasks():
    return gather.map([inc(1), inc(2)])


@add_case
def map_tuple_with_unmapped():
    return gather.map((1, 2), unmapped((3, 4)))


@add_case
def map_text():
    return gather.map("ab")


@add_case
def map_flatten():
    return gather.map(flatten([[1], [2, 3]]))


@add_case
def flatten_without_map():
    return gather(flatten([[1], [2, 3]]))


@add_case
def map_upstream():
    return gather.map([1, 2], upstream_tasks=[numbers()])


@add_case
def map_upstream_unmapped():
    return gather.map([1, 2], upstream_tasks=[unmapped(inc(1))])


@add_case
def mapped_argument():
    return add(mapped([1, 2]), 10)


@add_case
def map_shortest():
    return add.map([1, 2, 3], numbers(2))


@add_case
def map_nothing():
    return inc.map(inc.map([]))


# ---------------------------------------------------------------------- apply_map


@add_case
def apply_map_chain():
    return apply_map(lambda x: inc(inc(x)), numbers())


@add_case
def apply_map_constants():
    return apply_map(lambda x: add(x, inc(x)), [1, 2, 3])


@add_case
def apply_map_unmapped_constant():
    return apply_map(lambda x, y: add(inc(x), y), [1, 2, 3], unmapped(10))


@add_case
def apply_map_unmapped_task():
    return apply_map(lambda x, y: add(inc(x), y), [1, 2, 3], y=unmapped(inc(10)))


@add_case
def apply_map_keywords():
    return apply_map(lambda x, y: add(inc(x), y), x=mapped([1, 2, 3]), y=numbers())


@add_case
def apply_map_flatten():
    return apply_map(lambda x: inc(inc(x)), flatten([[1], [2, 3]]))


@add_case
def apply_map_several_results():
    return apply_map(lambda x: (inc(x), odd(x)), numbers())


@add_case
def apply_map_task_without_inputs():
    return apply_map(lambda x: (gather(), gather(1), inc(x)), numbers())


@add_case
def apply_map_only_constants_inside():
    return apply_map(lambda x: add(inc(1), inc(x)), numbers())


@add_case
def apply_map_outer_task():
    outer = numbers()
    return apply_map(lambda x: add(outer, x), numbers())


@add_case
def apply_map_parameter():
    return apply_map(
        lambda x, y: add(inc(x), y), Parameter("q", default=[1, 2]), unmapped(Parameter("p", default=3))
    )


@add_case
def apply_map_no_arguments():
    return apply_map(lambda: inc(3))


@add_case
def apply_map_returns_its_input():
    return apply_map(lambda x: x, numbers())


@add_case
def apply_map_container_inside():
    return apply_map(lambda x: gather({"a": x, "b": [inc(x), 3]}), [1, 2])


@add_case
def apply_map_upstream_inside():
    return apply_map(lambda x: gather(1, upstream_tasks=[x]), [1, 2])


@add_case
def apply_map_items():
    return apply_map(lambda x: x["a"], [{"a": 1}, {"a": 2}])


@add_case
def apply_map_case():
    def branches(x):
        with case(odd(x), True):
            a = inc(x)
        with case(odd(x), False):
            b = add(x, 100)
        return merge(a, b)

    return apply_map(branches, numbers())


@add_case
def apply_map_switch():
    def branches(x):
        a, b = inc(x), add(x, 100)
        switch(odd(x), {True: a, False: b})
        return merge(a, b)

    return apply_map(branches, [1, 2, 3])


@add_case
def apply_map_ifelse():
    def branches(x):
        a, b = inc(x), add(x, 100)
        ifelse(odd(x), a, b)
        return merge(a, b)

    return apply_map(branches, [1, 2, 3])


@add_case
def apply_map_in_case():
    with case(odd(1), False):
        return apply_map(inc, numbers())


@add_case
def apply_map_constant_in_case():
    with case(odd(1), False):
        return apply_map(lambda x: gather(1), [1, 2])


@add_case
def apply_map_in_resource():
    with Thing(1):
        return apply_map(lambda x: inc(x), [1, 2])


@add_case
def apply_map_resource_inside():
    def use(size):
        with Thing(size) as thing:
            return gather(thing)

    return apply_map(use, [5])


# ---------------------------------------------------------------------- case, switch, merge


@add_case
def case_two_branches():
    with case(same(True), True):
        a = inc(1)
    with case(same(True), False):
        b = inc(2)
    return merge(a, b)


@add_case
def case_nested():
    with case(same(1), 1):
        with case(same(2), 2):
            a = inc(1)
            b = inc(a)
        with case(same(2), 3):
            c = inc(1)
    return merge(b, c)


@add_case
def case_nested_outer_false():
    x, y = same(1), same(2)
    with case(x, 0):
        with case(y, 2):
            a = inc(inc(1))
        b = inc(7)
    return merge(a, b)


@add_case
def case_with_parameters_and_constants():
    with case(Parameter("p", default=1), 1):
        q = Parameter("q", default=2)
        a = inc(q)
        add.map([1, 2], unmapped(q))
        gather([1, a])
    return a


@add_case
def case_of_a_constant():
    with case(5, 5):
        inc(1)


@add_case
def case_without_tasks():
    with case(same(1), 1):
        pass


@add_case
def case_upstream_inside_and_outside():
    x = inc(1)
    with case(same(1), 2):
        a = add(x, 1)
        b = inc(a)
        c = inc(x)
        b.set_upstream(c)
    return inc(a)


@add_case
def case_with_merge_inside():
    with case(same(1), 2):
        a = merge(skip(1), inc(1))
    return a


@add_case
def case_with_an_operator():
    x = same(1)
    with case(x, 2):
        a = x + 1
    return a


@add_case
def case_left_by_an_error():
    try:
        with case(same(1), 1):
            inc(1)
            raise ValueError
    except ValueError:
        inc(2)


@add_case
def case_of_a_list():
    with case(numbers(), [0, 1, 2, 3]):
        a = inc.map([1, 2])
    return inc.map(a)


@add_case
def case_used_twice():
    block = case(same(1), 1)
    with block:
        inc(1)
    with block:
        inc(2)


@add_case
def case_one_is_true():
    with case(same(True), 1):
        a = inc(1)
    return a


@add_case
def case_of_failed_and_skipped_conditions():
    with case(fail(), True):
        a = inc(1)
    with case(skip(), True):
        b = inc(1)
    return merge(a, b)


@add_case
def case_of_none():
    with case(same(None), None):
        a = inc(1)
    return a


@add_case
def case_in_tags():
    with tags("t"), case(same(1), 1):
        return inc(1)


@add_case
def case_of_an_uncalled_task():
    with case(numbers, [0, 1, 2, 3]):
        return inc(1)


@add_case
def switch_by_text():
    return switch(same("a"), {"a": inc(1), "b": inc(2)})


@add_case
def switch_by_other_values():
    return switch(same(1), {1: inc(1), None: inc(2), (1, 2): inc(3), 2.5: inc(4)})


@add_case
def switch_with_a_default():
    a, b = inc(1), inc(2)
    switch(same("z"), {"a": a, "b": b})
    return merge(a, b, inc(100))


@add_case
def switch_by_a_constant():
    return switch("a", {"a": numbers, "b": 5})


@add_case
def switch_one_task_twice():
    a = inc(1)
    switch(same("b"), {"a": a, "b": a})


@add_case
def switch_upstream_runs_anyway():
    a, b = inc(inc(1)), inc(inc(2))
    switch(same("b"), {"a": a, "b": b})
    return merge(a, b)


@add_case
def switch_mapped():
    c = same([0, 1, 0])
    a, b = inc.map(c), add.map(c, unmapped(100))
    switch(c, {0: a, 1: b}, mapped=True)
    return merge(a, b, mapped=True)


@add_case
def switches_in_sequence():
    a, b = inc(1), inc(2)
    switch(same("a"), {"a": a, "b": b})
    joined = merge(a, b)
    c, d = inc(joined), add(joined, 10)
    switch(joined, {2: c, 3: d})
    return merge(c, d)


@add_case
def ifelse_two_branches():
    a, b = inc(1), inc(2)
    ifelse(same("text"), a, b)
    return merge(a, b)


@add_case
def ifelse_true_only():
    ifelse(same([]), inc(1), None)


@add_case
def ifelse_false_only():
    ifelse(same([]), None, inc(1))


@add_case
def ifelse_mapped():
    c = same([0, 1, 0])
    a, b = inc.map(c), add.map(c, unmapped(100))
    ifelse(c, a, b, mapped=True)
    return merge(a, b, mapped=True)


@add_case
def merge_of_none():
    return merge(none(), inc(1))


@add_case
def merge_of_nothing_but_none():
    return merge(none(), none())


@add_case
def merge_of_nothing_but_skipped():
    return merge(skip(), skip())


@add_case
def merge_with_a_failed_branch():
    return merge(fail(), inc(1))


@add_case
def merge_of_constants():
    return merge(None, 3, inc(1))


@add_case
def merge_of_a_list_with_a_skipped_task():
    return merge([skip()], 2)


@add_case
def merge_with_a_name_and_a_trigger():
    return merge(inc(1), inc(2), name="joined", trigger=triggers.all_finished)


@add_case
def map_over_merge():
    with case(same(1), 1):
        a = inc.map(numbers())
    with case(same(1), 2):
        b = inc.map([10, 20])
    return inc.map(merge(a, b))


@add_case
def merge_after_a_map_over_skipped():
    return merge(inc.map(skip()), 3)


@add_case
def merge_mapped_over_skipped_children():
    return merge(inc.map(skip.map([1, 2])), mapped=True)


@add_case
def filter_failed_children():
    return inc.map(FilterTask()(picky.map([0, 1, 3, 4])))


@add_case
def filter_by_a_function():
    return FilterTask(filter_func=lambda x: x > 1)(numbers())


# ---------------------------------------------------------------------- resources


@add_case
def resource():
    with Thing(5) as thing:
        gather(thing)
        b = inc(inc(1))
    return inc(b)


@add_case
def resource_without_setup():
    with WithoutSetup() as nothing:
        assert nothing is None
        inc(1)


@add_case
def resource_failing_in_init():
    with Thing(5, fails_in="init") as thing:
        gather(thing)
        a = inc(1)
    return inc(a)


@add_case
def resource_failing_in_setup():
    with Thing(5, fails_in="setup") as thing:
        gather(thing)
        a = inc(1)
    return inc(a)


@add_case
def resource_failing_in_cleanup():
    with Thing(5, fails_in="cleanup") as thing:
        gather(thing)


@add_case
def resource_with_a_failing_body():
    with Thing(5) as thing:
        fail(thing)
        inc(1)


@add_case
def resources_nested():
    with Thing(1) as outer:
        with Thing(2) as inner:
            gather(outer, inner)
        gather(outer)


@add_case
def resources_nested_without_use():
    with Thing(1):
        with Thing(2):
            inc(1)
        inc(2)


@add_case
def resource_made_of_a_resource():
    with Thing(1) as outer, Thing(outer) as inner:
        gather(inner)


@add_case
def resource_without_tasks():
    with Thing(1):
        pass


@add_case
def resource_in_case():
    with case(same(1), 2), Thing(1):
        inc(1)


@add_case
def case_in_resource():
    with Thing(1), case(same(1), 2):
        inc(1)


@add_case
def case_in_resource_of_an_outer_condition():
    with case(same(1), 2):
        x = same(5)
    with Thing(1), case(x, 5):
        inc(1)


@add_case
def resource_with_parameters_and_maps():
    with Thing(Parameter("p", default=4)) as thing:
        a = inc(Parameter("q", default=5))
        gather.map([1, 2], unmapped(thing))
        gather([thing, a])


@add_case
def resource_with_outer_tasks():
    x = inc(1)
    with Thing(x):
        inc(x)


@add_case
def resource_with_a_skipped_body():
    with Thing(1):
        skip()


@add_case
def resource_with_a_skipped_argument():
    with Thing(skip()):
        inc(1)


@add_case
def resource_items():
    with Thing(1) as thing:
        inc(thing[1])


@add_case
def resource_in_tags():
    with tags("t"), Thing(1):
        inc(1)


# ---------------------------------------------------------------------- ready-made tasks


@add_case
def secrets():
    return gather(
        PrefectSecret("OBJECT"),
        PrefectSecret("NUMBER")(name="TEXT"),
        EnvVarSecret("A_VARIABLE_THAT_IS_NOT_SET", cast=int),
    )


@add_case
def missing_secret():
    return gather(PrefectSecret("MISSING"))


@add_case
def mapped_secret():
    return PrefectSecret("OBJECT").map(["OBJECT", "TEXT"])


@add_case
def shell_commands():
    shell = ShellTask(helper_script="X=5", return_all=True)
    return gather(
        shell(command="echo $X; echo more"), ShellTask(command="echo last"), ShellTask()(command="exit 3")
    )


@add_case
def formatted_text():
    return StringFormatter("{a} of {flow_name}")(a=inc(1))


# ---------------------------------------------------------------------- recording


def describe(build: Callable[[], Any]) -> dict[str, Any]:
    """The graph and the final states of the flow that `build` builds, as JSON."""
    LOG.clear()
    secrets = {"OBJECT": '{"a": 1}', "TEXT": "abc", "NUMBER": 3}
    with context(secrets=secrets):
        with Flow("a flow") as flow:
            build()
        state = flow.run()
    return {
        "edges": sorted(str(edge) for edge in flow.edges),
        "constants": sorted([task.name, _plain(values)] for task, values in flow.constants.items() if values),
        "tags": sorted([task.name, sorted(task.tags)] for task in flow.tasks if task.tags),
        "reference_tasks": sorted(task.name for task in flow.reference_tasks()),
        "state": type(state).__name__,
        "states": sorted([task.name, _state(state.result[task])] for task in flow.tasks),
        "log": list(LOG),
    }


def _state(state: Any) -> str:
    if state.is_mapped():
        return "Mapped: " + ", ".join(f"[{_state(child)}]" for child in state.map_states)
    return f"{type(state).__name__}: {_plain(state.result)}"


def _plain(value: Any) -> str:
    """The text of a value, or the class of what has an address in its text."""
    if isinstance(value, BaseException):
        return type(value).__name__
    if isinstance(value, (tuple, list)):
        inner = ", ".join(_plain(item) for item in value)
        return f"{type(value).__name__}({inner})"
    text = repr(value)
    return f"<{type(value).__name__}>" if " at 0x" in text else text


if __name__ == "__main__":
    json.dump({name: describe(build) for name, build in CASES.items()}, sys.stdout, indent=1, sort_keys=True)
    print()
