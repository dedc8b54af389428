"""A real server with flows, and real local agents that take runs from it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from live_server import Server, running_server

from prefect import Client
from prefect.utilities.configuration import set_temporary_config

__all__ = ["RunningAgent", "Site", "running_site"]


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

    def kill(self) -> None:
        """End it by SIGKILL."""
        self.process.kill()
        self.process.wait(10)


@dataclass
class Site:
    """A server with a project and flows.

    Attributes:
        client: talks to it.
        endpoint: its address.
        directory: a directory of its own; agents work in it.
        server: the server process.
        flow_ids: by name.
    """

    client: Client
    endpoint: str
    directory: Path
    server: Server
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

    def has_logged(self, run_id: str, *texts: str, timeout_s: float = 30) -> bool:
        """Whether texts come into the log of a run: its last lines are sent when its process ends, after its state."""
        deadline = time.monotonic() + timeout_s
        while not all(text in (found := self.logs(run_id)) for text in texts):
            assert time.monotonic() < deadline, found
            time.sleep(0.05)  # the process has an event for it, which these tests do not want to trust
        return True

    @contextmanager
    def agent(self, *words: str, hook: str = "", **environment: str) -> Generator[RunningAgent]:
        """A local agent, ready for work; ended after the block if it is still there.

        Args:
            words: options of `prefect agent local start`.
            hook: Python code that runs at the start of the agent's process and changes the product in it.
            environment: more environment variables.
        """
        name = f"agent-{time.monotonic_ns()}"
        log = self.directory / f"{name}.log"
        command = [sys.executable, "-m", "prefect", "agent", "local", "start", *words]
        if hook:
            folder = self.directory / name
            folder.mkdir()
            (folder / "sitecustomize.py").write_text(textwrap.dedent(hook), encoding="utf-8")
            environment["PYTHONPATH"] = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
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


@contextmanager
def running_site(
    directory: Path, flows: str, *words: str, database_url: str = "", broken: str = ""
) -> Generator[Site]:
    """A server with the flows of a file, for as long as the block runs.

    Args:
        directory: a directory of its own.
        flows: Python code that makes them.
        words: options of `prefect server start`.
        database_url: PostgreSQL; SQLite in the directory if empty.
        broken: Python code that breaks the product in the server's process.
    """
    (directory / "flows.py").write_text(flows, encoding="utf-8")
    with running_server(directory / "server", database_url, *words, broken=broken) as server:
        endpoint = f"http://localhost:{server.port}"
        with set_temporary_config({"cloud.api": endpoint}):
            client = Client()
            client.create_project("agents")
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
            site = Site(client, endpoint, directory, server)
            rows = client.graphql({"query": {"flow": {"id", "name"}}}).data.flow
            site.flow_ids = {row.name: row.id for row in rows}
            yield site
