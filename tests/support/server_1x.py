"""The database of a Prefect Server 1.x: tables with the columns and types that its API shows, and something in them.

Column by column it is what the GraphQL API of 1.x tells; the types are those of PostgreSQL that its answers have.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

import psycopg

__all__ = ["TABLES_1X", "OldServer"]

_BASE = "id uuid PRIMARY KEY DEFAULT gen_random_uuid(), created timestamptz NOT NULL DEFAULT now(), updated timestamptz NOT NULL DEFAULT now()"
_TENANT = "tenant_id uuid NOT NULL REFERENCES tenant"
_STATE = (
    "version integer NOT NULL DEFAULT 0, start_time timestamptz, end_time timestamptz, heartbeat timestamptz, "
    "state varchar, state_timestamp timestamptz, state_message varchar, state_result jsonb, "
    "state_start_time timestamptz, serialized_state jsonb, state_id uuid"
)
_HISTORY = (
    "timestamp timestamptz NOT NULL, state varchar NOT NULL, message varchar, result jsonb, start_time timestamptz, "
    "serialized_state jsonb NOT NULL DEFAULT '{}', version integer NOT NULL DEFAULT 0"
)
TABLES_1X = {
    "tenant": f"{_BASE}, name varchar NOT NULL, slug varchar NOT NULL, info jsonb NOT NULL DEFAULT '{{}}', settings jsonb NOT NULL DEFAULT '{{}}'",
    "project": f"{_BASE}, {_TENANT}, name varchar NOT NULL, description varchar",
    "flow_group": f"{_BASE}, {_TENANT}, name varchar, description varchar, labels jsonb, schedule jsonb, settings jsonb NOT NULL DEFAULT '{{}}', default_parameters jsonb NOT NULL DEFAULT '{{}}', run_config jsonb",
    "flow": f"{_BASE}, {_TENANT}, project_id uuid REFERENCES project, flow_group_id uuid REFERENCES flow_group, version_group_id varchar, name varchar NOT NULL, version integer, archived boolean NOT NULL DEFAULT false, description varchar, core_version varchar, serialized_flow jsonb, parameters jsonb NOT NULL DEFAULT '[]', storage jsonb, run_config jsonb, environment jsonb, schedule jsonb, is_schedule_active boolean NOT NULL DEFAULT false",
    "task": f"{_BASE}, {_TENANT}, flow_id uuid NOT NULL REFERENCES flow, name varchar, slug varchar, description varchar, type varchar, max_retries integer, retry_delay interval, trigger varchar, tags jsonb NOT NULL DEFAULT '[]', mapped boolean NOT NULL DEFAULT false, auto_generated boolean NOT NULL DEFAULT false, cache_key varchar, is_reference_task boolean NOT NULL DEFAULT false, is_root_task boolean NOT NULL DEFAULT false, is_terminal_task boolean NOT NULL DEFAULT false",
    "edge": f"{_BASE}, {_TENANT}, flow_id uuid NOT NULL REFERENCES flow, upstream_task_id uuid NOT NULL REFERENCES task, downstream_task_id uuid NOT NULL REFERENCES task, key varchar, mapped boolean NOT NULL DEFAULT false",
    "agent": f"{_BASE}, {_TENANT}, type varchar, name varchar, labels jsonb, core_version varchar, last_queried timestamptz",
    "flow_run": f"{_BASE}, {_TENANT}, flow_id uuid NOT NULL REFERENCES flow, name varchar, parameters jsonb DEFAULT '{{}}', context jsonb, labels jsonb NOT NULL DEFAULT '[]', run_config jsonb, scheduled_start_time timestamptz NOT NULL DEFAULT now(), auto_scheduled boolean NOT NULL DEFAULT false, idempotency_key varchar, agent_id uuid REFERENCES agent, times_resurrected integer DEFAULT 0, {_STATE}",
    "task_run": f"{_BASE}, {_TENANT}, flow_run_id uuid NOT NULL REFERENCES flow_run, task_id uuid NOT NULL REFERENCES task, map_index integer NOT NULL DEFAULT -1, name varchar, run_count integer NOT NULL DEFAULT 0, cache_key varchar, {_STATE}",
    "flow_run_state": f"{_BASE}, {_TENANT}, flow_run_id uuid NOT NULL REFERENCES flow_run, {_HISTORY}",
    "task_run_state": f"{_BASE}, {_TENANT}, task_run_id uuid NOT NULL REFERENCES task_run, {_HISTORY}",
    "log": f"{_BASE}, tenant_id uuid REFERENCES tenant, flow_run_id uuid, task_run_id uuid, timestamp timestamptz NOT NULL, name varchar, level varchar, message varchar, info jsonb, is_loaded_from_archive boolean NOT NULL DEFAULT false",
    "task_run_artifact": f"{_BASE}, {_TENANT}, task_run_id uuid NOT NULL REFERENCES task_run, kind varchar NOT NULL, data jsonb NOT NULL DEFAULT '{{}}'",
    "cloud_hook": f"{_BASE}, {_TENANT}, type varchar, name varchar, config jsonb, active boolean",
    "message": f"{_BASE}, {_TENANT}, type varchar, read boolean, text varchar, content jsonb",
}  # fmt: skip


class OldServer:
    """Makes the tables in an empty database, and rows in them.

    Args:
        url: address of the database.
    """

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        for name, columns in TABLES_1X.items():
            self._connection.execute(f"CREATE TABLE {name} ({columns})")  # type: ignore[call-overload]

    def close(self) -> None:
        self._connection.close()

    def count(self, table: str) -> int:
        found = self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # type: ignore[call-overload]
        return found[0]

    def add(self, table: str, **values: Any) -> str:
        """Insert a row; its id."""
        values.setdefault("id", str(uuid.uuid4()))
        packed = {
            key: json.dumps(value) if isinstance(value, dict | list) else value
            for key, value in values.items()
        }
        names, holes = ", ".join(packed), ", ".join(f"%({key})s" for key in packed)
        self._connection.execute(f"INSERT INTO {table} ({names}) VALUES ({holes})", packed)  # type: ignore[call-overload]
        return values["id"]

    def add_flow(
        self, flow: dict[str, Any], tenant_id: str, project_id: str, group_id: str, **more: Any
    ) -> str:
        """A version of a serialized flow, with its tasks and edges; its id."""
        flow_id = self.add(
            "flow",
            tenant_id=tenant_id,
            project_id=project_id,
            flow_group_id=group_id,
            name=flow["name"],
            serialized_flow=flow,
            parameters=flow["parameters"],
            storage=flow.get("storage"),
            run_config=flow.get("run_config"),
            core_version="1.2.4",
            **more,
        )
        ids: dict[str, str] = {}
        for task in flow["tasks"]:
            ids[task["slug"]] = self.add(
                "task",
                tenant_id=tenant_id,
                flow_id=flow_id,
                name=task["name"],
                slug=task["slug"],
                type=task["type"],
                max_retries=2,
                retry_delay="1 day 02:10:00",
                tags=task["tags"],
            )
        for edge in flow["edges"]:
            self.add(
                "edge",
                tenant_id=tenant_id,
                flow_id=flow_id,
                upstream_task_id=ids[edge["upstream_task"]["slug"]],
                downstream_task_id=ids[edge["downstream_task"]["slug"]],
                key=edge["key"],
                mapped=edge["mapped"],
            )
        return flow_id

    def add_run(self, flow_id: str, tenant_id: str, state: str, ended: str | None, **more: Any) -> str:
        """A run of a flow, with a run of each task, their states and two log lines; its id."""
        serialized = {"type": state, "message": f"It is {state}."}
        same: dict[str, Any] = {
            "tenant_id": tenant_id,
            "version": 3,
            "state": state,
            "state_timestamp": ended,
            "state_message": serialized["message"],
            "serialized_state": serialized,
            "start_time": ended,
            "end_time": ended,
        }
        run_id = self.add("flow_run", flow_id=flow_id, **(same | {"name": f"old {state}"} | more))
        moment = ended or "2022-01-01T00:00:00Z"
        history: dict[str, Any] = {
            "tenant_id": tenant_id,
            "timestamp": moment,
            "serialized_state": serialized,
        }
        for version, name in enumerate(("Scheduled", "Running", state), 1):
            self.add("flow_run_state", flow_run_id=run_id, state=name, version=version, **history)
        tasks = self._connection.execute("SELECT id FROM task WHERE flow_id = %s", (flow_id,)).fetchall()
        for (task_id,) in tasks:
            task_run = self.add("task_run", flow_run_id=run_id, task_id=task_id, **same)
            self.add("task_run_state", task_run_id=task_run, state=state, version=1, **history)
            self.add(
                "task_run_artifact",
                tenant_id=tenant_id,
                task_run_id=task_run,
                kind="link",
                data={"href": "x"},
            )
        for number in range(2):
            self.add("log", tenant_id=tenant_id, flow_run_id=run_id, timestamp=moment, name="prefect", level="INFO", message=f"line {number}")  # fmt: skip
        return run_id
