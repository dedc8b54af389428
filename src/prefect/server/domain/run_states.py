"""States that runners, agents and people set, by the list."""

from __future__ import annotations

import datetime

import msgspec

from prefect.server.database.store import Transaction
from prefect.server.domain import transitions
from prefect.server.domain.registry import JSON, Uuid, mutation
from prefect.server.security.caller import Caller

__all__: list[str] = []


class SetFlowRunStateInput(msgspec.Struct):
    """A state for a flow run.

    Attributes:
        state: the state, as `state.serialize()` gives it; `{type, message}` is enough.
        version: version of the run the sender saw.
        epoch: attempt the sender belongs to; the server then refuses what is outdated.
        lease_s: with Submitted: seconds until the agent says again that it is at work.
    """

    flow_run_id: Uuid
    state: JSON
    version: int | None = None
    epoch: int | None = None
    lease_s: float | None = None


class SetFlowRunStatesInput(msgspec.Struct):
    """States for flow runs; all are set, or none."""

    states: list[SetFlowRunStateInput]


class SetTaskRunStateInput(msgspec.Struct):
    """A state for a task run.

    Attributes:
        state: the state, as `state.serialize()` gives it; `{type, message}` is enough.
        version: version of the run the sender saw.
        flow_run_version: not looked at; clients of 1.x may send it.
        epoch: attempt of the flow run the sender belongs to.
    """

    task_run_id: Uuid
    state: JSON
    version: int | None = None
    flow_run_version: int | None = None
    epoch: int | None = None


class SetTaskRunStatesInput(msgspec.Struct):
    """States for task runs; all are set, or none."""

    states: list[SetTaskRunStateInput]


class SetStatePayload(msgspec.Struct):
    """What became of a state that was sent.

    Attributes:
        id: the run.
        status: SUCCESS, or QUEUED when the run has to wait for a concurrency slot.
        message: why it waits.
        version: version of the run now.
        state: name of the state the run is in now.
        epoch: attempt the flow run is at now, to be sent with later states.
    """

    id: Uuid
    status: str
    message: str | None
    version: int
    state: str
    epoch: int


class SetStatesPayload(msgspec.Struct):
    """One entry for each state that was sent, in their order."""

    states: list[SetStatePayload]


@mutation(role="user")
def set_flow_run_states(
    tx: Transaction, caller: Caller, input: SetFlowRunStatesInput, now: datetime.datetime
) -> SetStatesPayload:
    """Set states of flow runs."""
    replies: list[SetStatePayload] = []
    for entry in input.states:
        outcome = transitions.set_flow_run_state(
            tx,
            caller,
            entry.flow_run_id,
            entry.state,
            now,
            version=entry.version,
            epoch=entry.epoch,
            lease_s=entry.lease_s,
        )
        replies.append(_reply(entry.flow_run_id, outcome))
    return SetStatesPayload(replies)


@mutation(role="user")
def set_task_run_states(
    tx: Transaction, caller: Caller, input: SetTaskRunStatesInput, now: datetime.datetime
) -> SetStatesPayload:
    """Set states of task runs."""
    replies: list[SetStatePayload] = []
    for entry in input.states:
        outcome = transitions.set_task_run_state(
            tx, caller, entry.task_run_id, entry.state, now, version=entry.version, epoch=entry.epoch
        )
        replies.append(_reply(entry.task_run_id, outcome))
    return SetStatesPayload(replies)


def _reply(run_id: str, outcome: transitions.Outcome) -> SetStatePayload:
    return SetStatePayload(
        run_id, outcome.status, outcome.message, outcome.version, outcome.state, outcome.epoch
    )
