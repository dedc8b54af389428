"""Runs whose process is gone go on or end; runs that live are never touched."""

from __future__ import annotations

from typing import Any

import pytest

LEASE = 120


@pytest.fixture
def task_with_retries(task_json: Any) -> Any:
    return lambda n: task_json("a", max_retries=n, retry_delay=30)


def start(services: Any, *, with_agent: bool = True, **flow: Any) -> str:
    """A run that is Running, taken by an agent."""
    api = services.api
    run_id = api.run(api.flow(**flow)) if flow else api.run()
    if with_agent:
        agent_id = api.mutate("register_agent", type="LocalAgent")["id"]
        api.as_(agent_id=agent_id).set_flow_state(run_id, "Submitted")
    api.set_flow_state(run_id, "Running")
    return run_id


def beat(services: Any, run_id: str) -> None:
    services.api.mutate("update_flow_run_heartbeat", "success", flow_run_id=run_id)


def flow_run(services: Any, run_id: str) -> Any:
    return services.api.row(
        "flow_run",
        run_id,
        "state state_message times_resurrected version logs(order_by: {timestamp: asc}) { level message }",
    )


def test_a_run_that_sends_heartbeats_is_left_alone_however_long_it_runs(services: Any) -> None:
    run_id = start(services)
    for _ in range(500):
        services.move(30)
        beat(services, run_id)
        services.reap()
    assert flow_run(services, run_id)["state"] == "Running"


def test_a_silent_run_is_started_again(services: Any) -> None:
    run_id = start(services)
    services.wait_a_lease()
    row = flow_run(services, run_id)
    assert row["state"] == "Scheduled"
    assert row["state_message"] == "Rescheduled by a Lazarus process."
    assert row["times_resurrected"] == 1
    assert [line["level"] for line in row["logs"]] == ["INFO"]
    assert services.api.queue() == [run_id]


def test_a_run_is_started_again_three_times_and_then_failed(services: Any) -> None:
    run_id = start(services)
    for attempt in range(4):
        services.wait_a_lease()
        if attempt < 3:
            services.api.as_(agent_id=None).set_flow_state(run_id, "Submitted")
            services.api.set_flow_state(run_id, "Running")
    row = flow_run(services, run_id)
    assert row["state"] == "Failed"
    assert [line["level"] for line in row["logs"]].count("ERROR") == 1


def test_running_tasks_of_a_silent_run_are_retried_if_they_may(services: Any, task_with_retries: Any) -> None:
    api = services.api
    run_id = start(services, tasks=[task_with_retries(1)], edges=[])
    task_run_id = api.task_runs(run_id)["a"]
    api.set_task_state(task_run_id, "Running", state={"context": {"tags": ["t"]}})
    services.wait_a_lease()
    row = api.row("task_run", task_run_id, "state state_message state_start_time serialized_state")
    assert row["state"] == "Retrying"
    assert row["serialized_state"]["run_count"] == 1
    assert row["serialized_state"]["context"] == {"tags": ["t"]}
    # It stays Running and comes back when the retry is due, as with 1.x.
    assert flow_run(services, run_id)["state"] == "Running"
    assert api.queue() == []
    services.move(31)
    assert api.queue() == [run_id]


def test_running_tasks_without_retries_fail_and_the_run_starts_again(services: Any) -> None:
    api = services.api
    run_id = start(services)
    task_run_id = api.task_runs(run_id)["a"]
    api.set_task_state(task_run_id, "Running")
    services.wait_a_lease()
    row = api.row("task_run", task_run_id, "state state_message")
    assert row["state"] == "Failed"
    assert row["state_message"].startswith("No heartbeat detected from the remote task; ")
    assert flow_run(services, run_id)["state"] == "Scheduled"


def test_a_retry_is_used_up(services: Any, task_with_retries: Any) -> None:
    api = services.api
    run_id = start(services, tasks=[task_with_retries(1)], edges=[])
    task_run_id = api.task_runs(run_id)["a"]
    for _ in range(2):
        api.set_task_state(task_run_id, "Running")
        beat(services, run_id)
        services.wait_a_lease()
    assert api.row("task_run", task_run_id, "state")["state"] == "Failed"


