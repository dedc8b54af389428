"""The stream of events: a tenant's own, without gaps that nobody is told of."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import uvicorn

from prefect.server import app
from prefect.server.bootstrap import create_member
from prefect.server.database.store import Store
from prefect.server.domain.tenants import add_tenant
from prefect.server.http.app import create_app, utc_now
from prefect.server.security.keys import add_key
from prefect.server.settings import ServerSettings


class Stream:
    """A reader of `/events`."""

    def __init__(self, port: int, key: str, path: str = "/events", **headers: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request("GET", path, headers={"authorization": f"Bearer {key}", **sent})
        self.reply = self.connection.getresponse()

    def close(self) -> None:
        """Go away."""
        self.reply.close()
        self.connection.close()

    def next(self) -> dict[str, str]:
        """The fields of the next event."""
        found: dict[str, str] = {}
        while True:
            line = self.reply.readline().decode()
            assert line, "the stream has ended"
            line = line.rstrip("\n")
            if not line and found:
                return found
            name, _, value = line.partition(": ")
            if name:
                found[name] = value

    def is_over(self) -> bool:
        """Whether nothing more comes."""
        while line := self.reply.readline():
            if line.startswith(b"data"):
                return False
        return True


class Live:
    """A server with a socket, two tenants, and a key for each."""

    def __init__(self, store: Store, settings: ServerSettings) -> None:
        self.store = store
        settings = replace(settings, port=0, requires_keys=True)
        self.listening = app.listen(settings)
        self.port: int = self.listening.getsockname()[1]
        self.application = create_app(settings, store)
        self.server = uvicorn.Server(uvicorn.Config(self.application, log_config=None, ws="none"))
        self.thread = threading.Thread(target=asyncio.run, args=(self._serve(),))
        self.streams: list[Stream] = []
        self.tenants: dict[str, str] = {}
        self.keys: dict[str, str] = {}

        def fill(tx: Any) -> None:
            for name in ("a", "b"):
                self.tenants[name] = add_tenant(tx, name, name, utc_now())
                user_id = create_member(tx, name, None, (name,), "user", utc_now())
                key = add_key(
                    tx,
                    id=name,
                    user_id=user_id,
                    name="k",
                    default_tenant_id=None,
                    expires_at=None,
                    now=utc_now(),
                )
                self.keys[name] = key.key

        store.write_sync(fill)

    def emit(self, tenant: str, topic: str, *ids: str) -> None:
        def work(tx: Any) -> None:
            for id in ids:
                tx.emit(topic, id, self.tenants[tenant])

        self.store.write_sync(work)

    def read(self, tenant: str = "a", path: str = "/events", **headers: str) -> Stream:
        return self.ask(self.keys[tenant], path, **headers)

    def ask(self, key: str, path: str = "/events", **headers: str) -> Stream:
        stream = Stream(self.port, key, path, **headers)
        self.streams.append(stream)
        return stream

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        await self.server.serve([self.listening])

    def stop(self) -> None:
        """What a signal does to a server."""
        self.loop.call_soon_threadsafe(self.application.state.parts.stopping.set)
        self.server.should_exit = True
        self.thread.join(20)
        assert not self.thread.is_alive()


@pytest.fixture
def live(store: Store, settings: ServerSettings) -> Iterator[Live]:
    made = Live(store, settings)
    made.thread.start()
    try:
        while not made.server.started:
            time.sleep(0.01)
        yield made
    finally:
        for stream in made.streams:
            stream.close()
        if made.thread.is_alive():
            made.stop()


def test_a_change_is_told_to_its_tenant_and_nobody_else(live: Live) -> None:
    mine, theirs = live.read("a"), live.read("b")
    assert mine.next()["event"] == theirs.next()["event"] == "hello"
    live.emit("a", "flow_run", "run-1")
    live.emit("b", "flow_run", "run-2")
    assert json.loads(mine.next()["data"]) == {"topic": "flow_run", "ids": ["run-1"]}
    assert json.loads(theirs.next()["data"]) == {"topic": "flow_run", "ids": ["run-2"]}


def test_events_that_come_together_are_told_together(live: Live) -> None:
    stream = live.read()
    stream.next()
    live.emit("a", "task_run", *(f"run-{n}" for n in range(50)))
    assert len(json.loads(stream.next()["data"])["ids"]) == 50


def test_a_reader_says_which_topics_it_wants(live: Live) -> None:
    stream = live.read(path="/events?topics=log")
    stream.next()
    live.emit("a", "flow_run", "x")
    live.emit("a", "log", "y")
    assert stream.next()["event"] == "log"


def test_what_concerns_the_server_only_is_not_told(live: Live) -> None:
    stream = live.read()
    stream.next()
    live.emit("a", "schedule", "x")
    live.emit("a", "auth_api_key", "x")
    live.emit("a", "flow", "y")
    assert stream.next()["event"] == "flow"


def test_a_reader_that_comes_back_gets_what_it_missed(live: Live) -> None:
    stream = live.read()
    last = stream.next()["id"]
    stream.close()
    live.emit("a", "flow_run", "missed")
    live.emit("b", "flow_run", "not mine")
    again = live.read(last_event_id=last)
    event = again.next()
    assert json.loads(event["data"])["ids"] == ["missed"]
    assert event["id"] != last


@pytest.mark.parametrize("id", ["00000000-5", "nonsense", "-1", "99999999999"])
def test_a_reader_whose_place_is_not_known_is_told_to_read_all(live: Live, id: str) -> None:
    assert live.read(last_event_id=id).next()["event"] == "reset"


def test_a_reader_that_missed_too_much_is_told_to_read_all(live: Live) -> None:
    stream = live.read()
    last = stream.next()["id"]
    stream.connection.close()
    for start in range(0, 6_000, 1_000):
        live.emit("a", "flow_run", *(f"{start + n}" for n in range(1_000)))
    deadline = time.monotonic() + 20
    replay = live.application.state.parts.replay
    while replay.last < 6_000:  # on PostgreSQL they come by another thread
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert live.read(last_event_id=last).next()["event"] == "reset"


def test_a_revoked_key_is_told_nothing_more(live: Live) -> None:
    stream = live.read()
    stream.next()
    live.store.write_sync(
        lambda tx: (
            tx.execute("UPDATE auth_api_key SET revoked = '2020' WHERE id = 'a'"),
            tx.emit("user", "", ""),
        )
    )
    time.sleep(1.0)  # a revoked key may read for a second
    live.emit("a", "flow_run", "secret")
    assert stream.is_over()


def test_strangers_are_refused(live: Live) -> None:
    assert live.ask("wrong").reply.status == 401


def test_the_stream_ends_when_the_server_does(live: Live) -> None:
    stream = live.read()
    stream.next()
    live.stop()
    with contextlib.suppress(http.client.IncompleteRead):
        while stream.reply.readline():
            pass
