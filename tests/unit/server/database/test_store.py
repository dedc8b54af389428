"""Reading and writing on both databases: all or nothing, told to others once it is done."""

from __future__ import annotations

import asyncio
import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from prefect.server.database.store import Query, Store, open_store
from prefect.server.errors import BadInputError, UnavailableError, UniquenessError
from prefect.server.events import Event
from prefect.server.limits import Limits
from prefect.server.settings import ServerSettings

NOW = "2030-01-02T03:04:05.000000+00:00"


def add_tenant(tx: Any, slug: str, name: str = "n") -> str:
    id = str(uuid.uuid4())
    tx.execute(
        "INSERT INTO tenant (id, created, updated, name, slug, settings) VALUES (:id, :now, :now, :name, :slug, :settings)",
        {"id": id, "now": NOW, "name": name, "slug": slug, "settings": "{}"},
    )
    return id


def slugs(store: Store) -> list[str]:
    return store.read_sync(lambda tx: [row.slug for row in tx.rows("SELECT slug FROM tenant ORDER BY slug")])


def test_rows_are_read_by_name_position_and_attribute(store: Store) -> None:
    id = store.write_sync(lambda tx: add_tenant(tx, "a"))
    row = store.read_sync(
        lambda tx: tx.one_or_none("SELECT id, slug, info FROM tenant WHERE slug = :slug", {"slug": "a"})
    )
    assert row is not None
    assert (row.id, row["slug"], row[2], len(row)) == (id, "a", None, 3)
    assert list(row) == [id, "a", None]
    assert row.as_dict() == {"id": id, "slug": "a", "info": None}
    with pytest.raises(AttributeError, match="no column 'nope'"):
        row.nope  # noqa: B018
    assert store.read_sync(lambda tx: tx.one_or_none("SELECT 1 FROM tenant WHERE slug = 'b'")) is None
    assert store.read_sync(lambda tx: tx.scalar("SELECT count(*) FROM tenant")) == 1


def test_json_comes_out_as_text(store: Store) -> None:
    store.write_sync(lambda tx: add_tenant(tx, "a"))
    text = store.read_sync(lambda tx: tx.scalar("SELECT settings FROM tenant"))
    assert json.loads(text) == {}


def test_what_raises_leaves_nothing(store: Store) -> None:
    def work(tx: Any) -> None:
        add_tenant(tx, "a")
        tx.emit("tenant", "x", "y")
        raise LookupError("no")

    seen: list[Event] = []
    with store.events.listen(seen.extend):
        with pytest.raises(LookupError):
            store.write_sync(work)
        store.write_sync(lambda tx: add_tenant(tx, "b"))
    assert slugs(store) == ["b"]
    assert seen == []


def test_a_name_that_exists_is_one_error_on_both(store: Store) -> None:
    store.write_sync(lambda tx: add_tenant(tx, "a"))
    with pytest.raises(UniquenessError, match=r"^Uniqueness violation\.$"):
        store.write_sync(lambda tx: add_tenant(tx, "a"))
    with pytest.raises(UniquenessError):
        store.write_sync(
            lambda tx: tx.execute_many(
                "INSERT INTO server_meta (key, value) VALUES (:key, 'x')", [{"key": "k"}, {"key": "k"}]
            )
        )
    assert store.read_sync(lambda tx: tx.scalar("SELECT count(*) FROM server_meta WHERE key = 'k'")) == 0


def test_a_reference_to_nothing_is_refused(store: Store) -> None:
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        store.write_sync(
            lambda tx: tx.execute(
                "INSERT INTO project (id, created, updated, tenant_id, name) VALUES ('a', 'b', 'c', 'nope', 'd')"
            )
        )


def test_events_come_after_the_commit_once_and_in_order(store: Store) -> None:
    seen: list[Any] = []

    def listen(events: list[Event]) -> None:
        seen.append(([event.id for event in events], slugs(store)))

    def work(tx: Any) -> None:
        add_tenant(tx, "a")
        for id in ("1", "1", "2"):
            tx.emit("tenant", id, "t")

    with store.events.listen(listen):
        store.write_sync(work)
    assert seen == [(["1", "2"], ["a"])]


def test_many_events_reach_other_processes(settings: Any, store: Store) -> None:
    if store.dialect == "sqlite":
        pytest.skip("one process owns the file")
    other = open_store(settings)
    arrived = threading.Event()
    seen: list[Event] = []

    def listen(events: list[Event]) -> None:
        seen.extend(events)
        if len(seen) >= 500:
            arrived.set()

    try:
        with other.events.listen(listen):

            def work(tx: Any) -> None:
                for number in range(500):
                    tx.emit("log", f"{number:036}", "t" * 36)

            # The listener of the other store has to be there: it is told until it hears.
            for _ in range(100):
                seen.clear()
                store.write_sync(work)
                if arrived.wait(0.5):
                    break
        assert [event.id for event in seen[:500]] == [f"{number:036}" for number in range(500)]
    finally:
        other.close()


