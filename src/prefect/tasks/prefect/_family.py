"""Parents and children among flow runs.

A run that another run starts has in its context the ids of that run and of those above it, nearest
first: `parent_flow_run_ids`, and `parent_task_run_id`. Everybody who reads a run can see where it
came from, and a run can see that it is about to wait for itself.
"""

from __future__ import annotations

from typing import Any, cast

from prefect.utilities.context import context

__all__ = ["child_context", "refuse_waiting_for_parent"]


def child_context(given: dict[str, Any] | None) -> dict[str, Any] | None:
    """The context of a run that the current run starts."""
    if not context.get("running_with_backend"):
        return given
    return {
        "parent_flow_run_ids": [context.get("flow_run_id"), *_parents()],
        "parent_task_run_id": context.get("task_run_id"),
        **(given or {}),
    }


def refuse_waiting_for_parent(flow_run_id: str) -> None:
    """Raise if the current run would wait for itself, or for a run that waits for it.

    Raises:
        ValueError: it would.
    """
    if flow_run_id == context.get("flow_run_id"):
        raise ValueError(f"Flow run {flow_run_id} would wait for itself, for ever.")
    if flow_run_id in _parents():
        raise ValueError(
            f"Flow run {flow_run_id} started this flow run, directly or through others, and waits for it: waiting "
            "for each other they would never end."
        )


def _parents() -> list[str]:
    return cast("list[str]", context.get("parent_flow_run_ids") or [])
