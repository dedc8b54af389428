"""Which agents could take a flow run."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

from prefect.backend._query import parse_time, rows
from prefect.utilities import clock

__all__ = ["check_for_compatible_agents"]

#: Agents that are named at most.
_LISTED = 5


def check_for_compatible_agents(labels: Iterable[str], since_minutes: int = 1) -> str:
    """Whether an agent is there that would take a run with these labels, as a sentence for people.

    Args:
        labels: the labels of a run.
        since_minutes: an agent that asked for work within this time, in minutes, is healthy.
    """
    wanted = set(labels)
    healthy, silent = _by_health(since_minutes)
    able = [agent for agent in healthy if _takes(agent, wanted)]
    if len(able) == 1:
        return (
            f"Agent {_name(able[0])} has matching labels and last queried {_asked(able[0])}. "
            "It should deploy your flow run."
        )
    if able:
        return f"Found {len(able)} healthy agents with matching labels. One of them should pick up your flow."
    were_able = [agent for agent in silent if _takes(agent, wanted)]
    if len(were_able) == 1:
        return (
            f"Agent {_name(were_able[0])} has matching labels and last queried {_asked(were_able[0])}. "
            "It is not healthy: start it again to run your flow."
        )
    if were_able:
        latest = max(were_able, key=lambda agent: agent.last_queried)
        return (
            f"Found {len(were_able)} agents with matching labels, but none of them is healthy; the last one "
            f"to query, {_name(latest)}, did so {_asked(latest)}. Start one of them to run your flow."
        )
    text = f"labels {wanted!r}" if wanted else "empty labels"
    if not healthy:
        return (
            "There are no healthy agents in your tenant and it does not look like an agent with the required "
            f"labels has been run recently. Start an agent with {text} to run your flow."
        )
    return (
        f"You have {len(healthy)} healthy {'agent' if len(healthy) == 1 else 'agents'} in your tenant but do "
        f"not have an agent with {text}. Start an agent with matching labels to deploy your flow run. "
        f"There {'is' if len(healthy) == 1 else 'are'}: {_listed(healthy)}."
    )


def _by_health(since_minutes: int) -> tuple[list[Any], list[Any]]:
    """Agents that asked for work lately, and those that did earlier."""
    since = clock.now() - datetime.timedelta(minutes=since_minutes)
    agents = rows("agent", {"last_queried": {"_is_null": False}}, "id name labels last_queried")
    healthy = [agent for agent in agents if parse_time(agent.last_queried) >= since]
    return healthy, [agent for agent in agents if agent not in healthy]


def _takes(agent: Any, labels: set[str]) -> bool:
    own = set(agent.labels or ())
    return labels <= own if labels else not own


def _listed(agents: list[Any]) -> str:
    """Agents with their labels, the first few of them."""
    shown = [
        f"{agent.name or agent.id} ({', '.join(sorted(agent.labels or ())) or 'no labels'})"
        for agent in agents[:_LISTED]
    ]
    return "; ".join(shown) + (f"; and {len(agents) - _LISTED} more" if len(agents) > _LISTED else "")


def _name(agent: Any) -> str:
    return f"{agent.id} ({agent.name})" if agent.name else agent.id


def _asked(agent: Any) -> str:
    import pendulum

    return pendulum.instance(parse_time(agent.last_queried)).diff_for_humans()
