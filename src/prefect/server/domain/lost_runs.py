"""What becomes of a flow run whose process is gone: tasks retry or fail, the run starts again or ends.

The reaper asks for it when a lease was missed; an agent asks when it saw the process end.
"""

from __future__ import annotations

import datetime
from typing import Any

from prefect.server.database.sql import in_list
from prefect.server.database.store import Row, Transaction
from prefect.server.database.times import to_text
from prefect.server.domain import policy
from prefect.server.domain.common import dump, load, lock_for_update
from prefect.server.domain.logs import WriteRunLogInput, write
from prefect.server.domain.states import DUE_STATES, carry_inputs, parse_state
from prefect.server.domain.transitions import cancel_task_runs, write_state

__all__ = ["NO_HEARTBEAT", "LostRun"]

#: Task runs of one flow run that are handled in one transaction.
_TASK_BATCH = 500

NO_HEARTBEAT = "No heartbeat detected from the remote task"


class LostRun:
    """A flow run that nothing runs any more.

    Args:
        tx: the transaction.
        run: its row, locked, with `flow_settings`.
        now: the time (UTC).
        reason: how that was noticed, as the beginning of a sentence; for logs and states.
        was_left: whether its process left it in order, as its tasks wait for a time.
    """

    def __init__(
        self, tx: Transaction, run: Row, now: datetime.datetime, reason: str = "", *, was_left: bool = False
    ) -> None:
        self._tx = tx
        self._run = run
        self._now = now
        self._settings: dict[str, Any] = load(run.flow_settings) or {}
        self._reason = reason or "No heartbeat detected from the flow run"
        self._task_reason = reason or NO_HEARTBEAT
        self._is_certain = bool(reason)
        # Without an agent nobody would start it again for a task that waits, unless somebody means to.
        self._is_expected = was_left or run.agent_id is not None

    def handle(self) -> bool:
        """Let its tasks retry or fail, and the run start again or end.

        Returns:
            Whether task runs are left for another call, because there are so many.
        """
        tx, run = self._tx, self._run
        if run.state == "Cancelling":
            state = parse_state({"type": "Cancelled", "message": f"{self._reason}."}, self._now)
            cancel_task_runs(tx, run.id, run.tenant_id, state, self._now)
            write_state(tx, "flow_run", run, state, self._now)
            self._end_attempt()
        elif run.state == "Submitted":
            self._start_again()
        elif run.state == "Queued" and self._is_certain:
            # Its process waited for a slot; an agent does so from now on.
            state = {"type": "Scheduled", "message": f"{self._reason}. It waits for a slot again."}
            write_state(tx, "flow_run", run, parse_state(state, self._now), self._now)
            self._end_attempt()
        elif run.state == "Running" and (self._is_certain or self._settings.get("heartbeat_enabled", True)):
            if self._handle_tasks():
                return True
            waits = tx.scalar(
                "SELECT 1 FROM task_run WHERE flow_run_id = :id AND state IN "
                f"{in_list(tx.dialect, 'due')} LIMIT 1",
                {"id": run.id, "due": dump(list(DUE_STATES))},
            )
            if waits and self._is_expected:
                # It stays Running; the queue hands it out again when a task is due.
                self._end_attempt()
            else:
                self._start_again()
        elif self._is_certain:
            tx.execute("UPDATE flow_run SET lease_until = NULL, holder = NULL WHERE id = :id", {"id": run.id})
        else:
            tx.execute("UPDATE flow_run SET lease_until = NULL WHERE id = :id", {"id": run.id})
        return False

    def hand_over(self) -> None:
        """Let its tasks retry or fail, and another process go on with it: the next attempt."""
        self._is_expected = True
        if self._run.state == "Running":
            while self._handle_tasks():
                pass
        self._end_attempt()
        self._tx.emit("flow_run", self._run.id, self._run.tenant_id)

    def _handle_tasks(self) -> bool:
        """Retry or fail the task runs that ran; whether some are left."""
        tasks = self._tx.rows(
            "SELECT t.*, k.max_retries, k.retry_delay, (SELECT count(*) FROM task_run_state s "
            "WHERE s.task_run_id = t.id AND s.state = 'Retrying') AS retried "
            "FROM task_run t JOIN task k ON k.id = t.task_id WHERE t.flow_run_id = :id AND t.state = 'Running' "
            f"LIMIT {_TASK_BATCH}{lock_for_update(self._tx, 't')}",
            {"id": self._run.id},
        )
        for task in tasks:
            self._handle_task(task)
        return len(tasks) == _TASK_BATCH

    def _handle_task(self, task: Row) -> None:
        stored: dict[str, Any] = load(task.serialized_state) or {}
        context: Any = stored.get("context") or {}
        most = task.max_retries or 0
        if task.retried < most and self._is_expected:
            message = (
                f"{self._task_reason}; retrying the run. This will be retry {task.retried + 1} of {most}."
            )
            state: dict[str, Any] = {
                "type": "Retrying",
                "message": message,
                "run_count": (task.run_count or 0) + 1,
                "start_time": to_text(self._now + _delay(task.retry_delay)),
                "context": context,
            }
        else:
            message = f"{self._task_reason}; marking the run as failed."
            state = {"type": "Failed", "message": message, "context": context}
        parsed = carry_inputs(parse_state(state, self._now), task.serialized_state)
        write_state(self._tx, "task_run", task, parsed, self._now)
        self._say("ERROR", message, task_run_id=task.id)

    def _start_again(self) -> None:
        """Hand the run to an agent once more, if it was an agent's and not too often."""
        tx, run, now = self._tx, self._run, self._now
        most = policy.current().max_resurrections
        count = (run.times_resurrected or 0) + 1
        if run.agent_id is None:
            reason = f"{self._reason}, which was not started by an agent."
        elif not self._settings.get("lazarus_enabled", True):
            reason = f"{self._reason}, and its flow does not have such runs started again."
        elif count > most:
            reason = f"A Lazarus process attempted to reschedule this run {most} times without success."
        else:
            state = parse_state({"type": "Scheduled", "message": "Rescheduled by a Lazarus process."}, now)
            write_state(tx, "flow_run", run, state, now)
            tx.execute(
                "UPDATE flow_run SET times_resurrected = :n WHERE id = :id", {"n": count, "id": run.id}
            )
            self._say("INFO", f"Rescheduled by a Lazarus process. This is attempt {count}.")
            return
        write_state(tx, "flow_run", run, parse_state({"type": "Failed", "message": reason}, now), now)
        self._end_attempt()
        self._say("ERROR", f"{reason} Marking it as failed.")

    def _end_attempt(self) -> None:
        """What may run still may report no more."""
        self._tx.execute(
            "UPDATE flow_run SET lease_until = NULL, holder = NULL, epoch = epoch + 1 WHERE id = :id",
            {"id": self._run.id},
        )

    def _say(self, level: str, message: str, task_run_id: str | None = None) -> None:
        line = WriteRunLogInput(
            flow_run_id=self._run.id,
            task_run_id=task_run_id,
            timestamp=self._now,
            name="prefect.server",
            level=level,
            message=message,
        )
        write(self._tx, self._run.tenant_id, [line], self._now)


def _delay(text: str | None) -> datetime.timedelta:
    """The time of a `HH:MM:SS` column; nothing for none."""
    if not text:
        return datetime.timedelta()
    hours, minutes, seconds = text.split(":")
    return datetime.timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))
