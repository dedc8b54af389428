"""Cases: maps, `flatten`, `apply_map`."""

from __future__ import annotations

from made_of import Thing, add, add_case, gather, inc, numbers, odd

from prefect import Parameter, apply_map, case, flatten, mapped, unmapped
from prefect.tasks.control_flow import ifelse, merge, switch

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
