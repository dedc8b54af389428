"""Following a flow run: its states and log lines as they appear."""

from __future__ import annotations

import datetime
import logging
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from prefect.backend._query import parse_time
from prefect.backend._reasons import why_it_waits
from prefect.exceptions import AuthorizationError, ClientError
from prefect.utilities import clock

if TYPE_CHECKING:
    from prefect.client.client import Client

__all__ = ["FlowRunLog", "StateLine", "follow"]

#: A run that takes longer is no longer followed, unless told otherwise.
_MAX_DURATION = datetime.timedelta(hours=12)
#: Seconds between two looks: short while something happens, growing while nothing does.
_SHORTEST_S, _LONGEST_S = 0.25, 2.0
#: Lines are written by several processes and may arrive later than younger ones.
_LATE = datetime.timedelta(seconds=15)
#: Seconds after the end in which the last lines may still arrive, unless some have: they come together.
_LAST_LINES_S = 2.0
_UNSUBMITTED_S = 15.0

_QUERY = """
query($id: uuid!, $since: timestamptz!) { flow_run_by_pk(id: $id) {
    state
    labels
    states(order_by: [{ timestamp: asc }, { version: asc }]) { id timestamp state message start_time }
    logs(where: { timestamp: { _gte: $since } }, order_by: [{ timestamp: asc }]) { id timestamp level message }
} }
"""
_STATES_ONLY = """
query($id: uuid!) { flow_run_by_pk(id: $id) {
    state
    labels
    states(order_by: [{ timestamp: asc }, { version: asc }]) { id timestamp state message start_time }
} }
"""


class FlowRunLog(NamedTuple):
    """One line of a flow run's log: `timestamp`, `level` (a number, as in `logging`) and `message`."""

    timestamp: datetime.datetime
    level: int
    message: str

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> FlowRunLog:
        """A line of a row of the API: level by name, time as text.

        Args:
            data: the row.
        """
        number: object = getattr(logging, str(data["level"]).upper(), None)
        level = number if isinstance(number, int) else logging.INFO
        return cls(parse_time(data["timestamp"]), level, data["message"])

    def __str__(self) -> str:
        return f"{self.timestamp:%H:%M:%S} | {logging.getLevelName(self.level):<7} | {self.message}"


class StateLine(FlowRunLog):
    """A line that says which state the run entered."""

    __slots__ = ()


def follow(
    flow_run_id: str,
    *,
    stream_states: bool,
    stream_logs: bool,
    max_duration: datetime.timedelta = _MAX_DURATION,
    longest_s: float = _LONGEST_S,
    tells_ended: bool = False,
) -> Iterator[FlowRunLog]:
    """See `watch_flow_run`.

    Args:
        flow_run_id: the run.
        stream_states: whether changes of state are among the lines.
        stream_logs: whether the log is.
        max_duration: how long to wait at most.
        longest_s: seconds between two looks while nothing happens.
        tells_ended: whether the lines of a run that had ended before are told too, and not only when that was.
    """
    from prefect.client.client import Client

    watch = _Watch(Client(), flow_run_id, stream_states, stream_logs, tells_ended)
    started = time.monotonic()
    interval = _SHORTEST_S
    finished_at: float | None = None
    while True:
        lines = watch.look()
        yield from lines
        elapsed = time.monotonic() - started
        if finished_at is not None and (lines or time.monotonic() - finished_at > _LAST_LINES_S):
            return
        if watch.is_finished and finished_at is None:
            finished_at = time.monotonic()
            interval = _SHORTEST_S
            if watch.was_finished_before or not stream_logs:
                return
        elif finished_at is None:
            if elapsed > max_duration.total_seconds():
                raise RuntimeError(
                    f"`watch_flow_run` timed out after {elapsed / 3600:.1f} hours of waiting for flow run "
                    f"{flow_run_id!r}, which is {watch.state}. It goes on."
                )
            yield from watch.waiting(elapsed)
            interval = _SHORTEST_S if lines else min(interval * 1.3, longest_s)
        time.sleep(interval)


