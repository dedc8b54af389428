"""Triggers of every kind."""

import itertools

from harness import scenario

import prefect
from prefect import Flow, Task, task, triggers
from prefect.engine import TaskRunner, signals
from prefect.engine.state import Failed, Mapped, Pending, Skipped, State, Success

TRIGGERS = {
    "all_successful": triggers.all_successful,
    "all_failed": triggers.all_failed,
    "any_successful": triggers.any_successful,
    "any_failed": triggers.any_failed,
    "all_finished": triggers.all_finished,
    "always_run": triggers.always_run,
    "not_all_skipped": triggers.not_all_skipped,
    "manual_only": triggers.manual_only,
    "some failed: 1 or more": triggers.some_failed(at_least=1),
    "some failed: 1 to 2": triggers.some_failed(at_least=1, at_most=2),
    "some failed: at most half": triggers.some_failed(at_most=0.5),
    "some failed: half or more": triggers.some_failed(at_least=0.5),
    "some failed: at least 1.0": triggers.some_failed(at_least=1.0),
    "some successful: 2 or more": triggers.some_successful(at_least=2),
    "some successful: at most none": triggers.some_successful(at_most=0),
    "some successful: a third to two thirds": triggers.some_successful(at_least=1 / 3, at_most=2 / 3),
}


@task
def ok():
    return "ok"


@task
def bad():
    raise ValueError("bad")


@task
def skip():
    raise signals.SKIP("skip", result=None)


@scenario
def every_trigger_with_every_upstream(trace):
    kinds = {"s": Success, "f": Failed, "k": Skipped}
    found = {}
    for label, trigger in sorted(TRIGGERS.items()):
        for size in range(4):
            for letters in itertools.combinations_with_replacement("sfk", size):
                work = Task(name="work", trigger=trigger, skip_on_upstream_skip=False)
                states = {
                    prefect.core.Edge(Task(name=f"{n}"), work): kinds[letter](letter)
                    for n, letter in enumerate(letters)
                }
                state = TaskRunner(work).run(upstream_states=states)
                found[f"{label} / {''.join(letters)}"] = f"{type(state).__name__}: {state.message}"
    trace.lines.clear()
    return found


@scenario
def always_run_is_all_finished(trace):
    return [
        triggers.always_run is triggers.all_finished,
        triggers.all_finished.__name__,
        ok.trigger.__name__,
        triggers.some_failed(at_least=1).__name__,
    ]


@scenario
def a_custom_trigger_sees_edges_and_states(trace):
    def look(upstream_states):
        for edge, state in sorted(upstream_states.items(), key=lambda pair: pair[0].upstream_task.name):
            trace.note(repr(edge), repr(state), edge.key, edge.mapped, edge.flattened, state.result)
        return True

    @task(trigger=look)
    def work(x, n=3):
        return x

    with Flow("custom") as flow:
        work(ok(), 4, upstream_tasks=[bad()])
    return trace.run(flow)


@scenario
def a_custom_trigger_on_a_mapped_upstream(trace):
    def look(upstream_states):
        for edge, state in upstream_states.items():
            trace.note(repr(edge), type(state).__name__, [repr(s) for s in getattr(state, "map_states", [])])
        return True

    @task
    def inc(x):
        return x + 1

    @task(trigger=look)
    def work(x):
        return sum(x)

    with Flow("custom on map") as flow:
        work(inc.map([1, 2]))
    return trace.run(flow)


@scenario
def a_custom_trigger_of_a_mapped_task(trace):
    def look(upstream_states):
        trace.note(
            [
                [edge.key, edge.mapped, type(state).__name__, state.result]
                for edge, state in sorted(upstream_states.items(), key=lambda pair: str(pair[0].key))
            ]
        )
        return True

    @task
    def inc(x):
        return x + 1

    @task(trigger=look)
    def work(x, y):
        return x + y

    with Flow("custom of map") as flow:
        work.map(inc.map([1, 2]), y=prefect.unmapped(10))
    return trace.run(flow)


@scenario
def triggers_that_answer_oddly(trace):
    def trigger(answer):
        def ask(upstream_states):
            if isinstance(answer, BaseException):
                raise answer
            return answer

        return ask

    with Flow("answers") as flow:
        for name, answer in {
            "none": None,
            "zero": 0,
            "text": "yes",
            "error": RuntimeError("trigger broke"),
            "skip": signals.SKIP("not needed"),
            "fail": signals.FAIL("no"),
            "trigger fail": signals.TRIGGERFAIL("really no"),
            "success": signals.SUCCESS("no need", result=5),
        }.items():
            flow.add_task(Task(name=name, trigger=trigger(answer)))
    return trace.run(flow)


@scenario
def triggers_look_at_children_of_maps(trace):
    @task
    def odd(x):
        if x % 2:
            raise ValueError("odd")
        return x

    with Flow("children") as flow:
        mapped = odd.map([1, 2, 3])
        for name in ("all_successful", "all_failed", "any_successful", "any_failed", "all_finished"):
            flow.add_edge(mapped, Task(name=name, trigger=TRIGGERS[name]))
        flow.add_edge(mapped, Task(name="two failed", trigger=triggers.some_failed(at_least=2, at_most=2)))
        flow.add_edge(mapped, Task(name="three", trigger=triggers.some_successful(at_least=3)))
    return trace.run(flow)


@scenario
def triggers_on_empty_maps(trace):
    @task
    def same(x):
        return x

    with Flow("empty map") as flow:
        mapped = same.map([])
        for name in ("all_successful", "all_failed", "any_successful", "any_failed", "all_finished", "not_all_skipped"):
            flow.add_edge(mapped, Task(name=name, trigger=TRIGGERS[name]))
    return trace.run(flow)


@scenario
def not_all_skipped(trace):
    with Flow("not all skipped") as flow:
        for name, upstream in {
            "one skipped": [ok, skip],
            "all skipped": [skip, skip],
            "skipped and failed": [skip, bad],
            "all fine": [ok, ok],
        }.items():
            work = Task(name=name, trigger=triggers.not_all_skipped, skip_on_upstream_skip=False)
            work.set_dependencies(flow=flow, upstream_tasks=[each.copy() for each in upstream])
    return trace.run(flow)


@scenario
def triggers_of_mapped_children(trace):
    @task
    def odd(x):
        if x % 2:
            raise ValueError("odd")
        return x

    @task(trigger=triggers.any_failed)
    def on_failure(x):
        return f"handled {type(x).__name__}"

    @task(trigger=triggers.all_finished)
    def on_all(x):
        return type(x).__name__

    with Flow("children's triggers") as flow:
        mapped = odd.map([1, 2, 3])
        on_failure.map(mapped)
        on_all.map(mapped)
    return trace.run(flow)


@scenario
def triggers_and_unfinished_upstream(trace):
    work = Task(name="work", trigger=triggers.all_finished)
    edge = prefect.core.Edge(Task(name="up"), work)
    return [
        TaskRunner(work).run(upstream_states={edge: Pending("wait")}),
        TaskRunner(work).run(upstream_states={edge: Mapped("m", map_states=[Success(), Pending()])}),
        TaskRunner(work).run(upstream_states={edge: State("odd")}),
    ]
