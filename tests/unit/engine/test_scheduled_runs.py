"""`flow.run` on a schedule, by a clock that does not wait."""

from __future__ import annotations

import datetime
from typing import Any

import pendulum
import pytest

import prefect
from prefect import Flow, Parameter, task
from prefect.schedules import CronSchedule, IntervalSchedule, Schedule
from prefect.schedules.clocks import DatesClock, IntervalClock
from prefect.testing import FakeClock

START = datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)
HOUR = datetime.timedelta(hours=1)


def dates(*hours: float, **kwargs: Any) -> Schedule:
    return Schedule(clocks=[DatesClock([pendulum.instance(START + hour * HOUR) for hour in hours], **kwargs)])


class Seen:
    """Tasks that note when they run."""

    def __init__(self) -> None:
        self.runs: list[Any] = []

    def flow(self, schedule: Schedule, **kwargs: Any) -> Flow:
        @task
        def note(x: Any) -> None:
            context = prefect.context
            self.runs.append((context.scheduled_start_time, x))

        with Flow("scheduled", schedule=schedule, **kwargs) as flow:
            note(Parameter("x", default=0))
        return flow


def test_each_event_is_a_run_at_its_time() -> None:
    seen = Seen()
    with FakeClock(START) as clock:
        state = seen.flow(dates(1, 2, 5)).run()

    assert state.is_successful()
    assert [moment for moment, _ in seen.runs] == [START + hour * HOUR for hour in (1, 2, 5)]
    assert clock.waited_for == [START + hour * HOUR for hour in (1, 2, 5)]


def test_events_before_now_are_left_out() -> None:
    seen = Seen()
    with FakeClock(START + 1.5 * HOUR):
        seen.flow(dates(1, 2, 3)).run()

    assert [moment for moment, _ in seen.runs] == [START + 2 * HOUR, START + 3 * HOUR]


def test_events_that_pass_while_a_run_takes_long_are_left_out() -> None:
    runs: list[datetime.datetime] = []
    clock = FakeClock(START)

    @task
    def slow() -> None:
        runs.append(clock.now())
        clock.advance(by=1.5 * HOUR)

    with Flow("slow", schedule=dates(1, 2, 3)) as flow:
        slow()
    with clock:
        flow.run()

    assert runs == [START + HOUR, START + 3 * HOUR]


def test_parameters_of_the_clock_win_over_those_of_the_call_and_of_the_flow() -> None:
    seen = Seen()
    schedule = Schedule(
        clocks=[
            IntervalClock(HOUR, start_date=START, end_date=START + HOUR, parameter_defaults={"x": "clock"}),
            DatesClock([pendulum.instance(START + 1.5 * HOUR)]),
        ]
    )
    with FakeClock(START):
        seen.flow(schedule).run(x="call")

    assert [x for _, x in seen.runs] == ["clock", "call"]


def test_a_schedule_that_is_over_is_an_error_at_the_start() -> None:
    with FakeClock(START + 10 * HOUR), pytest.raises(ValueError, match="no more scheduled runs"):
        Seen().flow(dates(1)).run()


def test_a_schedule_can_be_left_out() -> None:
    seen = Seen()
    with FakeClock(START) as clock:
        seen.flow(dates(1)).run(run_on_schedule=False)

    assert len(seen.runs) == 1
    assert clock.waited_for == []


def test_wrong_parameters_are_found_before_the_run() -> None:
    with Flow("wrong", schedule=dates(1, parameter_defaults={"unknown": 1})) as flow:
        Parameter("x", default=1)()
    with FakeClock(START), pytest.raises(ValueError, match="unexpected parameters: unknown"):
        flow.run()


def test_retries_wait_within_their_run() -> None:
    attempts: list[Any] = []

    @task(max_retries=1, retry_delay=datetime.timedelta(minutes=10))
    def flaky() -> None:
        attempts.append((prefect.context.scheduled_start_time, prefect.context.task_run_count))
        if prefect.context.task_run_count == 1:
            raise ValueError("first")

    with Flow("retried", schedule=dates(1, 2)) as flow:
        flaky()
    with FakeClock(START) as clock:
        flow.run()

    assert attempts == [(START + hour * HOUR, count) for hour in (1, 2) for count in (1, 2)]
    assert clock.now() == START + 2 * HOUR + datetime.timedelta(minutes=10)


@pytest.mark.parametrize(
    "schedule",
    [
        IntervalSchedule(start_date=START, interval=HOUR, end_date=START + 3 * HOUR),
        CronSchedule(
            "0 * * * *", start_date=pendulum.instance(START), end_date=pendulum.instance(START + 3 * HOUR)
        ),
    ],
    ids=["interval", "cron"],
)
def test_schedules_of_every_kind_drive_runs(schedule: Schedule) -> None:
    seen = Seen()
    with FakeClock(START + datetime.timedelta(minutes=1)):
        seen.flow(schedule).run()

    assert [moment for moment, _ in seen.runs] == [START + hour * HOUR for hour in (1, 2, 3)]
