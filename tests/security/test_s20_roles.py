"""S20: what each role may ask for, as one table. An operation that is not in it fails."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import mutation_document, mutations

from prefect.server.domain import operations
from prefect.server.graphql import execute
from prefect.server.graphql.columns import table_names
from prefect.server.security.caller import ROLES, Role
from scoreboard import record

#: Changes of one's own user, keys and messages.
READ_ONLY = {
    "create_api_key", "delete_api_key", "mark_message_as_read", "mark_message_as_unread", "update_user_details",
    "update_user_settings",
}  # fmt: skip
#: The tenant, its people, and limits that hold for all of it.
ADMIN = {
    "create_service_account", "create_tenant", "create_user", "delete_flow_concurrency_limit", "delete_membership",
    "delete_service_account", "delete_task_concurrency_limit", "delete_task_tag_limit", "delete_tenant",
    "pause_tenant_work_queue", "resume_tenant_work_queue", "set_membership_role", "update_flow_concurrency_limit",
    "update_task_concurrency_limit", "update_task_tag_limit", "update_tenant_name", "update_tenant_settings",
    "update_tenant_slug",
}  # fmt: skip
#: Flows and their runs.
USER = {
    "archive_flow", "cancel_flow_run", "create_agent_config", "create_flow", "create_flow_from_compressed_string",
    "create_flow_run", "create_project", "create_task_run_artifact", "delete_agent", "delete_agent_config",
    "delete_flow", "delete_flow_group", "delete_flow_group_schedule", "delete_flow_run", "delete_key_value",
    "delete_message", "delete_project", "delete_secret", "delete_task_run_artifact", "disable_flow_heartbeat",
    "disable_flow_lazarus_process", "disable_flow_version_lock", "enable_flow_heartbeat",
    "enable_flow_lazarus_process", "enable_flow_version_lock", "get_or_create_task_run",
    "get_or_create_task_run_info",
    "get_or_create_mapped_task_runs", "get_runs_in_queue", "register_agent", "register_edges", "register_flows",
    "register_tasks", "restart_flow_run", "set_flow_group_default_parameters", "set_flow_group_description",
    "set_flow_group_labels", "set_flow_group_max_active_runs", "set_flow_group_run_config", "set_flow_group_schedule", "set_flow_run_labels",
    "set_flow_run_name", "set_flow_run_states", "set_key_value", "set_project_description", "set_project_name",
    "set_schedule_active", "set_schedule_inactive", "set_secret", "set_task_run_name", "set_task_run_states",
    "update_agent_config", "update_flow_project", "update_flow_run_heartbeat", "update_task_run_artifact",
    "update_task_run_heartbeat", "write_run_logs", "end_flow_run_attempt",
}  # fmt: skip
#: Queries that are functions; `None` is everybody, with or without a key.
QUERIES: dict[str, Role | None] = {
    "hello": None,
    "api": None,
    "auth_info": "read-only",
    "flow_concurrency": "read-only",
    "get_task_run_info": "read-only",
    "mapped_children": "read-only",
    "schedule_preview": "read-only",
    "secret_names": "read-only",
    "secret_value": "user",
    "server_health": "read-only",
    "task_concurrency": "read-only",
    "utility_downstream_tasks": "read-only",
    "utility_upstream_tasks": "read-only",
    "why_not_running": "read-only",
}
TABLE: dict[str, Role] = {
    **dict.fromkeys(READ_ONLY, "read-only"),
    **dict.fromkeys(USER, "user"),
    **dict.fromkeys(ADMIN, "admin"),
}


def test_every_operation_is_in_the_table() -> None:
    assert {name: one.role for name, one in mutations().items()} == TABLE
    assert {name: one.role for name, one in operations.queries().items()} == QUERIES


def _mistakes(worlds: Any) -> tuple[int, list[str]]:
    """Questions asked by each role and by nobody, and those whose answer the table does not say."""
    asked, mistakes = 0, []
    worlds.store.keeps_rows = False  # only answers are looked at
    for operation in mutations().values():
        value, _ = worlds.input_of(operation)
        document, needed = mutation_document(operation), ROLES.index(TABLE[operation.name])
        for position, role in enumerate(ROLES):
            asked += 1
            outcome = worlds.ask(document, {"input": value}, role=role)
            code = outcome.error[0] if outcome.error else None
            if position >= needed:
                is_right = code is None
            else:
                is_right = code == "FORBIDDEN" and worlds.store.calls == 0
            if not is_right:
                mistakes.append(f"{operation.name} by {role}: {outcome.body}")
        asked += 1
        outcome = worlds.ask_nobody(document, {"input": value})
        if outcome.status != 200 or outcome.error is None or outcome.error[0] != "UNAUTHENTICATED":
            mistakes.append(f"{operation.name} by nobody: {outcome.body}")
        if worlds.store.calls:
            mistakes.append(f"{operation.name} by nobody: the database was asked")
    return asked, mistakes


def test_each_role_may_do_what_the_table_says_and_nothing_else(worlds: Any) -> None:
    asked, mistakes = _mistakes(worlds)
    record("S20", worlds.backend, None, "0 mistakes", f"{len(mistakes)} of {asked} questions")
    assert mistakes == []


def test_a_build_with_an_open_table_is_noticed(worlds: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execute, "allows", lambda role, needed: True)
    _, mistakes = _mistakes(worlds)
    assert {line.partition(" ")[0] for line in mistakes} == (USER | ADMIN) & mutations().keys()


def test_readers_read_tables_and_no_secret(worlds: Any) -> None:
    for table in table_names():
        assert worlds.ask(f"{{ {table} {{ id }} }}", role="read-only").error is None
        assert worlds.ask_nobody(f"{{ {table} {{ id }} }}").error[0] == "UNAUTHENTICATED"  # type: ignore[index]
    for name, needed in QUERIES.items():
        if needed is None:
            continue
        outcome = worlds.ask_nobody(f"{{ {name} }}")
        assert outcome.error is not None
        assert outcome.error[0] == "UNAUTHENTICATED"
    assert worlds.ask('{ secret_value(name: "secret") }', role="read-only").error[0] == "FORBIDDEN"  # type: ignore[index]
    assert worlds.ask('{ secret_value(name: "secret") }', role="user").body == {"data": {"secret_value": "s"}}


def test_who_may_not_hears_what_role_it_takes(worlds: Any) -> None:
    document = mutation_document(mutations()["create_tenant"])
    outcome = worlds.ask(document, {"input": {"name": "x", "slug": "x"}}, role="user")
    assert outcome.error is not None
    assert "create_tenant needs the role 'admin'" in outcome.error[1]


def test_anybody_may_ask_whether_the_server_is_there(worlds: Any) -> None:
    assert isinstance(worlds.ask_nobody("query { hello }").body["data"]["hello"], str)
    found = worlds.ask_nobody("{ api { backend mode version core_version release_timestamp } }").body["data"][
        "api"
    ]
    assert (found["backend"], found["mode"]) == ("SERVER", "normal")


def test_a_role_that_nobody_knows_opens_nothing(worlds: Any) -> None:
    from prefect.server.errors import UnauthenticatedError
    from prefect.server.security.identity import find_caller

    api = worlds.own.api
    key = api.mutate("create_api_key", "key", user_id=worlds.own["service_id"], name="k")["key"]
    find = lambda tx: find_caller(tx, key, api.now[0])
    assert api.write(find).caller.role == "user"
    api.write(lambda tx: tx.execute("UPDATE membership SET role = 'owner' WHERE user_id = :id",
                                    {"id": worlds.own["service_id"]}))  # fmt: skip
    with pytest.raises(UnauthenticatedError, match="no member of any tenant"):
        api.write(find)
