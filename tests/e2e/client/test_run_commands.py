"""Commands for flow runs, schedules, limits and artifacts, with a real server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from prefect import Client

Prefect = Callable[..., "subprocess.CompletedProcess[str]"]


def waiting_run(prefect: Prefect, project: str, name: str, *words: str) -> str:
    """Id of a run that no agent takes."""
    more = ("--run-name", name, "--label", "nobody", *words)
    return prefect("run", "-n", "doubled", "--project", project, "--quiet", *more).stdout.strip()


def state_of(client: Client, run_id: str) -> str:
    return client.graphql(f'query {{ flow_run_by_pk(id: "{run_id}") {{ state }} }}').data.flow_run_by_pk.state


def test_runs_are_cancelled_by_name_and_all_of_a_flow_at_once(
    prefect: Prefect, registered: str, client: Client
) -> None:
    first = waiting_run(prefect, registered, "first-of-many")
    done = prefect("cancel", "first-of-many")
    assert done.stdout == f"first-of-many ({first}) is Cancelled.\n"
    again = prefect("cancel", first)
    assert (again.returncode, again.stdout) == (5, "")
    assert "it had ended" in again.stderr
    ids = {waiting_run(prefect, registered, f"many-{n}") for n in range(2)}
    words = ("cancel", "--flow", "doubled", "--project", registered)
    assert prefect(*words, "--dry-run").stdout.count("would be cancelled") == 2
    assert {state_of(client, run_id) for run_id in ids} == {"Scheduled"}
    assert prefect(*words).returncode == 0
    assert {state_of(client, run_id) for run_id in ids} == {"Cancelled"}
    assert "No run of that flow is under way." in prefect(*words).stderr


def test_what_failed_runs_again_and_what_succeeded_stays(
    prefect: Prefect, project: str, tmp_path: Path, client: Client
) -> None:
    (tmp_path / "flaky.py").write_text(
        "from pathlib import Path\nfrom prefect import Flow, task\n"
        "from prefect.engine.results import LocalResult\n"
        "@task\ndef once():\n"
        f"    with open({str(tmp_path / 'calls')!r}, 'a') as file: file.write('x')\n"
        "@task\ndef needs_file():\n"
        f"    assert Path({str(tmp_path / 'there')!r}).exists()\n"
        "with Flow('flaky', result=LocalResult()) as flow: needs_file(upstream_tasks=[once()])\n"
    )
    assert prefect("register", "--project", project, "-p", "flaky.py").returncode == 0
    failed = prefect("run", "-n", "flaky", "--project", project, "--execute", "--run-name", "shaky")
    assert failed.returncode == 1
    (tmp_path / "there").touch()
    done = prefect("restart", "shaky", "--execute")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is Scheduled; 1 task run will run again." in done.stdout
    assert (tmp_path / "calls").read_text() == "x"


def test_a_restarted_run_is_followed_from_the_restart_on(
    prefect: Prefect, registered: str, agent: list[str]
) -> None:
    words = ("run", "-n", "failing", "--project", registered, "--run-name", "again", "--watch")
    assert prefect(*words).returncode == 1
    done = prefect("restart", "again", "--watch")
    assert done.returncode == 1, done.stderr
    told = [line.split(" | ", 2)[2] for line in done.stdout.splitlines() if " | " in line]
    states = [text.split(">")[0] for text in told if text.startswith("Entered state <")]
    assert states == [
        "Entered state <Scheduled",
        "Entered state <Submitted",
        "Entered state <Running",
        "Entered state <Failed",
    ]
    assert len(agent) == 2


def test_a_run_that_has_not_ended_is_not_restarted(prefect: Prefect, registered: str) -> None:
    run_id = waiting_run(prefect, registered, "not-yet")
    done = prefect("restart", run_id)
    assert done.returncode == 5
    assert f"prefect cancel {run_id}" in done.stderr


def test_states_are_set_by_hand(prefect: Prefect, registered: str, client: Client) -> None:
    run_id = waiting_run(prefect, registered, "by-hand")
    assert prefect("set-state", "by-hand", "failed", "-m", "no budget").stdout == "by-hand is Failed.\n"
    found = client.graphql(f'query {{ flow_run_by_pk(id: "{run_id}") {{ state state_message }} }}')
    assert found.data.flow_run_by_pk.to_dict() == {"state": "Failed", "state_message": "no budget"}
    wrong = prefect("set-state", "by-hand", "finished")
    assert wrong.returncode == 2


def test_why_tells_what_is_in_the_way_of_a_run(prefect: Prefect, registered: str) -> None:
    waiting_run(prefect, registered, "lonely")
    rows = json.loads(prefect("why", "lonely", "-o", "json").stdout)
    assert rows[0]["code"] in ("NO_AGENT", "NO_MATCHING_AGENT")
    assert prefect("why", "lonely").stdout.startswith("CODE\tWHY\n")


def test_the_log_of_a_run_is_printed_filtered_and_followed(prefect: Prefect, registered: str) -> None:
    words = ("run", "-n", "failing", "--project", registered, "--execute", "--run-name", "talker")
    assert prefect(*words).returncode == 1
    lines = [json.loads(line) for line in prefect("logs", "talker", "-o", "jsonl").stdout.splitlines()]
    assert "Flow run FAILED: some reference tasks failed." in [line["message"] for line in lines]
    errors = prefect("logs", "talker", "--level", "error", "-o", "jsonl").stdout.splitlines()
    assert [json.loads(line)["level"] for line in errors] == ["ERROR"]
    last = prefect("logs", "talker", "--tail", "1", "-o", "jsonl").stdout.splitlines()
    assert json.loads(last[0]) == lines[-1]
    own = prefect("logs", "talker", "--logger", "prefect.CloudFlowRunner", "-o", "jsonl").stdout.splitlines()
    assert {json.loads(line)["name"] for line in own} == {"prefect.CloudFlowRunner"}
    below = prefect("logs", "talker", "--logger", "prefect", "-o", "jsonl").stdout.splitlines()
    assert [json.loads(line) for line in below] == lines
    assert prefect("logs", "talker", "--logger", "pre", "-o", "jsonl").stdout == ""
    followed = prefect("logs", "talker", "-f")
    assert followed.returncode == 0
    assert followed.stdout.splitlines()[-1].endswith(lines[-1]["message"])
    watched = prefect("watch", "talker")
    assert watched.returncode == 1
    assert watched.stdout.splitlines()[-1] == "Flow run failed!"


def test_a_run_is_followed_by_its_name_while_an_agent_runs_it(
    prefect: Prefect, registered: str, agent: list[str]
) -> None:
    words = ("run", "-n", "doubled", "--project", registered, "--quiet", "--run-name", "followed")
    run_id = prefect(*words).stdout.strip()
    done = prefect("logs", run_id, "-f")
    assert done.returncode == 0
    told = [line.split("  ", 2)[2].strip() for line in done.stdout.splitlines()]
    assert [text for text in told if text.startswith("doubling")] == [f"doubling {n}" for n in range(3)]
    assert not any(text.startswith("Entered state") for text in told)


def test_the_log_of_a_run_that_has_just_ended_is_followed_too(prefect: Prefect, registered: str) -> None:
    words = ("run", "-n", "doubled", "--project", registered, "--execute", "--run-name", "ended")
    assert prefect(*words).returncode == 0
    for follow in (("logs", "ended", "-f"), ("logs", "ended", "-f", "--level", "INFO")):
        done = prefect(*follow)
        told = [line.split("  ", 2)[2].strip() for line in done.stdout.splitlines()]
        assert [text for text in told if text.startswith("doubling")] == [f"doubling {n}" for n in range(3)]
    assert "doubling" not in prefect("watch", "ended").stdout


def test_limits_are_set_listed_and_removed(prefect: Prefect) -> None:
    def limits() -> set[tuple[str, str, int, int]]:
        rows = json.loads(prefect("concurrency", "list", "-o", "json").stdout)
        found = {(row["kind"], row["name"], row["limit"], row["usage"]) for row in rows}
        return {limit for limit in found if limit[1] in ("database", "gpu")}

    assert prefect("concurrency", "set", "--tag", "database", "5").returncode == 0
    assert prefect("concurrency", "set", "--label", "gpu", "1").returncode == 0
    assert limits() == {("label", "gpu", 1, 0), ("tag", "database", 5, 0)}
    for words in (("--tag", "database"), ("--label", "gpu")):
        assert prefect("concurrency", "delete", *words).returncode == 0
    assert limits() == set()
    gone = prefect("concurrency", "delete", "--tag", "database")
    assert gone.returncode == 3
    assert prefect("concurrency", "set", "5").returncode == 2


def test_a_schedule_is_paused_and_resumed(prefect: Prefect, project: str, tmp_path: Path) -> None:
    (tmp_path / "often.py").write_text(
        "import datetime\nfrom prefect import Flow, Task\nfrom prefect.schedules import IntervalSchedule\n"
        "every_day = IntervalSchedule(interval=datetime.timedelta(days=1))\n"
        "flow = Flow('often', tasks=[Task('x')], schedule=every_day)\n"
        "never = Flow('never', tasks=[Task('x')])\n"
    )
    assert prefect("register", "--project", project, "-p", "often.py").returncode == 0
    words = ("--project", project)

    def status() -> dict[str, bool]:
        rows = json.loads(prefect("schedule", "list", *words, "-o", "json").stdout)
        return {row["name"]: row["is_schedule_active"] for row in rows}

    assert status() == {"often": True}
    assert prefect("schedule", "pause", "often", *words).stdout == "The schedule of 'often' is paused.\n"
    assert status() == {"often": False}
    assert prefect("schedule", "resume", "often", *words).stdout == "The schedule of 'often' is active.\n"
    assert status() == {"often": True}
    refused = prefect("schedule", "pause", "never", *words)
    assert refused.returncode == 5
    assert "has no schedule" in refused.stderr
    mistyped = prefect("schedule", "pause", "oftn", *words)
    assert mistyped.returncode == 3
    assert "Did you mean 'often'" in mistyped.stderr


def test_times_without_a_run_are_filled_up_once(
    prefect: Prefect, project: str, tmp_path: Path, client: Client
) -> None:
    (tmp_path / "daily.py").write_text(
        "from prefect import Flow, Parameter\nfrom prefect.schedules import Schedule\n"
        "from prefect.schedules.clocks import CronClock\n"
        "clock = CronClock('0 6 * * *', parameter_defaults={'region': 'north'}, labels=['nobody'])\n"
        "with Flow('daily', schedule=Schedule(clocks=[clock])) as flow:\n"
        "    Parameter('region', default=''), Parameter('days', default=1)\n"
    )
    assert prefect("register", "--project", project, "-p", "daily.py").returncode == 0
    words = (
        "schedule",
        "backfill",
        "daily",
        "--project",
        project,
        "--from",
        "2026-03-01",
        "--to",
        "2026-03-04",
    )
    times = [f"2026-03-0{day}T06:00:00+00:00" for day in (1, 2, 3)]
    planned = json.loads(prefect(*words, "--dry-run", "-o", "json").stdout)
    assert [(row["scheduled_start_time"], row["id"]) for row in planned] == [(time, None) for time in times]
    made = json.loads(prefect(*words, "--param", "days=2", "-o", "json").stdout)
    assert [row["scheduled_start_time"] for row in made] == times
    fields = "scheduled_start_time parameters labels state"
    runs = client.graphql(
        f"query($ids: [uuid!]) {{ flow_run(where: {{ id: {{ _in: $ids }} }}) {{ {fields} }} }}",
        variables={"ids": [row["id"] for row in made]},
    ).data.flow_run
    assert sorted(run.scheduled_start_time[:10] for run in runs) == [time[:10] for time in times]
    for run in runs:
        assert (run.parameters.to_dict(), run.labels) == ({"region": "north", "days": 2}, ["nobody"])
        assert run.state == "Scheduled"
    again = prefect(*words)
    assert (again.returncode, again.stdout) == (0, "")
    assert "No time of the schedule is without a run." in again.stderr
    assert prefect("schedule", "backfill", "daily", "--from", "some day").returncode == 2


def test_artifacts_are_listed_shown_and_deleted(prefect: Prefect, project: str, tmp_path: Path) -> None:
    (tmp_path / "leaving.py").write_text(
        "from prefect import Flow, task\n"
        "from prefect.backend.artifacts import create_link_artifact, create_markdown_artifact\n"
        "@task\ndef leave():\n"
        "    create_link_artifact('https://example.com/report')\n"
        "    create_markdown_artifact('# Title')\n"
        "with Flow('leaving') as flow: leave()\n"
    )
    assert prefect("register", "--project", project, "-p", "leaving.py").returncode == 0
    run = prefect("run", "-n", "leaving", "--project", project, "--execute", "--run-name", "leaver")
    assert run.returncode == 0, run.stdout + run.stderr
    rows = json.loads(prefect("artifact", "list", "leaver", "-o", "json").stdout)
    assert {row["kind"] for row in rows} == {"link", "markdown"}
    link = next(row for row in rows if row["kind"] == "link")
    assert prefect("artifact", "show", link["id"]).stdout == "https://example.com/report\n"
    assert json.loads(prefect("artifact", "show", link["id"], "-o", "json").stdout)["id"] == link["id"]
    assert prefect("artifact", "delete", link["id"]).returncode == 0
    assert prefect("artifact", "show", link["id"]).returncode == 3


@pytest.mark.parametrize(
    ("words", "page"),
    [
        (("open",), ""),
        (("logs", "shown", "--web"), "flow-run/{}"),
        (("open", "flow-run", "shown"), "flow-run/{}"),
    ],
)
def test_pages_are_printed_where_there_is_no_browser(
    prefect: Prefect, registered: str, url: str, words: tuple[str, ...], page: str
) -> None:
    run_id = waiting_run(prefect, registered, "shown")
    assert prefect(*words).stdout.strip() == f"{url}/default/{page.format(run_id)}".rstrip("/")


def test_names_are_completed_as_the_server_knows_them(
    prefect: Prefect, registered: str, tmp_path: Path
) -> None:
    run_id = waiting_run(prefect, registered, "completed-name")
    home = {"PREFECT__HOME_DIR": str(tmp_path / "home"), "_PREFECT_COMPLETE": "bash_complete"}

    def complete(*words: str) -> list[str]:
        done = prefect(COMP_WORDS=" ".join(["prefect", *words]), COMP_CWORD=str(len(words)), **home)
        return [line.removeprefix("plain,") for line in done.stdout.splitlines() if line]

    assert complete("cancel", "completed-n") == ["completed-name"]
    assert complete("schedule", "pause", "doub") == ["doubled"]
    assert complete("sched") == ["schedule"]
    assert {"run", "register", "cancel"} < set(complete(""))
    assert set(complete("schedule", "")) == {"list", "pause", "resume", "backfill"}
    assert "--follow" in complete("logs", run_id, "--fo")
    home["PREFECT__SERVER__ENDPOINT"] = "http://localhost:9"
    assert complete("cancel", "completed-n") == []


def test_flows_and_runs_are_deleted_after_a_dry_run(
    prefect: Prefect, registered: str, client: Client
) -> None:
    run_id = waiting_run(prefect, registered, "superfluous")
    assert "Nothing was." in prefect("delete", "flow-run", "superfluous", "--dry-run").stderr
    assert state_of(client, run_id) == "Scheduled"
    assert prefect("delete", "flow-run", run_id).stdout == "superfluous deleted\n"
    assert prefect("logs", run_id).returncode == 3
    words = ("delete", "flow", "doubled", "--project", registered)
    assert "1 version with all their runs" in prefect(*words, "--dry-run").stderr
    assert prefect(*words).stdout == "doubled deleted\n"
    gone = prefect(*words)
    assert gone.returncode == 3
    flows = json.loads(prefect("get", "flows", "--project", registered, "-o", "json").stdout)
    assert [row["name"] for row in flows] == ["failing"]


def test_agents_and_task_runs_are_listed(prefect: Prefect, registered: str, client: Client) -> None:
    client.register_agent(agent_type="LocalAgent", name="listed", labels=["a", "b"])
    rows = {row["name"]: row for row in json.loads(prefect("get", "agents", "-o", "json").stdout)}
    assert rows["listed"]["labels"] == ["a", "b"]
    words = ("run", "-n", "doubled", "--project", registered, "--execute", "--run-name", "with-tasks")
    assert prefect(*words).returncode == 0
    runs = json.loads(prefect("get", "task-runs", "-r", "with-tasks", "-o", "json").stdout)
    assert sorted((row["task"]["name"], row["map_index"]) for row in runs) == [
        ("double", -1),
        ("double", 0),
        ("double", 1),
        ("double", 2),
        ("n", -1),
        ("numbers", -1),
    ]
    assert (
        prefect("get", "task-runs", "-r", "with-tasks", "--state", "mapped", "-o", "id").stdout.count("\n")
        == 1
    )


def test_a_task_that_was_not_registered_says_so(
    prefect: Prefect, project: str, client: Client, tmp_path: Path
) -> None:
    file = tmp_path / "script.py"
    code = """
from prefect import Flow, task
from prefect.storage import Local

@task
def one():
    return 1

with Flow("script", storage=Local(path=__file__, stored_as_script=True)) as flow:
    one()
"""
    file.write_text(code)
    assert prefect("register", "--project", project, "-p", str(file)).returncode == 0
    file.write_text(code.replace("    one()\n", "    one(task_args={'name': 'two'})\n    one()\n"))
    done = prefect("run", "-n", "script", "--project", project, "--execute", "-o", "jsonl")
    assert done.returncode == 1
    assert (
        "The task 'two' is not in the version of the flow that was registered, but in the flow that was loaded. "
        "Register the flow again." in done.stdout
    )
