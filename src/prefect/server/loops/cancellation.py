"""Cancelling that takes too long is over: the run is called cancelled."""

from __future__ import annotations

import datetime

from prefect.server.database.store import Transaction
from prefect.server.domain import policy
from prefect.server.domain.common import lock_for_update, stamp
from prefect.server.domain.states import parse_state
from prefect.server.domain.transitions import cancel_task_runs, write_state

__all__ = ["Cancellation"]

_BATCH = 100


class Cancellation:
    """Ends runs that were told to stop and did not in time."""

    name = "cancellation"
    every_s = 2.0
    topics: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.has_more = False

    def observe(self, now: datetime.datetime, is_interrupted: bool) -> None:
        """Deadlines are moments; nothing depends on how time passed."""

    def tick(self, tx: Transaction, now: datetime.datetime) -> int:
        """Call runs cancelled whose deadline has passed."""
        # Later than that it can only be by a clock that was ahead, and has been set back.
        latest = stamp(now + datetime.timedelta(seconds=policy.current().cancel_grace_s))
        tx.execute(
            "UPDATE flow_run SET cancel_deadline = :latest WHERE cancel_deadline > :latest",
            {"latest": latest},
        )
        rows = tx.rows(
            "SELECT * FROM flow_run WHERE cancel_deadline <= :now ORDER BY cancel_deadline "
            f"LIMIT {_BATCH}{lock_for_update(tx)}",
            {"now": stamp(now)},
        )
        self.has_more = len(rows) == _BATCH
        for run in rows:
            if run.state != "Cancelling":
                tx.execute("UPDATE flow_run SET cancel_deadline = NULL WHERE id = :id", {"id": run.id})
                continue
            grace_s = policy.current().cancel_grace_s
            message = f"The flow run did not stop within {grace_s:g} seconds of its cancellation."
            state = parse_state({"type": "Cancelled", "message": message}, now)
            cancel_task_runs(tx, run.id, run.tenant_id, state, now)
            write_state(tx, "flow_run", run, state, now)
            # Whatever still runs may report no more.
            tx.execute("UPDATE flow_run SET epoch = epoch + 1, holder = NULL WHERE id = :id", {"id": run.id})
        return len(rows)
