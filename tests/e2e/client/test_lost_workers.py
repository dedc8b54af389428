"""What the API is told of task runs whose process was lost, or that could not be sent to one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from client_runs import Runs, runs_at

pytestmark = pytest.mark.skipif(os.name == "nt", reason="exit of a process by os._exit")

_FLOW = """
    import os
    import threading

    from prefect import Flow, task
    from prefect.executors import ProcessPoolExecutor

    @task
    def leaves():
        os._exit(3)

    @task
    def leaves_at(number):
        if number == 1:
            os._exit(3)
        return number

    @task
    def takes(lock):
        return 1

    with Flow("lost") as flow:
        {body}

    flow.executor = ProcessPoolExecutor(max_workers=1)
"""


@pytest.fixture
def runs(url: str, tmp_path: Path) -> Iterator[Runs]:
    with runs_at(url, tmp_path) as found:
        yield found


@pytest.mark.parametrize(
    ("body", "states"),
    [
        ("leaves()", {"leaves-1": "Failed"}),
        ("leaves_at.map([1])", {"leaves_at-1": "Mapped", "leaves_at-1[0]": "Failed"}),
    ],
)
def test_a_task_run_whose_process_is_lost_is_failed(runs: Runs, body: str, states: dict[str, str]) -> None:
    run_id = runs.create(runs.register(_FLOW.format(body=body)))
    runs.submit(run_id)
    assert type(runs.run(run_id)).__name__ == "Failed", runs.output(run_id)
    found = runs.task_runs(run_id)
    assert {name: found[name] for name in states} == states


@pytest.mark.parametrize(
    ("body", "states"),
    [
        ("takes(threading.Lock())", {"takes-1": "Failed"}),
        ("takes.map([threading.Lock()])", {"takes-1": "Mapped", "takes-1[0]": "Failed"}),
    ],
)
def test_a_task_run_that_cannot_be_sent_to_a_process_is_failed(
    runs: Runs, body: str, states: dict[str, str]
) -> None:
    run_id = runs.create(runs.register(_FLOW.format(body=body)))
    runs.submit(run_id)
    assert type(runs.run(run_id)).__name__ == "Failed", runs.output(run_id)
    found = runs.task_runs(run_id)
    assert {name: found[name] for name in states} == states


def test_a_task_run_whose_process_is_lost_is_retried(runs: Runs, tmp_path: Path) -> None:
    flow_id = runs.register(f"""
        import datetime
        import os
        from pathlib import Path

        from prefect import Flow, task
        from prefect.executors import ProcessPoolExecutor

        @task(max_retries=2, retry_delay=datetime.timedelta(seconds=1))
        def leaves_once(number):
            mark = Path({str(tmp_path)!r}, f"was-here-{{number}}")
            if not mark.exists():
                mark.touch()
                os._exit(3)

        with Flow("retried") as flow:
            leaves_once(1)
            leaves_once.map([2])

        flow.executor = ProcessPoolExecutor(max_workers=1)
    """)
    run_id = runs.create(flow_id)
    runs.submit(run_id)
    for _ in range(4):  # a process may leave the run to the next one, as it does with long retries
        if runs.run(run_id).is_finished():
            break
    assert runs.state(run_id).is_successful(), runs.output(run_id)
    assert set(runs.task_runs(run_id).values()) <= {"Success", "Mapped", "Pending"}
