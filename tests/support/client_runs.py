"""Flow runs in processes of their own, as agents start them, and what the API says of them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import psutil

from prefect import Client
from prefect.backend import FlowRunView
from prefect.engine.state import State, Submitted
from prefect.utilities.configuration import set_temporary_config

__all__ = ["Runs", "runs_at"]


class Runs:
    """Flow runs of one server.

    Args:
        url: address of the server.
        folder: flows, homes and output of processes are in there.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.client = Client(api_server=url)
        self.project = f"project-{folder.name}"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.client.create_project(self.project)

    # -- flows and runs ---------------------------------------------------------------

    def register(self, code: str, name: str = "flow", **options: Any) -> str:
        """The id of the flow of a script, which is kept as script.

        Args:
            code: the script.
            name: name of the file.
            **options: as for `Client.register`.
        """
        from prefect.storage import Local
        from prefect.utilities.storage import extract_flow_from_file

        path = self.folder / f"{name}.py"
        path.write_text(textwrap.dedent(code))
        flow = extract_flow_from_file(str(path))
        flow.storage = Local(
            path=str(path), stored_as_script=True, directory=str(self.folder), add_default_labels=False
        )
        flow.storage.add_flow(flow)
        return self.client.register(flow, self.project, no_url=True, **options)

    def create(self, flow_id: str, **options: Any) -> str:
        """The id of a new run."""
        return self.client.create_flow_run(flow_id=flow_id, **options)

    def submit(self, run_id: str) -> None:
        """Take a run, as an agent does."""
        self.client.set_flow_run_state(run_id, Submitted("taken", state=self.state(run_id)))

    def finish_task(self, run_id: str, slug: str, state: State) -> None:
        """Set the state of a task run, as the process that ran it did."""
        task_id = self.rows(
            "query($id: uuid!, $slug: String!) { task(where: { slug: { _eq: $slug }, "
            "flow: { flow_runs: { id: { _eq: $id } } } }) { id } }",
            id=run_id,
            slug=slug,
        )["task"][0]["id"]
        task_run = self.client.get_task_run_info(run_id, task_id)
        self.client.set_task_run_state(task_run.id, state, version=task_run.version)

    def start(self, run_id: str, url: str | None = None, **env: str) -> subprocess.Popen[bytes]:
        """A process that runs a flow run; its output goes to the file `<id>.log`."""
        with (self.folder / f"{run_id}.log").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "prefect", "execute", "flow-run"],
                env={
                    **os.environ,
                    "PREFECT__CLOUD__API": url or self.url,
                    "PREFECT__CONTEXT__FLOW_RUN_ID": run_id,
                    "PREFECT__HOME_DIR": str(self.folder / "home"),
                    "PREFECT__CLOUD__LOGGING_HEARTBEAT": "0.5",
                    **env,
                },
                stdout=output,
                stderr=output,
            )
        self.processes.append(process)
        return process

    def run(self, run_id: str, **env: str) -> State:
        """Run a flow run to its end, or until its process leaves it; its state then."""
        self.start(run_id, **env).wait(120)
        return self.state(run_id)

    # -- what the API says ------------------------------------------------------------

    def state(self, run_id: str) -> State:
        return self.client.get_flow_run_state(run_id)

    def rows(self, document: str, **variables: Any) -> Any:
        """The data of an answer, as plain JSON."""
        return self.client.graphql(document, variables=variables).to_dict()["data"]

    def task_runs(self, run_id: str) -> dict[str, str]:
        """`{slug or slug[index]: name of the state}` of a run."""
        found = self.rows(
            "query($id: uuid!) { task_run(where: { flow_run_id: { _eq: $id } }) "
            "{ map_index state task { slug } } }",
            id=run_id,
        )["task_run"]
        return {
            run["task"]["slug"] + (f"[{run['map_index']}]" if run["map_index"] >= 0 else ""): run["state"]
            for run in found
        }

    def history(self, run_id: str) -> list[str]:
        """Names of the states a run has been in, oldest first."""
        states = FlowRunView.from_flow_run_id(run_id).states
        return [type(state).__name__ for state in states]

    def logs(self, run_id: str) -> list[str]:
        """The lines of a run's log, oldest first."""
        found = self.rows(
            "query($id: uuid!) { log(where: { flow_run_id: { _eq: $id } }, "
            "order_by: [{ timestamp: asc }, { sequence: asc }]) { message } }",
            id=run_id,
        )["log"]
        return [line["message"] for line in found]

    def output(self, run_id: str) -> str:
        """What the processes of a run have written."""
        return (self.folder / f"{run_id}.log").read_text(errors="replace")

    def until(self, holds: Callable[[], Any], timeout_s: float = 60, run_id: str | None = None) -> float:
        """Wait until something holds that other processes bring about; the seconds it took."""
        began = time.monotonic()
        while not holds():
            assert time.monotonic() - began < timeout_s, self.output(run_id)[-3000:] if run_id else "too late"
            time.sleep(0.05)
        return time.monotonic() - began

    def until_task(self, run_id: str, name: str, state: str = "Running") -> float:
        """Wait until a task run is in a state; the seconds it took."""
        return self.until(lambda: self.task_runs(run_id).get(name) == state, run_id=run_id)

    def heartbeats(self) -> list[int]:
        """Processes of this test that send heartbeats."""
        return [
            process.pid
            for process in psutil.process_iter(["cmdline"])
            if any(word.endswith("_beat.py") for word in process.info["cmdline"] or ())
            and _environment_of(process.pid).get("PREFECT__HOME_DIR") == str(self.folder / "home")
        ]


def _environment_of(pid: int) -> Mapping[str, str]:
    try:
        data = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return {}
    return dict(item.split("=", 1) for item in data.decode(errors="replace").split("\0") if "=" in item)


@contextlib.contextmanager
def runs_at(url: str, folder: Path) -> Generator[Runs]:
    """Flow runs of a server, which is the configured one meanwhile; no process outlives the block."""
    with set_temporary_config({"cloud.api": url}):
        runs = Runs(url, folder)
        try:
            yield runs
        finally:
            for process in runs.processes:
                if process.poll() is None:
                    process.send_signal(signal.SIGKILL)
                process.wait()
