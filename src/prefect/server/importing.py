"""What `prefect server import` does: the flows and the history of a Prefect Server 1.x come into this database.

Rows keep their ids, so links and scripts that name a flow or a run stay good. A tenant, or a project, of a name that
is here already is that one. What is here already stays as it is, so an import that was interrupted is run again.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from prefect.server.database.migrate import DatabaseRefused
from prefect.server.database.sql import in_list
from prefect.server.database.store import Store, Transaction
from prefect.server.database.tables import ColumnKind, table
from prefect.server.domain.common import stamp
from prefect.server.domain.states import FINISHED_STATES
from prefect.server.old_database import OldDatabase

__all__ = ["Imported", "import_from"]

#: Rows of a transaction; flows are large.
_BATCH, _FLOWS = 500, 25
#: Rows of a table after which it is said how far it has come.
_TELL_EACH = 100_000
#: What a column holds that may not be null where the old server has nothing.
_NOTHING: dict[ColumnKind, Any] = {"json": "{}", "text": "", "integer": 0, "boolean": False}
_LISTS = {"labels", "tags", "parameters"}
#: Of agents, users and waiting: all of it belongs to the other server.
_DROPPED = {
    "flow_run": ("agent_id", "created_by_id", "state_start_time"),
    "task_run": ("state_start_time",),
    "flow": ("created_by_id",),
}
_RUNS = "tenant_id::text = ANY(%(tenants)s) AND state = ANY(%(finished)s) AND coalesce(end_time, updated) >= %(since)s"
_OF_RUNS = f"flow_run_id IN (SELECT id FROM flow_run WHERE {_RUNS})"  # a constant
_OF_TENANT = "tenant_id::text = ANY(%(tenants)s)"
_OF_FLOWS = f"flow_id IN (SELECT id FROM flow WHERE {_OF_TENANT})"


@dataclass
class Imported:
    """What came of an import.

    Attributes:
        rows: `{table: rows that were written}`.
        known: `{table: rows that were here already}`.
        unfinished: flow runs that stay there because they have not finished.
        older: finished flow runs that stay there because they ended before the day that was asked for.
        hooks: cloud hooks, which have no equal here.
        archived: names of flows that were registered here before, so that those of the old server are archived.
        schedules: flows whose schedule was active.
    """

    rows: dict[str, int] = field(default_factory=dict[str, int])
    known: dict[str, int] = field(default_factory=dict[str, int])
    unfinished: int = 0
    older: int = 0
    hooks: int = 0
    archived: list[str] = field(default_factory=list[str])
    schedules: int = 0


def import_from(
    old: OldDatabase,
    store: Store,
    now: datetime.datetime,
    *,
    tenants: tuple[str, ...] = (),
    since: datetime.datetime | None = None,
    with_runs: bool = True,
    with_logs: bool = True,
    activates_schedules: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Imported:
    """Copy what a Prefect Server 1.x has into this database.

    Args:
        old: its database.
        store: ours.
        now: the time (UTC).
        tenants: slugs of the tenants; all when empty.
        since: only runs that ended at this time (UTC) or later; all when None.
        with_runs: whether runs come too.
        with_logs: whether their log lines do.
        activates_schedules: whether schedules that are active there are active here. With both servers on, every
            run would be made twice.
        tell: called with what is being done.

    Raises:
        DatabaseRefused: there is no such tenant.
    """
    chosen = _tenants(old, tenants)
    work = _Import(old, store, now, chosen, since, activates_schedules, tell)
    work.flows()
    if with_runs:
        work.runs(with_logs)
    work.count_what_stays()
    return work.outcome


def _tenants(old: OldDatabase, slugs: tuple[str, ...]) -> list[dict[str, Any]]:
    found = [row for rows in old.batches("tenant", "true", {}, _BATCH) for row in rows]
    missing = set(slugs) - {row["slug"] for row in found}
    if missing:
        there = ", ".join(sorted(row["slug"] for row in found)) or "none"
        raise DatabaseRefused(f"The old server has no tenant {min(missing)!r}; it has: {there}.")
    return [row for row in found if not slugs or row["slug"] in slugs]


class _Import:
    def __init__(
        self,
        old: OldDatabase,
        store: Store,
        now: datetime.datetime,
        tenants: list[dict[str, Any]],
        since: datetime.datetime | None,
        activates_schedules: bool,
        tell: Callable[[str], None],
    ) -> None:
        self.outcome = Imported()
        self._old = old
        self._store = store
        self._now = now
        self._activates_schedules = activates_schedules
        self._tell = tell
        self._tenant_rows = tenants
        self._params = {
            "tenants": [row["id"] for row in tenants],
            "finished": sorted(FINISHED_STATES),
            "since": since or datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc),
        }
        #: Ids that something has here, of tenants and projects that were here before.
        self._ids: dict[str, str] = {}
        self._archived_groups: set[str] = set()
        #: Settings by flow group, as versions of flows have them too.
        self._settings: dict[str, str] = {}

    # -- flows --------------------------------------------------------------------------

    def flows(self) -> None:
        """Tenants, projects, and flows with their tasks and edges."""
        self._take_over("tenant", self._tenant_rows, "SELECT id FROM tenant WHERE slug = :slug")
        projects = [
            row for rows in self._old.batches("project", _OF_TENANT, self._params, _BATCH) for row in rows
        ]
        self._take_over(
            "project", projects, "SELECT id FROM project WHERE tenant_id = :tenant_id AND name = :name"
        )
        self._copy("flow_group", _OF_TENANT)
        self._settings = dict(
            self._store.read_sync(
                lambda tx: [(row.id, row.settings) for row in tx.rows("SELECT * FROM flow_group")]
            )
        )
        self._copy("flow", _OF_TENANT, change=self._flow, size=_FLOWS)
        self._copy("task", _OF_FLOWS)
        self._copy("edge", _OF_FLOWS)

    def _take_over(self, name: str, rows: list[dict[str, Any]], find: str) -> None:
        """Write rows; where there is one of that name already, it stands for theirs."""
        new: list[dict[str, Any]] = []
        for row in rows:
            row = self._with_our_ids(row)
            there = self._store.read_sync(lambda tx, row=row: tx.scalar(find, row))
            if there is None:
                new.append(row)
            else:
                self._ids[row["id"]] = there
        self._write(name, new)
        self.outcome.known[name] = self.outcome.known.get(name, 0) + len(rows) - len(new)

    def _flow(self, row: dict[str, Any]) -> dict[str, Any]:
        row["settings"] = self._settings.get(row["flow_group_id"], "{}")
        if row.get("schedule") is not None and row.get("is_schedule_active") and not row["archived"]:
            self.outcome.schedules += 1
        row["is_schedule_active"] = bool(row.get("is_schedule_active")) and self._activates_schedules
        if self._is_registered_here(row):
            row["archived"], row["is_schedule_active"] = True, False
        return row

    def _is_registered_here(self, row: dict[str, Any]) -> bool:
        """Whether a flow of that name is in that project already, and not from the old server."""
        if row["flow_group_id"] in self._archived_groups:
            return True
        found = self._store.read_sync(
            lambda tx: tx.scalar(
                "SELECT count(*) FROM flow WHERE project_id = :project AND name = :name AND flow_group_id <> :group",
                {"project": row["project_id"], "name": row["name"], "group": row["flow_group_id"]},
            )
        )
        if found:
            self._archived_groups.add(row["flow_group_id"])
            self.outcome.archived.append(row["name"])
        return bool(found)

    # -- runs ---------------------------------------------------------------------------

    def runs(self, with_logs: bool) -> None:
        """Runs that have finished, with their states, artifacts and logs."""
        self._copy("flow_run", _RUNS)
        self._copy("task_run", _OF_RUNS)
        of_tasks = f"task_run_id IN (SELECT id FROM task_run WHERE {_OF_RUNS})"
        self._copy("flow_run_state", _OF_RUNS)
        self._copy("task_run_state", of_tasks)
        self._copy("task_run_artifact", of_tasks)
        if with_logs:
            self._copy("log", _OF_RUNS)

    def count_what_stays(self) -> None:
        """Say what there is that was not taken along."""
        old, params = self._old, self._params
        self.outcome.unfinished = old.count(
            "flow_run", f"{_OF_TENANT} AND NOT coalesce(state = ANY(%(finished)s), false)", params
        )
        finished = old.count("flow_run", f"{_OF_TENANT} AND state = ANY(%(finished)s)", params)
        self.outcome.older = finished - old.count("flow_run", _RUNS, params)
        self.outcome.hooks = old.count("cloud_hook", _OF_TENANT, params)

    # -- writing ------------------------------------------------------------------------

    def _copy(
        self,
        name: str,
        condition: str,
        *,
        change: Callable[[dict[str, Any]], dict[str, Any]] = lambda row: row,
        size: int = _BATCH,
    ) -> None:
        title = name.replace("_", " ") + "s"
        self._tell(title)
        done = 0
        for rows in self._old.batches(name, condition, self._params, size):
            self._write(name, [change(self._with_our_ids(row)) for row in rows])
            done += len(rows)
            if done >= _TELL_EACH and done % _TELL_EACH < len(rows):
                self._tell(f"{title}: {done:,}")

    def _with_our_ids(self, row: dict[str, Any]) -> dict[str, Any]:
        for column in ("tenant_id", "project_id"):
            if column in row:
                row[column] = self._ids.get(row[column], row[column])
        return row

    def _write(self, name: str, rows: list[dict[str, Any]]) -> None:
        if not rows:
            self.outcome.rows.setdefault(name, 0)
            return
        if "tenant_id" in table(name).columns:
            for row in rows:
                row["tenant_id"] = row.get("tenant_id") or self._only_tenant(name)
        complete = [_complete(name, row, self._now) for row in rows]
        new = self._store.write_sync(lambda tx: _insert(tx, name, complete))
        self.outcome.rows[name] = self.outcome.rows.get(name, 0) + new
        self.outcome.known[name] = self.outcome.known.get(name, 0) + len(rows) - new

    def _only_tenant(self, name: str) -> str:
        """The tenant of rows that do not say theirs, as some of older servers."""
        if len(self._tenant_rows) > 1:
            raise DatabaseRefused(
                f"The table {name!r} of the old server has rows without a tenant. Import its tenants one by one, "
                "with --tenant."
            )
        tenant_id: str = self._tenant_rows[0]["id"]
        return self._ids.get(tenant_id, tenant_id)


def _complete(name: str, row: Mapping[str, Any], now: datetime.datetime) -> dict[str, Any]:
    """A row with a value for each of our columns."""
    whole: dict[str, Any] = {}
    for column in table(name).columns.values():
        value = row.get(column.name)
        if column.name in _DROPPED.get(name, ()):
            value = None
        if value is None and not column.nullable:
            if column.kind == "timestamp":
                value = row.get("timestamp") or row.get("created") or stamp(now)
            elif column.default is not None:
                value = column.default
            else:
                value = "[]" if column.name in _LISTS else _NOTHING[column.kind]
        whole[column.name] = value
    return whole


def _insert(tx: Transaction, name: str, rows: list[dict[str, Any]]) -> int:
    """Write the rows that are not here yet; how many they were."""
    ids = {"ids": json.dumps([row["id"] for row in rows])}
    listed = f'SELECT id FROM "{name}" WHERE id IN {in_list(tx.dialect, "ids")}'  # ours
    known = {row.id for row in tx.rows(listed, ids)}
    new = [row for row in rows if row["id"] not in known]
    if not new:
        return 0
    columns = list(table(name).columns)
    # A unique key besides the id that is taken: an older client wrote one fact twice.
    tx.execute_many(
        f'INSERT INTO "{name}" ({", ".join(map(_quoted, columns))}) '  # ours
        f"VALUES ({', '.join(f':{column}' for column in columns)}) ON CONFLICT DO NOTHING",
        new,
    )
    if name == "flow":
        for row in new:
            tx.emit("flow", row["id"], row["tenant_id"])
            if row["is_schedule_active"]:
                tx.emit("schedule", row["id"], row["tenant_id"])
    return len({row.id for row in tx.rows(listed, ids)}) - len(known)


def _quoted(column: str) -> str:
    return f'"{column}"'
