"""`Client`: everything the API offers, as methods."""

from __future__ import annotations

import datetime
import re
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, NoReturn, cast

from prefect.client._registration import register_flow
from prefect.client._requests import Requests
from prefect.client._server import Server, server_of
from prefect.client._states import StateReply, send_states
from prefect.client._transport import Transport
from prefect.engine.state import Pending, Queued, State
from prefect.exceptions import ClientError, ObjectNotFoundError
from prefect.utilities import clock
from prefect.utilities.context import context as prefect_context
from prefect.utilities.graphql import EnumValue, with_args

if TYPE_CHECKING:
    from prefect.core.flow import Flow
    from prefect.run_configs import RunConfig

__all__ = ["Client", "FlowRunInfoResult", "ProjectInfo", "TaskRunInfoResult"]


class ProjectInfo(NamedTuple):
    """A project: `id` and `name`."""

    id: str | None
    name: str | None


class TaskRunInfoResult(NamedTuple):
    """A task run as its runner needs it."""

    id: str
    task_id: str
    task_slug: str | None
    version: int
    state: State


class FlowRunInfoResult(NamedTuple):
    """A flow run as its runner needs it; `task_runs` are those of unmapped tasks."""

    id: str
    name: str
    flow_id: str
    project: ProjectInfo
    parameters: dict[str, Any] | None
    context: dict[str, Any] | None
    version: int
    scheduled_start_time: datetime.datetime
    state: State
    task_runs: list[TaskRunInfoResult]


class FlowRunLease(NamedTuple):
    """What the server says to an attempt at a flow run that is alive.

    Attributes:
        may_go_on: whether it may report; false when another attempt has begun, or another process runs it.
        state: name of the state that the run is in.
        epoch: the attempt that may report.
        lease_s: seconds within which the server has to hear of it again.
        error: why it may not.
    """

    may_go_on: bool
    state: str | None
    epoch: int
    lease_s: float
    error: str | None = None


