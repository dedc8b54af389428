"""F21, for every mutation: its answer is lost and it is sent again, or copies of it come at the same time.

A client that heard nothing sends the same request once more, some seconds later, or while the first
is still at work. What is in the database afterwards has to be what one request leaves there. The few
mutations for which that is not so are in a table here, with what prevents it, and in the
documentation (what survives what). The requests are those of the matrix of tenants; a mutation that
is new is asked as well.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from worlds import UUID, Path, Worlds, everything, mutation_document, mutations, put

from prefect.server.database.tables import TABLES
from prefect.server.domain import flow_runs, transitions
from prefect.server.graphql.execute import Executor, Reply, Request
from scoreboard import record, sized

COPIES = 4
#: When a client of 1.x asks again that heard nothing.
AGAIN_S = 15.0
TIME = r"\d{4}-\d\d-\d\d[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?|datetime\.datetime\([^)]*\)"
#: How whoever asks again is answered: it is done, or it has been done.
ANSWERS = {
    "",
    "NOT_FOUND",
    "UNIQUENESS_VIOLATION",
    "VERSION_LOCKING_ERROR",
    "STATE_UPDATE_FAILED",
    "BAD_USER_INPUT",
}

#: What each request makes anew, as it did in 1.x, with what a client sends to prevent that; None where
#: there is nothing to send.
MADE_ANEW: dict[str, Mapping[Path, Any] | None] = {
    "create_agent_config": None,
    "create_api_key": None,
    "create_flow": {("idempotency_key",): "once"},
    "create_flow_from_compressed_string": {("idempotency_key",): "once"},
    "create_flow_run": {("idempotency_key",): "once"},
    "create_task_run_artifact": None,
    "register_flows": {("flows", 0, "idempotency_key"): "once"},
    "set_flow_run_states": {("states", 0, "version"): 1, ("states", 0, "epoch"): 0},
    "set_task_run_states": {("states", 0, "version"): 1, ("states", 0, "epoch"): 0},
    "write_run_logs": {("logs", 0, "timestamp"): "2030-01-02T03:04:05.678901+00:00"},
}
#: What else the requests say, so that two runs of one test can be compared: names of runs are random.
ALSO: dict[str, Mapping[Path, Any]] = {"create_flow_run": {("flow_run_name",): "name"}}

#: Ids, times and what is encrypted differ from request to request.
_RANDOM = re.compile(f"{UUID.pattern}|{TIME}")


def _masked(value: Any) -> str:
    return "..." if isinstance(value, bytes) else _RANDOM.sub("...", repr(value))


def _contents(rows: Mapping[str, list[tuple[Any, ...]]]) -> Counter[str]:
    """All rows, without what differs from request to request."""
    return Counter(
        f"{table}: {', '.join(map(_masked, row))}" for table, found in rows.items() for row in found
    )


def _difference(once: Counter[str], then: Counter[str]) -> list[str]:
    return [f"too much: {row}" for row in then - once] + [f"missing: {row}" for row in once - then]


class _Undo(Exception):
    pass


class _Within:
    """A store inside of a transaction that is not committed."""

    def __init__(self, store: Any, tx: Any) -> None:
        self._store, self._tx = store, tx

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def read(self, work: Callable[[Any], Any]) -> Any:
        return work(self._tx)

    async def write(self, work: Callable[[Any], Any]) -> Any:
        self._tx.execute("SAVEPOINT request")
        try:
            done = work(self._tx)
        except BaseException:
            self._tx.execute("ROLLBACK TO SAVEPOINT request")
            raise
        finally:
            self._tx.execute("RELEASE SAVEPOINT request")
        return done


def _send(store: Any, worlds: Worlds, name: str, value: Any, after_s: float = 0.0) -> Awaitable[Reply]:
    now = worlds.now[0] + timedelta(seconds=after_s)
    executor = Executor(store, lambda: now)
    return executor.execute(
        Request(mutation_document(mutations()[name]), {"input": value}), worlds.own.api.caller
    )


def _input(worlds: Worlds, name: str, is_prevented: bool) -> Any:
    value, _ = worlds.input_of(mutations()[name])
    more = {**ALSO.get(name, {}), **((MADE_ANEW.get(name) or {}) if is_prevented else {})}
    for path, one in more.items():
        value = put(value, path, one)
    return value


def _code(reply: Reply) -> str:
    body = json.loads(reply.body)
    return body["errors"][0]["extensions"]["code"] if "errors" in body else ""


def _twice(worlds: Worlds, name: str, value: Any) -> tuple[Counter[str], list[str]]:
    """What one request leaves in the database, and what a second did besides; nothing of it stays."""
    found: list[tuple[Counter[str], list[str]]] = []

    def work(tx: Any) -> None:
        store = _Within(worlds.store, tx)
        first = asyncio.run(_send(store, worlds, name, value))
        assert _code(first) == "", (name, first.body)
        once = _contents(everything(tx))
        code = _code(asyncio.run(_send(store, worlds, name, value, AGAIN_S)))
        more = _difference(once, _contents(everything(tx)))
        found.append((once, more if code in ANSWERS else [*more, f"answered {code}"]))
        raise _Undo

    with pytest.raises(_Undo):
        worlds.own.api.store.write_sync(work)
    return found[0]


def _all_twice(
    worlds: Worlds, is_prevented: bool, names: Iterable[str] = mutations()
) -> dict[str, list[str]]:
    """The mutations that do more when they are sent again, with what that is."""
    found = {name: _twice(worlds, name, _input(worlds, name, is_prevented))[1] for name in names}
    return {name: more for name, more in found.items() if more}


def test_each_mutation_that_is_sent_again_does_nothing_more_or_is_in_the_table(worlds: Any) -> None:
    bare, prevented = _all_twice(worlds, is_prevented=False), _all_twice(worlds, is_prevented=True)
    goal = "sent again, it does nothing more, or what prevents that is documented"
    record("F21 (every mutation)", worlds.backend, None, goal, {
        "problems": len(bare.keys() ^ MADE_ANEW.keys()), "mutations": len(mutations()),
        "with a key or version": len(MADE_ANEW) - len(prevented), "made anew": sorted(prevented),
    })  # fmt: skip
    assert {name: more for name, more in bare.items() if name not in MADE_ANEW} == {}
    assert bare.keys() == MADE_ANEW.keys()
    assert prevented.keys() == {name for name, prevention in MADE_ANEW.items() if prevention is None}


def test_a_build_that_forgets_keys_and_versions_is_noticed(
    worlds: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = flow_runs.insert_flow_run
    monkeypatch.setattr(
        flow_runs,
        "insert_flow_run",
        lambda tx, flow, request, now: original(tx, flow, replace(request, idempotency_key=None), now),
    )
    monkeypatch.setattr(transitions, "_check_version", lambda *args: None)
    names = {"create_flow_run", "set_flow_run_states", "set_task_run_states"}
    assert _all_twice(worlds, is_prevented=True, names=names).keys() == names


# -- copies at the same time -----------------------------------------------------------------


def _restore(worlds: Worlds) -> None:
    """Bring the database to what it was when the worlds had been made."""

    def work(tx: Any) -> None:
        is_sqlite = tx.dialect == "sqlite"
        tx.execute(
            "PRAGMA defer_foreign_keys = ON" if is_sqlite else "SET LOCAL session_replication_role = replica"
        )
        for table in TABLES:
            tx.execute(f'DELETE FROM "{table}"')
        for table, rows in worlds.before.items():
            for row in rows:
                names = ", ".join(f":c{number}" for number in range(len(row)))
                values = {f"c{number}": value for number, value in enumerate(row)}
                tx.execute(f'INSERT INTO "{table}" VALUES ({names})', values)

    worlds.own.api.store.write_sync(work)


def _at_once(worlds: Worlds, names: Iterable[str]) -> dict[str, list[str]]:
    """The mutations of which several copies at the same time leave more than one alone."""
    store = worlds.own.api.store

    async def send(name: str, value: Any) -> list[Reply]:
        return await asyncio.gather(*(_send(store, worlds, name, value) for _ in range(COPIES)))

    found: dict[str, list[str]] = {}
    for name in names:
        value = _input(worlds, name, is_prevented=True)
        once, _ = _twice(worlds, name, value)
        codes = [_code(reply) for reply in asyncio.run(send(name, value))]
        more = _difference(once, _contents(store.read_sync(everything)))
        more += [f"answered {code}" for code in codes if code not in ANSWERS]
        more += [] if "" in codes else [f"nobody was told that it is done: {codes}"]
        if more:
            found[name] = more
        _restore(worlds)
    return found


def test_copies_of_a_mutation_at_the_same_time_do_what_one_does(worlds: Any) -> None:
    names = [name for name in mutations() if MADE_ANEW.get(name, {}) is not None]
    rounds = sized(1, 20)
    problems: dict[str, list[str]] = {}
    for _ in range(rounds):
        problems |= _at_once(worlds, names)
    goal = f"{COPIES} copies at the same time do what one does"
    record("F21 (copies)", worlds.backend, None, goal, {
        "problems": len(problems), "mutations": len(names), "rounds": rounds,
    })  # fmt: skip
    assert problems == {}


def test_a_build_that_takes_each_copy_for_a_new_request_is_noticed(
    worlds: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transitions, "_check_version", lambda *args: None)
    found = _at_once(worlds, ["set_flow_run_states", "set_task_run_states"])
    assert found.keys() == {"set_flow_run_states", "set_task_run_states"}
