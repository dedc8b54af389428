"""From flow runs to processes: tables of what goes in and what comes out."""

from __future__ import annotations

import os
from typing import Any

import pytest

from prefect.agent._environment import RunSettings
from prefect.agent.local._process_spec import ProcessSpec, can_be_forked, process_spec
from prefect.utilities.graphql import GraphQLResult


def spec(
    *,
    api_key: str | None = "KEY",
    tenant_id: str | None = "TENANT",
    log_to_cloud: bool = True,
    epoch: int | None = 3,
    **changes: Any,
) -> ProcessSpec:
    settings = RunSettings("server", "http://localhost:4200", api_key, tenant_id, ["a"], log_to_cloud, "INFO")
    run = GraphQLResult({"id": "run", "flow": GraphQLResult(id="flow"), "epoch": epoch})
    arguments: dict[str, Any] = {
        "own": {},
        "of_agent": {},
        "of_run": None,
        "working_dir": None,
        "import_paths": [],
        **changes,
    }
    return process_spec(settings, run, **arguments)


def test_a_process_is_told_which_run_it_is_and_how_it_reaches_the_api() -> None:
    assert spec() == ProcessSpec(
        {
            "PREFECT__LOGGING__LEVEL": "INFO",
            "PREFECT__BACKEND": "server",
            "PREFECT__CLOUD__API": "http://localhost:4200",
            "PREFECT__CLOUD__API_KEY": "KEY",
            "PREFECT__CLOUD__TENANT_ID": "TENANT",
            "PREFECT__CLOUD__AGENT__LABELS": "['a']",
            "PREFECT__CLOUD__SEND_FLOW_RUN_LOGS": "true",
            "PREFECT__CLOUD__USE_LOCAL_SECRETS": "false",
            "PREFECT__CONTEXT__FLOW_RUN_ID": "run",
            "PREFECT__CONTEXT__FLOW_ID": "flow",
            "PREFECT__CONTEXT__FLOW_RUN_EPOCH": "3",
            "PREFECT__ENGINE__FLOW_RUNNER__DEFAULT_CLASS": "prefect.engine.cloud.CloudFlowRunner",
            "PREFECT__ENGINE__TASK_RUNNER__DEFAULT_CLASS": "prefect.engine.cloud.CloudTaskRunner",
        }
    )


@pytest.mark.parametrize(
    ("own", "of_agent", "of_run", "value"),
    [
        ({"X": "own"}, {}, None, "own"),
        ({"X": "own"}, {"X": "agent"}, None, "agent"),
        ({"X": "own"}, {"X": "agent"}, {"X": "run"}, "run"),
        ({"X": "own"}, {"X": 1}, None, "1"),
        ({"X": "own"}, {"X": None}, None, "own"),
        ({}, {}, {"X": True}, "True"),
    ],
)
def test_the_run_config_wins_over_the_agent_and_the_agent_over_its_own_environment(
    own: dict[str, str], of_agent: dict[str, Any], of_run: dict[str, Any] | None, value: str
) -> None:
    assert spec(own=own, of_agent=of_agent, of_run=of_run).environment["X"] == value


@pytest.mark.parametrize("source", ["own", "of_agent", "of_run"])
def test_nothing_wins_over_what_says_which_run_it_is(source: str) -> None:
    foreign = {"PREFECT__CONTEXT__FLOW_RUN_ID": "other", "PREFECT__CLOUD__API_KEY": "stolen"}
    environment = spec(**{source: foreign}).environment
    assert environment["PREFECT__CONTEXT__FLOW_RUN_ID"] == "run"
    assert environment["PREFECT__CLOUD__API_KEY"] == "KEY"


def test_the_log_level_of_the_agent_is_that_of_the_run_unless_it_has_its_own() -> None:
    name = "PREFECT__LOGGING__LEVEL"
    assert spec(own={name: "ERROR"}).environment[name] == "INFO"
    assert spec(of_run={name: "DEBUG"}).environment[name] == "DEBUG"


@pytest.mark.parametrize(
    ("api_key", "tenant_id", "key", "tenant"),
    [(None, "t", "", ""), ("k", None, "k", ""), ("k", "t", "k", "t")],
)
def test_a_tenant_is_passed_on_with_a_key_only(
    api_key: str | None, tenant_id: str | None, key: str, tenant: str
) -> None:
    environment = spec(api_key=api_key, tenant_id=tenant_id).environment
    assert (environment["PREFECT__CLOUD__API_KEY"], environment["PREFECT__CLOUD__TENANT_ID"]) == (key, tenant)


def test_a_server_without_attempts_gives_none_and_logs_can_be_kept_here() -> None:
    environment = spec(epoch=None, log_to_cloud=False).environment
    assert "PREFECT__CONTEXT__FLOW_RUN_EPOCH" not in environment
    assert environment["PREFECT__CLOUD__SEND_FLOW_RUN_LOGS"] == "false"


@pytest.mark.parametrize(
    ("import_paths", "of_run", "expected"),
    [
        ([], None, None),
        (["/a", "/b"], None, ["/a", "/b"]),
        (["/a"], {"PYTHONPATH": "/c"}, ["/a", "/c"]),
        (["", "/a"], None, ["/a"]),
    ],
)
def test_import_paths_come_before_those_of_the_environment(
    import_paths: list[str], of_run: dict[str, str] | None, expected: list[str] | None
) -> None:
    found = spec(import_paths=import_paths, of_run=of_run).environment.get("PYTHONPATH")
    assert found == (None if expected is None else os.pathsep.join(expected))


def test_it_starts_in_the_directory_of_the_run_config() -> None:
    assert spec(working_dir="/data").directory == "/data"


@pytest.mark.parametrize(
    ("name", "forks"),
    [
        ("ANYTHING", True),
        ("PATH", True),
        ("PYTHONPATH", True),
        ("TZ", True),
        ("PYTHONHASHSEED", False),
        ("PYTHONOPTIMIZE", False),
        ("LD_PRELOAD", False),
        ("LANG", False),
        ("LC_ALL", False),
        ("MALLOC_ARENA_MAX", False),
        ("OPENSSL_CONF", False),
    ],
)
def test_what_an_interpreter_reads_only_at_its_start_needs_a_fresh_one(name: str, forks: bool) -> None:
    assert can_be_forked({name: "1"}, {}) is forks
    assert can_be_forked({}, {name: "1"}) is forks
    assert can_be_forked({name: "2"}, {name: "1"}) is forks
    assert can_be_forked({name: "1"}, {name: "1"})
