"""Loops go on where they were, whatever comes in between."""

from __future__ import annotations

import datetime
from typing import Any

import prefect
from prefect import Flow, task
from prefect.engine import TaskRunner, signals
from prefect.engine.state import Retrying
from prefect.testing import FakeClock

MINUTE = datetime.timedelta(minutes=1)


def looping(rounds: list[Any], delay: datetime.timedelta) -> Any:
    """A task that fails once in its second round, and notes its rounds."""

    @task(max_retries=1, retry_delay=delay)
    def loop() -> Any:
        context = prefect.context
        count = context.get("task_loop_count", 1)
        rounds.append((count, context.get("task_loop_result"), context.task_run_count))
        if count == 2 and context.task_run_count == 1:
            raise ValueError("once")
        if count < 3:
            raise signals.LOOP(result=count * 10)
        return context.task_loop_result

    return loop


def test_a_loop_that_waits_longer_than_another_task_keeps_its_place() -> None:
    early: list[Any] = []
    late: list[Any] = []
    with Flow("two loops") as flow:
        first, second = looping(early, MINUTE)(), looping(late, 10 * MINUTE)()
    with FakeClock():
        state = flow.run()

    assert state.result[first].result == state.result[second].result == 20
    assert early == late == [(1, None, 1), (2, 10, 1), (2, 10, 2), (3, 20, 1)]


def test_looking_at_a_waiting_loop_does_not_change_its_state() -> None:
    loop = looping([], MINUTE)
    with FakeClock() as clock:
        waiting = TaskRunner(loop).run()
        assert isinstance(waiting, Retrying)
        before = dict(waiting.context)
        assert TaskRunner(loop).run(state=waiting) is waiting
        assert waiting.context == before

        clock.advance(by=MINUTE)
        assert TaskRunner(loop).run(state=waiting).result == 20
        assert TaskRunner(loop).run(state=waiting).result == 20


def test_a_retry_without_a_failure_in_the_first_round_begins_there() -> None:
    rounds: list[Any] = []

    @task
    def loop() -> Any:
        count = prefect.context.get("task_loop_count", 1)
        rounds.append((count, prefect.context.task_run_count))
        if prefect.context.task_run_count == 1 and count == 1:
            raise signals.RETRY("once more")
        if count < 2:
            raise signals.LOOP("again")
        return count

    with Flow("first round") as flow:
        done = loop()

    assert flow.run().result[done].result == 2
    assert rounds == [(1, 1), (1, 2), (2, 1)]