class Client(Requests):
    """Talks to a Prefect API.

    Example:
        ```python
        client = prefect.Client(api_server="http://localhost:4200")
        client.api_server  # every method sends requests there
        ```

    Args:
        api_server: address of the API; `cloud.api` of the configuration by default.
        api_key: the key; by default that of the configuration, then that of `prefect auth login`.
        tenant_id: the tenant to act in; by default that of the configuration, then that of the
            login, then the key's own.
        transport: how requests are sent; HTTP by default.

    Raises:
        TypeError: `api_token`, which 1.0 removed.
    """

    def __init__(
        self,
        api_server: str | None = None,
        api_key: str | None = None,
        tenant_id: str | None = None,
        *,
        transport: Transport | None = None,
        **removed: Any,
    ) -> None:
        if removed:
            _refuse_arguments(removed)
        super().__init__(api_server, api_key, tenant_id, transport=transport)

    def _one(self, name: str, value: dict[str, Any], selection: str) -> Any:
        """What a mutation answered."""
        document = f"mutation($input: {name}_input!) {{ {name}(input: $input) {{ {selection} }} }}"
        return self.graphql(document, variables={"input": value}).data[name]

    def get_server(self) -> Server:
        """What the server is, and which additions to the protocol of 1.x it knows; asked once.

        Raises:
            requests.RequestException: it cannot be reached.
        """
        return server_of(self)

    # -- tenants and projects ---------------------------------------------------------

    def create_tenant(self, name: str, slug: str | None = None) -> str:
        """Make a tenant on a server; its id.

        Raises:
            ClientError: the slug is taken.
        """
        slug = slug or re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        return cast("str", self._one("create_tenant", {"name": name, "slug": slug}, "id").id)

    def create_project(self, project_name: str, project_description: str | None = None) -> str:
        """The id of the project of that name, which is made if there is none."""
        value = {"name": project_name, "description": project_description, "tenant_id": self.tenant_id}
        try:
            return cast("str", self._one("create_project", value, "id").id)
        except ClientError as exc:
            if "'Uniqueness violation.'" not in str(exc):
                raise
        found = self._project_id(project_name)
        assert found is not None
        return found

    def _project_id(self, name: str) -> str | None:
        found = self.graphql(
            "query($name: String) { project(where: { name: { _eq: $name } }) { id } }",
            variables={"name": name},
        ).data.project
        return cast("str", found[0].id) if found else None

    def delete_project(self, project_name: str) -> bool:
        """Delete a project with all its flows and runs.

        Raises:
            ValueError: there is no such project.
        """
        project_id = self._project_id(project_name)
        if project_id is None:
            raise ValueError(f"Project {project_name!r} was not found.")
        return bool(self._one("delete_project", {"project_id": project_id}, "success").success)

    # -- flows ------------------------------------------------------------------------

    def register(
        self,
        flow: Flow,
        project_name: str | None = None,
        build: bool = True,
        set_schedule_active: bool = True,
        version_group_id: str | None = None,
        compressed: bool = True,
        no_url: bool = False,
        idempotency_key: str | None = None,
    ) -> str:
        """Register a flow; the id of its new version (or of the same version, if nothing changed).

        Args:
            flow: the flow.
            project_name: the project to register in.
            build: whether to build the flow's storage.
            set_schedule_active: whether its schedule starts to make runs.
            version_group_id: the flow group; the one of the same name in the project by default.
            compressed: whether the flow is sent compressed.
            no_url: whether the flow's address is kept unsaid.
            idempotency_key: an id of this version: registering it twice does nothing.

        Raises:
            ValueError: no such project, or a schedule that cannot run.
            ClientError: the API refused.
        """
        return register_flow(
            self,
            flow,
            project_name=project_name,
            build=build,
            set_schedule_active=set_schedule_active,
            version_group_id=version_group_id,
            compressed=compressed,
            no_url=no_url,
            idempotency_key=idempotency_key,
        )

    # -- flow runs --------------------------------------------------------------------

    def create_flow_run(
        self,
        flow_id: str | None = None,
        context: dict[str, Any] | None = None,
        parameters: dict[str, Any] | None = None,
        run_config: RunConfig | None = None,
        labels: list[str] | None = None,
        scheduled_start_time: datetime.datetime | None = None,
        idempotency_key: str | None = None,
        run_name: str | None = None,
        version_group_id: str | None = None,
    ) -> str:
        """Make a flow run; its id.

        Args:
            flow_id: the flow.
            context: values for `prefect.context` in the run.
            parameters: `{name: value}`.
            run_config: where the run is executed; the flow's by default.
            labels: labels an agent has to have; the flow's by default.
            scheduled_start_time: when to start; now by default.
            idempotency_key: a run of the flow with this key is made once; random by default.
            run_name: its name; one is made up by default.
            version_group_id: run the newest version of this group, instead of `flow_id`.

        Raises:
            ValueError: neither or both of `flow_id` and `version_group_id`.
        """
        if (flow_id is None) == (version_group_id is None):
            raise ValueError("Give either `flow_id` or `version_group_id`.")
        value: dict[str, Any] = {"idempotency_key": idempotency_key or uuid.uuid4().hex}
        optional = {
            "flow_id": flow_id,
            "version_group_id": version_group_id,
            "parameters": parameters,
            "context": context,
            "labels": labels,
            "run_config": run_config.serialize() if run_config is not None else None,
            "scheduled_start_time": scheduled_start_time.isoformat() if scheduled_start_time else None,
            "flow_run_name": run_name,
        }
        value.update({key: item for key, item in optional.items() if item is not None})
        return cast("str", self._one("create_flow_run", value, "id").id)

    def get_flow_run_info(self, flow_run_id: str) -> FlowRunInfoResult:
        """A flow run with its unmapped task runs.

        Raises:
            ObjectNotFoundError: there is no such run.
        """
        found = self.graphql(
            "query($id: uuid!) { flow_run_by_pk(id: $id) { id name flow_id parameters context version "
            "scheduled_start_time serialized_state task_runs(where: { map_index: { _eq: -1 } }) "
            "{ id version serialized_state task { id slug } } flow { project { id name } } } }",
            variables={"id": flow_run_id},
        ).data.flow_run_by_pk
        if found is None:
            raise ObjectNotFoundError(f"Flow run {flow_run_id} was not found.")
        import pendulum

        project = found.flow.project
        return FlowRunInfoResult(
            id=found.id,
            name=found.name,
            flow_id=found.flow_id,
            project=ProjectInfo(id=project.id, name=project.name) if project else ProjectInfo(None, None),
            parameters=found.parameters,
            context=found.context,
            version=found.version,
            scheduled_start_time=cast("datetime.datetime", pendulum.parse(found.scheduled_start_time)),
            state=_state(found.serialized_state),
            task_runs=[
                TaskRunInfoResult(
                    id=run.id,
                    task_id=run.task.id,
                    task_slug=run.task.slug,
                    version=run.version,
                    state=_state(run.serialized_state),
                )
                for run in found.task_runs
            ],
        )

    def get_flow_run_state(self, flow_run_id: str) -> State:
        """The state of a flow run.

        Raises:
            ObjectNotFoundError: there is no such run.
        """
        found = self.graphql(
            "query($id: uuid!) { flow_run_by_pk(id: $id) { serialized_state } }",
            variables={"id": flow_run_id},
        ).data.flow_run_by_pk
        if found is None:
            raise ObjectNotFoundError(f"Flow run {flow_run_id} was not found.")
        return _state(found.serialized_state)

    def set_flow_run_state(self, flow_run_id: str, state: State, version: int | None = None) -> State:
        """Set the state of a flow run; the state it is in then, `Queued` if it has to wait for a slot.

        Args:
            flow_run_id: the run.
            state: the new state.
            version: the version that the run is known to be at.

        Raises:
            VersionLockMismatchSignal: it is not.
            ClientError: the state is refused.
        """
        entry = {"flow_run_id": flow_run_id, "state": state.serialize(), "version": version}
        return self._set_state("set_flow_run_states", entry, state)

    def set_task_run_state(
        self,
        task_run_id: str,
        state: State,
        version: int | None = None,
        cache_for: datetime.timedelta | None = None,
    ) -> State:
        """Set the state of a task run; the state it is in then, `Queued` if it has to wait for a slot.

        Args:
            task_run_id: the run.
            state: the new state.
            version: the version that the run is known to be at.
            cache_for: how long the value may be used again.

        Raises:
            VersionLockMismatchSignal: it is not.
            ClientError: the state is refused.
        """
        entry = {"task_run_id": task_run_id, "state": state.serialize(), "version": version}
        return self._set_state("set_task_run_states", entry, state)

    def _set_state(self, mutation: str, entry: dict[str, Any], state: State) -> State:
        answer = self._one(mutation, {"states": [entry]}, "states { id status message }").states[0]
        if answer.status != "QUEUED":
            return state
        wait = datetime.timedelta(seconds=float(prefect_context.config.cloud.queue_interval))
        return Queued(message=answer.get("message"), start_time=clock.now() + wait)

    def send_states(
        self, kind: Literal["flow_run", "task_run"], entries: Sequence[dict[str, Any]], *, with_versions: bool
    ) -> list[StateReply]:
        """Set states of runs, all or none of them; one reply for each, in their order.

        Args:
            kind: what kind of runs.
            entries: `{kind_id, state, version}`, and `epoch` for servers that know it.
            with_versions: whether the server says the runs' versions.

        Raises:
            VersionLockMismatchSignal: a run is at another version, or the attempt is over.
            ClientError: a state is refused.
        """
        return send_states(self, kind, entries, with_versions=with_versions)

    def cancel_flow_run(self, flow_run_id: str) -> bool:
        """Ask a flow run to stop; one that has not started is cancelled at once."""
        return bool(self._one("cancel_flow_run", {"flow_run_id": flow_run_id}, "state").state)

    def set_flow_run_name(self, flow_run_id: str, name: str) -> bool:
        """Rename a flow run."""
        value = {"flow_run_id": flow_run_id, "name": name}
        return bool(self._one("set_flow_run_name", value, "success").success)

    def update_flow_run_heartbeat(self, flow_run_id: str) -> None:
        """Say that a flow run is alive."""
        self._one("update_flow_run_heartbeat", {"flow_run_id": flow_run_id}, "success")

    def renew_flow_run_lease(
        self, flow_run_id: str, epoch: int | None = None, *, holder: str | None = None
    ) -> FlowRunLease:
        """Say that an attempt at a flow run is alive; what the server answers.

        Args:
            flow_run_id: the run.
            epoch: the attempt; the present one by default.
            holder: what a process calls itself that starts to run it: of several with different names one may.

        Raises:
            ClientError: there is no such run, or the server knows no attempts.
        """
        value: dict[str, Any] = {"flow_run_id": flow_run_id, "epoch": epoch}
        if holder is not None:
            value["holder"] = holder
        reply = self._one("update_flow_run_heartbeat", value, "success error state epoch lease_s")
        return FlowRunLease(reply.success, reply.state, reply.epoch, reply.lease_s, reply.error)

    def leave_flow_run(self, flow_run_id: str, epoch: int) -> None:
        """Say that a process leaves a flow run that waits for a time; it goes on in another one then.

        Args:
            flow_run_id: the run.
            epoch: the attempt that ends.

        Raises:
            ClientError: there is no such run, or the server knows no attempts.
        """
        value = {"flow_run_id": flow_run_id, "epoch": epoch, "left": True, "reason": "Its process left it"}
        self._one("end_flow_run_attempt", value, "success")

    # -- task runs --------------------------------------------------------------------

    def get_task_run_info(
        self, flow_run_id: str, task_id: str, map_index: int | None = None
    ) -> TaskRunInfoResult:
        """A task run, which is made if there is none.

        Args:
            flow_run_id: the flow run.
            task_id: the task.
            map_index: which child of a mapped task.
        """
        value = {
            "flow_run_id": flow_run_id,
            "task_id": task_id,
            "map_index": -1 if map_index is None else map_index,
        }
        found = self._one("get_or_create_task_run_info", value, "id version serialized_state")
        return TaskRunInfoResult(
            id=found.id,
            task_id=task_id,
            task_slug=None,
            version=found.version,
            state=_state(found.serialized_state),
        )

    def get_task_run_state(self, task_run_id: str) -> State:
        """The state of a task run."""
        found = self.graphql(
            "query($id: UUID!) { get_task_run_info(task_run_id: $id) { serialized_state } }",
            variables={"id": task_run_id},
        ).data.get_task_run_info
        return _state(found.serialized_state)

    def set_task_run_name(self, task_run_id: str, name: str) -> bool:
        """Rename a task run."""
        value = {"task_run_id": task_run_id, "name": name}
        return bool(self._one("set_task_run_name", value, "success").success)

    def get_latest_cached_states(
        self, task_id: str, cache_key: str | None, created_after: datetime.datetime
    ) -> list[State]:
        """`Cached` states of a task, or of all tasks with a cache key, newest first; 100 at most."""
        column, value = ("cache_key", cache_key) if cache_key is not None else ("task_id", task_id)
        where = {
            "state": {"_eq": "Cached"},
            column: {"_eq": value},
            "state_timestamp": {"_gte": created_after.isoformat()},
        }
        arguments = {"where": where, "order_by": {"state_timestamp": EnumValue("desc")}, "limit": 100}
        found = self.graphql(
            {"query": {with_args("task_run", arguments): {"serialized_state"}}}
        ).data.task_run
        return [_state(run.serialized_state) for run in found]

    # -- logs and artifacts -----------------------------------------------------------

    def takes_log_sequence(self) -> bool:
        """Whether the server knows log lines by their number, and writes one that comes twice only once.

        Raises:
            requests.RequestException: it cannot be reached.
        """
        return self.get_server().numbers_logs

    def write_run_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write log lines of runs.

        Raises:
            ValueError: they were not written.
        """
        if not self._one("write_run_logs", {"logs": logs}, "success").success:
            raise ValueError("The API did not write the logs.")

    def create_task_run_artifact(
        self, task_run_id: str, kind: str, data: dict[str, Any], tenant_id: str | None = None
    ) -> str:
        """Attach an artifact to a task run; its id."""
        value = {"task_run_id": task_run_id, "kind": kind, "data": data, "tenant_id": tenant_id}
        return cast("str", self._one("create_task_run_artifact", value, "id").id)

    def update_task_run_artifact(self, task_run_artifact_id: str, data: dict[str, Any]) -> bool:
        """Replace the data of an artifact."""
        value = {"task_run_artifact_id": task_run_artifact_id, "data": data}
        return bool(self._one("update_task_run_artifact", value, "success").success)

    def delete_task_run_artifact(self, task_run_artifact_id: str) -> bool:
        """Delete an artifact."""
        value = {"task_run_artifact_id": task_run_artifact_id}
        return bool(self._one("delete_task_run_artifact", value, "success").success)

    # -- secrets and limits -----------------------------------------------------------

    def set_secret(self, name: str, value: Any) -> None:
        """Store a secret.

        Raises:
            ValueError: it was not stored.
        """
        if not self._one("set_secret", {"name": name, "value": value}, "success").success:
            raise ValueError(f"The API did not store the secret {name}.")

    def get_task_tag_limit(self, tag: str) -> int | None:
        """How many task runs with a tag may run at once; None without a limit."""
        found = self.graphql(
            "query($tag: String!) { task_tag_limit(where: { tag: { _eq: $tag } }) { limit } }",
            variables={"tag": tag},
        ).data.task_tag_limit
        return cast("int", found[0].limit) if found else None

    def update_task_tag_limit(self, tag: str, limit: int) -> None:
        """Limit how many task runs with a tag may run at once.

        Raises:
            ValueError: a negative limit.
        """
        if limit < 0:
            raise ValueError("Concurrency limits must be >= 0")
        self._one("update_task_tag_limit", {"tag": tag, "limit": limit}, "id")

    def delete_task_tag_limit(self, limit_id: str) -> None:
        """Remove a limit."""
        self._one("delete_task_tag_limit", {"limit_id": limit_id}, "success")

    # -- agents -----------------------------------------------------------------------

    def register_agent(
        self,
        agent_type: str,
        name: str | None = None,
        labels: list[str] | None = None,
        agent_config_id: str | None = None,
    ) -> str:
        """Make an agent known; its id.

        Raises:
            ValueError: it was not registered.
        """
        value = {
            "type": agent_type,
            "name": name,
            "labels": labels or [],
            "tenant_id": self.tenant_id,
            "agent_config_id": agent_config_id,
        }
        agent_id = self._one("register_agent", value, "id").id
        if not agent_id:
            raise ValueError("The API did not register the agent.")
        return cast("str", agent_id)

    def get_agent_config(self, agent_config_id: str) -> dict[str, Any]:
        """The settings of an agent configuration."""
        found = self.graphql(
            "query($id: uuid!) { agent_config(where: { id: { _eq: $id } }) { settings } }",
            variables={"id": agent_config_id},
        ).data.agent_config
        if not found:
            raise ObjectNotFoundError(f"Agent configuration {agent_config_id} was not found.")
        return dict(found[0].settings)


def _state(serialized: Any) -> State:
    """The state of its JSON form; a run without one is pending."""
    return State.deserialize(dict(serialized)) if serialized else Pending()


def _refuse_arguments(removed: dict[str, Any]) -> NoReturn:
    if "api_token" in removed:
        raise TypeError(
            "API tokens were removed in 1.0. Pass an API key instead: `Client(api_key=...)`, or log in with "
            "`prefect auth login --key <key>`."
        )
    raise TypeError(f"Client() got an unexpected keyword argument {next(iter(removed))!r}")