def test_a_listener_that_fails_does_not_stop_writing(store: Store) -> None:
    def broken(events: list[Event]) -> None:
        raise RuntimeError("no")

    def work(tx: Any) -> str:
        tx.emit("tenant", "1", "t")
        return add_tenant(tx, "a")

    with store.events.listen(broken):
        store.write_sync(work)
    store.write_sync(lambda tx: add_tenant(tx, "b"))
    assert slugs(store) == ["a", "b"]


def test_a_reader_cannot_write(store: Store) -> None:
    query = Query("INSERT INTO server_meta (key, value) VALUES ('a', 'b') RETURNING key", {})
    with pytest.raises(Exception, match=r"(?i)read-?only"):
        asyncio.run(store.fetch_text(query))
    assert store.read_sync(lambda tx: tx.scalar("SELECT count(*) FROM server_meta WHERE key = 'a'")) == 0


def test_queries_of_one_request_see_one_state(store: Store) -> None:
    store.write_sync(lambda tx: add_tenant(tx, "a"))
    count = Query("SELECT CAST(count(*) AS TEXT) FROM tenant", {})

    async def work() -> Any:
        return await store.fetch_texts([count, count]), await store.fetch_text(count)

    assert asyncio.run(work()) == (["1", "1"], "1")
    with pytest.raises(Exception, match="nope"):
        asyncio.run(store.fetch_texts([count, Query("SELECT nope", {})]))
    assert asyncio.run(store.fetch_text(count)) == "1"


def test_a_query_that_takes_too_long_is_given_up(settings: ServerSettings) -> None:
    endless = {
        "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n",
        "postgresql": "SELECT CAST(pg_sleep(1000) AS text)",
    }
    store = open_store(replace(settings, limits=Limits(query_s=0.2)))
    try:
        with pytest.raises(BadInputError, match=r"took longer than 0\.2 seconds"):
            asyncio.run(store.fetch_text(Query(endless[store.dialect], {})))
        assert asyncio.run(store.fetch_text(Query("SELECT 'x'", {}))) == "x"
        shorter = Query(endless[store.dialect], {}, seconds=0.1)
        for ask in (store.fetch_text(shorter), store.fetch_texts([Query("SELECT 'x'", {}), shorter])):
            with pytest.raises(BadInputError, match=r"took longer than 0\.1 seconds"):
                asyncio.run(ask)
        assert asyncio.run(store.fetch_text(Query("SELECT 'x'", {}, seconds=9))) == "x"
    finally:
        store.close()


def test_writes_from_many_threads_are_all_there(store: Store) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: store.write_sync(lambda tx: add_tenant(tx, f"{number:03}")), range(200)))
    assert slugs(store) == [f"{number:03}" for number in range(200)]


def test_one_of_many_wins_a_race_for_a_version(store: Store) -> None:
    store.write_sync(lambda tx: tx.execute("INSERT INTO server_meta (key, value) VALUES ('version', '0')"))

    def claim(number: int, version: int) -> int:
        return store.write_sync(
            lambda tx: tx.execute(
                "UPDATE server_meta SET value = :next WHERE key = 'version' AND value = :now",
                {"next": str(version + 1), "now": str(version)},
            )
        )

    with ThreadPoolExecutor(20) as pool:
        for version in range(10):
            won = list(pool.map(lambda number, version=version: claim(number, version), range(20)))
            assert sum(won) == 1


def test_one_of_many_inserts_a_key(store: Store) -> None:
    def insert(number: int) -> str:
        def work(tx: Any) -> str:
            tx.execute(
                "INSERT INTO server_meta (key, value) VALUES ('once', :value) ON CONFLICT (key) DO NOTHING",
                {"value": str(number)},
            )
            return tx.scalar("SELECT value FROM server_meta WHERE key = 'once'")

        return store.write_sync(work)

    with ThreadPoolExecutor(20) as pool:
        assert len(set(pool.map(insert, range(100)))) == 1


def test_a_closed_store_takes_no_more_writes(settings: Any) -> None:
    store = open_store(settings)
    store.write_sync(lambda tx: add_tenant(tx, "a"))
    store.close()
    store.close()
    with pytest.raises(UnavailableError, match="shutting down"):
        store.write_sync(lambda tx: add_tenant(tx, "b"))


def test_writes_that_were_taken_before_the_end_are_done(settings: Any) -> None:
    store = open_store(settings)
    taken: list[str] = []
    refused: list[BaseException] = []

    def work(number: int) -> None:
        try:
            store.write_sync(lambda tx: add_tenant(tx, f"{number:03}"))
            taken.append(f"{number:03}")
        except (UnavailableError, RuntimeError) as exc:
            refused.append(exc)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    store.close()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    again = open_store(settings)
    try:
        assert set(taken) <= set(slugs(again))
        assert len(taken) + len(refused) == 50
    finally:
        again.close()
