"""Watching what an agent started: ends, cancellations and leases.

One thread looks after all jobs. It looks every few seconds, and at once when a job says that it ended.
While the API is away nothing is forgotten: what has to be said is said when it is back, and refused there
if the run has gone on without it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from prefect.agent._job import Ended, Job, describe_end, last_output
from prefect.exceptions import ClientError

if TYPE_CHECKING:
    from prefect.agent._api import AgentApi, RunStatus

__all__ = ["Supervisor", "Watched"]

#: Seconds between two questions where the runs are.
ROUND_S = 2.0
#: Seconds that the infrastructure of a cancelled run gets to end by itself.
STOP_GRACE_S = 5.0

_STOPPED = ("Cancelling", "Cancelled")
_FINISHED = frozenset(
    (
        *("Success", "Cached", "Mapped", "Skipped", "Failed", "TimedOut", "TriggerFailed"),
        *("ValidationFailed", "Looped", "Cancelled", "Finished"),
    )
)


@dataclass
class Watched:
    """A job with the flow run that it is for.

    Attributes:
        run_id: the flow run.
        epoch: the attempt it is; None where the server counts none.
        job: the job.
        is_resumed: whether the flow run was running before, and waited for a task.
        renewed_at: when its lease was renewed last (monotonic seconds).
        stopped_at: when it was asked to stop.
        is_killed: whether it was ended.
        end: how it ended, until the API knows.
    """

    run_id: str
    epoch: int | None
    job: Job
    is_resumed: bool = False
    renewed_at: float = field(default_factory=time.monotonic)
    stopped_at: float | None = None
    is_killed: bool = False
    end: Ended | None = None


class Supervisor:
    """Looks after the jobs of an agent.

    Args:
        api: the API.
        logger: the agent's.
        name: the agent's name, as its lines in logs of runs show it.
        what: what a job is, in a word: `process`, `container`.
        lease_s: seconds for which a run is kept while its infrastructure starts.
        on_end: called with the id of a run whose job has ended, from the supervisor's thread.
        round_s: seconds between two questions where the runs are.
        before_round: called before each look at the jobs.
    """

    def __init__(
        self,
        api: AgentApi,
        logger: logging.Logger,
        name: str,
        what: str,
        lease_s: float,
        on_end: Callable[[str], None],
        round_s: float = ROUND_S,
        before_round: Callable[[], None] | None = None,
    ) -> None:
        self._api = api
        self._logger = logger
        self._name = name
        self._what = what
        self._lease_s = lease_s
        self._on_end = on_end
        self._round_s = round_s
        self._before_round = before_round
        self._lock = threading.Lock()
        #: By run and attempt: an earlier attempt may still be ending when the next one starts.
        self._jobs: dict[tuple[str, int | None], Watched] = {}
        #: Ended jobs of which the API does not know yet.
        self._untold: list[Watched] = []
        self._wake = threading.Event()
        self._idle = threading.Condition(self._lock)
        self._stopping = False
        self._asked_at = 0.0
        self._thread: threading.Thread | None = None

    # -- from other threads ---------------------------------------------------------------------

    def watch(self, watched: Watched) -> None:
        """Look after a job from now on."""
        with self._lock:
            self._jobs[watched.run_id, watched.epoch] = watched
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="prefect-agent-jobs", daemon=True)
                self._thread.start()
        self._wake.set()

    def forget(self, run_id: str, epoch: int | None) -> None:
        """Look no more after a job that did not start; the agent says why."""
        with self._idle:
            self._jobs.pop((run_id, epoch), None)
            self._idle.notify_all()

    def wake(self) -> None:
        """Look at the jobs now: one has ended."""
        self._wake.set()

    def run_ids(self) -> list[str]:
        """The flow runs whose jobs are there."""
        with self._lock:
            return list({run_id for run_id, _ in self._jobs})

    def wait_until_idle(self, timeout_s: float | None = None) -> bool:
        """Wait until no job is left and the API knows all of it; False if that takes too long."""
        with self._idle:
            return self._idle.wait_for(lambda: not self._jobs and not self._untold, timeout_s)

    def stop(self) -> None:
        """Stop watching; jobs go on."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=self._round_s + 1)
        with self._lock:
            jobs = list(self._jobs.values())
        for watched in jobs:
            watched.job.release()

    # -- the thread -----------------------------------------------------------------------------

    def _work(self) -> None:
        while not self._stopping:
            with self._lock:
                is_idle = not self._jobs and not self._untold
            self._wake.wait(None if is_idle else self._round_s)
            self._wake.clear()
            if self._stopping:
                return
            try:
                self.look()
            except Exception:  # an agent does not stop over one bad answer
                self._logger.exception(
                    "The flow runs that are under way could not be looked after; trying again."
                )

    def look(self) -> None:
        """Look at all jobs once, and say to the API what there is to say."""
        if self._before_round is not None:
            self._before_round()
        self._collect_ended()
        self._tell_ends()
        with self._lock:
            jobs = list(self._jobs.values())
        now = time.monotonic()
        if jobs and now - self._asked_at >= self._round_s:
            self._asked_at = now
            self._ask(jobs)
        self._kill_overdue(jobs)

    def _collect_ended(self) -> None:
        with self._lock:
            jobs = list(self._jobs.values())
        for watched in jobs:
            watched.end = watched.job.poll()
            if watched.end is None:
                continue
            with self._lock:
                if self._jobs.pop((watched.run_id, watched.epoch), None) is None:
                    continue  # forgotten meanwhile
                self._untold.append(watched)
            watched.job.release()
            self._on_end(watched.run_id)

    def _tell_ends(self) -> None:
        with self._lock:
            untold = list(self._untold)
        if not untold:
            return
        status = self._status([watched.run_id for watched in untold])
        if status is None:
            return
        for watched in untold:
            if self._told(watched, status.get(watched.run_id)):
                watched.job.settled()
                with self._idle:
                    self._untold.remove(watched)
                    self._idle.notify_all()

    def _told(self, watched: Watched, status: RunStatus | None) -> bool:
        """Tell the API of one end; False to try again."""
        end = watched.end
        assert end is not None
        clause = describe_end(self._what, end)
        if status is None or self._is_another(watched, status):
            return True
        if status.state in _STOPPED:
            watched.job.stop(True)  # it may have ended by itself, and left what it had started behind
        if status.state in _FINISHED:
            if end.exit_code != 0:
                self._logger.info("Flow run %s is %s. %s.", watched.run_id, status.state, clause)
            return True
        is_quiet = end.exit_code == 0 and not end.is_lost
        try:
            if status.state == "Cancelling":
                self._api.log(watched.run_id, self._name, "INFO", f"{clause}, after the run was cancelled.")
                self._api.cancelled(watched.run_id, f"{clause}, after the run was cancelled.")
                return True
            if not is_quiet:
                message = f"{clause} before the run was finished.{last_output(end)}"
                self._logger.error("Flow run %s: %s", watched.run_id, message)
                self._api.log(watched.run_id, self._name, "ERROR", message)
            self._api.end_attempt(watched.run_id, watched.epoch, clause)
        except (ClientError, ValueError) as exc:
            self._logger.error(
                "Flow run %s: the end of its %s was not taken: %s", watched.run_id, self._what, exc
            )
        except OSError as exc:
            self._logger.warning("Flow run %s: %s. The API is away: %s", watched.run_id, clause, exc)
            return False
        return True

    def _ask(self, jobs: list[Watched]) -> None:
        status = self._status([watched.run_id for watched in jobs])
        if status is None:
            return
        now = time.monotonic()
        for watched in jobs:
            found = status.get(watched.run_id)
            if found is None:
                self._stop(watched, "it was deleted")
            elif found.state in _STOPPED:
                self._stop(watched, f"it is {found.state}")
            elif self._is_another(watched, found):
                self._stop(watched, "it was started again elsewhere")
            elif found.state == "Submitted" or watched.is_resumed:
                # A flow run that runs sends heartbeats; until then it is the agent that says it is alive.
                if now - watched.renewed_at >= self._lease_s / 3:
                    watched.renewed_at = now
                    self._renew(watched)

    def _renew(self, watched: Watched) -> None:
        try:
            self._api.renew(watched.run_id, watched.epoch, self._lease_s)
        except (ClientError, OSError) as exc:
            self._logger.warning("Flow run %s: its lease was not renewed: %s", watched.run_id, exc)

    def _stop(self, watched: Watched, why: str) -> None:
        if watched.stopped_at is not None:
            return
        self._logger.info(
            "Flow run %s: stopping its %s (%s), because %s.",
            watched.run_id,
            self._what,
            watched.job.name,
            why,
        )
        watched.stopped_at = time.monotonic()
        watched.job.stop(False)

    def _kill_overdue(self, jobs: list[Watched]) -> None:
        for watched in jobs:
            if watched.stopped_at is None or watched.is_killed:
                continue
            if time.monotonic() - watched.stopped_at >= STOP_GRACE_S:
                watched.is_killed = True
                self._logger.warning(
                    "Flow run %s: its %s did not stop, and is killed.", watched.run_id, self._what
                )
                watched.job.stop(True)

    def _status(self, ids: list[str]) -> dict[str, RunStatus] | None:
        try:
            return self._api.status_of(ids)
        except (ClientError, OSError) as exc:
            self._logger.warning("The API could not be asked for the flow runs that are under way: %s", exc)
            return None

    @staticmethod
    def _is_another(watched: Watched, status: RunStatus) -> bool:
        return watched.epoch is not None and status.epoch is not None and status.epoch != watched.epoch
