"""Runs that wait for a slot, runs that are restarted, and retries that are left to the server."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from client_faults import broken_client, submit
from client_runs import Runs, runs_at
from live_server import running_server

from prefect.backend.execution import run_in_process

#: The process waits for a retry that is due later than this.
LEAVES_AT_ONCE = """
    import datetime
    from prefect.engine.cloud import _reporting
    _reporting.WAITS_AT_MOST = datetime.timedelta(seconds=1)
"""


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    """Runs of a server that misses a run after six seconds without a heartbeat."""
    with (
        running_server(tmp_path / "server", "", "--zombie-after", "6") as server,
        runs_at(f"http://localhost:{server.port}", tmp_path) as found,
    ):
        yield found


def noted(runs: Runs, name: str) -> list[str]:
    path = runs.folder / name
    return path.read_text().splitlines() if path.exists() else []


def queue(runs: Runs, *labels: str) -> list[str]:
    answer = runs.rows(
        "mutation($labels: [String!]) { get_runs_in_queue(input: { labels: $labels }) { flow_run_ids } }",
        labels=list(labels),
    )
    return answer["get_runs_in_queue"]["flow_run_ids"]


# -- waiting for a slot -----------------------------------------------------------------------

HOLDING = """
    import time
    from pathlib import Path
    import prefect
    from prefect import Flow, task

    folder = Path({folder!r})

    @task(tags={tags})
    def hold():
        me = prefect.context.flow_run_id
        with (folder / "held").open("a") as file:
            file.write(f"begin {{me}}\\n")
        while not (folder / f"go-{{me}}").exists():
            time.sleep(0.02)
        with (folder / "held").open("a") as file:
            file.write(f"end {{me}}\\n")

    with Flow("holding") as flow:
        hold()
"""


def task_run_history(runs: Runs, run_id: str) -> list[str]:
    rows = runs.rows(
        "query($id: uuid!) { task_run(where: { flow_run_id: { _eq: $id } }) "
        "{ states(order_by: [{ version: asc }]) { state } } }",
        id=run_id,
    )["task_run"]
    return [state["state"] for state in rows[0]["states"]]


@pytest.mark.parametrize("kind", ["flow", "task"])
def test_a_run_without_a_slot_is_queued_and_goes_on_by_itself_when_there_is_one(
    runs: Runs, kind: str
) -> None:
    if kind == "flow":
        limit = 'mutation { update_flow_concurrency_limit(input: { label: "one", limit: 1 }) { id } }'
    else:
        limit = 'mutation { update_task_tag_limit(input: { tag: "one", limit: 1 }) { id } }'
    runs.rows(limit)
    tags = ["one"] if kind == "task" else []
    flow_id = runs.register(HOLDING.format(folder=str(runs.folder), tags=tags))
    first, second = (runs.create(flow_id, labels=["one"]) for _ in range(2))
    env = {"PREFECT__CLOUD__QUEUE_INTERVAL": "0.3"}
    holder = runs.start(first, **env)
    runs.until(lambda: noted(runs, "held"), run_id=first)
    waiter = runs.start(second, **env)
    states = (lambda: runs.history(second)) if kind == "flow" else (lambda: task_run_history(runs, second))
    runs.until(lambda: states().count("Queued") >= 2, run_id=second)  # it asked again, and waits still
    # Longer than a lease: whoever waits is no less alive.
    time.sleep(8)
    assert noted(runs, "held") == [f"begin {first}"]
    assert waiter.poll() is None

    for run_id, process in ((first, holder), (second, waiter)):
        (runs.folder / f"go-{run_id}").touch()
        assert process.wait(60) == 0

    assert noted(runs, "held") == [
        f"{word} {run_id}" for run_id in (first, second) for word in ("begin", "end")
    ]
    assert runs.history(first) == ["Scheduled", "Running", "Success"]
    without = [state for state in states() if state != "Queued"]
    assert without == [["Scheduled", "Running", "Success"], ["Pending", "Running", "Success"]][kind == "task"]


# -- restarting -------------------------------------------------------------------------------

RESTARTED = """
    import json
    from pathlib import Path
    from prefect import Flow, Parameter, task
    from prefect.engine.results import LocalResult

    folder = Path({folder!r})

    def note(name, value):
        with (folder / name).open("a") as file:
            file.write(f"{{value}}\\n")

    @task
    def numbers(n):
        note("numbers", n)
        return [{{"value": i}} for i in range(n)]

    @task
    def double(x, plus):
        note("double", f"{{x['value']}}+{{plus}}")
        if x["value"] == 2 and not (folder / "mended").exists():
            raise OSError("broken")
        return 2 * x["value"] + plus

    @task
    def total(xs):
        note("total", sum(xs))

    with Flow("restarted", result=LocalResult(dir={results!r})) as flow:
        n = Parameter("n", default=4)
        total(double.map(numbers(n), plus=[10, 20, 30, 40]))
