"""Clocks that are set, jump or drift: no run is lost, none is reaped while it lives, schedules go on."""

from __future__ import annotations

import datetime
import random
from dataclasses import dataclass, field

import pytest
from world import Process, World, interval_clock, new_world

from prefect.server.database.store import Store
from prefect.server.database.times import to_text
from prefect.server.loops import reaper
from scoreboard import record, sized

HOUR, DAY = 3600, 86400
STEP_S = 5.0
#: Zombie time; one more lease after each step of the clock; and some rounds.
NOTICED_S = 120 + 120 + 15
#: Seconds a run may take to stop, and some rounds.
CANCELLED_S = 60 + 15


@dataclass
class Hours:
    """Some hours of a server whose clock is set now and then, and what was seen meanwhile."""

    world: World
    seed: int
    problems: list[str] = field(default_factory=list)
    slowest_schedule_s: float = 0.0
    slowest_reap_s: float = 0.0

    def __post_init__(self) -> None:
        self.choose = random.Random(self.seed)
        self.process = Process(self.world.store, self.world.clock)
        self.scheduled = self.world.flow("scheduled", schedule=interval_clock(60))
        self.other = self.world.flow("other")
        self.agent = self.world.agent()
        self.alive = [self._start() for _ in range(3)]
        self.dying: dict[str, float] = {}
        self.cancelled: dict[str, float] = {}
        self.unscheduled_s = 0.0
        self.beat_s = 0.0

    def _start(self) -> str:
        run_id = self.world.run(self.other)
        self.agent.set_state(run_id, "Submitted", lease_s=60)
        self.world.set_state(run_id, "Running")
        return run_id

    def go_on(self, seconds: float, drift: float = 0.0) -> None:
        """Time passes; the clock on the wall is `drift` seconds off after each second."""
        clock = self.world.clock
        for _ in range(int(seconds / STEP_S)):
            clock.move(STEP_S)
            clock.set(drift * STEP_S)
            self.beat_s += STEP_S
            if self.beat_s >= 30:
                self.beat_s = 0.0
                for run_id in self.alive:
                    self.world.mutate("update_flow_run_heartbeat", flow_run_id=run_id)
            self.process.round()
            self._look()

    def die(self) -> None:
        """The process of a run dies, and one is cancelled and does not hear it."""
        self.dying[self._start()] = 0.0
        run_id = self._start()
        self.world.mutate("cancel_flow_run", flow_run_id=run_id)
        self.cancelled[run_id] = 0.0

    def _state(self, run_id: str) -> str:
        return str(self.world.rows("SELECT state FROM flow_run WHERE id = :id", id=run_id)[0].state)

    def _look(self) -> None:
        for run_id in self.alive:
            if self._state(run_id) != "Running":
                self.problems.append(f"a run that lives is {self._state(run_id)}")
                self.alive.remove(run_id)
        for waiting, end, most in (
            (self.dying, "Scheduled", NOTICED_S),
            (self.cancelled, "Cancelled", CANCELLED_S + NOTICED_S),
        ):
            for run_id in list(waiting):
                waiting[run_id] += STEP_S
                if self._state(run_id) == end:
                    if end == "Scheduled":
                        self.slowest_reap_s = max(self.slowest_reap_s, waiting[run_id])
                    del waiting[run_id]
                elif waiting[run_id] > most:
                    self.problems.append(f"{waiting.pop(run_id):g} s for {end}: still {self._state(run_id)}")
        now = self.world.clock.now
        until = to_text(now + datetime.timedelta(seconds=70))
        has_next = self.world.rows(
            "SELECT 1 FROM flow_run WHERE flow_id = :id AND scheduled_start_time > :now "
            "AND scheduled_start_time <= :until",
            id=self.scheduled, now=to_text(now), until=until,
        )  # fmt: skip
        self.unscheduled_s = 0.0 if has_next else self.unscheduled_s + STEP_S
        self.slowest_schedule_s = max(self.slowest_schedule_s, self.unscheduled_s)
        if self.unscheduled_s > 60:
            self.problems.append(f"no run is scheduled {self.unscheduled_s:g} s after the clock was set")
            self.unscheduled_s = -1e9  # said once

    def finish(self) -> list[str]:
        """What went wrong, in all."""
        made_late = self.world.rows(
            "SELECT scheduled_start_time AS due, created FROM flow_run "
            "WHERE auto_scheduled AND scheduled_start_time < created"
        )
        self.problems += [f"made for the past: {row.due}" for row in made_late]
        twice = self.world.rows(
            "SELECT scheduled_start_time AS due FROM flow_run WHERE auto_scheduled "
            "GROUP BY scheduled_start_time HAVING count(*) > 1"
        )
        self.problems += [f"made twice: {row.due}" for row in twice]
        reaped = self.world.rows("SELECT id FROM flow_run WHERE times_resurrected > 1")
        self.problems += [f"reaped more than once: {row.id}" for row in reaped]
        return self.problems


STEPS = {
    "an hour on": [HOUR],
    "an hour back": [-HOUR],
    "a day on": [DAY],
    "a day on and back": [DAY, -DAY],
    "back and on": [-HOUR, HOUR],
    "half a minute to and fro": [30, -30, 30, -30],
}


def run_hours(world: World, seed: int, steps: list[int]) -> Hours:
    hours = Hours(world, seed)
    hours.go_on(150)
    for step in steps:
        hours.die()
        hours.go_on(hours.choose.randrange(0, 60, 5))
        world.clock.set(step)
        hours.go_on(60 + NOTICED_S + hours.choose.randrange(0, 120, 5))
    hours.finish()
    return hours


@pytest.mark.parametrize("steps", list(STEPS.values()), ids=list(STEPS))
def test_f18_no_run_is_lost_or_reaped_when_the_clock_is_set(steps: list[int], store: Store) -> None:
    for seed in range(sized(1, 20)):
        hours = run_hours(new_world(store) if seed == 0 else again(store), seed, steps)
        record("F18", store.dialect, seed, f"{steps} s: none lost or reaped alive, scheduled again in 60 s", {
            "problems": len(hours.problems), "slowest schedule (s)": hours.slowest_schedule_s,
            "slowest reap (s)": hours.slowest_reap_s,
        })  # fmt: skip
        assert hours.problems == []


def again(store: Store) -> World:
    """The world of a store whose earlier tenant and user are gone."""
    for table in ("tenant", '"user"'):
        store.write_sync(lambda tx, table=table: tx.execute(f"DELETE FROM {table}"))
    return new_world(store)


def test_f18_a_clock_that_is_slewed_is_no_step(store: Store) -> None:
    world = new_world(store)
    hours = Hours(world, 0)
    hours.go_on(150)
    hours.die()
    hours.go_on(1200, drift=0.0005 * 2)
    hours.go_on(600, drift=-0.0005 * 2)
    hours.finish()
    record("F18 (slew)", store.dialect, 0, "none lost, noticed in 135 s", {
        "problems": len(hours.problems), "slowest reap (s)": hours.slowest_reap_s,
    })  # fmt: skip
    assert hours.problems == []
    assert hours.slowest_reap_s <= 120 + 15


def test_f18_notices_a_reaper_that_trusts_the_clock(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaper, "_DRIFT_S", float("inf"))
    assert run_hours(new_world(store), 0, [HOUR]).problems
