"""How many runs of a flow may be active at once, and what becomes of one that is due when they are."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def limited(api: Any) -> Callable[..., tuple[str, str]]:
    """Makes a flow with a limit: its id, and that of its group."""

    def make(limit: int | None = 1, when: str = "wait") -> tuple[str, str]:
        flow_id = api.flow()
        group_id = api.row("flow", flow_id, "flow_group_id")["flow_group_id"]
        limit_flow(api, group_id, limit, when)
        return flow_id, group_id

    return make


def limit_flow(api: Any, group_id: str, limit: int | None, when: str = "wait") -> None:
    done = api.mutate(
        "set_flow_group_max_active_runs", "success", flow_group_id=group_id, limit=limit, when_reached=when
    )
    assert done == {"success": True}


def start(api: Any, run_id: str) -> None:
    api.set_flow_state(run_id, "Submitted")
    assert api.set_flow_state(run_id, "Running")["status"] == "SUCCESS"


def scheduled_by_a_clock(api: Any, flow_id: str) -> str:
    run_id = api.run(flow_id)
    sql = "UPDATE flow_run SET auto_scheduled = :yes WHERE id = :id"
    api.write(lambda tx: tx.execute(sql, {"id": run_id, "yes": True}))
    return run_id


def reasons(api: Any, run_id: str) -> dict[str, Any]:
    found = api(f'{{ why_not_running(flow_run_id: "{run_id}") {{ code message data }} }}')["why_not_running"]
    return {reason["code"]: reason for reason in found}


def test_a_run_waits_until_another_has_ended(api: Any, limited: Any) -> None:
    flow_id, _ = limited()
    first, second, elsewhere = api.run(flow_id), api.run(flow_id), api.run()
    start(api, first)
    assert api.queue() == [elsewhere]
    reason = reasons(api, second)["FLOW_FULL"]
    assert reason["message"] == "Its flow may have 1 active run, and has. It waits until one has ended."
    assert reason["data"] == {"limit": 1, "usage": 1, "when_reached": "wait", "flow_run_ids": [first]}
    api.set_flow_state(first, "Success")
    assert sorted(api.queue()) == sorted([second, elsewhere])


def test_an_agent_and_a_process_are_refused_what_the_queue_does_not_offer(
    api: Any, limited: Any, failure: Any
) -> None:
    flow_id, _ = limited(2)
    runs = [api.run(flow_id) for _ in range(3)]
    start(api, runs[0])
    start(api, runs[1])
    with pytest.raises(failure, match="the flow has 2 runs under way, and may have no more"):
        api.set_flow_state(runs[2], "Submitted")
    waiting = api.set_flow_state(runs[2], "Running")
    assert (waiting["status"], waiting["state"]) == ("QUEUED", "Queued")
    api.set_flow_state(runs[0], "Failed")
    assert api.set_flow_state(runs[2], "Running")["status"] == "SUCCESS"


def test_a_run_that_finds_no_slot_for_a_label_gives_its_flows_back(api: Any, limited: Any) -> None:
    flow_id, _ = limited()
    api.mutate("update_flow_concurrency_limit", label="gpu", limit=0)
    held_back, free = api.run(flow_id, labels=["gpu"]), api.run(flow_id)
    assert api.set_flow_state(held_back, "Running")["status"] == "QUEUED"
    start(api, free)


def test_scheduled_runs_are_skipped_and_others_wait(api: Any, limited: Any) -> None:
    flow_id, _ = limited(1, "skip")
    first, asked_for = api.run(flow_id), api.run(flow_id)
    skipped, later = scheduled_by_a_clock(api, flow_id), scheduled_by_a_clock(api, flow_id)
    api.set_flow_state(later, "Scheduled", state={"start_time": api.at(3600)})
    start(api, first)
    assert api.queue() == []

    run = api.row("flow_run", skipped, "state state_message task_runs { state }")
    assert run["state"] == "Skipped"
    assert run["state_message"] == "Skipped: a run of the flow was under way when this one was due."
    assert {task["state"] for task in run["task_runs"]} == {"Skipped"}
    assert [api.row("flow_run", one, "state")["state"] for one in (asked_for, later)] == ["Scheduled"] * 2
    api.set_flow_state(first, "Success")
    assert api.queue() == [asked_for]


def test_the_oldest_is_cancelled_for_a_new_one_once(api: Any, limited: Any) -> None:
    flow_id, _ = limited(2, "cancel_oldest")
    oldest, older = api.run(flow_id), api.run(flow_id)
    start(api, oldest)
    api.move(5)
    start(api, older)
    assert api.queue() == []
    assert api.row("flow_run", oldest, "state")["state"] == "Running", "nothing is due"

    new = api.run(flow_id)
    assert api.queue() == api.queue() == []
    run = api.row("flow_run", oldest, "state state_message")
    assert run == {
        "state": "Cancelling",
        "state_message": "A newer run is due, and 2 runs of the flow were under way.",
    }
    assert api.row("flow_run", older, "state")["state"] == "Running"
    api.set_flow_state(oldest, "Cancelled")
    assert api.queue() == [new]


def test_none_is_cancelled_while_another_one_makes_room(api: Any, limited: Any) -> None:
    flow_id, _ = limited(2, "cancel_oldest")
    older, newer = api.run(flow_id), api.run(flow_id)
    start(api, older)
    api.move(5)
    start(api, newer)
    api.run(flow_id)
    api.set_flow_state(newer, "Cancelling")
    assert api.queue() == []
    assert api.row("flow_run", older, "state")["state"] == "Running"


def test_runs_that_are_active_when_the_limit_is_set_count(api: Any, limited: Any) -> None:
    flow_id, group_id = limited(None)
    first, second = api.run(flow_id), api.run(flow_id)
    start(api, first)
    limit_flow(api, group_id, 1)
    assert api.queue() == []
    assert api.row("flow_group", group_id, "settings")["settings"]["max_active_runs"] == 1
    limit_flow(api, group_id, 2)
    assert api.queue() == [second]
    limit_flow(api, group_id, 1)
    limit_flow(api, group_id, None)
    assert api.queue() == [second]
    assert "max_active_runs" not in api.row("flow_group", group_id, "settings")["settings"]


def test_the_limit_holds_for_all_versions(api: Any, limited: Any, flow_json: Any) -> None:
    flow_id, _ = limited()
    flow = api.row("flow", flow_id, "project_id name")
    start(api, api.run(flow_id))
    newer = api.mutate(
        "create_flow",
        project_id=flow["project_id"],
        serialized_flow=flow_json(name=flow["name"], parameters=[]),
    )["id"]
    api.run(newer)
    assert api.queue() == []


def test_of_many_at_once_no_more_than_the_limit_start(api: Any, limited: Any) -> None:
    flow_id, _ = limited(3)
    runs = [api.run(flow_id) for _ in range(12)]
    outcomes: list[str] = []

    def run(run_id: str) -> None:
        outcomes.append(api.set_flow_state(run_id, "Running")["status"])

    threads = [threading.Thread(target=run, args=(run_id,)) for run_id in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["QUEUED"] * 9 + ["SUCCESS"] * 3


def test_senseless_limits_are_refused(api: Any, limited: Any, failure: Any, other: Any) -> None:
    _, group_id = limited()
    with pytest.raises(failure, match="1 active run or more, not 0"):
        limit_flow(api, group_id, 0)
    with pytest.raises(failure, match="when_reached"):
        limit_flow(api, group_id, 1, "explode")
    with pytest.raises(failure, match="was not found"):
        limit_flow(other, group_id, 1)
    with pytest.raises(failure, match="read-only"):
        limit_flow(api.as_(role="read-only"), group_id, 1)
