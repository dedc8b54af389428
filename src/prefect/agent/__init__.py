"""Agents: programs that take flow runs from the API and start them.

`prefect agent local start` runs one from the command line; an agent of your own is a subclass of
`Agent` with a method `deploy_flow`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.utilities._lazy import lazy_names

if TYPE_CHECKING:
    from prefect.agent.agent import Agent

__all__ = ["Agent"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {"Agent": "prefect.agent.agent"},
    submodules=("agent", "docker", "ecs", "kubernetes", "local", "vertex"),
)
