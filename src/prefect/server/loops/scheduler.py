"""Makes the runs that schedules ask for, a few of each flow ahead of time."""

from __future__ import annotations

import datetime
import hashlib
import json
import logging
from typing import Any

from prefect.server.database.sql import in_list
from prefect.server.database.store import Row, Transaction
from prefect.server.database.times import utc
from prefect.server.domain.common import dump, load, lock_for_update, stamp
from prefect.server.domain.new_runs import FLOW_COLUMNS, RunRequest, insert_flow_run
from prefect.server.domain.schedule_clocks import load_schedule
from prefect.server.errors import BadInputError

__all__ = ["AHEAD", "Scheduler", "idempotency_key"]

_log = logging.getLogger("prefect.server")

#: Runs of a flow to have ready.
AHEAD = 10
#: No run is made longer than this before it is due.
_WINDOW = datetime.timedelta(days=400)
#: Flows looked at in one transaction.
_BATCH = 50


class Scheduler:
    """Makes runs of flows whose schedule is active, `AHEAD` of each."""

    name = "scheduler"
    every_s = 30.0
    topics = frozenset({"schedule"})

    def __init__(self) -> None:
        self.has_more = False
        self._after = ""
        # What cannot be scheduled is said once, not every round.
        self._refused: dict[str, str] = {}

    def observe(self, now: datetime.datetime, is_interrupted: bool) -> None:
        """Nothing depends on how time passed: no run is made for the past."""

    def tick(self, tx: Transaction, now: datetime.datetime) -> int:
        """Make the runs that are missing of the next `_BATCH` flows; how many were made."""
        flows = tx.rows(
            f"SELECT {FLOW_COLUMNS}, f.flow_group_id, coalesce(g.schedule, f.schedule) AS timetable "
            "FROM flow f JOIN flow_group g ON g.id = f.flow_group_id "
            "WHERE f.is_schedule_active AND NOT f.archived AND f.id > :after "
            "AND coalesce(g.schedule, f.schedule) IS NOT NULL "
            "AND (SELECT count(*) FROM flow_run r WHERE r.flow_id = f.id AND r.auto_scheduled "
            "AND r.scheduled_start_time > :now AND r.created <= :now) < :ahead "
            f"ORDER BY f.id LIMIT {_BATCH}{lock_for_update(tx, 'f')}",
            {"after": self._after, "now": stamp(now), "ahead": AHEAD},
        )
        self.has_more = len(flows) == _BATCH
        self._after = flows[-1].id if self.has_more else ""
        return sum(self._schedule(tx, flow, now) for flow in flows)

    def _schedule(self, tx: Transaction, flow: Row, now: datetime.datetime) -> int:
        try:
            events: list[Any] = load_schedule(load(flow.timetable)).next(AHEAD, after=now, return_events=True)
            wanted = {
                idempotency_key(event.start_time, event.parameter_defaults, event.labels): event
                for event in events
            }
            done = _known(tx, flow, list(wanted))
            latest = _latest(tx, flow, now)
            made = 0
            for key, event in wanted.items():
                due = utc(event.start_time)
                is_plain = not event.parameter_defaults and event.labels is None
                # A plain event at or before the latest run was made already: if its run is not
                # there any more, somebody deleted it. What has parameters may share its moment.
                if (
                    key in done
                    or due > now + _WINDOW
                    or (is_plain and latest is not None and stamp(due) <= latest)
                ):
                    continue
                request = RunRequest(
                    start_time=due,
                    parameters=event.parameter_defaults or None,
                    labels=event.labels,
                    idempotency_key=key,
                    auto_scheduled=True,
                )
                made += insert_flow_run(tx, flow, request, now)[1]
        except BadInputError as exc:
            self._refuse(flow, exc)
            return 0
        self._refused.pop(flow.id, None)
        return made

    def _refuse(self, flow: Row, exc: BadInputError) -> None:
        if self._refused.get(flow.id) != exc.message:
            self._refused[flow.id] = exc.message
            _log.warning("flow %s cannot be scheduled: %s", flow.id, exc.message)


def idempotency_key(
    start_time: datetime.datetime, parameters: dict[str, Any] | None, labels: list[str] | None
) -> str:
    """What makes a scheduled run of a flow unique: its moment, and what its clock gives it. wire: the form."""
    key = f"auto-scheduled:{utc(start_time).isoformat()}"
    if not parameters and labels is None:
        return key
    given = json.dumps(
        [parameters or {}, None if labels is None else sorted(labels)], sort_keys=True, default=str
    )
    return key + ":" + hashlib.md5(given.encode(), usedforsecurity=False).hexdigest()


def _known(tx: Transaction, flow: Row, keys: list[str]) -> set[str]:
    """Which keys have a run in any version of the flow: a new version does not run the same moment again."""
    rows = tx.rows(
        "SELECT r.idempotency_key FROM flow f JOIN flow_run r ON r.flow_id = f.id "
        f"WHERE f.flow_group_id = :group_id AND r.idempotency_key IN {in_list(tx.dialect, 'keys')}",
        {"group_id": flow.flow_group_id, "keys": dump(keys)},
    )
    return {row[0] for row in rows}


def _latest(tx: Transaction, flow: Row, now: datetime.datetime) -> str | None:
    # What was made by a clock that was ahead, and has been set back, says nothing of the time between.
    return tx.scalar(
        "SELECT max(scheduled_start_time) FROM flow_run "
        "WHERE flow_id = :id AND auto_scheduled AND created <= :now",
        {"id": flow.id, "now": stamp(now)},
    )
