"""Changing and inspecting flows."""

import datetime

from harness import constants, edges, names, scenario

from prefect import Flow, Parameter, Task, task
from prefect.core import Edge
from prefect.utilities.configuration import set_temporary_config


@task
def one():
    return 1


@task
def inc(x):
    return x + 1


@task
def add(x, y=10):
    return x + y


def order(flow, roots=None):
    return [flow.slugs[each] for each in flow.sorted_tasks(roots)]


@scenario
def chains(trace):
    flow = Flow("chain")
    a, b, c = (Task(name=name) for name in "abc")
    made = flow.chain(a, b, c)
    return [edges(flow), [repr(each) for each in made], order(flow)]


@scenario
def looking_around(trace):
    with Flow("around") as flow:
        x = Parameter("x", default=1)
        a = inc(x)
        b = add(a, x)
        c = one(upstream_tasks=[b])
    return [
        names(flow.root_tasks()),
        names(flow.terminal_tasks()),
        names(flow.reference_tasks()),
        names(flow.upstream_tasks(b)),
        names(flow.downstream_tasks(x)),
        sorted(map(repr, flow.edges_to(b))),
        sorted(map(repr, flow.edges_from(x))),
        {flow.slugs[key]: sorted(map(repr, value)) for key, value in flow.all_upstream_edges().items()},
        {flow.slugs[key]: sorted(map(repr, value)) for key, value in flow.all_downstream_edges().items()},
        order(flow),
        order(flow, [b]),
        [flow.slugs[each] for each in flow],
        names(flow.parameters()),
        names(flow.tasks),
        len(flow.edges),
        [trace.error(flow.edges_to, Task(name="other")), trace.error(flow.edges_from, Task(name="other"))],
        [trace.error(flow.upstream_tasks, Task(name="o")), trace.error(flow.downstream_tasks, Task(name="o"))],
        trace.error(flow.sorted_tasks, [Task(name="other")]),
        trace.error(flow.set_reference_tasks, [Task(name="other")]),
        c in flow.tasks,
    ]


@scenario
def facts_follow_changes(trace):
    flow = Flow("changes")
    a, b, c = (Task(name=name) for name in "abc")
    flow.add_edge(a, b)
    found = [names(flow.terminal_tasks()), order(flow)]
    flow.add_edge(b, c)
    found += [names(flow.terminal_tasks()), order(flow)]
    d = flow.add_task(Task(name="d"))
    found += [names(flow.terminal_tasks()), names(flow.root_tasks())]
    flow.add_edge(d, a)
    found += [order(flow), names(flow.root_tasks())]
    return found


@scenario
def getting_tasks(trace):
    with Flow("get") as flow:
        inc(1, task_args={"tags": {"a", "b"}}), inc(2, task_args={"tags": {"a"}}), one()
        Parameter("p")()
    return [
        len(flow.get_tasks()),
        names(flow.get_tasks(name="inc")),
        names(flow.get_tasks(tags=["a"])),
        names(flow.get_tasks(tags=["a", "b"])),
        names(flow.get_tasks(task_type=Parameter)),
        names(flow.get_tasks(slug="one-1")),
        names(flow.get_tasks(name="inc", tags=["b"])),
        flow.get_tasks(name="nothing"),
    ]


@scenario
def reference_tasks(trace):
    with Flow("reference") as flow:
        a = one()
        b = inc(a)
    found = [names(flow.reference_tasks())]
    flow.set_reference_tasks([a])
    found.append(names(flow.reference_tasks()))
    flow.set_reference_tasks([])
    found.append(names(flow.reference_tasks()) == names([b]))
    return found


@scenario
def copies(trace):
    with Flow("copy") as flow:
        a = inc(one())
    flow.set_reference_tasks([a])
    copy = flow.copy()
    found = [copy == flow, copy is flow, a in copy.tasks, names(copy.reference_tasks())]
    copy.add_task(Task(name="new"))
    found += [copy == flow, len(flow.tasks), len(copy.tasks), len(flow.slugs), len(copy.slugs)]
    copy.add_edge(a, Task(name="later"))
    return [*found, len(flow.edges), len(copy.edges)]


@scenario
def equal_flows(trace):
    a, b = Task(name="a"), Task(name="b")

    def make(name="f", reference=None):
        flow = Flow(name, tasks=[a, b], edges=[Edge(a, b)])
        if reference:
            flow.set_reference_tasks(reference)
        return flow

    return [
        make() == make(),
        make() == make("g"),
        make(reference=[a]) == make(),
        make() == Flow("f", tasks=[a, b]),
        make() == 5,
        trace.error(hash, make()).partition(":")[0],
    ]


@scenario
def updates(trace):
    with Flow("first") as first:
        inc(Parameter("x"))
    with Flow("second") as second:
        add(one(), 5)
    first.update(second)
    return [edges(first), constants(first), sorted(first.slugs.values()), trace.run(first, x=1)]


@scenario
def updates_with_the_same_parameter(trace):
    def flows():
        with Flow("first") as first:
            inc(Parameter("x", default=1))
        with Flow("second") as second:
            add(Parameter("x", default=2), 5)
        return first, second

    first, second = flows()
    error = trace.error(first.update, second)
    first, second = flows()
    first.update(second, merge_parameters=True)
    return [error, edges(first), trace.run(first)]


@scenario
def updates_of_reference_tasks(trace):
    def flows():
        with Flow("first") as first:
            first.set_reference_tasks([inc(one())])
        with Flow("second") as second:
            a = one.copy(name="a")()
            inc.copy(name="b")(a)
        second.set_reference_tasks([a])
        return first, second

    first, second = flows()
    first.update(second)
    other, second = flows()
    other.update(second, merge_reference_tasks=True)
    return [names(first.reference_tasks()), names(other.reference_tasks())]


