"""Schedules are switched on and off, and set for flow groups."""

from __future__ import annotations

from typing import Any

import pytest

from prefect.server.domain.schedules import load_schedule

_CRON = {"type": "CronClock", "cron": "0 9 * * *", "start_date": None, "__version__": "1.4.1"}
_SCHEDULE = {"clocks": [_CRON], "filters": [], "adjustments": [], "__version__": "1.4.1"}


def _auto(api: Any, run_id: str) -> None:
    api.write(
        lambda tx: tx.execute(
            "UPDATE flow_run SET auto_scheduled = :y WHERE id = :id", {"y": True, "id": run_id}
        )
    )


def test_a_flow_with_a_schedule_is_active_unless_it_is_registered_otherwise(api: Any, flow_json: Any) -> None:
    active = api.flow(schedule=_SCHEDULE)
    without = api.flow()
    told_not_to = api.mutate(
        "create_flow",
        project_id=api.project("p"),
        serialized_flow=flow_json(schedule=_SCHEDULE),
        set_schedule_active=False,
    )["id"]

    columns = "is_schedule_active"
    assert api.row("flow", active, columns)[columns] is True
    assert api.row("flow", without, columns)[columns] is False
    assert api.row("flow", told_not_to, columns)[columns] is False


def test_without_a_schedule_activation_fails_without_an_error(api: Any) -> None:
    assert api.mutate("set_schedule_active", "success error", flow_id=api.flow()) == {
        "success": False,
        "error": None,
    }


def test_activation_needs_a_value_for_every_required_parameter_from_every_clock(
    api: Any, failure: Any
) -> None:
    parameters = [{"name": "n", "slug": "n", "default": None, "required": True}]
    lacking = api.flow(schedule=_SCHEDULE, parameters=parameters)
    with pytest.raises(
        failure, match=r"^BAD_USER_INPUT: Can not schedule a flow that has required parameters.$"
    ):
        api.mutate("set_schedule_active", "success", flow_id=lacking)
    assert api.row("flow", lacking, "is_schedule_active") == {"is_schedule_active": False}

    given = {**_CRON, "parameter_defaults": {"n": 1}}
    half = api.flow(schedule={**_SCHEDULE, "clocks": [given, _CRON]}, parameters=parameters)
    with pytest.raises(failure, match="required parameters"):
        api.mutate("set_schedule_active", "success", flow_id=half)

    whole = api.flow(schedule={**_SCHEDULE, "clocks": [given]}, parameters=parameters)
    assert api.mutate("set_schedule_active", "success", flow_id=whole) == {"success": True}

    group_id = api.row("flow", lacking, "flow_group_id")["flow_group_id"]
    api.mutate("set_flow_group_default_parameters", "success", flow_group_id=group_id, parameters={"n": 2})
    assert api.mutate("set_schedule_active", "success", flow_id=lacking) == {"success": True}


def test_deactivation_deletes_the_runs_that_the_schedule_made_and_nobody_took(api: Any) -> None:
    flow_id = api.flow(schedule=_SCHEDULE)
    by_schedule, by_hand, taken = (api.run(flow_id) for _ in range(3))
    _auto(api, by_schedule)
    _auto(api, taken)
    api.set_flow_state(taken, "Submitted")

    api.mutate("set_schedule_inactive", "success", flow_id=flow_id)

    assert {row["id"] for row in api.rows("flow_run", "id")} == {by_hand, taken}
    assert api.row("flow", flow_id, "is_schedule_active") == {"is_schedule_active": False}


