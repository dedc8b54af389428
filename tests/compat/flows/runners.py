"""Runners: subclasses, steps, and running without `flow.run`."""

import datetime

from harness import describe, flow_state, scenario

import prefect
from prefect import Flow, Parameter, Task, task
from prefect.core import Edge
from prefect.engine import FlowRunner, TaskRunner
from prefect.engine.flow_runner import FlowRunnerInitializeResult
from prefect.engine.result import Result
from prefect.engine.runner import ENDRUN, Runner, call_state_handlers
from prefect.engine.state import (
    Cached,
    Failed,
    Mapped,
    Paused,
    Pending,
    Queued,
    Retrying,
    Running,
    Scheduled,
    Skipped,
    Submitted,
    Success,
)
from prefect.engine.task_runner import TaskRunnerInitializeResult

NOW = datetime.timedelta(0)
STEPS = [
    "initialize_run",
    "check_task_is_ready",
    "check_task_reached_start_time",
    "check_upstream_finished",
    "check_upstream_skipped",
    "load_results",
    "check_task_ready_to_map",
    "get_task_inputs",
    "set_task_run_name",
    "check_target",
    "check_task_is_cached",
    "check_task_trigger",
    "set_task_to_running",
    "get_task_run_state",
    "cache_result",
    "check_for_retry",
    "check_task_is_looping",
]


SHOWN = [
    "checkpointing",
    "config",
    "date",
    "flow_name",
    "map_index",
    "parameters",
    "scheduled_start_time",
    "task_full_name",
    "task_name",
    "task_run_count",
    "task_slug",
    "task_tags",
    "today",
    "yesterday_nodash",
]


@task
def one():
    return 1


@task
def inc(x):
    return x + 1


def noting(trace):
    """A task runner class that notes its steps."""

    def wrap(name):
        def step(self, *args, **kwargs):
            trace.note(f"{prefect.context.get('task_name') or self.task.name}: {name}")
            return getattr(super(Noting, self), name)(*args, **kwargs)

        return step

    class Noting(TaskRunner):
        pass

    for name in STEPS:
        setattr(Noting, name, wrap(name))
    return Noting


@scenario
def the_order_of_steps(trace):
    with Flow("steps") as flow:
        inc(one())
    state = FlowRunner(flow, task_runner_cls=noting(trace)).run(return_tasks=flow.tasks)
    return flow_state(flow, state)


@scenario
def the_order_of_steps_of_a_map(trace):
    with Flow("steps") as flow:
        inc.map([1])
    state = FlowRunner(flow, task_runner_cls=noting(trace)).run(return_tasks=flow.tasks)
    return flow_state(flow, state)


@scenario
def the_order_of_steps_with_everything(trace):
    from prefect.engine.results import LocalResult

    @task(
        task_run_name="x",
        target="t.bin",
        result=LocalResult(dir=str(trace.directory)),
        max_retries=1,
        retry_delay=NOW,
    )
    def work():
        return 1

    @task(cache_for=datetime.timedelta(hours=1), max_retries=1, retry_delay=NOW)
    def cached():
        return 1

    with Flow("steps") as flow:
        work()
    FlowRunner(flow, task_runner_cls=noting(trace)).run()
    with Flow("steps") as flow:
        cached()
    FlowRunner(flow, task_runner_cls=noting(trace)).run()


@scenario
def the_order_of_steps_of_endings(trace):
    @task
    def fail():
        raise ValueError("no")

    @task
    def skip():
        raise prefect.engine.signals.SKIP("no")

    for work in (fail, skip):
        with Flow("steps") as flow:
            inc(work())
        FlowRunner(flow, task_runner_cls=noting(trace)).run()


@scenario
def the_order_of_steps_of_a_loop(trace):
    @task
    def loop():
        if prefect.context.get("task_loop_count", 1) < 2:
            raise prefect.engine.signals.LOOP("again")

    with Flow("steps") as flow:
        loop()
    FlowRunner(flow, task_runner_cls=noting(trace)).run()


