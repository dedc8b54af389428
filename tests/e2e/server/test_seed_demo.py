"""`prefect server seed-demo`: what it leaves, through the API."""

from __future__ import annotations

import asyncio
import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from prefect.cli import cli
from prefect.server.app import open_database
from prefect.server.graphql.execute import Executor, Request
from prefect.server.security.caller import Caller
from prefect.server.settings import ServerSettings


def _seed(directory: Path, *more: str) -> Any:
    arguments = ["server", "seed-demo", "--data-dir", str(directory), "--mapped", "60", "--days", "1", *more]
    return CliRunner().invoke(cli, arguments)


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a database with the demo in it."""
    directory = tmp_path_factory.mktemp("demo")
    result = _seed(directory, "--tasks", "45", "--log-lines", "120")
    assert result.exit_code == 0, result.output
    return directory


def _ask(directory: Path, document: str) -> Any:
    settings = ServerSettings(directory)
    store = open_database(settings)
    try:
        tenant = store.read_sync(lambda tx: tx.scalar("SELECT id FROM tenant"))
        executor = Executor(store, lambda: datetime.datetime.now(datetime.timezone.utc), settings.limits)
        reply = asyncio.run(
            executor.execute(Request(document, {}), Caller(tenant, "admin", tenants=(tenant,)))
        )
        return json.loads(reply.body)["data"]
    finally:
        store.close()


def test_runs_of_every_kind_are_there(seeded: Path) -> None:
    data = _ask(seeded, "{ flow_run(limit: 1000) { state flow { name } } }")
    states = {run["state"] for run in data["flow_run"]}
    assert states == {"Success", "Failed", "Running", "Paused", "Cancelled", "Scheduled"}


def test_the_largest_map_has_as_many_children_as_was_said_and_one_of_them_failed(seeded: Path) -> None:
    data = _ask(
        seeded,
        '{ task_run(where: {state: {_eq: "Failed"}, map_index: {_eq: 40}, task: {name: {_eq: "score"}}}) '
        "{ state_message flow_run { state task_runs_aggregate(where: {map_index: {_gte: 0}}) { aggregate { count } } } } }",
    )
    [failed] = data["task_run"]
    assert failed["flow_run"] == {"state": "Failed", "task_runs_aggregate": {"aggregate": {"count": 60}}}


def test_a_run_without_a_slot_says_which_run_holds_it(seeded: Path) -> None:
    data = _ask(
        seeded,
        '{ waiting: flow_run(where: {state: {_eq: "Scheduled"}, flow: {name: {_eq: "train-model"}}}) { id } '
        'running: flow_run(where: {state: {_eq: "Running"}, flow: {name: {_eq: "train-model"}}}) { id } }',
    )
    why = _ask(seeded, f'{{ why_not_running(flow_run_id: "{data["waiting"][0]["id"]}") {{ code data }} }}')
    [slot] = [reason for reason in why["why_not_running"] if reason["code"] == "NO_SLOT"]
    assert slot["data"]["flow_run_ids"] == [data["running"][0]["id"]]


def test_children_of_a_run_lead_to_it(seeded: Path) -> None:
    data = _ask(
        seeded,
        "{ flow_run(where: {parent_task_run_id: {_is_null: false}}) { parent_task_run { task { name } } } }",
    )
    assert [run["parent_task_run"]["task"]["name"] for run in data["flow_run"]] == ["start children"] * 2


def test_a_large_flow_and_a_long_log_are_made_when_asked_for(seeded: Path) -> None:
    data = _ask(
        seeded,
        '{ flow(where: {name: {_eq: "very-large"}}) { tasks_aggregate { aggregate { count } } } '
        'log_aggregate(where: {message: {_like: "Round %"}}) { aggregate { count } } }',
    )
    assert data["flow"][0]["tasks_aggregate"]["aggregate"]["count"] == 45
    assert data["log_aggregate"]["aggregate"]["count"] == 120


def test_a_database_is_not_filled_twice(seeded: Path) -> None:
    result = _seed(seeded)
    assert result.exit_code == 5
    assert "already" in result.output
