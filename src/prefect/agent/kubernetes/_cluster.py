"""A Kubernetes cluster that is asked by its API: a thin shell over the kubernetes package."""

from __future__ import annotations

import json
import socket
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from prefect.agent._job import Ended
from prefect.agent._remote_jobs import InfrastructureAwayError, Sighting, epoch_of
from prefect.agent.kubernetes._job_spec import LABELS
from prefect.utilities._extras import require

if TYPE_CHECKING:
    import logging

__all__ = ["Cluster", "connect"]

#: Lines of a pod's output that are read when it has ended.
_LAST_LINES = 200
#: Seconds to wait for an answer.
_TIMEOUT_S = 30
#: Reasons for which a container does not start, now or later.
_HOPELESS = ("ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError")


def connect(keep_alive: bool) -> tuple[Any, Any]:
    """Clients of the kubernetes package for jobs and for pods.

    Args:
        keep_alive: whether idle connections are kept alive by TCP.

    Raises:
        ConnectionError: there is neither a service account of a pod nor a file for kubectl.
    """
    client, config = require("kubernetes.client", "kubernetes"), require("kubernetes.config", "kubernetes")
    not_there = config.config_exception.ConfigException

    try:
        config.load_incluster_config()
    except not_there as not_inside:
        try:
            config.load_kube_config()
        except not_there as exc:
            raise ConnectionError(
                f"No cluster is known here: {not_inside} {exc} Run the agent in a pod with a service account, or "
                "name the file that kubectl uses with the variable KUBECONFIG."
            ) from exc
    api = client.ApiClient()
    if keep_alive:
        api.rest_client.pool_manager.connection_pool_kw["socket_options"] = [
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
            (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        ]
    return client.BatchV1Api(api), client.CoreV1Api(api)


class Cluster:
    """What the agent needs of a cluster. It is the `Infrastructure` of its jobs.

    Args:
        batch: client for jobs.
        core: client for pods.
        namespace: where the jobs are.
        delete_finished: whether jobs are removed when they have ended.
        logger: the agent's.
    """

    def __init__(
        self, batch: Any, core: Any, namespace: str, delete_finished: bool, logger: logging.Logger
    ) -> None:
        self.batch = batch
        self.core = core
        self.namespace = namespace
        self._delete_finished = delete_finished
        self._logger = logger
        self._pods: dict[str, list[Any]] = {}
        self._jobs: dict[str, Any] = {}
        #: Id of the agent, whose jobs these are.
        self.agent_id: str | None = None

    def create(self, spec: dict[str, Any]) -> None:
        """Create a job.

        Raises:
            RuntimeError: the cluster refuses it; the message has its words.
            InfrastructureAwayError: it does not answer.
        """
        api_error = _api_error()

        try:
            with _answers():
                self.batch.create_namespaced_job(self.namespace, spec, _request_timeout=_TIMEOUT_S)
        except api_error as exc:
            raise RuntimeError(f"Kubernetes refused the job of the flow run: {_words(exc)}") from exc

    def look(self) -> Iterable[Sighting]:
        """All jobs of this agent."""
        selector = f"{LABELS.agent_id}={self.agent_id}"
        with _answers(all_errors=True):
            options = {"label_selector": selector, "_request_timeout": _TIMEOUT_S}
            jobs = cast("list[Any]", self.batch.list_namespaced_job(self.namespace, **options).items)
            pods = cast("list[Any]", self.core.list_namespaced_pod(self.namespace, **options).items)
        of_jobs: dict[str, list[Any]] = {}
        for pod in pods:
            of_jobs.setdefault(pod.metadata.labels.get(LABELS.identifier, ""), []).append(pod)
        found: list[Sighting] = []
        self._jobs = {job.metadata.name: job for job in jobs}
        self._pods = {
            job.metadata.name: of_jobs.get(job.metadata.labels.get(LABELS.identifier, ""), []) for job in jobs
        }
        for job in jobs:
            name, labels = str(job.metadata.name), job.metadata.labels
            is_finished = _finished(job) is not None
            has_ended = is_finished or _hopeless(self._pods[name]) is not None
            found.append(
                Sighting(
                    job_id=name,
                    name=f"Job {name}",
                    run_id=str(labels.get(LABELS.run_id)),
                    epoch=epoch_of(labels.get(LABELS.attempt)),
                    has_ended=has_ended,
                    kept=is_finished and not self._delete_finished,
                )
            )
        return found

    def waiting(self) -> dict[str, tuple[str, str]]:
        """Jobs whose pods cannot be placed, as the last look saw them: the flow run, and the cluster's words."""
        found: dict[str, tuple[str, str]] = {}
        for name, pods in self._pods.items():
            for pod in pods:
                for condition in pod.status.conditions or ():
                    if condition.type == "PodScheduled" and condition.status == "False":
                        words = f"{condition.reason}: {condition.message}"
                        found[name] = (str(pod.metadata.labels.get(LABELS.run_id)), words)
        return found

    def end_of(self, job_id: str) -> Ended:
        """How a job ended: exit code, last output, and what the cluster says."""
        job, pods = self._jobs.get(job_id), self._pods.get(job_id, [])
        hopeless = _hopeless(pods)
        if (job is None or _finished(job) is None) and hopeless is not None:
            # It would go on trying, and run after the API has heard that it does not.
            self.stop(job_id, True)
            return Ended(None, reason=hopeless, is_lost=True)
        reasons = [_finished(job) or ""] if job is not None else []
        pod = max(pods, key=lambda pod: str(pod.metadata.creation_timestamp), default=None)
        if pod is None:
            return Ended(None, reason="; ".join(filter(None, [*reasons, "its pod is gone"])), is_lost=True)
        pod_reason = [f"{pod.status.reason}: {pod.status.message}"] if pod.status.reason else []
        ended = _terminated(pod)
        code: int | None = ended.exit_code if ended is not None else None
        if ended is not None and ended.reason not in (None, "", "Completed", "Error"):
            pod_reason.append(str(ended.reason))
        if code == 0 and not pod_reason:
            reasons = []
        return Ended(
            code,
            output=self._last_lines(str(pod.metadata.name)),
            reason="; ".join(filter(None, [*pod_reason, *reasons])),
            is_lost=code is None,
        )

    def stop(self, job_id: str, is_urgent: bool) -> None:
        """Delete a job, whose pods get SIGTERM; if that is urgent, they are killed."""
        with _answers(all_errors=True, missing_is_fine=True):
            # The job is there until its pods are gone.
            self.batch.delete_namespaced_job(
                job_id, self.namespace, propagation_policy="Foreground", _request_timeout=_TIMEOUT_S
            )
        if not is_urgent:
            return
        for pod in self._pods.get(job_id, []):
            with _answers(all_errors=True, missing_is_fine=True):
                self.core.delete_namespaced_pod(
                    pod.metadata.name, self.namespace, grace_period_seconds=0, _request_timeout=_TIMEOUT_S
                )

    def remove(self, job_id: str) -> None:
        """Delete a job that has ended, and its pods."""
        with _answers(all_errors=True, missing_is_fine=True):
            self.batch.delete_namespaced_job(
                job_id, self.namespace, propagation_policy="Background", _request_timeout=_TIMEOUT_S
            )

    def _last_lines(self, pod: str) -> str:
        api_error = _api_error()

        try:
            with _answers():
                # As bytes: the package makes of text what Python prints for bytes.
                answer = self.core.read_namespaced_pod_log(
                    pod,
                    self.namespace,
                    tail_lines=_LAST_LINES,
                    _preload_content=False,
                    _request_timeout=_TIMEOUT_S,
                )
                return cast("bytes", answer.data).decode("utf-8", "replace")
        except (api_error, InfrastructureAwayError) as exc:
            self._logger.warning("Pod %s: its last output was not read: %s", pod, exc)
            return ""


def _finished(job: Any) -> str | None:
    """Why a job has ended, empty if by itself; None if it has not."""
    for condition in job.status.conditions or ():
        if condition.status != "True":
            continue
        if condition.type == "Complete":
            return ""
        if condition.type == "Failed":
            # With no second attempt, that is so after each first one.
            return (
                ""
                if condition.reason == "BackoffLimitExceeded"
                else f"{condition.reason}: {condition.message}"
            )
    return None


def _hopeless(pods: list[Any]) -> str | None:
    """Why containers of pods do not start, now or later."""
    for pod in pods:
        for status in (*(pod.status.init_container_statuses or ()), *(pod.status.container_statuses or ())):
            waiting = status.state.waiting if status.state is not None else None
            if waiting is not None and waiting.reason in _HOPELESS:
                return f"{waiting.reason}: {waiting.message}" if waiting.message else str(waiting.reason)
    return None


def _terminated(pod: Any) -> Any:
    """The end of the container of the flow, which is the first of a pod."""
    statuses = {status.name: status for status in pod.status.container_statuses or ()}
    status = statuses.get(pod.spec.containers[0].name)
    return status.state.terminated if status is not None and status.state is not None else None


def _api_error() -> Any:
    """The error of the kubernetes package for what the cluster refuses."""
    return require("kubernetes.client.exceptions", "kubernetes").ApiException


@contextmanager
def _answers(*, all_errors: bool = False, missing_is_fine: bool = False) -> Generator[None]:
    """Say of a cluster that does not answer that it is away; refusals too, where nobody can be told of one."""
    api_error = _api_error()
    from urllib3.exceptions import HTTPError

    try:
        yield
    except api_error as exc:
        if exc.status == 404 and missing_is_fine:
            return
        if all_errors or exc.status in (0, 429) or (exc.status or 0) >= 500:
            raise InfrastructureAwayError(f"Kubernetes says: {_words(exc)}") from exc
        raise
    except (HTTPError, OSError) as exc:
        raise InfrastructureAwayError(f"Kubernetes does not answer: {exc}") from exc


def _words(exc: Any) -> str:
    """What the cluster said, of an error of the kubernetes package."""
    try:
        return f"{json.loads(exc.body)['message']} ({exc.status})"
    except (TypeError, ValueError, KeyError):
        return f"{exc.reason} ({exc.status})"
