"""Cases: `case`, `switch`, `merge`."""

from __future__ import annotations

from made_of import add, add_case, fail, gather, inc, none, numbers, picky, same, skip

from prefect import Parameter, case, tags, triggers, unmapped
from prefect.tasks.control_flow import FilterTask, ifelse, merge, switch

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
