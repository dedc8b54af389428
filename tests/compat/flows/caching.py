"""Caches, targets, checkpoints and results."""

import datetime
import os

from harness import describe, flow_state, scenario

import prefect
from prefect import Flow, Parameter, Task, task, unmapped
from prefect.engine import TaskRunner, cache_validators, signals
from prefect.engine.result import Result
from prefect.engine.results import ConstantResult, LocalResult, PrefectResult, SecretResult
from prefect.engine.serializers import JSONSerializer
from prefect.engine.state import Cached, Mapped, Pending, Retrying, Success

HOUR = datetime.timedelta(hours=1)


@task
def one():
    return 1


def counting(trace, **kwargs):
    @task(**kwargs)
    def work(x=0, y=0):
        trace.note(["ran", x, y])
        return [x, y]

    return work


def with_checkpoints(flow, **kwargs):
    with prefect.context(checkpointing=True):
        return flow_state(flow, flow.run(**kwargs))


def files(trace):
    """Files below the directory, with their sizes left out."""
    found = []
    for directory, _, names in os.walk(trace.directory):
        found.extend(os.path.relpath(os.path.join(directory, name), trace.directory) for name in names)
    return sorted(found)


def validator(name):
    def use(trace):
        work = counting(trace, cache_for=HOUR, cache_validator=name)
        with Flow("cached") as flow:
            x, y = Parameter("x", default=1), Parameter("y", default=1)
            other = Parameter("z", default=1)
            work(x, y)
            one(upstream_tasks=[other])
        found = []
        for parameters in ({}, {}, {"x": 2}, {"y": 2}, {"z": 2}, {}):
            state = flow.run(parameters=parameters)
            done = state.result[flow.get_tasks(name="work")[0]]
            found.append([type(done).__name__, done.message, done.result])
        return [found, describe(done)]

    return use


@scenario
def never_use(trace):
    return validator(cache_validators.never_use)(trace)


@scenario
def duration_only(trace):
    return validator(cache_validators.duration_only)(trace)


@scenario
def all_inputs(trace):
    return validator(cache_validators.all_inputs)(trace)


@scenario
def all_parameters(trace):
    return validator(cache_validators.all_parameters)(trace)


@scenario
def partial_inputs_only(trace):
    return validator(cache_validators.partial_inputs_only(validate_on=["x"]))(trace)


@scenario
def partial_parameters_only(trace):
    return validator(cache_validators.partial_parameters_only(validate_on=["z"]))(trace)


@scenario
def a_validator_of_ones_own(trace):
    def look(state, inputs, parameters):
        trace.note("validator", type(state).__name__, inputs, parameters)
        return inputs.get("x") != 3

    return validator(look)(trace)


@scenario
def the_default_validator(trace):
    tasks = [Task(), Task(cache_for=HOUR), Task(cache_for=HOUR, cache_validator=cache_validators.all_inputs)]
    return [each.cache_validator.__name__ for each in tasks]


@scenario
def a_validator_without_duration(trace):
    work = counting(trace, cache_validator=cache_validators.all_inputs)
    with Flow("not cached") as flow:
        work()
    return [trace.run(flow), trace.run(flow)]


@scenario
def expired(trace):
    work = counting(trace, cache_for=datetime.timedelta(seconds=-1))
    with Flow("expired") as flow:
        work()
    return [trace.run(flow), trace.run(flow), {key: len(v) for key, v in prefect.context.caches.items()}]


@scenario
def caches_are_shared_by_name_and_by_key(trace):
    first = counting(trace, cache_for=HOUR)
    second = counting(trace, cache_for=HOUR, cache_key="key")

    @task(cache_for=HOUR, cache_key="key")
    def third():
        return "not from the cache"

    with Flow("first") as flow:
        first(1)
        second(2)
    flow.run()
    with Flow("second") as other:
        first(3)
        third()
    return [trace.run(other), sorted(prefect.context.caches)]


@scenario
def caches_of_mapped_tasks(trace):
    work = counting(trace, cache_for=HOUR, cache_validator=cache_validators.all_inputs)
    with Flow("mapped cache") as flow:
        work.map([1, 2])
    first = trace.run(flow)
    second = trace.run(flow)
    return [first, second, "work" in prefect.context.caches]


@scenario
def failures_and_skips_are_not_cached(trace):
    @task(cache_for=HOUR)
    def fail():
        raise ValueError("no")

    @task(cache_for=HOUR)
    def skip():
        raise signals.SKIP("no")

    @task(cache_for=HOUR)
    def success():
        raise signals.SUCCESS("early", result=5)

    with Flow("not cached") as flow:
        fail(), skip(), success()
    return [trace.run(flow), {key: len(v) for key, v in prefect.context.caches.items()}]


