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
