"""A small API server of Kubernetes: jobs run as processes of this machine.

It speaks to the real client. Jobs are checked against the schemas of Kubernetes when they are created.
"""

from __future__ import annotations

import json
import signal
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml
from jobs_as_processes import ContainerProcess

__all__ = ["Kubernetes", "running_kubernetes"]

_NOW = "2026-01-01T00:00:00Z"


@dataclass
class Job:
    """A job with its one pod.

    Attributes:
        manifest: as it was created.
        pod: name of the pod.
        process: the pod's container; None where that does not start.
        is_deleted: whether it goes when its pod has ended.
    """

    manifest: dict[str, Any]
    pod: str
    process: ContainerProcess | None
    is_deleted: bool = False

    def exit_code(self) -> int | None:
        return self.process.exit_code() if self.process is not None else None


@dataclass
class Kubernetes:
    """The cluster.

    Attributes:
        directory: outputs of pods are in there.
        missing_images: images that no registry has.
        oom: whether what gets SIGKILL was out of memory.
        is_away: whether it answers nothing.
        refuses: words with which it refuses jobs.
        created: manifests of all jobs that were ever created.
    """

    directory: Path
    missing_images: set[str] = field(default_factory=set)
    oom: bool = False
    is_away: bool = False
    refuses: str = ""
    created: list[dict[str, Any]] = field(default_factory=list)
    jobs: dict[str, Job] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def create(self, manifest: dict[str, Any]) -> tuple[int, Any]:
        import kubernetes_validate

        if self.refuses:
            return 403, _status(403, self.refuses)
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)
        name = manifest["metadata"]["name"]
        (container, *_) = manifest["spec"]["template"]["spec"]["containers"]
        process = None
        if container["image"] not in self.missing_images and not _is_too_big(container):
            variables = {one["name"]: one["value"] for one in container["env"] if "value" in one}
            output = self.directory / f"{name}.log"
            process = ContainerProcess(container["args"], variables, output)
        with self.lock:
            self.created.append(manifest)
            self.jobs[name] = Job(manifest, f"{name}-{uuid.uuid4().hex[:5]}", process)
        return 201, manifest

    def clean(self) -> None:
        with self.lock:
            for name, job in list(self.jobs.items()):
                if job.is_deleted and (job.process is None or job.exit_code() is not None):
                    del self.jobs[name]

    def listed(self, kind: str, selector: str) -> dict[str, Any]:
        self.clean()
        key, _, value = selector.partition("=")
        found = [
            job
            for job in self.jobs.values()
            if not key or job.manifest["metadata"]["labels"].get(key) == value
        ]
        if kind == "jobs":
            return {
                "kind": "JobList",
                "apiVersion": "batch/v1",
                "metadata": {},
                "items": [_job(job) for job in found],
            }
        return {
            "kind": "PodList",
            "apiVersion": "v1",
            "metadata": {},
            "items": [self._pod(job) for job in found],
        }

    def _pod(self, job: Job) -> dict[str, Any]:
        template = job.manifest["spec"]["template"]
        (container, *_) = template["spec"]["containers"]
        code = job.exit_code()
        conditions: list[dict[str, Any]] = []
        if job.process is None and _is_too_big(container):
            condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
            conditions.append({**condition, "message": "0/3 nodes are available: 3 Insufficient cpu."})
            statuses = []
        else:
            if job.process is None:
                state = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
            elif code is None:
                state = {"running": {"startedAt": _NOW}}
            else:
                reason = "OOMKilled" if code == 137 and self.oom else "Error" if code else "Completed"
                state = {"terminated": {"exitCode": code, "reason": reason}}
            statuses = [
                {
                    "name": container["name"],
                    "image": container["image"],
                    "imageID": "",
                    "ready": code is None,
                    "restartCount": 0,
                    "state": state,
                }
            ]
        phase = (
            "Pending"
            if job.process is None
            else "Running"
            if code is None
            else "Failed"
            if code
            else "Succeeded"
        )
        return {
            "metadata": {
                "name": job.pod,
                "labels": template["metadata"]["labels"],
                "creationTimestamp": _NOW,
            },
            "spec": {"containers": [{"name": container["name"], "image": container["image"]}]},
            "status": {"phase": phase, "conditions": conditions, "containerStatuses": statuses},
        }

    def delete_job(self, name: str, policy: str) -> tuple[int, Any]:
        job = self.jobs.get(name)
        if job is None:
            return 404, _status(404, f'jobs.batch "{name}" not found')
        job.is_deleted = True
        if job.process is not None:
            job.process.signal(signal.SIGTERM if policy == "Foreground" else signal.SIGKILL)
        # The real one answers with the job itself where that is still there for a while.
        return 200, _job(job) if policy == "Foreground" else _status(200, "deleted")

    def delete_pod(self, name: str, grace_s: str) -> tuple[int, Any]:
        for job in self.jobs.values():
            if job.pod == name:
                if job.process is not None:
                    job.process.signal(signal.SIGKILL if grace_s == "0" else signal.SIGTERM)
                return 200, self._pod(job)
        return 404, _status(404, f'pods "{name}" not found')

    def output(self, pod: str) -> str | None:
        for job in self.jobs.values():
            if job.pod == pod and job.process is not None:
                return job.process.output.read_text(errors="replace")
        return None


