"""Being the process that runs a flow run: taken at the start, given back when the run is left to wait.

A server that counts attempts lets one process begin each of them. So a second process that is started for
the same flow run, by hand or by whatever restarts containers, ends before it has run anything of the flow.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, NamedTuple, cast

from prefect.exceptions import ClientError, PrefectException
from prefect.utilities.context import context
from prefect.utilities.logging import get_logger

if TYPE_CHECKING:
    from prefect.client.client import Client

__all__ = ["Claim", "ClaimRefused", "claim", "give_back", "new_holder"]


class ClaimRefused(ClientError):
    """Another process runs the flow run, or another attempt at it has begun."""


class Claim(NamedTuple):
    """A flow run that is this process's to run.

    Attributes:
        epoch: the attempt.
        lease_s: seconds within which the server has to hear of it again.
    """

    epoch: int
    lease_s: float


def new_holder() -> str:
    """What a process calls itself when it starts to run a flow run."""
    return str(uuid.uuid4())


def claim(client: Client, flow_run_id: str, holder: str) -> Claim | None:
    """Become the process that runs a flow run, or stay it; None where the server counts no attempts.

    Which attempt it was started for is in the context (`flow_run_epoch`), where an agent said so. Asking
    again with the same name changes nothing.

    Args:
        client: how to reach the API.
        flow_run_id: the run.
        holder: what the process calls itself.

    Raises:
        ClaimRefused: it is not this process's to run; nothing of the flow may run.
        ClientError: the API could not be asked.
    """
    if not client.get_server().has_epochs:
        return None
    given = cast("int | None", context.get("flow_run_epoch"))
    reply = client.renew_flow_run_lease(flow_run_id, given, holder=holder)
    if not reply.may_go_on:
        raise ClaimRefused(reply.error or f"Flow run {flow_run_id} is run by another process.")
    return Claim(reply.epoch, reply.lease_s)


def give_back(client: Client, flow_run_id: str, epoch: int) -> None:
    """Leave a flow run that waits, so that whoever goes on with it need not wait for the lease to end.

    Args:
        client: how to reach the API.
        flow_run_id: the run.
        epoch: the attempt that ends.
    """
    _send_log_lines()  # as soon as the attempt is over an agent may end this process
    try:
        client.leave_flow_run(flow_run_id, epoch)
    except (PrefectException, OSError) as exc:
        get_logger("CloudFlowRunner").warning(
            f"The API could not be told that the flow run waits; it goes on when the lease has ended: {exc}"
        )


def _send_log_lines() -> None:
    if context.get("is_flow_run_process"):
        from prefect.utilities import logging

        logging.LOG_MANAGER.stop()
