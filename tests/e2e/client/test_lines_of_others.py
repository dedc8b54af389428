"""What a run's log has of others than Prefect: Dask's warnings, threads, standard output of every process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from client_runs import Runs, runs_at

pytest.importorskip("distributed")

_FLOW = """
    import logging
    import os
    import threading

    from prefect import Flow, task
    from prefect.executors import DaskExecutor

    @task
    def printed(number):
        print(f"printed by {number}")
        print("half a line, ", end="")
        print("and the rest")

    @task
    def on_a_thread():
        def warn():
            logging.getLogger("distributed.worker").warning("memory of %d is low", 7)
            logging.getLogger("distributed.worker").info("nobody asked for this")
            logging.getLogger("mine").info("of a thread of mine")

        thread = threading.Thread(target=warn)
        thread.start()
        thread.join()

    @task(max_retries=0)
    def kills_its_worker(_):
        os._exit(1)

    with Flow("others") as flow:
        kills_its_worker(on_a_thread(upstream_tasks=[printed.map([1, 2])]))

    flow.executor = DaskExecutor(cluster_kwargs={"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None})
"""


@pytest.fixture
def runs(url: str, tmp_path: Path) -> Iterator[Runs]:
    with runs_at(url, tmp_path) as found:
        yield found


def test_warnings_of_dask_and_output_of_its_workers_are_in_the_log_of_the_run(runs: Runs) -> None:
    run_id = runs.create(runs.register(_FLOW))
    runs.submit(run_id)
    state = runs.run(
        run_id,
        PREFECT__CLOUD__SEND_FLOW_RUN_OUTPUT="true",
        PREFECT__LOGGING__EXTRA_LOGGERS="['mine']",
        DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0",
    )
    assert state.is_failed(), runs.output(run_id)
    found = runs.rows(
        "query($id: uuid!) { log(where: { flow_run_id: { _eq: $id } }) { name level message task_run { task { name } } } }",
        id=run_id,
    )["log"]
    lines: dict[str, list[Any]] = {}
    for line in found:
        task = line["task_run"] and line["task_run"]["task"]["name"]
        lines.setdefault(line["message"], []).append((line["name"], line["level"], task))
    for number in (1, 2):
        assert lines[f"printed by {number}"] == [("stdout", "INFO", "printed")]
    assert lines["half a line, and the rest"] == [("stdout", "INFO", "printed")] * 2
    assert lines["memory of 7 is low"] == [("distributed.worker", "WARNING", None)]
    assert lines["of a thread of mine"] == [("mine", "INFO", None)]
    assert "nobody asked for this" not in lines
    assert any(name == "distributed.nanny" for entries in lines.values() for name, _, _ in entries), list(
        lines
    )
    begun = [text for text in lines if text.startswith("Task 'printed[1]': Starting")]
    assert len(lines[begun[0]]) == 1, "Prefect's own lines are written once"


def test_what_a_run_prints_stays_with_its_process_unless_asked_for(runs: Runs) -> None:
    run_id = runs.create(
        runs.register("""
            from prefect import Flow, task

            @task
            def printed():
                print("the secret is 7")

            with Flow("quiet") as flow:
                printed()
        """)
    )
    runs.submit(run_id)
    assert runs.run(run_id).is_successful()
    assert "the secret is 7" in runs.output(run_id)
    assert "the secret is 7" not in "\n".join(runs.logs(run_id))