def test_a_group_schedule_replaces_what_was_scheduled(api: Any) -> None:
    flow_id = api.flow()
    group_id = api.row("flow", flow_id, "flow_group_id")["flow_group_id"]
    run_id = api.run(flow_id)
    _auto(api, run_id)

    api.mutate(
        "set_flow_group_schedule",
        "success",
        flow_group_id=group_id,
        cron_clocks=[{"cron": "30 8 * * *", "parameter_defaults": {"a": 1}}],
        interval_clocks=[{"interval": 3600}],
        timezone="Europe/Berlin",
    )

    stored = api.row("flow_group", group_id, "schedule")["schedule"]
    assert stored["type"] == "Schedule"
    cron, interval = stored["clocks"]
    assert (cron["type"], cron["cron"], cron["parameter_defaults"]) == ("CronClock", "30 8 * * *", {"a": 1})
    assert cron["start_date"]["tz"] == "Europe/Berlin"
    assert interval["interval"] == 3_600_000_000
    hours = {
        (event.hour, event.minute) for event in load_schedule({"clocks": [cron]}).next(3, after=api.now[0])
    }
    assert hours == {(8, 30)}
    assert api.rows("flow_run", "id") == []
    assert api.mutate("set_schedule_active", "success", flow_id=flow_id) == {"success": True}

    api.mutate("delete_flow_group_schedule", "success", flow_group_id=group_id)
    assert api.row("flow_group", group_id, "schedule") == {"schedule": None}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"cron_clocks": [{"cron": "every day"}]}, "schedule cannot be used"),
        ({"interval_clocks": [{"interval": 59}]}, "60 seconds"),
        ({"cron_clocks": [{"cron": "* * * * *"}], "timezone": "Mars/Olympus"}, "no time zone"),
        ({}, "at least one clock"),
        ({"rrule_clocks": [{"rrule": "FREQ=OFTEN"}]}, "no recurrence rule"),
        ({"rrule_clocks": [{"rrule": "BYDAY=MO"}]}, "no recurrence rule"),
        ({"rrule_clocks": [{"rrule": "FREQ=SECONDLY"}]}, "FREQ is one of"),
        ({"rrule_clocks": [{"rrule": "FREQ=DAILY;UNTIL=20200101"}]}, "never fires"),
        ({"rrule_clocks": [{"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}]}, "never fires"),
        ({"rrule_clocks": [{"rrule": 7}]}, "rrule is a text"),
        ({"rrule_clocks": [{"rrule": {"type": "rrule", "rr": "nothing"}}]}, "schedule cannot be used"),
        ({"rrule_clocks": [{"rrule": "FREQ=DAILY;BYDAY=" + ",".join(["MO"] * 400)}]}, "characters at most"),
        ({"rrule_clocks": [{"rrule": "FREQ=DAILY", "parameter_defaults": [1]}]}, "JSON object"),
        ({"interval_clocks": [{"interval": 60}] * 51}, "50 clocks at most"),
    ],
)
def test_a_group_schedule_that_cannot_run_is_refused(
    api: Any, failure: Any, values: dict[str, Any], words: str
) -> None:
    group_id = api.row("flow", api.flow(), "flow_group_id")["flow_group_id"]
    with pytest.raises(failure, match=words):
        api.mutate("set_flow_group_schedule", "success", flow_group_id=group_id, **values)
    assert api.row("flow_group", group_id, "schedule") == {"schedule": None}


def test_a_rule_is_stored_as_clients_register_it_and_gives_its_runs_parameters_and_labels(api: Any) -> None:
    group_id = api.row("flow", api.flow(), "flow_group_id")["flow_group_id"]
    rule = "FREQ=MONTHLY;BYDAY=1MO;BYHOUR=9;BYMINUTE=30;BYSECOND=0"
    given = {"parameter_defaults": {"a": 1}, "labels": ["gpu"]}
    api.mutate(
        "set_flow_group_schedule",
        "success",
        flow_group_id=group_id,
        rrule_clocks=[{"rrule": rule, **given}],
        timezone="Asia/Kolkata",
    )
    (clock,) = api.row("flow_group", group_id, "schedule")["schedule"]["clocks"]
    assert clock["type"] == "RRuleClock"
    assert (clock["parameter_defaults"], clock["labels"]) == ({"a": 1}, ["gpu"])
    event = load_schedule({"clocks": [clock]}).next(1, after=api.now[0], return_events=True)[0]
    assert (event.start_time.hour, event.start_time.minute, event.start_time.isoweekday()) == (9, 30, 1)
    assert event.start_time.day <= 7
    assert event.start_time.utcoffset().total_seconds() == 5.5 * 3600
    assert (event.parameter_defaults, event.labels) == ({"a": 1}, ["gpu"])

    again = [{"rrule": clock["rrule_obj"], **given}]
    api.mutate("set_flow_group_schedule", "success", flow_group_id=group_id, rrule_clocks=again)
    assert (
        api.row("flow_group", group_id, "schedule")["schedule"]["clocks"][0]["rrule_obj"]
        == clock["rrule_obj"]
    )


def test_a_schedule_is_looked_at_before_it_is_set(api: Any, failure: Any) -> None:
    document = (
        "query($args: schedule_preview_args!) "
        "{ schedule_preview(args: $args) { start_time parameter_defaults labels } }"
    )
    args = {
        "cron_clocks": [{"cron": "0 9 * * *", "labels": ["x"]}],
        "interval_clocks": [{"interval": 86400, "parameter_defaults": {"n": 1}}],
        "rrule_clocks": [{"rrule": "FREQ=DAILY;BYHOUR=21;BYMINUTE=0;BYSECOND=0"}],
        "count": 6,
    }
    found = api(document, {"args": args})["schedule_preview"]
    assert len(found) == 6
    assert [one["start_time"] for one in found] == sorted(one["start_time"] for one in found)
    assert {tuple(one["labels"] or ()) for one in found} == {("x",), ()}
    assert {"n": 1} in [one["parameter_defaults"] for one in found]
    for count in (0, 101):
        with pytest.raises(failure, match="count is 1 to 100"):
            api(document, {"args": {**args, "count": count}})
    with pytest.raises(failure, match="schedule cannot be used"):
        api(document, {"args": {"cron_clocks": [{"cron": "61 * * * *"}]}})