def test_a_run_without_an_agent_fails(services: Any, task_with_retries: Any) -> None:
    api = services.api
    run_id = start(services, with_agent=False, tasks=[task_with_retries(3)], edges=[])
    task_run_id = api.task_runs(run_id)["a"]
    api.set_task_state(task_run_id, "Running")
    services.wait_a_lease()
    assert flow_run(services, run_id)["state"] == "Failed"
    assert api.row("task_run", task_run_id, "state")["state"] == "Failed"


def test_what_still_runs_of_a_reaped_attempt_reports_nothing(services: Any, failure: Any) -> None:
    api = services.api
    run_id = start(services)
    task_run_id = api.task_runs(run_id)["a"]
    epoch = api.row("flow_run", run_id, "epoch")["epoch"]
    api.set_task_state(task_run_id, "Running", epoch=epoch)
    services.wait_a_lease()
    with pytest.raises(failure) as refused:
        api.set_task_state(task_run_id, "Success", epoch=epoch)
    assert refused.value.code == "VERSION_LOCKING_ERROR"


def test_a_submitted_run_of_an_old_agent_has_ten_minutes(services: Any) -> None:
    api = services.api
    run_id = api.run()
    agent_id = api.mutate("register_agent", type="LocalAgent")["id"]
    api.as_(agent_id=agent_id).set_flow_state(run_id, "Submitted")
    for _ in range(58):
        services.move(10)
        services.reap()
    assert flow_run(services, run_id)["state"] == "Submitted"
    for _ in range(4):
        services.move(10)
        services.reap()
    assert flow_run(services, run_id)["state"] == "Scheduled"


def test_runs_without_heartbeats_by_their_flows_settings_are_left_alone(services: Any) -> None:
    api = services.api
    flow_id = api.flow()
    api.mutate("disable_flow_heartbeat", "success", flow_id=flow_id)
    run_id = api.run(flow_id)
    api.set_flow_state(run_id, "Running")
    services.wait_a_lease()
    services.wait_a_lease()
    assert flow_run(services, run_id)["state"] == "Running"


def test_flows_may_refuse_to_be_started_again(services: Any) -> None:
    api = services.api
    flow_id = api.flow()
    api.mutate("disable_flow_lazarus_process", "success", flow_id=flow_id)
    run_id = api.run(flow_id)
    agent_id = api.mutate("register_agent", type="LocalAgent")["id"]
    api.as_(agent_id=agent_id).set_flow_state(run_id, "Submitted")
    api.set_flow_state(run_id, "Running")
    services.wait_a_lease()
    assert flow_run(services, run_id)["state"] == "Failed"


def test_a_paused_task_holds_its_silent_run_in_place(services: Any) -> None:
    api = services.api
    run_id = start(services)
    task_run_id = api.task_runs(run_id)["a"]
    api.set_task_state(task_run_id, "Paused")
    services.wait_a_lease()
    services.wait_a_lease()
    assert flow_run(services, run_id)["state"] == "Running"
    api.set_task_state(task_run_id, "Resume")
    assert api.queue() == [run_id]


def test_a_task_submitted_for_a_process_that_never_came_is_due_again(services: Any) -> None:
    api = services.api
    run_id = start(services)
    task_run_id = api.task_runs(run_id)["a"]
    api.set_task_state(task_run_id, "Paused")
    services.wait_a_lease()
    api.set_task_state(task_run_id, "Resume")
    resumed = api.row("task_run", task_run_id, "serialized_state")["serialized_state"]
    api.set_task_state(task_run_id, "Submitted", state={"state": resumed})
    assert api.queue() == []
    for _ in range(62):
        services.move(10)
        services.reap()
    assert api.row("task_run", task_run_id, "state")["state"] == "Resume"
    assert api.queue() == [run_id]


