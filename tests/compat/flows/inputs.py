"""Parameters, secrets, the context, and names of runs."""

import datetime
import os

from harness import describe, scenario

import prefect
from prefect import Flow, Parameter, task
from prefect.core.parameter import DateTimeParameter
from prefect.engine import TaskRunner
from prefect.tasks.secrets import EnvVarSecret, PrefectSecret


@task
def same(x):
    return x


@task
def context_values():
    return {
        key: value if isinstance(value, (str, int, bool, type(None), dict)) else type(value).__name__
        for key, value in prefect.context.items()
        if key not in ("config", "secrets", "caches", "logger", "backend")
    }


@scenario
def given_in_every_way(trace):
    with Flow("given") as flow:
        same(Parameter("x", default=1))
    return [
        trace.run(flow),
        trace.run(flow, x=2),
        trace.run(flow, parameters={"x": 3}),
        trace.run(flow, parameters={"x": None}),
        trace.run(flow, parameters={"x": 1}, x=4),
    ]


@scenario
def mistakes(trace):
    with Flow("mistakes") as flow:
        same(Parameter("x"))
        same(Parameter("optional", default=1))
    return [
        trace.error(flow.run),
        trace.error(flow.run, parameters={"x": 1, "y": 2}),
        trace.error(flow.run, parameters={"y": 2, "z": 3}),
        trace.error(flow.run, nonsense=1).partition(":")[0],
    ]


@scenario
def required_and_default(trace):
    found = []
    for parameter in (
        Parameter("a"),
        Parameter("b", default=None),
        Parameter("c", default=1),
        Parameter("d", default=1, required=True),
        Parameter("e", required=False),
        DateTimeParameter("f"),
        DateTimeParameter("g", default="2020-01-01", required=False),
        DateTimeParameter("h", default="2020-01-01"),
    ):
        found.append([parameter.name, parameter.required, parameter.default, parameter.slug, repr(parameter)])
    return found


@scenario
def required_with_a_default(trace):
    with Flow("required") as flow:
        same(Parameter("d", default=1, required=True))
        same(Parameter("e", required=False))
    return [trace.error(flow.run), trace.run(flow, d=5)]


@scenario
def missing_in_a_runner(trace):
    with Flow("runner") as flow:
        x = Parameter("x")
        same(x)
    state = prefect.engine.FlowRunner(flow).run(return_tasks=flow.tasks)
    return describe(state.result[x])


@scenario
def points_in_time(trace):
    with Flow("times") as flow:
        same(DateTimeParameter("t", required=False))
    given = [
        "2020-03-01",
        "2020-03-01T12:00:00+02:00",
        datetime.datetime(2020, 3, 1, 5, tzinfo=datetime.timezone.utc),
        datetime.datetime(2020, 3, 1),
        None,
    ]
    found = []
    for value in given:
        state = flow.run(t=value)
        result = state.result[flow.get_tasks(name="same")[0]].result
        found.append([type(result).__name__, None if result is None else result.timestamp()])
    return found


@scenario
def one_parameter_for_many_tasks(trace):
    with Flow("many") as flow:
        x = Parameter("x", default=1)
        same(x), same(x), same([x, x])
    return [trace.run(flow), len(flow.parameters())]


@scenario
def two_parameters_of_one_name(trace):
    def build():
        with Flow("two"):
            same(Parameter("x")), same(Parameter("x"))

    return trace.error(build)


@scenario
def parameters_downstream(trace):
    def build():
        with Flow("downstream"):
            Parameter("x").set_upstream(Parameter("y"))

    return trace.error(build)


@scenario
def unused_parameters_warn(trace):
    with Flow("unused") as flow:
        Parameter("x")
        used = Parameter("y", default=1)
        used()
    return [trace.run(flow), sorted(p.name for p in flow.parameters())]


@scenario
def copies_of_parameters(trace):
    first = Parameter("x", default=1, tags=["t"])
    second = first.copy("y")
    return [second.name, second.slug, second.default, sorted(second.tags), first.name]


@scenario
def parameters_in_the_context(trace):
    @task
    def look():
        return dict(prefect.context.parameters)

    with Flow("context") as flow:
        Parameter("given")(), Parameter("default", default=2)(), Parameter("optional", required=False)()
        look()
    return [trace.run(flow, given=1), trace.run(flow, given=1, context={"parameters": {"given": 5, "default": 7}})]


@scenario
def local_secrets(trace):
    with Flow("secrets") as flow:
        same(PrefectSecret("a"))
        same(PrefectSecret("json"))
        same(PrefectSecret("missing"))
    with prefect.context(secrets={"a": "x", "json": '{"k": [1]}'}):
        return trace.run(flow)


@scenario
def secrets_whose_name_comes_from_upstream(trace):
    with Flow("named") as flow:
        PrefectSecret("a")(same("b"))
        PrefectSecret()(same("a"))
        PrefectSecret()()
    with prefect.context(secrets={"a": "x", "b": "y"}):
        return trace.run(flow)


@scenario
def the_secret_client(trace):
    from prefect.client import Secret

    with prefect.context(secrets={"a": "x", "n": 5, "j": "[1]", "no json": "{x"}):
        found = [Secret(name).get() for name in ("a", "n", "j", "no json")]
        found += [Secret("a").exists(), Secret("b").exists(), trace.error(Secret("b").get)]
        with Flow("building"):
            found.append(trace.error(Secret("a").get).partition(":")[0])
    return found


