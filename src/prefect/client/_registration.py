"""Registering flows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from prefect.client._server import check_registration
from prefect.exceptions import ClientError
from prefect.utilities.graphql import compress

if TYPE_CHECKING:
    from prefect.client.client import Client
    from prefect.core.flow import Flow

__all__ = ["register_flow"]

#: Tasks or edges in one request.
_BATCH = 500


def register_flow(
    client: Client,
    flow: Flow,
    *,
    project_name: str | None,
    build: bool,
    set_schedule_active: bool,
    version_group_id: str | None,
    compressed: bool,
    no_url: bool,
    idempotency_key: str | None,
) -> str:
    """See `Client.register`."""
    _check_required_parameters(flow)
    if project_name is None:
        raise ValueError("A project is needed: `flow.register(project_name=...)`.")
    check_registration(client)
    projects = client.graphql(
        "query($name: String) { project(where: { name: { _eq: $name } }) { id } }",
        variables={"name": project_name},
    ).data.project
    if not projects:
        raise ValueError(
            f"Project {project_name!r} was not found. Make it with `prefect create project {project_name!r}`."
        )
    if flow.run_config is not None and flow.storage is not None:
        # Runs go to agents that can reach the storage: those with its labels.
        flow.run_config.labels.update(flow.storage.labels)
    serialized = flow.serialize(build=build)
    tasks = cast("list[Any]", serialized.pop("tasks"))
    edges = cast("list[Any]", serialized.pop("edges"))
    serialized["tasks"], serialized["edges"] = [], []
    mutation = "create_flow_from_compressed_string" if compressed else "create_flow"
    value: dict[str, Any] = {
        "project_id": projects[0].id,
        "serialized_flow": compress(serialized) if compressed else serialized,
        "set_schedule_active": False,
        "version_group_id": version_group_id,
    }
    if idempotency_key is not None:
        value["idempotency_key"] = idempotency_key
    answer = client.graphql(
        f"mutation($input: {mutation}_input!) {{ {mutation}(input: $input) {{ id }} }}",
        variables={"input": value},
        retry_on_api_error=False,
    )
    flow_id = cast("str", answer.data[mutation].id)
    _send_parts(client, "register_tasks", "serialized_tasks", flow_id, tasks)
    _send_parts(client, "register_edges", "serialized_edges", flow_id, edges)
    if set_schedule_active:
        client.graphql(
            "mutation($input: set_schedule_active_input!) { set_schedule_active(input: $input) { success } }",
            variables={"input": {"flow_id": flow_id}},
        )
    if not no_url:
        _say_where(client, flow, flow_id, project_name)
    return flow_id


def _send_parts(client: Client, mutation: str, key: str, flow_id: str, parts: list[Any]) -> None:
    for start in range(0, max(len(parts), 1), _BATCH):
        client.graphql(
            f"mutation($input: {mutation}_input!) {{ {mutation}(input: $input) {{ success }} }}",
            variables={"input": {"flow_id": flow_id, key: parts[start : start + _BATCH]}},
        )


def _check_required_parameters(flow: Flow) -> None:
    """A schedule has to give every required parameter a value."""
    schedule: Any = flow.schedule
    if schedule is None:
        return
    required = {parameter.name for parameter in flow.parameters() if parameter.required}
    if not required:
        return
    for clock in schedule.clocks:
        missing = required - set(clock.parameter_defaults or {})
        if missing:
            raise ClientError(
                f"Flows with required parameters can not be scheduled automatically: {', '.join(sorted(missing))} "
                "have no default. Give them one, or set `parameter_defaults` on every clock."
            )


def _say_where(client: Client, flow: Flow, flow_id: str, project_name: str) -> None:
    group_id = client.graphql(
        "query($id: uuid!) { flow_by_pk(id: $id) { flow_group_id } }", variables={"id": flow_id}
    ).data.flow_by_pk.flow_group_id
    labels: list[str] = sorted(
        set(getattr(flow.run_config, "labels", None) or ()) | set(getattr(flow.storage, "labels", None) or ())
    )
    print(f"Flow URL: {client.get_cloud_url('flow', group_id)}")  # noqa: T201 - compat: scripts read these lines
    print(f" └── ID: {flow_id}")  # noqa: T201
    print(f" └── Project: {project_name}")  # noqa: T201
    print(f" └── Labels: {labels}")  # noqa: T201
