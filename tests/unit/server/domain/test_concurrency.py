"""Copies of one request that arrive together have the effect of one."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

from prefect.server.graphql.execute import Request


def _together(api: Any, requests: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """The replies to requests that are all under way at once."""

    async def all_of_them() -> list[Any]:
        return await asyncio.gather(
            *(
                api.executor.execute(Request(document, variables), api.caller)
                for document, variables in requests
            )
        )

    return [json.loads(reply.body) for reply in asyncio.run(all_of_them())]


def _document(name: str, selection: str) -> str:
    return f"mutation($input: {name}_input!) {{ {name}(input: $input) {{ {selection} }} }}"


def test_one_of_many_writers_of_the_same_version_wins(api: Any) -> None:
    flow_id = api.flow()
    api.mutate("enable_flow_version_lock", "success", flow_id=flow_id)
    run_id = api.run(flow_id)
    document = _document("set_flow_run_states", "states { version }")

    for version in range(1, 9):
        state = {"type": "Running" if version % 2 else "Scheduled", "message": str(version)}
        entry = {"flow_run_id": run_id, "state": state, "version": version}
        replies = _together(api, [(document, {"input": {"states": [entry]}})] * 25)

        outcomes = Counter(
            reply["errors"][0]["extensions"]["code"] if "errors" in reply else "won" for reply in replies
        )
        assert outcomes == {"won": 1, "VERSION_LOCKING_ERROR": 24}
    assert api.row("flow_run", run_id, "version states(order_by: {version: asc}) { version }") == {
        "version": 9,
        "states": [{"version": number} for number in range(1, 10)],
    }


def test_an_epoch_makes_the_version_count_without_version_locking(api: Any) -> None:
    run_id = api.run()
    epoch = api.set_flow_state(run_id, "Submitted")["epoch"]
    document = _document("set_flow_run_states", "states { version }")
    entry = {"flow_run_id": run_id, "state": {"type": "Running"}, "version": 2, "epoch": epoch}

    replies = _together(api, [(document, {"input": {"states": [entry]}})] * 25)

    assert sum("errors" not in reply for reply in replies) == 1


def test_one_of_many_agents_submits_a_run(api: Any) -> None:
    run_id = api.run()
    document = _document("set_flow_run_states", "states { version }")
    entry = {"flow_run_id": run_id, "state": {"type": "Submitted"}, "version": 1}

    replies = _together(api, [(document, {"input": {"states": [entry]}})] * 25)

    assert sum("errors" not in reply for reply in replies) == 1
    messages = {reply["errors"][0]["message"] for reply in replies if "errors" in reply}
    assert messages == {"State update failed: this run has already been submitted."}


def test_one_idempotency_key_makes_one_run(api: Any) -> None:
    flow_id = api.flow()
    document = _document("create_flow_run", "id")

    for number in range(5):
        variables = {"input": {"flow_id": flow_id, "idempotency_key": f"key {number}"}}
        replies = _together(api, [(document, variables)] * 25)
        assert len({reply["data"]["create_flow_run"]["id"] for reply in replies}) == 1

    assert api("{ flow_run_aggregate { aggregate { count } } }") == {
        "flow_run_aggregate": {"aggregate": {"count": 5}}
    }
    assert api("{ task_run_aggregate { aggregate { count } } }") == {
        "task_run_aggregate": {"aggregate": {"count": 15}}
    }


def test_one_mapped_child_is_made_by_many_who_ask_for_it(api: Any) -> None:
    flow_id = api.flow()
    run_id = api.run(flow_id)
    task_id = api.rows("task", "id", '(where: {slug: {_eq: "b"}})')[0]["id"]
    document = _document("get_or_create_task_run_info", "id version state")
    variables = {"input": {"flow_run_id": run_id, "task_id": task_id, "map_index": 3}}

    replies = _together(api, [(document, variables)] * 25)

    infos = [reply["data"]["get_or_create_task_run_info"] for reply in replies]
    assert all(info == {"id": infos[0]["id"], "version": 1, "state": "Pending"} for info in infos)


def test_a_flow_registered_by_many_at_once_with_a_key_has_one_version(api: Any, flow_json: Any) -> None:
    project_id = api.project()
    document = _document("create_flow", "id")
    variables = {"input": {"project_id": project_id, "serialized_flow": flow_json(), "idempotency_key": "k"}}

    replies = _together(api, [(document, variables)] * 10)

    assert len({reply["data"]["create_flow"]["id"] for reply in replies}) == 1
    assert api.rows("flow", "version archived") == [{"version": 1, "archived": False}]
    assert len(api.rows("flow_group", "id")) == 1


def test_no_more_runs_than_the_limit_hold_a_slot(api: Any) -> None:
    api.mutate("update_flow_concurrency_limit", label="db", limit=3)
    flow_id = api.flow()
    runs = [api.run(flow_id, labels=["db"]) for _ in range(12)]
    document = _document("set_flow_run_states", "states { status }")

    replies = _together(
        api,
        [
            (document, {"input": {"states": [{"flow_run_id": run_id, "state": {"type": "Running"}}]}})
            for run_id in runs
        ],
    )

    statuses = Counter(reply["data"]["set_flow_run_states"]["states"][0]["status"] for reply in replies)
    assert statuses == {"SUCCESS": 3, "QUEUED": 9}
    states = Counter(row["state"] for row in api.rows("flow_run", "state"))
    assert states == {"Running": 3, "Queued": 9}
    assert api("{ flow_concurrency { label usage limit } }") == {
        "flow_concurrency": [{"label": "db", "usage": 3, "limit": 3}]
    }


def test_equal_agents_that_start_together_are_one(api: Any) -> None:
    document = _document("register_agent", "id")
    variables = {"input": {"type": "LocalAgent", "name": "n", "labels": ["b", "a"]}}

    replies = _together(api, [(document, variables)] * 20)

    assert len({reply["data"]["register_agent"]["id"] for reply in replies}) == 1
    assert api.rows("agent", "labels") == [{"labels": ["a", "b"]}]


def test_a_batch_of_log_lines_sent_by_many_is_written_once(api: Any) -> None:
    run_id = api.run()
    line = {"flow_run_id": run_id, "timestamp": api.at(0), "message": "same", "level": "INFO", "name": "x"}
    other = {**line, "message": "other"}
    document = _document("write_run_logs", "success")

    _together(api, [(document, {"input": {"logs": [line, line, other]}})] * 10)

    found = Counter(row["message"] for row in api.rows("log", "message"))
    assert found == {"same": 2, "other": 1}
