"""What agents tell the server beyond 1.x: how many runs they may have, and that a process has ended."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def agent(api: Any) -> Any:
    """The API as an agent asks it."""
    return api.as_(agent_id=api.mutate("register_agent", type="LocalAgent", name="n")["id"])


def test_an_agent_with_a_limit_is_offered_no_more_than_it_has_room_for(api: Any, agent: Any) -> None:
    flow_id = api.flow()
    runs = [api.run(flow_id, scheduled_start_time=api.at(-10 + n)) for n in range(4)]
    assert agent.queue(agent_limit=2) == runs[:2]
    agent.set_flow_state(runs[0], "Submitted", lease_s=30.0)
    assert agent.queue(agent_limit=2) == [runs[1]]
    agent.set_flow_state(runs[1], "Submitted", lease_s=30.0)
    assert agent.queue(agent_limit=2) == []
    assert agent.queue() == runs[2:]


def test_only_living_runs_of_the_same_agent_count(api: Any, agent: Any) -> None:
    flow_id = api.flow()
    mine, others, waiting = (api.run(flow_id, scheduled_start_time=api.at(-n)) for n in (9, 8, 7))
    other = api.as_(agent_id=api.mutate("register_agent", type="LocalAgent", name="other")["id"])
    agent.set_flow_state(mine, "Submitted", lease_s=30.0)
    other.set_flow_state(others, "Submitted", lease_s=30.0)
    assert agent.queue(agent_limit=1) == []
    assert agent.queue(agent_limit=2) == [waiting]
    agent.set_flow_state(mine, "Running")
    agent.set_flow_state(mine, "Success")
    assert agent.queue(agent_limit=1) == [waiting]


def test_runs_of_a_process_of_the_agent_that_is_gone_count_until_their_lease_ends(
    api: Any, agent: Any
) -> None:
    flow_id = api.flow()
    taken, waiting = (api.run(flow_id, scheduled_start_time=api.at(-n)) for n in (9, 8))
    agent.set_flow_state(taken, "Submitted", lease_s=30.0)
    assert agent.queue(agent_limit=1) == []
    api.move(31)
    assert agent.queue(agent_limit=1) == [waiting]


def test_the_end_of_a_process_before_its_run_began_has_it_start_again_at_once(api: Any, agent: Any) -> None:
    run = api.run()
    epoch = agent.set_flow_state(run, "Submitted", lease_s=600.0)["epoch"]
    assert agent.queue() == []
    assert agent.mutate(
        "end_flow_run_attempt", "state success", flow_run_id=run, epoch=epoch, reason="It exited with code 3."
    ) == {"state": "Scheduled", "success": True}
    assert "Rescheduled" in api.row("flow_run", run, "state_message")["state_message"]
    assert agent.queue() == [run]


def test_the_end_of_an_earlier_attempt_changes_nothing(api: Any, agent: Any) -> None:
    run = api.run()
    first = agent.set_flow_state(run, "Submitted", lease_s=30.0)["epoch"]
    agent.mutate("end_flow_run_attempt", "success", flow_run_id=run, epoch=first)
    second = agent.set_flow_state(run, "Submitted", lease_s=30.0)["epoch"]
    assert second > first
    late = agent.mutate("end_flow_run_attempt", "state success", flow_run_id=run, epoch=first)
    assert late == {"state": "Submitted", "success": False}


def test_the_end_of_a_process_whose_run_is_finished_changes_nothing(api: Any, agent: Any) -> None:
    run = api.run()
    epoch = agent.set_flow_state(run, "Submitted", lease_s=30.0)["epoch"]
    agent.set_flow_state(run, "Running")
    agent.set_flow_state(run, "Success")
    done = agent.mutate("end_flow_run_attempt", "state", flow_run_id=run, epoch=epoch)
    assert done["state"] == "Success"


def test_the_end_of_a_cancelled_runs_process_ends_the_cancelling(api: Any, agent: Any) -> None:
    run = api.run()
    epoch = agent.set_flow_state(run, "Submitted", lease_s=30.0)["epoch"]
    agent.set_flow_state(run, "Running")
    agent.set_flow_state(run, "Cancelling")
    done = agent.mutate(
        "end_flow_run_attempt", "state", flow_run_id=run, epoch=epoch, reason="It was stopped"
    )
    assert done["state"] == "Cancelled"


def test_a_reserved_run_that_is_given_back_is_offered_to_others_at_once(api: Any, agent: Any) -> None:
    run = api.run()
    assert agent.queue(lease_s=60) == [run]
    assert agent.queue(lease_s=60) == []
    agent.mutate("end_flow_run_attempt", "success", flow_run_id=run)
    assert agent.queue(lease_s=60) == [run]


def test_runs_of_other_tenants_and_runs_that_are_not_there_are_not_found(
    api: Any, other: Any, failure: type[Exception]
) -> None:
    run = api.run()
    for asking, run_id in ((other, run), (api, "00000000-0000-0000-0000-000000000000")):
        with pytest.raises(failure, match="was not found"):
            asking.mutate("end_flow_run_attempt", "success", flow_run_id=run_id)
