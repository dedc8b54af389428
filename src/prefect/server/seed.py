"""A database with something in it: what `prefect server seed-demo` does.

Runs are played through the same functions that clients reach, at times of the past, so that what
is seen afterwards is what real runs leave behind.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Mapping
from typing import Any, cast

from prefect.server.database.store import Store, Transaction
from prefect.server.domain import logs
from prefect.server.domain.agents import RegisterAgentInput, register_agent
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
from prefect.server.seed_runs import End, Play, Seeded

__all__ = ["Seeded", "seed"]

_SECOND = datetime.timedelta(seconds=1)
_DESCRIPTIONS = {
    "warehouse": "Everything that fills the warehouse.",
    "models": "Training and scoring.",
    "operations": "Releases, reports and the end of the month.",
}


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
        return lambda tx: Play(self, tx, name, start, end, children, is_bulk, key).run()

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


def _about(name: str) -> str | None:
    return _README if name == "etl-daily" else None


_README = """# Daily load of orders

Reads yesterday's orders, cleans them **row by row**, and loads them into the warehouse.

- `date`: the day to load
- `batch_size`: rows that are read at once

When it fails, restart it: rows that were loaded are not loaded again.
"""
