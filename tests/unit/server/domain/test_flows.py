"""Flows are registered, in one piece or in parts, and archived, moved and deleted."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from prefect.server.domain import policy, serialized_flows
from prefect.server.errors import BadInputError
from prefect.server.limits import Limits


def _packed(value: Any) -> str:
    return base64.b64encode(gzip.compress(json.dumps(value).encode(), mtime=0)).decode()


def test_a_compressed_flow_is_registered_with_its_tasks_and_edges(
    api: Any, flow_json: Any, task_json: Any
) -> None:
    flow = flow_json(
        name="etl",
        parameters=[{"name": "n", "slug": "n", "default": 1, "required": False}],
        schedule=None,
        description="from the flow",
    )
    flow["tasks"][0] = task_json(
        "a", tags=["y", "x"], max_retries=3, retry_delay=90.5, cache_key="ck", auto_generated=True
    )

    flow_id = api.mutate(
        "create_flow_from_compressed_string",
        project_id=api.project(),
        serialized_flow=_packed(flow),
        set_schedule_active=False,
        version_group_id=None,
    )["id"]

    row = api.row(
        "flow",
        flow_id,
        "name version archived parameters storage run_config environment core_version serialized_flow settings "
        "description is_schedule_active flow_group { settings labels default_parameters name } version_group_id "
        "tasks(order_by: {slug: asc}) { slug type tags max_retries retry_delay trigger mapped cache_key "
        "auto_generated is_root_task is_terminal_task is_reference_task } "
        "edges(order_by: {key: asc}) { key mapped upstream_task { slug } downstream_task { slug } }",
    )
    assert (row["name"], row["version"], row["archived"], row["core_version"]) == ("etl", 1, False, "1.4.1")
    assert row["serialized_flow"] == flow
    assert row["parameters"] == flow["parameters"]
    assert row["storage"] == flow["storage"]
    assert row["run_config"] == flow["run_config"]
    assert row["environment"] is None
    assert row["description"] == "from the flow"
    assert row["is_schedule_active"] is False
    assert row["flow_group"]["name"] == row["version_group_id"]
    assert row["flow_group"]["labels"] is None
    assert row["settings"] == row["flow_group"]["settings"]
    assert row["settings"]["heartbeat_enabled"] is True
    assert row["settings"]["lazarus_enabled"] is True
    assert row["settings"]["version_locking_enabled"] is False
    a, b, c = row["tasks"]
    assert a == {
        "slug": "a",
        "type": "prefect.tasks.core.function.FunctionTask",
        "tags": ["x", "y"],
        "max_retries": 3,
        "retry_delay": "00:01:30.500000",
        "trigger": "prefect.triggers.all_successful",
        "mapped": False,
        "cache_key": "ck",
        "auto_generated": True,
        "is_root_task": True,
        "is_terminal_task": False,
        "is_reference_task": False,
    }
    assert (b["mapped"], b["is_root_task"], b["is_terminal_task"]) == (True, False, False)
    assert (c["mapped"], c["is_terminal_task"], c["is_reference_task"]) == (False, True, True)
    assert row["edges"] == [
        {"key": "x", "mapped": True, "upstream_task": {"slug": "a"}, "downstream_task": {"slug": "b"}},
        {"key": None, "mapped": False, "upstream_task": {"slug": "b"}, "downstream_task": {"slug": "c"}},
    ]


def test_reference_tasks_are_those_that_the_flow_names(api: Any) -> None:
    api.flow(reference_tasks=[{"slug": "a"}])

    marked = {row["slug"]: row["is_reference_task"] for row in api.rows("task", "slug is_reference_task")}
    assert marked == {"a": True, "b": False, "c": False}


def test_a_flow_in_parts_equals_one_in_one_piece(api: Any, flow_json: Any) -> None:
    whole = flow_json()
    flow_id = api.flow(tasks=[], edges=[])
    for _ in range(2):  # a client repeats what it got no reply to
        api.mutate("register_tasks", "success", flow_id=flow_id, serialized_tasks=whole["tasks"][:2])
        api.mutate("register_tasks", "success", flow_id=flow_id, serialized_tasks=whole["tasks"][2:])
        api.mutate("register_tasks", "success", flow_id=flow_id, serialized_tasks=[])
        api.mutate("register_edges", "success", flow_id=flow_id, serialized_edges=whole["edges"])

    def tasks(flow_id: str) -> Any:
        where = f'(where: {{flow_id: {{_eq: "{flow_id}"}}}}, order_by: {{slug: asc}})'
        return api.rows("task", "slug mapped is_root_task is_terminal_task is_reference_task", where)

    assert tasks(flow_id) == tasks(api.flow())
    counted = api.row("flow", flow_id, "serialized_flow edges_aggregate { aggregate { count } }")
    assert counted["edges_aggregate"]["aggregate"]["count"] == 2
    assert [task["slug"] for task in counted["serialized_flow"]["tasks"]] == ["a", "b", "c"]


def test_the_json_of_a_flow_is_written_once_however_many_batches_there_are(api: Any, task_json: Any) -> None:
    flow_id = api.flow(tasks=[], edges=[])
    run_id = api.run(flow_id)
    slugs = [f"t{number:04}" for number in range(1_100)]
    changed: list[str] = []
    for start in (0, 500, 1_000, 1_100):
        api.move(1)
        batch = [task_json(slug) for slug in slugs[start : start + 500]]
        for _ in range(2):  # a client repeats what it got no reply to
            api.mutate("register_tasks", "success", flow_id=flow_id, serialized_tasks=batch)
        changed.append(api.row("flow", flow_id, "updated")["updated"])

    assert changed == [changed[0], changed[0], api.at(-1), api.at(-1)]
    serialized = api.row("flow", flow_id, "serialized_flow")["serialized_flow"]
    assert [task["slug"] for task in serialized["tasks"]] == slugs
    assert sorted(api.task_runs(run_id)) == slugs


def test_edges_complete_a_flow_whose_last_batch_of_tasks_was_full(
    api: Any, task_json: Any, edge_json: Any
) -> None:
    flow_id = api.flow(tasks=[], edges=[], reference_tasks=[{"slug": "t0"}])
    tasks = [task_json(f"t{number}") for number in range(500)]
    api.mutate("register_tasks", "success", flow_id=flow_id, serialized_tasks=tasks)
    edges = [edge_json(f"t{number}", "t499") for number in range(499)]
    for start in range(0, 499, 100):
        api.mutate("register_edges", "success", flow_id=flow_id, serialized_edges=edges[start : start + 100])

    row = api.row("flow", flow_id, "serialized_flow edges_aggregate { aggregate { count } }")
    assert len(row["serialized_flow"]["tasks"]) == 500
    assert row["edges_aggregate"]["aggregate"]["count"] == 499
    marks = "slug is_root_task is_terminal_task is_reference_task"
    found = {task["slug"]: list(task.values())[1:] for task in api.rows("task", marks)}
    assert found["t0"] == [True, False, True]
    assert found["t1"] == [True, False, False]
    assert found["t499"] == [False, True, False]


def test_tasks_that_come_after_a_scheduled_run_are_in_the_run(api: Any, task_json: Any) -> None:
    flow_id = api.flow(tasks=[], edges=[])
    run_id = api.run(flow_id)

    api.mutate("register_tasks", "success", flow_id=flow_id, serialized_tasks=[task_json("late")])

    assert list(api.task_runs(run_id)) == ["late"]


def test_edges_of_unknown_tasks_are_refused(api: Any, edge_json: Any, failure: Any) -> None:
    flow_id = api.flow()
    with pytest.raises(failure, match="nowhere") as caught:
        api.mutate("register_edges", "success", flow_id=flow_id, serialized_edges=[edge_json("a", "nowhere")])
    assert caught.value.code == "BAD_USER_INPUT"


def test_two_edges_between_the_same_tasks_are_kept(api: Any, edge_json: Any) -> None:
    api.flow(edges=[edge_json("a", "b", key="x"), edge_json("a", "b", key="y"), edge_json("a", "b")])
    assert sorted(str(row["key"]) for row in api.rows("edge", "key")) == ["None", "x", "y"]


def test_a_flow_of_the_same_name_in_the_project_is_the_next_version(api: Any) -> None:
    project_id = api.project()
    first = api.flow(project_id)
    second = api.flow(project_id)
    elsewhere = api.flow(api.project("elsewhere"))

    columns = "version archived flow_group_id"
    one, two, three = (api.row("flow", flow_id, columns) for flow_id in (first, second, elsewhere))
    assert (one["version"], one["archived"]) == (1, True)
    assert (two["version"], two["archived"]) == (2, False)
    assert one["flow_group_id"] == two["flow_group_id"] != three["flow_group_id"]
    assert three["version"] == 1


def test_a_version_group_makes_versions_of_flows_with_different_names(api: Any, flow_json: Any) -> None:
    project_id = api.project()
    ids = [
        api.mutate(
            "create_flow",
            project_id=project_id,
            serialized_flow=flow_json(name=name),
            version_group_id="group",
        )["id"]
        for name in ("one", "two")
    ]
    assert [api.row("flow", id, "version version_group_id") for id in ids] == [
        {"version": 1, "version_group_id": "group"},
        {"version": 2, "version_group_id": "group"},
    ]


def test_a_known_idempotency_key_gives_the_newest_unarchived_version(api: Any, flow_json: Any) -> None:
    project_id = api.project()

    def register(key: str | None) -> str:
        return api.mutate(
            "create_flow", project_id=project_id, serialized_flow=flow_json(), idempotency_key=key
        )["id"]

    first = register("k1")
    assert register("k1") == first
    assert api.row("flow", first, "archived") == {"archived": False}
    second = register("k2")
    assert second != first
    assert register("k1") not in (first, second), "only the most recent key counts"
    third = register("k3")
    api.mutate("archive_flow", "success", flow_id=third)
    assert register("k3") != third, "an archived flow is not the answer"
    assert register(None) != register(None)


def test_archiving_cancels_what_people_scheduled_and_deletes_what_the_schedule_made(api: Any) -> None:
    flow_id = api.flow()
    waiting, auto, running = api.run(flow_id), api.run(flow_id), api.run(flow_id)
    api.write(
        lambda tx: tx.execute(
            "UPDATE flow_run SET auto_scheduled = :y WHERE id = :id", {"y": True, "id": auto}
        )
    )
    api.set_flow_state(running, "Running")

    api.mutate("archive_flow", "success", flow_id=flow_id)

    assert api.row("flow_run", waiting, "state state_message") == {
        "state": "Cancelled",
        "state_message": f"Flow {flow_id} was archived.",
    }
    assert api.row("flow_run", auto, "state") is None
    assert api.row("flow_run", running, "state") == {"state": "Running"}
    task_runs = api.rows("task_run", "state", f'(where: {{flow_run_id: {{_eq: "{waiting}"}}}})')
    assert {row["state"] for row in task_runs} == {"Cancelled"}


def test_an_archived_flow_does_not_run(api: Any, failure: Any) -> None:
    flow_id = api.flow()
    api.mutate("archive_flow", "success", flow_id=flow_id)
    with pytest.raises(failure, match="is archived"):
        api.run(flow_id)


def test_many_flows_are_registered_in_one_request(api: Any, flow_json: Any, edge_json: Any) -> None:
    project_id = api.project()
    flows = [
        {"project_id": project_id, "serialized_flow": flow_json(name="plain"), "idempotency_key": "k"},
        {"project_id": project_id, "serialized_flow": _packed(flow_json(name="packed"))},
        {"project_id": project_id, "serialized_flow": {"nothing": 1}},
        {"project_id": project_id, "serialized_flow": flow_json(name="bad", edges=[edge_json("a", "z")])},
    ]
    plain, packed, nameless, bad = api.mutate(
        "register_flows", "flows { id is_new version error }", flows=flows
    )["flows"]

    assert (plain["is_new"], plain["version"], plain["error"]) == (True, 1, None)
    assert (packed["is_new"], packed["error"]) == (True, None)
    assert (nameless["id"], bad["id"]) == (None, None)
    assert "has a name" in nameless["error"]
    assert "z" in bad["error"]
    assert sorted(row["name"] for row in api.rows("flow", "name")) == ["packed", "plain"]
    again = api.mutate("register_flows", "flows { id is_new }", flows=flows[:1])["flows"][0]
    assert again == {"id": plain["id"], "is_new": False}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense!", "cannot be unpacked"),
        (base64.b64encode(b"not gzip").decode(), "cannot be unpacked"),
        (base64.b64encode(gzip.compress(b"{}", mtime=0)[:-9]).decode(), "cannot be unpacked"),
        (base64.b64encode(gzip.compress(b"no json", mtime=0)).decode(), "no JSON"),
        (_packed([1]), "is a JSON object"),
        (_packed({"name": "f", "__version__": "0.5.5"}), "0.6.1"),
        (_packed({"name": "f", "tasks": [{"name": "x"}]}), "slug"),
        (_packed({"name": "f", "edges": ["x"]}), "lists of JSON objects"),
        (_packed({"name": "f", "parameters": 1}), "parameters"),
    ],
)
def test_a_flow_that_cannot_be_read_is_refused(text: str, words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        serialized_flows.parse_flow(serialized_flows.unpack(text))


def test_a_flow_that_is_too_large_when_unpacked_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "_current", policy.Policy(limits=Limits(flow_bytes=1000)))
    with pytest.raises(BadInputError, match="larger than"):
        serialized_flows.unpack(base64.b64encode(gzip.compress(b" " * 100_000, mtime=0)).decode())


def test_text_that_databases_refuse_is_kept_readable(api: Any) -> None:
    flow_id = api.flow(name="nul \0 and half \ud800")
    assert api.row("flow", flow_id, "name") == {"name": "nul \ufffd and half \ufffd"}


def test_a_flow_moves_with_its_versions_within_the_tenant(api: Any, other: Any, failure: Any) -> None:
    project_id, target = api.project("one"), api.project("two")
    first, second = api.flow(project_id), api.flow(project_id)

    api.mutate("update_flow_project", flow_id=second, project_id=target)

    assert {api.row("flow", id, "project_id")["project_id"] for id in (first, second)} == {target}
    with pytest.raises(failure, match="was not found"):
        api.mutate("update_flow_project", flow_id=second, project_id=other.project())


def test_deleting_the_last_version_deletes_group_runs_and_logs(api: Any) -> None:
    project_id = api.project()
    first, second = api.flow(project_id), api.flow(project_id)
    run_id = api.run(second)
    api.mutate("write_run_logs", "success", logs=[{"flow_run_id": run_id, "message": "x"}])

    api.mutate("delete_flow", "success", flow_id=second)
    assert api.rows("flow", "id") == [{"id": first}]
    assert api.rows("flow_run", "id") == api.rows("task_run", "id") == api.rows("log", "id") == []
    assert len(api.rows("flow_group", "id")) == 1

    api.mutate("delete_flow", "success", flow_id=first)
    assert api.rows("flow_group", "id") == api.rows("task", "id") == []


def test_a_flow_group_is_deleted_with_all_versions(api: Any) -> None:
    project_id = api.project()
    api.flow(project_id)
    flow_id = api.flow(project_id)
    run_id = api.run(flow_id)
    api.mutate("write_run_logs", "success", logs=[{"flow_run_id": run_id, "message": "x"}])
    group = api.row("flow", flow_id, "flow_group_id")["flow_group_id"]

    api.mutate("delete_flow_group", "success", flow_group_id=group)

    assert api.rows("flow", "id") == api.rows("flow_run", "id") == api.rows("log", "id") == []
