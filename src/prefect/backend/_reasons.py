"""Why a flow run that waits does not start, as sentences for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from prefect.backend._agents import check_for_compatible_agents
from prefect.exceptions import ClientError

if TYPE_CHECKING:
    from prefect.client.client import Client

__all__ = ["why_it_waits"]

#: What only the server knows. Of agents that are not there, `check_for_compatible_agents` tells more.
_OF_SERVER = ("DEADLOCK", "WORK_QUEUE_PAUSED", "FLOW_ARCHIVED", "NO_SLOT", "AGENTS_FULL")
_DOCUMENT = "query($id: UUID!) { why_not_running(flow_run_id: $id) { code message } }"


def why_it_waits(client: Client, flow_run_id: str, labels: Iterable[str]) -> str:
    """What is in the way of a run.

    Args:
        client: talks to the API.
        flow_run_id: the run.
        labels: its labels.
    """
    found: dict[str, str] = {}
    if client.get_server().has_epochs:
        try:
            answer = client.graphql(_DOCUMENT, variables={"id": flow_run_id}).data.why_not_running
        except ClientError:  # it was deleted this moment; whoever follows it sees that next
            answer = ()
        found = {reason.code: reason.message for reason in answer}
    said = [found[code] for code in _OF_SERVER if code in found]
    return " ".join(said) or check_for_compatible_agents(labels)
