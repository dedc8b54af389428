"""A heartbeat that waits is answered when its run has to stop, and else when its time is up."""

from __future__ import annotations

import asyncio
import datetime
import json
import time
from typing import Any

import pytest

from prefect.server.graphql.execute import Executor, Request

DOCUMENT = (
    "mutation($input: update_flow_run_heartbeat_input!) "
    "{ update_flow_run_heartbeat(input: $input) { success error state } }"
)
NEWS = {
    "cancelled": ("mutation($id: UUID!) { cancel_flow_run(input: { flow_run_id: $id }) { state } }"),
    "superseded": (
        "mutation($id: UUID!) { set_flow_run_states(input: { states: [{ flow_run_id: $id, "
        'state: "{\\"type\\": \\"Scheduled\\"}" }] }) { states { status } } }'
    ),
    "deleted": ("mutation($id: UUID!) { delete_flow_run(input: { flow_run_id: $id }) { success } }"),
}


@pytest.fixture
def running(api: Any) -> tuple[str, int]:
    """A run, and the attempt it is; time passes."""
    began = time.monotonic()
    start = api.now[0]
    api.executor = Executor(api.store, lambda: start + datetime.timedelta(seconds=time.monotonic() - began))
    run_id = api.run()
    epoch = api.set_flow_state(run_id, "Submitted")["epoch"]
    api.set_flow_state(run_id, "Running")
    return run_id, epoch


@pytest.mark.parametrize("news", sorted(NEWS))
def test_a_heartbeat_that_waits_hears_at_once_that_its_run_has_to_stop(
    api: Any, running: tuple[str, int], news: str
) -> None:
    run_id, epoch = running
    value = {"flow_run_id": run_id, "epoch": epoch, "wait_s": 10.0}

    async def both() -> Any:
        waiting = asyncio.ensure_future(api.executor.execute(Request(DOCUMENT, {"input": value}), api.caller))
        done, _ = await asyncio.wait({waiting}, timeout=0.2)
        assert not done, "there were no news yet"
        await api.executor.execute(Request(NEWS[news], {"id": run_id}), api.caller)
        return json.loads((await asyncio.wait_for(waiting, 9)).body)

    answer = asyncio.run(both())

    if news == "deleted":
        assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"
        return
    reply = answer["data"]["update_flow_run_heartbeat"]
    assert reply["success"] is (news == "cancelled")
    assert reply["state"] == {"cancelled": "Cancelling", "superseded": "Scheduled"}[news]


def test_a_heartbeat_without_news_is_answered_when_its_time_is_up(api: Any, running: tuple[str, int]) -> None:
    run_id, epoch = running
    before = api.row("flow_run", run_id, "lease_until heartbeat version")
    began = time.monotonic()
    reply = api.mutate("update_flow_run_heartbeat", "success", flow_run_id=run_id, epoch=epoch, wait_s=0.3)
    took = time.monotonic() - began
    after = api.row("flow_run", run_id, "lease_until heartbeat version")
    print(f"answered after {took:.2f} s")
    assert reply == {"success": True}
    assert 0.25 < took < 9
    assert after["version"] == before["version"]
    assert after["lease_until"] > before["lease_until"]


@pytest.mark.parametrize("wait_s", [-1.0, 0.0])
def test_no_time_to_wait_is_none(api: Any, running: tuple[str, int], wait_s: float) -> None:
    run_id, epoch = running
    reply = api.mutate("update_flow_run_heartbeat", "success", flow_run_id=run_id, epoch=epoch, wait_s=wait_s)
    assert reply == {"success": True}
