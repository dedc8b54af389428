"""Flows and history of a Prefect Server 1.x come into this server's database, and nothing changes there."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from prefect.cli import cli
from prefect.server.database.migrate import DatabaseRefused
from prefect.server.importing import Imported, import_from
from prefect.server.old_database import open_old_database

pytest.importorskip("psycopg")

from server_1x import TABLES_1X, OldServer  # after the driver it needs

NOW = datetime.datetime(2030, 1, 2, tzinfo=datetime.timezone.utc)
SCHEDULE = {"type": "Schedule", "clocks": [{"type": "IntervalClock", "interval": 3600000000}]}


@dataclass
class Old:
    """A Prefect Server 1.x of one tenant `example`, with two versions of the flow `etl` and some runs."""

    url: str
    server: OldServer
    tenant: str
    project: str
    group: str
    flows: list[str]
    runs: dict[str, str]


@pytest.fixture
def old_url(cluster: Any, tmp_path: Path) -> Iterator[str]:
    name = f"old_{abs(hash(tmp_path))}"
    yield cluster.create(name)
    cluster.drop(name)


@pytest.fixture
def old(old_url: str, flow_json: Any) -> Iterator[Old]:
    server = OldServer(old_url)
    tenant = server.add("tenant", name="Old name", slug="example")
    project = server.add("project", tenant_id=tenant, name="warehouse", description="loads")
    group = server.add(
        "flow_group", tenant_id=tenant, name="3f0d0b2c", settings={"heartbeat_enabled": True}, labels=["gpu"]
    )
    flow = flow_json(name="etl")
    first = server.add_flow(
        flow, tenant, project, group, version_group_id="3f0d0b2c", version=1, archived=True
    )
    second = server.add_flow(
        flow, tenant, project, group, version_group_id="3f0d0b2c", version=2, schedule=SCHEDULE, is_schedule_active=True
    )  # fmt: skip
    agent = server.add("agent", tenant_id=tenant, type="LocalAgent", labels=[])
    runs = {
        "old": server.add_run(first, tenant, "Success", "2022-03-01T01:02:03.5+02:00", agent_id=agent),
        "new": server.add_run(second, tenant, "Failed", "2022-11-01T00:00:00Z", parameters={"n": 1}),
        "waiting": server.add_run(second, tenant, "Scheduled", None),
    }
    server.add("cloud_hook", tenant_id=tenant, type="WEBHOOK")
    yield Old(old_url, server, tenant, project, group, [first, second], runs)
    server.close()


def run_import(old: Old, store: Any, **options: Any) -> Imported:
    with open_old_database(old.url) as database:
        return import_from(database, store, NOW, **options)


def test_flows_and_finished_runs_come_with_their_ids(old: Old, api: Any) -> None:
    before = {name: old.server.count(name) for name in TABLES_1X}
    outcome = run_import(old, api.store)

    assert outcome.rows == {
        "tenant": 0,
        "project": 1,
        "flow_group": 1,
        "flow": 2,
        "task": 6,
        "edge": 4,
        "flow_run": 2,
        "task_run": 6,
        "flow_run_state": 6,
        "task_run_state": 6,
        "task_run_artifact": 6,
        "log": 4,
    }
    assert (outcome.known["tenant"], outcome.unfinished, outcome.hooks, outcome.schedules) == (1, 1, 1, 1)
    assert {name: old.server.count(name) for name in TABLES_1X} == before

    flow = api.row(
        "flow",
        old.flows[1],
        "name version archived is_schedule_active schedule settings core_version project { id name } "
        "flow_group { id labels } tasks(order_by: {slug: asc}) { slug retry_delay max_retries } edges { mapped key }",
    )
    assert flow["project"] == {"id": old.project, "name": "warehouse"}
    assert flow["flow_group"] == {"id": old.group, "labels": ["gpu"]}
    assert (flow["version"], flow["archived"], flow["is_schedule_active"]) == (2, False, False)
    assert (flow["schedule"], flow["settings"], flow["core_version"]) == (
        SCHEDULE,
        {"heartbeat_enabled": True},
        "1.2.4",
    )
    assert flow["tasks"][0] == {"slug": "a", "retry_delay": "26:10:00", "max_retries": 2}
    assert len(flow["edges"]) == 2

    run = api.row(
        "flow_run", old.runs["old"], "state end_time agent_id flow_id name states { state version }"
    )
    assert run["end_time"] == "2022-02-28T23:02:03.500000+00:00"
    assert (run["state"], run["agent_id"], run["flow_id"], run["name"]) == (
        "Success",
        None,
        old.flows[0],
        "old Success",
    )
    assert sorted((one["version"], one["state"]) for one in run["states"]) == [
        (1, "Scheduled"),
        (2, "Running"),
        (3, "Success"),
    ]
    failed = api.row(
        "flow_run", old.runs["new"], "parameters serialized_state logs { message } task_runs { state }"
    )
    assert failed["parameters"] == {"n": 1}
    assert failed["serialized_state"] == {"type": "Failed", "message": "It is Failed."}
    assert sorted(line["message"] for line in failed["logs"]) == ["line 0", "line 1"]
    assert [one["state"] for one in failed["task_runs"]] == ["Failed"] * 3
    assert api.row("flow_run", old.runs["waiting"], "id") is None


def test_an_import_that_is_run_again_changes_nothing(old: Old, api: Any) -> None:
    first = run_import(old, api.store)
    api.mutate("archive_flow", "success", flow_id=old.flows[1])
    again = run_import(old, api.store)
    assert set(again.rows.values()) == {0}
    assert again.archived == []
    assert again.known["log"] == first.rows["log"]
    assert api.row("flow", old.flows[1], "archived") == {"archived": True}


def test_work_goes_on_with_what_came(old: Old, api: Any, flow_json: Any) -> None:
    run_import(old, api.store)
    assert len(api.task_runs(api.run(old.flows[1]))) == 3
    registered = api.mutate(
        "create_flow", project_id=old.project, serialized_flow=flow_json(name="etl", parameters=[])
    )
    columns = "version flow_group_id archived"
    assert api.row("flow", registered["id"], columns) == {
        "version": 3,
        "flow_group_id": old.group,
        "archived": False,
    }
    restarted = api.set_flow_state(old.runs["new"], "Scheduled", version=3)
    assert restarted["status"] == "SUCCESS"


def test_schedules_are_active_when_that_is_wanted(old: Old, api: Any) -> None:
    outcome = run_import(old, api.store, activates_schedules=True)
    assert outcome.schedules == 1
    assert api.row("flow", old.flows[1], "is_schedule_active") == {"is_schedule_active": True}


def test_flows_of_the_old_server_are_archived_where_they_were_registered_here_before(
    old: Old, api: Any, flow_json: Any
) -> None:
    project = api.project("warehouse")
    here = api.mutate("create_flow", project_id=project, serialized_flow=flow_json(name="etl"))["id"]
    outcome = run_import(old, api.store, activates_schedules=True)
    assert outcome.archived == ["etl"]
    flows = api.rows("flow", "id archived is_schedule_active project_id", "(order_by: {created: asc})")
    assert {row["id"]: row["archived"] for row in flows} == {
        here: False,
        old.flows[0]: True,
        old.flows[1]: True,
    }
    assert {row["project_id"] for row in flows} == {project}
    assert not any(row["is_schedule_active"] for row in flows)


def test_part_of_it_can_be_asked_for(old: Old, api: Any) -> None:
    second = old.server.add("tenant", name="Second", slug="second")
    old.server.add("project", tenant_id=second, name="warehouse")
    since = datetime.datetime(2022, 6, 1, tzinfo=datetime.timezone.utc)
    outcome = run_import(old, api.store, tenants=("example",), since=since, with_logs=False)
    assert (outcome.rows["project"], outcome.rows["flow_run"], outcome.older) == (1, 1, 1)
    assert "log" not in outcome.rows
    assert [run["id"] for run in api.rows("flow_run", "id")] == [old.runs["new"]]

    outcome = run_import(old, api.store, with_runs=False)
    assert (outcome.rows["tenant"], outcome.rows["project"]) == (1, 1)
    assert "flow_run" not in outcome.rows

    with pytest.raises(DatabaseRefused, match=re.escape("no tenant 'third'; it has: example, second")):
        run_import(old, api.store, tenants=("third",))


def test_an_older_server_has_fewer_columns_and_tables(old: Old, api: Any, cluster: Any) -> None:
    database = re.search(r"@/(\w+)", old.url).group(1)  # type: ignore[union-attr]
    for statement in (
        "DROP TABLE task_run_artifact, cloud_hook",
        "ALTER TABLE flow DROP COLUMN run_config",
        "ALTER TABLE flow_run DROP COLUMN run_config, DROP COLUMN labels, DROP COLUMN idempotency_key",
        "ALTER TABLE task DROP COLUMN is_root_task, DROP COLUMN tenant_id",
        "ALTER TABLE log DROP COLUMN tenant_id",
    ):
        cluster.execute(statement, database)
    outcome = run_import(old, api.store)
    assert (outcome.rows["flow_run"], outcome.rows["task"]) == (2, 6)
    assert api.row("flow_run", old.runs["new"], "labels run_config") == {"labels": [], "run_config": None}
    assert len(api.row("flow_run", old.runs["new"], "logs { id }")["logs"]) == 2

    old.server.add("tenant", name="Second", slug="second")
    with pytest.raises(DatabaseRefused, match="'task' of the old server has rows without a tenant"):
        run_import(old, api.store)


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        (["deployment"], "Prefect 2 or 3, whose flows are other programs"),
        (["server_meta"], "is one of this server already"),
        (["tenant", "project", "flow"], "has no table 'flow_group'"),
        ([], "has no table 'tenant'"),
    ],
)
def test_other_databases_are_refused(tables: list[str], words: str, old_url: str, cluster: Any) -> None:
    for name in tables:
        cluster.execute(f"CREATE TABLE {name} (id integer)", re.search(r"@/(\w+)", old_url).group(1))  # type: ignore[union-attr]
    with pytest.raises(DatabaseRefused, match=re.escape(words)), open_old_database(old_url):
        pass


def test_nothing_can_be_written_there(old: Old) -> None:
    with pytest.raises(DatabaseRefused, match="read-only"), open_old_database(old.url) as database:
        database._connection.execute("DELETE FROM log")
    assert old.server.count("log") == 6


def test_the_command_says_what_came_and_what_stays(old: Old, tmp_path: Path) -> None:
    words = ["server", "import", "--from", old.url, "--data-dir", str(tmp_path)]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    assert re.search(r"flow runs +2 +0\n", done.output)
    assert "The schedules of 1 flow are off." in done.output
    assert "1 flow runs that have not finished" in done.output

    done = CliRunner().invoke(cli, [*words, "--tenant", "nobody"])
    assert (done.exit_code, "no tenant 'nobody'" in done.output) == (5, True)
    done = CliRunner().invoke(cli, ["server", "import", "--from", "postgresql://u:secret@127.0.0.1:9/x"])
    assert done.exit_code == 5
    assert "secret" not in done.output
    assert "cannot be read" in done.output


def test_a_server_that_is_pointed_at_the_old_database_names_the_import(old: Old, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        cli, ["server", "create-user", "me", "--postgres-url", old.url, "--data-dir", str(tmp_path)]
    )
    assert done.exit_code == 5
    assert "belongs to Prefect Server 1" in done.output
    assert "prefect server import --from" in done.output
