"""Projects, artifacts, agents, key-value pairs, limits, messages and tenants."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from prefect.server.domain.common import new_id, stamp

# -- projects -------------------------------------------------------------------------


def test_a_project_name_is_unique_in_its_tenant_and_the_refusal_is_what_clients_match(
    api: Any, other: Any, failure: Any
) -> None:
    api.mutate("create_project", name="P", description="d", tenant_id=api.caller.tenant_id)
    with pytest.raises(failure) as caught:
        api.project("P")
    assert caught.value.message == "Uniqueness violation."
    other.project("P")
    assert api.rows("project", "name description") == [{"name": "P", "description": "d"}]


def test_a_project_is_renamed_and_described(api: Any, failure: Any) -> None:
    project_id, _ = api.project("one"), api.project("two")
    api.mutate("set_project_name", project_id=project_id, name="three")
    api.mutate("set_project_description", project_id=project_id, description="d")
    assert api.row("project", project_id, "name description") == {"name": "three", "description": "d"}
    with pytest.raises(failure, match="Uniqueness violation"):
        api.mutate("set_project_name", project_id=project_id, name="two")
    with pytest.raises(failure, match="cannot be empty"):
        api.project("  ")


def test_a_project_is_deleted_with_all_that_is_in_it(api: Any) -> None:
    project_id = api.project()
    run_id = api.run(api.flow(project_id))
    api.mutate("write_run_logs", "success", logs=[{"flow_run_id": run_id, "message": "m"}])
    kept = api.run(api.flow())

    assert api.mutate("delete_project", "success", project_id=project_id) == {"success": True}

    assert api.rows("flow_run", "id") == [{"id": kept}]
    assert api.rows("log", "id") == []
    assert len(api.rows("flow_group", "id")) == 1


# -- artifacts ------------------------------------------------------------------------


def test_an_artifact_is_left_changed_and_deleted(api: Any, failure: Any) -> None:
    task_run = api.task_runs(api.run())["a"]
    made = api.mutate(
        "create_task_run_artifact",
        task_run_id=task_run,
        kind="markdown",
        data={"markdown": "# x"},
        tenant_id=None,
    )["id"]
    columns = "kind data task_run { id }"
    assert api.row("task_run_artifact", made, columns) == {
        "kind": "markdown",
        "data": {"markdown": "# x"},
        "task_run": {"id": task_run},
    }
    api.mutate("update_task_run_artifact", "success", task_run_artifact_id=made, data={"markdown": "y"})
    assert api.row("task_run_artifact", made, "data") == {"data": {"markdown": "y"}}
    api.mutate("delete_task_run_artifact", "success", task_run_artifact_id=made)
    with pytest.raises(failure, match="not found"):
        api.mutate("delete_task_run_artifact", "success", task_run_artifact_id=made)


def test_artifacts_have_a_task_run_and_a_size(api: Any, other: Any, failure: Any) -> None:
    task_run = api.task_runs(api.run())["a"]
    with pytest.raises(failure, match="not found"):
        api.mutate("create_task_run_artifact", task_run_id=str(uuid.uuid4()), kind="link", data={})
    with pytest.raises(failure, match="1,000,000 bytes"):
        api.mutate(
            "create_task_run_artifact", task_run_id=task_run, kind="link", data={"link": "x" * 1_000_000}
        )
    with pytest.raises(failure, match="not found"):
        api.mutate(
            "create_task_run_artifact",
            task_run_id=task_run,
            kind="k",
            data={},
            tenant_id=other.caller.tenant_id,
        )


# -- agents ---------------------------------------------------------------------------


def test_an_agent_that_starts_again_is_the_same_unless_it_changed(api: Any) -> None:
    def start(**values: Any) -> str:
        return api.as_(core_version="1.4.1").mutate("register_agent", type="LocalAgent", **values)["id"]

    first = start(name="n", labels=["b", "a"], tenant_id=api.caller.tenant_id, agent_config_id=None)
    assert start(name="n", labels=["a", "b", "a"]) == first
    assert start(name="n", labels=["a"]) != first
    assert start(name=None, labels=["a", "b"]) != first
    assert api.as_(core_version="1.5.0").mutate(
        "register_agent", type="LocalAgent", name="n", labels=["a", "b"]
    ) != {"id": first}
    assert api.row("agent", first, "name type labels core_version last_queried") == {
        "name": "n",
        "type": "LocalAgent",
        "labels": ["a", "b"],
        "core_version": "1.4.1",
        "last_queried": api.at(0),
    }
    api.mutate("delete_agent", "success", agent_id=first)
    assert api.row("agent", first, "id") is None


def test_agents_read_their_settings(api: Any, failure: Any) -> None:
    config = api.mutate("create_agent_config", tenant_id=api.caller.tenant_id, name="c", settings={"a": 1})[
        "id"
    ]
    agent_id = api.mutate("register_agent", type="LocalAgent", agent_config_id=config)["id"]
    api.mutate("update_agent_config", agent_config_id=config, settings={"b": 2})
    assert api.rows("agent_config", "name settings", f'(where: {{id: {{_eq: "{config}"}}}})') == [
        {"name": "c", "settings": {"b": 2}}
    ]
    api.mutate("delete_agent_config", "success", agent_config_id=config)
    assert api.row("agent", agent_id, "agent_config_id") == {"agent_config_id": None}
    with pytest.raises(failure, match="not found"):
        api.mutate("register_agent", type="LocalAgent", agent_config_id=config)


# -- keys and values ------------------------------------------------------------------


@pytest.mark.parametrize("value", [{"a": [1, None]}, "text", '"quoted"', 0, False, None, [], "{}"])
def test_a_value_comes_back_as_it_was_set(api: Any, value: Any) -> None:
    api.mutate("set_key_value", key="k", value=value) if value is not None else api.mutate(
        "set_key_value", key="k"
    )
    assert api.rows("key_value", "key value") == [{"key": "k", "value": value}]


def test_a_key_has_one_value(api: Any, other: Any, failure: Any) -> None:
    first = api.mutate("set_key_value", key="k", value=1)["id"]
    assert api.mutate("set_key_value", key="k", value=2)["id"] == first
    other.mutate("set_key_value", key="k", value=3)
    assert api.rows("key_value", "value") == [{"value": 2}]
    api.mutate("delete_key_value", "success", key_value_id=first)
    assert api.rows("key_value", "id") == []
    with pytest.raises(failure, match="bytes"):
        api.mutate("set_key_value", key="k", value="x" * 10_001)


# -- limits ---------------------------------------------------------------------------


def test_a_limit_is_set_changed_and_removed(api: Any, failure: Any) -> None:
    first = api.mutate("update_task_tag_limit", tag="db", limit=5)["id"]
    assert api.mutate("update_task_tag_limit", tag="db", limit=6)["id"] == first
    assert api.rows("task_tag_limit", "tag limit") == [{"tag": "db", "limit": 6}]
    with pytest.raises(failure, match="0 or more"):
        api.mutate("update_task_tag_limit", tag="db", limit=-1)
    api.mutate("delete_task_tag_limit", "success", limit_id=first)
    assert api.rows("task_tag_limit", "id") == []

    label = api.mutate("update_flow_concurrency_limit", label="x", limit=0)["id"]
    assert api.rows("flow_concurrency_limit", "name limit") == [{"name": "x", "limit": 0}]
    api.mutate("delete_flow_concurrency_limit", "success", limit_id=label)
    other_name = api.mutate("update_task_concurrency_limit", name="y", limit=1)["id"]
    api.mutate("delete_task_concurrency_limit", "success", limit_id=other_name)
    with pytest.raises(failure, match="not found"):
        api.mutate("delete_task_concurrency_limit", "success", limit_id=other_name)


def test_a_limit_for_a_tag_counts_tasks_that_run(api: Any, task_json: Any) -> None:
    run_id = api.run(api.flow(tasks=[task_json("a", tags=["t"])], edges=[]))
    api.set_flow_state(run_id, "Running")
    api.set_task_state(api.task_runs(run_id)["a"], "Running")
    api.mutate("update_task_tag_limit", tag="t", limit=1)
    assert api('{ task_concurrency(names: ["t"]) { usage } }') == {"task_concurrency": [{"usage": 1}]}


# -- messages -------------------------------------------------------------------------


def test_messages_are_marked_and_deleted(api: Any) -> None:
    message_id = new_id()
    api.write(
        lambda tx: tx.execute(
            'INSERT INTO message (id, created, updated, tenant_id, type, text, content, "read") '
            "VALUES (:id, :now, :now, :tenant, 'x', 'hello', '{}', :no)",
            {"id": message_id, "now": stamp(api.now[0]), "tenant": api.caller.tenant_id, "no": False},
        )
    )
    api.mutate("mark_message_as_read", "success", message_id=message_id)
    assert api.row("message", message_id, "read") == {"read": True}
    api.mutate("mark_message_as_unread", "success", message_id=message_id)
    assert api.row("message", message_id, "read") == {"read": False}
    api.mutate("delete_message", "success", message_id=message_id)
    assert api.rows("message", "id") == []


# -- tenants --------------------------------------------------------------------------


def test_a_tenant_is_created_by_an_admin_who_is_its_admin(api: Any, failure: Any) -> None:
    tenant_id = api.mutate("create_tenant", name="T2", slug="t2")["id"]
    inside = api.as_(tenant_id=tenant_id, tenants=(api.caller.tenant_id, tenant_id))
    assert inside.rows("membership", "role user_id") == [{"role": "admin", "user_id": api.caller.user_id}]
    assert [row["slug"] for row in inside.rows("tenant", "slug", "(order_by: {slug: asc})")] == [
        "example",
        "t2",
    ]
    with pytest.raises(failure, match="Uniqueness violation"):
        api.mutate("create_tenant", name="again", slug="t2")
    for slug in ("T 2", "", "a--b", "-a", "ä"):
        with pytest.raises(failure, match="not a slug"):
            api.mutate("create_tenant", name="x", slug=slug)


def test_a_tenant_changes_its_name_slug_and_settings(api: Any, failure: Any) -> None:
    tenant_id = api.caller.tenant_id
    api.mutate("update_tenant_name", tenant_id=tenant_id, name="New")
    api.mutate("update_tenant_slug", slug="new-slug")
    api.mutate("update_tenant_settings", settings={"log_retention_days": 30, "theme": "dark"})
    api.mutate("update_tenant_settings", tenant_id=tenant_id, settings={"flow_run_retention_days": None})
    assert api.rows("tenant", "name slug settings") == [
        {
            "name": "New",
            "slug": "new-slug",
            "settings": {"log_retention_days": 30, "theme": "dark", "flow_run_retention_days": None},
        }
    ]
    for settings in (
        {"log_retention_days": 0},
        {"work_queue_paused": "yes"},
        {"flow_run_retention_days": True},
        [1],
    ):
        with pytest.raises(failure):
            api.mutate("update_tenant_settings", settings=settings)


def test_a_tenant_is_deleted_with_everything_when_that_is_confirmed(
    api: Any, other: Any, failure: Any
) -> None:
    run_id = api.run()
    api.mutate("write_run_logs", "success", logs=[{"flow_run_id": run_id, "message": "m"}])
    with pytest.raises(failure, match="confirm"):
        api.mutate("delete_tenant", "success", tenant_id=api.caller.tenant_id, confirm=False)
    with pytest.raises(failure, match="not found"):
        other.mutate("delete_tenant", "success", tenant_id=api.caller.tenant_id, confirm=True)
    api.mutate("delete_tenant", "success", tenant_id=api.caller.tenant_id, confirm=True)
    for table in ("flow_run", "flow", "project", "log", "tenant"):
        assert api.rows(table, "id") == [], table
    assert len(other.rows("tenant", "id")) == 1


def test_where_nobody_has_keys_every_tenant_is_everybodys(api: Any, other: Any) -> None:
    keyless = api.as_(user_id=None, tenants=(api.caller.tenant_id, other.caller.tenant_id))
    keyless.mutate("create_project", name="there", tenant_id=other.caller.tenant_id)
    assert other.rows("project", "name") == [{"name": "there"}]
