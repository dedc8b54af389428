from __future__ import annotations

import datetime

import pytest

import prefect
from prefect import Flow, Parameter, task
from prefect.engine import signals
from prefect.engine.state import Failed
from prefect.schedules import IntervalSchedule
from prefect.testing import FakeClock, MemoryResult, run_flow, run_task


@task(max_retries=3, retry_delay=datetime.timedelta(hours=1))
def flaky(x: int) -> int:
    if prefect.context.task_run_count < 3:
        raise ValueError("not yet")
    return x * 2


@task
def load(x: int) -> int:
    raise AssertionError("this would write to a database")


@task
def report(x: int) -> str:
    return f"got {x}"


def make_flow() -> Flow:
    with Flow("tested") as flow:
        report(load(flaky(Parameter("n", default=1))))
    return flow


def test_a_task_runs_by_itself() -> None:
    assert run_task(report, x=3).result == "got 3"


def test_a_failed_attempt_with_attempts_left_comes_back_retrying() -> None:
    state = run_task(flaky, x=1)
    assert state.is_retrying()
    assert run_task(flaky, x=1, context={"task_run_count": 3}).is_retrying()


def test_upstream_states_can_be_given_to_a_task() -> None:
    state = run_task(report, upstream={"x": Failed("down")})
    assert type(state).__name__ == "TriggerFailed"


def test_a_flow_runs_with_tasks_replaced_and_without_waiting() -> None:
    run = run_flow(make_flow(), parameters={"n": 5}, replace={"load": 7})

    assert run.state.is_successful()
    assert run["flaky"].result == 10
    assert run["report"].result == "got 7"
    assert len(run.clock.waited_for) == 2
    assert run.clock.now() >= datetime.datetime(2030, 1, 1, 2, tzinfo=datetime.timezone.utc)


def test_a_replacement_can_be_a_state() -> None:
    run = run_flow(make_flow(), replace={"load-1": Failed("disk full")})
    assert run.state.is_failed()


def test_an_unknown_replacement_names_what_there_is() -> None:
    with pytest.raises(KeyError, match=r"no task .* flaky-1, n, load-1|no task .*load-1"):
        run_flow(make_flow(), replace={"lode": 1})


def test_the_tested_flow_is_left_as_it_was() -> None:
    flow = make_flow()
    before = flow.copy()
    run_flow(flow, replace={"load": 1})
    assert flow == before


def test_results_are_kept_in_memory_and_go_through_the_serializer() -> None:
    store: dict[str, bytes] = {}

    @task(result=MemoryResult(store=store, location="{task_name}-{x}"))
    def keep(x: int) -> int:
        return x + 1

    with Flow("kept") as flow:
        keep(1)
    with prefect.context(checkpointing=True):
        state = flow.run()

    assert state is not None
    assert state.is_successful()
    assert list(store) == ["keep-1"]
    assert MemoryResult(store=store).read("keep-1").value == 2


def test_a_schedule_runs_as_fast_as_the_clock_can_be_moved() -> None:
    seen: list[datetime.datetime] = []

    @task
    def note() -> None:
        seen.append(prefect.context.scheduled_start_time)
        if len(seen) == 3:
            raise signals.SKIP("enough")

    with FakeClock("2030-01-01T00:30") as clock:
        schedule = IntervalSchedule(
            start_date=datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc),
            interval=datetime.timedelta(hours=1),
            end_date=datetime.datetime(2030, 1, 1, 3, tzinfo=datetime.timezone.utc),
        )
        with Flow("hourly", schedule=schedule) as flow:
            note()
        flow.run()
        assert clock.now().hour == 3

    assert [moment.hour for moment in seen] == [1, 2, 3]
