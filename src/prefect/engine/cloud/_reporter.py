"""What a process knows of the task runs of a flow run, and how it tells the API of their states.

There is one `Reporter` for each flow run in a process. Children of mapped tasks are registered by the
thousand. Quick ones are announced as `Running` by the chunk, and their last states travel with the
next chunk, or when nothing came after them for a moment.
"""

from __future__ import annotations

import datetime
import os
import threading
import time
import uuid
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from prefect.engine.cloud._reporting import for_api
from prefect.engine.state import Pending, Running, State
from prefect.exceptions import PrefectException, VersionLockMismatchSignal
from prefect.utilities import clock
from prefect.utilities.context import context
from prefect.utilities.logging import get_logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prefect.client._server import Server
    from prefect.client._states import StateReply
    from prefect.client.client import Client

__all__ = ["Reporter", "TaskRun", "reporter_of"]

#: Children that are registered with one request.
_BLOCK = 1_000
#: Seconds that a last state waits for others to travel with.
_LINGER_S = 0.2
#: Seconds after which the thread that sends them ends, if there are none.
_IDLE_S = 5.0
#: Seconds between two tries to reach an API that is away, and until the run gives up.
_AGAIN_S, _AWAY_S = 5.0, 900.0
#: In the context of states: the process that sent them.
_MARK = "sent_by"
#: Flow runs one process remembers: those of tests, and of programs that run many.
_MOST = 8


class TaskRun(NamedTuple):
    """A task run, as the API knew it."""

    id: str
    version: int
    state: State


class _Unsent(NamedTuple):
    """A last state that has not been sent."""

    entry: dict[str, Any]
    state: State
    since: float