@scenario
def steps_that_change_things(trace):
    found = {}
    for name, replacement in {
        "check_task_is_ready": lambda self, state: Skipped("not ready"),
        "check_upstream_finished": lambda self, state, upstream_states: state,
        "get_task_inputs": lambda self, state, upstream_states: {"x": Result(100)},
        "check_task_trigger": lambda self, state, upstream_states: state,
        "set_task_to_running": lambda self, state, inputs: Running("mine"),
        "get_task_run_state": lambda self, state, inputs: Success("not run", result="made up"),
        "cache_result": lambda self, state, inputs: Success("kept", result=str(state.result)),
        "check_for_retry": lambda self, state, inputs: Failed("no, really"),
    }.items():

        class Mine(TaskRunner):
            pass

        setattr(Mine, name, replacement)
        with Flow(name) as flow:
            inc(one.copy(name="start")())
        state = FlowRunner(flow, task_runner_cls=Mine).run(return_tasks=flow.get_tasks(name="inc"))
        found[name] = flow_state(flow, state)
    return found


@scenario
def steps_that_end_the_run(trace):
    class Ending(TaskRunner):
        def check_task_is_ready(self, state):
            raise ENDRUN(Skipped("ended"))

    class Breaking(TaskRunner):
        def get_task_inputs(self, state, upstream_states):
            raise RuntimeError("step broke")

    class Decorated(TaskRunner):
        @call_state_handlers
        def check_task_is_ready(self, state):
            raise RuntimeError("step broke")

    class Initial(TaskRunner):
        def initialize_run(self, state, context):
            raise ENDRUN(Failed("not even begun"))

    found = []
    for cls in (Ending, Breaking, Decorated, Initial):
        with Flow("ending") as flow:
            one(task_args={"state_handlers": [trace.handler()]})
        found.append(flow_state(flow, FlowRunner(flow, task_runner_cls=cls).run(return_tasks=flow.tasks)))
    return found


@scenario
def initial_context(trace):
    class Mine(TaskRunner):
        def initialize_run(self, state, context):
            begun = super().initialize_run(state, context)
            trace.note([type(begun).__name__, isinstance(begun, tuple), type(begun.state).__name__])
            trace.note([key for key in (*SHOWN, "nothing") if key in begun.context])
            begun.context.update(mark="set by the runner")
            return begun

    @task
    def look():
        return prefect.context.get("mark")

    with Flow("context") as flow:
        look()
    return flow_state(flow, FlowRunner(flow, task_runner_cls=Mine).run(return_tasks=flow.tasks))


@scenario
def flow_runner_steps(trace):
    def wrap(name):
        def step(self, *args, **kwargs):
            trace.note(name)
            return getattr(super(Noting, self), name)(*args, **kwargs)

        return step

    class Noting(FlowRunner):
        pass

    for name in (
        "initialize_run",
        "check_flow_is_pending_or_running",
        "check_flow_reached_start_time",
        "set_flow_to_running",
        "get_flow_run_state",
        "determine_final_state",
        "check_for_cancellation",
    ):
        if name != "check_for_cancellation":
            setattr(Noting, name, wrap(name))
    with Flow("steps") as flow:
        one()
    state = flow.run(runner_cls=Noting)
    return flow_state(flow, state)


@scenario
def flow_runner_steps_that_change_things(trace):
    class Kinder(FlowRunner):
        def determine_final_state(self, state, key_states, return_states, terminal_states):
            trace.note(sorted(map(repr, key_states)), sorted(map(repr, return_states.values())), sorted(map(repr, terminal_states)))
            return Success("kinder", result=return_states)

    class Begun(FlowRunner):
        def initialize_run(self, state, task_states, context, task_contexts, parameters):
            begun = super().initialize_run(state, task_states, context, task_contexts, parameters)
            trace.note([type(begun).__name__, isinstance(begun, FlowRunnerInitializeResult), sorted(begun.context["parameters"].items())])
            begun.context["mark"] = 5
            return begun

    class Broken(FlowRunner):
        def set_flow_to_running(self, state):
            raise RuntimeError("flow step broke")

    @task
    def fail():
        raise ValueError("no")

    @task
    def look(p):
        return [prefect.context.get("mark"), p]

    found = []
    for cls, work in ((Kinder, fail), (Begun, None), (Broken, one)):
        with Flow("changed") as flow:
            work() if work is not None else look(Parameter("p", default=4))
        found.append(flow_state(flow, cls(flow).run(return_tasks=flow.tasks)))
    return found


