"""Signs of life over connections that something on the way closes."""

from __future__ import annotations

import json
import threading
from typing import Any

from prefect.engine.cloud._beat import Beats, Order


def test_a_run_lives_where_connections_that_wait_are_closed() -> None:
    asked: list[bool] = []
    news: list[str] = []

    def post(body: dict[str, Any], timeout_s: float) -> Any:
        del timeout_s
        waits = "wait_s" in json.loads(body["variables"])["input"]
        asked.append(waits)
        if waits:
            raise ConnectionResetError("silent for too long")
        return {"data": {"update_flow_run_heartbeat": {"success": True, "state": "Running", "lease_s": 2.0}}}

    order = Order("http://api.test", {}, "run", 1, True, 1.0, 1.0, lease_s=2.0, num=3)
    Beats(order, lambda word, text: news.append(word), threading.Event(), post).run()

    # Each that is lost is followed by one that does not wait, which renews the lease.
    assert asked == [True, False] * 3
    assert "lost" not in news
