"""A database with something in it: what `prefect server seed-demo` does.

Runs are played through the same functions that clients reach, at times of the past, so that what
is seen afterwards is what real runs leave behind.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from prefect.server.database.sql import json_value
from prefect.server.database.store import Row, Store, Transaction
from prefect.server.domain import artifacts, logs, new_runs, transitions
from prefect.server.domain.agents import RegisterAgentInput, register_agent
from prefect.server.domain.common import dump, new_id, stamp
from prefect.server.domain.flows import CreateFlowInput, create_flow
from prefect.server.domain.key_values import SetKeyValueInput, set_key_value
from prefect.server.domain.limits import (
    UpdateFlowConcurrencyLimitInput,
    UpdateTaskTagLimitInput,
    update_flow_concurrency_limit,
    update_task_tag_limit,
)
from prefect.server.domain.projects import CreateProjectInput, create_project
from prefect.server.errors import UniquenessError
from prefect.server.security.caller import Caller

__all__ = ["Seeded", "seed"]

End = Literal["Success", "Failed", "Running", "Paused", "Cancelled", "Scheduled"]
_SECOND = datetime.timedelta(seconds=1)
_DESCRIPTIONS = {
    "warehouse": "Everything that fills the warehouse.",
    "models": "Training and scoring.",
    "operations": "Releases, reports and the end of the month.",
}


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


def seed(
    store: Store,
    flows: Mapping[str, list[dict[str, Any]]],
    now: datetime.datetime,
    *,
    mapped: int = 1_000,
    log_lines: int = 0,
    days: int = 7,
    tell: Callable[[str], None] = lambda _: None,
) -> Seeded:
    """Fill the oldest tenant of a database with projects, flows and runs.

    Args:
        store: the database.
        flows: serialized flows by project.
        now: the time (UTC); all runs are before it.
        mapped: children of the largest map.
        log_lines: lines of the longest log, at least.
        days: days of history.
        tell: called with what is being done.

    Raises:
        UniquenessError: one of the projects is there already.
    """
    seeder = _Seeder(store, now, mapped, log_lines, days, tell)
    seeder.run(flows)
    return seeder.seeded


class _Seeder:
    def __init__(
        self,
        store: Store,
        now: datetime.datetime,
        mapped: int,
        log_lines: int,
        days: int,
        tell: Callable[[str], None],
    ) -> None:
        self._store = store
        self._now = now
        self._mapped = mapped
        self._log_lines = log_lines
        self._days = days
        self._tell = tell
        self._random = random.Random(14)  # durations, the same each time
        self.seeded = Seeded()
        tenant_id = store.read_sync(
            lambda tx: tx.scalar("SELECT id FROM tenant ORDER BY created, id LIMIT 1")
        )
        self._caller = Caller(cast("str", tenant_id), "admin", tenants=(cast("str", tenant_id),))
        self._flows: dict[str, list[str]] = {}  # versions, by name

    def run(self, flows: Mapping[str, list[dict[str, Any]]]) -> None:
        self._tell("Projects, flows, agents, limits and values")
        self._store.write_sync(lambda tx: self._basics(tx, flows))
        self._tell(f"Runs of {self._days} days")
        self._history()
        self._tell(f"Runs to look at, one of them with {self._mapped:,} mapped children")
        self._worth_a_look()
        self._store.write_sync(self._limits)

    # -- what runs need ---------------------------------------------------------------

    def _basics(self, tx: Transaction, flows: Mapping[str, list[dict[str, Any]]]) -> None:
        caller, begin = self._caller, self._now - datetime.timedelta(days=self._days)
        taken = tx.rows("SELECT name FROM project WHERE tenant_id = :id", {"id": caller.tenant_id})
        if {cast("str", row.name) for row in taken} & set(flows):
            raise UniquenessError
        for project, members in flows.items():
            made = create_project(
                tx, caller, CreateProjectInput(project, None, _DESCRIPTIONS.get(project)), begin
            )
            for number, flow in enumerate(members):
                input = CreateFlowInput(flow, cast("str", made.id), description=_about(flow["name"]))
                moment = begin + number * datetime.timedelta(hours=20)
                made_id = cast("str", create_flow(tx, caller, input, moment).id)
                self._flows.setdefault(flow["name"], []).append(made_id)
        for name, kind, labels, age in (
            ("warehouse-1", "LocalAgent", ["warehouse"], 2),
            ("gpu-1", "DockerAgent", ["gpu"], 4),
            ("anything", "KubernetesAgent", [], 5_000),
        ):
            input = RegisterAgentInput(kind, name, labels)
            register_agent(tx, caller, input, self._now - age * _SECOND)
        for key, value in (
            ("last_loaded", "2026-01-31"),
            ("model", {"name": "churn", "version": 14, "auc": 0.87}),
            ("regions", ["eu", "us", "apac"]),
        ):
            set_key_value(tx, caller, SetKeyValueInput(key, value), self._now)

    def _limits(self, tx: Transaction) -> None:
        """At the end: runs of the past hold no slots."""
        caller = self._caller
        update_flow_concurrency_limit(tx, caller, UpdateFlowConcurrencyLimitInput("gpu", 1), self._now)
        update_task_tag_limit(tx, caller, UpdateTaskTagLimitInput("database", 4), self._now)

    # -- many runs --------------------------------------------------------------------

    def _history(self) -> None:
        plans = (
            ("etl-daily", 24.0, 12, 5),
            ("sync-warehouse", 4.0, 0, 9),
            ("nightly-backup", 24.0, 0, 0),
            ("score-customers", 12.0, 20, 7),
            ("weekly-report", 48.0, 0, 3),
        )
        for name, every_h, children, fails_each in plans:
            count = int(self._days * 24 / every_h)
            for number in range(count):
                start = self._now - datetime.timedelta(hours=every_h * (count - number)) + 20 * 60 * _SECOND
                fails = fails_each and number % fails_each == fails_each - 1
                play = self._play(name, start, "Failed" if fails else "Success", children=children)
                self._store.write_sync(play)

    # -- one of each ------------------------------------------------------------------

    def _worth_a_look(self) -> None:
        now = self._now
        minute = 60 * _SECOND
        plans: tuple[tuple[str, str, datetime.timedelta, End, int], ...] = (
            ("failed", "etl-daily", 95 * minute, "Failed", 40),
            ("running", "sync-warehouse", 3 * minute, "Running", 0),
            ("running map", "train-model", 6 * minute, "Running", 24),
            ("paused", "approve-release", 50 * minute, "Paused", 0),
            ("cancelled", "train-model", 200 * minute, "Cancelled", 10),
            ("no slot", "train-model", 4 * minute, "Scheduled", 0),
            ("late", "score-customers", 12 * minute, "Scheduled", 0),
            ("waiting", "weekly-report", -90 * minute, "Scheduled", 0),
            ("parent", "month-end", 30 * minute, "Success", 0),
        )
        for title, name, ago, end, children in plans:
            play = self._play(name, now - ago, end, children=children)
            self.seeded.ids[title] = self._store.write_sync(play)
        self._store.write_sync(self._children)
        if "very-large" in self._flows:
            play = self._play("very-large", now - 120 * minute, "Success")
            self.seeded.ids["large"] = self._store.write_sync(play)
        large = self._play(
            "score-customers", now - 70 * minute, "Failed", children=self._mapped, is_bulk=True
        )
        self.seeded.ids["mapped"] = self._store.write_sync(large)
        if self._log_lines:
            self._tell(f"A log of {self._log_lines:,} lines")
            self._long_log(self.seeded.ids["cancelled"])

    def _children(self, tx: Transaction) -> None:
        parent = tx.scalar(
            "SELECT r.id FROM task_run r JOIN task k ON k.id = r.task_id WHERE r.flow_run_id = :id "
            "AND k.name = 'start children'",
            {"id": self.seeded.ids["parent"]},
        )
        for number, name in enumerate(("weekly-report", "nightly-backup")):
            start = self._now - 29 * 60 * _SECOND
            play = self._play(
                name, start, "Success", key=f"{parent}-{number}" if number else cast("str", parent)
            )
            play(tx)

    def _long_log(self, run_id: str) -> None:
        batch = 5_000
        start = self._now - datetime.timedelta(hours=3)
        for first in range(0, self._log_lines, batch):
            lines = [
                logs.WriteRunLogInput(
                    flow_run_id=run_id,
                    timestamp=start + number * 0.005 * _SECOND,
                    name="prefect.fit fold",
                    level="DEBUG" if number % 7 else "INFO",
                    message=f"Round {number}: loss {1 / (1 + number / 1000):.6f}",
                    sequence=number,
                )
                for number in range(first, min(first + batch, self._log_lines))
            ]
            self._store.write_sync(
                lambda tx, lines=lines: logs.write(tx, self._caller.tenant_id, lines, self._now)
            )

    # -- one run ----------------------------------------------------------------------

    def _play(
        self,
        name: str,
        start: datetime.datetime,
        end: End,
        *,
        children: int = 0,
        is_bulk: bool = False,
        key: str | None = None,
    ) -> Callable[[Transaction], str]:
        """What plays a run of a flow in a transaction; it returns the id of the run."""
        return lambda tx: _Play(self, tx, name, start, end, children, is_bulk, key).run()

    @property
    def caller(self) -> Caller:
        return self._caller

    @property
    def now(self) -> datetime.datetime:
        return self._now

    def seconds(self, slug: str, least: float = 0.8, most: float = 30.0) -> float:
        """How long a task takes: about the same in every run."""
        base = random.Random(slug).uniform(least, most)
        return base * self._random.uniform(0.8, 1.3)

    def flow_id(self, name: str, start: datetime.datetime) -> str:
        """The version of a flow that ran at a time: the first one in the first half of the history."""
        versions = self._flows[name]
        is_early = start < self._now - datetime.timedelta(days=self._days) / 2
        return versions[0] if is_early else versions[-1]


@dataclass
class _Play:
    seeder: _Seeder
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


def _about(name: str) -> str | None:
    return _README if name == "etl-daily" else None


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

_README = """# Daily load of orders

Reads yesterday's orders, cleans them **row by row**, and loads them into the warehouse.

- `date`: the day to load
- `batch_size`: rows that are read at once

When it fails, restart it: rows that were loaded are not loaded again.
"""
