"""What an agent says of jobs that live outside of it, while they start, end and are replaced."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from prefect.agent._api import RunStatus
from prefect.agent._job import Ended
from prefect.agent._supervisor import Supervisor, Watched


class Api:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.states: dict[str, RunStatus] = {}
        self.said: list[tuple[Any, ...]] = []
        self.news = threading.Condition()

    def _say(self, *words: Any) -> None:
        with self.news:
            self.said.append(words)
            self.news.notify_all()

    def status_of(self, ids: list[str]) -> dict[str, RunStatus]:
        return {run_id: self.states[run_id] for run_id in ids if run_id in self.states}

    def renew(self, run_id: str, epoch: int | None, lease_s: float) -> bool:
        self._say("renew", run_id, epoch)
        return True

    def log(self, run_id: str, name: str, level: str, message: str) -> None:
        self._say("log", run_id, level, message)

    def end_attempt(self, run_id: str, epoch: int | None, reason: str) -> None:
        self._say("end", run_id, epoch, reason)

    def cancelled(self, run_id: str, message: str) -> None:
        self._say("cancelled", run_id, message)

    def wait_for(self, holds: Callable[[list[tuple[Any, ...]]], bool]) -> list[tuple[Any, ...]]:
        with self.news:
            assert self.news.wait_for(lambda: holds(self.said), 60), self.said
            return list(self.said)


class Job:
    """Does what the test says."""

    def __init__(self, api: Api, end: Ended | None = None) -> None:
        self._api = api
        self.name = "Job 1"
        self.end = end

    def poll(self) -> Ended | None:
        return self.end

    def stop(self, is_urgent: bool) -> None:
        self._api._say("stop", is_urgent)

    def release(self) -> None:
        pass

    def settled(self) -> None:
        self._api._say("settled")


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def supervisor(api: Api) -> Iterator[Supervisor]:
    found = Supervisor(
        api,  # type: ignore[arg-type]
        logging.getLogger("test-supervisor"),
        "agent",
        "container",
        0.03,
        lambda _: None,
        round_s=0.01,
    )
    yield found
    found.stop()


def test_a_run_is_kept_while_its_image_is_pulled(api: Api, supervisor: Supervisor) -> None:
    api.states["run"] = RunStatus("Submitted", 1)

    supervisor.watch(Watched("run", 1, Job(api)))

    said = api.wait_for(lambda said: said.count(("renew", "run", 1)) >= 3)
    assert set(said) == {("renew", "run", 1)}


def test_a_run_that_runs_keeps_itself(api: Api, supervisor: Supervisor) -> None:
    api.states.update(runs=RunStatus("Running", 1), starts=RunStatus("Submitted", 1))

    supervisor.watch(Watched("runs", 1, Job(api)))
    supervisor.watch(Watched("starts", 1, Job(api)))

    said = api.wait_for(lambda said: said.count(("renew", "starts", 1)) >= 3)
    assert ("renew", "runs", 1) not in said


def test_what_is_left_of_a_job_goes_after_the_api_knows_how_it_ended(
    api: Api, supervisor: Supervisor
) -> None:
    api.states["run"] = RunStatus("Running", 1)
    end = Ended(137, "last words", "out of memory: its memory is limited to 100 MiB")

    supervisor.watch(Watched("run", 1, Job(api, end)))

    said = api.wait_for(lambda said: ("settled",) in said)
    clause = (
        "The container of the flow run exited with code 137 (SIGKILL) "
        "(out of memory: its memory is limited to 100 MiB)"
    )
    assert said == [
        ("log", "run", "ERROR", f"{clause} before the run was finished.\nIts last output:\nlast words"),
        ("end", "run", 1, clause),
        ("settled",),
    ]


def test_an_attempt_that_was_replaced_is_stopped_beside_the_new_one(api: Api, supervisor: Supervisor) -> None:
    api.states["run"] = RunStatus("Running", 2)

    supervisor.watch(Watched("run", 1, Job(api)))
    supervisor.watch(Watched("run", 2, Job(api)))

    said = api.wait_for(lambda said: ("stop", False) in said)
    assert said.count(("stop", False)) == 1
    assert supervisor.run_ids() == ["run"]


def test_of_a_job_that_did_not_start_nothing_is_said(api: Api, supervisor: Supervisor) -> None:
    api.states.update(run=RunStatus("Failed", 1), other=RunStatus("Submitted", 1))
    supervisor.watch(Watched("run", 1, job := Job(api)))
    supervisor.watch(Watched("other", 1, Job(api)))

    supervisor.forget("run", 1)
    job.end = Ended(None, is_lost=True)

    said = api.wait_for(lambda said: said.count(("renew", "other", 1)) >= 3)
    assert set(said) == {("renew", "other", 1)}
    assert supervisor.run_ids() == ["other"]
