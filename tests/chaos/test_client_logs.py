"""Floods of log lines arrive whole, once and in order, also past a server that is killed meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from client_faults import broken_client
from client_runs import Runs, runs_at
from live_server import Server

from scoreboard import record, sized

FLOOD = """
    import prefect
    from prefect import Flow, task

    @task
    def flood():
        logger = prefect.context.logger
        for number in range({lines}):
            logger.info("line %s", number)

    with Flow("flood") as flow:
        flood()
"""

#: A client that forgets lines which the server did not take at once.
FORGETS = """
    from prefect.utilities import _log_manager
    original = _log_manager.LogManager._send

    def once(self, lines):
        original(self, lines)
        return True

    _log_manager.LogManager._send = once
"""


@pytest.fixture
def runs(start: Callable[..., Server], tmp_path: Path) -> Iterator[tuple[Runs, Server]]:
    server = start()
    with runs_at(f"http://localhost:{server.port}", tmp_path) as found:
        yield found, server


def wrong_lines(server: Server, run_id: str, lines: int) -> list[str]:
    """What is wrong with the lines of a run: `lines` of them, numbered from 0, in order."""
    problems: list[str] = []
    rows = server.database.rows(
        f"SELECT message FROM log WHERE flow_run_id = '{run_id}' AND message LIKE 'line %' "
        "ORDER BY timestamp, sequence"
    )
    numbers = [int(row[0].split()[1]) for row in rows]
    lost = set(range(lines)) - set(numbers)
    problems += [f"{len(lost)} lines lost"] if lost else []
    problems += (
        [f"{len(numbers) - len(set(numbers))} lines twice"] if len(set(numbers)) != len(numbers) else []
    )
    problems += ["lines are not in order"] if numbers != sorted(numbers) else []
    return problems


class Watch:
    """How much memory the server takes, and how long other calls take, while the block runs."""

    def __init__(self, server: Server) -> None:
        self.memory = 0
        self.seconds: list[float] = []
        self._server = server
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _work(self) -> None:
        assert self._server.process is not None
        process = psutil.Process(self._server.process.pid)
        connection = self._server.connect()
        while not self._done.wait(0.05):
            self.memory = max(self.memory, process.memory_info().rss)
            began = time.monotonic()
            connection.ask("{ flow_run(limit: 10) { id state } }")
            self.seconds.append(time.monotonic() - began)
        connection.close()

    @property
    def figures(self) -> dict[str, object]:
        worst = sorted(self.seconds)[int(len(self.seconds) * 0.95)]
        return {"server RSS (MB)": self.memory // 1_000_000, "p95 of other calls (ms)": round(worst * 1000)}


@pytest.mark.parametrize(
    ("flows", "lines"),
    [(1, sized(10_000, 1_000_000)), (sized(3, 100), sized(1_000, 10_000))],
    ids=["one", "many"],
)
def test_f22_a_flood_of_lines_arrives_whole_and_in_order(
    runs: tuple[Runs, Server], flows: int, lines: int
) -> None:
    found, server = runs
    flow_id = found.register(FLOOD.format(lines=lines))
    ids = [found.create(flow_id) for _ in range(flows)]
    began = time.monotonic()
    with Watch(server) as watch:
        for first in range(0, flows, 4):  # so many at once as this machine bears
            processes = [found.start(run_id) for run_id in ids[first : first + 4]]
            for process in processes:
                process.wait(1800)
    problems = [problem for run_id in ids for problem in wrong_lines(server, run_id, lines)]
    record("F22", server.database.backend, None, f"{flows} x {lines}: 0 lost, 0 twice, in order; RSS < 500 MB, p95 < 300 ms", {
        "problems": len(problems), "took (s)": round(time.monotonic() - began, 1), **watch.figures,
    })  # fmt: skip
    assert problems == []
    assert watch.memory < 5_000_000_000


def kill_the_server(runs: Runs, server: Server, lines: int, **env: str) -> list[str]:
    """What is wrong after a server was killed while lines came in."""
    run_id = runs.create(runs.register(FLOOD.format(lines=lines)))
    process = runs.start(run_id, **{"PREFECT__CLOUD__LOGGING_HEARTBEAT": "0.1", **env})
    runs.until(lambda: len(runs.logs(run_id)) > 20, run_id=run_id)
    server.kill()
    time.sleep(1)
    server.start()
    process.wait(300)
    return wrong_lines(server, run_id, lines)


def test_f22_lines_wait_for_a_server_that_is_killed(runs: tuple[Runs, Server]) -> None:
    lines = sized(10_000, 200_000)
    problems = kill_the_server(*runs, lines)
    record("F22 (killed)", runs[1].database.backend, None, f"{lines} lines, the server killed meanwhile: 0 lost, 0 twice, in order", {
        "problems": len(problems),
    })  # fmt: skip
    assert problems == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_f22_a_client_that_forgets_lines_is_noticed(runs: tuple[Runs, Server]) -> None:
    found, server = runs
    assert kill_the_server(found, server, 10_000, **broken_client(found.folder, FORGETS))
