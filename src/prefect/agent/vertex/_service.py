"""Vertex AI, asked by its API: a thin shell over google-cloud-aiplatform."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

from prefect.agent._job import Ended
from prefect.agent._remote_jobs import InfrastructureAwayError, Sighting, epoch_of
from prefect.agent.vertex._job_spec import AGENT_ID, ATTEMPT, RUN_ID
from prefect.utilities._extras import require

__all__ = ["Service", "end_of_job"]

_ENDED = ("JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED", "JOB_STATE_EXPIRED")
#: Seconds to wait for an answer.
_TIMEOUT_S = 30


class Service:
    """What the agent needs of Vertex AI. It is the `Infrastructure` of its jobs.

    Args:
        client: a `JobServiceClient`.
        parent: `projects/PROJECT/locations/REGION`.
    """

    def __init__(self, client: Any, parent: str) -> None:
        self.client = client
        self._parent = parent
        self._jobs: dict[str, Any] = {}
        #: Id of the agent, whose jobs these are.
        self.agent_id: str | None = None

    def create(self, job: dict[str, Any]) -> str:
        """Create a job; its name.

        Raises:
            RuntimeError: Vertex AI refuses it; the message has its words.
            InfrastructureAwayError: it does not answer.
        """
        errors = require("google.api_core.exceptions", "gcp")
        try:
            with _answers():
                made = self.client.create_custom_job(parent=self._parent, custom_job=job, timeout=_TIMEOUT_S)
        except (errors.ClientError, ValueError, TypeError) as exc:
            raise RuntimeError(f"Vertex AI refused the job of the flow run: {exc}") from exc
        return str(made.name)

    def look(self) -> Iterable[Sighting]:
        """All jobs of this agent that run, and those that have ended since they were seen running."""
        is_mine = f'labels.{AGENT_ID}="{self.agent_id}"'
        with _answers(all_errors=True):
            request = {"parent": self._parent, "filter": is_mine}
            found = {str(job.name): job for job in self.client.list_custom_jobs(request, timeout=_TIMEOUT_S)}
        self._jobs = found
        return [_sighting(job) for job in found.values()]

    def end_of(self, job_id: str) -> Ended:
        """How a job ended; its output is in Cloud Logging."""
        return end_of_job(self._jobs[job_id])

    def stop(self, job_id: str, is_urgent: bool) -> None:
        """Cancel a job; Vertex AI knows one way only."""
        errors = require("google.api_core.exceptions", "gcp")
        with _answers():
            try:
                self.client.cancel_custom_job(name=job_id, timeout=_TIMEOUT_S)
            except (errors.NotFound, errors.FailedPrecondition):
                return  # it has ended
            except errors.ClientError as exc:
                raise InfrastructureAwayError(f"Vertex AI did not cancel the job: {exc}") from exc

    def remove(self, job_id: str) -> None:
        """Delete a job that has ended, so that it is not asked after again; its log stays in Cloud Logging."""
        errors = require("google.api_core.exceptions", "gcp")
        with _answers():
            try:
                self.client.delete_custom_job(name=job_id, timeout=_TIMEOUT_S)
            except (errors.NotFound, errors.FailedPrecondition):
                return  # it is gone, or still ends: the next agent asks again
            except errors.ClientError as exc:
                raise InfrastructureAwayError(f"Vertex AI did not delete the job: {exc}") from exc


def _sighting(job: Any) -> Sighting:
    labels = dict(job.labels)
    return Sighting(
        job_id=str(job.name),
        name=f"Job {job.name}",
        run_id=str(labels.get(RUN_ID)),
        epoch=epoch_of(labels.get(ATTEMPT)),
        has_ended=job.state.name in _ENDED,
    )


def end_of_job(job: Any) -> Ended:
    """How a job ended.

    Args:
        job: as Vertex AI describes it.
    """
    state = str(job.state.name)
    if state == "JOB_STATE_SUCCEEDED":
        return Ended(0)
    words = str(job.error.message) if job.error is not None else ""
    found = re.search(r"non-zero status of (\d+)", words)
    code = int(found[1]) if found else None
    # A job that was cancelled may never have started.
    reason = words or {
        "JOB_STATE_CANCELLED": "it was cancelled",
        "JOB_STATE_EXPIRED": "its time was over",
    }.get(state, "Vertex AI says not why")
    return Ended(code, reason=reason, is_lost=code is None)


@contextmanager
def _answers(*, all_errors: bool = False) -> Generator[None]:
    """Say of a service that does not answer that it is away; refusals too, where nobody can be told of one."""
    errors = require("google.api_core.exceptions", "gcp")
    auth = require("google.auth.exceptions", "gcp")
    try:
        yield
    except (
        errors.ServerError,
        errors.RetryError,
        errors.TooManyRequests,
        auth.TransportError,
        OSError,
    ) as exc:
        raise InfrastructureAwayError(f"Vertex AI does not answer: {exc}") from exc
    except errors.GoogleAPICallError as exc:
        if all_errors:
            raise InfrastructureAwayError(f"Vertex AI says: {exc}") from exc
        raise
