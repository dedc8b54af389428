"""Which runs an agent is offered."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from prefect.server.graphql.execute import Request


def test_due_runs_are_offered_those_that_wait_longest_first_and_stay_until_they_are_submitted(
    api: Any,
) -> None:
    flow_id = api.flow()
    late = api.run(flow_id, scheduled_start_time=api.at(-10))
    later = api.run(flow_id, scheduled_start_time=api.at(-5))
    future = api.run(flow_id, scheduled_start_time=api.at(8))

    assert api.queue() == api.queue() == [late, later]
    assert api.queue(before=api.at(10)) == [late, later, future]
    api.set_flow_state(late, "Submitted")
    assert api.queue() == [later]


@pytest.mark.parametrize("state", ["Scheduled", "Resume", "Retrying", "Queued", "Paused"])
def test_every_state_that_waits_for_a_time_is_offered_when_it_has_come(api: Any, state: str) -> None:
    run_id = api.run()
    api.set_flow_state(run_id, state, state={"start_time": api.at(60)})
    assert api.queue() == []
    api.move(60)
    assert api.queue() == [run_id]


@pytest.mark.parametrize("state", ["Pending", "Submitted", "Running", "Cancelling", "Success", "Cancelled"])
def test_other_states_are_not_offered(api: Any, state: str) -> None:
    api.set_flow_state(api.run(), state)
    assert api.queue() == []


def test_a_pause_without_an_end_is_not_offered(api: Any) -> None:
    api.set_flow_state(api.run(), "Paused")
    api.move(10**6)
    assert api.queue() == []


@pytest.mark.parametrize(
    ("run", "agent", "is_offered"),
    [
        ([], [], True),
        ([], ["a"], False),
        (["a"], [], False),
        (["a"], ["a"], True),
        (["a"], ["b", "a"], True),
        (["a", "b"], ["a"], False),
        (["ä'\"{}%"], ["ä'\"{}%"], True),
    ],
)
def test_labels_decide(api: Any, run: list[str], agent: list[str], is_offered: bool) -> None:
    api.run(labels=run)
    assert bool(api.queue(*agent)) is is_offered


def test_labelled_runs_are_found_behind_many_others(api: Any) -> None:
    flow_id = api.flow()
    for _ in range(30):
        api.run(flow_id, labels=["other"], scheduled_start_time=api.at(-100))
    wanted = api.run(flow_id, labels=["mine"])
    assert api.queue("mine") == [wanted]
    assert len(api.queue("other")) == 25
    assert len(api.queue("other", limit=28)) == 28
    assert len(api.queue("other", limit=3)) == 3


def test_a_running_run_is_offered_again_when_its_process_is_gone_and_a_task_is_due(api: Any) -> None:
    run_id = api.run()
    api.set_flow_state(run_id, "Running")
    task_run = api.task_runs(run_id)["a"]
    api.set_task_state(task_run, "Retrying", state={"start_time": api.at(900)})
    assert api.queue() == []
    api.move(890)
    assert api.queue() == []
    assert api.queue(before=api.at(10)) == [run_id]
    api.set_task_state(task_run, "Submitted")
    assert api.queue(before=api.at(10)) == []


def test_a_short_retry_is_left_to_the_process_that_lives(api: Any) -> None:
    run_id = api.run()
    api.set_flow_state(run_id, "Running")
    api.set_task_state(api.task_runs(run_id)["a"], "Retrying", state={"start_time": api.at(20)})
    for _ in range(4):
        api.move(30)
        api.mutate("update_flow_run_heartbeat", "success", flow_run_id=run_id)
        assert api.queue() == []
    api.move(121)
    assert api.queue() == [run_id], "its heartbeats have stopped"


def test_what_was_approved_is_offered_at_once(api: Any) -> None:
    run_id = api.run()
    api.set_flow_state(run_id, "Running")
    task_run = api.task_runs(run_id)["a"]
    api.set_task_state(task_run, "Paused")
    assert api.queue() == []
    api.set_task_state(task_run, "Resume")
    assert api.queue() == [run_id]


def test_nothing_is_offered_while_the_queue_is_paused(api: Any) -> None:
    run_id = api.run()
    api.mutate("pause_tenant_work_queue", "success", tenant_id=api.caller.tenant_id)
    assert api.queue() == []
    assert api.rows("tenant", "settings") == [{"settings": {"work_queue_paused": True}}]
    api.mutate("resume_tenant_work_queue", "success", tenant_id=api.caller.tenant_id)
    assert api.queue() == [run_id]


def test_runs_without_a_free_slot_are_held_back(api: Any) -> None:
    api.mutate("update_flow_concurrency_limit", label="db", limit=1)
    flow_id = api.flow()
    first, second = api.run(flow_id, labels=["db"]), api.run(flow_id, labels=["db"])
    free = api.run(flow_id, labels=["cpu"])
    assert set(api.queue("db", "cpu")) == {first, second, free}
    api.set_flow_state(first, "Submitted")
    assert api.queue("db", "cpu") == [free]
    api.set_flow_state(first, "Failed")
    assert set(api.queue("db", "cpu")) == {second, free}


def test_a_limit_counts_the_runs_that_were_running_before_it(api: Any) -> None:
    run_id = api.run(labels=["db"])
    api.set_flow_state(run_id, "Running")
    api.mutate("update_flow_concurrency_limit", label="db", limit=1)
    assert api("{ flow_concurrency { usage } }") == {"flow_concurrency": [{"usage": 1}]}


def test_other_tenants_are_not_seen(api: Any, other: Any, failure: Any) -> None:
    api.run()
    assert other.queue() == []
    with pytest.raises(failure, match="was not found"):
        other.queue(tenant_id=api.caller.tenant_id)


def test_reserved_runs_are_offered_to_nobody_else_until_the_lease_ends(api: Any) -> None:
    flow_id = api.flow()
    runs = {api.run(flow_id) for _ in range(5)}
    first = api.queue(limit=3, lease_s=10.0)
    second = api.queue(limit=3, lease_s=10.0)
    assert (len(first), len(second)) == (3, 2)
    assert {*first, *second} == runs
    assert api.queue() == []
    api.set_flow_state(first[0], "Submitted")
    api.move(11)
    assert set(api.queue()) == runs - {first[0]}


def test_the_agent_that_asks_is_seen(api: Any) -> None:
    agent_id = api.mutate("register_agent", type="LocalAgent", name="n")["id"]
    api.move(60)
    api.as_(agent_id=agent_id, core_version="1.4.1").queue()
    assert api.row("agent", agent_id, "last_queried core_version") == {
        "last_queried": api.at(0),
        "core_version": "1.4.1",
    }


def test_a_waiting_agent_is_answered_when_a_run_is_made(api: Any) -> None:
    flow_id = api.flow()
    ask = "mutation($input: get_runs_in_queue_input!) { get_runs_in_queue(input: $input) { flow_run_ids } }"
    make = "mutation($input: create_flow_run_input!) { create_flow_run(input: $input) { id } }"

    async def both() -> tuple[Any, Any]:
        waiting = asyncio.ensure_future(
            api.executor.execute(Request(ask, {"input": {"labels": [], "wait_s": 10.0}}), api.caller)
        )
        done, _ = await asyncio.wait({waiting}, timeout=0.2)
        assert not done
        made = await api.executor.execute(Request(make, {"input": {"flow_id": flow_id}}), api.caller)
        return json.loads((await asyncio.wait_for(waiting, 9)).body), json.loads(made.body)

    found, made = asyncio.run(both())
    assert found["data"]["get_runs_in_queue"]["flow_run_ids"] == [made["data"]["create_flow_run"]["id"]]
