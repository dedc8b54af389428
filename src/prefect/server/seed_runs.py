"""Runs as the demo plays them: each task at its time, with the states and lines that real runs leave behind."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, cast

from prefect.server.database.sql import json_value
from prefect.server.database.store import Row, Transaction
from prefect.server.domain import artifacts, logs, new_runs, transitions
from prefect.server.domain.common import dump, new_id, stamp
from prefect.server.security.caller import Caller

__all__ = ["End", "Play", "Seeded", "Stage"]

End = Literal["Success", "Failed", "Running", "Paused", "Cancelled", "Scheduled"]
_SECOND = datetime.timedelta(seconds=1)


@dataclass
class Seeded:
    """What was made.

    Attributes:
        flow_runs: number of flow runs.
        task_runs: number of task runs.
        ids: ids of runs worth a look, by what they show.
    """

    flow_runs: int = 0
    task_runs: int = 0
    ids: dict[str, str] = field(default_factory=dict[str, str])


class Stage(Protocol):
    """What a run needs to be played."""

    seeded: Seeded

    @property
    def caller(self) -> Caller:
        """Who plays it."""
        ...

    @property
    def now(self) -> datetime.datetime:
        """The time of whoever looks at it (UTC)."""
        ...

    def seconds(self, slug: str, least: float = 0.8, most: float = 30.0) -> float:
        """How long a task takes."""
        ...

    def flow_id(self, name: str, start: datetime.datetime) -> str:
        """The version of a flow that ran at a time."""
        ...


@dataclass
class Play:
    """One run, played in a transaction at a time of the past."""

    seeder: Stage
    tx: Transaction
    name: str
    start: datetime.datetime
    end: End
    children: int
    is_bulk: bool
    key: str | None
    lines: list[logs.WriteRunLogInput] = field(default_factory=list[logs.WriteRunLogInput])
    run_id: str = ""

    def run(self) -> str:
        """Play it; the id of the run."""
        tx, caller, start = self.tx, self.seeder.caller, self.start
        flow = tx.one_or_none(
            f"SELECT {new_runs.FLOW_COLUMNS} FROM flow f JOIN flow_group g ON g.id = f.flow_group_id WHERE f.id = :id",
            {"id": self.seeder.flow_id(self.name, start)},
        )
        assert flow is not None
        request = new_runs.RunRequest(
            start_time=start,
            parameters={"release": "4.2"} if self.name == "approve-release" else None,
            idempotency_key=self.key,
        )
        made = min(start, self.seeder.now) - 30 * _SECOND
        self.run_id, _ = new_runs.insert_flow_run(tx, flow, request, made)
        self.seeder.seeded.flow_runs += 1
        if self.end == "Scheduled":
            return self.run_id
        self._flow_state("Submitted", "Submitted for execution", start - 2 * _SECOND)
        self._flow_state("Running", "Running flow.", start)
        self._log(start, "CloudFlowRunner", "INFO", f"Beginning Flow run for {self.name!r}")
        finished = self._tasks(cast("str", flow.id))
        self._finish(finished)
        logs.write(tx, caller.tenant_id, self.lines, self.seeder.now)
        return self.run_id

    def _finish(self, at: datetime.datetime) -> None:
        if self.end == "Running":
            # Nobody reports for it: it lives until the demo is thrown away.
            self.tx.execute(
                "UPDATE flow_run SET lease_until = :until, heartbeat = :now WHERE id = :id",
                {
                    "until": stamp(self.seeder.now + datetime.timedelta(days=30)),
                    "now": stamp(self.seeder.now),
                    "id": self.run_id,
                },
            )
            return
        if self.end == "Paused":
            self._flow_state("Paused", "Some task runs wait for an approval.", at)
            return
        message = {
            "Success": "All reference tasks succeeded.",
            "Failed": "Some reference tasks failed.",
            "Cancelled": "Cancelled by a user.",
        }[self.end]
        self._log(at, "CloudFlowRunner", "INFO", f"Flow run {self.end.upper()}: {message.lower()}")
        self._flow_state(self.end, message, at)

    def _tasks(self, flow_id: str) -> datetime.datetime:
        tasks, above = _graph(self.tx, flow_id)
        runs = {
            cast("str", row.task_id): cast("str", row.id)
            for row in self.tx.rows(
                "SELECT id, task_id FROM task_run WHERE flow_run_id = :id", {"id": self.run_id}
            )
        }
        self.seeder.seeded.task_runs += len(runs)
        order = list(tasks)
        breaks_at = self._breaking_task(order, tasks)
        ended: dict[str, datetime.datetime] = {}
        broken: set[str] = set()
        last = self.start
        for task_id in order:
            task = tasks[task_id]
            begin = max([self.start + _SECOND, *(ended[other] for other in above[task_id] if other in ended)])
            if broken.intersection(above[task_id]) and self.end != "Failed":
                broken.add(task_id)
                continue
            if broken.intersection(above[task_id]) and "notify" not in str(task.name):
                self._state(
                    runs[task_id],
                    "TriggerFailed",
                    'Trigger was "all_successful" but some upstream tasks failed.',
                    begin,
                )
                broken.add(task_id)
                ended[task_id] = begin
                continue
            outcome = self.end if task_id == breaks_at else "Success"
            until = self._task(task, runs[task_id], begin, outcome)
            ended[task_id] = until
            last = max(last, until)
            if outcome != "Success":
                broken.add(task_id)
        return last + _SECOND

    def _breaking_task(self, order: list[str], tasks: Mapping[str, Row]) -> str | None:
        if self.end == "Success":
            return None
        if self.end == "Paused":
            return next(id for id in order if "manual_only" in str(tasks[id].trigger))
        real = [id for id in order if "Parameter" not in str(tasks[id].type)]
        mapped = [id for id in real if tasks[id].mapped]
        if mapped:
            return mapped[-1]
        return real[len(real) * 2 // 3]

    def _task(self, task: Row, run_id: str, begin: datetime.datetime, outcome: End) -> datetime.datetime:
        name = str(task.name or task.slug)
        if "Parameter" in str(task.type):
            self._state(run_id, "Running", "Starting task run.", begin)
            self._state(run_id, "Success", "Task run succeeded.", begin + 0.01 * _SECOND)
            return begin + 0.01 * _SECOND
        until = begin + self.seeder.seconds(str(task.slug)) * _SECOND
        if outcome == "Running":
            until = self.seeder.now
        if task.mapped and self.children:
            return self._map(task, run_id, begin, outcome)
        if outcome == "Paused":
            self._state(run_id, "Paused", 'Trigger function is "manual_only"', begin)
            return begin
        self._state(run_id, "Running", "Starting task run.", begin)
        self._log(begin, name, "INFO", f"Task {name!r}: Starting task run...", run_id)
        if outcome == "Running":
            self._log(begin + _SECOND, name, "INFO", "Read 120,000 rows so far", run_id)
            return until
        middle = begin + (until - begin) / 2
        self._log(
            middle, name, "DEBUG", f"Worked on {self.seeder.seconds(name, 100, 9_000):.0f} rows", run_id
        )
        if outcome == "Failed":
            self._fails(run_id, name, until)
        elif outcome == "Cancelled":
            self._log(until, name, "WARNING", f"Task {name!r}: cancelled", run_id)
        else:
            self._state(run_id, "Success", "Task run succeeded.", until)
            self._log(
                until,
                name,
                "INFO",
                f"Task {name!r}: Finished task run for task with final state: 'Success'",
                run_id,
            )
            self._artifact(run_id, name, until)
        return until

    def _fails(self, run_id: str, name: str, at: datetime.datetime) -> None:
        self._log(at, name, "ERROR", _TRACEBACK.format(name=name.replace(" ", "_")), run_id)
        self._state(run_id, "Failed", "Unexpected error: KeyError('price')", at)

    def _map(self, task: Row, run_id: str, begin: datetime.datetime, outcome: End) -> datetime.datetime:
        tx, tenant_id, count = self.tx, self.seeder.caller.tenant_id, self.children
        self._state(run_id, "Mapped", "Ready to proceed with mapping.", begin, n_map_states=count)
        new_runs.insert_children(tx, self.run_id, cast("str", task.id), tenant_id, list(range(count)), begin)
        self.seeder.seeded.task_runs += count
        if self.is_bulk:
            return self._bulk(task, begin, outcome)
        rows = tx.rows(
            "SELECT id, map_index FROM task_run WHERE flow_run_id = :run AND task_id = :task AND map_index >= 0 "
            "ORDER BY map_index",
            {"run": self.run_id, "task": task.id},
        )
        last, slots = begin, [begin] * 6
        for row in rows:
            slot = min(range(len(slots)), key=lambda place: slots[place])
            start = slots[slot]
            until = start + self.seeder.seconds(f"{task.slug}-{row.map_index}", 0.5, 12) * _SECOND
            child, name = cast("str", row.id), f"{task.name}[{row.map_index}]"
            is_last = row.map_index >= count - 4
            if outcome == "Running" and row.map_index >= count * 2 // 3:
                if is_last:
                    continue
                start, until = min(start, self.seeder.now - _SECOND), self.seeder.now
                self._state(child, "Running", "Starting task run.", start)
                continue
            if outcome == "Cancelled" and is_last:
                continue
            self._state(child, "Running", "Starting task run.", start)
            self._log(start, str(task.name), "INFO", f"Task {name!r}: Starting task run...", child)
            if outcome == "Failed" and row.map_index == count * 2 // 3:
                self._fails(child, name.partition("[")[0], until)
            else:
                if row.map_index == 1 and task.max_retries:
                    retry = until + 3 * _SECOND
                    self._state(
                        child,
                        "Retrying",
                        "Retrying Task (after attempt 1 of 2)",
                        until,
                        start_time=stamp(retry),
                        run_count=1,
                    )
                    self._state(child, "Running", "Starting task run.", retry)
                    until = retry + 2 * _SECOND
                self._state(child, "Success", "Task run succeeded.", until)
            slots[slot] = until
            last = max(last, until)
        return last

    def _bulk(self, task: Row, begin: datetime.datetime, outcome: End) -> datetime.datetime:
        """A very large map: all children succeed in two statements, one of them fails after all."""
        tx, count = self.tx, self.children
        rows = tx.rows(
            "SELECT id, map_index FROM task_run WHERE flow_run_id = :run AND task_id = :task AND map_index >= 0",
            {"run": self.run_id, "task": task.id},
        )
        state = dump(
            {
                "type": "Success",
                "message": "Task run succeeded.",
                "context": {"tags": []},
                "cached_inputs": {},
            }
        )
        pace = 1_500 / max(count, 1) * _SECOND
        values: list[dict[str, Any]] = []
        for row in rows:
            start = begin + row.map_index * pace
            until = start + (0.5 + (row.map_index * 37 % 100) / 50) * _SECOND
            values.append(
                {"id": row.id, "start": stamp(start), "end": stamp(until), "json": state, "state_id": new_id(),
                 "tenant_id": self.seeder.caller.tenant_id, "message": "Task run succeeded."}
            )  # fmt: skip
        text = json_value(tx.dialect, "json")
        tx.execute_many(
            "UPDATE task_run SET state = 'Success', state_message = :message, version = 3, run_count = 1, "
            f"start_time = :start, end_time = :end, state_timestamp = :end, updated = :end, serialized_state = {text} "
            "WHERE id = :id",
            values,
        )
        last = begin + 1_505 * _SECOND
        if outcome == "Failed":
            failed = next(cast("str", row.id) for row in rows if row.map_index == count * 2 // 3)
            at = begin + count * 2 // 3 * pace + 2 * _SECOND
            self._log(
                at - _SECOND,
                str(task.name),
                "INFO",
                f"Task '{task.name}[{count * 2 // 3}]': Starting task run...",
                failed,
            )
            tx.execute(
                "UPDATE task_run SET state = 'Running', end_time = NULL WHERE id = :id", {"id": failed}
            )
            self._fails(failed, str(task.name), at)
        return last

    # -- writing ----------------------------------------------------------------------

    def _flow_state(self, kind: str, message: str, at: datetime.datetime) -> None:
        state = {"type": kind, "message": message}
        transitions.set_flow_run_state(self.tx, self.seeder.caller, self.run_id, state, at)

    def _state(self, run_id: str, kind: str, message: str, at: datetime.datetime, **more: Any) -> None:
        state = {"type": kind, "message": message, **more}
        transitions.set_task_run_state(self.tx, self.seeder.caller, run_id, state, at)

    def _log(
        self, at: datetime.datetime, name: str, level: str, message: str, task_run_id: str | None = None
    ) -> None:
        self.lines.append(
            logs.WriteRunLogInput(
                flow_run_id=self.run_id,
                task_run_id=task_run_id,
                timestamp=at,
                name=name if name.startswith("Cloud") else f"prefect.{name}",
                level=level,
                message=message,
                sequence=len(self.lines),
            )
        )

    def _artifact(self, run_id: str, name: str, at: datetime.datetime) -> None:
        data: dict[str, Any] | None = None
        if name == "check quality":
            data = {"markdown": _QUALITY}
        elif name == "draw charts":
            data = {"link": "https://example.com/reports/weekly"}
        if data is None:
            return
        kind = next(iter(data))
        input = artifacts.CreateTaskRunArtifactInput(run_id, kind, data)
        artifacts.create_task_run_artifact(self.tx, self.seeder.caller, input, at)


def _graph(tx: Transaction, flow_id: str) -> tuple[dict[str, Row], dict[str, list[str]]]:
    """Tasks in an order in which they can run, and the tasks that each needs."""
    tasks = {
        cast("str", row.id): row
        for row in tx.rows(
            'SELECT id, name, slug, type, "trigger", mapped, max_retries FROM task WHERE flow_id = :id ORDER BY slug',
            {"id": flow_id},
        )
    }
    above: dict[str, list[str]] = {id: [] for id in tasks}
    for row in tx.rows(
        "SELECT upstream_task_id, downstream_task_id FROM edge WHERE flow_id = :id", {"id": flow_id}
    ):
        above[row.downstream_task_id].append(row.upstream_task_id)
    order: dict[str, Row] = {}
    while len(order) < len(tasks):
        order.update(
            {id: tasks[id] for id in tasks if id not in order and all(up in order for up in above[id])}
        )
    return order, above


_TRACEBACK = """Task {name!r}: Exception encountered during task execution!
Traceback (most recent call last):
  File "flows/warehouse.py", line 41, in {name}
    amount = to_cents(row)
  File "flows/money.py", line 12, in to_cents
    return round(row["price"] * 100)
KeyError: 'price'"""

_QUALITY = """## Quality of the load

| check | rows | result |
|---|---:|---|
| no empty keys | 20 000 | passed |
| prices above zero | 20 000 | passed |
| known countries | 19 998 | **2 rows refused** |

Refused rows are in `quality.refused`.
"""
