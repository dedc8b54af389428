"""Flow runs are made, named, labelled, cancelled and deleted."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest


def test_a_flow_run_is_scheduled_with_a_pending_task_run_for_each_task(api: Any) -> None:
    run_id = api.run(parameters={"a": 1}, context={"b": 2}, flow_run_name="my-run")

    run = api.row(
        "flow_run",
        run_id,
        "name state version parameters context labels serialized_state state_start_time scheduled_start_time "
        "task_runs(order_by: {task: {slug: asc}}) { map_index version state serialized_state task { slug } "
        "states { state version message } } states { version state message start_time }",
    )

    assert (run["name"], run["state"], run["version"]) == ("my-run", "Scheduled", 1)
    assert run["parameters"] == {"a": 1}
    assert run["context"] == {"b": 2}
    assert run["labels"] == []
    assert run["serialized_state"]["message"] == "Flow run scheduled."
    assert run["state_start_time"] == run["scheduled_start_time"] == api.at(0)
    assert run["states"] == [
        {"version": 1, "state": "Scheduled", "message": "Flow run scheduled.", "start_time": api.at(0)}
    ]
    assert [one["task"]["slug"] for one in run["task_runs"]] == ["a", "b", "c"]
    first = run["task_runs"][0]
    assert (first["map_index"], first["version"], first["state"]) == (-1, 1, "Pending")
    assert first["states"] == [{"state": "Pending", "version": 1, "message": "Task run created"}]
    assert first["serialized_state"]["type"] == "Pending"


def _labels(api: Any, flow_id: str, **values: Any) -> list[str]:
    return api.row("flow_run", api.run(flow_id, **values), "labels")["labels"]


def test_labels_come_from_the_first_that_says_some(api: Any) -> None:
    flow_id = api.flow(run_config={"type": "LocalRun", "labels": ["flow"]})
    group_id = api.row("flow", flow_id, "flow_group_id")["flow_group_id"]

    def set_group(name: str, value: Any) -> None:
        key = "labels" if name == "labels" else "run_config"
        api.mutate(f"set_flow_group_{name}", "success", flow_group_id=group_id, **{key: value})

    assert _labels(api, flow_id) == ["flow"]
    set_group("run_config", {"type": "LocalRun", "labels": ["group config"]})
    assert _labels(api, flow_id) == ["group config"]
    set_group("labels", ["group"])
    assert _labels(api, flow_id) == ["group"]
    set_group("labels", [])
    assert _labels(api, flow_id) == []
    assert _labels(api, flow_id, run_config={"type": "LocalRun", "labels": ["config"]}) == ["config"]
    config = {"type": "LocalRun", "labels": ["config"]}
    assert _labels(api, flow_id, run_config=config, labels=["b", "a", "b"]) == ["a", "b"]
    assert _labels(api, flow_id, run_config=config, labels=[]) == []


def test_labels_of_a_flow_from_the_time_of_environments_are_found(api: Any) -> None:
    assert _labels(api, api.flow(run_config=None, environment={"labels": ["old"]})) == ["old"]


def test_the_run_config_is_that_of_the_run_the_group_or_the_flow(api: Any) -> None:
    flow_id = api.flow(run_config={"type": "LocalRun", "labels": []})
    group_id = api.row("flow", flow_id, "flow_group_id")["flow_group_id"]

    def run_config(**values: Any) -> str:
        return api.row("flow_run", api.run(flow_id, **values), "run_config")["run_config"]["type"]

    assert run_config() == "LocalRun"
    api.mutate(
        "set_flow_group_run_config", "success", flow_group_id=group_id, run_config={"type": "DockerRun"}
    )
    assert run_config() == "DockerRun"
    assert run_config(run_config={"type": "KubernetesRun"}) == "KubernetesRun"


def test_missing_parameters_are_named(api: Any, failure: Any) -> None:
    flow_id = api.flow(
        parameters=[
            {"name": "given", "slug": "given", "default": None, "required": True},
            {"name": "lost", "slug": "lost", "default": None, "required": True},
            {"name": "optional", "slug": "optional", "default": 3, "required": False},
        ]
    )
    with pytest.raises(failure, match=r"not supplied: lost[.]") as caught:
        api.run(flow_id, parameters={"given": None})
    assert caught.value.code == "BAD_USER_INPUT"
    run_id = api.run(flow_id, parameters={"given": 1, "lost": 2})
    assert api.row("flow_run", run_id, "parameters") == {"parameters": {"given": 1, "lost": 2, "optional": 3}}


def test_parameters_may_be_json_text_in_a_document(api: Any) -> None:
    flow_id = api.flow()
    made = api(
        f'mutation {{ create_flow_run(input: {{flow_id: "{flow_id}", parameters: "{{\\"a\\": 2}}"}}) {{ id }} }}'
    )
    run_id = made["create_flow_run"]["id"]
    assert api.row("flow_run", run_id, "parameters") == {"parameters": {"a": 2}}


def test_a_version_group_runs_its_newest_unarchived_version(api: Any, failure: Any) -> None:
    project_id = api.project()
    first = api.flow(project_id)
    second = api.flow(project_id)
    group = api.row("flow", first, "version_group_id")["version_group_id"]

    run_id = api.mutate("create_flow_run", version_group_id=group)["id"]
    assert api.row("flow_run", run_id, "flow_id") == {"flow_id": second}

    api.mutate("archive_flow", "success", flow_id=second)
    with pytest.raises(failure, match="was not found") as caught:
        api.mutate("create_flow_run", version_group_id=group)
    assert caught.value.code == "NOT_FOUND"


def test_a_key_counts_for_one_flow(api: Any) -> None:
    one, two = api.flow(), api.flow()
    first = api.run(one, idempotency_key="k", parameters={"a": 1})

    assert api.run(one, idempotency_key="k", parameters={"a": 2}) == first
    assert api.row("flow_run", first, "parameters version") == {"parameters": {"a": 1}, "version": 1}
    assert api.run(two, idempotency_key="k") != first


def test_a_run_without_a_name_gets_two_words(api: Any) -> None:
    name = api.row("flow_run", api.run(), "name")["name"]
    assert re.fullmatch(r"[a-z]+-[a-z]+", name)


def test_a_run_is_due_when_it_was_asked_for(api: Any) -> None:
    run_id = api.run(scheduled_start_time="2031-01-01T12:00:00+02:00")
    assert api.row("flow_run", run_id, "scheduled_start_time state_start_time") == {
        "scheduled_start_time": "2031-01-01T10:00:00.000000+00:00",
        "state_start_time": "2031-01-01T10:00:00.000000+00:00",
    }


def test_a_run_remembers_the_task_run_that_started_it_and_the_user(api: Any) -> None:
    parent = api.run()
    task_run = api.task_runs(parent)["a"]

    plain = api.run(idempotency_key=task_run)
    mapped = api.run(idempotency_key=f"{task_run}-7")
    other = api.run(idempotency_key="0" * 32)

    columns = "parent_task_run_id created_by { id }"
    assert api.row("flow_run", plain, columns) == {
        "parent_task_run_id": task_run,
        "created_by": {"id": api.caller.user_id},
    }
    assert api.row("flow_run", mapped, columns)["parent_task_run_id"] == task_run
    assert api.row("flow_run", other, columns)["parent_task_run_id"] is None


@pytest.mark.parametrize("said", ["no id", 7, None, "00000000-0000-0000-0000-000000000000"])
def test_the_context_says_which_task_run_started_a_run_with_a_key_of_its_own(api: Any, said: Any) -> None:
    task_run = api.task_runs(api.run())["a"]
    known = api.run(idempotency_key="mine", context={"parent_task_run_id": task_run})
    unknown = api.run(idempotency_key="mine", context={"parent_task_run_id": said})
    assert api.row("flow_run", known, "parent_task_run { id }") == {"parent_task_run": {"id": task_run}}
    assert api.row("flow_run", unknown, "parent_task_run_id") == {"parent_task_run_id": None}


def test_neither_flow_nor_group_is_a_mistake(api: Any, failure: Any) -> None:
    with pytest.raises(failure, match="flow_id or version_group_id"):
        api.mutate("create_flow_run")


def test_a_thousand_tasks_cost_a_few_statements(
    api: Any, task_json: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow_id = api.flow(tasks=[task_json(f"t{number}") for number in range(1000)], edges=[])
    counted: list[str] = []

    def make(tx: Any) -> None:
        kind = type(tx)
        original = kind._cursor
        monkeypatch.setattr(
            kind, "_cursor", lambda self, sql, params: counted.append(sql) or original(self, sql, params)
        )

    api.write(make)
    run_id = api.run(flow_id)
    monkeypatch.undo()

    assert len(counted) <= 8
    assert len(api.task_runs(run_id)) == 1000


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([], "Cancelled"),
        (["Submitted"], "Cancelled"),
        (["Running"], "Cancelling"),
        (["Running", "Cancelling"], "Cancelling"),
        (["Running", "Success"], "Success"),
        (["Running", "Failed"], "Failed"),
    ],
)
def test_cancelling_a_run(api: Any, states: list[str], expected: str) -> None:
    run_id = api.run()
    for state in states:
        api.set_flow_state(run_id, state)
    version = api.row("flow_run", run_id, "version")["version"]

    assert api.mutate("cancel_flow_run", "state", flow_run_id=run_id) == {"state": expected}

    row = api.row("flow_run", run_id, "state version")
    assert row["state"] == expected
    assert row["version"] == version + (0 if states and states[-1] == expected else 1)


def test_cancelling_a_run_that_does_not_run_cancels_its_task_runs(api: Any) -> None:
    run_id = api.run()
    api.set_task_state(api.task_runs(run_id)["a"], "Success")

    api.mutate("cancel_flow_run", "state", flow_run_id=run_id)

    rows = api.rows(
        "task_run", "state version end_time states { version state }", "(order_by: {task: {slug: asc}})"
    )
    assert [row["state"] for row in rows] == ["Success", "Cancelled", "Cancelled"]
    assert rows[1]["version"] == 2
    assert rows[1]["end_time"] == api.at(0)
    assert {"version": 2, "state": "Cancelled"} in rows[1]["states"]


def test_a_run_is_deleted_with_all_that_is_its_own(api: Any) -> None:
    api.mutate("update_flow_concurrency_limit", label="x", limit=1)
    flow_id = api.flow()
    run_id = api.run(flow_id, labels=["x"])
    api.set_flow_state(run_id, "Running")
    api.mutate("write_run_logs", "success", logs=[{"flow_run_id": run_id, "message": "line"}])

    api.mutate("delete_flow_run", "success", flow_run_id=run_id)

    for table in ("flow_run", "task_run", "flow_run_state", "task_run_state", "log"):
        assert api.rows(table, "id") == [], table
    assert api("{ flow_concurrency { usage } }") == {"flow_concurrency": [{"usage": 0}]}


def test_a_run_is_renamed_without_a_new_version(api: Any, failure: Any) -> None:
    run_id = api.run()
    assert api.mutate("set_flow_run_name", "success", flow_run_id=run_id, name="zz") == {"success": True}
    assert api.row("flow_run", run_id, "name version") == {"name": "zz", "version": 1}
    with pytest.raises(failure, match="cannot be empty"):
        api.mutate("set_flow_run_name", "success", flow_run_id=run_id, name=" ")


def test_labels_of_a_run_change_until_an_agent_has_it(api: Any, failure: Any) -> None:
    run_id = api.run()
    api.mutate("set_flow_run_labels", flow_run_id=run_id, labels=["b", "a"])
    assert api.row("flow_run", run_id, "labels") == {"labels": ["a", "b"]}
    api.set_flow_state(run_id, "Submitted")
    with pytest.raises(failure, match="has its agent already"):
        api.mutate("set_flow_run_labels", flow_run_id=run_id, labels=[])


def test_a_heartbeat_renews_the_lease_and_keeps_the_version(api: Any) -> None:
    run_id = api.run()
    api.set_flow_state(run_id, "Submitted")
    api.set_flow_state(run_id, "Running")
    before = api.row("flow_run", run_id, "version lease_until")
    api.move(30)

    assert api.mutate("update_flow_run_heartbeat", "success", flow_run_id=run_id) == {"success": True}

    after = api.row("flow_run", run_id, "version lease_until heartbeat updated")
    assert after["version"] == before["version"]
    assert after["heartbeat"] == after["updated"] == api.at(0)
    assert after["lease_until"] == api.at(120)
    assert before["lease_until"] == api.at(90)


def test_an_agent_renews_a_lease_for_longer_and_no_heartbeat_shortens_it(api: Any) -> None:
    run_id = api.run()
    api.set_flow_state(run_id, "Submitted", lease_s=15.0)
    assert api.row("flow_run", run_id, "lease_until") == {"lease_until": api.at(15)}

    api.mutate("update_flow_run_heartbeat", "success", flow_run_id=run_id, lease_s=300.0)
    api.mutate("update_flow_run_heartbeat", "success", flow_run_id=run_id)

    assert api.row("flow_run", run_id, "lease_until") == {"lease_until": api.at(300)}


def test_a_heartbeat_of_an_earlier_attempt_is_told_to_stop(api: Any) -> None:
    run_id = api.run()
    epoch = api.set_flow_state(run_id, "Submitted")["epoch"]
    api.set_flow_state(run_id, "Scheduled")

    reply = api.mutate("update_flow_run_heartbeat", "success error", flow_run_id=run_id, epoch=epoch)

    assert reply["success"] is False
    assert "must stop" in reply["error"]


def test_a_heartbeat_of_a_run_that_waits_gives_no_lease(api: Any, failure: Any) -> None:
    run_id = api.run()
    api.mutate("update_flow_run_heartbeat", "success", flow_run_id=run_id)
    assert api.row("flow_run", run_id, "lease_until") == {"lease_until": None}
    with pytest.raises(failure, match="was not found"):
        api.mutate("update_flow_run_heartbeat", "success", flow_run_id=str(uuid.uuid4()))
