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

from prefect.server.database.sql import in_list
from prefect.server.database.store import Row, Transaction
from prefect.server.database.times import to_text
from prefect.server.domain import policy
from prefect.server.domain.common import dump, load, lock_for_update, stamp
from prefect.server.domain.logs import WriteRunLogInput, write
from prefect.server.domain.states import DUE_STATES, carry_inputs, parse_state
from prefect.server.domain.transitions import cancel_task_runs, write_state

__all__ = ["Reaper"]

_BATCH = 50
#: Task runs of one flow run that are handled in one transaction.
_TASK_BATCH = 500
#: Rounds are a few seconds apart; more than this between two is a gap.
_GAP_S = 60.0
#: Two clocks may differ by this much between two rounds before one of them was set.
_DRIFT_S = 5.0

_NO_HEARTBEAT = "No heartbeat detected from the remote task; "


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
            self._not_before = moment + policy.current().zombie_after_s

    def tick(self, tx: Transaction, now: datetime.datetime) -> int:
        """Handle runs with a missed lease; how many."""
        self.has_more = False
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
            self._reap(tx, run, now)
        return len(runs) + _free_submitted_tasks(tx, now)

    def _reap(self, tx: Transaction, run: Row, now: datetime.datetime) -> None:
        settings: dict[str, Any] = load(run.flow_settings) or {}
        if run.state == "Cancelling":
            state = parse_state(
                {"type": "Cancelled", "message": "No heartbeat detected from the flow run."}, now
            )
            cancel_task_runs(tx, run.id, run.tenant_id, state, now)
            write_state(tx, "flow_run", run, state, now)
            _end_attempt(tx, run)
        elif run.state == "Submitted":
            self._start_again(tx, run, settings, now)
        elif run.state == "Running" and settings.get("heartbeat_enabled", True):
            if self._reap_tasks(tx, run, now):
                return
            waits = tx.scalar(
                "SELECT 1 FROM task_run WHERE flow_run_id = :id AND state IN "
                f"{in_list(tx.dialect, 'due')} LIMIT 1",
                {"id": run.id, "due": dump(list(DUE_STATES))},
            )
            if waits and run.agent_id is not None:
                # It stays Running; the queue hands it out again when a task is due.
                _end_attempt(tx, run)
            else:
                self._start_again(tx, run, settings, now)
        else:
            tx.execute("UPDATE flow_run SET lease_until = NULL WHERE id = :id", {"id": run.id})

    def _reap_tasks(self, tx: Transaction, run: Row, now: datetime.datetime) -> bool:
        """Retry or fail the task runs that ran; whether some are left for the next round."""
        tasks = tx.rows(
            "SELECT t.*, k.max_retries, k.retry_delay, (SELECT count(*) FROM task_run_state s "
            "WHERE s.task_run_id = t.id AND s.state = 'Retrying') AS retried "
            "FROM task_run t JOIN task k ON k.id = t.task_id "
            f"WHERE t.flow_run_id = :id AND t.state = 'Running' LIMIT {_TASK_BATCH}{lock_for_update(tx, 't')}",
            {"id": run.id},
        )
        for task in tasks:
            self._reap_task(tx, run, task, now)
        if len(tasks) == _TASK_BATCH:
            self.has_more = True
            return True
        return False

    def _reap_task(self, tx: Transaction, run: Row, task: Row, now: datetime.datetime) -> None:
        stored: dict[str, Any] = load(task.serialized_state) or {}
        context: Any = stored.get("context") or {}
        most = task.max_retries or 0
        # Without an agent nobody would start the flow run again for the retry.
        if task.retried < most and run.agent_id is not None:
            message = f"{_NO_HEARTBEAT}retrying the run. This will be retry {task.retried + 1} of {most}."
            state: dict[str, Any] = {
                "type": "Retrying",
                "message": message,
                "run_count": (task.run_count or 0) + 1,
                "start_time": to_text(now + _delay(task.retry_delay)),
                "context": context,
            }
        else:
            message = f"{_NO_HEARTBEAT}marking the run as failed."
            state = {"type": "Failed", "message": message, "context": context}
        parsed = carry_inputs(parse_state(state, now), task.serialized_state)
        write_state(tx, "task_run", task, parsed, now)
        _say(tx, run, "ERROR", message, now, task_run_id=task.id)

    def _start_again(
        self, tx: Transaction, run: Row, settings: dict[str, Any], now: datetime.datetime
    ) -> None:
        """Hand the run to an agent once more, if it was an agent's and not too often."""
        most = policy.current().max_resurrections
        count = (run.times_resurrected or 0) + 1
        if run.agent_id is None:
            reason = "No heartbeat detected from the flow run, which was not started by an agent."
        elif not settings.get("lazarus_enabled", True):
            reason = (
                "No heartbeat detected from the flow run, and its flow does not have such runs started again."
            )
        elif count > most:
            reason = f"A Lazarus process attempted to reschedule this run {most} times without success."
        else:
            state = parse_state({"type": "Scheduled", "message": "Rescheduled by a Lazarus process."}, now)
            write_state(tx, "flow_run", run, state, now)
            tx.execute(
                "UPDATE flow_run SET times_resurrected = :n WHERE id = :id", {"n": count, "id": run.id}
            )
            _say(tx, run, "INFO", f"Rescheduled by a Lazarus process. This is attempt {count}.", now)
            return
        write_state(tx, "flow_run", run, parse_state({"type": "Failed", "message": reason}, now), now)
        _end_attempt(tx, run)
        _say(tx, run, "ERROR", f"{reason} Marking it as failed.", now)


def _end_attempt(tx: Transaction, run: Row) -> None:
    """What may run still may report no more."""
    tx.execute("UPDATE flow_run SET lease_until = NULL, epoch = epoch + 1 WHERE id = :id", {"id": run.id})


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


def _say(
    tx: Transaction,
    run: Row,
    level: str,
    message: str,
    now: datetime.datetime,
    task_run_id: str | None = None,
) -> None:
    line = WriteRunLogInput(
        flow_run_id=run.id,
        task_run_id=task_run_id,
        timestamp=now,
        name="prefect.server",
        level=level,
        message=message,
    )
    write(tx, run.tenant_id, [line], now)


def _delay(text: str | None) -> datetime.timedelta:
    """The time of a `HH:MM:SS` column; nothing for none."""
    if not text:
        return datetime.timedelta()
    hours, minutes, seconds = text.split(":")
    return datetime.timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))
