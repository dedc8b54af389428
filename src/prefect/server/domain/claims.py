"""One process runs an attempt at a flow run: the first that says who it is.

The process that starts a run takes its lease in its own name. Whoever comes second is refused before it
has run anything, while the first one's lease lasts. What the first one leaves behind when it dies is the
next attempt: its own late reports are refused by their number, as after any other end of an attempt.

    no holder                       taken: the attempt of the agent that submitted it, or of nobody
    the same holder                 its own: an answer was lost, or it asks again
    another one, lease not over     refused
    another one, lease over         refused to a process of a numbered attempt, as its agent hears of the
                                    end and starts another; else taken over, as the next attempt
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import cast

from prefect.server.database.store import Row, Transaction
from prefect.server.database.times import from_text
from prefect.server.domain.common import clean_text, load_object, lock_for_update, stamp
from prefect.server.domain.lost_runs import LostRun
from prefect.server.domain.states import is_finished
from prefect.server.errors import BadInputError, NotFoundError
from prefect.server.security.caller import Caller

__all__ = ["Claim", "take"]

#: Longest name of a process: clients send a UUID.
_MOST_CHARACTERS = 100


@dataclass(frozen=True)
class Claim:
    """What a process is told that wants to run a flow run.

    Attributes:
        refusal: why it may not; None if it may.
        state: name of the state the run is in.
        epoch: the attempt that may report now.
    """

    refusal: str | None
    state: str | None
    epoch: int


def take(
    tx: Transaction,
    caller: Caller,
    flow_run_id: str,
    holder: str,
    epoch: int | None,
    lease_s: float,
    now: datetime.datetime,
) -> Claim:
    """Let a process be the one that runs a flow run.

    Args:
        tx: the transaction.
        caller: who asks.
        flow_run_id: the run.
        holder: what the process calls itself.
        epoch: the attempt that it was started for; None if nobody told it one.
        lease_s: seconds until it must be heard of again.
        now: the time (UTC).

    Raises:
        NotFoundError: there is no such run.
        BadInputError: `holder` is no name.
    """
    if not holder or len(holder) > _MOST_CHARACTERS:
        raise BadInputError(f"The holder of a flow run is a name of 1 to {_MOST_CHARACTERS} characters.")
    name = clean_text(holder)
    run = tx.one_or_none(
        "SELECT r.*, f.settings AS flow_settings FROM flow_run r JOIN flow f ON f.id = r.flow_id "
        f"WHERE r.id = :id AND r.tenant_id = :tenant_id{lock_for_update(tx, 'r')}",
        {"id": flow_run_id, "tenant_id": caller.tenant_id},
    )
    if run is None:
        raise NotFoundError(f"Flow run {flow_run_id} was not found.")
    current = cast("int", run.epoch)
    if is_finished(run.state) and epoch in (None, current):
        return Claim(None, run.state, current)  # there is nothing to run, which the process sees by itself
    if run.holder != name:
        refusal = _refusal(run, epoch, now)
        if refusal is not None:
            return Claim(refusal, run.state, current)
        if run.holder is not None:
            LostRun(tx, run, now, "The process that ran it was heard of no more").hand_over()
            current += 1
    # A run that waits gets a lease too: no agent is offered it while this process starts.
    tx.execute(
        "UPDATE flow_run SET holder = :holder, heartbeat = :now, updated = :now, lease_until = CASE WHEN "
        "lease_until IS NULL OR lease_until < :lease THEN :lease ELSE lease_until END WHERE id = :id",
        {
            "id": run.id,
            "holder": name,
            "now": stamp(now),
            "lease": stamp(now + datetime.timedelta(seconds=lease_s)),
        },
    )
    return Claim(None, run.state, current)


def _refusal(run: Row, epoch: int | None, now: datetime.datetime) -> str | None:
    """Why a process other than the holder may not run it; None if it may."""
    if epoch is not None and epoch != run.epoch:
        return f"Flow run {run.id} is at attempt {run.epoch}; attempt {epoch} is over and must stop."
    if run.holder is None:
        return None
    if run.lease_until is not None and run.lease_until > stamp(now):
        rest = (from_text(run.lease_until) - now).total_seconds()
        return (
            f"Flow run {run.id} is run by another process already. End that one, or cancel the flow run; if it "
            f"is gone, its lease ends in {rest:.0f} s."
        )
    if epoch is not None:
        return (
            f"Flow run {run.id} was begun by another process, which is heard of no more: it starts again as the "
            "next attempt."
        )
    settings = load_object(run.flow_settings)
    if run.state == "Running" and settings.get("heartbeat_enabled") is False:
        # Nobody knows whether the other one lives, and a guess would run tasks twice.
        return (
            f"Flow run {run.id} is run by another process already, which sends no heartbeats. If it is gone, "
            "set the flow run to Scheduled."
        )
    return None
