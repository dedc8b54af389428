"""Which states are accepted, what they get, and what they do to a run."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from prefect.server.limits import Limits

_WIRE = Path(__file__).parents[3] / "compat" / "wire" / "states.json"


@pytest.fixture
def running(api: Any) -> str:
    """A flow run that is Running."""
    run_id = api.run()
    api.set_flow_state(run_id, "Running")
    return run_id


def test_every_state_of_1_4_1_is_stored_as_it_was_sent(api: Any, running: str) -> None:
    states = json.loads(_WIRE.read_text(encoding="utf-8"))
    states = list(states.values()) if isinstance(states, dict) else states
    task_run = api.task_runs(running)["a"]
    for state in states:
        if state["type"] == "Submitted":
            continue  # not after another Submitted; see below
        api.mutate("set_task_run_states", "states { id }", states=[{"task_run_id": task_run, "state": state}])
        row = api.row("task_run", task_run, "state state_message serialized_state")
        assert row["state"] == state["type"]
        assert row["state_message"] == state["message"]
        stored = row["serialized_state"]
        if state.get("start_time"):  # the same time, in the one format of the server
            assert datetime.fromisoformat(stored["start_time"]) == datetime.fromisoformat(state["start_time"])
            state = {**state, "start_time": stored["start_time"]}
        assert {key: stored.get(key) for key in state} == state


@pytest.mark.parametrize("type", ["Scheduled", "Resume", "Retrying", "Queued"])
def test_a_sparse_state_that_waits_is_due_now(api: Any, running: str, type: str) -> None:
    api.set_flow_state(running, type)
    row = api.row("flow_run", running, "state_start_time serialized_state")
    assert row["state_start_time"] == row["serialized_state"]["start_time"] == api.at(0)
    if type == "Retrying":
        assert row["serialized_state"]["run_count"] == 1


def test_a_sparse_paused_state_waits_for_ever(api: Any, running: str) -> None:
    api.set_flow_state(running, "Paused", state={"message": "approve me"})
    row = api.row("flow_run", running, "state state_start_time state_message")
    assert row == {"state": "Paused", "state_start_time": None, "state_message": "approve me"}


def test_sparse_states_gain_what_clients_read(api: Any, running: str) -> None:
    api.set_flow_state(running, "Success")
    state = api.row("flow_run", running, "serialized_state")["serialized_state"]
    assert state["_result"]["type"] == "NoResultType"
    assert (state["context"], state["cached_inputs"], state["message"]) == ({}, {}, None)


def test_each_accepted_state_is_one_version_and_one_row_of_history(api: Any) -> None:
    run_id = api.run()
    replies = [api.set_flow_state(run_id, type) for type in ("Submitted", "Running", "Failed", "Scheduled")]

    assert [reply["version"] for reply in replies] == [2, 3, 4, 5]
    assert {reply["status"] for reply in replies} == {"SUCCESS"}
    states = api.row("flow_run", run_id, "states(order_by: {version: asc}) { version state }")["states"]
    assert [one["state"] for one in states] == ["Scheduled", "Submitted", "Running", "Failed", "Scheduled"]


def test_start_and_end_are_the_first_running_and_the_last_end(api: Any) -> None:
    run_id = api.run()
    api.move(1)
    api.set_flow_state(run_id, "Running")
    started = api.at(0)
    api.move(1)
    api.set_flow_state(run_id, "Failed")
    assert api.row("flow_run", run_id, "start_time end_time") == {
        "start_time": started,
        "end_time": api.at(0),
    }
    api.move(1)
    api.set_flow_state(run_id, "Running")
    assert api.row("flow_run", run_id, "start_time end_time") == {"start_time": started, "end_time": None}
    api.move(1)
    api.set_flow_state(run_id, "Success")
    assert api.row("flow_run", run_id, "end_time") == {"end_time": api.at(0)}


def test_people_may_restart_and_mark_finished_runs(api: Any, running: str) -> None:
    for type in ("Success", "Failed", "Scheduled", "Success"):
        assert api.set_flow_state(running, type)["state"] == type


def test_unknown_runs_are_refused_in_the_words_that_agents_look_for(api: Any, failure: Any) -> None:
    nobody = "00000000-0000-4000-8000-000000000000"
    with pytest.raises(failure, match=f"State update failed for flow run ID {nobody}"):
        api.set_flow_state(nobody, "Running")
    with pytest.raises(failure, match=f"State update failed for task run ID {nobody}"):
        api.set_task_state(nobody, "Running")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"type": "Nonsense"}, "no state of type 'Nonsense'"),
        ({}, "no state of type None"),
        ([1], "JSON object"),
        ({"type": ["Success"]}, "no state of type"),
        ({"type": "Scheduled", "start_time": "tomorrow"}, "start_time|tomorrow"),
        (
            {"type": "Success", "message": "x" * Limits().state_bytes},
            "^BAD_USER_INPUT: State payload is too large.$",
        ),
    ],
)
def test_what_is_no_state_is_refused(api: Any, running: str, failure: Any, state: Any, words: str) -> None:
    with pytest.raises(failure, match=words) as caught:
        api.mutate("set_flow_run_states", "states { id }", states=[{"flow_run_id": running, "state": state}])
    assert caught.value.code == "BAD_USER_INPUT"
    assert api.row("flow_run", running, "version") == {"version": 2}


def test_one_bad_state_of_a_list_leaves_all_as_they_were(api: Any, running: str, failure: Any) -> None:
    states = [
        {"flow_run_id": running, "state": {"type": "Success"}},
        {"flow_run_id": running, "state": {"type": "Nonsense"}},
    ]
    with pytest.raises(failure):
        api.mutate("set_flow_run_states", "states { id }", states=states)
    assert api.row("flow_run", running, "state version") == {"state": "Running", "version": 2}


def test_replies_come_in_the_order_of_the_states(api: Any) -> None:
    runs = [api.run() for _ in range(3)]
    states = [{"flow_run_id": run_id, "state": {"type": "Running"}} for run_id in reversed(runs)]
    replies = api.mutate("set_flow_run_states", "states { id status message }", states=states)["states"]
    assert [reply["id"] for reply in replies] == list(reversed(runs))


# -- submitting -----------------------------------------------------------------------


@pytest.mark.parametrize("before", ["Scheduled", "Retrying", "Resume", "Queued", "Paused"])
def test_a_run_that_waits_is_submitted_to_the_agent_that_asks(api: Any, before: str) -> None:
    agent_id = api.mutate("register_agent", type="LocalAgent")["id"]
    run_id = api.run()
    api.set_flow_state(run_id, before)
    api.as_(agent_id=agent_id).set_flow_state(run_id, "Submitted")
    assert api.row("flow_run", run_id, "state agent_id agent { type } epoch lease_until") == {
        "state": "Submitted",
        "agent_id": agent_id,
        "agent": {"type": "LocalAgent"},
        "epoch": 1,
        "lease_until": api.at(600),
    }


@pytest.mark.parametrize("before", ["Submitted", "Running", "Cancelling", "Success", "Cancelled", "Pending"])
def test_a_run_that_does_not_wait_is_not_submitted(api: Any, failure: Any, before: str) -> None:
    run_id = api.run()
    api.set_flow_state(run_id, before)
    with pytest.raises(failure, match="State update failed"):
        api.set_flow_state(run_id, "Submitted")
    assert api.row("flow_run", run_id, "state version") == {"state": before, "version": 2}


def test_the_second_agent_that_brings_a_task_back_is_refused(api: Any, running: str, failure: Any) -> None:
    task_run = api.task_runs(running)["a"]
    api.set_task_state(task_run, "Retrying")
    api.set_task_state(task_run, "Submitted")
    with pytest.raises(failure, match=r"State update failed.*already been submitted"):
        api.set_task_state(task_run, "Submitted")


# -- running --------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["Cancelling", "Cancelled"])
def test_a_cancelled_run_does_not_come_back(api: Any, running: str, failure: Any, state: str) -> None:
    api.set_flow_state(running, state)
    with pytest.raises(failure, match="State update failed"):
        api.set_flow_state(running, "Running")


def test_a_cancelled_run_may_be_restarted(api: Any, running: str) -> None:
    api.set_flow_state(running, "Cancelled")
    api.set_flow_state(running, "Scheduled")
    assert api.set_flow_state(running, "Running")["state"] == "Running"


@pytest.mark.parametrize("state", [None, "Submitted", "Cancelling", "Success"])
def test_a_task_runs_only_while_its_flow_run_runs(api: Any, failure: Any, state: str | None) -> None:
    run_id = api.run()
    task_run = api.task_runs(run_id)["a"]
    if state is not None:
        api.set_flow_state(run_id, state)
    with pytest.raises(
        failure, match=f"State update failed for task run ID {task_run}: .*not in a running state[.]"
    ):
        api.set_task_state(task_run, "Running")


def test_a_cancelled_flow_run_cancels_its_unfinished_task_runs_in_the_same_words(
    api: Any, running: str
) -> None:
    tasks = api.task_runs(running)
    api.set_task_state(tasks["a"], "Skipped")
    api.set_task_state(tasks["b"], "Running")

    api.set_flow_state(running, "Cancelled", state={"message": "enough"})

    rows = api.rows("task_run", "state state_message", "(order_by: {task: {slug: asc}})")
    assert rows == [
        {"state": "Skipped", "state_message": None},
        {"state": "Cancelled", "state_message": "enough"},
        {"state": "Cancelled", "state_message": "enough"},
    ]


def test_stored_inputs_are_carried_to_states_that_have_none(api: Any, running: str) -> None:
    task_run = api.task_runs(running)["a"]
    inputs = {"x": {"type": "LocalResult", "location": "/x", "dir": "/", "__version__": "1.4.1"}}
    api.set_task_state(task_run, "Retrying", state={"cached_inputs": inputs})
    api.set_task_state(task_run, "Running")
    state = api.row("task_run", task_run, "serialized_state")["serialized_state"]
    assert state["cached_inputs"]["x"]["location"] == "/x"


def test_running_refreshes_the_heartbeat_and_the_lease(api: Any) -> None:
    run_id = api.run()
    api.move(5)
    api.set_flow_state(run_id, "Running")
    assert api.row("flow_run", run_id, "heartbeat lease_until") == {
        "heartbeat": api.at(0),
        "lease_until": api.at(120),
    }
    api.set_flow_state(run_id, "Success")
    assert api.row("flow_run", run_id, "lease_until") == {"lease_until": None}


# -- versions and attempts ------------------------------------------------------------


def test_versions_count_only_where_the_flow_locks_them(api: Any, failure: Any) -> None:
    flow_id = api.flow()
    run_id = api.run(flow_id)
    api.set_flow_state(run_id, "Running", version=77)
    api.mutate("enable_flow_version_lock", "success", flow_id=flow_id)
    with pytest.raises(failure, match=r"State update failed.*version 77") as caught:
        api.set_flow_state(run_id, "Running", version=77)
    assert caught.value.status == 200
    assert caught.value.code == "VERSION_LOCKING_ERROR"
    task_run = api.task_runs(run_id)["a"]
    with pytest.raises(failure, match="State update failed"):
        api.set_task_state(task_run, "Running", version=2)
    api.set_task_state(task_run, "Running", version=1)
    api.set_flow_state(run_id, "Success")  # a state without a version is for any


def test_a_restarted_run_is_another_attempt_and_the_first_reports_no_more(api: Any, failure: Any) -> None:
    run_id = api.run()
    first = api.set_flow_state(run_id, "Submitted")["epoch"]
    api.set_flow_state(run_id, "Running", epoch=first)
    task_run = api.task_runs(run_id)["a"]
    assert api.set_task_state(task_run, "Running", epoch=first)["epoch"] == first

    api.set_flow_state(run_id, "Scheduled")
    with pytest.raises(failure, match="attempt 1") as caught:
        api.set_flow_state(run_id, "Success", epoch=first)
    assert caught.value.code == "VERSION_LOCKING_ERROR"
    second = api.set_flow_state(run_id, "Submitted")["epoch"]
    api.set_flow_state(run_id, "Running", epoch=second)
    with pytest.raises(failure, match="State update failed"):
        api.set_task_state(task_run, "Success", epoch=first)
    api.set_task_state(task_run, "Success", epoch=second)


def test_waiting_for_a_slot_is_the_same_attempt(api: Any) -> None:
    api.mutate("update_flow_concurrency_limit", label="x", limit=0)
    run_id = api.run(api.flow(), labels=["x"])
    api.mutate("update_flow_concurrency_limit", label="x", limit=1)
    epoch = api.set_flow_state(run_id, "Submitted")["epoch"]
    api.mutate("update_flow_concurrency_limit", label="x", limit=0)
    api.write(lambda tx: tx.execute("DELETE FROM concurrency_slot"))

    waiting = api.set_flow_state(run_id, "Running", epoch=epoch)

    assert (waiting["status"], waiting["state"], waiting["epoch"]) == ("QUEUED", "Queued", epoch)


# -- slots ----------------------------------------------------------------------------


def test_a_run_without_a_slot_is_stored_as_queued_for_ten_minutes(api: Any) -> None:
    api.mutate("update_flow_concurrency_limit", label="db", limit=1)
    flow_id = api.flow()
    first, second = api.run(flow_id, labels=["db"]), api.run(flow_id, labels=["db"])
    api.set_flow_state(first, "Running")

    reply = api.set_flow_state(second, "Running")

    assert reply["status"] == "QUEUED"
    assert "'db'" in reply["message"]
    row = api.row("flow_run", second, "state state_start_time serialized_state version")
    assert (row["state"], row["state_start_time"], row["version"]) == ("Queued", api.at(600), 2)
    assert row["serialized_state"]["state"]["type"] == "Running"

    api.set_flow_state(first, "Success")
    assert api.set_flow_state(second, "Running")["status"] == "SUCCESS"


def test_submitting_without_a_slot_is_refused_and_never_queued(api: Any, failure: Any) -> None:
    api.mutate("update_flow_concurrency_limit", label="db", limit=1)
    flow_id = api.flow()
    first, second = api.run(flow_id, labels=["db"]), api.run(flow_id, labels=["db"])
    api.set_flow_state(first, "Submitted")
    with pytest.raises(failure, match="State update failed: no slot is free for the label 'db'"):
        api.set_flow_state(second, "Submitted")
    assert api.row("flow_run", second, "state") == {"state": "Scheduled"}
    api.set_flow_state(first, "Running")
    assert api('{ flow_concurrency(labels: ["db", "none"]) { label usage limit } }')["flow_concurrency"] == [
        {"label": "db", "usage": 1, "limit": 1},
        {"label": "none", "usage": 0, "limit": None},
    ]


def test_a_task_needs_a_slot_for_each_of_its_limited_tags(api: Any, task_json: Any) -> None:
    api.mutate("update_task_tag_limit", tag="x", limit=2)
    api.mutate("update_task_concurrency_limit", name="y", limit=1)
    flow_id = api.flow(
        tasks=[task_json("a", tags=["x", "y"]), task_json("b", tags=["x", "y", "z"])], edges=[]
    )
    run_id = api.run(flow_id)
    api.set_flow_state(run_id, "Running")
    tasks = api.task_runs(run_id)

    assert (
        api.set_task_state(tasks["a"], "Running", state={"context": {"tags": ["x", "y"]}})["status"]
        == "SUCCESS"
    )
    waiting = api.set_task_state(tasks["b"], "Running")  # without tags: those of the task count
    assert (waiting["status"], waiting["state"]) == ("QUEUED", "Queued")
    assert api("{ task_concurrency { name usage limit } }")["task_concurrency"] == [
        {"name": "x", "usage": 1, "limit": 2},
        {"name": "y", "usage": 1, "limit": 1},
    ]
    api.set_task_state(tasks["a"], "Failed")
    assert api.set_task_state(tasks["b"], "Running")["status"] == "SUCCESS"


def test_cancelling_a_flow_run_frees_the_slots_of_its_tasks(api: Any, task_json: Any) -> None:
    api.mutate("update_task_tag_limit", tag="x", limit=1)
    run_id = api.run(api.flow(tasks=[task_json("a", tags=["x"])], edges=[]))
    api.set_flow_state(run_id, "Running")
    api.set_task_state(api.task_runs(run_id)["a"], "Running")

    api.set_flow_state(run_id, "Cancelled")

    assert api("{ task_concurrency { usage } }") == {"task_concurrency": [{"usage": 0}]}


def test_text_that_databases_refuse_is_kept_readable(api: Any, running: str) -> None:
    api.set_flow_state(running, "Failed", state={"message": "nul \0 half \ud800"})
    row = api.row("flow_run", running, "state_message serialized_state")
    assert row["state_message"] == row["serialized_state"]["message"] == "nul \ufffd half \ufffd"
    api.set_flow_state(running, "Failed", state={"message": r"a backslash, \u0000"})
    assert api.row("flow_run", running, "state_message") == {"state_message": r"a backslash, \u0000"}
