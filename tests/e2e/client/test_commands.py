from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from prefect import Client
from prefect.backend import FlowRunView, FlowView
from prefect.engine.state import Running

Prefect = Callable[..., "subprocess.CompletedProcess[str]"]


def test_projects_are_made_once_listed_and_deleted(prefect: Prefect) -> None:
    assert prefect("create", "project", "ledger").stdout == "ledger created\n"
    assert prefect("create", "project", "ledger").stdout == "ledger created\n"
    assert prefect("create", "project", "ledger", "--skip-if-exists").stdout == "ledger already exists\n"
    lines = prefect("get", "projects").stdout.splitlines()
    assert lines[0].split("\t") == ["NAME", "FLOW COUNT", "AGE", "DESCRIPTION"]
    assert any(line.startswith("ledger\t0\t") for line in lines)
    assert prefect("delete", "project", "ledger", "--dry-run").returncode == 0
    assert "ledger" in prefect("get", "projects").stdout
    assert prefect("delete", "project", "ledger").stdout == "ledger deleted\n"
    assert "ledger" not in prefect("get", "projects").stdout
    gone = prefect("delete", "project", "ledger")
    assert gone.returncode == 3
    assert "There is no project 'ledger'." in gone.stderr


def test_values_are_kept_by_name(prefect: Prefect) -> None:
    assert prefect("kv", "set", "limits", '{"rows": 5}').stdout == "Key value pair set successfully\n"
    assert json.loads(prefect("kv", "get", "limits", "-o", "json").stdout) == {"rows": 5}
    assert prefect("kv", "set", "limits", "all of them").returncode == 0
    assert prefect("kv", "get", "limits").stdout == "Key 'limits' has value 'all of them'\n"
    assert "limits" in prefect("kv", "list").stdout.splitlines()
    assert prefect("kv", "delete", "limits").stdout == "Key 'limits' has been deleted\n"
    gone = prefect("kv", "get", "limits")
    assert gone.returncode == 3
    assert gone.stdout == ""


def test_an_unchanged_flow_is_skipped_unless_it_is_forced(
    prefect: Prefect, project: str, flow_file: Path, client: Client
) -> None:
    words = ("register", "--project", project, "-p", str(flow_file))
    first = prefect(*words)
    assert first.returncode == 0, first.stderr
    assert " 2 registered " in first.stdout
    flow_id = FlowView.from_flow_name("doubled", project_name=project).flow_id
    assert f"└── ID: {flow_id}" in first.stdout
    assert "└── Version: 1" in first.stdout
    second = prefect(*words)
    assert "Registering 'doubled'... Skipped (metadata unchanged)" in second.stdout
    assert " 0 registered, 2 skipped " in second.stdout
    forced = prefect(*words, "--name", "doubled", "--force")
    assert "└── Version: 2" in forced.stdout
    assert " 0 registered, 2 skipped " in prefect(*words).stdout
    flow_file.write_text(flow_file.read_text().replace("default=3", "default=4"))
    changed = prefect(*words)
    assert " 1 registered, 1 skipped " in changed.stdout
    assert "└── Version: 3" in changed.stdout


def test_a_broken_file_does_not_stop_the_others(prefect: Prefect, project: str, flow_file: Path) -> None:
    (flow_file.parent / "broken.py").write_text("import nothing_like_this\n")
    done = prefect("register", "--project", project, "-p", ".")
    assert done.returncode == 1
    assert " 2 registered, 1 errored " in done.stdout
    assert "No module named 'nothing_like_this'" in done.stderr
    assert "broken.py" in done.stderr


