"""Runs that somebody steers: approved, cancelled, restarted, started by the clock. SQLite and PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest
from matrix_site import Site


def test_a_run_goes_on_when_its_pause_is_approved(site: Site) -> None:
    run_id = site.by_agent("pausing")
    site.until(lambda: site.task_runs(run_id)["by_hand-1"] == "Paused", run_id=run_id)
    assert site.task_runs(run_id) == {"inc-1": "Success", "by_hand-1": "Paused", "inc-2": "Pending"}
    site.prefect("set-state", site.task_run_id(run_id, "by_hand-1"), "Resume")
    assert site.ended(run_id) == "Success", site.log(run_id)
    assert site.result(run_id, "inc-2") == 201
    assert site.history(run_id, "inc-1") == ["Pending", "Running", "Success"]


def test_a_run_is_cancelled_and_its_task_can_clean_up(site: Site, tmp_path: Path) -> None:
    run_id = site.by_agent("stoppable", "--param", f"marks={tmp_path}")
    site.until((tmp_path / "runs").exists, run_id=run_id)
    site.prefect("cancel", run_id)
    assert site.ended(run_id) == "Cancelled"
    assert (tmp_path / "stopped").exists()
    assert site.task_runs(run_id) == {
        "marks": "Success",
        "sleep_until_stopped-1": "Cancelled",
        "inc-1": "Cancelled",
    }


@pytest.mark.parametrize("how", ["agentless", "by_agent"])
def test_a_failed_run_is_restarted_where_it_failed(site: Site, tmp_path: Path, how: str) -> None:
    words = ("restartable", "--param", f"marks={tmp_path}")
    run_id = site.agentless(*words, fails=True) if how == "agentless" else site.by_agent(*words)
    assert site.ended(run_id) == "Failed"
    assert site.task_runs(run_id)["total-1"] == "TriggerFailed"
    site.prefect("restart", run_id, "--execute" if how == "agentless" else "--watch")
    assert site.ended(run_id) == "Success"
    assert site.result(run_id, "total-1") == 30
    assert site.result(run_id, "fail_once_for_one-1") == [0, 10, 20]
    assert site.result(run_id, "inc-1") == [1, 1, 2, 2]
    assert site.history(run_id, "inc-1[0]")[:2] == ["Pending", "TriggerFailed"]
    assert sorted((tmp_path / "ran").read_text().split()) == ["0", "1", "2"]
    assert site.history(run_id, "numbers-1") == ["Pending", "Running", "Success"]


@pytest.mark.parametrize(("clock", "x"), [("interval", 1), ("cron", 2), ("dates", 3), ("rule", 4)])
def test_a_clock_starts_a_run_with_its_parameters(site: Site, clock: str, x: int) -> None:
    document = (
        "query($name: String!) { flow_run(where: { flow: { name: { _eq: $name } }, auto_scheduled: { _eq: true } }, "
        "order_by: [{ scheduled_start_time: asc }]) { id state parameters scheduled_start_time start_time } }"
    )

    def runs() -> list[dict[str, str]]:
        found: list[dict[str, str]] = site.rows(document, name=f"by {clock}")["flow_run"]
        return found

    site.until(runs)
    first = runs()[0]
    assert site.ended(first["id"]) == "Success", site.log(first["id"])
    first, *later = runs()
    assert first["parameters"] == {"x": x}
    assert first["start_time"] >= first["scheduled_start_time"][:19]
    assert site.result(first["id"], "inc-1") == x + 1
    assert {run["state"] for run in later} <= {"Scheduled"}
    assert bool(later) == (clock != "dates")
