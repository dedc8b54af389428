"""Runs on a schedule."""

import datetime

from harness import scenario

import prefect
from prefect import Flow, Parameter, task
from prefect.engine.state import Scheduled
from prefect.schedules.clocks import ClockEvent


class Events:
    """A schedule whose events come at once."""

    def __init__(self, count, **kwargs):
        self.count = count
        self.kwargs = kwargs

    def next(self, n, after=None, return_events=False):
        if not self.count:
            return []
        self.count -= 1
        return [ClockEvent(start_time=Scheduled().start_time, **self.kwargs)]


def noting(trace):
    @task
    def note(x):
        late = prefect.context.scheduled_start_time
        trace.note([x, type(late).__name__, prefect.context.get("task_run_count")])
        return x

    return note


@scenario
def every_event_is_a_run(trace):
    with Flow("scheduled", schedule=Events(2)) as flow:
        noting(trace)(Parameter("x", default=1))
    return trace.run(flow)


@scenario
def parameters_of_the_event_win(trace):
    with Flow("scheduled", schedule=Events(1, parameter_defaults={"x": 5})) as flow:
        noting(trace)(Parameter("x", default=1))
    return trace.run(flow, parameters={"x": 7})


@scenario
def without_the_schedule(trace):
    with Flow("once", schedule=Events(5)) as flow:
        noting(trace)(Parameter("x", default=1))
    return trace.run(flow, run_on_schedule=False)


@scenario
def a_schedule_that_is_over(trace):
    with Flow("over", schedule=Events(0)) as flow:
        noting(trace)(Parameter("x", default=1))
    return trace.error(flow.run)


@scenario
def a_failing_run_does_not_end_the_schedule(trace):
    @task
    def fail():
        trace.note("ran")
        raise ValueError("no")

    with Flow("failing", schedule=Events(2)) as flow:
        fail()
    return trace.run(flow)


@scenario
def retries_before_the_next_event(trace):
    @task(max_retries=1, retry_delay=datetime.timedelta(0))
    def flaky():
        trace.note(prefect.context.task_run_count)
        if prefect.context.task_run_count == 1:
            raise ValueError("first")

    with Flow("retried", schedule=Events(2)) as flow:
        flaky()
    return trace.run(flow)
