"""All registered operations: importing this module imports the modules that register them."""

from __future__ import annotations

import functools
from importlib import import_module

from prefect.server.domain.registry import MUTATIONS, QUERIES, Operation

__all__ = ["mutations", "queries"]

#: Modules of this package with operations.
_MODULES: tuple[str, ...] = (
    "about",
    "active_runs",
    "agents",
    "api_keys",
    "artifacts",
    "attempts",
    "flow_groups",
    "flow_runs",
    "flows",
    "graph",
    "health",
    "key_values",
    "limits",
    "logs",
    "messages",
    "projects",
    "queue",
    "restart",
    "run_states",
    "schedules",
    "secrets",
    "task_runs",
    "tenants",
    "users",
    "why_not_running",
)


@functools.cache
def _load() -> None:
    for name in _MODULES:
        import_module(f"prefect.server.domain.{name}")


def mutations() -> dict[str, Operation]:
    """`{name: Operation}` of all mutations."""
    _load()
    return MUTATIONS


def queries() -> dict[str, Operation]:
    """`{name: Operation}` of all queries that are functions."""
    _load()
    return QUERIES
