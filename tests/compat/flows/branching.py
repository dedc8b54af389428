"""Branches and resources, at run time."""

import datetime

from harness import edges, scenario

import prefect
from prefect import Flow, Parameter, case, resource_manager, task, unmapped
from prefect.engine import signals
from prefect.tasks.control_flow import ifelse, merge, switch


@task
def same(x):
    return x


@task
def inc(x):
    return x + 1


@task
def fail(x=None):
    raise ValueError("no")


@task
def skip(x=None):
    raise signals.SKIP("skipped", result=None)


@scenario
def both_ways_of_a_case(trace):
    with Flow("case") as flow:
        condition = same(Parameter("c", default=True))
        with case(condition, True):
            yes = inc(1)
        with case(condition, False):
            no = inc(2)
        merge(yes, no)
    return [trace.run(flow), trace.run(flow, c=False), trace.run(flow, c="other"), edges(flow)]


@scenario
def a_case_of_a_failed_condition(trace):
    with Flow("failed condition") as flow:
        with case(fail(), True):
            a = inc(1)
        merge(a, same(5))
    return trace.run(flow)


@scenario
def a_failing_branch(trace):
    with Flow("failing branch") as flow:
        condition = same(True)
        with case(condition, True):
            yes = fail()
        with case(condition, False):
            no = inc(2)
        merge(yes, no)
    return trace.run(flow)


@scenario
def merges(trace):
    with Flow("merges") as flow:
        merge(skip(), same(1))
        merge(skip(), skip())
        merge(same(None), same(2))
        merge(same(1), same(2))
        merge(fail(), same(2))
        merge(skip(), fail())
    return [trace.run(flow), trace.error(merge, same, skip_on_upstream_skip=True).partition(":")[0]]


@scenario
def merges_by_number(trace):
    with Flow("merge of many") as flow:
        merged = merge(*[skip() for _ in range(9)], same("tenth"), same("eleventh"))
    return flow.run().result[merged].result


@scenario
def switches(trace):
    with Flow("switch") as flow:
        chosen = same(Parameter("c", default="a"))
        a, b = inc(1), inc(2)
        switch(chosen, {"a": a, "b": b})
        merge(a, b)
    return [trace.run(flow), trace.run(flow, c="b"), trace.run(flow, c="c"), edges(flow)]


@scenario
def ifelse_of_every_value(trace):
    found = []
    for value in (True, False, 1, 0, "x", "", None, [0]):
        with Flow("ifelse") as flow:
            a, b = inc(1), inc(2)
            ifelse(same(value), a, b)
            merged = merge(a, b)
        found.append(flow.run().result[merged].result)
    return found


@scenario
def nested_cases(trace):
    with Flow("nested") as flow:
        outer, inner = Parameter("outer", default=True), Parameter("inner", default=True)
        with case(outer, True):
            with case(inner, True):
                inc(1)
            inc(2)
    return [trace.run(flow), trace.run(flow, inner=False), trace.run(flow, outer=False)]


@scenario
def a_case_around_a_map(trace):
    with Flow("case of map") as flow:
        with case(same(Parameter("c", default=False)), True):
            mapped = inc.map([1, 2])
        merge(mapped, same(5))
    return [trace.run(flow), trace.run(flow, c=True)]


@scenario
def cases_of_mapped_conditions(trace):
    with Flow("mapped condition") as flow:
        with case(inc.map([0, 1]), [1, 2]):
            inc(1)
    return trace.run(flow)


def without_cause(found):
    """Which of init and setup a cleanup blames is left to the order of a set in 1.4.1."""
    cleanup = found["result"].get("Resource.cleanup-1", {})
    for key in ("says", "result"):
        if isinstance(cleanup.get(key), str):
            cleanup[key] = cleanup[key].replace("setup", "init")
    return found


def manager(trace, fails_in=(), name=None):
    @resource_manager
    class Resource:
        def __init__(self, size=1):
            if "init" in fails_in:
                raise ValueError("init")
            self.size = size

        def setup(self):
            trace.note("setup")
            if "setup" in fails_in:
                raise ValueError("setup")
            return f"resource of {self.size}"

        def cleanup(self, resource):
            trace.note(f"cleanup of {resource}")
            if "cleanup" in fails_in:
                raise ValueError("cleanup")

    return Resource


@task
def use(resource, x=None):
    return f"used {resource}"


@scenario
def resources(trace):
    with Flow("resource") as flow:
        with manager(trace)(3) as resource:
            use(use(resource))
    return [trace.run(flow), edges(flow)]


@scenario
def resources_whose_parts_fail(trace):
    found = []
    for part in ("init", "setup", "cleanup"):
        with Flow(f"resource that fails in {part}") as flow:
            with manager(trace, [part])(3) as resource:
                use(resource)
        found.append(without_cause(trace.run(flow)))
    return found


@scenario
def resources_of_failing_and_skipped_tasks(trace):
    with Flow("failing user") as flow:
        with manager(trace)() as resource:
            fail(resource)
    first = trace.run(flow)
    with Flow("skipped user") as flow:
        with manager(trace)() as resource:
            skip(resource)
    return [first, trace.run(flow)]


@scenario
def resources_of_skipped_inputs(trace):
    with Flow("skipped input") as flow:
        with manager(trace)(skip()) as resource:
            use(resource)
    return without_cause(trace.run(flow))


@scenario
def resources_and_retries(trace):
    @task(max_retries=1, retry_delay=datetime.timedelta(0))
    def flaky(resource):
        trace.note(f"attempt {prefect.context.task_run_count} with {resource}")
        if prefect.context.task_run_count == 1:
            raise ValueError("first")
        return 1

    with Flow("retried") as flow:
        with manager(trace)() as resource:
            flaky(resource)
    return trace.run(flow)


@scenario
def resources_around_maps(trace):
    with Flow("mapped") as flow:
        with manager(trace)() as resource:
            use.map(unmapped(resource), x=[1, 2])
    return trace.run(flow)


@scenario
def reference_tasks_of_resources(trace):
    with Flow("reference") as flow:
        with manager(trace)() as resource:
            use(resource)
    return sorted(each.name for each in flow.reference_tasks())