@scenario
def replacing_tasks(trace):
    with Flow("replace") as flow:
        x = Parameter("x", default=1)
        old = inc(x)
        inc(old)
    new = Task(name="new")
    flow.set_reference_tasks([old])

    class New(Task):
        def run(self, x):
            return x * 100

    new = New(name="new")
    flow.replace(old, new)
    return [edges(flow), names(flow.reference_tasks()), sorted(flow.slugs.values()), trace.run(flow)]


@scenario
def replacing_parameters(trace):
    with Flow("replace") as flow:
        x = Parameter("x", default=1)
        inc(x)
    flow.replace(x, Parameter("y", default=5))
    return [edges(flow), names(flow.parameters()), trace.run(flow)]


@scenario
def replacing_what_is_not_there(trace):
    flow = Flow("replace")
    return [trace.error(flow.replace, Task(name="a"), Task(name="b")), trace.error(flow.add_task, 5)]


@scenario
def validation(trace):
    def cycle():
        flow = Flow("cycle")
        a, b = Task(name="a"), Task(name="b")
        flow.add_edge(a, b)
        flow.add_edge(b, a)
        return flow

    def duplicate():
        flow = Flow("duplicate")
        target = inc.copy()
        flow.add_edge(one.copy(), target, key="x")
        flow.add_edge(one.copy(), target, key="x")
        return flow

    def lost_reference():
        flow = Flow("lost")
        a = flow.add_task(Task(name="a"))
        flow.set_reference_tasks([a])
        flow.tasks.remove(a)
        return flow

    return [
        trace.error(cycle().validate).partition(" Remove")[0],
        trace.error(cycle().sorted_tasks).partition(" Remove")[0],
        trace.error(cycle().serialize).partition(" Remove")[0],
        trace.error(duplicate().validate),
        trace.error(lost_reference().validate),
        trace.error(Flow("fine").validate),
    ]


@scenario
def eager_validation(trace):
    def cycle(**kwargs):
        flow = Flow("cycle")
        a, b = Task(name="a"), Task(name="b")
        flow.add_edge(a, b)
        return trace.error(flow.add_edge, b, a, **kwargs)

    def unknown(**kwargs):
        flow = Flow("unknown")
        return trace.error(flow.add_edge, one.copy(), inc.copy(), key="y", **kwargs).partition(":")[0]

    def twice(**kwargs):
        flow = Flow("twice")
        target = inc.copy()
        flow.add_edge(one.copy(), target, key="x")
        return trace.error(flow.add_edge, one.copy(), target, key="x", **kwargs)

    found = [cycle(validate=True).partition(" Remove")[0], unknown(validate=True), twice(validate=True)]
    with set_temporary_config({"flows.eager_edge_validation": True}):
        found += [cycle().partition(" Remove")[0], unknown(), twice()]
    return found


@scenario
def setting_dependencies(trace):
    flow = Flow("dependencies")
    a, b, c, d = (Task(name=name) for name in "abcd")
    target = add.copy()
    flow.set_dependencies(target, upstream_tasks=[a], downstream_tasks=[b], keyword_tasks={"x": c, "y": 5})
    target.set_upstream(d, flow=flow)
    target.set_downstream(Task(name="e"), flow=flow)
    inc_copy = inc.copy()
    inc_copy.set_upstream(target, flow=flow, key="x")
    d.set_downstream(inc.copy(name="other"), flow=flow, key="x", mapped=True)
    return [edges(flow), constants(flow)]


@scenario
def flows_from_tasks_and_edges(trace):
    a, b, c = (Task(name=name) for name in "abc")
    flow = Flow("made", tasks=[c], edges=[Edge(a, b, key=None)], reference_tasks=[c])
    return [edges(flow), names(flow.tasks), names(flow.reference_tasks())]


@scenario
def settings_of_flows(trace):
    flow = Flow("settings")
    return [
        flow.schedule,
        flow.storage,
        flow.run_config,
        flow.result,
        type(flow.executor).__name__,
        flow.state_handlers,
        flow.terminal_state_handler,
    ]


@scenario
def settings_of_tasks(trace):
    made = Task()
    return {
        name: value if isinstance(value, (str, int, bool, type(None), list)) else getattr(value, "__name__", repr(value))
        for name, value in sorted(vars(made).items())
        if not name.startswith("_") and name != "logger"
    }


@scenario
def default_settings_of_tasks(trace):
    with set_temporary_config(
        {"tasks.defaults.max_retries": 3, "tasks.defaults.retry_delay": 5, "tasks.defaults.timeout": 7}
    ):
        made = Task()
        other = Task(max_retries=0, timeout=2)
        given = Task(max_retries=1, retry_delay=datetime.timedelta(seconds=9))
    return [[each.max_retries, each.retry_delay, each.timeout] for each in (made, other, given)]


@scenario
def saving_and_loading(trace):
    with Flow("saved flow") as flow:
        Parameter("x", default=1)() + 1
    path = flow.save(str(trace.directory / "file.prefect"))
    loaded = Flow.load(path)
    home = flow.save()
    return [
        path,
        loaded.name,
        edges(loaded),
        type(loaded.run()).__name__,
        home.rpartition("/")[2],
        Flow.load("saved flow").name,
    ]


@scenario
def hashes(trace):
    def make(x=1, name="f"):
        with Flow(name) as flow:
            inc(x)
        return flow.serialized_hash()

    return [make() == make(), make() == make(name="g"), make() == make(x=5), len(make())]
