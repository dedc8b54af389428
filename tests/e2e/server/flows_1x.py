"""Flows as a user of 1.4.1 wrote them; only the client of 1.4.1 reads this file."""

from __future__ import annotations

import datetime
import os
import time

import pendulum
import prefect
from prefect import Flow, Parameter, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.schedules import IntervalSchedule
from prefect.tasks.prefect import create_flow_run, wait_for_flow_run

IS_CLOUD = os.environ.get("PREFECT__BACKEND") == "cloud"


@task
def numbers(n):
    return list(range(n))


@task
def inc(x):
    prefect.context.logger.info("inc of %s", x)
    return x + 1


@task
def total(xs):
    create_markdown_artifact("# total: %d" % sum(xs))
    create_link_artifact("https://example.org/total")
    return sum(xs)


with Flow("sums") as sums:
    total(inc.map(numbers(Parameter("n", default=3))))


attempts = []


@task(max_retries=2, retry_delay=datetime.timedelta(seconds=1))
def flaky():
    if prefect.context.task_run_count < 2:
        raise ValueError("not yet")


with Flow("flaky") as flaky_flow:
    flaky()


@task
def sleep_long():
    for _ in range(600):
        time.sleep(0.1)


with Flow("slow") as slow:
    sleep_long()


with Flow("parent") as parent:
    child = create_flow_run(flow_name="sums", project_name="demo", parameters={"n": 2})
    wait_for_flow_run(child, raise_final_state=True)


@task(tags=["db"])
def use_database(n):
    time.sleep(1)


with Flow("tagged") as tagged:
    for number in range(2):
        use_database(number)


with Flow(
    "scheduled",
    schedule=IntervalSchedule(
        start_date=pendulum.now("UTC").add(seconds=8), interval=datetime.timedelta(minutes=1)
    ),
) as scheduled:
    numbers(1)


if IS_CLOUD:
    from prefect.backend import get_key_value, set_key_value
    from prefect.tasks.secrets import PrefectSecret

    @task
    def use_values(secret):
        assert secret == {"password": "hunter2"}, secret
        set_key_value("seen", {"count": 7})
        assert get_key_value("seen") == {"count": 7}
        assert get_key_value("greeting") == "hello"

    with Flow("values") as values:
        use_values(PrefectSecret("TOKEN"))
