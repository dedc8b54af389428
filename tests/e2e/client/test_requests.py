"""What a run of many mapped tasks asks of the API."""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import Any

import pytest

import prefect
from prefect import Client, Flow, task
from prefect.client._transport import HttpTransport
from prefect.engine.cloud import CloudFlowRunner
from prefect.utilities.configuration import set_temporary_config


@task
def double(x: int) -> int:
    return 2 * x


@task
def total(xs: list[int]) -> int:
    return sum(xs)


def test_a_thousand_mapped_tasks_take_four_requests_for_a_hundred_at_most(
    client: Client, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Flow("wide") as flow:
        result = total(double.map(list(range(1000))))
    run_id = client.create_flow_run(flow_id=client.register(flow, project, build=False, no_url=True))
    asked: Counter[str] = Counter()
    send = HttpTransport.send

    def counted(self: HttpTransport, *words: Any, **options: Any) -> Any:
        asked[re.findall(r"\{\s*(\w+)", options["json"]["query"])[0]] += 1
        return send(self, *words, **options)

    monkeypatch.setattr(HttpTransport, "send", counted)
    began = time.process_time()
    with (
        prefect.context(flow_run_id=run_id),
        set_temporary_config({"cloud.send_flow_run_logs": False, "cloud.heartbeat_mode": "thread"}),
    ):
        state = CloudFlowRunner(flow=flow).run(return_tasks=flow.tasks)
    print(f"{(time.process_time() - began) * 1000:.0f} us of CPU for each task; {dict(asked)}")

    assert state.result[result].result == 999_000
    runs = client.graphql(
        "query($id: uuid!) { task_run(where: { flow_run_id: { _eq: $id }, map_index: { _gte: 0 } }) "
        "{ state states { state } } }",
        variables={"id": run_id},
    ).data.task_run
    assert len(runs) == 1000
    assert {tuple(sorted(s.state for s in run.states)) for run in runs} == {("Pending", "Running", "Success")}
    assert sum(asked.values()) <= 40
