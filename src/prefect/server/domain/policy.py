"""Times and limits that the domain works by, from the settings of the server."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from prefect.server.limits import Limits

if TYPE_CHECKING:
    from prefect.server.settings import ServerSettings

__all__ = ["Policy", "current", "use"]


@dataclass(frozen=True)
class Policy:
    """Times are in seconds.

    Attributes:
        zombie_after_s: without a heartbeat for this long, a run is taken to be dead.
        submitted_grace_s: an agent of 1.x, which cannot renew its lease, may take this long to
            start a run.
        max_resurrections: how often a dead flow run is started again.
        cancel_grace_s: how long a run may take to stop before it is called cancelled.
        queued_for_s: when a queued run is handed to another agent, if nobody waits for it.
        limits: how large values may be.
    """

    zombie_after_s: float = 120.0
    submitted_grace_s: float = 600.0
    max_resurrections: int = 3
    cancel_grace_s: float = 60.0
    queued_for_s: float = 600.0
    limits: Limits = field(default_factory=Limits)


_current = Policy()


def current() -> Policy:
    """The policy of this process."""
    return _current


def use(settings: ServerSettings) -> None:
    """Work by the values of these settings from now on."""
    global _current
    values = {
        entry.name: getattr(settings, entry.name) for entry in fields(Policy) if hasattr(settings, entry.name)
    }
    _current = Policy(**values)
