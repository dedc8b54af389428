"""Why a run does not run is told with the facts behind it."""

from __future__ import annotations

from typing import Any

import pytest


def _why(api: Any, run_id: str) -> dict[str, Any]:
    reasons = api(f'{{ why_not_running(flow_run_id: "{run_id}") {{ code message data }} }}')[
        "why_not_running"
    ]
    assert all(reason["message"].endswith((".", "'")) for reason in reasons)
    return {reason["code"]: reason["data"] for reason in reasons}


def _agent(api: Any, *labels: str) -> str:
    return api.mutate("register_agent", type="LocalAgent", name="agent", labels=list(labels))["id"]


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("Success", "FINISHED"),
        ("Running", "RUNNING"),
        ("Submitted", "SUBMITTED"),
        ("Cancelling", "CANCELLING"),
        ("Cancelled", "FINISHED"),
    ],
)
def test_a_state_that_does_not_wait_is_the_reason(api: Any, state: str, code: str) -> None:
    run_id = api.run()
    api.set_flow_state(run_id, state)
    assert _why(api, run_id) == {code: {"state": state, "since": api.at(0), "agent_id": None}}


def test_without_an_agent_nothing_runs(api: Any) -> None:
    assert _why(api, api.run(labels=["x"])) == {"NO_AGENT": {"labels": ["x"]}}


def test_agents_without_the_labels_are_named_with_what_they_lack(api: Any) -> None:
    agent_id = _agent(api, "x")
    found = _why(api, api.run(labels=["x", "y"]))["NO_MATCHING_AGENT"]
    assert found["labels"] == ["x", "y"]
    assert found["agents"][0]["id"] == agent_id
    assert found["agents"][0]["missing_labels"] == ["y"]
    assert set(_why(api, api.run())) == {"NO_MATCHING_AGENT"}


def test_an_agent_that_asks_no_more_is_the_reason(api: Any) -> None:
    _agent(api)
    run_id = api.run()
    assert _why(api, run_id) == {"SOON": {}}
    api.move(90)
    assert set(_why(api, run_id)) == {"AGENTS_SILENT"}


def test_all_that_is_in_the_way_is_told(api: Any) -> None:
    _agent(api, "db")
    api.mutate("update_flow_concurrency_limit", label="db", limit=1)
    flow_id = api.flow()
    holder = api.run(flow_id, labels=["db"])
    api.set_flow_state(holder, "Running")
    api.mutate("pause_tenant_work_queue", "success")
    run_id = api.run(flow_id, labels=["db"], scheduled_start_time=api.at(30))

    reasons = _why(api, run_id)

    assert set(reasons) == {"NOT_DUE", "WORK_QUEUE_PAUSED", "NO_SLOT"}
    assert reasons["NOT_DUE"] == {"due": api.at(30)}
    assert reasons["NO_SLOT"] == {"label": "db", "limit": 1, "usage": 1, "flow_run_ids": [holder]}


def test_runs_that_wait_for_people_or_slots_say_so(api: Any) -> None:
    _agent(api)
    paused, queued = api.run(), api.run()
    api.set_flow_state(paused, "Paused")
    api.set_flow_state(queued, "Queued", state={"message": "waits for 'db'"})
    assert set(_why(api, paused)) == {"WAITS_FOR_APPROVAL"}
    assert set(_why(api, queued)) == {"QUEUED"}


def _child(api: Any, parent: str, **values: Any) -> str:
    """A run that a task of another run started."""
    return api.run(idempotency_key=api.task_runs(parent)["a"], **values)


def test_agents_without_room_are_not_called_silent(api: Any) -> None:
    agent = api.as_(agent_id=_agent(api))
    busy = api.run()
    agent.set_flow_state(busy, "Submitted", lease_s=1000)
    run_id = api.run()
    assert set(_why(api, run_id)) == {"SOON"}
    api.move(90)
    found = _why(api, run_id)
    assert set(found) == {"AGENTS_FULL"}
    assert found["AGENTS_FULL"]["agents"][0]["flow_run_ids"] == [busy]


def test_a_run_that_needs_the_place_of_its_parent_at_the_agent_is_in_a_deadlock(api: Any) -> None:
    agent = api.as_(agent_id=_agent(api))
    parent = api.run()
    agent.set_flow_state(parent, "Submitted", lease_s=1000)
    child = _child(api, parent)
    grandchild = _child(api, child)
    api.move(20)
    for run_id in (child, grandchild):
        found = _why(api, run_id)
        assert set(found) == {"AGENTS_FULL", "DEADLOCK"}
        assert found["DEADLOCK"] == {"flow_run_ids": [parent], "parents": [parent]}
    assert set(_why(api, api.run())) == {"AGENTS_FULL", "DEADLOCK"}, "a stranger waits as well"


def test_a_run_that_needs_the_slot_of_its_parent_is_in_a_deadlock(api: Any) -> None:
    _agent(api, "db")
    api.mutate("update_flow_concurrency_limit", label="db", limit=1)
    parent = api.run(labels=["db"])
    api.set_flow_state(parent, "Running")
    child = _child(api, parent, labels=["db"])
    assert _why(api, child)["DEADLOCK"]["parents"] == [parent]


def test_two_parents_whose_children_have_no_slot_are_in_a_deadlock_and_one_without_is_not(api: Any) -> None:
    _agent(api, "db")
    api.mutate("update_flow_concurrency_limit", label="db", limit=2)
    parents = [api.run(labels=["db"]) for _ in range(2)]
    for parent in parents:
        api.set_flow_state(parent, "Running")
    first = _child(api, parents[0], labels=["db"])
    assert set(_why(api, first)) == {"NO_SLOT"}, "the other one may end"
    _child(api, parents[1], labels=["db"])
    assert _why(api, first)["DEADLOCK"] == {"flow_run_ids": sorted(parents), "parents": parents[:1]}
