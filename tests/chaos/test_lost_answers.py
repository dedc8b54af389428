"""An answer that is lost after the commit: the client sends the request again, and nothing is done twice."""

from __future__ import annotations

import http.client
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from live_flow import make_runs, register_flow, serialized_flow
from live_server import Connection, Server
from lossy_proxy import lossy_proxy

from prefect.server.database.tables import TABLES
from scoreboard import record

RUN, TASK = "flow_run_id", "task_run_id"


def lines(run_id: str) -> list[dict[str, Any]]:
    """A batch of log lines, two of which are the same."""
    line = {
        RUN: run_id, "timestamp": "2030-01-02T03:04:05.678901+00:00", "name": "prefect", "level": "INFO",
        "message": "hello",
    }  # fmt: skip
    return [line, line, {**line, "message": "world"}]


class Site:
    """What there is to change on a server, and how each change is asked for."""

    def __init__(self, connection: Connection) -> None:
        self.flow = register_flow(connection, tasks=2)
        self.run, self.other, self.third = make_runs(connection, self.flow, 3)
        where = f'{{flow_run_id: {{_eq: "{self.run}"}}}}'
        rows = connection.ask(f"{{ task_run(where: {where}) {{ id task_id }} }}").data["task_run"]
        self.task_run, self.task = rows[0]["id"], rows[0]["task_id"]
        found = connection.ask(f'{{ flow_by_pk(id: "{self.flow}") {{ project_id flow_group_id }} }}').data
        self.project, self.group = found["flow_by_pk"]["project_id"], found["flow_by_pk"]["flow_group_id"]

    def changes(self) -> list[tuple[str, str, dict[str, Any]]]:
        """`(mutation, what is selected, input)` of what runners, agents and commands send by themselves."""
        key = str(uuid.uuid4())
        running = {"type": "Running", "message": "here"}
        flow = serialized_flow("registered", 2)
        return [
            ("create_flow_run", "id", {"flow_id": self.flow, "idempotency_key": key}),
            ("create_flow", "id", {"project_id": self.project, "serialized_flow": flow, "idempotency_key": key}),
            ("create_project", "id", {"name": "asked for twice"}),
            ("write_run_logs", "success", {"logs": lines(self.run)}),
            ("set_flow_run_states", "states { id version }", {"states": [
                {RUN: self.run, "state": running, "version": 1, "epoch": 0}]}),
            ("set_flow_run_states", "states { id }", {"states": [{RUN: self.other, "state": {"type": "Submitted"}}]}),
            ("set_task_run_states", "states { id version }", {"states": [
                {TASK: self.task_run, "state": running, "version": 1, "epoch": 0}]}),
            ("update_flow_run_heartbeat", "success", {RUN: self.run}),
            ("update_task_run_heartbeat", "success", {TASK: self.task_run}),
            ("get_or_create_task_run", "id", {RUN: self.run, "task_id": self.task, "map_index": 3}),
            ("get_runs_in_queue", "flow_run_ids", {"lease_s": 30}),
            ("set_key_value", "id", {"key": "k", "value": 7}),
            ("set_secret", "success", {"name": "s", "value": "v"}),
            ("set_schedule_active", "success", {"flow_id": self.flow}),
            ("set_flow_run_name", "success", {RUN: self.run, "name": "new"}),
            ("update_task_tag_limit", "id", {"tag": "t", "limit": 3}),
            ("update_flow_concurrency_limit", "id", {"label": "l", "limit": 3}),
            ("cancel_flow_run", "state", {RUN: self.run}),
            ("cancel_flow_run", "state", {RUN: self.third}),
            ("archive_flow", "success", {"flow_id": self.flow}),
            ("delete_flow_run", "success", {RUN: self.third}),
        ]  # fmt: skip


#: Errors that say that it was done before, by which the client knows.
DONE_BEFORE = ("Uniqueness violation.", "State update failed", "was not found", "already been submitted")


def counts(server: Server) -> dict[str, int]:
    """How many rows each table has."""
    each = (f"SELECT '{name}', count(*) FROM \"{name}\"" for name in TABLES)
    return dict(server.database.rows(" UNION ALL ".join(each)))


def lose_answers(server: Server) -> list[str]:
    """Problems of all changes whose first answer is lost."""
    problems: list[str] = []
    direct = server.connect()
    site = Site(direct)
    with lossy_proxy(server.port) as proxy:
        connection = Connection(proxy.port)
        for change in site.changes():
            name, selection, values = change
            before = counts(server)
            proxy.is_losing = True
            with pytest.raises((OSError, http.client.HTTPException)):
                connection.mutate(name, selection, **values)
            proxy.is_losing = False
            once = counts(server)
            answer = connection.mutate(name, selection, **values)
            twice = counts(server)
            if once != twice:
                grown = {table: twice[table] - once[table] for table in TABLES if once[table] != twice[table]}
                problems.append(f"{name}: {grown} rows more after it was sent again")
            if name.startswith("create") and once == before:
                problems.append(f"{name}: nothing was made")
            if answer.code is not None and not any(text in answer.message for text in DONE_BEFORE):
                problems.append(f"{name}: {answer.code} {answer.message}")
        connection.close()
    direct.close()
    return problems


def test_f21_requests_that_are_sent_again_change_nothing_more(start: Callable[..., Server]) -> None:
    server = start()
    problems = lose_answers(server)
    for table in ("flow_run", "task_run"):
        sql = f"SELECT r.id FROM {table} r WHERE r.version <> (SELECT max(s.version) FROM {table}_state s WHERE s.{table}_id = r.id)"
        problems += [
            f"{table} {row[0]} is not at the version of its states" for row in server.database.rows(sql)
        ]
    found = server.database.rows("SELECT count(*) FROM log WHERE message IN ('hello', 'world')")[0][0]
    problems += [] if found == 3 else [f"{found} log lines of 3"]
    record("F21", server.database.backend, None, "a request sent again changes no row and gets a known answer", {
        "problems": len(problems), "mutations": 21, "log lines": found,
    })  # fmt: skip
    assert problems == []


FORGETFUL = """
    import os, types
    from prefect.server.domain import logs

    class Random:
        def __init__(self, text, digest_size):
            self.size = digest_size
        def hexdigest(self):
            return os.urandom(self.size).hex()

    logs.hashlib = types.SimpleNamespace(blake2b=Random)
"""


def test_f21_notices_log_lines_that_are_written_twice(start: Callable[..., Server]) -> None:
    assert any("log" in problem for problem in lose_answers(start(broken=FORGETFUL)))
