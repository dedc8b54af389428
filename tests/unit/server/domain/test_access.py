"""Every operation asks for its role, and none reaches into another tenant. New operations are tested too."""

from __future__ import annotations

import base64
import gzip
import re
import typing
import uuid
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from prefect.server.domain import operations

_MUTATIONS = operations.mutations()

#: Values for what is required and is no id.
_SAMPLES: dict[str, Any] = {
    "confirm": True,
    "data": {},
    "key": "k",
    "kind": "link",
    "label": "l",
    "labels": [],
    "limit": 1,
    "logs": [],
    "name": "n",
    "parameters": {},
    "role": "user",
    "serialized_edges": [],
    "serialized_flow": {"name": "f"},
    "serialized_tasks": [],
    "settings": {},
    "slug": "s",
    "start": 0,
    "count": 1,
    "state": {"type": "Running"},
    "tag": "t",
    "type": "LocalAgent",
    "username": "u",
}
_PACKED = base64.b64encode(gzip.compress(b'{"name": "f"}', mtime=0)).decode()
#: Inputs that a caller needs to say something, though none of them is required.
_CHOICES = {
    "create_flow_run": {"flow_id"},
    "set_flow_group_schedule": {"cron_clocks"},
    "register_agent": {"agent_config_id", "tenant_id"},
    "create_project": {"tenant_id"},
    "get_runs_in_queue": {"tenant_id"},
    "create_agent_config": {"tenant_id"},
    "create_service_account": {"tenant_id"},
    "update_tenant_name": {"tenant_id"},
    "update_tenant_slug": {"tenant_id"},
    "update_tenant_settings": {"tenant_id"},
    "pause_tenant_work_queue": {"tenant_id"},
    "resume_tenant_work_queue": {"tenant_id"},
    "create_task_run_artifact": {"tenant_id"},
    "create_api_key": {"default_tenant_id"},
}


def _is_id(kind: Any) -> bool:
    kinds = [kind, *typing.get_args(kind)]
    metas = [meta for one in kinds for meta in getattr(one, "__metadata__", ())]
    return any(isinstance(meta, msgspec.Meta) and meta.title == "UUID" for meta in metas)


def _input(struct: Any, ids: Any, chosen: set[str]) -> dict[str, Any]:
    """A value for an input: what is required, and what was chosen. `ids(name)` gives the ids."""
    hints = typing.get_type_hints(struct, include_extras=True)
    found: dict[str, Any] = {}
    for entry in msgspec.structs.fields(struct):
        if not entry.required and entry.name not in chosen:
            continue
        kind = hints[entry.name]
        inner = typing.get_args(kind)
        if _is_id(kind):
            found[entry.name] = ids(entry.name)
        elif inner and isinstance(inner[0], type) and issubclass(inner[0], msgspec.Struct):
            found[entry.name] = [_input(inner[0], ids, set())]
        elif entry.name == "cron_clocks":
            found[entry.name] = [{"cron": "0 0 * * *"}]
        elif entry.name == "serialized_flow" and kind is str:
            found[entry.name] = _PACKED
        else:
            found[entry.name] = _SAMPLES[entry.name]
    return found


def _ask(api: Any, name: str, ids: Any, chosen: set[str]) -> Any:
    operation = _MUTATIONS[name]
    fields = [field.name for field in msgspec.structs.fields(operation.output_type)]
    first = fields[0]
    selection = (
        f"{first} {{ __typename }}"
        if name
        in ("set_flow_run_states", "set_task_run_states", "register_flows", "get_or_create_mapped_task_runs")
        else first
    )
    return api.mutate(name, selection, **_input(operation.input_type, ids, chosen))


def _nobody(name: str) -> str:
    return str(uuid.UUID(int=5, version=4))


@pytest.fixture
def ids(api: Any) -> Any:
    """`ids(field name)`: ids of things of the first tenant."""
    flow_id = api.flow()
    run_id = api.run(flow_id)
    task_run = api.task_runs(run_id)["a"]
    service = api.mutate("create_service_account", name="machine")["id"]
    world = {
        "tenant_id": api.caller.tenant_id,
        "default_tenant_id": api.caller.tenant_id,
        "flow_id": flow_id,
        "flow_group_id": api.row("flow", flow_id, "flow_group_id")["flow_group_id"],
        "flow_run_id": run_id,
        "task_run_id": task_run,
        "task_id": api.rows("task", "id")[0]["id"],
        "project_id": api.rows("project", "id")[0]["id"],
        "agent_id": api.mutate("register_agent", type="LocalAgent")["id"],
        "agent_config_id": api.mutate("create_agent_config")["id"],
        "task_run_artifact_id": api.mutate(
            "create_task_run_artifact", task_run_id=task_run, kind="k", data={}
        )["id"],
        "key_value_id": api.mutate("set_key_value", key="k", value=1)["id"],
        "key_id": api.mutate("create_api_key", user_id=api.caller.user_id, name="n")["id"],
        "user_id": service,
        "membership_id": api.rows("membership", "id")[0]["id"],
    }
    tag = api.mutate("update_task_tag_limit", tag="t", limit=1)["id"]
    label = api.mutate("update_flow_concurrency_limit", label="l", limit=1)["id"]
    message_id = str(uuid.uuid4())
    api.write(
        lambda tx: tx.execute(
            'INSERT INTO message (id, created, updated, tenant_id, type, content, "read") '
            "VALUES (:id, 't', 't', :tenant, 'x', '{}', :no)",
            {"id": message_id, "tenant": api.caller.tenant_id, "no": False},
        )
    )
    world |= {"message_id": message_id}

    def find(name: str, operation: str = "") -> str:
        if name == "limit_id":
            return label if operation == "delete_flow_concurrency_limit" else tag
        return world[name]

    return find


