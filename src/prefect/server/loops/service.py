"""What a service looks like to the supervisor."""

from __future__ import annotations

import datetime
from typing import Protocol

from prefect.server.database.store import Transaction

__all__ = ["Service"]


class Service(Protocol):
    """Something that is done again and again, by one process of all that share a database."""

    @property
    def name(self) -> str:
        """What it is called in logs, metrics and elections."""
        ...

    @property
    def every_s(self) -> float:
        """Seconds between two rounds at most."""
        ...

    @property
    def topics(self) -> frozenset[str]:
        """Events after which a round follows at once."""
        ...

    @property
    def has_more(self) -> bool:
        """Whether the last tick left work for one that follows at once."""
        ...

    def observe(self, now: datetime.datetime, is_interrupted: bool) -> None:
        """Hear that time passes, before each round and also while another process is elected.

        Args:
            now: the time (UTC).
            is_interrupted: whether the database was away since the last round.
        """
        ...

    def tick(self, tx: Transaction, now: datetime.datetime) -> int:
        """Do some of the work, little enough for others to write in between; how much it was."""
        ...
