"""Notices runs whose process is gone, and lets them go on or end.

What decides is a missed lease: heartbeats and agents renew leases, and nothing is ever decided by
the age of a run. Leases cannot be renewed while the server is away. So after a start, after the
database was away, and after a gap in time (a laptop that slept, a clock that was set), one full
lease passes before anything is reaped.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from typing import Any

from prefect.server.database.store import Transaction
from prefect.server.database.times import from_text, to_text
from prefect.server.domain import policy
from prefect.server.domain.common import load, lock_for_update, stamp
from prefect.server.domain.lost_runs import LostRun
from prefect.server.domain.states import DUE_STATES, HOLDING_STATES, parse_state
from prefect.server.domain.transitions import write_state

__all__ = ["Reaper"]

_BATCH = 50
#: Rounds are a few seconds apart; more than this between two is a gap.
_GAP_S = 60.0
#: Two clocks may differ by this much between two rounds before one of them was set.
_DRIFT_S = 5.0


class Reaper:
    """Reaps runs whose lease was missed.

    Args:
        monotonic: seconds of a clock that only goes forward.
    """

    name = "reaper"
    every_s = 2.0
    topics: frozenset[str] = frozenset()

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.has_more = False
        self._monotonic = monotonic
        self._last: tuple[float, datetime.datetime] | None = None
        self._not_before = float("-inf")
        self._has_gap = False

    def observe(self, now: datetime.datetime, is_interrupted: bool) -> None:
        """Note how time passes; after a gap one full lease is waited for."""
        moment = self._monotonic()
        if self._last is None or is_interrupted:
            has_gap = True
        else:
            passed, on_the_wall = moment - self._last[0], (now - self._last[1]).total_seconds()
            has_gap = passed > _GAP_S or abs(on_the_wall - passed) > _DRIFT_S
        self._last = (moment, now)
        if has_gap:
            self._has_gap = True
            self._not_before = moment + policy.current().zombie_after_s

    def tick(self, tx: Transaction, now: datetime.datetime) -> int:
        """Handle runs with a missed lease; how many."""
        self.has_more = False
        if self._has_gap:
            _shorten_leases(tx, now)
            self._has_gap = False
        if self._last is None or self._monotonic() < self._not_before:
            return 0
        runs = tx.rows(
            "SELECT r.*, f.settings AS flow_settings FROM flow_run r JOIN flow f ON f.id = r.flow_id "
            "WHERE r.lease_until <= :now ORDER BY r.lease_until "
            f"LIMIT {_BATCH}{lock_for_update(tx, 'r')}",
            {"now": stamp(now)},
        )
        self.has_more = len(runs) == _BATCH
        for run in runs:
            if LostRun(tx, run, now).handle():
                self.has_more = True
        return len(runs) + _free_submitted_tasks(tx, now)


def _shorten_leases(tx: Transaction, now: datetime.datetime) -> None:
    """Let leases that were given by a clock which was ahead, and has been set back, end as they were to.

    Else nobody would miss a run that dies, or offer one that an agent reserved, until that time comes.
    """
    zombie = datetime.timedelta(seconds=policy.current().zombie_after_s)
    rows = tx.rows(
        "SELECT id, state, heartbeat, lease_until FROM flow_run WHERE lease_until > :latest",
        {"latest": stamp(now + zombie)},
    )
    for run in rows:
        if run.state not in HOLDING_STATES:
            lease = zombie
        elif run.heartbeat is not None and run.heartbeat > stamp(now):
            lease = from_text(run.lease_until) - from_text(run.heartbeat)
        else:
            continue  # an agent asked for as much
        tx.execute(
            "UPDATE flow_run SET lease_until = :until WHERE id = :id AND lease_until > :until",
            {"id": run.id, "until": stamp(now + lease)},
        )


def _free_submitted_tasks(tx: Transaction, now: datetime.datetime) -> int:
    """Make task runs due again that were submitted for a process that never came.

    An agent submits a task run when it brings back the flow run that waited for it; the flow run is
    Running all the while, and has no lease until its process sends the first heartbeat.
    """
    rows = tx.rows(
        "SELECT t.* FROM flow_run r JOIN task_run t ON t.flow_run_id = r.id "
        "WHERE t.state = 'Submitted' AND t.state_timestamp <= :before AND r.state = 'Running' "
        f"AND r.lease_until IS NULL LIMIT {_BATCH}{lock_for_update(tx, 't')}",
        {"before": stamp(now - datetime.timedelta(seconds=policy.current().submitted_grace_s))},
    )
    for task in rows:
        stored: dict[str, Any] = load(task.serialized_state) or {}
        before: dict[str, Any] = stored.get("state") or {}
        state = before if before.get("type") in DUE_STATES else {"type": "Scheduled"}
        write_state(tx, "task_run", task, parse_state({**state, "start_time": to_text(now)}, now), now)
    return len(rows)