def test_what_was_built_is_registered_without_its_code(
    prefect: Prefect, project: str, flow_file: Path, client: Client
) -> None:
    built = prefect("build", "-p", str(flow_file), "-n", "doubled", "-o", "out.json")
    assert built.returncode == 0, built.stderr
    assert " 1 built " in built.stdout
    assert (
        prefect("build", "-p", str(flow_file), "-n", "failing", "-o", "out.json", "--update").returncode == 0
    )
    document = json.loads((flow_file.parent / "out.json").read_text())
    assert document["version"] == 1
    assert [flow["name"] for flow in document["flows"]] == ["doubled", "failing"]
    done = prefect("register", "--project", project, "--json", "out.json", "--label", "extra")
    assert " 2 registered " in done.stdout, done.stderr
    run_config = FlowView.from_flow_name("doubled", project_name=project).run_config
    assert run_config is not None
    assert "extra" in run_config.labels


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("register", "-p", "flows.py"), 2, "Missing required option '--project'"),
        (("register", "--project", "nowhere", "-p", "flows.py"), 3, "Project 'nowhere' does not exist"),
        (("register", "flow"), 2, "`prefect register flow` was removed in 1.0."),
        (("run", "flow"), 2, "`prefect run flow` was removed in 1.0."),
        (("run", "-n", "no such flow"), 3, "There is no registered flow 'no such flow'."),
        (("run", "--id", "5"), 2, "--id '5' is no UUID."),
        (("get", "logs", "-n", "no such run"), 3, "There is no flow run 'no such run'."),
        (("get", "flws"), 2, "Did you mean `prefect get flows`?"),
        (("describe", "flows", "-n", "no such flow"), 3, "Flow 'no such flow' was not found."),
        (("auth", "create-token"), 2, "`prefect auth create-key --name NAME`"),
        (("auth", "list-tokens"), 2, "`prefect auth list-keys`"),
        (("auth", "revoke-token"), 2, "`prefect auth revoke-key --id UUID`"),
        (("execute", "cloud-flow"), 2, "`prefect execute flow-run`"),
        (("agent", "fargate"), 2, "`prefect agent ecs start`"),
        (("schedule", "paus"), 2, "Did you mean `prefect schedule pause`?"),
        (("cancel",), 2, "Name flow runs, or a flow with --flow."),
        (
            ("concurrency", "set", "3", "--tag", "a", "--label", "b"),
            2,
            "Give one of --flow, --label and --tag.",
        ),
        (("artifact", "show", "5"), 3, "`prefect artifact list` lists the newest."),
        (("backend", "nonsense"), 2, "'nonsense' is not a valid backend API"),
        (("execute", "flow-run"), 1, "Not currently executing a flow within a Cloud context."),
    ],
)
def test_mistakes_are_told_with_a_status_of_their_own(
    prefect: Prefect, flow_file: Path, words: tuple[str, ...], status: int, message: str
) -> None:
    done = prefect(*words)
    assert (done.returncode, done.stdout.replace("Collecting flows...\n", "")) == (status, "")
    assert message in done.stderr


def test_without_a_server_commands_say_at_once_how_to_start_one(prefect: Prefect) -> None:
    done = prefect("get", "flows", PREFECT__SERVER__ENDPOINT="http://localhost:9")
    assert done.returncode == 6
    assert "There is no server at http://localhost:9." in done.stderr
    assert "prefect server start" in done.stderr


def test_a_switched_off_api_is_refused_with_what_to_set(prefect: Prefect) -> None:
    done = prefect("get", "flows", PREFECT__CLOUD__API="https://api.prefect.io")
    assert done.returncode == 1
    assert "was switched off" in done.stderr


