"""A server, a minimal local agent, and registered flows, on either database."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from live_server import running_server

from prefect import Client
from prefect.backend import FlowRunView
from prefect.utilities.configuration import set_temporary_config

__all__ = ["Site", "running_site"]

_TASK_RUNS = (
    "query($id: uuid!) { task_run(where: { flow_run_id: { _eq: $id } }, order_by: [{ map_index: asc }]) "
    "{ id state map_index task { slug } states(order_by: [{ version: asc }]) { state } } }"
)


@dataclass
class Site:
    """A server with an agent that takes runs with the label `matrix` and those of this machine, and the project `matrix`.

    Attributes:
        url: address of the server.
        folder: output of processes is in there.
    """

    url: str
    folder: Path

    def prefect(self, *words: str, fails: bool = False) -> str:
        """What `prefect WORDS` writes to standard output."""
        done = subprocess.run(
            [sys.executable, "-m", "prefect", *words],
            env={**os.environ, "PREFECT__SERVER__ENDPOINT": self.url},
            cwd=self.folder,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=180,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout

    def agentless(self, flow: str, *words: str, fails: bool = False) -> str:
        """The id of a run that a process of its own took to its end."""
        options = ("--name", flow, "--project", "matrix", "--label", "no-agent", "--quiet", "--no-logs")
        return self.prefect("run", "--execute", *options, *words, fails=fails).split()[0]

    def by_agent(self, flow: str, *words: str) -> str:
        """The id of a new run for the agent."""
        options = ("--name", flow, "--project", "matrix", "--label", "matrix", "--quiet")
        return self.prefect("run", *options, *words).split()[0]

    # -- what the API says ------------------------------------------------------------

    def rows(self, document: str, **variables: Any) -> Any:
        """The data of an answer, as plain JSON."""
        return Client(api_server=self.url).graphql(document, variables=variables).to_dict()["data"]

    def state(self, run_id: str) -> tuple[str, str]:
        """Name and message of the state of a run."""
        row = self.rows("query($id: uuid!) { flow_run_by_pk(id: $id) { state state_message } }", id=run_id)[
            "flow_run_by_pk"
        ]
        return row["state"], row["state_message"]

    def ended(self, run_id: str, timeout_s: float = 120) -> str:
        """Name of the state in which a run ends."""
        self.until(
            lambda: self.state(run_id)[0] in ("Success", "Failed", "Cancelled", "TimedOut"), timeout_s, run_id
        )
        return self.state(run_id)[0]

    def task_runs(self, run_id: str) -> dict[str, str]:
        """`{slug or slug[index]: name of the state}` of a run."""
        return {_name_of(row): row["state"] for row in self.rows(_TASK_RUNS, id=run_id)["task_run"]}

    def task_run_id(self, run_id: str, name: str) -> str:
        """Id of a task run."""
        rows = self.rows(_TASK_RUNS, id=run_id)["task_run"]
        return next(str(row["id"]) for row in rows if _name_of(row) == name)

    def history(self, run_id: str, name: str) -> list[str]:
        """Names of the states a task run has been in, oldest first."""
        rows = self.rows(_TASK_RUNS, id=run_id)["task_run"]
        return [state["state"] for row in rows if _name_of(row) == name for state in row["states"]]

    def result(self, run_id: str, slug: str) -> Any:
        """What a task returned, read back."""
        with set_temporary_config({"cloud.api": self.url}):
            return FlowRunView.from_flow_run_id(run_id).get_task_run(task_slug=slug).get_result()

    def log(self, run_id: str) -> str:
        """The lines of a run's log, oldest first."""
        found = self.rows(
            "query($id: uuid!) { log(where: { flow_run_id: { _eq: $id } }, "
            "order_by: [{ timestamp: asc }, { sequence: asc }]) { message } }",
            id=run_id,
        )["log"]
        return "\n".join(line["message"] for line in found)

    def logged(self, run_id: str, text: str) -> str:
        """The run's log, as soon as a text is in it: the last lines are sent when the process ends."""
        self.until(lambda: text in self.log(run_id), run_id=run_id)
        return self.log(run_id)

    def until(self, holds: Any, timeout_s: float = 120, run_id: str | None = None) -> None:
        """Wait until something holds that other processes bring about."""
        deadline = time.monotonic() + timeout_s
        while not holds():
            if time.monotonic() > deadline:
                about = f"{self.state(run_id)} {self.task_runs(run_id)}\n{self.log(run_id)}" if run_id else ""
                agent = (self.folder / "agent.log").read_text(errors="replace")[-3000:]
                raise AssertionError(f"still not so: {about}\n{agent}")
            time.sleep(0.1)  # other processes


def _name_of(row: Any) -> str:
    index = row["map_index"]
    return row["task"]["slug"] + (f"[{index}]" if index >= 0 else "")


@contextlib.contextmanager
def running_site(folder: Path, database_url: str, flows: Path) -> Iterator[Site]:
    """A site with the flows of a file; all of its processes are gone after the block."""
    with running_server(folder / "server", database_url) as server, contextlib.ExitStack() as stack:
        site = Site(f"http://localhost:{server.port}", folder)
        command = [sys.executable, "-m", "prefect", "agent", "local", "start"]
        with (folder / "agent.log").open("wb") as output:
            agent = subprocess.Popen(
                [*command, "--label", "matrix"],
                stdout=output,
                stderr=output,
                cwd=folder,
                env={**os.environ, "PREFECT__SERVER__ENDPOINT": site.url},
            )
        stack.callback(_end, agent)
        site.prefect("create", "project", "matrix")
        site.prefect("register", "--project", "matrix", "-p", str(flows))
        yield site


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
