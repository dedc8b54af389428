"""Task runs are found, made, named and read."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def place(api: Any) -> tuple[str, dict[str, str]]:
    """`(flow run, {slug: task})`."""
    flow_id = api.flow()
    run_id = api.run(flow_id)
    return run_id, {row["slug"]: row["id"] for row in api.rows("task", "slug id")}


def test_the_task_run_of_a_task_is_found_and_those_of_children_are_made(
    api: Any, place: tuple[str, dict[str, str]]
) -> None:
    run_id, tasks = place
    selection = "id version state serialized_state"
    whole = api.mutate(
        "get_or_create_task_run_info", selection, flow_run_id=run_id, task_id=tasks["b"], map_index=-1
    )
    child = api.mutate(
        "get_or_create_task_run_info", selection, flow_run_id=run_id, task_id=tasks["b"], map_index=0
    )

    assert whole["id"] == api.task_runs(run_id)["b"]
    assert (child["version"], child["state"], child["serialized_state"]["type"]) == (1, "Pending", "Pending")
    assert child["id"] != whole["id"]
    again = api.mutate("get_or_create_task_run", "id", flow_run_id=run_id, task_id=tasks["b"], map_index=0)
    assert again == {"id": child["id"]}
    assert api.mutate("get_or_create_task_run", flow_run_id=run_id, task_id=tasks["b"]) == {"id": whole["id"]}
    states = api.row("task_run", child["id"], "states { version state }")["states"]
    assert states == [{"version": 1, "state": "Pending"}]


def test_a_child_has_the_cache_key_of_its_task(api: Any, task_json: Any) -> None:
    run_id = api.run(api.flow(tasks=[task_json("a", cache_key="ck")], edges=[]))
    task_id = api.rows("task", "id")[0]["id"]
    child = api.mutate("get_or_create_task_run", flow_run_id=run_id, task_id=task_id, map_index=4)["id"]
    assert {row["cache_key"] for row in api.rows("task_run", "cache_key")} == {"ck"}
    assert api.row("task_run", child, "map_index") == {"map_index": 4}


def test_a_task_of_another_flow_is_not_found(
    api: Any, place: tuple[str, dict[str, str]], failure: Any
) -> None:
    run_id, tasks = place
    other_run = api.run(api.flow())
    with pytest.raises(failure, match="not found") as caught:
        api.mutate("get_or_create_task_run", flow_run_id=other_run, task_id=tasks["a"], map_index=1)
    assert caught.value.code == "NOT_FOUND"
    with pytest.raises(failure, match="-1 or more"):
        api.mutate("get_or_create_task_run", flow_run_id=run_id, task_id=tasks["a"], map_index=-2)


def test_the_state_of_a_task_run_is_read(api: Any, place: tuple[str, dict[str, str]], failure: Any) -> None:
    run_id, _ = place
    task_run = api.task_runs(run_id)["a"]
    query = "query($id: UUID!) { get_task_run_info(task_run_id: $id) { id version state serialized_state } }"
    info = api(query, {"id": task_run})["get_task_run_info"]
    assert (info["id"], info["version"], info["state"]) == (task_run, 1, "Pending")
    assert info["serialized_state"]["message"] == "Task run created"
    with pytest.raises(failure, match="not found"):
        api(query, {"id": run_id})


def test_a_task_run_is_renamed_without_a_new_version(
    api: Any, place: tuple[str, dict[str, str]], failure: Any
) -> None:
    task_run = api.task_runs(place[0])["a"]
    api.mutate("set_task_run_name", "success", task_run_id=task_run, name="tname")
    assert api.row("task_run", task_run, "name version") == {"name": "tname", "version": 1}
    with pytest.raises(failure, match="cannot be empty"):
        api.mutate("set_task_run_name", "success", task_run_id=task_run, name="")


def test_a_heartbeat_of_a_task_run_is_taken(api: Any, place: tuple[str, dict[str, str]]) -> None:
    task_run = api.task_runs(place[0])["a"]
    api.move(1)
    assert api.mutate("update_task_run_heartbeat", "success", task_run_id=task_run) == {"success": True}
    assert api.row("task_run", task_run, "heartbeat version") == {"heartbeat": api.at(0), "version": 1}
