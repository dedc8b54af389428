"""Flows for the matrix of runs: each is registered by its file and run in processes."""

import datetime
import time
from pathlib import Path

import prefect
from prefect import Flow, Parameter, task
from prefect.engine import signals
from prefect.engine.cache_validators import all_inputs
from prefect.engine.results import LocalResult
from prefect.run_configs import UniversalRun
from prefect.schedules import Schedule
from prefect.schedules.clocks import Clock, CronClock, DatesClock, IntervalClock, RRuleClock
from prefect.tasks.prefect import create_flow_run, get_task_run_result, wait_for_flow_run
from prefect.triggers import manual_only


@task
def numbers(n):
    return list(range(n))


@task
def inc(x):
    return x + 1


@task
def total(values):
    prefect.context.logger.info("adding %s numbers", len(values))
    return sum(values)


with Flow("sums", result=LocalResult()) as sums:
    total(inc.map(numbers(Parameter("n", default=3))))


@task
def fail():
    raise ValueError("it does not work")


with Flow("failing", result=LocalResult()) as failing:
    inc(fail())


@task(max_retries=2, retry_delay=datetime.timedelta(0))
def flaky(x):
    if prefect.context.task_run_count < 3:
        raise ValueError("not yet")
    return x


with Flow("retrying", result=LocalResult()) as retrying:
    inc(flaky(1))


@task
def count_to(n):
    value = prefect.context.get("task_loop_result", 0) + 1
    if value < n:
        raise signals.LOOP(f"round {value}", result=value)
    return value


with Flow("looping", result=LocalResult()) as looping:
    inc(count_to(4))


@task(cache_for=datetime.timedelta(hours=1), cache_validator=all_inputs)
def expensive(key):
    with (Path(key)).open("a") as stream:
        stream.write("ran\n")
    return f"made for {Path(key).name}"


with Flow("caching", result=LocalResult()) as caching:
    expensive(Parameter("key"))


@task(timeout=1)
def too_slow():
    time.sleep(30)


with Flow("slow", result=LocalResult()) as slow:
    inc(too_slow())


with Flow("parent", result=LocalResult()) as parent:
    child = create_flow_run(
        flow_name="sums", project_name="matrix", parameters={"n": 4}, labels=["matrix"], run_name="a child"
    )
    ended = wait_for_flow_run(child, raise_final_state=True)
    inc(get_task_run_result(child, "total-1", upstream_tasks=[ended], poll_time=3))


@task(trigger=manual_only)
def by_hand(x):
    return x * 100


with Flow("pausing", result=LocalResult()) as pausing:
    inc(by_hand(inc(1)))


@task
def sleep_until_stopped(marks):
    try:
        (Path(marks) / "runs").touch()
        time.sleep(120)
    finally:
        (Path(marks) / "stopped").touch()


with Flow("stoppable", result=LocalResult()) as stoppable:
    inc(sleep_until_stopped(Parameter("marks")))


@task
def pair(x):
    return [x, x]


@task
def fail_once_for_one(x, marks):
    mark = Path(marks) / f"{x}"
    is_first = not mark.exists()
    mark.touch()
    if x == 1 and is_first:
        raise ValueError("in the first attempt")
    with (Path(marks) / "ran").open("a") as stream:
        stream.write(f"{x}\n")
    return x * 10


with Flow("restartable", result=LocalResult()) as restartable:
    marks = Parameter("marks")
    children = fail_once_for_one.map(numbers(3), prefect.unmapped(marks))
    total(children)
    inc.map(prefect.flatten(pair.map(numbers(2))), upstream_tasks=[prefect.unmapped(children)])


def scheduled(name: str, clock: Clock) -> Flow:
    """A flow with one clock that is due soon after it was registered, however slow the machine is."""
    run_config = UniversalRun(labels=["matrix"])
    with Flow(name, schedule=Schedule([clock]), run_config=run_config, result=LocalResult()) as flow:
        inc(Parameter("x", default=0))
    return flow


_SOON = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(seconds=30)
by_interval = scheduled(
    "by interval",
    IntervalClock(datetime.timedelta(hours=1), start_date=_SOON, parameter_defaults={"x": 1}),
)
by_cron = scheduled(
    "by cron",
    CronClock(f"{_SOON.minute} {_SOON.hour} * * * {_SOON.second}", parameter_defaults={"x": 2}),
)
by_dates = scheduled("by dates", DatesClock([_SOON], parameter_defaults={"x": 3}))


def _hourly() -> RRuleClock:
    from dateutil.rrule import HOURLY, rrule

    return RRuleClock(rrule(HOURLY, dtstart=_SOON, count=3), parameter_defaults={"x": 4})


by_rule = scheduled("by rule", _hourly())
