"""Services run one round at a time, at times that tests choose."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any

import pytest

from prefect.server.loops.cancellation import Cancellation
from prefect.server.loops.reaper import Reaper
from prefect.server.loops.retention import Retention
from prefect.server.loops.scheduler import Scheduler


@dataclass
class Services:
    """The services over the database of `api`; its clock is theirs."""

    api: Any
    monotonic: list[float] = field(default_factory=lambda: [1000.0])

    def __post_init__(self) -> None:
        self.scheduler = Scheduler()
        self.reaper = Reaper(lambda: self.monotonic[0])
        self.cancellation = Cancellation()
        self.retention = Retention()

    def move(self, seconds: float) -> None:
        """Time passes, on all clocks."""
        self.api.move(seconds)
        self.monotonic[0] += seconds

    def round(self, service: Any) -> int:
        """Rounds until the service has done its work; how much it was."""
        done = 0
        while True:
            now: datetime.datetime = self.api.now[0]
            service.observe(now, False)
            done += self.api.write(lambda tx, now=now: service.tick(tx, now))
            if not service.has_more:
                return done

    def reap(self) -> int:
        return self.round(self.reaper)

    def wait_a_lease(self) -> None:
        """A server that has run for a while: small steps, as it takes them."""
        self.reap()
        for _ in range(13):
            self.move(10)
            self.reap()


@pytest.fixture
def services(api: Any) -> Services:
    return Services(api)
