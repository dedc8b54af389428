"""When services run, and that nothing stops them but the end."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any

import pytest

from prefect.server.database.store import Store
from prefect.server.errors import UnavailableError
from prefect.server.loops.supervisor import Supervisor

NOW = datetime.datetime(2030, 1, 2, tzinfo=datetime.timezone.utc)


class Probe:
    """A service that tells the test of its rounds."""

    name = "probe"
    every_s = 3600.0
    topics = frozenset({"schedule"})

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = list(outcomes)
        self.rounds: asyncio.Queue[int] = asyncio.Queue()
        self.interrupted: list[bool] = []
        self.has_more = False
        self.loop = asyncio.get_running_loop()

    def observe(self, now: datetime.datetime, is_interrupted: bool) -> None:
        self.interrupted.append(is_interrupted)

    def tick(self, tx: Any, now: datetime.datetime) -> int:
        outcome = self.outcomes.pop(0) if self.outcomes else 0
        self.has_more = outcome == "more"
        self.loop.call_soon_threadsafe(self.rounds.put_nowait, 1)
        if isinstance(outcome, Exception):
            raise outcome
        return 1 if outcome else 0


async def a_round(probe: Probe) -> None:
    await asyncio.wait_for(probe.rounds.get(), 20)


def test_an_event_starts_a_round_at_once(store: Store) -> None:
    async def main() -> None:
        probe = Probe()
        async with Supervisor(store, [probe], lambda: NOW, lambda *args: None).running():
            await a_round(probe)
            await store.write(lambda tx: tx.emit("schedule", "x", "y"))
            await a_round(probe)

    asyncio.run(main())


def test_work_that_is_left_is_done_at_once(store: Store) -> None:
    async def main() -> None:
        probe = Probe("more", "more", "done")
        async with Supervisor(store, [probe], lambda: NOW, lambda *args: None).running():
            for _ in range(3):
                await a_round(probe)

    asyncio.run(main())


@pytest.mark.parametrize("error", [UnavailableError("away"), RuntimeError("a fault")])
def test_a_round_that_fails_is_tried_again_and_the_service_knows_of_the_gap(
    store: Store, error: Exception
) -> None:
    counted: list[tuple[str, str, int]] = []

    async def main() -> None:
        probe = Probe(error, "done")
        async with Supervisor(store, [probe], lambda: NOW, lambda *args: counted.append(args)).running():
            await a_round(probe)
            await a_round(probe)
        assert probe.interrupted[:2] == [False, True]

    asyncio.run(main())
    assert counted[:2] == [("probe", "failed", 0), ("probe", "done", 1)]


def test_one_service_does_not_wait_for_another_that_fails(store: Store) -> None:
    async def main() -> None:
        broken, sound = Probe(*(RuntimeError("x") for _ in range(99))), Probe()
        async with Supervisor(store, [broken, sound], lambda: NOW, lambda *args: None).running():
            await a_round(broken)
            await a_round(sound)

    asyncio.run(main())


def test_where_another_process_is_elected_nothing_is_done(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "elected", lambda name: False)
    counted: list[tuple[str, str, int]] = []

    async def main() -> None:
        probe = Probe()
        async with Supervisor(store, [probe], lambda: NOW, lambda *args: counted.append(args)).running():
            while not counted:
                await asyncio.sleep(0.01)
        assert probe.rounds.empty()
        assert probe.interrupted  # it hears how time passes all the same

    asyncio.run(main())
    assert counted[0] == ("probe", "elsewhere", 0)


def test_the_end_does_not_wait_for_the_next_round(store: Store) -> None:
    async def main() -> None:
        probe = Probe()
        async with Supervisor(store, [probe], lambda: NOW, lambda *args: None).running():
            await a_round(probe)

    asyncio.run(asyncio.wait_for(main(), 20))