def test_a_run_in_this_process_succeeds_and_its_log_and_results_are_kept(
    prefect: Prefect, registered: str, client: Client
) -> None:
    done = prefect("run", "-n", "doubled", "--project", registered, "--execute", "--param", "n=2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "Flow run succeeded!"
    assert "doubling 1" in done.stdout
    run_id = next(line.split()[-1] for line in done.stdout.splitlines() if "UUID: " in line)
    run = FlowRunView.from_flow_run_id(run_id)
    assert run.state.is_successful()
    assert run.parameters == {"n": 2}
    assert run.get_task_run("double-1").get_result() == [0, 2]
    assert run.get_task_run("double-1", map_index=1).get_result() == 2
    messages = [line.message for line in run.get_logs(end_time=run.updated_at.add(minutes=1))]
    assert [text for text in messages if text.startswith("doubling")] == ["doubling 0", "doubling 1"]
    printed = prefect("get", "logs", "--id", run_id, "-o", "json")
    assert [row["message"] for row in json.loads(printed.stdout)] == messages


def test_a_failed_run_in_this_process_exits_with_1(prefect: Prefect, registered: str) -> None:
    done = prefect("run", "-n", "failing", "--project", registered, "--execute")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "Flow run failed!"
    assert "ValueError: it does not work" in done.stdout


def test_a_run_whose_process_dies_is_failed(
    prefect: Prefect, project: str, tmp_path: Path, client: Client
) -> None:
    (tmp_path / "dying.py").write_text(
        "import os\nfrom prefect import Flow, task\n"
        "@task\ndef die(): os._exit(9)\n"
        "with Flow('dying') as flow: die()\n"
    )
    assert prefect("register", "--project", project, "-p", "dying.py").returncode == 0
    done = prefect("run", "-n", "dying", "--project", project, "--execute")
    assert done.returncode == 1
    found = client.graphql(
        'query { flow_run(where: { flow: { name: { _eq: "dying" } } }) { state state_message } }'
    )
    assert found.data.flow_run[0].state == "Failed"
    assert "ended early, with status 9" in found.data.flow_run[0].state_message


def test_quiet_prints_the_id_and_nothing_else(prefect: Prefect, registered: str, client: Client) -> None:
    done = prefect("run", "-n", "doubled", "--project", registered, "--quiet", "--run-name", "silent")
    assert done.stderr == ""
    assert FlowRunView.from_flow_run_id(done.stdout.strip()).name == "silent"


def test_an_idempotency_key_shows_the_run_that_exists_and_is_not_executed_again(
    prefect: Prefect, registered: str
) -> None:
    words = ("run", "-n", "doubled", "--project", registered, "--idempotency-key", "one")
    first = prefect(*words, "--quiet")
    assert prefect(*words, "--quiet").stdout == first.stdout
    again = prefect(*words, "--execute")
    assert again.returncode == 5
    assert first.stdout.strip() in again.stderr


def test_labels_context_and_log_level_of_a_run(prefect: Prefect, registered: str, client: Client) -> None:
    done = prefect(
        *("run", "-n", "doubled", "--project", registered, "--quiet", "--label", "b", "--label", "a"),
        *("--context", 'where={"city": "Oslo"}', "--log-level", "debug"),
    )
    run = FlowRunView.from_flow_run_id(done.stdout.strip())
    assert (run.labels, run.context) == (["a", "b"], {"where": {"city": "Oslo"}})
    assert run.run_config is not None
    assert run.run_config.env == {"PREFECT__LOGGING__LEVEL": "DEBUG"}


def test_an_unknown_parameter_is_refused_before_a_run_is_made(prefect: Prefect, registered: str) -> None:
    done = prefect("run", "-n", "doubled", "--project", registered, "--param", "m=1")
    assert done.returncode == 2
    assert "Flow 'doubled' has no parameter 'm'; it has 'n'." in done.stderr


def test_a_watched_run_shows_states_and_log_and_exits_with_the_result(
    prefect: Prefect, registered: str, agent: list[str]
) -> None:
    done = prefect("run", "-n", "doubled", "--project", registered, "--watch")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == "Flow run succeeded!"
    told = [line.split(" | ", 2)[2] for line in lines if " | " in line]
    states = [text.split(">")[0] for text in told if text.startswith("Entered state <")]
    assert states == [
        "Entered state <Scheduled",
        "Entered state <Submitted",
        "Entered state <Running",
        "Entered state <Success",
    ]
    assert [text for text in told if text.startswith("doubling")] == [f"doubling {n}" for n in range(3)]
    assert told.count("Flow run SUCCESS: all reference tasks succeeded") == 1


def test_a_watched_run_as_json_lines(prefect: Prefect, registered: str, agent: list[str]) -> None:
    done = prefect("run", "-n", "failing", "--project", registered, "--watch", "-o", "jsonl")
    assert done.returncode == 1
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0]["type"] == "flow_run"
    assert lines[0]["id"] == agent[0]
    assert {line["type"] for line in lines[1:-1]} == {"log", "state"}
    states = [line["state"] for line in lines if line["type"] == "state"]
    assert states == ["Scheduled", "Submitted", "Running", "Failed"]
    assert lines[-1] == {"type": "result", "state": "Failed", "message": "Some reference tasks failed."}


