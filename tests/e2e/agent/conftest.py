"""A real server, and real agents that take runs from it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from live_server import running_server

from prefect import Client
from prefect.utilities.configuration import set_temporary_config

_FLOWS = """
import os
import time

import prefect
from prefect import Flow, Parameter, task
from prefect.engine.results import LocalResult


@task
def numbers(n):
    return list(range(n))


@task
def double(x):
    return 2 * x


@task
def fail():
    raise ValueError("it does not work")


@task
def note(path):
    print("last words of this process", flush=True)
    with open(path, "w") as stream:
        stream.write(str(os.getpid()))
    time.sleep(60)


@task(log_stdout=True)
def tell(names):
    for name in names:
        print(name, os.environ.get(name))


with Flow("doubled", result=LocalResult()) as doubled:
    double.map(numbers(Parameter("n", default=3)))

with Flow("failing") as failing:
    fail()

with Flow("sleeping") as sleeping:
    note(Parameter("path"))

with Flow("telling") as telling:
    tell(Parameter("names"))
"""


@dataclass
class RunningAgent:
    """An agent process.

    Attributes:
        process: it.
        log: the file with what it writes.
    """

    process: subprocess.Popen[bytes]
    log: Path

    def wait_for(self, text: str, timeout_s: float = 60) -> str:
        """What it has written, as soon as a text is in it."""
        deadline = time.monotonic() + timeout_s
        while text not in (written := self.log.read_text(errors="replace")):
            assert self.process.poll() is None, written
            assert time.monotonic() < deadline, written
            time.sleep(0.05)  # another process writes the file
        return written

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)


@dataclass
class Site:
    """A server with a project and the flows of these tests.

    Attributes:
        client: talks to it.
        endpoint: its address.
        flow_ids: by name.
    """

    client: Client
    endpoint: str
    directory: Path
    flow_ids: dict[str, str] = field(default_factory=dict)

    def run(self, flow: str, **arguments: Any) -> str:
        """The id of a new run of a flow."""
        return self.client.create_flow_run(flow_id=self.flow_ids[flow], **arguments)

    def state(self, run_id: str) -> tuple[str, str]:
        """Type and message of the state of a run."""
        document = {"query": {f'flow_run_by_pk(id: "{run_id}")': {"state", "state_message"}}}
        found = self.client.graphql(document).data.flow_run_by_pk
        return found.state, found.state_message

    def wait(self, run_id: str, *states: str, timeout_s: float = 60) -> str:
        """The message of the state of a run, as soon as it is one of these."""
        deadline = time.monotonic() + timeout_s
        while (found := self.state(run_id))[0] not in states:
            assert time.monotonic() < deadline, (found, self.logs(run_id))
            time.sleep(0.05)  # the server has an event for it, which these tests do not want to trust
        return found[1]

    def logs(self, run_id: str) -> str:
        """The log of a run."""
        document = {
            "query": {
                f'log(where: {{flow_run_id: {{_eq: "{run_id}"}}}}, order_by: {{timestamp: asc}})': "message"
            }
        }
        return "\n".join(line.message for line in self.client.graphql(document).data.log)

    @contextmanager
    def agent(self, *words: str, **environment: str) -> Iterator[RunningAgent]:
        """A local agent, ready for work; killed after the block if it is still there."""
        log = self.directory / f"agent-{time.monotonic_ns()}.log"
        command = [sys.executable, "-m", "prefect", "agent", "local", "start", *words]
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdout=output,
                stderr=output,
                env={**os.environ, "PREFECT__SERVER__ENDPOINT": self.endpoint, **environment},
                cwd=self.directory,
            )
        agent = RunningAgent(process, log)
        try:
            agent.wait_for("Waiting for flow runs")
            yield agent
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait(10)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server whose runs are missed five seconds after the last sign of life."""
    directory = tmp_path_factory.mktemp("agents")
    (directory / "flows.py").write_text(_FLOWS, encoding="utf-8")
    environment = {"PREFECT__SERVER__ZOMBIE_AFTER_S": "5"}
    old = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        with running_server(directory / "server") as server:
            endpoint = f"http://localhost:{server.port}"
            with set_temporary_config({"cloud.api": endpoint}):
                Client().create_project("agents")
            done = subprocess.run(
                [sys.executable, "-m", "prefect", "register", "--project", "agents", "-p", "flows.py"],
                env={**os.environ, "PREFECT__SERVER__ENDPOINT": endpoint},
                cwd=directory,
                capture_output=True,
                text=True,
                check=False,
                stdin=subprocess.DEVNULL,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            with set_temporary_config({"cloud.api": endpoint}):
                client = Client()
                site = Site(client, endpoint, directory)
                rows = client.graphql({"query": {"flow": {"id", "name"}}}).data.flow
                site.flow_ids = {row.name: row.id for row in rows}
                yield site
    finally:
        for name, value in old.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that a run makes when it is under way."""
    return tmp_path / "is-running"


@pytest.fixture
def wait_for_file() -> Callable[[Path], int]:
    """Waits until a run wrote its process id."""

    def wait(path: Path) -> int:
        deadline = time.monotonic() + 60
        while not (path.exists() and path.read_text()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return int(path.read_text())

    return wait
