"""The unmodified client of 1.4.1 does with this server what it did with its own.

In `cloud` mode with a key everything; in `server` mode without one the same less keys, the KV store
and secrets of the server, which that client refuses by itself. The core of it on PostgreSQL too.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from python_1x import python_1x

from .client_1x import Client  # noqa: TID252

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: A label that no agent has: runs with it wait.
_NOBODY = ("--label", "nobody")


class Pair(NamedTuple):
    """A client and the server it talks to."""

    client: Client
    server: Any
    mode: str


@pytest.fixture(scope="module")
def pairs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, start_server: Any
) -> Iterator[Callable[[str], Pair]]:
    """Makes a client of a mode that is logged in, with a project, registered flows and an agent; once."""
    made: dict[str, Pair] = {}
    with contextlib.ExitStack() as stack:

        def pair_of(mode: str) -> Pair:
            if mode not in made:
                database: tuple[str, ...] = ()
                if mode == "postgresql":
                    cluster = request.getfixturevalue("cluster")
                    database = ("--postgres-url", cluster.create("real_client"))
                place = tmp_path_factory.mktemp(mode)
                made[mode] = stack.enter_context(_pair(mode, place, start_server, database))
            return made[mode]

        yield pair_of


@contextlib.contextmanager
def _pair(mode: str, place: Path, start_server: Any, database: tuple[str, ...]) -> Iterator[Pair]:
    python = python_1x()
    has_keys = mode != "server"
    home = place / "home"
    home.mkdir()
    shutil.copy(Path(__file__).with_name("flows_1x.py"), home / "flows_1x.py")
    with start_server(place / "server", *database, requires_keys=has_keys) as server:
        environment = {
            "PREFECT__BACKEND": "cloud" if has_keys else "server",
            "PREFECT__CLOUD__ENDPOINT" if has_keys else "PREFECT__SERVER__ENDPOINT": server.url,
            # Both ways that client has: a process beside each run, and a thread in it.
            "PREFECT__CLOUD__HEARTBEAT_MODE": "process" if mode == "server" else "thread",
        }
        client = Client(python, home, environment)
        try:
            if has_keys:
                assert "Logged in" in client.process("auth", "login", "--key", server.key)
            assert "demo created" in client("create", "project", "demo")
            registered = client("register", "--project", "demo", "--path", "flows_1x.py", "--force")
            assert "Error" not in registered
            with client.agent():
                yield Pair(client, server, mode)
        finally:
            client.close()
            (home / "transcript.txt").write_text("\n\n".join(client.transcript))


@pytest.fixture(params=["cloud", "server"])
def pair(request: pytest.FixtureRequest, pairs: Callable[[str], Pair]) -> Pair:
    """A client and its server, on SQLite."""
    return pairs(request.param)


@pytest.fixture(params=["cloud", "server", "postgresql"])
def any_pair(request: pytest.FixtureRequest, pairs: Callable[[str], Pair]) -> Pair:
    """A client and its server, on either database."""
    return pairs(request.param)


@pytest.fixture(params=["cloud"])
def cloud(request: pytest.FixtureRequest, pairs: Callable[[str], Pair]) -> Pair:
    """A client with what it refuses in server mode: keys, values and secrets of the server."""
    return pairs(request.param)


@pytest.fixture(params=["server"])
def keyless(request: pytest.FixtureRequest, pairs: Callable[[str], Pair]) -> Pair:
    """A client in server mode."""
    return pairs(request.param)


def run_of(pair: Pair, flow: str, *words: str) -> str:
    """The id of a run of a flow that the client starts."""
    output = pair.client("run", "--name", flow, "--project", "demo", *words)
    found = re.search(r"UUID: (\S+)", output) or re.search(r"flow-run/([0-9a-f-]{36})", output)
    assert found, output
    return found[1]


def state_of(pair: Pair, run_id: str) -> str:
    return pair.server(f'{{flow_run_by_pk(id: "{run_id}") {{state}}}}')["flow_run_by_pk"]["state"]


def finished(pair: Pair, run_id: str) -> str:
    """The final state of a run."""
    data = pair.server.until(
        f'{{flow_run_by_pk(id: "{run_id}") {{state state_message}}}}',
        lambda data: data["flow_run_by_pk"]["state"] in ("Success", "Failed", "Cancelled"),
    )
    return data["flow_run_by_pk"]["state"]


def test_projects_are_made_once_and_listed(pair: Pair) -> None:
    assert "demo" in pair.client("get", "projects")
    assert "demo created" in pair.client("create", "project", "demo")
    assert len(pair.server('{project(where: {name: {_eq: "demo"}}) {id}}')["project"]) == 1


def test_flows_and_tasks_are_listed_and_described(pair: Pair) -> None:
    assert "sums" in pair.client("get", "flows", "--name", "sums")
    assert "inc" in pair.client("get", "tasks", "--name", "inc")
    described = pair.client("describe", "flows", "--name", "sums", "--output", "json")
    assert json.loads(described)["name"] == "sums"
    assert "inc" in pair.client("describe", "tasks", "--name", "sums", "--output", "json")


def test_registering_the_same_flow_again_changes_nothing(pair: Pair) -> None:
    client = pair.client
    client("register", "--project", "demo", "--path", "flows_1x.py", "--name", "flaky")
    assert "Skipped" in client("register", "--project", "demo", "--path", "flows_1x.py", "--name", "flaky")


def test_a_run_without_an_agent_leaves_results_logs_and_artifacts(any_pair: Pair) -> None:
    pair = any_pair
    run_id = run_of(pair, "sums", "--execute", "--param", "n=4", "--run-name", "listed")
    data = pair.server(
        f'{{flow_run_by_pk(id: "{run_id}") {{state parameters logs{{message}} '
        "task_runs(order_by: {map_index: asc}) {state map_index task{name} "
        "artifacts(order_by: {created: asc}) {kind data}}}}"
    )["flow_run_by_pk"]
    assert data["state"] == "Success"
    assert data["parameters"] == {"n": 4}
    incs = [run for run in data["task_runs"] if run["task"]["name"] == "inc"]
    assert sorted(run["map_index"] for run in incs) == [-1, 0, 1, 2, 3]
    assert {run["state"] for run in data["task_runs"]} == {"Success", "Mapped"}
    assert {f"inc of {n}" for n in range(4)} <= {line["message"] for line in data["logs"]}
    assert [artifact for run in data["task_runs"] for artifact in run["artifacts"]] == [
        {"kind": "markdown", "data": {"markdown": "# total: 10"}},
        {"kind": "link", "data": {"link": "https://example.org/total"}},
    ]

    client = pair.client
    assert "listed" in client("get", "flow-runs", "--flow", "sums")
    assert "inc of 0" in client("get", "logs", "--id", run_id)
    described = client("describe", "flow-runs", "--name", "listed", "--output", "json")
    assert json.loads(described)["name"] == "listed"


def test_a_failing_task_is_retried(pair: Pair) -> None:
    run_id = run_of(pair, "flaky", "--execute")
    states = pair.server(
        f'{{task_run_state(where: {{task_run: {{flow_run_id: {{_eq: "{run_id}"}}}}}}, order_by: {{version: asc}})'
        "{state}}"
    )["task_run_state"]
    assert [row["state"] for row in states] == [
        "Pending",
        "Running",
        "Failed",
        "Retrying",
        "Running",
        "Success",
    ]
    assert state_of(pair, run_id) == "Success"


def test_an_agent_takes_runs_that_are_watched(any_pair: Pair) -> None:
    output = any_pair.client("run", "--name", "sums", "--project", "demo", "--watch", "--param", "n=1")
    assert "Flow run succeeded!" in output


def test_a_flow_runs_another_one(pair: Pair) -> None:
    run_id = run_of(pair, "parent")
    assert finished(pair, run_id) == "Success"
    children = pair.server(
        f'{{flow_run(where: {{parent_task_run: {{flow_run_id: {{_eq: "{run_id}"}}}}}}) {{state flow{{name}}}}}}'
    )["flow_run"]
    assert children == [{"state": "Success", "flow": {"name": "sums"}}]


def test_a_schedule_makes_runs_and_an_agent_runs_them(pair: Pair) -> None:
    client, server = pair.client, pair.server
    client("register", "--project", "demo", "--path", "flows_1x.py", "--name", "scheduled", "--force")
    flow = '{flow(where: {name: {_eq: "scheduled"}, archived: {_eq: false}}) {id is_schedule_active flow_runs{id}}}'
    data = server.until(flow, lambda data: len(data["flow"][0]["flow_runs"]) >= 10, 10)
    assert data["flow"][0]["is_schedule_active"]
    server.until(
        '{flow_run(where: {flow: {name: {_eq: "scheduled"}}, state: {_eq: "Success"}, auto_scheduled: {_eq: true}}) {id}}',
        lambda data: data["flow_run"],
    )
    server(f'mutation {{set_schedule_inactive(input: {{flow_id: "{data["flow"][0]["id"]}"}}) {{success}}}}')
    left = server('{flow_run(where: {flow: {name: {_eq: "scheduled"}}, state: {_eq: "Scheduled"}}) {id}}')
    assert left["flow_run"] == []


def test_a_running_flow_is_cancelled(any_pair: Pair) -> None:
    pair = any_pair
    client, server = pair.client, pair.server
    run_id = run_of(pair, "slow")
    server.until(
        f'{{task_run(where: {{flow_run_id: {{_eq: "{run_id}"}}}}) {{state}}}}',
        lambda data: [row["state"] for row in data["task_run"]] == ["Running"],
    )
    answer = client.code(f"from prefect import Client\nprint(Client().cancel_flow_run({run_id!r}))")
    assert "Cancelling" in answer
    started = time.monotonic()
    assert finished(pair, run_id) == "Cancelled"
    assert time.monotonic() - started < 55, "the deadline did it, and not the client"
    rows = server(f'{{task_run(where: {{flow_run_id: {{_eq: "{run_id}"}}}}) {{state}}}}')["task_run"]
    assert rows == [{"state": "Cancelled"}]


def test_a_scheduled_run_is_cancelled_at_once(pair: Pair) -> None:
    run_id = run_of(pair, "slow", *_NOBODY)
    pair.client.code(f"from prefect import Client\nClient().cancel_flow_run({run_id!r})")
    assert state_of(pair, run_id) == "Cancelled"


def test_a_task_tag_limit_holds_and_queued_runs_go_on(pair: Pair) -> None:
    client, server = pair.client, pair.server
    client.code("from prefect import Client\nClient().update_task_tag_limit('db', 1)")
    assert "1" in client.code("from prefect import Client\nprint(Client().get_task_tag_limit('db'))")
    holder = run_of(pair, "tagged", *_NOBODY)
    set_state(pair, "flow", holder, "Running")
    task_runs = '{task_run(where: {flow_run_id: {_eq: "%s"}}, order_by: {id: asc}) {id state}}'
    held = server(task_runs % holder)["task_run"][0]["id"]
    assert set_state(pair, "task", held, "Running") == "SUCCESS"
    run_id = run_of(pair, "tagged")
    server.until(task_runs % run_id, lambda data: "Queued" in {row["state"] for row in data["task_run"]})
    assert "Running" not in {row["state"] for row in server(task_runs % run_id)["task_run"]}
    set_state(pair, "task", held, "Success")
    assert finished(pair, run_id) == "Success"


def set_state(pair: Pair, kind: str, run_id: str, type: str) -> str:
    """The answer to a state that the test sets."""
    name = f"set_{kind}_run_states"
    document = f"mutation($input: {name}_input!) {{{name}(input: $input) {{states {{status}}}}}}"
    entry = {f"{kind}_run_id": run_id, "state": {"type": type}}
    return pair.server(document, {"input": {"states": [entry]}})[name]["states"][0]["status"]


def test_keys_are_listed_made_and_revoked(cloud: Pair) -> None:
    client = cloud.client
    assert "first key" in client("auth", "list-keys")
    key = client("auth", "create-key", "--name", "another", "--quiet").strip().splitlines()[-1]
    listed = client("auth", "list-keys")
    assert "another" in listed
    assert "demo" in client("get", "projects", key=key)
    id = next(_UUID.search(line)[0] for line in listed.splitlines() if "another" in line)  # type: ignore[index]
    client("auth", "revoke-key", "--id", id)
    assert "UNAUTHENTICATED" in client("get", "projects", key=key, fails=True)
    assert "default" in client("auth", "list-tenants")
    assert "Tenant switched" in client("auth", "switch-tenants", "--slug", "default")
    assert "Unauthorized" in client("auth", "login", "--key", "wrong", fails=True)


def test_values_and_secrets_reach_a_run(cloud: Pair) -> None:
    client = cloud.client
    client("kv", "set", "greeting", "hello")
    assert "hello" in client("kv", "get", "greeting")
    client.code("from prefect import Client\nClient().set_secret('TOKEN', {'password': 'hunter2'})")
    assert finished(cloud, run_of(cloud, "values")) == "Success"
    assert "greeting" in client("kv", "list")
    client("kv", "delete", "greeting")
    assert "greeting" not in client("kv", "list")


def test_values_are_refused_by_the_client_itself_in_server_mode(keyless: Pair) -> None:
    assert "only supported while using Prefect Cloud" in keyless.client("kv", "list", fails=True)


def test_a_deleted_project_takes_its_flows_with_it(pair: Pair) -> None:
    client = pair.client
    client("create", "project", "short-lived")
    client("register", "--project", "short-lived", "--path", "flows_1x.py", "--name", "sums")
    client("delete", "project", "short-lived")
    flows = pair.server('{flow(where: {project: {name: {_eq: "short-lived"}}}) {id}}')
    assert flows["flow"] == []