@scenario
def return_tasks(trace):
    with Flow("return") as flow:
        a = one()
        b = inc(a)
        inc(b)
    runner = FlowRunner(flow)
    found = [flow_state(flow, runner.run(return_tasks=tasks)) for tasks in ([], [b], [a, b], None)]
    found.append(describe(runner.run(return_tasks=[Task(name="other")])))
    return found


@scenario
def states_of_tasks_to_begin_with(trace):
    with Flow("states") as flow:
        a = one()
        b = inc(a)
        c = inc(b)
    found = []
    for states in (
        {a: Success("before", result=10)},
        {b: Success("before", result=10)},
        {a: Failed("before")},
        {b: Skipped("before")},
        {a: Scheduled("later", start_time=Scheduled().start_time + datetime.timedelta(hours=1))},
        {a: Running("elsewhere")},
        {a: Submitted("sent", state=Pending("inner"))},
        {a: Queued("waiting", state=Pending("inner"))},
        {c: Cached("kept", result=7)},
        {a: Paused("asked")},
    ):
        found.append(flow_state(flow, FlowRunner(flow).run(return_tasks=flow.tasks, task_states=states)))
    return found


@scenario
def states_of_maps_to_begin_with(trace):
    @task
    def numbers():
        return [1, 2, 3]

    with Flow("map states") as flow:
        mapped = inc.map(numbers())
    found = []
    for state in (
        Mapped("before", map_states=[Success(result=5), Pending(), Failed("no")]),
        Mapped("before", n_map_states=3),
        Mapped("before", map_states=[None, Success(result=6), None]),
        Success("all of it", result=[7, 8]),
    ):
        found.append(flow_state(flow, FlowRunner(flow).run(return_tasks=[mapped], task_states={mapped: state})))
    return found


@scenario
def states_of_flows_to_begin_with(trace):
    with Flow("begin") as flow:
        one()
    later = Scheduled().start_time + datetime.timedelta(hours=1)
    return [
        describe(FlowRunner(flow).run(state=state))
        for state in (
            None,
            Pending("p"),
            Running("r"),
            Scheduled("s"),
            Scheduled("s", start_time=later),
            Success("done"),
            Failed("done"),
            Retrying("again"),
            Submitted("sent", state=Pending("inner")),
            Queued("waiting", state=Scheduled("inner")),
        )
    ]


@scenario
def task_runners_alone(trace):
    edge = Edge(one, inc, key="x")
    return [
        describe(state)
        for state in (
            TaskRunner(one).run(),
            TaskRunner(inc).run(upstream_states={edge: Success(result=1)}),
            TaskRunner(inc).run(upstream_states={edge: Failed("no")}),
            TaskRunner(inc).run(upstream_states={edge: Skipped("no")}),
            TaskRunner(inc).run(upstream_states={edge: Pending("not yet")}),
            TaskRunner(inc).run(),
            TaskRunner(one).run(context={"map_index": 3}),
            TaskRunner(one).run(is_mapped_parent=True),
            TaskRunner(inc).run(
                is_mapped_parent=True,
                upstream_states={Edge(one, inc, key="x", mapped=True): Success(result=[1])},
            ),
        )
    ]


