"""State handlers of tasks, flows and runners."""

import datetime

from harness import describe, flow_state, scenario

import prefect
from prefect import Flow, Task, task
from prefect.engine import FlowRunner, TaskRunner, signals
from prefect.engine.state import Failed, Paused, Pending, Retrying, Running, Skipped, Success
from prefect.utilities.notifications import callback_factory

NOW = datetime.timedelta(0)


@task
def inc(x):
    return x + 1


@scenario
def every_change_is_seen(trace):
    @task(state_handlers=[trace.handler("task ")])
    def work():
        return 1

    @task(state_handlers=[trace.handler("task ")])
    def fail():
        raise ValueError("no")

    with Flow("seen", state_handlers=[trace.handler("flow ")]) as flow:
        fail(upstream_tasks=[work()])
    state = FlowRunner(flow, state_handlers=[trace.handler("flow runner ")]).run(
        return_tasks=flow.tasks, task_runner_state_handlers=[trace.handler("task runner ")]
    )
    return flow_state(flow, state)


@scenario
def the_arguments(trace):
    def look(whom, old, new):
        trace.note([type(whom).__name__, repr(old), repr(new)])

    @task(state_handlers=[look])
    def work():
        return 1

    with Flow("arguments", state_handlers=[look]) as flow:
        work()
    state = FlowRunner(flow, state_handlers=[look]).run(task_runner_state_handlers=[look])
    return [type(state).__name__, state.result]


@scenario
def several_handlers_are_chained(trace):
    def first(whom, old, new):
        trace.note(["first", type(new).__name__, new.message])
        if new.is_successful():
            return Success("from the first", result=10)

    def second(whom, old, new):
        trace.note(["second", type(new).__name__, new.message])
        if new.is_successful():
            return Success("from the second", result=new.result + 1)

    @task(state_handlers=[first, second])
    def work():
        return 1

    with Flow("chained") as flow:
        inc(work())
    return trace.run(flow)


@scenario
def a_state_in_the_place_of_each(trace):
    def replacing(kind, by):
        return trace.handler(replace=lambda old, new: by() if type(new).__name__ == kind else None)

    with Flow("replacing") as flow:
        for name, kind, by in (
            ("fail to success", "Failed", lambda: Success("mended", result=0)),
            ("success to failed", "Success", lambda: Failed("spoiled")),
            ("success to skipped", "Success", lambda: Skipped("never mind")),
            ("running to skipped", "Running", lambda: Skipped("not today")),
            ("running to failed", "Running", lambda: Failed("not today")),
            ("running to success", "Running", lambda: Success("done already", result="early")),
        ):

            class Work(Task):
                def run(self):
                    trace.note(f"{self.name} ran")
                    if self.name.startswith("fail"):
                        raise ValueError("no")
                    return 1

            flow.chain(Work(name=name, state_handlers=[replacing(kind, by)]), inc.copy(name=f"after {name}"))
    found = trace.run(flow)
    trace.notes.sort(key=repr)
    return found


@scenario
def replaced_by_retrying(trace):
    def again(whom, old, new):
        trace.note(f"{type(old).__name__} > {type(new).__name__}")
        if new.is_failed() and prefect.context.task_run_count < 3:
            return Retrying("my own", start_time=prefect.engine.state.Scheduled().start_time)

    @task(state_handlers=[again])
    def work():
        if prefect.context.task_run_count < 3:
            raise ValueError("no")
        return prefect.context.task_run_count

    with Flow("own retries") as flow:
        work()
    return trace.run(flow)


@scenario
def errors_of_handlers(trace):
    def breaking(kind):
        def handle(whom, old, new):
            trace.note([getattr(whom, "name", "?"), type(old).__name__, type(new).__name__])
            if type(new).__name__ == kind:
                raise RuntimeError(f"at {kind}")

        return handle

    with Flow("broken handlers") as flow:
        for kind in ("Running", "Success", "Failed", "Retrying"):

            class Work(Task):
                def run(self):
                    if self.name in ("Failed", "Retrying"):
                        raise ValueError("no")
                    return 1

            retries = {"max_retries": 1, "retry_delay": NOW} if kind != "Success" else {}
            flow.add_task(Work(name=kind, state_handlers=[breaking(kind)], **retries))
    found = trace.run(flow)
    trace.notes.sort(key=repr)
    return found