class _Watch:
    """What was seen of a run, and what is new."""

    def __init__(self, client: Client, flow_run_id: str, states: bool, logs: bool, tells_ended: bool) -> None:
        self.tells_ended = tells_ended
        self.client, self.flow_run_id, self.shows_states, self.shows_logs = client, flow_run_id, states, logs
        self.state = "Scheduled"
        self.is_finished = self.was_finished_before = False
        self._row: Any = None
        self._seen: set[str] = set()
        self._youngest: datetime.datetime | None = None
        self._warned_at = 0.0
        self._is_away = False
        self._looks = 0

    def look(self) -> list[FlowRunLog]:
        """Ask the API; the lines that were not seen before, by time.

        Raises:
            ValueError: there is no such run.
        """
        import requests

        try:
            row = self._ask()
        except (requests.RequestException, ClientError) as exc:
            # The client has tried for a minute already. An answer that makes no sense is of whoever stands
            # before the API, and an error of the API's own may pass too; a refusal does not.
            if not self._looks or not (isinstance(exc, requests.RequestException) or _may_pass(exc)):
                raise
            return self._away(exc)
        self._is_away = False
        if row is None:
            if not self._looks:
                raise ValueError(
                    f"No flow runs found while querying for flow runs where {{'id': {{'_eq': {self.flow_run_id!r}}}}}"
                )
            self.is_finished = True
            return [FlowRunLog(_now(), logging.WARNING, "The flow run was deleted.")]
        self._row = row
        self._looks += 1
        self.state = row.state or "Pending"
        self.is_finished = _is_final(self.state)
        if self._looks == 1 and self.is_finished and not self.tells_ended:
            self.was_finished_before = True
            since = _in_words(row.states[-1].timestamp) if row.states else "some time ago"
            return [FlowRunLog(_now(), logging.INFO, f"Your flow run finished {since}")]
        return self._new_lines(row)

    def _ask(self) -> Any:
        variables: dict[str, Any] = {"id": self.flow_run_id}
        if self.shows_logs:
            since = self._youngest - _LATE if self._youngest else datetime.datetime(1970, 1, 1)  # noqa: DTZ001
            variables["since"] = since.isoformat()
        query = _QUERY if self.shows_logs else _STATES_ONLY
        return self.client.graphql(query, variables=variables).data.flow_run_by_pk

    def _away(self, exc: Exception) -> list[FlowRunLog]:
        """Go on until `max_duration`, and say so once."""
        if self._is_away:
            return []
        self._is_away = True
        return [
            FlowRunLog(
                _now(), logging.WARNING, f"The API cannot be reached ({type(exc).__name__}); trying again."
            )
        ]

    def _new_lines(self, row: Any) -> list[FlowRunLog]:
        lines: list[FlowRunLog] = []
        if self.shows_states:
            for state in row.states:
                if state.id not in self._seen:
                    self._seen.add(state.id)
                    message = f"Entered state <{state.state}>: {state.message}"
                    lines.append(StateLine(parse_time(state.timestamp), logging.INFO, message))
        if self.shows_logs:
            for log in row.logs:
                if log.id not in self._seen:
                    self._seen.add(log.id)
                    lines.append(FlowRunLog.from_dict(log))
            if row.logs:
                self._youngest = parse_time(row.logs[-1].timestamp)
        return sorted(lines, key=lambda line: line.timestamp)

    def waiting(self, elapsed_s: float) -> Iterator[FlowRunLog]:
        """Say why nothing happens, once after 15 seconds and then ever more rarely."""
        if self._row is None or self.state not in ("Scheduled", "Queued", "Pending"):
            return
        start = next((s.start_time for s in reversed(self._row.states) if s.start_time), None)
        starts_in = (parse_time(start) - clock.now()).total_seconds() if start else 0.0
        if start is not None and starts_in > _UNSUBMITTED_S:
            if not self._warned_at:
                self._warned_at = elapsed_s
                yield FlowRunLog(
                    _now(), logging.INFO, f"The flow run is to start {_in_words(start)}, at {start}."
                )
            return
        if elapsed_s < max(_UNSUBMITTED_S, 2 * self._warned_at):
            return
        self._warned_at = elapsed_s
        import requests

        try:
            reasons = why_it_waits(self.client, self.flow_run_id, self._row.labels or ())
        except (requests.RequestException, ClientError):
            return  # the next look finds out whether the API is away
        message = (
            f"It has been {round(elapsed_s)} seconds and your flow run has not been submitted by an agent. "
            f"{reasons}"
        )
        yield FlowRunLog(_now(), logging.WARNING, message)


def _now() -> datetime.datetime:
    import pendulum

    return pendulum.instance(clock.now())


def _may_pass(exc: ClientError) -> bool:
    """Whether an error may be gone the next time: the API's own, and an answer that is none of the API's."""
    text = str(exc)
    return not isinstance(exc, AuthorizationError) and ("API_ERROR" in text or text.startswith("Malformed"))


def _is_final(name: str) -> bool:
    from prefect.engine import state

    found: object = getattr(state, name, None)
    return isinstance(found, type) and issubclass(found, state.Finished)


def _in_words(timestamp: str) -> str:
    import pendulum

    return pendulum.instance(parse_time(timestamp)).diff_for_humans()