@scenario
def secrets_from_the_environment(trace):
    os.environ["PREFECT_TEST_NUMBER"] = "5"
    try:
        with Flow("environment") as flow:
            same(EnvVarSecret("PREFECT_TEST_NUMBER"))
            same(EnvVarSecret("PREFECT_TEST_NUMBER", cast=int))
            same(EnvVarSecret("PREFECT_TEST_NOTHING"))
            same(EnvVarSecret("PREFECT_TEST_NOTHING", raise_if_missing=True))
        return trace.run(flow)
    finally:
        del os.environ["PREFECT_TEST_NUMBER"]


@scenario
def secrets_take_no_result(trace):
    from prefect.engine.results import LocalResult

    return [
        trace.error(lambda: PrefectSecret("a", result=LocalResult())).partition(":")[0],
        PrefectSecret("a").checkpoint,
        type(PrefectSecret("a").result).__name__,
    ]


@scenario
def the_context_of_a_task(trace):
    with Flow("context") as flow:
        context_values()
    found = flow.run().result[flow.get_tasks(name="context_values")[0]].result
    return {
        key: value if key in ("task_name", "task_slug", "flow_name", "task_run_count", "map_index", "task_full_name",
                              "checkpointing", "flow_id", "task_id", "parameters") else type(value).__name__
        for key, value in sorted(found.items())
    }


@scenario
def types_of_context_values(trace):
    @task(tags=["b", "a"])
    def look():
        context = prefect.context
        return {
            key: type(context.get(key)).__name__
            for key in (
                "date",
                "today",
                "today_nodash",
                "tomorrow",
                "yesterday",
                "scheduled_start_time",
                "flow_run_id",
                "flow_run_name",
                "task_run_id",
                "logger",
                "parameters",
                "config",
                "task_loop_count",
                "task_loop_result",
                "resume",
                "task_run_name",
            )
        }

    with Flow("types") as flow:
        look()
    return trace.run(flow)


@scenario
def days_follow_the_date(trace):
    @task
    def days():
        context = prefect.context
        return [
            context[key]
            for key in (
                "today", "yesterday", "tomorrow", "today_nodash", "yesterday_nodash", "tomorrow_nodash",
            )
        ] + [context.date.isoformat()[:10]]

    with Flow("days") as flow:
        days()
    return [
        trace.run(flow, context={"date": "1986-09-20"}),
        trace.run(flow, context={"date": "1986-09-20", "today": "my day"}),
    ]


@scenario
def values_given_with_the_run(trace):
    @task
    def look():
        return [prefect.context.get("colour"), prefect.context.get("flow_name"), prefect.context.get("task_name")]

    with Flow("values") as flow:
        look()
    with prefect.context(colour="outer"):
        return [
            trace.run(flow),
            trace.run(flow, context={"colour": "inner"}),
            trace.run(flow, context={"flow_name": "mine", "task_name": "mine"}),
        ]


@scenario
def tasks_that_write_to_the_context(trace):
    @task
    def write():
        prefect.context["mark"] = 1
        prefect.context.other = 2
        return prefect.context.get("mark")

    @task
    def read():
        return [prefect.context.get("mark"), prefect.context.get("other")]

    with Flow("write") as flow:
        read(upstream_tasks=[write()])
    return [trace.run(flow), prefect.context.get("mark")]


@scenario
def names_of_runs(trace):
    def by_function(**kwargs):
        trace.note(sorted(key for key in kwargs if key in ("x", "task_name", "flow_name", "p", "map_index")))
        return f"run with {kwargs['x']}"

    def look(whom, old, new):
        trace.note([prefect.context.get("task_run_name"), type(new).__name__])

    @task(task_run_name="{task_name}: {x} on {flow_name}", state_handlers=[look])
    def by_template(x):
        return prefect.context.get("task_run_name")

    @task(task_run_name=by_function)
    def by_call(x):
        return prefect.context.get("task_run_name")

    with Flow("names") as flow:
        Parameter("p", default="param")()
        first = by_template(1)
        by_call(2, upstream_tasks=[first])
        by_call.map([7])
    found = trace.run(flow)
    trace.notes.sort(key=repr)
    return found


@scenario
def names_that_break(trace):
    @task(task_run_name="{nothing}")
    def work():
        return 1

    with Flow("broken name") as flow:
        work()
    return trace.run(flow)


@scenario
def attributes_of_the_context(trace):
    context = prefect.context
    with context(a=1, b={"c": 2}):
        found = [context.a, context["a"], context.get("z", 5), "a" in context, "z" in context, context.b["c"]]
        with context({"a": 2}, d=3):
            found += [context.a, context.d]
        found += [context.a, context.get("d")]
        context.update(e=4)
        found += [context.e, context.pop("e") if hasattr(context, "pop") else 4, context.get("e")]
    found.append(context.get("a"))
    found.append(trace.error(lambda: context.nothing_here).partition(":")[0])
    found.append(trace.error(lambda: context["nothing_here"]).partition(":")[0])
    return found


@scenario
def tags_in_the_context(trace):
    @task(tags=["own"])
    def look():
        return sorted(prefect.context.task_tags)

    with Flow("tags") as flow:
        with prefect.tags("outer", "other"):
            look()
        look()
    return trace.run(flow)


@scenario
def task_contexts(trace):
    @task
    def look():
        return [prefect.context.get("extra"), prefect.context.get("task_name"), prefect.context.get("map_index")]

    with Flow("task contexts") as flow:
        first = look()
        second = look.map(upstream_tasks=[same([1, 2])])
    return trace.run(flow, task_contexts={first: {"extra": 1}, second: {"extra": 2, "task_name": "mine"}})


assert TaskRunner