@scenario
def a_cache_and_a_failing_trigger(trace):
    work = counting(trace, cache_for=HOUR, trigger=prefect.triggers.all_failed)
    state = Cached("kept", result=4, cached_result_expiration=None, hashed_inputs={}, cached_parameters={})
    edge = prefect.core.Edge(Task(name="up"), work)
    return describe(TaskRunner(work).run(state=state, upstream_states={edge: Success()}))


@scenario
def cached_states_to_begin_with(trace):
    later = prefect.engine.state.Scheduled().start_time + HOUR
    work = counting(trace, cache_for=HOUR)
    return [
        describe(TaskRunner(work).run(state=Cached("good", result=1, cached_result_expiration=later))),
        describe(TaskRunner(work).run(state=Cached("old", result=1, cached_result_expiration=later - 2 * HOUR))),
        describe(TaskRunner(work).run(state=Cached("for ever", result=1))),
        describe(TaskRunner(one).run(state=Cached("not asked for", result=9))),
    ]


@scenario
def handlers_of_cached_tasks(trace):
    work = counting(trace, cache_for=HOUR, state_handlers=[trace.handler()])
    with Flow("handled") as flow:
        work()
    flow.run()
    trace.note("again")
    return trace.run(flow)


@scenario
def checkpointing_is_off(trace):
    with Flow("off", result=LocalResult(dir=str(trace.directory))) as flow:
        one()
    return [trace.run(flow), files(trace)]


@scenario
def results_of_the_flow(trace):
    @task(checkpoint=False)
    def never():
        return 2

    @task
    def none():
        return None

    @task(result=PrefectResult())
    def text():
        return {"a": [1]}

    with Flow("of the flow", result=LocalResult(dir=str(trace.directory), location="{task_name}.bin")) as flow:
        one(), never(), none(), text()
        Parameter("p", default=3)()
    return [with_checkpoints(flow), files(trace)]


@scenario
def locations_from_everything(trace):
    result = LocalResult(
        dir=str(trace.directory), location="{flow_name}/{task_name}/{task_slug}/{p}-{x}-{map_index}.bin"
    )

    @task(result=result)
    def work(x):
        return x

    with Flow("locations") as flow:
        p = Parameter("p", default="given")
        work("input", upstream_tasks=[p])
        work.map(["a", "b"])
    return [with_checkpoints(flow), files(trace)]


@scenario
def a_function_as_location(trace):
    def where(**kwargs):
        trace.note(sorted(key for key in kwargs if key in ("x", "task_name", "parameters", "flow_name", "date")))
        return f"{kwargs['task_name']}-{kwargs['x']}.bin"

    @task(result=LocalResult(dir=str(trace.directory), location=where))
    def work(x):
        return x

    with Flow("function") as flow:
        work(4)
    return [with_checkpoints(flow), files(trace)]


@scenario
def a_location_that_asks_for_too_much(trace):
    @task(result=LocalResult(dir=str(trace.directory), location="{nothing}.bin"))
    def work():
        return 1

    with Flow("too much") as flow:
        work()
    return [with_checkpoints(flow), files(trace)]


@scenario
def results_that_cannot_be_written(trace):
    @task(result=LocalResult(dir=str(trace.directory), location="x.json", serializer=JSONSerializer()))
    def work():
        return object()

    with Flow("unwritable") as flow:
        work()
    state = with_checkpoints(flow)
    return [state["is"], files(trace)]


@scenario
def results_of_loops_and_signals(trace):
    @task(result=LocalResult(dir=str(trace.directory), location="{task_name}-{task_loop_count}.bin"))
    def loop():
        count = prefect.context.get("task_loop_count", 1)
        if count < 3:
            raise signals.LOOP(result=count)
        return count

    @task(result=LocalResult(dir=str(trace.directory), location="{task_name}.bin"))
    def success():
        raise signals.SUCCESS("early", result="kept")

    with Flow("loops") as flow:
        loop(), success()
    return [with_checkpoints(flow), files(trace)]


@scenario
def a_target(trace):
    work = counting(
        trace, target="{task_name}-{x}.bin", result=LocalResult(dir=str(trace.directory)), state_handlers=[trace.handler()]
    )
    with Flow("target") as flow:
        work(5)
    return [with_checkpoints(flow), files(trace), with_checkpoints(flow)]


@scenario
def a_target_without_checkpointing(trace):
    work = counting(trace, target="out.bin", result=LocalResult(dir=str(trace.directory)))
    with Flow("target") as flow:
        work(5)
    first = trace.run(flow)
    LocalResult(dir=str(trace.directory), location="out.bin").write("from before")
    return [first, files(trace), trace.run(flow)]


