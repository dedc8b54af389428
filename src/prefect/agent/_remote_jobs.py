"""Jobs that live outside of the agent's process: containers, pods, tasks of a service.

They go on when the agent is gone. So whatever has to be known of one is written on it (which flow run it
is for, and which attempt), and an agent that starts finds its jobs again. One question about all of them
answers each look of the supervisor.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from prefect.agent._job import Ended

__all__ = [
    "Infrastructure",
    "InfrastructureAwayError",
    "NotStartedError",
    "RemoteJob",
    "RemoteJobs",
    "Sighting",
    "epoch_of",
]


class InfrastructureAwayError(Exception):
    """What runs the jobs does not answer. Nothing is known of them, and nothing is to be concluded."""


class NotStartedError(Exception):
    """A flow run was cancelled, or taken by somebody else, before its job started."""


@dataclass(frozen=True)
class Sighting:
    """A job, as the infrastructure shows it.

    Attributes:
        job_id: what the infrastructure calls it.
        name: what people call it, such as `Container ID: 1a2b`.
        run_id: the flow run that it is for.
        epoch: the attempt it is; None where the server counts none.
        has_ended: whether it has ended.
        kept: whether it stays when all is said about it, because somebody wants to look at it.
    """

    job_id: str
    name: str
    run_id: str
    epoch: int | None = None
    has_ended: bool = False
    kept: bool = False


def epoch_of(written: str | None) -> int | None:
    """The attempt that is written on a job; None if none is, or what is there is no number."""
    return int(written) if written and written.isdigit() else None


class Infrastructure(Protocol):
    """What runs the jobs of an agent. Every method raises `InfrastructureAwayError` when it does not answer.

    Attributes:
        agent_id: id of the agent whose jobs these are; set when the API has given it one.
    """

    agent_id: str | None

    def look(self) -> Iterable[Sighting]:
        """All jobs of this agent, with one question; those that have ended are there until they are removed."""
        ...

    def end_of(self, job_id: str) -> Ended:
        """How a job ended: its exit code, its last output, and what else is known."""
        ...

    def stop(self, job_id: str, is_urgent: bool) -> None:
        """Ask a job to end, or end it now; without waiting. One that is not there any more is no mistake."""
        ...

    def remove(self, job_id: str) -> None:
        """Remove what is left of a job that has ended. One that is not there any more is no mistake."""
        ...


class RemoteJobs:
    """The jobs of an agent in an infrastructure.

    Args:
        infrastructure: what runs them.
        logger: the agent's.
    """

    def __init__(self, infrastructure: Infrastructure, logger: logging.Logger) -> None:
        self.infrastructure = infrastructure
        self.logger = logger
        self._lock = threading.Lock()
        self._looks = 0
        self._seen: dict[str, Sighting] = {}
        self._seen_at = 0
        self._is_away = False

    @property
    def looks(self) -> int:
        """How many looks have begun."""
        with self._lock:
            return self._looks

    def look(self) -> None:
        """Look at all jobs; the agent calls it before each look of the supervisor (`Agent._before_round`)."""
        with self._lock:
            self._looks += 1
            number = self._looks
        try:
            found = {sighting.job_id: sighting for sighting in self.infrastructure.look()}
        except InfrastructureAwayError as exc:
            if not self._is_away:
                self.logger.warning("The jobs of flow runs cannot be looked at: %s", exc)
            self._is_away = True
            return
        if self._is_away:
            self.logger.info("The jobs of flow runs can be looked at again.")
        self._is_away = False
        with self._lock:
            self._seen, self._seen_at = found, number

    def last_look(self) -> tuple[dict[str, Sighting], int]:
        """What the last look that was answered saw, and its number."""
        with self._lock:
            return self._seen, self._seen_at

    def found_again(self) -> list[Sighting]:
        """Jobs of earlier agents to look after, one for each flow run; those of earlier attempts are ended.

        Raises:
            InfrastructureAwayError: it does not answer.
        """
        latest: dict[str, Sighting] = {}
        outdated: list[Sighting] = []
        for sighting in self.infrastructure.look():
            if sighting.has_ended and sighting.kept:
                continue
            other = latest.get(sighting.run_id)
            if other is None or (other.epoch or 0, not other.has_ended) < (
                sighting.epoch or 0,
                not sighting.has_ended,
            ):
                latest[sighting.run_id] = sighting
            if other is not None:
                outdated.append(other if latest[sighting.run_id] is sighting else sighting)
        for sighting in outdated:
            if not sighting.has_ended:
                self.infrastructure.stop(sighting.job_id, True)
            self.infrastructure.remove(sighting.job_id)
        return list(latest.values())


class RemoteJob:
    """One job. It can be looked after before it exists: while an image is pulled, its lease is renewed.

    Args:
        jobs: those it belongs to.
        sighting: the job, if it is there already.
    """

    def __init__(self, jobs: RemoteJobs, sighting: Sighting | None = None) -> None:
        self._jobs = jobs
        self._lock = threading.Lock()
        self._job_id: str | None = None
        self._name = "not started yet"
        self._kept = False
        self._began_at = 0
        #: The stop that was asked for, and whether the infrastructure knows.
        self._stop: bool | None = None
        self._is_stop_known = True
        self._is_given_up = False
        if sighting is not None:
            self.started(sighting.job_id, sighting.name, kept=sighting.kept)

    @property
    def name(self) -> str:
        """What people call it."""
        return self._name

    @property
    def job_id(self) -> str | None:
        """What the infrastructure calls it; None before it started."""
        return self._job_id

    def check(self) -> None:
        """Before a step on the way to its start: see that it is still wanted.

        Raises:
            NotStartedError: it was asked to stop meanwhile.
        """
        with self._lock:
            if self._stop is not None:
                raise NotStartedError(
                    "The flow run was cancelled or started elsewhere before its job was there."
                )

    def started(self, job_id: str, name: str, *, kept: bool = False) -> None:
        """It is there now.

        Args:
            job_id: what the infrastructure calls it.
            name: what people call it.
            kept: whether it is not removed when it has ended.

        Raises:
            NotStartedError: it was stopped meanwhile, and was said to be gone; so it is ended.
        """
        with self._lock:
            was_given_up = self._is_given_up
            if not was_given_up:
                self._job_id, self._name, self._kept = job_id, name, kept
                self._began_at = self._jobs.looks
        if was_given_up:
            self._jobs.infrastructure.stop(job_id, True)
            self._jobs.infrastructure.remove(job_id)
            raise NotStartedError(f"The flow run was cancelled or started elsewhere while {name} started.")
        self._deliver_stop()

    def poll(self) -> Ended | None:
        """How it ended; None while it is there, or is not known to be gone."""
        self._deliver_stop()
        with self._lock:
            self._is_given_up = self._job_id is None and self._stop is not None
        if self._is_given_up:
            return Ended(None, reason="it was stopped before it started", is_lost=True)
        seen, number = self._jobs.last_look()
        if self._job_id is None or number <= self._began_at:
            return None  # it is not there yet, or that look began before it was
        sighting = seen.get(self._job_id)
        if sighting is None:
            return Ended(None, reason="it was removed", is_lost=True)
        if not sighting.has_ended:
            return None
        try:
            return self._jobs.infrastructure.end_of(self._job_id)
        except InfrastructureAwayError:
            return None

    def stop(self, is_urgent: bool) -> None:
        """Ask it to end, or end it now; said again until the infrastructure has heard it."""
        with self._lock:
            self._stop = is_urgent
            self._is_stop_known = False
        self._deliver_stop()

    def _deliver_stop(self) -> None:
        with self._lock:
            if self._is_stop_known or self._job_id is None or self._stop is None:
                return
            job_id, is_urgent = self._job_id, self._stop
        try:
            self._jobs.infrastructure.stop(job_id, is_urgent)
        except InfrastructureAwayError as exc:
            self._jobs.logger.warning("%s could not be stopped; trying again: %s", self._name, exc)
            return
        with self._lock:
            self._is_stop_known = self._stop == is_urgent

    def release(self) -> None:
        """Nothing is held for it here."""

    def settled(self) -> None:
        """Remove what is left of it, unless somebody wants to look at it."""
        if self._job_id is None or self._kept:
            return
        try:
            self._jobs.infrastructure.remove(self._job_id)
        except InfrastructureAwayError as exc:
            self._jobs.logger.warning("%s could not be removed: %s", self._name, exc)
