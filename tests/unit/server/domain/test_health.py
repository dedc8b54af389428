"""The health strip: how far the server is behind, and how large its database is."""

from __future__ import annotations

from typing import Any

_HEALTH = "query { server_health { database database_bytes scheduler_lag_s queue_waiting queue_oldest } }"
_CRON = {"type": "CronClock", "cron": "0 * * * *", "start_date": None, "__version__": "1.4.1"}


def _health(api: Any) -> Any:
    return api(_HEALTH)["server_health"]


def test_a_server_without_work_is_not_behind(api: Any) -> None:
    health = _health(api)
    assert health["database"] in ("sqlite", "postgresql")
    assert health["database_bytes"] > 10_000
    assert (health["scheduler_lag_s"], health["queue_waiting"], health["queue_oldest"]) == (0, 0, None)


def test_runs_that_are_due_and_that_nobody_took_are_counted_from_the_first(api: Any) -> None:
    api.run()
    api.run()
    api.move(90)
    health = _health(api)
    assert health["queue_waiting"] == 2
    assert health["queue_oldest"] is not None


def test_a_schedule_without_runs_ahead_is_a_scheduler_that_is_behind(api: Any) -> None:
    active = {"clocks": [_CRON], "filters": [], "adjustments": [], "__version__": "1.4.1"}
    ended = {**active, "clocks": [{**_CRON, "end_date": {"dt": "2020-01-01T00:00:00", "tz": "UTC"}}]}
    api.flow(schedule=ended)
    assert _health(api)["scheduler_lag_s"] == 0
    api.flow(schedule=active)
    api.move(120)
    assert 119 <= _health(api)["scheduler_lag_s"] <= 121
