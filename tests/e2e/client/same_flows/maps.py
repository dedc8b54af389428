"""Mapped tasks."""

from datetime import timedelta

import prefect
from prefect import Flow, Parameter, apply_map, case, flatten, mapped, task, unmapped
from prefect.engine import signals
from prefect.executors import LocalDaskExecutor
from prefect.tasks.control_flow import FilterTask
from prefect.triggers import all_finished, any_successful


@task
def numbers(n=3):
    return list(range(n))


@task
def inc(x):
    prefect.context.logger.info("inc of %s", x)
    return x + 1


@task
def add(x, y):
    return x + y


@task
def total(values):
    return sum(values)


@task
def repeat(x):
    return [x] * x


@task
def fail_for_one(x):
    if x == 1:
        raise ValueError("one is not allowed")
    return x


@task
def skip_one(x):
    if x == 1:
        raise signals.SKIP("one is left out")
    return x


with Flow("a map") as a_map:
    total(inc.map(numbers()))

with Flow("a map of parameters") as of_parameters:
    n = Parameter("n", default=2)
    add.map(numbers(n), unmapped(n))

with Flow("maps of maps") as maps_of_maps:
    total(add.map(inc.map(inc.map(numbers())), numbers()))

with Flow("a flat map") as flat_map:
    total(inc.map(flatten(repeat.map(numbers(4)))))

with Flow("flattened lists") as flattened:
    inc.map(flatten([[1, 2], [3]]))

with Flow("an empty map") as empty:
    total(inc.map(numbers(0)))

with Flow("a child fails") as child_fails:
    children = fail_for_one.map(numbers())
    inc.map(children)
    total(children)

with Flow("a child is skipped") as child_skipped:
    children = skip_one.map(numbers())
    inc.map(children)


@task(trigger=any_successful)
def whatever_there_is(values):
    return [value for value in values if isinstance(value, int)]


@task(trigger=all_finished)
def kinds(values):
    return [type(value).__name__ for value in values]


with Flow("triggers after a map") as triggers:
    failing = fail_for_one.map(numbers())
    whatever_there_is(failing)
    kinds(failing)

with Flow("filtered children") as filtered:
    total(FilterTask()(fail_for_one.map(numbers())))


@task(max_retries=1, retry_delay=timedelta(0))
def flaky(x):
    if x == 1 and prefect.context.task_run_count == 1:
        raise ValueError("not yet")
    return x * 10


with Flow("a child is retried") as retried:
    total(flaky.map(numbers()))


@task
def loop(x):
    value = prefect.context.get("task_loop_result", x)
    if prefect.context.get("task_loop_count", 1) < 3:
        raise signals.LOOP("round", result=value * 2)
    return value


with Flow("children that loop") as looping:
    total(loop.map([1, 2]))

with Flow("a map of what is no list") as no_list:
    inc.map(numbers.copy(name="five", task_run_name="five")(2) + 5)

with Flow("a map after a failure") as after_failure:
    inc.map(fail_for_one(1))

with Flow("a map after a skip") as after_skip:
    inc.map(skip_one(1))


@task(task_run_name="number {x}")
def named(x):
    return x


with Flow("children with names") as names:
    named.map(numbers(2))


def part(x, offset):
    with case(is_even(x), True):
        result = add(x, offset)
    return result


@task
def is_even(x):
    return x % 2 == 0


with Flow("a mapped part of a flow") as mapped_part:
    apply_map(part, numbers(3), unmapped(100))

with Flow("mapped arguments") as mapped_arguments:
    add(mapped(numbers(2)), y=mapped(numbers(2)))

with Flow("a map in threads", executor=LocalDaskExecutor("threads", num_workers=3)) as threads:
    total(inc.map(inc.map(numbers(6))))

with Flow("a map of seventy") as seventy:
    total(add.map(numbers(70), unmapped(1)))

RUNS = {
    "a map": [{}],
    "a map of parameters": [{}, {"parameters": {"n": 3}}],
    "maps of maps": [{}],
    "a flat map": [{}],
    "flattened lists": [{}],
    "an empty map": [{}],
    "a child fails": [{}],
    "a child is skipped": [{}],
    "triggers after a map": [{}],
    "filtered children": [{}],
    "a child is retried": [{}],
    "children that loop": [{}],
    "a map of what is no list": [{}],
    "a map after a failure": [{}],
    "a map after a skip": [{}],
    "children with names": [{}],
    "a mapped part of a flow": [{}],
    "mapped arguments": [{}],
    "a map in threads": [{}],
    "a map of seventy": [{}],
}