def test_an_executed_run_as_json_lines(prefect: Prefect, registered: str) -> None:
    done = prefect("run", "-n", "doubled", "--project", registered, "--execute", "-o", "jsonl")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0]["type"] == "flow_run"
    told = [line["message"] for line in lines if line["type"] == "log"]
    assert [line["state"] for line in lines if line["type"] == "state"] == [
        "Scheduled", "Submitted", "Running", "Success"
    ]  # fmt: skip
    assert [text for text in told if text.startswith("doubling")] == [f"doubling {n}" for n in range(3)]
    assert lines[-1] == {"type": "result", "state": "Success", "message": "All reference tasks succeeded."}


def test_a_cancelled_run_exits_with_11(prefect: Prefect, registered: str, client: Client) -> None:
    import threading
    import time

    def cancel() -> None:
        where = '{ name: { _eq: "doomed" } }'
        while not (found := client.graphql(f"query {{ flow_run(where: {where}) {{ id }} }}").data.flow_run):
            time.sleep(0.1)
        client.cancel_flow_run(found[0].id)

    thread = threading.Thread(target=cancel)
    thread.start()
    words = ("run", "-n", "doubled", "--project", registered, "--run-name", "doomed", "--label", "nobody")
    done = prefect(*words, "--watch")
    thread.join()
    assert done.returncode == 11
    assert done.stdout.splitlines()[-1] == "Flow run ended Cancelled."


def test_reading_commands_print_tables_json_lines_yaml_and_ids(
    prefect: Prefect, registered: str, client: Client
) -> None:
    words = ("get", "flows", "--project", registered)
    table = [line.split("\t") for line in prefect(*words).stdout.splitlines()]
    assert table[0] == ["NAME", "VERSION", "AGE", "ID", "PROJECT NAME"]
    ids = {row[3] for row in table[1:]}
    assert len(ids) == 2
    assert {row["id"] for row in json.loads(prefect(*words, "-o", "json").stdout)} == ids
    lines = prefect(*words, "-o", "jsonl").stdout.splitlines()
    assert {json.loads(line)["id"] for line in lines} == ids
    assert {row["id"] for row in yaml.safe_load(prefect(*words, "-o", "yaml").stdout)} == ids
    assert set(prefect(*words, "-o", "id").stdout.split()) == ids
    assert prefect("get", "flows", "-n", "no such flow", "-o", "json").stdout == "[]\n"


def test_rows_that_are_left_out_are_told(prefect: Prefect, registered: str) -> None:
    done = prefect("get", "flows", "--project", registered, "--limit", "1", "-o", "id")
    assert len(done.stdout.split()) == 1
    assert "--limit" in done.stderr


def test_describe_tells_everything_as_json_or_yaml(prefect: Prefect, registered: str) -> None:
    flow = json.loads(prefect("describe", "flows", "-n", "doubled", "-p", registered).stdout)
    assert (flow["name"], flow["version"], flow["project"]) == ("doubled", 1, {"name": registered})
    tasks = yaml.safe_load(
        prefect("describe", "tasks", "-n", "doubled", "-p", registered, "-o", "yaml").stdout
    )
    assert [task["slug"] for task in tasks] == ["double-1", "n", "numbers-1"]
    assert [task["mapped"] for task in tasks] == [True, False, False]


def test_a_limit_of_a_flow_is_set_listed_and_removed(prefect: Prefect, registered: str) -> None:
    name = "doubled"
    words = ("--flow", name, "--project", registered)
    done = prefect("concurrency", "set", *words, "2", "--when-reached", "cancel-oldest")
    assert done.stdout == f"At most 2 runs of the flow {name!r} may run at once.\n"

    def limits() -> list[tuple[str, int, str]]:
        rows = json.loads(prefect("concurrency", "list", "-o", "json").stdout)
        return [(row["name"], row["limit"], row["when_reached"]) for row in rows if row["kind"] == "flow"]

    assert limits() == [(name, 2, "cancel_oldest")]
    assert prefect("concurrency", "delete", *words).stdout == f"The flow {name!r} has no limit any more.\n"
    assert limits() == []
    refused = prefect("concurrency", "set", *words, "0")
    assert (refused.returncode, "1 active run or more" in refused.stderr) == (2, True)
    refused = prefect("concurrency", "set", "--tag", "a", "1", "--when-reached", "skip")
    assert (refused.returncode, "belong to --flow" in refused.stderr) == (2, True)