"""


def test_a_restarted_run_repeats_what_failed_with_the_inputs_it_had(runs: Runs) -> None:
    code = RESTARTED.format(folder=str(runs.folder), results=str(runs.folder / "results"))
    run_id = runs.create(runs.register(code))
    assert runs.run(run_id).is_failed()
    assert runs.task_runs(run_id)["total-1"] == "TriggerFailed"
    assert len(noted(runs, "double")) == 4
    (runs.folder / "mended").touch()

    runs.rows(
        "mutation($id: UUID!) { restart_flow_run(input: { flow_run_id: $id }) { task_runs } }", id=run_id
    )
    end = runs.run(run_id)

    assert end.is_successful(), runs.output(run_id)
    assert noted(runs, "numbers") == ["4"]
    assert sorted(noted(runs, "double")) == ["0+10", "1+20", "2+30", "2+30", "3+40"]
    assert noted(runs, "total") == [str(10 + 22 + 34 + 46)]
    assert {runs.task_runs(run_id)[f"double-1[{index}]"] for index in range(4)} == {"Success"}


# -- retries that are due much later ----------------------------------------------------------

RETRIED = """
    import datetime
    from pathlib import Path
    import prefect
    from prefect import Flow, task

    folder = Path({folder!r})

    @task(max_retries=1, retry_delay=datetime.timedelta(seconds={delay}))
    def flaky():
        with (folder / "tries").open("a") as file:
            file.write(f"{{prefect.context.task_run_count}}\\n")
        if prefect.context.task_run_count == 1:
            raise OSError("not yet")

    @task
    def after():
        with (folder / "after").open("a") as file:
            file.write("ran\\n")

    with Flow("retried") as flow:
        after(upstream_tasks=[flaky()])
"""


def retried(runs: Runs, delay: float) -> tuple[str, dict[str, str]]:
    flow_id = runs.register(RETRIED.format(folder=str(runs.folder), delay=delay))
    return runs.create(flow_id), broken_client(runs.folder, LEAVES_AT_ONCE)


def held_by(runs: Runs, run_id: str) -> Any:
    return runs.rows("query($id: uuid!) { flow_run_by_pk(id: $id) { state lease_until epoch } }", id=run_id)[
        "flow_run_by_pk"
    ]


def test_a_long_retry_of_an_agents_run_is_left_to_the_server_and_handed_out_when_it_is_due(
    runs: Runs,
) -> None:
    run_id, env = retried(runs, 8)
    env |= submit(runs, run_id, lease_s=30.0)
    assert runs.start(run_id, **env).wait(60) == 0
    left = held_by(runs, run_id)
    assert (left["state"], left["lease_until"]) == ("Running", None)
    assert int(env.pop("PREFECT__CONTEXT__FLOW_RUN_EPOCH")) + 1 == left["epoch"]
    assert queue(runs) == []

    took = runs.until(lambda: queue(runs) == [run_id], 60)

    print(f"handed out {took:.1f} s after it was left")
    env["PREFECT__CONTEXT__FLOW_RUN_EPOCH"] = str(left["epoch"])
    assert runs.run(run_id, **env).is_successful()
    assert noted(runs, "tries") == ["1", "2"]
    assert noted(runs, "after") == ["ran"]
    assert runs.history(run_id)[-1] == "Success"
    assert "Failed" not in runs.history(run_id)


def test_a_long_retry_without_an_agent_is_waited_for_by_who_started_the_run(runs: Runs) -> None:
    # Much longer than the lease: nobody sends heartbeats while no process runs.
    run_id, env = retried(runs, 9)
    began = datetime.datetime.now(datetime.timezone.utc)

    end = run_in_process(run_id, environment={**env, "PREFECT__HOME_DIR": str(runs.folder / "home")})

    took = (datetime.datetime.now(datetime.timezone.utc) - began).total_seconds()
    print(f"ended after {took:.1f} s")
    assert end.state.is_successful(), runs.history(run_id)
    assert noted(runs, "tries") == ["1", "2"]
    assert noted(runs, "after") == ["ran"]
    assert took > 8
