"""F30 in runs of the API: a result that cannot be read fails the task that needs it, and no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from client_faults import broken_client
from client_runs import Runs, runs_at
from live_server import Server

from scoreboard import record

FLOW = """
    from pathlib import Path
    from prefect import Flow, task
    from prefect.engine.results import LocalResult

    folder = Path({folder!r})
    results = LocalResult(dir=str(folder / "results"), location="{{task_name}}")

    @task(result=results)
    def make():
        return [1, 2, 3]

    @task
    def needs(x):
        if not (folder / "again").exists():
            raise OSError("the first time")
        (folder / "needs").write_text(repr(x))

    @task
    def other():
        if not (folder / "again").exists():
            raise OSError("the first time")
        (folder / "other").touch()

    with Flow("damaged") as flow:
        needs(make())
        other()
"""

#: A client to which a result that cannot be read is none.
READS_NOTHING = """
    from prefect.engine.results.local_result import LocalResult

    def read(self, location):
        found = self.copy()
        found.location, found.value = location, None
        return found

    LocalResult.read = read
"""


@pytest.fixture
def runs(start: Callable[..., Server], tmp_path: Path) -> Iterator[tuple[Runs, Server]]:
    server = start()
    with runs_at(f"http://localhost:{server.port}", tmp_path) as found:
        yield found, server


def damage(runs: Runs, how: str, **env: str) -> tuple[list[str], str]:
    """What is wrong with a run that is restarted after its result was damaged; the message of the task."""
    run_id = runs.create(runs.register(FLOW.format(folder=str(runs.folder))))
    runs.run(run_id)
    path = runs.folder / "results" / "make"
    if how == "missing":
        path.unlink()
    elif how == "truncated":
        path.write_bytes(path.read_bytes()[:5])
    else:
        path.write_bytes(b"\x80\x7f" + path.read_bytes()[2:])
    (runs.folder / "again").touch()
    runs.rows("mutation($id: UUID!) { restart_flow_run(input: { flow_run_id: $id }) { id } }", id=run_id)
    state = runs.run(run_id, **env)
    problems = [] if state.is_failed() else [f"the run is {state!r}"]
    found = runs.task_runs(run_id)
    expected = {"make-1": "Success", "needs-1": "Failed", "other-1": "Success"}
    problems += [] if found == expected else [str(found)]
    rows = runs.rows(
        "query($id: uuid!) { task_run(where: { flow_run_id: { _eq: $id }, "
        'task: { slug: { _eq: "needs-1" } } }) { state_message } }',
        id=run_id,
    )["task_run"]
    message = str(rows[0]["state_message"])
    problems += [] if str(path) in message else [f"no location: {message}"]
    return problems, message


@pytest.mark.parametrize("how", ["missing", "truncated", "another format"])
def test_f30_a_result_that_is_damaged_fails_the_task_that_needs_it(
    how: str, runs: tuple[Runs, Server]
) -> None:
    found, server = runs
    problems, message = damage(found, how)
    record("F30 (client)", server.database.backend, None, "Failed with the location, other tasks go on", {
        "damage": how, "problems": len(problems), "message": message,
    })  # fmt: skip
    assert problems == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_f30_a_client_that_takes_it_for_nothing_is_noticed(runs: tuple[Runs, Server]) -> None:
    found, _ = runs
    problems, _ = damage(found, "missing", **broken_client(found.folder, READS_NOTHING))
    assert problems