@scenario
def steps_one_by_one(trace):
    runner = TaskRunner(inc)
    edge = Edge(one, inc, key="x")
    up = {edge: Success(result=4)}
    begun = runner.initialize_run(None, {})
    inputs = runner.get_task_inputs(Pending(), up)
    return [
        isinstance(begun, TaskRunnerInitializeResult),
        describe(begun.state),
        describe(runner.check_task_is_ready(Pending())),
        trace.error(runner.check_task_is_ready, Success("x")).partition(":")[0],
        describe(runner.check_upstream_finished(Pending(), up)),
        trace.error(runner.check_upstream_finished, Pending(), {edge: Pending()}).partition(":")[0],
        describe(runner.check_upstream_skipped(Pending(), up)),
        describe(runner.check_task_trigger(Pending(), up)),
        {key: value.value for key, value in inputs.items()},
        describe(runner.set_task_to_running(Pending(), inputs)),
        describe(runner.get_task_run_state(Running(), inputs)),
        describe(runner.cache_result(Success(result=5), inputs)),
        describe(runner.check_for_retry(Failed("no"), inputs)),
    ]


@scenario
def a_task_run_ends_with_its_state(trace):
    runner = TaskRunner(one)
    ended = []
    for state in (Success("x"), Running("x"), Failed("x")):
        try:
            runner.check_task_is_ready(state)
        except ENDRUN as exc:
            ended.append(exc.state is state)
    return ended


@scenario
def the_decorator_of_steps(trace):
    class Mine(Runner):
        def call_runner_target_handlers(self, old_state, new_state):
            trace.note(f"{type(old_state).__name__} > {type(new_state).__name__}")
            return new_state

        @call_state_handlers
        def same(self, state):
            return state

        @call_state_handlers
        def other(self, state):
            return Success("other")

        @call_state_handlers
        def end(self, state):
            raise ENDRUN(Failed("ended"))

        @call_state_handlers
        def signal(self, state):
            raise prefect.engine.signals.SKIP("skipped")

        @call_state_handlers
        def breaks(self, state):
            raise ValueError("broken")

    runner = Mine(state_handlers=[trace.handler("runner ")])
    start = Pending()
    return [
        runner.same(start) is start,
        describe(runner.other(start)),
        trace.error(runner.end, start).partition(":")[0],
        describe(runner.signal(start)),
        describe(runner.breaks(start)),
    ]


@scenario
def runner_defaults(trace):
    flow = Flow("defaults")
    runner = FlowRunner(flow)
    return [
        repr(runner),
        repr(TaskRunner(one)),
        runner.task_runner_cls.__name__,
        runner.flow is flow,
        TaskRunner(one).task is one,
        runner.state_handlers,
        type(TaskRunner(one).result).__name__,
    ]


@scenario
def the_result_of_a_task_runner(trace):
    from prefect.engine.results import LocalResult

    flow_result = LocalResult(dir="/somewhere")
    own = Task(result=Result(location="own"))
    return [
        type(TaskRunner(one, flow_result=flow_result).result).__name__,
        TaskRunner(own, flow_result=flow_result).result.location,
        flow_result.location,
    ]


@scenario
def maps_that_were_begun_before(trace):
    @task
    def numbers(n):
        return list(range(n))

    @task
    def broken(n):
        raise ValueError("no numbers")

    @task
    def collect(xs):
        return xs

    def again(source, n, *children):
        with Flow("again") as flow:
            mapped = inc.map(source(n))
            collected = collect(mapped)
        state = Mapped("before", map_states=list(children))
        found = FlowRunner(flow).run(return_tasks=[mapped, collected], task_states={mapped: state})
        kept = found.result[mapped]
        return [
            [describe(child) for child in kept.map_states],
            kept.result,
            kept.n_map_states,
            describe(found.result[collected]),
        ]

    found = [
        again(numbers, 2, Success(result=1), Pending(), Failed("x")),
        again(numbers, 3, Success(result=1), Pending()),
        again(numbers, 3, Success(result=1)),
        again(numbers, 3),
        again(broken, 3, Success(result=1), Pending(), Failed("x")),
    ]
    trace.lines.clear()
    return found
