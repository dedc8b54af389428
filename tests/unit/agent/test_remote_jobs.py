"""Jobs outside of the agent's process: what is concluded from what is seen, and what is not."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from prefect.agent._job import Ended
from prefect.agent._remote_jobs import (
    InfrastructureAwayError,
    NotStartedError,
    RemoteJob,
    RemoteJobs,
    Sighting,
)


class World:
    """Jobs in memory, which can be away."""

    def __init__(self) -> None:
        self.jobs: dict[str, Sighting] = {}
        self.stops: list[tuple[str, bool]] = []
        self.removed: list[str] = []
        self.is_away = False

    def _answer(self) -> None:
        if self.is_away:
            raise InfrastructureAwayError("nobody answers")

    def add(self, job_id: str, run_id: str = "run", **fields: object) -> Sighting:
        self.jobs[job_id] = Sighting(job_id, f"Job {job_id}", run_id, **fields)  # type: ignore[arg-type]
        return self.jobs[job_id]

    def look(self) -> list[Sighting]:
        self._answer()
        return list(self.jobs.values())

    def end_of(self, job_id: str) -> Ended:
        self._answer()
        return Ended(3, f"output of {job_id}")

    def stop(self, job_id: str, is_urgent: bool) -> None:
        self._answer()
        self.stops.append((job_id, is_urgent))

    def remove(self, job_id: str) -> None:
        self._answer()
        self.removed.append(job_id)
        self.jobs.pop(job_id, None)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def jobs(world: World) -> RemoteJobs:
    return RemoteJobs(world, logging.getLogger("test-remote-jobs"))


def started(jobs: RemoteJobs, world: World, job_id: str = "1") -> RemoteJob:
    job = RemoteJob(jobs)
    sighting = world.add(job_id)
    job.started(sighting.job_id, sighting.name)
    return job


def end(world: World, job_id: str = "1") -> None:
    world.jobs[job_id] = replace(world.jobs[job_id], has_ended=True)


def test_a_job_ends_when_it_is_seen_to_have_ended(jobs: RemoteJobs, world: World) -> None:
    job = started(jobs, world)
    jobs.look()
    assert job.poll() is None

    end(world)
    assert job.poll() is None  # nobody has looked
    jobs.look()

    assert job.poll() == Ended(3, "output of 1")


def test_a_job_that_somebody_removed_is_lost(jobs: RemoteJobs, world: World) -> None:
    job = started(jobs, world)
    jobs.look()
    del world.jobs["1"]
    jobs.look()

    found = job.poll()

    assert found is not None
    assert (found.exit_code, found.is_lost) == (None, True)


def test_a_look_that_began_before_a_job_was_there_says_nothing_of_it(jobs: RemoteJobs, world: World) -> None:
    jobs.look()

    job = started(jobs, world)

    assert job.poll() is None


def test_while_the_infrastructure_is_away_nothing_is_concluded(jobs: RemoteJobs, world: World) -> None:
    job = started(jobs, world)
    jobs.look()
    world.is_away = True
    world.jobs.clear()
    jobs.look()
    assert job.poll() is None

    world.add("1")
    world.is_away = False
    jobs.look()

    assert job.poll() is None


def test_an_end_that_cannot_be_read_is_read_later(jobs: RemoteJobs, world: World) -> None:
    job = started(jobs, world)
    end(world)
    jobs.look()
    world.is_away = True
    assert job.poll() is None

    world.is_away = False

    assert job.poll() == Ended(3, "output of 1")


def test_a_stop_is_said_again_until_it_is_heard(jobs: RemoteJobs, world: World) -> None:
    job = started(jobs, world)
    world.is_away = True
    job.stop(False)
    job.stop(True)
    assert world.stops == []

    world.is_away = False
    job.poll()
    job.poll()

    assert world.stops == [("1", True)]


def test_a_job_that_is_stopped_before_it_starts_does_not_start(jobs: RemoteJobs, world: World) -> None:
    job = RemoteJob(jobs)
    job.check()
    assert job.poll() is None

    job.stop(False)

    with pytest.raises(NotStartedError):
        job.check()
    found = job.poll()
    assert found is not None
    assert found.is_lost


def test_a_stop_that_comes_while_a_job_starts_is_passed_on(jobs: RemoteJobs, world: World) -> None:
    job = RemoteJob(jobs)
    job.stop(False)
    world.add("1")

    job.started("1", "Job 1")

    assert world.stops == [("1", False)]


def test_a_job_that_starts_after_it_was_said_to_be_gone_is_ended(jobs: RemoteJobs, world: World) -> None:
    job = RemoteJob(jobs)
    job.stop(False)
    assert job.poll() is not None  # the agent looks after it no more
    world.add("1")

    with pytest.raises(NotStartedError):
        job.started("1", "Job 1")

    assert (world.stops, world.removed) == ([("1", True)], ["1"])


def test_what_is_left_of_a_job_is_removed_when_the_api_knows_how_it_ended(
    jobs: RemoteJobs, world: World
) -> None:
    job = started(jobs, world)
    end(world)
    jobs.look()
    job.poll()
    job.release()
    assert world.removed == []

    job.settled()

    assert world.removed == ["1"]


def test_a_job_that_somebody_wants_to_look_at_stays(jobs: RemoteJobs, world: World) -> None:
    RemoteJob(jobs, world.add("1", kept=True)).settled()

    assert world.removed == []


def test_an_agent_that_starts_finds_the_latest_attempt_of_each_run_and_ends_the_others(
    jobs: RemoteJobs, world: World
) -> None:
    world.add("a2", "a", epoch=2)
    world.add("a1", "a", epoch=1)
    world.add("b1", "b", epoch=1, has_ended=True)
    world.add("b3", "b", epoch=3)
    world.add("c1", "c", epoch=1, has_ended=True)
    world.add("d1", "d", epoch=1, has_ended=True, kept=True)

    found = {sighting.job_id for sighting in jobs.found_again()}

    # c ended while no agent was there; d was told of before.
    assert found == {"a2", "b3", "c1"}
    assert world.stops == [("a1", True)]
    assert sorted(world.removed) == ["a1", "b1"]


def test_a_job_that_was_found_again_is_looked_after_like_any_other(jobs: RemoteJobs, world: World) -> None:
    world.add("1", has_ended=True)
    (sighting,) = jobs.found_again()
    job = RemoteJob(jobs, sighting)
    assert job.poll() is None

    jobs.look()

    assert job.poll() == Ended(3, "output of 1")
