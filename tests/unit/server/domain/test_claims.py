"""Of the processes that start one flow run, one runs it."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest

from prefect.server.graphql.execute import Request

LEASE = 120


def claim(api: Any, run_id: str, holder: str, epoch: int | None = None) -> Any:
    return api.mutate(
        "update_flow_run_heartbeat",
        "success error state epoch lease_s",
        flow_run_id=run_id,
        holder=holder,
        epoch=epoch,
    )


def taken_by_an_agent(api: Any) -> tuple[str, int]:
    """A run that an agent submitted, and the attempt it is."""
    run_id = api.run()
    agent_id = api.mutate("register_agent", type="LocalAgent")["id"]
    return run_id, api.as_(agent_id=agent_id).set_flow_state(run_id, "Submitted", lease_s=30.0)["epoch"]


def epoch_of(api: Any, run_id: str) -> int:
    return api.row("flow_run", run_id, "epoch")["epoch"]


@pytest.mark.parametrize("state", ["Scheduled", "Submitted", "Running", "Cancelling"])
def test_of_two_processes_that_start_a_run_the_second_is_refused(api: Any, state: str) -> None:
    run_id = api.run()
    if state != "Scheduled":
        api.set_flow_state(run_id, "Submitted")
    if state == "Cancelling":
        api.set_flow_state(run_id, "Running")
    if state not in ("Scheduled", "Submitted"):
        api.set_flow_state(run_id, state)
    epoch = epoch_of(api, run_id)

    assert claim(api, run_id, "first")["success"] is True
    second = claim(api, run_id, "second")

    assert second["success"] is False
    assert "run by another process already" in second["error"]
    assert "its lease ends in" in second["error"]
    assert epoch_of(api, run_id) == epoch


def test_the_process_of_an_agents_attempt_inherits_its_lease(api: Any) -> None:
    run_id, epoch = taken_by_an_agent(api)
    reply = claim(api, run_id, "process", epoch)
    assert (reply["success"], reply["epoch"], reply["lease_s"]) == (True, epoch, LEASE)
    assert api.row("flow_run", run_id, "lease_until") == {"lease_until": api.at(LEASE)}
    # The agent goes on saying that the infrastructure is alive.
    agent = api.mutate("update_flow_run_heartbeat", "success", flow_run_id=run_id, epoch=epoch, lease_s=30.0)
    assert agent == {"success": True}
    assert claim(api, run_id, "twin", epoch)["success"] is False


def test_a_claim_that_is_sent_again_is_the_same(api: Any) -> None:
    run_id, epoch = taken_by_an_agent(api)
    claim(api, run_id, "process", epoch)
    before = api.row("flow_run", run_id, "version epoch")
    assert claim(api, run_id, "process", epoch)["success"] is True
    assert api.row("flow_run", run_id, "version epoch") == before


def test_a_process_of_an_earlier_attempt_is_refused(api: Any) -> None:
    run_id, epoch = taken_by_an_agent(api)
    api.set_flow_state(run_id, "Running")
    api.set_flow_state(run_id, "Scheduled")
    reply = claim(api, run_id, "late", epoch)
    assert reply["success"] is False
    assert f"attempt {epoch} is over" in reply["error"]
    assert claim(api, run_id, "next")["success"] is True


def test_after_the_lease_a_process_takes_over_and_the_first_reports_no_more(
    api: Any, failure: Any, task_json: Any
) -> None:
    run_id = api.run(api.flow(tasks=[task_json("a", max_retries=1), task_json("b")], edges=[]))
    first = claim(api, run_id, "first")["epoch"]
    api.set_flow_state(run_id, "Running", epoch=first)
    tasks = api.task_runs(run_id)
    for task_run in tasks.values():
        api.set_task_state(task_run, "Running", epoch=first)
    api.move(LEASE + 1)

    second = claim(api, run_id, "second")

    assert (second["success"], second["state"], second["epoch"]) == (True, "Running", first + 1)
    # What the first was at may be done again as far as the tasks allow it, and is not forgotten.
    assert api.row("task_run", tasks["a"], "state")["state"] == "Retrying"
    assert api.row("task_run", tasks["b"], "state")["state"] == "Failed"
    for name, id in (("flow", run_id), ("task", tasks["a"])):
        with pytest.raises(failure, match="attempt") as caught:
            getattr(api, f"set_{name}_state")(id, "Success", epoch=first)
        assert caught.value.code == "VERSION_LOCKING_ERROR"
    beat = api.mutate("update_flow_run_heartbeat", "success error", flow_run_id=run_id, epoch=first)
    assert beat["success"] is False
    assert claim(api, run_id, "second", first)["epoch"] == first + 1, "its answer was lost"
    assert claim(api, run_id, "third")["success"] is False


def test_a_twin_of_an_agents_process_does_not_take_over(api: Any) -> None:
    run_id, epoch = taken_by_an_agent(api)
    claim(api, run_id, "process", epoch)
    api.set_flow_state(run_id, "Running")
    api.move(LEASE + 1)
    reply = claim(api, run_id, "twin", epoch)
    assert reply["success"] is False
    assert "next attempt" in reply["error"]
    api.mutate("end_flow_run_attempt", "success", flow_run_id=run_id, epoch=epoch, reason="It is gone")
    assert api.row("flow_run", run_id, "state") == {"state": "Scheduled"}
    assert claim(api, run_id, "next")["success"] is True


def test_a_run_without_heartbeats_is_nobody_elses_while_it_is_running(api: Any) -> None:
    run_id = api.run(api.flow(settings={"heartbeat_enabled": False}))
    flow_id = api.rows("flow", "id")[0]["id"]
    api.mutate("disable_flow_heartbeat", "success", flow_id=flow_id)
    claim(api, run_id, "first")
    api.set_flow_state(run_id, "Running")
    api.move(10_000)
    assert "sends no heartbeats" in claim(api, run_id, "second")["error"]
    api.set_flow_state(run_id, "Scheduled")
    assert claim(api, run_id, "second")["success"] is True


def test_a_process_that_waits_for_a_slot_still_has_the_run(api: Any) -> None:
    api.mutate("update_flow_concurrency_limit", label="x", limit=0)
    run_id = api.run(labels=["x"])
    epoch = claim(api, run_id, "first")["epoch"]
    assert api.set_flow_state(run_id, "Running", epoch=epoch)["status"] == "QUEUED"
    assert claim(api, run_id, "first")["epoch"] == epoch


def test_no_agent_is_offered_a_run_that_a_process_is_starting(api: Any) -> None:
    run_id = api.run()
    assert api.queue() == [run_id]
    claim(api, run_id, "by hand")
    assert api.queue() == []
    api.move(LEASE + 1)
    assert api.queue() == [run_id]


def test_an_approved_task_does_not_start_a_second_process_while_the_first_lives(api: Any) -> None:
    run_id, epoch = taken_by_an_agent(api)
    claim(api, run_id, "process", epoch)
    api.set_flow_state(run_id, "Running")
    task_run = api.task_runs(run_id)["a"]
    api.set_task_state(task_run, "Resume", state={"start_time": api.at(0)})
    assert api.queue() == []
    api.mutate("end_flow_run_attempt", "success", flow_run_id=run_id, epoch=epoch, left=True)
    assert api.queue() == [run_id]
    assert epoch_of(api, run_id) == epoch + 1
    assert claim(api, run_id, "next", epoch + 1)["success"] is True


@pytest.mark.parametrize("end", ["Success", "Failed", "Cancelled"])
def test_a_run_that_ended_is_claimed_by_nobody_and_may_start_again(api: Any, end: str) -> None:
    run_id = api.run()
    claim(api, run_id, "first")
    api.set_flow_state(run_id, "Running")
    api.set_flow_state(run_id, end)
    assert claim(api, run_id, "second")["state"] == end
    api.set_flow_state(run_id, "Scheduled")
    assert claim(api, run_id, "third")["success"] is True


def test_clients_that_do_not_say_who_they_are_find_everything_as_before(api: Any) -> None:
    run_id = api.run()
    api.set_flow_state(run_id, "Submitted")
    api.set_flow_state(run_id, "Running")
    for _ in range(2):
        assert api.mutate("update_flow_run_heartbeat", "success", flow_run_id=run_id) == {"success": True}
    task_run = api.task_runs(run_id)["a"]
    api.set_task_state(task_run, "Resume", state={"start_time": api.at(0)})
    assert api.queue() == [run_id]


def test_a_claim_is_this_tenants_and_a_name(api: Any, other: Any, failure: Any) -> None:
    run_id = api.run()
    for name in ("", "x" * 101):
        with pytest.raises(failure, match="1 to 100 characters"):
            claim(api, run_id, name)
    with pytest.raises(failure, match="was not found"):
        claim(other, run_id, "stranger")
    with pytest.raises(failure, match="was not found"):
        claim(api, str(uuid.uuid4()), "nobody")
    assert claim(api, run_id, "nul \0 and \ud800 halves")["success"] is True


def test_of_many_that_start_at_once_one_runs(api: Any) -> None:
    run_id = api.run()
    document = (
        "mutation($input: update_flow_run_heartbeat_input!) "
        "{ update_flow_run_heartbeat(input: $input) { success } }"
    )

    async def all_at_once() -> list[bool]:
        requests = [
            Request(document, {"input": {"flow_run_id": run_id, "holder": f"process {number}"}})
            for number in range(12)
        ]
        replies = await asyncio.gather(*(api.executor.execute(one, api.caller) for one in requests))
        return [json.loads(reply.body)["data"]["update_flow_run_heartbeat"]["success"] for reply in replies]

    assert sorted(asyncio.run(all_at_once())) == [False] * 11 + [True]
