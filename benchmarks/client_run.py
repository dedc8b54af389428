"""One measurement of `client.py`, in a process of its own: a backend run of mapped tasks.

    python benchmarks/client_run.py URL CASE TASKS

Prints JSON: CPU seconds of this process for the run (all its threads), and its requests.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from typing import Any

import prefect
from prefect import Client, Flow, task
from prefect.client._transport import HttpTransport
from prefect.engine.cloud import CloudFlowRunner
from prefect.engine.results import LocalResult
from prefect.engine.state import Submitted
from prefect.utilities.configuration import set_temporary_config
from prefect.utilities.logging import prefect_logger, temporary_logger_config


@task
def double(x: int) -> int:
    return 2 * x


@task
def talk(x: int) -> int:
    prefect.context.logger.info("doubling %d", x)
    return 2 * x


#: By name: the task, whether it keeps its results in files, whether log lines are sent.
CASES = {
    "quiet": (double, False, False),
    "logs": (talk, False, True),
    "results": (double, True, False),
    "results and logs": (talk, True, True),
}


def measured(case: str, tasks: int, client: Client) -> tuple[float, Counter[str]]:
    """CPU seconds of a run, and how often which request was sent."""
    mapped, keeps, sends_logs = CASES[case]
    with Flow(f"wide {case}", result=LocalResult() if keeps else None) as flow:
        mapped.map(list(range(tasks)))
    run_id = client.create_flow_run(flow_id=client.register(flow, "bench", build=False, no_url=True))
    client.set_flow_run_state(run_id, Submitted("taken"))
    asked: Counter[str] = Counter()
    send = HttpTransport.send

    def counted(self: HttpTransport, *words: Any, **options: Any) -> Any:
        asked[(options.get("json") or {}).get("query", "")[:40]] += 1
        return send(self, *words, **options)

    level = "INFO" if sends_logs else "ERROR"
    settings = {
        "cloud.send_flow_run_logs": sends_logs,
        "cloud.heartbeat_mode": "thread",
        "logging.level": level,
    }
    HttpTransport.send = counted  # type: ignore[method-assign]
    began = time.process_time()
    try:
        with (
            prefect.context(flow_run_id=run_id),
            set_temporary_config(settings),
            temporary_logger_config(level),
        ):
            state = CloudFlowRunner(flow=flow).run(return_tasks=flow.tasks)
            if sends_logs:
                prefect.utilities.logging.LOG_MANAGER.stop()
        return time.process_time() - began, asked
    finally:
        HttpTransport.send = send  # type: ignore[method-assign]
        if not state.is_successful():
            raise SystemExit(f"the run ended {state}")
        children = next(found.map_states for found in state.result.values() if found.is_mapped())
        kept = [child for child in children if child._result.location]
        if len(children) != tasks or len(kept) != (tasks if keeps else 0):
            raise SystemExit(f"{len(children)} children, {len(kept)} results are kept")


def main() -> None:
    url, case, tasks = sys.argv[1], sys.argv[2], int(sys.argv[3])
    # Lines go to the API; what a terminal or an agent's file costs is not the client's.
    for handler in prefect_logger.handlers:
        if hasattr(handler, "stream"):
            handler.stream = open("/dev/null", "w")  # noqa: PTH123, SIM115
    with set_temporary_config({"cloud.api": url}):
        client = Client()
        client.create_project("bench")
        measured(case, 20, client)
        seconds, asked = measured(case, tasks, client)
    print(json.dumps({"us": seconds / tasks * 1e6, "requests": sum(asked.values()) / tasks * 100}))


if __name__ == "__main__":
    main()
