"""Cases: values in containers, constants, operators."""

from __future__ import annotations

import collections

from made_of import add, add_case, gather, inc, numbers, pair, same

from prefect import apply_map, unmapped
from prefect.tasks.core.constants import Constant

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
