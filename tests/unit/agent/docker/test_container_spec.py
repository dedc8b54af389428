"""From flow runs to containers: tables of what goes in and what comes out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefect.agent._environment import RunSettings
from prefect.agent.docker._container_spec import (
    ContainerSpec,
    api_for_containers,
    container_name,
    container_spec,
)
from prefect.agent.docker._volumes import Volumes, parse_volumes
from prefect.utilities.graphql import GraphQLResult

SETTINGS = RunSettings(
    backend="server",
    api="http://localhost:4200",
    api_key="KEY",
    tenant_id="TENANT",
    labels=["a"],
    log_to_cloud=True,
    log_level="INFO",
)
HOST_CONFIG = {"extra_hosts": {"host.docker.internal": "host-gateway"}}


def flow_run(**changes: Any) -> GraphQLResult:
    flow = GraphQLResult(id="flow-id", name="a flow", core_version="1.4.1")
    return GraphQLResult({"id": "12345678-run", "name": "run name", "flow": flow, "epoch": 3, **changes})


def spec(run: Any = None, **changes: Any) -> ContainerSpec:
    arguments: dict[str, Any] = {
        "image": "image:1",
        "of_agent": {},
        "of_run": None,
        "host_config": None,
        "ports": None,
        "volumes": Volumes(),
        "networks": (),
        "host_address": "host-gateway",
        "agent_id": "agent-id",
        **changes,
    }
    return container_spec(SETTINGS, run or flow_run(), **arguments)


def test_a_container_is_told_which_run_it_is_and_how_to_reach_the_api() -> None:
    # What 1.4.1 gave its containers, and the attempt.
    assert spec().environment == {
        "PREFECT__CLOUD__API": "http://host.docker.internal:4200",
        "PREFECT__LOGGING__LEVEL": "INFO",
        "PREFECT__CLOUD__SEND_FLOW_RUN_LOGS": "true",
        "PREFECT__BACKEND": "server",
        "PREFECT__CLOUD__API_KEY": "KEY",
        "PREFECT__CLOUD__TENANT_ID": "TENANT",
        "PREFECT__CLOUD__AGENT__LABELS": "['a']",
        "PREFECT__CONTEXT__FLOW_RUN_ID": "12345678-run",
        "PREFECT__CONTEXT__FLOW_ID": "flow-id",
        "PREFECT__CONTEXT__IMAGE": "image:1",
        "PREFECT__CONTEXT__FLOW_RUN_EPOCH": "3",
        "PREFECT__CLOUD__USE_LOCAL_SECRETS": "false",
        "PREFECT__ENGINE__FLOW_RUNNER__DEFAULT_CLASS": "prefect.engine.cloud.CloudFlowRunner",
        "PREFECT__ENGINE__TASK_RUNNER__DEFAULT_CLASS": "prefect.engine.cloud.CloudTaskRunner",
        "PREFECT__LOGGING__LOG_TO_CLOUD": "true",
        "PREFECT__CLOUD__AUTH_TOKEN": "KEY",
    }


def test_a_container_carries_what_an_agent_needs_to_find_it_again() -> None:
    assert spec().labels == {
        "io.prefect.flow-name": "a flow",
        "io.prefect.flow-id": "flow-id",
        "io.prefect.flow-run-id": "12345678-run",
        "io.prefect.flow-run-attempt": "3",
        "io.prefect.agent-id": "agent-id",
    }


def test_a_server_of_1_4_1_counts_no_attempts() -> None:
    made = spec(flow_run(epoch=None))

    assert "io.prefect.flow-run-attempt" not in made.labels
    assert "PREFECT__CONTEXT__FLOW_RUN_EPOCH" not in made.environment


@pytest.mark.parametrize(
    ("of_agent", "of_run", "expected"),
    [
        ({"A": "agent"}, {"A": "run"}, {"A": "run"}),
        ({"A": 1}, {"B": None}, {"A": "1"}),
        # compat: containers may reach the API at another address.
        ({"PREFECT__CLOUD__API": "http://apollo:4200"}, None, {"PREFECT__CLOUD__API": "http://apollo:4200"}),
        ({"PREFECT__LOGGING__LEVEL": "DEBUG"}, None, {"PREFECT__LOGGING__LEVEL": "DEBUG"}),
        # Which run it is, nobody else says.
        ({}, {"PREFECT__CONTEXT__FLOW_RUN_ID": "x"}, {"PREFECT__CONTEXT__FLOW_RUN_ID": "12345678-run"}),
    ],
)
def test_variables_of_the_run_win_over_those_of_the_agent(
    of_agent: dict[str, Any], of_run: dict[str, Any] | None, expected: dict[str, str]
) -> None:
    made = spec(of_agent=of_agent, of_run=of_run).environment

    assert {name: made.get(name) for name in expected} == expected
    assert "B" not in made


@pytest.mark.parametrize(
    ("changes", "host_config", "networks"),
    [
        ({}, HOST_CONFIG, ()),
        # The engine, such as Docker Desktop, knows the machine by itself.
        ({"host_address": None}, {}, ()),
        ({"host_config": {"mem_limit": "1g"}}, {"mem_limit": "1g", **HOST_CONFIG}, ()),
        ({"networks": ["a", "b"]}, {"network_mode": "a", **HOST_CONFIG}, ("a", "b")),
        ({"networks": ["host"]}, {"network_mode": "host"}, ()),
        # The run says more than the agent.
        ({"networks": ["a"], "host_config": {"network_mode": "host"}}, {"network_mode": "host"}, ()),
        ({"networks": ["a"], "host_config": {"network_mode": "none"}}, {"network_mode": "none"}, ()),
        (
            {"host_config": {"extra_hosts": {"db": "10.0.0.1"}}},
            {"extra_hosts": {"db": "10.0.0.1", "host.docker.internal": "host-gateway"}},
            (),
        ),
        (
            {"host_config": {"extra_hosts": ["db:10.0.0.1"]}},
            {"extra_hosts": ["db:10.0.0.1", "host.docker.internal:host-gateway"]},
            (),
        ),
        (
            {"host_config": {"extra_hosts": {"host.docker.internal": "10.0.0.2"}}},
            {"extra_hosts": {"host.docker.internal": "10.0.0.2"}},
            (),
        ),
        (
            {
                "volumes": parse_volumes(["/a:/b:ro"]),
                "host_config": {"binds": {"/c": {"bind": "/d", "mode": "rw"}}},
            },
            {
                "binds": {"/a": {"bind": "/b", "mode": "ro"}, "/c": {"bind": "/d", "mode": "rw"}},
                **HOST_CONFIG,
            },
            (),
        ),
        (
            {"volumes": parse_volumes(["/a:/b"]), "host_config": {"binds": ["/c:/d"]}},
            {"binds": ["/a:/b:rw", "/c:/d"], **HOST_CONFIG},
            (),
        ),
    ],
)
def test_the_options_of_a_container_are_those_of_the_run_over_those_of_the_agent(
    changes: dict[str, Any], host_config: dict[str, Any], networks: tuple[str, ...]
) -> None:
    made = spec(**changes)

    assert made.host_config == host_config
    assert made.networks == networks


@pytest.mark.parametrize(("auto_remove", "kept"), [(None, False), (True, False), (False, True)])
def test_the_agent_removes_containers_itself_so_that_it_can_read_how_they_ended(
    auto_remove: bool | None, kept: bool
) -> None:
    made = spec(host_config={} if auto_remove is None else {"auto_remove": auto_remove})

    assert "auto_remove" not in made.host_config
    assert made.kept is kept
    assert ("io.prefect.kept" in made.labels) is kept


def test_a_container_with_the_network_of_the_machine_reaches_the_api_where_the_agent_does() -> None:
    made = spec(host_config={"network_mode": "host"})

    assert made.environment["PREFECT__CLOUD__API"] == "http://localhost:4200"


@pytest.mark.parametrize(
    ("api", "expected"),
    [
        ("http://localhost:4200", "http://host.docker.internal:4200"),
        ("http://127.0.0.1:4200/graphql", "http://host.docker.internal:4200/graphql"),
        ("http://[::1]:4200", "http://host.docker.internal:4200"),
        ("https://LOCALHOST", "https://host.docker.internal"),
        ("https://api.example.com", "https://api.example.com"),
        ("http://localhost.example.com:1", "http://localhost.example.com:1"),
        ("http://10.0.0.1:4200", "http://10.0.0.1:4200"),
    ],
)
def test_an_api_on_this_machine_has_another_name_in_containers(api: str, expected: str) -> None:
    assert api_for_containers(api) == expected


@pytest.mark.parametrize(
    ("core_version", "command"),
    [("1.4.1", "prefect execute flow-run"), ("0.12.0", "prefect execute cloud-flow")],
)
def test_the_command_is_that_of_the_version_in_the_image(core_version: str, command: str) -> None:
    flow = GraphQLResult(id="flow-id", name="a flow", core_version=core_version)

    assert spec(flow_run(flow=flow)).command == command


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("run-name", "run-name"),
        # As 1.4.1 has it.
        ("Ünï run/name 5!", "Uni-run-name-5"),
        ("日本", "flow-run"),
        ("", "flow-run"),
    ],
)
def test_containers_are_named_like_their_runs(name: str, expected: str) -> None:
    assert container_name(name) == expected


@given(st.text())
def test_every_name_of_a_run_makes_a_name_that_engines_take(name: str) -> None:
    made = container_name(name)

    assert made
    assert made.isascii()
    assert all(character.isalnum() or character == "-" for character in made)
    assert made[0].isalnum()


@pytest.mark.parametrize(
    ("text", "bind", "name"),
    [
        ("/a:/b", {"/a": {"bind": "/b", "mode": "rw"}}, []),
        ("/a:/b:ro", {"/a": {"bind": "/b", "mode": "ro"}}, []),
        ("/d", {"/d": {"bind": "/d", "mode": "rw"}}, []),
        ("name:/c", {"name": {"bind": "/c", "mode": "rw"}}, ["name"]),
        ("name:/c:ro", {"name": {"bind": "/c", "mode": "ro"}}, ["name"]),
        ("~/h:/x", {"~/h": {"bind": "/x", "mode": "rw"}}, []),
        ("./rel:/x", {"rel": {"bind": "/x", "mode": "rw"}}, ["rel"]),
        ("C:\\data:/x:ro", {"C:\\data": {"bind": "/x", "mode": "ro"}}, []),
    ],
)
def test_volumes_are_written_as_for_docker_run(text: str, bind: dict[str, Any], name: list[str]) -> None:
    found = parse_volumes([text])

    assert found.binds == bind
    assert found.named == name
    assert found.mount_paths == [one["bind"] for one in bind.values()]


@pytest.mark.parametrize("text", ["a:b:c:d", "/a:", ":/b", ""])
def test_a_volume_that_is_written_wrongly_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Docker volume format is invalid"):
        parse_volumes([text])