def test_no_mutation_reaches_into_another_tenant_or_tells_that_something_is_there(
    api: Any, other: Any, ids: Any, failure: Any
) -> None:
    tables = ("tenant", "project", "flow", "flow_group", "flow_run", "task_run", "agent", "agent_config", "key_value",
              "task_tag_limit", "flow_concurrency_limit", "message", "membership", "task_run_artifact", "auth_api_key",
              "user", "task", "edge")  # fmt: skip

    def everything() -> Any:
        return {table: api.write(lambda tx, table=table: sorted(
            str(row.as_dict()) for row in tx.rows(f'SELECT * FROM "{table}"'))) for table in tables}  # fmt: skip

    before = everything()
    asked = 0
    for name, operation in _MUTATIONS.items():
        chosen = _CHOICES.get(name, set())
        value = _input(operation.input_type, _nobody, chosen)
        if _nobody("") not in str(value):
            continue  # it names nothing
        asked += 1
        with pytest.raises(failure) as stranger:
            _ask(
                other,
                name,
                lambda field, name=name: ids(field, name) if field == "limit_id" else ids(field),
                chosen,
            )
        with pytest.raises(failure) as nothing:
            _ask(other, name, _nobody, chosen)
        masked = [
            re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", caught.value.message)
            for caught in (stranger, nothing)
        ]
        assert masked[0] == masked[1], name
        assert stranger.value.code == nothing.value.code in ("NOT_FOUND", "STATE_UPDATE_FAILED"), name
    assert asked > 50
    assert everything() == before


def test_every_mutation_is_refused_to_lesser_roles_and_to_nobody(api: Any, failure: Any) -> None:
    for name, operation in _MUTATIONS.items():
        assert operation.role is not None, f"{name}: nobody changes anything without being known"
        lesser = {"admin": "user", "user": "read-only"}.get(operation.role)
        if lesser is not None:
            with pytest.raises(failure, match=f"{name} needs the role '{operation.role}'") as caught:
                _ask(api.as_(role=lesser), name, _nobody, set())
            assert caught.value.code == "FORBIDDEN"
        with pytest.raises(failure) as caught:
            _ask(replace(api, caller=None), name, _nobody, set())
        assert (caught.value.status, caught.value.code) == (200, "UNAUTHENTICATED")


def test_readers_read_all_but_secrets(api: Any, failure: Any) -> None:
    reader = api.as_(role="read-only")
    api.mutate("set_secret", "success", name="s", value="v")
    assert reader("{ secret_names }") == {"secret_names": ["s"]}
    assert reader("{ auth_info { role } }") == {"auth_info": {"role": "read-only"}}
    with pytest.raises(failure, match="needs the role 'user'"):
        reader('{ secret_value(name: "s") }')


def test_anybody_may_ask_whether_the_server_is_there(api: Any, failure: Any) -> None:
    nobody = replace(api, caller=None)
    assert isinstance(nobody("query { hello }")["hello"], str)
    found = nobody("{ api { backend mode version core_version release_timestamp } }")["api"]
    assert (found["backend"], found["mode"]) == ("SERVER", "normal")
    with pytest.raises(failure, match="UNAUTHENTICATED"):
        nobody("{ auth_info { tenant_id } }")


def test_functions_of_queries_do_not_reach_into_another_tenant(
    api: Any, other: Any, ids: Any, failure: Any
) -> None:
    run, task_run, task = ids("flow_run_id"), ids("task_run_id"), ids("task_id")
    for query in (
        f'{{ get_task_run_info(task_run_id: "{task_run}") {{ id }} }}',
        f'{{ mapped_children(task_run_id: "{task_run}") {{ state_counts }} }}',
        f'{{ why_not_running(flow_run_id: "{run}") {{ code }} }}',
    ):
        assert api(query)
        with pytest.raises(failure, match="not found"):
            other(query)
    query = f'{{ utility_downstream_tasks(args: {{start_task_ids: "{{{task}}}"}}) {{ task_id }} }}'
    assert api(query)["utility_downstream_tasks"]
    assert other(query) == {"utility_downstream_tasks": []}
    assert other("{ secret_names flow_concurrency { label } task_concurrency { name } }") == {
        "secret_names": [],
        "flow_concurrency": [],
        "task_concurrency": [],
    }