@scenario
def signals_of_handlers(trace):
    def signalling(kind, signal):
        def handle(whom, old, new):
            if type(new).__name__ == kind:
                raise signal

        return handle

    with Flow("signalling handlers") as flow:
        for name, kind, signal in (
            ("running skip", "Running", signals.SKIP("skipped by handler")),
            ("running fail", "Running", signals.FAIL("failed by handler")),
            ("success fail", "Success", signals.FAIL("failed by handler")),
            ("success skip", "Success", signals.SKIP("skipped by handler", result=None)),
            ("success success", "Success", signals.SUCCESS("replaced by handler", result=7)),
            ("running endrun", "Running", signals.ENDRUN(Failed("ended by handler"))),
        ):
            flow.add_task(Task(name=name, state_handlers=[signalling(kind, signal)]))
    return trace.run(flow)


@scenario
def errors_of_flow_handlers(trace):
    def breaking(kind):
        def handle(whom, old, new):
            trace.note(f"{type(old).__name__} > {type(new).__name__}")
            if type(new).__name__ == kind:
                raise RuntimeError(f"at {kind}")

        return handle

    found = []
    for kind in ("Running", "Success"):
        with Flow("broken", state_handlers=[breaking(kind)]) as flow:
            inc(1)
        found.append(describe(flow.run()))
    return found


@scenario
def flow_handlers_that_replace(trace):
    def mend(flow, old, new):
        if new.is_failed():
            return Success("all is well", result=new.result)

    @task
    def fail():
        raise ValueError("no")

    with Flow("mended", state_handlers=[mend]) as flow:
        fail()
    return trace.run(flow)


@scenario
def flow_handlers_that_stop_the_run(trace):
    def stop(flow, old, new):
        if new.is_running():
            return Skipped("not today")

    with Flow("stopped", state_handlers=[stop]) as flow:
        inc(1)
    state = FlowRunner(flow).run(return_tasks=flow.tasks)
    return [type(state).__name__, state.message, state.result]


@scenario
def runner_handlers(trace):
    def replace(runner, old, new):
        trace.note([type(runner).__name__, type(new).__name__])
        if isinstance(new, Success):
            return Success("by the runner", result=100)

    with Flow("runner handlers") as flow:
        inc(inc(1))
    state = FlowRunner(flow).run(return_tasks=flow.tasks, task_runner_state_handlers=[replace])
    return flow_state(flow, state)


@scenario
def on_failure_of_a_task(trace):
    def tell(whom, state):
        trace.note([whom.name, type(state).__name__, state.message])

    @task(on_failure=tell, max_retries=1, retry_delay=NOW)
    def fail():
        raise ValueError("no")

    @task(on_failure=tell)
    def after(x):
        return x

    @task(on_failure=tell)
    def fine():
        return 1

    with Flow("failure", on_failure=tell) as flow:
        after(fail())
        fine()
    return trace.run(flow)


@scenario
def on_failure_that_breaks(trace):
    def tell(whom, state):
        raise RuntimeError("cannot tell")

    @task(on_failure=tell)
    def fail():
        raise ValueError("no")

    with Flow("failure") as flow:
        fail()
    return trace.run(flow)


@scenario
def a_terminal_state_handler_that_keeps(trace):
    def last(flow, state, reference_states):
        trace.note([flow.name, repr(state), sorted(map(repr, reference_states)), type(reference_states).__name__])

    with Flow("terminal", terminal_state_handler=last) as flow:
        inc(inc(1))
    return trace.run(flow)


