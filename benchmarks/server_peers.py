"""The two servers that are compared, and how each is asked for the same things."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import httpx
from server_process import ServerProcess, free_port

__all__ = ["Ours", "Peer", "Prefect3"]

Response = Callable[[httpx.Response], Any]


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat()


class Peer(Protocol):
    """A server, and requests to it. Each request is built before it is sent: only sending is measured."""

    name: str

    def start(self, directory: Path) -> ServerProcess:
        """Start it with the database in a directory; a new one if there is none."""
        ...

    def prepare(self, client: httpx.Client) -> None:
        """Make the flow that runs are made of."""
        ...

    def create_run(self) -> httpx.Request:
        """The request that makes a flow run."""
        ...

    def run_id(self, reply: httpx.Response) -> str:
        """The id of a run that was made. Raises when it was not."""
        ...

    def set_states(self, run_ids: list[str], state: str) -> list[httpx.Request]:
        """The requests that set a state (`Running` or `Success`) of runs."""
        ...

    def log_lines(self, run_id: str, number: int) -> httpx.Request:
        """The request that writes lines."""
        ...

    def read_runs(self, number: int) -> httpx.Request:
        """The request that reads so many runs, newest first."""
        ...

    def check(self, reply: httpx.Response) -> Any:
        """The content of an answer. Raises when it says no."""
        ...


class _Base:
    def __init__(self, python: str) -> None:
        self.python = python
        self.url = ""

    def _post(self, path: str, content: Any) -> httpx.Request:
        return httpx.Request("POST", self.url + path, json=content)

    @staticmethod
    def _environment(directory: Path) -> dict[str, str]:
        return {"HOME": str(directory), "DO_NOT_TRACK": "1", "PYTHONWARNINGS": "ignore"}


_FLOW = {
    "name": "bench",
    "type": "prefect.core.flow.Flow",
    "parameters": [],
    "tasks": [
        {"name": "one", "slug": "one-1", "type": "prefect.tasks.core.function.FunctionTask", "tags": []}
    ],
    "edges": [],
    "reference_tasks": [],
    "storage": {"type": "Local", "flows": {}, "secrets": [], "__version__": "1.4.1"},
    "run_config": {"type": "UniversalRun", "env": None, "labels": [], "__version__": "1.4.1"},
    "__version__": "1.4.1",
}


class Ours(_Base):
    """This version."""

    name = "this version"

    def start(self, directory: Path) -> ServerProcess:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [self.python, "-m", "prefect", "server", "start", "--hide-welcome"]
        command += ["--data-dir", str(directory), "--port", str(port)]
        return ServerProcess(
            command, self._environment(directory), self.url, "/health", directory / "server.log"
        )

    def _graphql(self, document: str, **variables: Any) -> httpx.Request:
        return self._post("/graphql", {"query": document, "variables": variables})

    def check(self, reply: httpx.Response) -> Any:
        reply.raise_for_status()
        content = reply.json()
        if "errors" in content:
            raise RuntimeError(content["errors"][0]["message"])
        return content["data"]

    def prepare(self, client: httpx.Client) -> None:
        made = self._graphql('mutation { create_project(input: {name: "bench"}) { id } }')
        project_id = self.check(client.send(made))["create_project"]["id"]
        document = "mutation($input: create_flow_input!) { create_flow(input: $input) { id } }"
        made = self._graphql(document, input={"project_id": project_id, "serialized_flow": _FLOW})
        self._flow_id = self.check(client.send(made))["create_flow"]["id"]

    def create_run(self) -> httpx.Request:
        document = "mutation($input: create_flow_run_input!) { create_flow_run(input: $input) { id } }"
        return self._graphql(document, input={"flow_id": self._flow_id, "idempotency_key": uuid.uuid4().hex})

    def run_id(self, reply: httpx.Response) -> str:
        return self.check(reply)["create_flow_run"]["id"]

    def _set(self, entries: list[dict[str, Any]]) -> httpx.Request:
        document = (
            "mutation($input: set_flow_run_states_input!) "
            "{ set_flow_run_states(input: $input) { states { id status message } } }"
        )
        return self._graphql(document, input={"states": entries})

    @staticmethod
    def _state(run_id: str, state: str) -> dict[str, Any]:
        full = {"type": state, "message": state, "context": {}, "cached_inputs": {}, "__version__": "1.4.1"}
        return {"flow_run_id": run_id, "state": {**full, "_result": {"type": "NoResultType"}}}

    def set_states(self, run_ids: list[str], state: str) -> list[httpx.Request]:
        return [self._set([self._state(run_id, state)]) for run_id in run_ids]

    def set_states_at_once(self, run_ids: list[str], state: str) -> httpx.Request:
        """The one request that sets a state of many runs."""
        return self._set([self._state(run_id, state) for run_id in run_ids])

    def log_lines(self, run_id: str, number: int) -> httpx.Request:
        document = "mutation($input: write_run_logs_input!) { write_run_logs(input: $input) { success } }"
        lines = [
            {
                "flow_run_id": run_id,
                "task_run_id": None,
                "timestamp": _now(),
                "name": "prefect.bench",
                "level": "INFO",
                "message": f"line {index} of {number}: something has happened that is worth a line",
                "info": {},
            }
            for index in range(number)
        ]
        return self._graphql(document, input={"logs": lines})

    def read_runs(self, number: int) -> httpx.Request:
        document = (
            f"{{ flow_run(limit: {number}, order_by: {{created: desc}}) {{ id name flow_id version parameters "
            "labels scheduled_start_time start_time end_time state state_message state_timestamp created updated "
            "serialized_state flow { id name } } }"
        )
        return self._graphql(document)


class Prefect3(_Base):
    """Prefect 3, with its own API."""

    name = "prefect 3"

    def start(self, directory: Path) -> ServerProcess:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        prefect = str(Path(self.python).with_name("prefect"))
        environment = {
            **self._environment(directory),
            "PREFECT_HOME": str(directory),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_API_URL": f"{self.url}/api",
        }
        command = [prefect, "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        return ServerProcess(command, environment, self.url, "/api/health", directory / "server.log")

    def check(self, reply: httpx.Response) -> Any:
        reply.raise_for_status()
        return reply.json() if reply.content else None

    def prepare(self, client: httpx.Client) -> None:
        self._flow_id = self.check(client.send(self._post("/api/flows/", {"name": "bench"})))["id"]

    def create_run(self) -> httpx.Request:
        content = {"flow_id": self._flow_id, "state": {"type": "SCHEDULED"}, "parameters": {}}
        return self._post("/api/flow_runs/", {**content, "idempotency_key": uuid.uuid4().hex})

    def run_id(self, reply: httpx.Response) -> str:
        return self.check(reply)["id"]

    def set_states(self, run_ids: list[str], state: str) -> list[httpx.Request]:
        kind = {"Running": "RUNNING", "Success": "COMPLETED"}[state]
        content = {"state": {"type": kind, "message": state}, "force": False}
        return [self._post(f"/api/flow_runs/{run_id}/set_state", content) for run_id in run_ids]

    def log_lines(self, run_id: str, number: int) -> httpx.Request:
        lines = [
            {
                "flow_run_id": run_id,
                "timestamp": _now(),
                "name": "prefect.bench",
                "level": 20,
                "message": f"line {index} of {number}: something has happened that is worth a line",
            }
            for index in range(number)
        ]
        return self._post("/api/logs/", lines)

    def read_runs(self, number: int) -> httpx.Request:
        return self._post("/api/flow_runs/filter", {"limit": number, "sort": "EXPECTED_START_TIME_DESC"})
