"""Registered flows run to their end, by an agent and without one, on SQLite and on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest
from matrix_site import Site


@pytest.fixture(params=["agentless", "by_agent"])
def how(request: pytest.FixtureRequest) -> str:
    """Who runs it."""
    return str(request.param)


def run(site: Site, how: str, flow: str, *words: str, ends: str = "Success") -> str:
    """The id of a run that ended as it should."""
    if how == "agentless":
        run_id = site.agentless(flow, *words, fails=ends != "Success")
    else:
        run_id = site.by_agent(flow, *words)
    assert site.ended(run_id) == ends, site.log(run_id)
    return run_id


def test_a_run_leaves_states_results_and_log(site: Site, how: str) -> None:
    run_id = run(site, how, "sums", "--param", "n=4")
    assert site.task_runs(run_id) == {
        "n": "Success",
        "numbers-1": "Success",
        "inc-1": "Mapped",
        **{f"inc-1[{index}]": "Success" for index in range(4)},
        "total-1": "Success",
    }
    assert site.history(run_id, "total-1") == ["Pending", "Running", "Success"]
    assert site.result(run_id, "total-1") == 10
    assert site.result(run_id, "inc-1") == [1, 2, 3, 4]
    log = site.logged(run_id, "Flow run SUCCESS: all reference tasks succeeded")
    assert log.count("adding 4 numbers") == 1


def test_a_task_that_fails_fails_its_run_and_says_why(site: Site, how: str) -> None:
    run_id = run(site, how, "failing", ends="Failed")
    assert site.task_runs(run_id) == {"fail-1": "Failed", "inc-1": "TriggerFailed"}
    assert site.state(run_id)[1] == "Some reference tasks failed."
    assert "ValueError: it does not work" in site.logged(run_id, "Flow run FAILED")


def test_a_task_is_retried(site: Site, how: str) -> None:
    run_id = run(site, how, "retrying")
    attempts = ["Running", "Failed", "Retrying"] * 2 + ["Running", "Success"]
    assert site.history(run_id, "flaky-1") == ["Pending", *attempts]
    assert site.result(run_id, "inc-1") == 2


def test_a_task_is_mapped_a_thousand_times(site: Site) -> None:
    run_id = run(site, "by_agent", "sums", "--param", "n=1000")
    states = site.task_runs(run_id)
    assert [states.pop(f"inc-1[{index}]") for index in range(1000)] == ["Success"] * 1000
    assert states == {"n": "Success", "numbers-1": "Success", "inc-1": "Mapped", "total-1": "Success"}
    assert site.result(run_id, "total-1") == sum(range(1, 1001))


def test_a_task_loops(site: Site, how: str) -> None:
    run_id = run(site, how, "looping")
    assert site.history(run_id, "count_to-1").count("Looped") == 3
    assert site.task_runs(run_id) == {"count_to-1": "Success", "inc-1": "Success"}
    assert site.result(run_id, "inc-1") == 5


def test_a_later_run_takes_what_an_earlier_one_cached(site: Site, how: str, tmp_path: Path) -> None:
    key = tmp_path / "key"
    first, second = (run(site, how, "caching", "--param", f"key={key}") for _ in range(2))
    assert site.history(first, "expensive-1") == ["Pending", "Running", "Success", "Cached"]
    assert site.history(second, "expensive-1") == ["Pending", "Cached"]
    assert site.result(second, "expensive-1") == "made for key"
    assert key.read_text() == "ran\n"


def test_a_task_that_takes_too_long_times_out(site: Site, how: str) -> None:
    run_id = run(site, how, "slow", ends="Failed")
    assert site.task_runs(run_id) == {"too_slow-1": "TimedOut", "inc-1": "TriggerFailed"}


def test_a_run_makes_another_one_and_takes_its_result(site: Site, how: str) -> None:
    run_id = run(site, how, "parent")
    [child] = site.rows(
        "query($id: uuid!) { flow_run(where: { parent_task_run: { flow_run_id: { _eq: $id } } }) { id name state } }",
        id=run_id,
    )["flow_run"]
    assert (child["name"], child["state"]) == ("a child", "Success")
    assert site.result(child["id"], "total-1") == 10
    assert site.result(run_id, "inc-1") == 11
    assert "adding 4 numbers" in site.logged(child["id"], "Flow run SUCCESS")
