"""What an agent says to an API and asks of it, in the terms of agents.

Our server knows more than servers of 1.x: it answers a question for work when there is some, reserves
runs for the agent that asked, and is told when a process has ended. What the server at hand knows is
asked once, when the agent starts; everything else works with any server.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from prefect.exceptions import ClientError, VersionLockMismatchSignal
from prefect.utilities import clock

if TYPE_CHECKING:
    from prefect.client.client import Client

__all__ = ["AgentApi", "Features", "RunStatus", "is_taken"]

#: States in which a flow run waits for a time.
_DUE = ["Scheduled", "Retrying", "Resume", "Paused", "Queued"]

#: Inputs whose fields say what a server knows. Two at a time: more introspection is refused.
_INPUTS = (
    ("get_runs_in_queue_input", "set_flow_run_state_input"),
    ("update_flow_run_heartbeat_input", "end_flow_run_attempt_input"),
)

_RUNS = """query($where: flow_run_bool_exp, $due: timestamptz) {
  flow_run(where: $where) {
    id version state serialized_state parameters scheduled_start_time run_config name %s
    flow { id name environment storage version core_version }
    task_runs(where: { state_start_time: { _lte: $due } }) { id version task_id state serialized_state }
  }
}"""


@dataclass(frozen=True)
class Features:
    """What a server knows beyond 1.x.

    Attributes:
        waits: it answers when there is work, and reserves runs (`wait_s`, `lease_s`, `limit`).
        caps: it counts the runs of an agent (`agent_limit`).
        leases: Submitted carries a lease and an attempt, which heartbeats renew.
        ends: it is told of the end of a process.
    """

    waits: bool = False
    caps: bool = False
    leases: bool = False
    ends: bool = False


@dataclass(frozen=True)
class RunStatus:
    """Where a flow run is.

    Attributes:
        state: name of its state.
        epoch: its attempt; None where the server counts none.
    """

    state: str
    epoch: int | None


class AgentApi:
    """The requests of one agent.

    Args:
        client: sends requests, and tries again while the server is away.
        asking: sends the questions for work; it gives up at once, because the agent asks again anyway.
    """

    def __init__(self, client: Client, asking: Client | None = None) -> None:
        self.client = client
        self.features = Features()
        self._asking = asking or client

    def connect(self) -> None:
        """See that the server answers, and what it knows.

        Raises:
            ClientError: it answers with an error.
        """
        self.client.graphql("query { hello }")
        fields: dict[str, set[str]] = {}
        for names in _INPUTS:
            asked = " ".join(f'{name}: __type(name: "{name}") {{ inputFields {{ name }} }}' for name in names)
            try:
                data = self.client.graphql(f"query {{ {asked} }}", retry_on_api_error=False).data
            except ClientError:
                return  # a server that does not describe itself is one of 1.x
            for name in names:
                found = data[name]
                fields[name] = {str(field.name) for field in found.inputFields} if found else set()
        work, states, beats, ends = (fields[name] for names in _INPUTS for name in names)
        self.features = Features(
            waits={"wait_s", "lease_s", "limit"} <= work,
            caps="agent_limit" in work,
            leases={"epoch", "lease_s"} <= states & beats,
            ends="epoch" in ends,
        )

    def register(
        self, kind: str, name: str | None, labels: Sequence[str], agent_config_id: str | None = None
    ) -> str:
        """Make the agent known; its id, which goes with every later request."""
        agent_id = self.client.register_agent(kind, name, list(labels), agent_config_id)
        for client in (self.client, self._asking):
            client.attach_headers({"X-PREFECT-AGENT-ID": agent_id})
        return agent_id

    # -- work -----------------------------------------------------------------------------------

    def ask(
        self,
        labels: Sequence[str],
        *,
        ahead_s: float,
        wait_s: float,
        reserve_s: float,
        limit: int | None,
        agent_limit: int | None,
    ) -> list[str]:
        """Ids of runs to take, those that wait longest first.

        Args:
            labels: the agent's.
            ahead_s: seconds ahead of their time at which a server of 1.x hands out runs.
            wait_s: seconds to wait for a run.
            reserve_s: seconds for which nobody else gets these runs.
            limit: most ids.
            agent_limit: most runs that the agent may have under way.
        """
        value: dict[str, Any] = {"tenant_id": self.client.tenant_id, "labels": list(labels)}
        if not self.features.waits:
            value["before"] = (clock.now() + datetime.timedelta(seconds=ahead_s)).isoformat()
        else:
            value.update(wait_s=wait_s, lease_s=reserve_s, limit=limit)
        if self.features.caps:
            value["agent_limit"] = agent_limit
        document = (
            "mutation($input: get_runs_in_queue_input!) { get_runs_in_queue(input: $input) { flow_run_ids } }"
        )
        found = self._asking.graphql(document, variables={"input": value}).data.get_runs_in_queue
        ids = cast("list[str]", found.flow_run_ids)
        return ids if limit is None else ids[:limit]

    def read_runs(self, ids: Iterable[str]) -> list[Any]:
        """The runs of these ids that can be started, with their flows and the task runs that are due."""
        now = clock.now().isoformat()
        due_tasks = {"state_start_time": {"_lte": now}}
        where = {
            "id": {"_in": list(ids)},
            "_or": [
                {"state": {"_in": _DUE}},
                {"state": {"_eq": "Running"}, "task_runs": due_tasks},
            ],
        }
        document = _RUNS % ("epoch" if self.features.leases else "")
        found = self.client.graphql(document, variables={"where": where, "due": now}).data.flow_run
        # compat: runs without a state cannot be started.
        return [run for run in found if run.serialized_state]

    def submit(self, run: Any, state: Mapping[str, Any], lease_s: float | None) -> int | None:
        """Take a run: nobody else starts it from now on.

        Args:
            run: as `read_runs` gives it.
            state: its new state.
            lease_s: seconds until the agent says again that it is at work.

        Returns:
            the attempt that the run is at now; None where the server counts none.

        Raises:
            ClientError: "State update failed": somebody else has it.
            VersionLockMismatchSignal: the same.
        """
        entry: dict[str, Any] = {"flow_run_id": run.id, "state": dict(state), "version": run.version}
        selection = "id status message"
        if self.features.leases:
            entry["epoch"] = run.epoch
            selection += " epoch"
            if lease_s is not None:
                entry["lease_s"] = lease_s
        answer = self._set("set_flow_run_states", [entry], selection)
        return cast("int", answer[0].epoch) if self.features.leases else None

    def submit_tasks(self, states: Sequence[tuple[Any, Mapping[str, Any]]], epoch: int | None) -> None:
        """Take the task runs that a flow run waited for, all or none.

        Raises:
            ClientError: "State update failed": somebody else has them.
        """
        entries: list[dict[str, Any]] = [
            {"task_run_id": run.id, "state": dict(state), "version": run.version} for run, state in states
        ]
        if self.features.leases:
            for entry in entries:
                entry["epoch"] = epoch
        self._set("set_task_run_states", entries, "id status message")

    def _set(self, mutation: str, entries: list[dict[str, Any]], selection: str) -> list[Any]:
        document = f"mutation($input: {mutation}_input!) {{ {mutation}(input: $input) {{ states {{ {selection} }} }} }}"
        answer = self.client.graphql(document, variables={"input": {"states": entries}}).data
        return cast("list[Any]", answer[mutation].states)

    # -- while runs are under way ---------------------------------------------------------------

    def renew(self, run_id: str, epoch: int | None, lease_s: float) -> bool:
        """Keep a run for some more seconds while its infrastructure starts; False if it is another's."""
        if not self.features.leases:
            return True
        document = (
            "mutation($input: update_flow_run_heartbeat_input!) "
            "{ update_flow_run_heartbeat(input: $input) { success } }"
        )
        value = {"flow_run_id": run_id, "epoch": epoch, "lease_s": lease_s}
        answer = self.client.graphql(document, variables={"input": value}).data.update_flow_run_heartbeat
        return bool(answer.success)

    def status_of(self, ids: Sequence[str]) -> dict[str, RunStatus]:
        """Where runs are; those that were deleted are left out."""
        fields = "id state epoch" if self.features.leases else "id state"
        document = f"query($ids: [uuid!]) {{ flow_run(where: {{ id: {{ _in: $ids }} }}) {{ {fields} }} }}"
        found = self.client.graphql(document, variables={"ids": list(ids)}).data.flow_run
        return {run.id: RunStatus(run.state, run.get("epoch")) for run in found}

    def end_attempt(self, run_id: str, epoch: int | None, reason: str) -> None:
        """Say that nothing runs a flow run any more; where the server cannot be told, its own watch finds out."""
        if not self.features.ends:
            return
        document = "mutation($input: end_flow_run_attempt_input!) { end_flow_run_attempt(input: $input) { success } }"
        value = {"flow_run_id": run_id, "epoch": epoch, "reason": reason}
        self.client.graphql(document, variables={"input": value})

    def give_back(self, run_id: str) -> None:
        """Let others have a reserved run at once."""
        self.end_attempt(run_id, None, "The agent that took it gave it back")

    def fail(self, run: Any, message: str) -> None:
        """Set a run to `Failed`."""
        state = {"type": "Failed", "message": message}
        self._set("set_flow_run_states", [{"flow_run_id": run.id, "state": state}], "id status message")

    def cancelled(self, run_id: str, message: str) -> None:
        """Set a run to `Cancelled`."""
        state = {"type": "Cancelled", "message": message}
        self._set("set_flow_run_states", [{"flow_run_id": run_id, "state": state}], "id status message")

    def log(self, run_id: str, name: str, level: str, message: str) -> None:
        """Write a line to the log of a run."""
        line = {
            "flow_run_id": run_id,
            "name": name,
            "level": level,
            "message": message,
            "timestamp": clock.now().isoformat(timespec="microseconds"),
        }
        self.client.write_run_logs([line])


def is_taken(error: ClientError | VersionLockMismatchSignal) -> bool:
    """Whether an error says that somebody else has the run."""
    return isinstance(error, VersionLockMismatchSignal) or "State update failed" in str(error)