class Reporter:
    """Tells the API of states of one flow run and its task runs. Safe to use from threads.

    Args:
        flow_run_id: the flow run.
        epoch: the attempt at it that this process belongs to; None for servers that know no attempts.
    """

    def __init__(self, flow_run_id: str, epoch: int | None) -> None:
        from prefect.client.client import Client

        self.client: Client = Client()
        self.flow_run_id = flow_run_id
        self.epoch = epoch
        self._lock = threading.RLock()
        self._children: dict[tuple[str, int], TaskRun] = {}
        self._announced: set[str] = set()
        self._unsent: dict[str, _Unsent] = {}
        self._refused: list[tuple[State, PrefectException]] = []
        self._flusher: threading.Thread | None = None
        self._has_unsent = threading.Event()
        self._mark = uuid.uuid4().hex

    @property
    def server(self) -> Server:
        """What the server can do."""
        return self.client.get_server()

    # -- one state --------------------------------------------------------------------

    def set_flow_run(self, state: State, version: int | None) -> StateReply:
        """Set the state of the flow run, after all that its task runs have to say.

        Args:
            state: the state.
            version: the version that the run is known to be at.

        Raises:
            VersionLockMismatchSignal: it is not, or another attempt has begun.
            ClientError: the state is refused.
        """
        self.flush()
        entry = self._entry("flow_run_id", self.flow_run_id, state, version)
        return self._send("flow_run", [entry])[0]

    def set_task_run(self, task_run_id: str, state: State, version: int | None) -> StateReply:
        """Set the state of a task run.

        Args:
            task_run_id: the run.
            state: the state.
            version: the version that it is known to be at.

        Raises:
            VersionLockMismatchSignal: it is not, or another attempt has begun.
            ClientError: the state is refused.
        """
        entry = self._entry("task_run_id", task_run_id, state, version)
        with self._lock:
            waiting = list(self._unsent.values())
            self._unsent.clear()
        if waiting:
            try:
                return self._send("task_run", [*(unsent.entry for unsent in waiting), entry])[-1]
            except (PrefectException, VersionLockMismatchSignal):
                # One that is refused holds up all of a list: each for itself.
                self._send_one_by_one(waiting)
        return self._send("task_run", [entry])[0]

    def _entry(self, key: str, run_id: str, state: State, version: int | None) -> dict[str, Any]:
        serialized = for_api(state).serialize()
        if version is not None:
            # An answer may be lost: by this the state is known as this process's own when it is read back.
            serialized["context"] = {**(serialized.get("context") or {}), _MARK: self._mark}
        entry = {key: run_id, "state": serialized, "version": version}
        if self.epoch is not None:
            entry["epoch"] = self.epoch
        return entry

    def is_own(self, stored: State) -> bool:
        """Whether a state that the API has was sent by this process: its answer was lost."""
        return stored.is_running() and stored.context.get(_MARK) == self._mark

    def _send(self, kind: Literal["flow_run", "task_run"], entries: list[dict[str, Any]]) -> list[StateReply]:
        """Send states; an API that cannot be reached is waited for.

        While it is away, heartbeats do not arrive either: they stop the run before its lease ends.
        """
        import requests

        deadline = time.monotonic() + _AWAY_S
        while True:
            try:
                return self.client.send_states(kind, entries, with_versions=self.epoch is not None)
            except (requests.ConnectionError, requests.Timeout) as exc:
                if time.monotonic() > deadline:
                    raise
                get_logger("CloudFlowRunner").warning(
                    f"The API cannot be reached ({type(exc).__name__}); states wait until it can."
                )
                clock.wait_until(clock.now() + datetime.timedelta(seconds=_AGAIN_S))

    # -- children of mapped tasks -----------------------------------------------------

    def task_run(self, task_id: str, map_index: int | None) -> TaskRun:
        """A task run, which is made if there is none.

        Args:
            task_id: the task.
            map_index: which child of a mapped task.

        Raises:
            ClientError: the API refused.
        """
        if map_index is not None:
            known = self._children.pop((task_id, map_index), None)
            if known is not None:
                return known
        info = self.client.get_task_run_info(self.flow_run_id, task_id, map_index)
        return TaskRun(info.id, info.version, info.state)

    def register_children(self, task_id: str, start: int, stop: int) -> None:
        """Make the task runs of children of a mapped task, and know the states of those there are.

        Args:
            task_id: the task.
            start: first child.
            stop: the one after the last.

        Raises:
            ClientError: the API refused.
        """
        if not self.server.has_bulk:
            return
        name = "get_or_create_mapped_task_runs"
        document = (
            f"mutation($input: {name}_input!) {{ {name}(input: $input) "
            "{ task_runs { id map_index version serialized_state } } }"
        )
        while start < stop:
            count = min(_BLOCK, stop - start)
            value = {"flow_run_id": self.flow_run_id, "task_id": task_id, "start": start, "count": count}
            # As plain data: attribute access for thousands of rows costs more than the request.
            answer = self.client.graphql(document, variables={"input": value}).to_dict()
            for row in cast("list[dict[str, Any]]", answer["data"][name]["task_runs"]):
                stored = row["serialized_state"]
                state = State.deserialize(stored) if stored else Pending("Task run created")
                self._children[task_id, row["map_index"]] = TaskRun(row["id"], row["version"], state)
            start += count

    def known_child(self, task_id: str, map_index: int) -> TaskRun | None:
        """A registered child that has not begun; None if it is not registered."""
        return self._children.get((task_id, map_index))

    def announce(self, children: Sequence[tuple[TaskRun, Running]]) -> None:
        """Set children to `Running` with one request, together with the last states that wait.

        Whatever the API refuses is sent one by one later, by the children's own runners.

        Args:
            children: the children, each with its state.
        """
        with self._lock:
            waiting = list(self._unsent.values())
            self._unsent.clear()
        runs = [self._entry("task_run_id", run.id, state, run.version) for run, state in children]
        entries = [unsent.entry for unsent in waiting] + runs
        if not entries:
            return
        try:
            replies = self._send("task_run", entries)
        except (PrefectException, VersionLockMismatchSignal):
            self._send_one_by_one(waiting)
            return
        for (run, _), reply in zip(children, replies[len(waiting) :], strict=True):
            if not reply.is_queued:
                self._announced.add(run.id)

    def was_announced(self, task_run_id: str) -> bool:
        """Whether a child is `Running` for the API already; asked once for each."""
        if task_run_id in self._announced:
            self._announced.discard(task_run_id)
            return True
        return False

    def set_later(self, task_run_id: str, state: State) -> None:
        """Set the last state of a child soon: with others, and in a moment at the latest.

        Args:
            task_run_id: the child.
            state: its state.
        """
        entry = self._entry("task_run_id", task_run_id, state, None)
        with self._lock:
            if task_run_id in self._unsent:  # only one state of a run is sent at once
                self._send_one_by_one([self._unsent.pop(task_run_id)])
            self._unsent[task_run_id] = _Unsent(entry, state, time.monotonic())
            if self._flusher is None:
                self._flusher = threading.Thread(target=self._flush_late, name="prefect-states", daemon=True)
                self._flusher.start()
        self._has_unsent.set()

    def flush(self) -> None:
        """Send the last states that wait."""
        with self._lock:
            waiting = list(self._unsent.values())
            self._unsent.clear()
            if not waiting:
                return
            try:
                self._send("task_run", [unsent.entry for unsent in waiting])
            except (PrefectException, VersionLockMismatchSignal):
                self._send_one_by_one(waiting)

    def refused(self) -> list[tuple[State, PrefectException]]:
        """Last states of children that the API did not take, and why. Asked once for each."""
        with self._lock:
            found, self._refused = self._refused, []
        return found

    def _send_one_by_one(self, waiting: Sequence[_Unsent]) -> None:
        for unsent in waiting:
            run_id = cast("str", unsent.entry["task_run_id"])
            try:
                self._send("task_run", [unsent.entry])
            except VersionLockMismatchSignal:
                get_logger("CloudTaskRunner").debug(
                    f"Task run {run_id}: its state {unsent.state!r} came too late."
                )
            except PrefectException as exc:
                get_logger("CloudTaskRunner").error(
                    f"Task run {run_id}: the API did not take the state {unsent.state!r}.", exc_info=exc
                )
                self._refused.append((unsent.state, exc))

    def _flush_late(self) -> None:
        """Send last states that nothing came after."""
        import requests

        while True:
            if not self._has_unsent.wait(_IDLE_S):
                with self._lock:
                    if not self._unsent:
                        self._flusher = None
                        return
            self._has_unsent.clear()
            while True:
                with self._lock:
                    oldest = min((unsent.since for unsent in self._unsent.values()), default=None)
                if oldest is None:
                    break
                remaining = oldest + _LINGER_S - time.monotonic()
                if remaining > 0:
                    time.sleep(remaining)
                    continue
                try:
                    self.flush()
                except requests.RequestException as exc:
                    get_logger("CloudTaskRunner").error("States of task runs were not sent.", exc_info=exc)


_reporters: OrderedDict[tuple[int, str], Reporter] = OrderedDict()
_registry_lock = threading.Lock()


def reporter_of(flow_run_id: str, epoch: int | None = None) -> Reporter:
    """The reporter of a flow run in this process.

    Args:
        flow_run_id: the flow run.
        epoch: the attempt at it; where it is None, that of the context.
    """
    # A forked child must not use the connections of its parent.
    key = (os.getpid(), flow_run_id)
    known = _reporters.get(key)
    if known is not None and (epoch is None or epoch == known.epoch):
        return known
    with _registry_lock:
        known = _reporters.get(key)
        if known is None or (epoch is not None and epoch != known.epoch):
            if epoch is None:
                epoch = cast("int | None", context.get("flow_run_epoch"))
            known = _reporters[key] = Reporter(flow_run_id, epoch)
            while len(_reporters) > _MOST:
                _reporters.popitem(last=False)
        return known