def test_a_silent_cancelling_run_is_cancelled(services: Any) -> None:
    api = services.api
    run_id = start(services)
    api.mutate("cancel_flow_run", "state", flow_run_id=run_id)
    services.wait_a_lease()
    assert flow_run(services, run_id)["state"] == "Cancelled"
    assert set(api.row("flow_run", run_id, "task_runs { state }")["task_runs"][0].values()) == {"Cancelled"}


def test_slots_of_dead_runs_are_free_again(services: Any) -> None:
    api = services.api
    api.mutate("update_flow_concurrency_limit", label="one", limit=1)
    flow_id = api.flow()
    first, second = api.run(flow_id, labels=["one"]), api.run(flow_id, labels=["one"])
    api.set_flow_state(first, "Running")
    assert api.set_flow_state(second, "Running")["status"] == "QUEUED"
    services.wait_a_lease()
    assert api.set_flow_state(second, "Running")["status"] == "SUCCESS"


# -- when nothing may be reaped ---------------------------------------------------------


def test_after_a_start_one_lease_passes_first(services: Any) -> None:
    run_id = start(services)
    services.move(LEASE + 10)  # while the server was away
    services.reap()
    services.move(LEASE - 20)
    services.reap()
    assert flow_run(services, run_id)["state"] == "Running"
    beat(services, run_id)
    services.move(60)
    services.reap()
    assert flow_run(services, run_id)["state"] == "Running"


def test_after_a_sleep_one_lease_passes_first(services: Any) -> None:
    run_id = start(services)
    services.wait_a_lease()  # of the server itself
    run_id = start(services)
    services.move(3600)  # the lid was closed
    services.reap()
    assert flow_run(services, run_id)["state"] == "Running"


@pytest.mark.parametrize("step", [3600, 86_400])
def test_a_clock_that_is_set_forward_kills_nothing(services: Any, step: int) -> None:
    services.wait_a_lease()
    run_id = start(services)
    services.api.move(step)  # the wall clock alone
    services.monotonic[0] += 2
    services.reap()
    assert flow_run(services, run_id)["state"] == "Running"


def test_a_clock_that_is_set_back_kills_nothing(services: Any) -> None:
    services.wait_a_lease()
    run_id = start(services)
    services.api.move(-3600)
    services.monotonic[0] += 2
    services.reap()
    for _ in range(20):
        services.move(10)
        beat(services, run_id)
        services.reap()
    assert flow_run(services, run_id)["state"] == "Running"


def test_while_the_database_was_away_nobody_could_renew_a_lease(services: Any) -> None:
    services.wait_a_lease()
    run_id = start(services)
    for _ in range(14):
        services.move(10)
        services.reaper.observe(services.api.now[0], True)
    services.reap()
    assert flow_run(services, run_id)["state"] == "Running"


def test_many_tasks_of_one_run_are_handled_in_pieces(services: Any) -> None:
    api = services.api
    run_id = start(services)
    task_id = api.rows("task", "id", '(where: {slug: {_eq: "b"}})')[0]["id"]
    ids = [
        api.mutate("get_or_create_task_run_info", flow_run_id=run_id, task_id=task_id, map_index=index)["id"]
        for index in range(520)
    ]
    api.write(lambda tx: tx.execute("UPDATE task_run SET state = 'Running' WHERE map_index >= 0"))
    services.wait_a_lease()
    states = api.rows("task_run", "state", "(where: {map_index: {_gte: 0}})")
    assert len(states) == len(ids)
    assert {row["state"] for row in states} == {"Failed"}
    assert flow_run(services, run_id)["state"] == "Scheduled"


@pytest.mark.parametrize(("left", "state"), [(True, "Running"), (False, "Failed")])
def test_a_run_that_no_agent_started_waits_with_its_tasks_if_its_process_left_it(
    services: Any, left: bool, state: str
) -> None:
    api = services.api
    run_id = start(services, with_agent=False)
    task_run = api.task_runs(run_id)["a"]
    api.set_task_state(task_run, "Retrying", state={"start_time": api.at(3600)})
    api.mutate("end_flow_run_attempt", "success", flow_run_id=run_id, left=left)
    services.wait_a_lease()
    assert api.row("flow_run", run_id, "state") == {"state": state}
