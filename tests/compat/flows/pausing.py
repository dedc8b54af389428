"""Pauses, approvals and start times."""

import datetime

from harness import describe, flow_state, scenario

import prefect
from prefect import Flow, task, triggers
from prefect.engine import FlowRunner, TaskRunner, signals
from prefect.engine.state import Paused, Pending, Resume, Scheduled
from prefect.utilities.tasks import pause_task


@task
def one():
    return 1


@task
def inc(x):
    return x + 1


@task(trigger=triggers.manual_only)
def approve(x=None):
    return "approved"


@scenario
def approved_at_once(trace):
    with Flow("approved") as flow:
        inc(1, upstream_tasks=[approve(one())])
    with trace.answers("y"):
        return trace.run(flow)


@scenario
def other_answers(trace):
    with Flow("answers") as flow:
        approve(one())
    with trace.answers("n", "", "Y"):
        return trace.run(flow)


@scenario
def the_paused_state(trace):
    with Flow("paused") as flow:
        inc(1, upstream_tasks=[approve(one())])
    state = FlowRunner(flow).run(return_tasks=flow.tasks)
    return [
        type(state).__name__,
        state.message,
        {flow.slugs[t]: describe(s) for t, s in state.result.items()},
        state.result[flow.get_tasks(name="approve")[0]].start_time,
    ]


@scenario
def a_task_that_pauses_itself(trace):
    @task
    def ask():
        trace.note("begins")
        pause_task("please look")
        trace.note("goes on")
        return 5

    with Flow("itself") as flow:
        inc(ask())
    with trace.answers("y"):
        return trace.run(flow)


@scenario
def the_pause_signal_with_a_start_time(trace):
    @task(state_handlers=[trace.handler()])
    def ask():
        if not trace.notes[1:]:
            raise signals.PAUSE("a moment", start_time=Scheduled().start_time)
        return prefect.context.get("resume")

    with Flow("moment") as flow:
        ask()
    with trace.answers("y"):
        return trace.run(flow)


@scenario
def a_mapped_task_that_pauses(trace):
    @task
    def ask(x):
        if x == 1 and not prefect.context.get("resume"):
            raise signals.PAUSE("please look")
        return x

    with Flow("mapped pause") as flow:
        mapped = ask.map([0, 1])
        inc.map(mapped)
    state = FlowRunner(flow).run(return_tasks=flow.tasks)
    return [type(state).__name__, flow_state(flow, state)]


@scenario
def states_to_begin_with(trace):
    later = Scheduled().start_time + datetime.timedelta(hours=1)
    earlier = Scheduled().start_time - datetime.timedelta(hours=1)
    return [
        describe(TaskRunner(approve).run(state=state))
        for state in (
            Paused("paused"),
            Paused("paused", start_time=later),
            Paused("paused", start_time=earlier),
            Resume("resumed"),
            Scheduled("later", start_time=later),
            Scheduled("earlier", start_time=earlier),
            Pending("resumed by context", context={"resume": True}),
        )
    ]


@scenario
def the_context_says_resume(trace):
    return describe(TaskRunner(approve).run(context={"resume": True}))


@scenario
def flows_that_begin_later(trace):
    with Flow("later") as flow:
        one()
    later = Scheduled().start_time + datetime.timedelta(hours=1)
    state = FlowRunner(flow).run(state=Scheduled("later", start_time=later), return_tasks=flow.tasks)
    return [type(state).__name__, state.message, state.result]


@scenario
def pause_task_in_a_flow(trace):
    with Flow("resumed"):
        return trace.error(pause_task, "x")
