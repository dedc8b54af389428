"""Two processes that are started for one flow run: one runs it, the other ends before it has run anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from client_runs import Runs, runs_at
from live_server import running_server

from scoreboard import record

#: Loading the flow and running its task each leave a line in a file; the task ends when it is told to.
WAITING = """
    import os, time
    from pathlib import Path
    from prefect import Flow, task

    folder = Path({folder!r})

    def note(word):
        with (folder / word).open("a") as file:
            file.write(f"{{os.getpid()}}\\n")

    note("loaded")

    @task
    def wait():
        note("ran")
        while not (folder / "go").exists():
            time.sleep(0.02)

    with Flow("waiting") as flow:
        wait()
"""

#: The server as it was once: whoever sends a heartbeat of the present attempt may go on.
TAKES_ALL = """
    from prefect.server.domain import claims

    def take(tx, caller, flow_run_id, holder, epoch, lease_s, now):
        row = tx.one_or_none("SELECT state, epoch FROM flow_run WHERE id = :id", {"id": flow_run_id})
        return claims.Claim(None, row.state, row.epoch)

    claims.take = take
"""


@pytest.fixture
def runs_of(tmp_path: Path) -> Iterator[Callable[..., Runs]]:
    """Runs of a new server, which may be broken."""
    with ExitStack() as stack:

        def start(*words: str, broken: str = "") -> Runs:
            server = stack.enter_context(running_server(tmp_path / "server", "", *words, broken=broken))
            return stack.enter_context(runs_at(f"http://localhost:{server.port}", tmp_path))

        yield start


def lines(runs: Runs, word: str) -> list[str]:
    path = runs.folder / word
    return path.read_text().splitlines() if path.exists() else []


def start_twice(runs: Runs, *, of_an_agent: bool) -> list[str]:
    """What is wrong when a second process is started while the first is in its task."""
    run_id = runs.create(runs.register(WAITING.format(folder=str(runs.folder))))
    (runs.folder / "loaded").unlink()  # registering loaded it too
    env: dict[str, str] = {}
    if of_an_agent:
        runs.submit(run_id)
        found = runs.rows("query($id: uuid!) { flow_run_by_pk(id: $id) { epoch } }", id=run_id)
        env["PREFECT__CONTEXT__FLOW_RUN_EPOCH"] = str(found["flow_run_by_pk"]["epoch"])
    first = runs.start(run_id, **env)
    runs.until(lambda: lines(runs, "ran"), run_id=run_id)
    second = runs.start(run_id, **env)
    runs.until(lambda: second.poll() is not None or len(lines(runs, "loaded")) > 1, run_id=run_id)
    problems = [f"the second process loaded the flow: {lines(runs, 'loaded')}"] * (
        len(lines(runs, "loaded")) > 1
    )
    (runs.folder / "go").touch()
    codes = first.wait(60), second.wait(60)
    problems += [] if codes == (0, 5) else [f"exit codes {codes}"]
    problems += [] if len(lines(runs, "ran")) == 1 else ["the task ran twice"]
    problems += [] if runs.history(run_id)[-2:] == ["Running", "Success"] else [str(runs.history(run_id))]
    if "is run by another process already" not in runs.output(run_id):
        problems.append("nobody says why")
    return problems


@pytest.mark.parametrize("of_an_agent", [True, False], ids=["of an agent", "by hand"])
def test_the_second_process_of_a_run_ends_before_it_runs_anything(
    runs_of: Callable[..., Runs], of_an_agent: bool
) -> None:
    problems = start_twice(runs_of(), of_an_agent=of_an_agent)
    record("double start", "sqlite", None, "one process runs, the other exits with 5 and ran nothing", {
        "agent": of_an_agent, "problems": len(problems),
    })  # fmt: skip
    assert problems == []


def test_a_server_that_lets_all_of_them_run_is_noticed(runs_of: Callable[..., Runs]) -> None:
    assert start_twice(runs_of(broken=TAKES_ALL), of_an_agent=True)
