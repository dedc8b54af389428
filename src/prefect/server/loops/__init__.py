"""What the server does by itself: scheduling, reaping, cancelling, deleting.

Each service is `tick(tx, now) -> work done` over a transaction; the supervisor says when.
"""

from __future__ import annotations

from prefect.server.loops.cancellation import Cancellation
from prefect.server.loops.reaper import Reaper
from prefect.server.loops.retention import Retention
from prefect.server.loops.scheduler import Scheduler
from prefect.server.loops.service import Service

__all__ = ["all_services"]


def all_services() -> list[Service]:
    """One of each service."""
    return [Scheduler(), Reaper(), Cancellation(), Retention()]
