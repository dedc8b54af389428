"""Sending states of runs, by the list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from prefect.client._requests import Requests

__all__ = ["StateReply", "send_states"]


class StateReply(NamedTuple):
    """What became of a state that was sent.

    Attributes:
        is_queued: whether the run has to wait for a slot.
        message: why.
        version: version of the run now, from servers that say so.
    """

    is_queued: bool
    message: str | None
    version: int | None


def send_states(
    client: Requests,
    kind: Literal["flow_run", "task_run"],
    entries: Sequence[dict[str, Any]],
    *,
    with_versions: bool,
) -> list[StateReply]:
    """Set states of runs, all or none of them; one reply for each, in their order.

    Args:
        client: how to reach the API.
        kind: what kind of runs.
        entries: `{kind_id, state, version}`, and `epoch` for servers that know it.
        with_versions: whether the server says the runs' versions.

    Raises:
        VersionLockMismatchSignal: a run is at another version, or the attempt is over.
        ClientError: a state is refused.
    """
    name = f"set_{kind}_states"
    more = " version" if with_versions else ""
    document = f"mutation($input: {name}_input!) {{ {name}(input: $input) {{ states {{ id status message{more} }} }} }}"
    answer: Any = client.graphql(document, variables={"input": {"states": list(entries)}}).data[name]
    return [
        StateReply(reply.status == "QUEUED", reply.get("message"), reply.get("version"))
        for reply in answer.states
    ]
