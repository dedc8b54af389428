"""Amazon ECS as moto has it, with tasks that run: their command is a process of this machine."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cloud_servers import moto
from jobs_as_processes import ContainerProcess

__all__ = ["ENVIRONMENT", "Ecs", "running_ecs"]

REGION = "eu-west-1"
#: With it, boto3 talks to the stand-in; the address is added.
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "b",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}
_ROUND_S = 0.05


@dataclass
class Ecs:
    """The service.

    Attributes:
        url: its address.
        client: a client of boto3.
        directory: outputs of tasks are in there.
        subnets: those of the default network.
        processes: of tasks, by ARN.
        oom: whether what gets SIGKILL was out of memory.
    """

    url: str
    client: Any
    directory: Path
    subnets: list[str]
    processes: dict[str, ContainerProcess] = field(default_factory=dict)
    oom: bool = False

    def start_and_end(self) -> None:
        """Start what was asked for, end what was stopped, and note what has ended."""
        for task in _tasks():
            arn = task.task_arn
            process = self.processes.get(arn)
            if process is None and task.last_status != "STOPPED":
                (container,) = [one for one in task.overrides["containerOverrides"] if one["name"] == "flow"]
                variables = {one["name"]: one["value"] for one in container["environment"]}
                output = self.directory / f"{arn.rsplit('/', 1)[-1]}.log"
                self.processes[arn] = ContainerProcess(container["command"], variables, output)
            elif process is not None and process.exit_code() is None and task.last_status == "STOPPED":
                process.signal(signal.SIGTERM)
            elif process is not None and task.last_status != "STOPPED":
                code = process.exit_code()
                if code is not None:
                    self._end(task, code)

    def _end(self, task: Any, code: int) -> None:
        container = task.containers[0]
        container.exitCode = code
        if code == 137 and self.oom:
            container.reason = "OutOfMemoryError: Container killed due to memory usage"
        self._write_log(task)
        task.stop_code = "EssentialContainerExited"
        task.stopped_reason = "Essential container in task exited"
        task.desired_status = task.last_status = "STOPPED"

    def _write_log(self, task: Any) -> None:
        import boto3

        logs: Any = boto3.client("logs", endpoint_url=self.url, region_name=REGION)
        number = task.task_arn.rsplit("/", 1)[-1]
        where = {"logGroupName": "flows", "logStreamName": f"run/flow/{number}"}
        logs.create_log_stream(**where)
        lines = self.processes[task.task_arn].output.read_text(errors="replace").splitlines()
        now = int(time.time() * 1000)  # the service refuses old lines
        events = [{"timestamp": now + n, "message": line or " "} for n, line in enumerate(lines)]
        if events:
            logs.put_log_events(**where, logEvents=events[-200:])


def _tasks() -> list[Any]:
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.ecs.models import ecs_backends

    backend = ecs_backends[DEFAULT_ACCOUNT_ID][REGION]
    return [task for tasks in list(backend.tasks.values()) for task in list(tasks.values())]


@contextlib.contextmanager
def running_ecs(directory: Path) -> Iterator[Ecs]:
    """The service with a cluster `flows`, as long as the block runs."""
    with moto() as url:
        import boto3
        from moto.moto_api import state_manager

        # Nothing ends by being asked after.
        state_manager.set_transition("ecs::task", {"progression": "manual", "times": 1_000_000})
        urllib.request.urlopen(urllib.request.Request(f"{url}/moto-api/reset", method="POST")).close()
        directory.mkdir(parents=True, exist_ok=True)
        client: Any = boto3.client("ecs", endpoint_url=url, region_name=REGION)
        client.create_cluster(clusterName="flows")
        boto3.client("logs", endpoint_url=url, region_name=REGION).create_log_group(logGroupName="flows")
        ec2: Any = boto3.client("ec2", endpoint_url=url, region_name=REGION)
        subnets = [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"]]
        ecs = Ecs(url, client, directory, subnets)
        stopping = threading.Event()

        def work() -> None:
            while not stopping.wait(_ROUND_S):
                ecs.start_and_end()

        thread = threading.Thread(target=work, name="ecs")
        thread.start()
        try:
            yield ecs
        finally:
            stopping.set()
            thread.join()
            for process in ecs.processes.values():
                process.end()
            state_manager.unset_transition("ecs::task")
