"""Task runs are found, made, named and read."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from prefect.server.graphql.execute import Request


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


CHILDREN = "task_runs { id map_index version serialized_state }"


def children(api: Any, run_id: str, task_id: str, start: int, count: int) -> list[Any]:
    return api.mutate(
        "get_or_create_mapped_task_runs",
        CHILDREN,
        flow_run_id=run_id,
        task_id=task_id,
        start=start,
        count=count,
    )["task_runs"]


def test_children_of_a_mapped_task_are_made_together_and_found_again(
    api: Any, place: tuple[str, dict[str, str]]
) -> None:
    run_id, tasks = place
    made = children(api, run_id, tasks["b"], 0, 5)
    assert [(child["map_index"], child["version"]) for child in made] == [(n, 1) for n in range(5)]
    assert all(child["serialized_state"] is None for child in made), "those that are new need no words"
    api.set_task_state(made[2]["id"], "Failed", state={"message": "before"})

    found = children(api, run_id, tasks["b"], 1, 6)

    assert [child["id"] for child in found[:4]] == [child["id"] for child in made[1:]]
    assert [child["map_index"] for child in found] == [1, 2, 3, 4, 5, 6]
    assert [child["version"] for child in found] == [1, 2, 1, 1, 1, 1]
    assert found[1]["serialized_state"]["message"] == "before"
    states = api.row("task_run", found[5]["id"], "states { version state }")["states"]
    assert states == [{"version": 1, "state": "Pending"}]
    assert len(api.rows("task_run", "id", "(where: {map_index: {_gte: 0}})")) == 7


def test_children_made_one_by_one_and_together_are_the_same(
    api: Any, place: tuple[str, dict[str, str]]
) -> None:
    run_id, tasks = place
    one = api.mutate("get_or_create_task_run", flow_run_id=run_id, task_id=tasks["b"], map_index=1)["id"]
    together = children(api, run_id, tasks["b"], 0, 3)
    assert together[1]["id"] == one
    rows = api.rows(
        "task_run", "name cache_key state state_message version", "(where: {map_index: {_gte: 0}})"
    )
    assert len(rows) == 3
    assert all(row == rows[0] for row in rows)


@pytest.mark.parametrize(("start", "count"), [(-1, 2), (0, 0), (0, 1001), (0, -3)])
def test_how_many_children_there_may_be_at_once_is_said(
    api: Any, place: tuple[str, dict[str, str]], failure: Any, start: int, count: int
) -> None:
    run_id, tasks = place
    with pytest.raises(failure, match="1000 at most"):
        children(api, run_id, tasks["b"], start, count)
    assert api.rows("task_run", "id", "(where: {map_index: {_gte: 0}})") == []


def test_children_of_what_is_not_there_or_of_others_are_not_made(
    api: Any, other: Any, place: tuple[str, dict[str, str]], failure: Any
) -> None:
    run_id, tasks = place
    for who, flow_run, task in (
        (api, api.run(api.flow()), tasks["b"]),
        (api, run_id, run_id),
        (other, run_id, tasks["b"]),
    ):
        with pytest.raises(failure, match="was not found"):
            children(who, flow_run, task, 0, 2)
    assert api.rows("task_run", "id", "(where: {map_index: {_gte: 0}})") == []


def test_processes_that_make_the_same_children_at_once_get_the_same(
    api: Any, place: tuple[str, dict[str, str]]
) -> None:
    run_id, tasks = place
    name = "get_or_create_mapped_task_runs"
    document = f"mutation($input: {name}_input!) {{ {name}(input: $input) {{ task_runs {{ id }} }} }}"
    asked = {"flow_run_id": run_id, "task_id": tasks["b"], "start": 0, "count": 50}

    async def at_once() -> list[Any]:
        requests = [Request(document, {"input": asked}) for _ in range(4)]
        replies = await asyncio.gather(*(api.executor.execute(one, api.caller) for one in requests))
        return [json.loads(reply.body)["data"][name] for reply in replies]

    first, *rest = asyncio.run(at_once())
    assert len(first["task_runs"]) == 50
    assert all(one == first for one in rest)
