"""What flows are made of: branches, resources, parameters, operators, library tasks, logs, artifacts."""

import datetime
import os

import prefect
from prefect import Flow, Parameter, case, resource_manager, task
from prefect.backend import delete_key, get_key_value, set_key_value
from prefect.backend.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    delete_artifact,
    update_link_artifact,
    update_markdown_artifact,
)
from prefect.core.parameter import DateTimeParameter
from prefect.tasks.control_flow import ifelse, merge, switch
from prefect.tasks.secrets import EnvVarSecret, PrefectSecret
from prefect.tasks.shell import ShellTask


@task
def same(x):
    return x


@task
def inc(x):
    return x + 1


@task
def fail():
    raise ValueError("it does not work")


with Flow("a case and a merge") as a_case:
    condition = same(Parameter("condition", default=True))
    with case(condition, True):
        yes = inc(1)
    with case(condition, False):
        no = inc(inc(2))
    inc(merge(yes, no))

with Flow("a switch") as a_switch:
    branch = same(Parameter("branch", default="b"))
    found = [same(1), same(2), same(3)]
    switch(branch, dict(zip("abc", found)))
    merge(*found)

with Flow("if and else") as if_else:
    ifelse(same(False), inc(1), inc(2))

with Flow("a condition fails") as condition_fails:
    with case(fail(), True):
        inc(1)


@resource_manager
class Database:
    """What has to be closed."""

    def __init__(self, name, breaks=None):
        self.name = name
        self.breaks = breaks

    def setup(self):
        if self.breaks == "setup":
            raise ValueError("there is none")
        return {"name": self.name}

    def cleanup(self, resource):
        if self.breaks == "cleanup":
            raise ValueError("it does not close")
        prefect.context.logger.info("closed %s", resource["name"])


with Flow("a resource") as a_resource:
    with Database("main") as database:
        same(database)

with Flow("a resource whose user fails") as user_fails:
    with Database("main", "nothing"):
        fail()

with Flow("a resource that is not there") as no_resource:
    with Database("main", Parameter("breaks", default="setup")) as database:
        same(database)

with Flow("parameters") as parameters:
    x = Parameter("x")
    y = Parameter("y", default=[1, {"two": 2}])
    when = DateTimeParameter("when", required=False)
    same([x, y])
    same(when)


@task(nout=2)
def pair():
    return 3, 4


with Flow("operators and collections") as operators:
    a, b = pair()
    same({"sum": a + b, "list": [a, (b, 1)], "not": a.is_equal(b), "item": same([5, 6])[1]})
    same(((a * 2) > b) & (b - 1 < 10))

with Flow("library tasks") as library:
    ShellTask(return_all=True)(command="echo one; echo two")
    ShellTask()(command="exit 3")


@task(log_stdout=True)
def talk():
    logger = prefect.context.logger
    logger.debug("too quiet to be kept")
    logger.info("said %s", "well")
    logger.warning("careful")
    logger.error("wrong\nin two lines")
    logger.critical("very wrong")
    print("printed")
    try:
        1 / 0
    except ZeroDivisionError:
        logger.exception("caught")


with Flow("logs") as logs:
    talk()


@task
def make_artifacts():
    link = create_link_artifact("https://example.org")
    update_link_artifact(link, "https://example.org/changed")
    changed = create_markdown_artifact("# first")
    update_markdown_artifact(changed, "# second")
    delete_artifact(create_markdown_artifact("# not for long"))


with Flow("artifacts") as artifacts:
    make_artifacts()


@task
def tell_context(names):
    return {name: prefect.context.get(name) for name in names}


@task
def tell_dates():
    values = prefect.context
    return [
        values.today == values.scheduled_start_time.strftime("%Y-%m-%d"),
        isinstance(values.date, datetime.datetime),
        values.today_nodash == values.today.replace("-", ""),
        values.yesterday < values.today < values.tomorrow,
    ]


with Flow("the context") as the_context:
    tell_context(
        [
            "flow_name",
            "flow_run_name",
            "task_name",
            "task_full_name",
            "task_run_name",
            "task_slug",
            "map_index",
        ]
    )
    tell_context(
        ["task_run_count", "loop_count", "checkpointing", "running_with_backend", "project_name", "given"]
    )
    tell_context.map([["task_full_name", "map_index", "task_run_name"]])
    tell_dates()


@task(task_run_name="{x} of {flow_name}")
def named(x):
    return prefect.context.get("task_run_name")


@task(task_run_name=lambda **values: "by a function: %s" % values["x"])
def named_by_function(x):
    return x


with Flow("names of task runs") as names:
    named(same(7))
    named_by_function(8)

with Flow("secrets") as secrets:
    same(PrefectSecret("TOKEN"))
    same(EnvVarSecret("SAME_FLOWS_SECRET"))
    PrefectSecret("MISSING")

os.environ["SAME_FLOWS_SECRET"] = "from the environment"


@task
def use_store():
    key = "key-of-" + os.environ["SAME_FLOWS_PROJECT"]
    set_key_value(key, {"n": [1, 2]})
    value = get_key_value(key)
    delete_key(key)
    return value


with Flow("the key-value store") as store:
    use_store()

RUNS = {
    "a case and a merge": [{}, {"parameters": {"condition": False}}, {"parameters": {"condition": None}}],
    "a switch": [{}, {"parameters": {"branch": "none of them"}}],
    "if and else": [{}],
    "a condition fails": [{}],
    "a resource": [{}],
    "a resource whose user fails": [{}],
    "a resource that is not there": [{}, {"parameters": {"breaks": "cleanup"}}],
    "parameters": [
        {"parameters": {"x": 1, "when": "2024-02-29T12:00:00+02:00"}},
        {"parameters": {"x": {"deep": [None, 1.5, "ü"]}, "y": None}},
    ],
    "operators and collections": [{}],
    "library tasks": [{}],
    "logs": [{}],
    "artifacts": [{}],
    "the context": [{"context": {"given": "by hand"}, "run_name": "with a name"}],
    "names of task runs": [{}],
    "secrets": [{}],
    "the key-value store": [{}],
}
