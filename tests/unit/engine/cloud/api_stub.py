"""An API in memory: just what runners and clients ask, with the replies of the wire protocol."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any


class Reply:
    def __init__(self, body: Any, status_code: int = 200) -> None:
        self.status_code = status_code
        self.text = json.dumps(body)

    def json(self) -> Any:
        return json.loads(self.text)

    def raise_for_status(self) -> None:
        assert self.status_code < 400, self.text


class MemoryApi:
    """One flow run of one flow; task runs are made on demand. A `Transport`."""

    def __init__(self, slugs: dict[str, str], parameters: dict[str, Any] | None = None) -> None:
        self.task_ids = {slug: str(uuid.uuid4()) for slug in slugs}
        self.flow_run: dict[str, Any] = self._run() | {
            "id": str(uuid.uuid4()),
            "name": "brave-otter",
            "flow_id": str(uuid.uuid4()),
            "parameters": parameters or {},
            "context": {},
            "scheduled_start_time": "2030-01-01T00:00:00.000000+00:00",
        }
        self.task_runs: dict[tuple[str, int], dict[str, Any]] = {}
        for task_id in self.task_ids.values():
            self.task_run(task_id, -1)
        self.history: list[tuple[str, str, int | None]] = []
        self.requests: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        #: `{state name: [answers]}`, given once each instead of accepting the state.
        self.answers: dict[str, list[Any]] = {}
        self.version = "2022.12.05"

    @staticmethod
    def _run() -> dict[str, Any]:
        return {"version": 1, "serialized_state": {"type": "Pending", "message": "made"}}

    def task_run(self, task_id: str, map_index: int) -> dict[str, Any]:
        key = (task_id, map_index)
        if key not in self.task_runs:
            slug = next(slug for slug, known in self.task_ids.items() if known == task_id)
            self.task_runs[key] = self._run() | {
                "id": str(uuid.uuid4()),
                "map_index": map_index,
                "task": {"id": task_id, "slug": slug},
            }
        return self.task_runs[key]

    def send(
        self, method: str, url: str, *, headers: Any, json: Any, timeout_s: float, params: Any = None
    ) -> Reply:
        del method, url, params, timeout_s
        self.headers.append(headers)
        self.requests.append(json)
        variables = __import__("json").loads(json["variables"]) or {}
        names = re.findall(r"\b([a-z_]+)\s*[({]", json["query"])
        field = next(name for name in names if name not in ("query", "mutation"))
        answer = getattr(self, f"do_{field}")(variables)
        return Reply(answer if "errors" in answer or "data" in answer else {"data": {field: answer["of"]}})

    # -- fields -----------------------------------------------------------------------

    def do_api(self, variables: dict[str, Any]) -> dict[str, Any]:
        """A server of 1.x: it knows no additions to the protocol."""
        del variables
        return {"of": {"version": self.version}}

    def do_flow_run_by_pk(self, variables: dict[str, Any]) -> dict[str, Any]:
        if variables["id"] != self.flow_run["id"]:
            return {"of": None}
        runs = [run for run in self.task_runs.values() if run["map_index"] == -1]
        flow = {"project": {"id": "p", "name": "tests"}, "settings": {"heartbeat_enabled": True}}
        return {"of": self.flow_run | {"task_runs": runs, "flow": flow}}

    def do_get_or_create_task_run_info(self, variables: dict[str, Any]) -> dict[str, Any]:
        value = variables["input"]
        return {"of": self.task_run(value["task_id"], value["map_index"])}

    def do_set_flow_run_states(self, variables: dict[str, Any]) -> dict[str, Any]:
        [entry] = variables["input"]["states"]
        return self._set([(self.flow_run, entry, "flow")])

    def do_set_task_run_states(self, variables: dict[str, Any]) -> dict[str, Any]:
        sent: list[tuple[dict[str, Any], dict[str, Any], str]] = []
        for entry in variables["input"]["states"]:
            run = next(run for run in self.task_runs.values() if run["id"] == entry["task_run_id"])
            index = run["map_index"]
            name = run["task"]["slug"] if index < 0 else f"{run['task']['slug']}[{index}]"
            sent.append((run, entry, name))
        return self._set(sent)

    def _set(self, sent: list[tuple[dict[str, Any], dict[str, Any], str]]) -> dict[str, Any]:
        """All states, or none of them if an answer is prepared for one."""
        for _, entry, name in sent:
            waiting = self.answers.get(f"{name} {entry['state']['type']}")
            if waiting:
                self.history.append((name, entry["state"]["type"], entry["version"]))
                return waiting.pop(0)
        for run, entry, name in sent:
            self.history.append((name, entry["state"]["type"], entry["version"]))
            run["version"] += 1
            run["serialized_state"] = entry["state"]
        replies = [
            {"id": run["id"], "status": "SUCCESS", "message": None, "version": run["version"]}
            for run, _, _ in sent
        ]
        return {"of": {"states": replies}}

    def do_update_flow_run_heartbeat(self, variables: dict[str, Any]) -> dict[str, Any]:
        del variables
        return {"of": {"success": True}}

    def do_task_run(self, variables: dict[str, Any]) -> dict[str, Any]:
        del variables
        return {"of": []}

    def do_get_task_run_info(self, variables: dict[str, Any]) -> dict[str, Any]:
        return {"of": next(run for run in self.task_runs.values() if run["id"] == variables["id"])}

    def do_set_task_run_name(self, variables: dict[str, Any]) -> dict[str, Any]:
        self.history.append(("name", variables["input"]["name"], None))
        return {"of": {"success": True}}

    def do_write_run_logs(self, variables: dict[str, Any]) -> dict[str, Any]:
        del variables
        return {"of": {"success": True}}
