"""Which runs schedules make, and that they make each of them once."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

START = datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)


def clock(minutes: float = 60, **changes: Any) -> dict[str, Any]:
    return {
        "type": "IntervalClock",
        "interval": int(minutes * 60_000_000),
        "start_date": {"dt": "2030-01-01T00:00:00", "tz": "UTC"},
        "end_date": None,
        "parameter_defaults": {},
        "labels": None,
        "__version__": "1.4.1",
        **changes,
    }


def schedule(*clocks: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "clocks": list(clocks),
        "filters": [],
        "or_filters": [],
        "not_filters": [],
        "adjustments": [],
        **changes,
    }


def runs(api: Any, flow_id: str, columns: str = "scheduled_start_time") -> list[Any]:
    where = f'(where: {{flow_id: {{_eq: "{flow_id}"}}}}, order_by: {{scheduled_start_time: asc}})'
    return api.rows("flow_run", columns, where)


def test_the_next_ten_runs_are_made(services: Any) -> None:
    flow_id = services.api.flow(schedule=schedule(clock()))
    assert services.round(services.scheduler) == 10
    times = [row["scheduled_start_time"] for row in runs(services.api, flow_id)]
    assert times == [f"2030-01-02T{hour:02}:00:00.000000+00:00" for hour in range(4, 14)]
    rows = runs(services.api, flow_id, "state auto_scheduled idempotency_key task_runs { state }")
    assert {row["state"] for row in rows} == {"Scheduled"}
    assert all(row["auto_scheduled"] for row in rows)
    assert rows[0]["idempotency_key"] == "auto-scheduled:2030-01-02T04:00:00+00:00"
    assert len(rows[0]["task_runs"]) == 3


def test_a_round_with_nothing_to_do_makes_nothing(services: Any) -> None:
    services.api.flow(schedule=schedule(clock()))
    services.round(services.scheduler)
    assert services.round(services.scheduler) == 0


def test_as_time_passes_one_more_run_is_made_for_each_that_is_due(services: Any) -> None:
    flow_id = services.api.flow(schedule=schedule(clock()))
    services.round(services.scheduler)
    services.move(2 * 3600)
    assert services.round(services.scheduler) == 2
    assert len({row["scheduled_start_time"] for row in runs(services.api, flow_id)}) == 12


def test_nothing_is_made_for_the_past(services: Any) -> None:
    flow_id = services.api.flow(schedule=schedule(clock()))
    services.move(30 * 24 * 3600)
    services.round(services.scheduler)
    now = services.api.at(0)
    assert all(row["scheduled_start_time"] > now for row in runs(services.api, flow_id))


def test_a_run_that_somebody_deleted_does_not_come_back(services: Any) -> None:
    flow_id = services.api.flow(schedule=schedule(clock()))
    services.round(services.scheduler)
    first = runs(services.api, flow_id, "id")[0]["id"]
    services.api.mutate("delete_flow_run", "success", flow_run_id=first)
    services.round(services.scheduler)
    assert "2030-01-02T04:00:00.000000+00:00" not in [
        row["scheduled_start_time"] for row in runs(services.api, flow_id)
    ]


def test_two_clocks_at_one_moment_make_two_runs_if_they_differ(services: Any) -> None:
    two = schedule(clock(parameter_defaults={"x": 1}), clock(parameter_defaults={"x": 2}, labels=["big"]))
    flow_id = services.api.flow(schedule=two)
    services.round(services.scheduler)
    rows = runs(services.api, flow_id, "scheduled_start_time parameters labels idempotency_key")
    at_four = [row for row in rows if row["scheduled_start_time"].startswith("2030-01-02T04")]
    assert sorted((row["parameters"]["x"], tuple(row["labels"])) for row in at_four) == [
        (1, ()),
        (2, ("big",)),
    ]
    assert len({row["idempotency_key"] for row in at_four}) == 2
    assert services.round(services.scheduler) == 0


def test_the_schedule_of_the_flow_group_wins(services: Any) -> None:
    flow_id = services.api.flow(schedule=schedule(clock()))
    services.round(services.scheduler)
    group_id = services.api.row("flow", flow_id, "flow_group_id")["flow_group_id"]
    services.api.mutate(
        "set_flow_group_schedule",
        "success",
        flow_group_id=group_id,
        cron_clocks=[{"cron": "0 9 * * *", "parameter_defaults": {}}],
        timezone="Europe/Berlin",
    )
    services.round(services.scheduler)
    times = [row["scheduled_start_time"] for row in runs(services.api, flow_id)]
    assert times[:2] == ["2030-01-02T08:00:00.000000+00:00", "2030-01-03T08:00:00.000000+00:00"]
    assert len(times) == 10


def test_an_inactive_schedule_makes_nothing_and_its_runs_go(services: Any) -> None:
    flow_id = services.api.flow(schedule=schedule(clock()))
    services.round(services.scheduler)
    services.api.mutate("set_schedule_inactive", "success", flow_id=flow_id)
    assert services.round(services.scheduler) == 0
    assert runs(services.api, flow_id) == []
    services.api.mutate("set_schedule_active", "success", flow_id=flow_id)
    assert services.round(services.scheduler) == 10


def test_a_new_version_does_not_run_again_what_an_agent_took_already(services: Any) -> None:
    api = services.api
    project_id = api.project()
    old = api.flow(project_id, schedule=schedule(clock()))
    services.round(services.scheduler)
    taken = runs(api, old, "id")[0]["id"]
    api.set_flow_state(taken, "Submitted")  # agents take runs a few seconds ahead of their time
    new = api.flow(project_id, schedule=schedule(clock()))
    services.round(services.scheduler)
    assert [row["id"] for row in runs(api, old, "id")] == [taken]
    assert runs(api, new)[0]["scheduled_start_time"].startswith("2030-01-02T05")


def test_runs_are_made_for_many_flows(services: Any) -> None:
    project_id = services.api.project()
    for number in range(120):
        services.api.flow(project_id, name=f"flow {number}", schedule=schedule(clock()), tasks=[], edges=[])
    assert services.round(services.scheduler) == 1200
    assert services.round(services.scheduler) == 0


def test_a_schedule_that_cannot_be_read_is_no_others_problem(
    services: Any, caplog: pytest.LogCaptureFixture
) -> None:
    project_id = services.api.project()
    services.api.flow(project_id, name="good", schedule=schedule(clock()))
    bad = services.api.flow(project_id, name="bad", schedule=schedule(clock()))
    services.api.write(
        lambda tx: tx.execute(
            "UPDATE flow SET schedule = :value WHERE id = :id",
            {"id": bad, "value": '{"clocks": [{"type": "No"}]}'},
        )
    )
    assert services.round(services.scheduler) == 10
    services.round(services.scheduler)
    assert sum(bad in record.getMessage() for record in caplog.records) == 1


def test_archived_flows_are_left_alone(services: Any) -> None:
    flow_id = services.api.flow(schedule=schedule(clock()))
    services.api.mutate("archive_flow", "success", flow_id=flow_id)
    assert services.round(services.scheduler) == 0


@pytest.mark.parametrize("seconds", [0, 3600 * 24 * 200])
def test_wall_time_holds_over_the_change_of_the_clocks(services: Any, seconds: int) -> None:
    services.move(seconds)
    daily = {
        "type": "CronClock",
        "cron": "30 1 * * *",
        "start_date": {"dt": "2030-01-01T00:00:00", "tz": "Europe/Berlin"},
    }
    flow_id = services.api.flow(schedule=schedule(daily))
    services.round(services.scheduler)
    times = [row["scheduled_start_time"] for row in runs(services.api, flow_id)]
    assert {time[11:16] for time in times} == ({"00:30"} if seconds == 0 else {"23:30"})