@scenario
def a_terminal_state_handler_that_changes(trace):
    def last(flow, state, reference_states):
        state.message = "changed in place"
        return state

    with Flow("terminal", terminal_state_handler=last) as flow:
        inc(1)
    return trace.run(flow)


@scenario
def a_terminal_state_handler_that_fails_the_run(trace):
    def last(flow, state, reference_states):
        return Failed("on second thought", result=state.result)

    with Flow("terminal", terminal_state_handler=last, state_handlers=[trace.handler()]) as flow:
        inc(1)
    return trace.run(flow)


@scenario
def a_terminal_state_handler_that_breaks(trace):
    def last(flow, state, reference_states):
        raise RuntimeError("terminal trouble")

    with Flow("terminal", terminal_state_handler=last) as flow:
        inc(1)
    state = FlowRunner(flow).run(return_tasks=flow.tasks)
    return describe(state)


@scenario
def handlers_of_mapped_tasks(trace):
    def look(whom, old, new):
        trace.note([prefect.context.get("map_index"), type(old).__name__, type(new).__name__])

    @task(state_handlers=[look])
    def work(x):
        return x

    with Flow("mapped") as flow:
        work.map([1, 2])
    found = trace.run(flow)
    trace.notes.sort(key=repr)
    return found


@scenario
def handlers_of_skipped_and_untriggered_tasks(trace):
    @task(state_handlers=[trace.handler()])
    def skip():
        raise signals.SKIP("no")

    @task(state_handlers=[trace.handler()])
    def after(x):
        return x

    @task(state_handlers=[trace.handler()], trigger=prefect.triggers.all_failed)
    def last(x):
        return x

    with Flow("skipped") as flow:
        after(skip())
    first = trace.run(flow)
    with Flow("untriggered") as flow:
        last(inc(1))
    return [first, trace.run(flow)]


@scenario
def handlers_must_be_a_sequence(trace):
    def handle(whom, old, new):
        pass

    return [
        trace.error(lambda: Task(state_handlers=handle)),
        trace.error(lambda: Flow("x", state_handlers=handle)),
        trace.error(lambda: TaskRunner(Task(), state_handlers=handle)),
        trace.error(lambda: FlowRunner(Flow("x"), state_handlers=handle)),
        len(Task(state_handlers=(handle,)).state_handlers),
    ]


@scenario
def callbacks_from_the_factory(trace):
    handle = callback_factory(lambda whom, state: trace.note([whom.name, repr(state)]), check=lambda s: s.is_successful())
    with Flow("callbacks") as flow:
        flow.add_task(Task(name="work", state_handlers=[handle]))
    return trace.run(flow)


@scenario
def handlers_read_the_context(trace):
    def look(whom, old, new):
        context = prefect.context
        trace.note([context.get("task_name"), context.get("task_run_count"), context.get("flow_name"), type(new).__name__])

    @task(state_handlers=[look])
    def work():
        return 1

    with Flow("context", state_handlers=[look]) as flow:
        work()
    return trace.run(flow)


@scenario
def handlers_that_return_odd_things(trace):
    @task(state_handlers=[lambda whom, old, new: 0, lambda whom, old, new: False])
    def falsy():
        return 1

    with Flow("odd") as flow:
        falsy()
    return trace.run(flow)


@scenario
def handlers_that_pause(trace):
    def pause(whom, old, new):
        if isinstance(new, Running) and not prefect.context.get("resume"):
            return Paused("look first")

    @task(state_handlers=[pause])
    def work():
        return 1

    with Flow("pausing") as flow:
        work()
    state = FlowRunner(flow).run(return_tasks=flow.tasks)
    return [type(state).__name__, flow_state(flow, state)]


assert Pending


@scenario
def flow_handlers_that_fail_the_start(trace):
    def fail(flow, old, new):
        if new.is_running():
            return Failed("not today")

    with Flow("failed start", state_handlers=[fail]) as flow:
        inc(1)
    try:
        return trace.run(flow)
    finally:
        trace.note(describe(FlowRunner(flow).run(return_tasks=flow.tasks)))