def test_the_choice_of_an_api_is_kept(prefect: Prefect, tmp_path: Path, url: str) -> None:
    home = {"PREFECT__HOME_DIR": str(tmp_path / "home"), "PREFECT__SERVER__ENDPOINT": ""}
    env = {name: value for name, value in home.items() if value}
    done = prefect("backend", url, **env)
    assert done.stdout == f"Backend switched to {url}\n"
    config = json.loads(prefect("config", PREFECT__SERVER__ENDPOINT="http://elsewhere", **env).stdout)
    assert config["cloud"]["api"] == url
    assert prefect("backend", "server", **env).stdout == "Backend switched to server\n"
    assert json.loads(prefect("config", **env).stdout)["backend"] == "server"


def test_a_tenant_is_made_by_the_server_that_answers_and_else_in_the_database(
    prefect: Prefect, client: Client, tmp_path: Path
) -> None:
    name = f"Team {tmp_path.name}"
    made = prefect("server", "create-tenant", "-n", name)
    assert made.stdout.startswith("Tenant created with ID: "), made.stderr
    tenant_id = made.stdout.split()[-1]
    assert tenant_id in [tenant["id"] for tenant in client.get_available_tenants()]
    again = prefect("server", "create-tenant", "-n", name)
    assert (again.returncode, again.stderr) == (5, "Error: There is one of that name already.\n")
    client.graphql(
        "mutation($id: UUID!) { delete_tenant(input: { tenant_id: $id, confirm: true }) { success } }",
        variables={"id": tenant_id},
    )
    data = str(tmp_path / "data")
    by_hand = prefect("server", "create-tenant", "-n", name, "--data-dir", data)
    assert by_hand.stdout.startswith("Tenant created with ID: "), by_hand.stderr
    away = {"PREFECT__SERVER__ENDPOINT": "http://localhost:9", "PREFECT__HOME_DIR": str(tmp_path / "home")}
    alone = prefect("server", "create-tenant", "-n", name, **away)
    assert alone.stdout.startswith("Tenant created with ID: "), alone.stderr
    assert "There is no server at http://localhost:9" in alone.stderr


@pytest.mark.parametrize("words", [("flow-runs",), ("flow-runs", "--started"), ("task-runs", "-r", "RUN")])
def test_a_long_list_is_read_page_by_page_while_it_grows(
    prefect: Prefect, registered: str, client: Client, words: tuple[str, ...]
) -> None:
    flow = client.graphql(
        'query($p: String) { flow(where: { name: { _eq: "doubled" }, project: { name: { _eq: $p } } }) { id } }',
        variables={"p": registered},
    ).data.flow[0]
    runs = [client.create_flow_run(flow_id=flow.id) for _ in range(3)]
    if "--started" in words:
        for run_id in runs:
            client.set_flow_run_state(run_id, Running())
    given = tuple(runs[0] if word == "RUN" else word for word in words)
    given = given if "-r" in words else (*given, "--project", registered)
    expected = prefect("get", *given, "--limit", "0", "-o", "id").stdout.split()
    assert len(expected) >= 3
    found: list[str] = []
    cursor = "start"
    while cursor:
        done = prefect("get", *given, "--limit", "1", "--cursor", cursor, "-o", "json")
        assert done.returncode == 0, done.stderr
        page = json.loads(done.stdout)
        found += [row["id"] for row in page["rows"]]
        cursor = page["next_cursor"]
        assert ("There are more" in done.stderr) == bool(cursor)
        if len(found) == 1 and "-r" not in words:
            client.set_flow_run_state(client.create_flow_run(flow_id=flow.id), Running())
    assert sorted(found) == sorted(expected)
    if "-r" not in words:
        assert found == expected


def test_a_cursor_of_another_list_is_refused(prefect: Prefect, registered: str) -> None:
    done = prefect("get", "flow-runs", "--cursor", "nonsense")
    assert (done.returncode, "is no cursor of this list" in done.stderr) == (2, True)
