"""The unmodified client of 1.4.1 does with this server what it did with its own.

In `cloud` mode with a key everything; in `server` mode without one the same less keys, the KV store
and secrets of the server, which that client refuses by itself.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from .client_1x import Client, python_1x  # noqa: TID252

pytestmark = pytest.mark.xdist_group("real-client")

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Pair(NamedTuple):
    """A client and the server it talks to."""

    client: Client
    server: Any
    mode: str


@pytest.fixture(scope="module", params=["cloud", "server"])
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, start_server: Any
) -> Iterator[Pair]:
    """A client that is logged in, a project, and registered flows."""
    mode: str = request.param
    python = python_1x()
    home = tmp_path_factory.mktemp(f"home-{mode}")
    shutil.copy(Path(__file__).with_name("flows_1x.py"), home / "flows_1x.py")
    with start_server(tmp_path_factory.mktemp(f"server-{mode}"), requires_keys=mode == "cloud") as server:
        place = "PREFECT__CLOUD__ENDPOINT" if mode == "cloud" else "PREFECT__SERVER__ENDPOINT"
        client = Client(python, home, {"PREFECT__BACKEND": mode, place: server.url})
        try:
            if mode == "cloud":
                assert "Logged in" in client("auth", "login", "--key", server.key)
            assert "demo created" in client("create", "project", "demo")
            registered = client("register", "--project", "demo", "--path", "flows_1x.py", "--force")
            assert "Error" not in registered
            yield Pair(client, server, mode)
        finally:
            (home / "transcript.txt").write_text("\n\n".join(client.transcript))


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


def test_a_run_is_executed_without_an_agent(pair: Pair) -> None:
    run_id = run_of(pair, "sums", "--execute", "--param", "n=4")
    data = pair.server(
        f'{{flow_run_by_pk(id: "{run_id}") {{state parameters logs{{message}} '
        "task_runs(order_by: {map_index: asc}){state map_index task{name} artifacts: id}}}"
    )["flow_run_by_pk"]
    assert data["state"] == "Success"
    assert data["parameters"] == {"n": 4}
    assert sorted(run["map_index"] for run in data["task_runs"] if run["task"]["name"] == "inc") == [
        -1,
        0,
        1,
        2,
        3,
    ]
    assert {run["state"] for run in data["task_runs"]} == {"Success", "Mapped"}
    assert {f"inc of {n}" for n in range(4)} <= {line["message"] for line in data["logs"]}


def test_artifacts_of_a_run_are_kept(pair: Pair) -> None:
    run_id = run_of(pair, "sums", "--execute")
    rows = pair.server(
        f'{{task_run_artifact(where: {{task_run: {{flow_run_id: {{_eq: "{run_id}"}}}}}}, order_by: {{created: asc}})'
        "{kind data}}"
    )["task_run_artifact"]
    assert rows == [
        {"kind": "markdown", "data": {"markdown": "# total: 6"}},
        {"kind": "link", "data": {"link": "https://example.org/total"}},
    ]


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


def test_runs_and_their_logs_are_listed_and_described(pair: Pair) -> None:
    client = pair.client
    run_id = run_of(pair, "sums", "--execute", "--run-name", "listed")
    assert "listed" in client("get", "flow-runs", "--flow", "sums")
    assert "inc of 0" in client("get", "logs", "--id", run_id)
    assert (
        json.loads(client("describe", "flow-runs", "--name", "listed", "--output", "json"))["name"]
        == "listed"
    )


def test_an_agent_takes_runs_that_are_watched(pair: Pair) -> None:
    with pair.client.agent():
        output = pair.client("run", "--name", "sums", "--project", "demo", "--watch", "--param", "n=1")
    assert "Flow run succeeded!" in output


def test_a_flow_runs_another_one(pair: Pair) -> None:
    with pair.client.agent():
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
    data = server.until(flow, lambda data: len(data["flow"][0]["flow_runs"]) == 10, 10)
    assert data["flow"][0]["is_schedule_active"]
    with client.agent():
        server.until(
            '{flow_run(where: {flow: {name: {_eq: "scheduled"}}, state: {_eq: "Success"}, auto_scheduled: {_eq: true}}) {id}}',
            lambda data: data["flow_run"],
        )
    server(f'mutation {{set_schedule_inactive(input: {{flow_id: "{data["flow"][0]["id"]}"}}) {{success}}}}')
    left = server('{flow_run(where: {flow: {name: {_eq: "scheduled"}}, state: {_eq: "Scheduled"}}) {id}}')
    assert left["flow_run"] == []


def test_a_running_flow_is_cancelled(pair: Pair) -> None:
    client, server = pair.client, pair.server
    with client.agent():
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
    run_id = run_of(pair, "slow")
    pair.client.code(f"from prefect import Client\nClient().cancel_flow_run({run_id!r})")
    assert state_of(pair, run_id) == "Cancelled"


def test_a_task_tag_limit_holds_and_queued_runs_go_on(pair: Pair) -> None:
    client, server = pair.client, pair.server
    client.code("from prefect import Client\nClient().update_task_tag_limit('db', 1)")
    assert "1" in client.code("from prefect import Client\nprint(Client().get_task_tag_limit('db'))")
    holder = run_of(pair, "tagged")
    set_state(pair, "flow", holder, "Running")
    task_runs = '{task_run(where: {flow_run_id: {_eq: "%s"}}, order_by: {id: asc}) {id state}}'
    held = server(task_runs % holder)["task_run"][0]["id"]
    assert set_state(pair, "task", held, "Running") == "SUCCESS"
    with client.agent():
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


def test_keys_are_listed_made_and_revoked(pair: Pair) -> None:
    if pair.mode != "cloud":
        pytest.skip("the client has no keys in server mode")
    client = pair.client
    assert "first key" in client("auth", "list-keys")
    key = client("auth", "create-key", "--name", "another", "--quiet").strip().splitlines()[-1]
    assert "another" in client("auth", "list-keys")
    other = Client(client.python, client.home, {**client.environment, "PREFECT__CLOUD__API_KEY": key})
    assert "demo" in other("get", "projects")
    listed = client("auth", "list-keys")
    id = next(_UUID.search(line)[0] for line in listed.splitlines() if "another" in line)  # type: ignore[index]
    client("auth", "revoke-key", "--id", id)
    assert "UNAUTHENTICATED" in other("get", "projects", fails=True)
    assert "default" in client("auth", "list-tenants")
    assert "Tenant switched" in client("auth", "switch-tenants", "--slug", "default")
    assert "Unauthorized" in client("auth", "login", "--key", "wrong", fails=True)


def test_values_and_secrets_reach_a_run(pair: Pair) -> None:
    if pair.mode != "cloud":
        pytest.skip("the client has no values and secrets of the server in server mode")
    client = pair.client
    client("kv", "set", "greeting", "hello")
    assert "hello" in client("kv", "get", "greeting")
    client.code("from prefect import Client\nClient().set_secret('TOKEN', {'password': 'hunter2'})")
    with client.agent():
        assert finished(pair, run_of(pair, "values")) == "Success"
    assert "greeting" in client("kv", "list")
    client("kv", "delete", "greeting")
    assert "greeting" not in client("kv", "list")


def test_a_deleted_project_takes_its_flows_with_it(pair: Pair) -> None:
    client = pair.client
    client("create", "project", "short-lived")
    client("register", "--project", "short-lived", "--path", "flows_1x.py", "--name", "sums")
    client("delete", "project", "short-lived")
    flows = pair.server('{flow(where: {project: {name: {_eq: "short-lived"}}}) {id}}')
    assert flows["flow"] == []
