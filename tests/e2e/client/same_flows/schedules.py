"""A schedule: alone in its file, so that it is registered before its time comes."""

import pendulum
import prefect
from prefect import Flow, Parameter, task
from prefect.schedules import Schedule
from prefect.schedules.clocks import DatesClock


@task
def tell(x):
    return [x, prefect.context.scheduled_start_time <= pendulum.now("UTC")]


with Flow(
    "a schedule with parameters",
    schedule=Schedule(
        clocks=[DatesClock([pendulum.now("UTC").add(seconds=10)], parameter_defaults={"x": "of the clock"})]
    ),
) as scheduled:
    tell(Parameter("x", default="of the flow"))

RUNS = {"a schedule with parameters": [{"then": "scheduled"}]}
