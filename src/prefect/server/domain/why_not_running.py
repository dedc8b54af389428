"""Why a flow run does not run: the question of every first day, answered with data."""

from __future__ import annotations

import datetime
import json
from collections.abc import Collection
from typing import Any

import msgspec

from prefect.server.database.sql import in_list
from prefect.server.database.store import Row, Transaction
from prefect.server.domain import slots
from prefect.server.domain.common import get, load_list, load_object, stamp
from prefect.server.domain.registry import JSON, Uuid, query
from prefect.server.domain.standstill import all_wait_for_others, runs_above
from prefect.server.domain.states import DUE_STATES, HOLDING_STATES, is_finished
from prefect.server.security.caller import Caller

__all__ = ["AGENT_SILENT_S"]

#: An agent that has not asked for this long is taken to be away.
AGENT_SILENT_S = 60.0
#: An agent that has runs under way and has not asked for this long has no room for more: one with room
#: is noted every five seconds.
_AGENT_FULL_S = 15.0
#: Agents, and holders of slots, in one reason.
_LISTED = 20


class Reason(msgspec.Struct):
    """One reason.

    Attributes:
        code: what it is, for programs: FINISHED, RUNNING, SUBMITTED, CANCELLING, NOT_DUE,
            WAITS_FOR_APPROVAL, FLOW_ARCHIVED, WORK_QUEUE_PAUSED, NO_AGENT, NO_MATCHING_AGENT,
            AGENTS_SILENT, AGENTS_FULL, NO_SLOT, FLOW_FULL, DEADLOCK, QUEUED, SOON.
        message: what it is, for people, and what to do.
        data: the facts behind it.
    """

    code: str
    message: str
    data: JSON


@query(role="read-only")
def why_not_running(
    tx: Transaction, caller: Caller, now: datetime.datetime, flow_run_id: Uuid
) -> list[Reason]:
    """Why a flow run does not run; several reasons may hold at once."""
    run = get(tx, caller, "flow_run", flow_run_id, "Flow run")
    if run.state not in DUE_STATES:
        return [_of_state(run)]
    reasons = [*_of_time(run, now), *_of_flow(tx, run), *_of_tenant(tx, run), *_of_slots(tx, run)]
    reasons += _of_active_runs(tx, run)
    reasons += _of_agents(tx, run, now)
    reasons += _of_waiting_for_each_other(tx, run, reasons, now)
    if reasons:
        return reasons
    return [Reason("SOON", "Nothing is in the way: an agent takes it when it asks next.", {})]


def _of_state(run: Row) -> Reason:
    data = {"state": run.state, "since": run.state_timestamp, "agent_id": run.agent_id}
    if is_finished(run.state):
        return Reason("FINISHED", f"It is finished: {run.state}. Restart it to run it again.", data)
    if run.state == "Submitted":
        return Reason(
            "SUBMITTED",
            "An agent has taken it and starts its process; the agent's log says how that goes.",
            data,
        )
    if run.state == "Cancelling":
        return Reason("CANCELLING", "It is being cancelled.", data)
    return Reason("RUNNING", f"It is {run.state}.", data)


def _of_time(run: Row, now: datetime.datetime) -> list[Reason]:
    due = run.state_start_time
    if run.state == "Paused" and due is None:
        return [Reason("WAITS_FOR_APPROVAL", "It is paused until somebody resumes it.", {})]
    if run.state == "Queued":
        return [
            Reason("QUEUED", run.state_message or "It waits for a concurrency slot.", {"tries_again_by": due})
        ]
    if due is not None and due > stamp(now):
        return [Reason("NOT_DUE", f"It is due at {due}.", {"due": due})]
    return []


def _of_flow(tx: Transaction, run: Row) -> list[Reason]:
    if tx.scalar("SELECT archived FROM flow WHERE id = :id", {"id": run.flow_id}):
        return [Reason("FLOW_ARCHIVED", "Its flow is archived.", {"flow_id": run.flow_id})]
    return []


def _of_tenant(tx: Transaction, run: Row) -> list[Reason]:
    settings = load_object(tx.scalar("SELECT settings FROM tenant WHERE id = :id", {"id": run.tenant_id}))
    if settings.get("work_queue_paused"):
        return [Reason("WORK_QUEUE_PAUSED", "The work queue of the tenant is paused. Resume it.", {})]
    return []


def _of_slots(tx: Transaction, run: Row) -> list[Reason]:
    labels = set(load_list(run.labels))
    reasons: list[Reason] = []
    for name, used, maximum in slots.usage(tx, run.tenant_id, "label"):
        if name in labels and used >= maximum:
            holders = slots.holders(tx, run.tenant_id, "label", name, _LISTED)
            data = {"label": name, "limit": maximum, "usage": used, "flow_run_ids": holders}
            message = f"All slots of the label {name!r} are taken ({used} of {maximum})."
            reasons.append(Reason("NO_SLOT", message, data))
    return reasons