@scenario
def a_target_of_a_mapped_task(trace):
    work = counting(trace, target="{map_index}.bin", result=LocalResult(dir=str(trace.directory)))
    with Flow("mapped target") as flow:
        work.map([1, 2])
    return [with_checkpoints(flow), files(trace), with_checkpoints(flow)]


@scenario
def a_target_and_the_result_of_the_flow(trace):
    work = counting(trace, target="{x}.bin")
    with Flow("target of the flow", result=LocalResult(dir=str(trace.directory))) as flow:
        work(5)
    return [with_checkpoints(flow), files(trace), with_checkpoints(flow)]


@scenario
def a_function_as_target(trace):
    work = counting(
        trace,
        target=lambda **kwargs: f"{kwargs['task_name']}-{kwargs['x']}.bin",
        result=LocalResult(dir=str(trace.directory)),
    )
    with Flow("target function") as flow:
        work(5)
    first = with_checkpoints(flow)
    return [files(trace), first["is"], with_checkpoints(flow)["is"]]


@scenario
def a_target_and_a_location(trace):
    work = Task(target="target.bin", result=LocalResult(dir="/somewhere", location="location.bin"))
    same = Task(target="same.bin", result=LocalResult(dir="/somewhere", location="same.bin"))
    return [work.result.location, same.result.location, work.target]


@scenario
def downstream_of_a_target(trace):
    work = counting(trace, target="kept.bin", result=LocalResult(dir=str(trace.directory)))

    @task
    def double(x):
        return x * 2

    with Flow("after a target") as flow:
        double(work(one()))
    with_checkpoints(flow)
    return with_checkpoints(flow)


@scenario
def results_read_and_write(trace):
    result = LocalResult(dir=str(trace.directory), location="{name}.bin")
    written = result.write({"a": 1}, name="file")
    read = result.read("file.bin")
    return [
        written.location,
        written.value,
        read.value,
        result.value,
        result.exists("{name}.bin", name="file"),
        result.exists("other.bin"),
        result.location,
        result == LocalResult(dir=str(trace.directory), location="{name}.bin"),
        repr(result).partition(":")[0],
    ]


@scenario
def results_in_the_state(trace):
    kept = PrefectResult().write([1, "a"])
    secret = SecretResult(prefect.tasks.secrets.PrefectSecret("name"))
    constant = ConstantResult(value=5)
    return [
        kept.location,
        PrefectResult().read('{"a": 2}').value,
        PrefectResult().exists("{}"),
        trace.error(PrefectResult().write, object())[:9],
        constant.read("").value,
        constant.exists("x"),
        type(secret).__name__,
        secret.location,
    ]


@scenario
def base_results(trace):
    result = Result(3)
    return [
        repr(result),
        repr(Result()),
        result == Result(3),
        result == Result(4),
        trace.error(result.write, 1).partition(":")[0],
        trace.error(result.read, "x").partition(":")[0],
        trace.error(result.exists, "x").partition(":")[0],
        result.from_value(9).value,
        result.copy().value,
        Result(location="{a}").format(a=1).location,
        Result(location=lambda **kwargs: f"{kwargs['a']}!").format(a=1).location,
        repr(prefect.engine.result.NoResult),
        prefect.engine.result.NoResult.value,
    ]


@scenario
def parameters_and_secrets_are_kept_in_their_ways(trace):
    with Flow("ways", result=LocalResult(dir=str(trace.directory), location="{task_name}.bin")) as flow:
        Parameter("p", default={"a": 1})()
        prefect.tasks.secrets.PrefectSecret("s")()
    with prefect.context(secrets={"s": "hidden"}):
        found = with_checkpoints(flow)
    return [found, files(trace)]


@scenario
def items_keep_the_result_of_their_source(trace):
    @task(nout=2, result=LocalResult(dir=str(trace.directory), location="{task_name}.bin"))
    def pair():
        return 1, 2

    with Flow("items") as flow:
        pair()[0]
    return [with_checkpoints(flow), files(trace)]


@scenario
def retries_and_cached_inputs(trace):
    work = counting(trace, max_retries=1, retry_delay=HOUR)
    state = Retrying("again", run_count=1, cached_inputs={"x": Result(3)}, start_time=prefect.engine.state.Scheduled().start_time - HOUR)
    edge = prefect.core.Edge(Task(name="up"), work, key="x")
    return [
        describe(TaskRunner(work).run(state=state, upstream_states={edge: Success(result=1)})),
        describe(TaskRunner(work).run(state=state, upstream_states={edge: Success(result=None)})),
        describe(TaskRunner(work).run(state=state)),
        describe(TaskRunner(work).run(state=Pending(cached_inputs={"y": Result(5)}))),
    ]


assert Mapped and unmapped