def _is_too_big(container: dict[str, Any]) -> bool:
    return container.get("resources", {}).get("requests", {}).get("cpu") == "500"


def _job(job: Job) -> dict[str, Any]:
    code = job.exit_code()
    conditions: list[dict[str, Any]] = []
    if code == 0:
        conditions = [{"type": "Complete", "status": "True"}]
    elif code is not None:
        conditions = [
            {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "backoff limit"}
        ]
    metadata = {**job.manifest["metadata"], **({"deletionTimestamp": _NOW} if job.is_deleted else {})}
    return {"metadata": metadata, "spec": job.manifest["spec"], "status": {"conditions": conditions}}


def _status(code: int, message: str) -> dict[str, Any]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Success" if code < 400 else "Failure",
        "message": message,
        "code": code,
    }


def _handler(cluster: Kubernetes) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}") if length else {}
            url = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            # /apis/batch/v1/namespaces/NS/jobs[/NAME] or /api/v1/namespaces/NS/pods[/NAME[/log]]
            kind, *rest = url.path.partition("/namespaces/")[2].split("/")[1:]
            if cluster.is_away:
                self._answer(503, _status(503, "the cluster is away"))
            elif self.command == "POST":
                self._answer(*cluster.create(body))
            elif self.command == "DELETE" and kind == "jobs":
                policy = query.get("propagationPolicy") or body.get("propagationPolicy") or ""
                self._answer(*cluster.delete_job(rest[0], policy))
            elif self.command == "DELETE":
                grace = query.get("gracePeriodSeconds") or str(body.get("gracePeriodSeconds"))
                self._answer(*cluster.delete_pod(rest[0], grace))
            elif rest[1:] == ["log"]:
                found = cluster.output(rest[0])
                self._answer(
                    404 if found is None else 200, found if found is not None else _status(404, "no pod")
                )
            else:
                self._answer(200, cluster.listed(kind, query.get("labelSelector", "")))

        do_GET = do_POST = do_DELETE = _serve

        def _answer(self, code: int, value: Any) -> None:
            is_text = isinstance(value, str)
            body = (value if is_text else json.dumps(value)).encode()
            self.send_response(code)
            self.send_header("content-type", "text/plain" if is_text else "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is written."""

    return Handler


@contextmanager
def running_kubernetes(directory: Path) -> Iterator[tuple[Kubernetes, Path]]:
    """A cluster, and the file with which the client finds it (KUBECONFIG)."""
    directory.mkdir(parents=True, exist_ok=True)
    cluster = Kubernetes(directory)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(cluster))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    config = directory / "kubeconfig"
    name = "stand-in"
    config.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": name,
                "clusters": [{"name": name, "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
                "users": [{"name": name, "user": {"token": "token"}}],
                "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            }
        )
    )
    try:
        yield cluster, config
    finally:
        for job in cluster.jobs.values():
            if job.process is not None:
                job.process.end()
        server.shutdown()
        server.server_close()
        thread.join()