def _of_active_runs(tx: Transaction, run: Row) -> list[Reason]:
    group_id = tx.scalar("SELECT flow_group_id FROM flow WHERE id = :id", {"id": run.flow_id})
    for flow in slots.full_flows(tx, run.tenant_id):
        if flow.id != group_id:
            continue
        holders = slots.holders(tx, run.tenant_id, "flow", flow.id, _LISTED)
        data = {
            "limit": flow.maximum,
            "usage": slots.count(tx, run.tenant_id, "flow", flow.id),
            "when_reached": flow.when_reached,
            "flow_run_ids": holders,
        }
        next_ = {
            "wait": "It waits until one has ended.",
            "skip": "It is skipped if a schedule made it; else it waits.",
            "cancel_oldest": "The oldest is cancelled for it.",
        }[flow.when_reached]
        runs = "run" if flow.maximum == 1 else "runs"
        return [
            Reason("FLOW_FULL", f"Its flow may have {flow.maximum} active {runs}, and has. {next_}", data)
        ]
    return []


def _of_agents(tx: Transaction, run: Row, now: datetime.datetime) -> list[Reason]:
    labels = sorted(load_list(run.labels))
    agents = _agents(tx, run, labels, now)
    if not agents:
        return [
            Reason("NO_AGENT", "No agent has asked for work within a day. Start one.", {"labels": labels})
        ]
    fitting = [agent for agent in agents if agent["fits"]]
    if not fitting:
        what = (
            f"No agent has all of its labels ({', '.join(labels)})."
            if labels
            else "It has no labels, and all agents have some: these take only runs that have labels."
        )
        message = f"{what} Change its labels or start such an agent."
        return [Reason("NO_MATCHING_AGENT", message, {"labels": labels, "agents": agents[:_LISTED]})]
    full_since = stamp(now - datetime.timedelta(seconds=_AGENT_FULL_S))
    silent_since = stamp(now - datetime.timedelta(seconds=AGENT_SILENT_S))
    full = [agent for agent in fitting if agent["last_queried"] < full_since and agent["flow_run_ids"]]
    awake = [agent for agent in fitting if agent not in full and agent["last_queried"] >= silent_since]
    if awake:
        return []
    if full:
        count = sum(len(agent["flow_run_ids"]) for agent in full)
        runs = "a run" if count == 1 else f"{count} runs"
        who = f"The agent {full[0]['name'] or full[0]['id']} has" if len(full) == 1 else "The agents have"
        message = (
            f"{who} {runs} under way and no room for more (or no longer takes any). "
            "Raise the limit, or start another agent."
        )
        return [Reason("AGENTS_FULL", message, {"labels": labels, "agents": full[:_LISTED]})]
    message = f"No agent with its labels has asked for work for {AGENT_SILENT_S:g} seconds. Start one."
    return [Reason("AGENTS_SILENT", message, {"labels": labels, "agents": fitting[:_LISTED]})]


def _agents(
    tx: Transaction, run: Row, labels: Collection[str], now: datetime.datetime
) -> list[dict[str, Any]]:
    """The agents that have asked for work within a day, with the runs that are under way for them."""
    agents: list[dict[str, Any]] = []
    since = stamp(now - datetime.timedelta(days=1))
    for row in tx.rows(
        "SELECT id, name, type, labels, last_queried FROM agent WHERE tenant_id = :tenant_id "
        "AND last_queried >= :since ORDER BY last_queried DESC LIMIT 100",
        {"tenant_id": run.tenant_id, "since": since},
    ):
        own = load_list(row.labels)
        agents.append(
            {
                "id": row.id,
                "name": row.name,
                "type": row.type,
                "labels": own,
                "last_queried": row.last_queried,
                "missing_labels": sorted(set(labels) - set(own)),
                "fits": set(labels) <= set(own) and (bool(labels) or not own),
                "flow_run_ids": [],
            }
        )
    by_id = {agent["id"]: agent for agent in agents}
    holding = ", ".join(f"'{state}'" for state in HOLDING_STATES)
    for row in tx.rows(
        f"SELECT id, agent_id FROM flow_run WHERE agent_id IN {in_list(tx.dialect, 'ids')} "
        f"AND tenant_id = :tenant_id AND state IN ({holding}) AND lease_until > :now ORDER BY id LIMIT 1000",
        {"ids": json.dumps(list(by_id)), "tenant_id": run.tenant_id, "now": stamp(now)},
    ):
        by_id[row.agent_id]["flow_run_ids"].append(row.id)
    return agents


def _of_waiting_for_each_other(
    tx: Transaction, run: Row, reasons: Collection[Reason], now: datetime.datetime
) -> list[Reason]:
    """Whether whoever holds what the run needs waits for runs itself: for this one, or for others that wait."""
    for reason in reasons:
        if reason.code == "NO_SLOT":
            holders, what = set(reason.data["flow_run_ids"]), f"slots of the label {reason.data['label']!r}"
        elif reason.code == "FLOW_FULL":
            holders, what = set(reason.data["flow_run_ids"]), "active runs that the flow may have"
        elif reason.code == "AGENTS_FULL":
            holders = {run_id for agent in reason.data["agents"] for run_id in agent["flow_run_ids"]}
            what = "agents that could take it"
        else:
            continue
        is_part = len(holders) < reason.data.get("usage", 0) or len(reason.data.get("agents", ())) == _LISTED
        if is_part or not all_wait_for_others(tx, run.id, holders, now):
            continue
        above = [run_id for run_id in runs_above(tx, run.id) if run_id in holders]
        own = "this run" if len(above) == len(holders) else "this run or for others that wait like it"
        message = (
            f"The {what} are taken by runs that wait for {own}: none of them goes on. Raise the limit, start "
            "another agent, or cancel one of them."
        )
        return [Reason("DEADLOCK", message, {"flow_run_ids": sorted(holders), "parents": above})]
    return []
