"""The Docker agent, up to the requests that an engine gets from it."""

from __future__ import annotations

import logging
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import prefect
from prefect.agent._remote_jobs import InfrastructureAwayError
from prefect.agent.docker import DockerAgent, _reach
from prefect.agent.docker._engine import Engine, connect
from prefect.run_configs import DockerRun, LocalRun, UniversalRun
from prefect.storage import Docker, Local
from prefect.utilities.configuration import set_temporary_config
from prefect.utilities.graphql import GraphQLResult

API = "http://api.example.com:4200"


@pytest.fixture(autouse=True)
def somewhere_else(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An API that is not on this machine, and no engine of the environment."""
    for name in ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    with set_temporary_config({"cloud.api": API, "cloud.api_key": "KEY", "cloud.tenant_id": "TENANT"}):
        yield


@pytest.fixture
def agent(docker: Any) -> Iterator[Callable[..., DockerAgent]]:
    made: list[DockerAgent] = []

    def make(**arguments: Any) -> DockerAgent:
        made.append(DockerAgent(base_url=docker.url, **arguments))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def engine(docker: Any) -> Engine:
    made = Engine(connect(docker.url, 5), logging.getLogger("test-engine"))
    made.agent_id = "agent"
    return made


def flow_run(run_config: Any = None, storage: Any = None, core_version: str = "1.5.0") -> GraphQLResult:
    flow = GraphQLResult(
        id="flow-id",
        name="a flow",
        storage=(storage or Local(path="/f.py", stored_as_script=True)).serialize(),
        run_config=None,
        core_version=core_version,
    )
    stored = run_config.serialize() if run_config is not None else None
    return GraphQLResult(id="12345678-run", name="run name", flow=flow, run_config=stored, epoch=1, state="x")


IN_REGISTRY = Docker(registry_url="registry.example.com/team", image_name="i", image_tag="t")
ON_THIS_MACHINE = Docker(image_name="i", image_tag="t")


def test_a_container_is_created_and_started(docker: Any, agent: Callable[..., DockerAgent]) -> None:
    run_config = DockerRun(image="image:1", env={"A": 1}, ports=[8080], host_config={"mem_limit": "100m"})

    info = agent(volumes=["/data:/data:ro"]).deploy_flow(flow_run(run_config))

    assert info == "Container ID: 1"
    assert docker.acts == ["pull image:1", "start 1"]
    ((name, made),) = docker.created
    assert name == "run-name"
    assert made["Image"] == "image:1"
    assert made["Cmd"] == ["prefect", "execute", "flow-run"]
    assert made["HostConfig"]["Memory"] == 100 * 2**20
    assert made["HostConfig"]["Binds"] == ["/data:/data:ro"]
    assert made["HostConfig"]["ExtraHosts"] == ["host.docker.internal:host-gateway"]
    assert list(made["ExposedPorts"]) == ["8080/tcp"]
    assert {"A=1", f"PREFECT__CLOUD__API={API}", "PREFECT__CLOUD__API_KEY=KEY"} <= set(made["Env"])


def test_two_runs_of_one_name_have_containers_of_two_names(
    docker: Any, agent: Callable[..., DockerAgent]
) -> None:
    runner = agent(no_pull=True)
    for _ in range(3):
        runner.deploy_flow(flow_run())

    names = [name for name, _ in docker.created]
    assert names[:2] == ["run-name", "run-name-12345678-1"]
    assert names[2].startswith("run-name-")


@pytest.mark.parametrize(
    ("storage", "options", "pulled"),
    [
        (None, {}, ["pull prefect-classic:1.5.0"]),
        (None, {"no_pull": True}, []),
        (IN_REGISTRY, {}, ["pull registry.example.com/team/i:t"]),
        # compat: it was built on this machine and is nowhere else.
        (ON_THIS_MACHINE, {}, []),
        (IN_REGISTRY, {"reg_allow_list": ["registry.example.com"]}, ["pull registry.example.com/team/i:t"]),
        (
            IN_REGISTRY,
            {"reg_allow_list": ["registry.example.com/team"]},
            ["pull registry.example.com/team/i:t"],
        ),
    ],
)
def test_images_are_pulled_where_they_are_in_a_registry(
    docker: Any, agent: Callable[..., DockerAgent], storage: Any, options: dict[str, Any], pulled: list[str]
) -> None:
    agent(**options).deploy_flow(flow_run(storage=storage))

    # A name and its tag are two parameters of the request.
    assert [act for act in docker.acts if act.startswith("pull")] == pulled


@pytest.mark.parametrize(
    ("run_config", "registry"),
    [
        (DockerRun(image="bad.example.com/x:1"), "bad.example.com"),
        (DockerRun(image="registry.example.com.bad.example.com/x:1"), "registry.example.com.bad.example.com"),
        (DockerRun(image="user/x:1"), "user"),
        (DockerRun(image="x:1"), "docker.io"),
    ],
)
def test_an_image_of_another_registry_is_refused(
    docker: Any, agent: Callable[..., DockerAgent], run_config: Any, registry: str
) -> None:
    runner = agent(reg_allow_list=["registry.example.com"])

    with pytest.raises(ValueError, match=f"registry '{registry}' which is not in the reg_allow_list"):
        runner.deploy_flow(flow_run(run_config))
    assert docker.created == []


@pytest.mark.parametrize("answer", [None, (500, "registry is away")])
def test_an_image_that_cannot_be_pulled_is_used_if_it_is_here(
    docker: Any, agent: Callable[..., DockerAgent], answer: Any
) -> None:
    if answer is None:
        docker.pull_lines = [{"error": "registry is away"}]
    else:
        docker.answers["pull"] = answer
    with pytest.raises(RuntimeError, match="cannot be pulled, and is not on this machine: registry is away"):
        agent().deploy_flow(flow_run(DockerRun(image="image:1")))

    docker.images.add("image:1")

    assert agent().deploy_flow(flow_run(DockerRun(image="image:1"))) == "Container ID: 1"


def test_a_container_that_cannot_be_started_is_removed_and_says_why(
    docker: Any, agent: Callable[..., DockerAgent]
) -> None:
    docker.answers["start"] = (500, "prefect: executable file not found")

    with pytest.raises(Exception, match="executable file not found"):
        agent(no_pull=True).deploy_flow(flow_run())
    assert docker.containers == {}


def test_a_container_is_in_all_networks_of_the_agent(docker: Any, agent: Callable[..., DockerAgent]) -> None:
    docker.networks.update(one="10.1.0.1", two="10.2.0.1")
    runner = agent(no_pull=True, networks=["one", "two"])
    runner.on_startup()

    runner.deploy_flow(flow_run())

    assert docker.created[0][1]["HostConfig"]["NetworkMode"] == "one"
    assert [act for act in docker.acts if act != "events"] == ["connect 1 two", "start 1"]


def test_a_network_that_is_not_there_is_named_at_the_start(agent: Callable[..., DockerAgent]) -> None:
    with pytest.raises(ValueError, match="no network 'nowhere'"):
        agent(networks=["nowhere"]).on_startup()


def test_a_run_config_for_other_agents_is_refused(agent: Callable[..., DockerAgent]) -> None:
    with pytest.raises(TypeError, match="`run_config` of type `LocalRun`, only `DockerRun` is supported"):
        agent().deploy_flow(flow_run(LocalRun()))


def test_a_universal_run_gives_its_variables(agent: Callable[..., DockerAgent]) -> None:
    runner = agent(env_vars={"A": "agent"})

    made = runner.populate_env_vars(flow_run(), "image:1", UniversalRun(env={"A": "run"}))

    assert made["A"] == "run"
    assert made["PREFECT__CONTEXT__IMAGE"] == "image:1"


def test_docker_interface_says_what_took_its_place() -> None:
    with pytest.raises(TypeError, match=r"removed in 1\.0: .*host\.docker\.internal"):
        DockerAgent(docker_interface=True)


def test_without_an_engine_there_is_no_agent() -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]

    with pytest.raises(
        ConnectionError, match=rf"Docker engine at tcp://127\.0\.0\.1:{port} could not be reached"
    ):
        DockerAgent(base_url=f"tcp://127.0.0.1:{port}")


def test_the_engine_of_the_environment_is_the_default(docker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker.url)

    assert DockerAgent().docker_client.ping()


# -- what the engine says -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "memory", "exit_code", "reason"),
    [
        ({"ExitCode": 0}, 0, 0, ""),
        ({"ExitCode": 3}, 100 * 2**20, 3, ""),
        ({"ExitCode": 137, "OOMKilled": True}, 0, 137, "out of memory"),
        (
            {"ExitCode": 137, "OOMKilled": True},
            100 * 2**20,
            137,
            "out of memory: its memory is limited to 100 MiB",
        ),
        # Not every engine says so.
        ({"ExitCode": 137}, 100 * 2**20, 137, "its memory is limited to 100 MiB"),
        ({"ExitCode": 127, "Error": "no such program"}, 0, 127, "no such program"),
        ({"Status": "created"}, 0, None, "it was created and never started"),
        ({"Status": "created", "Error": "no such program"}, 0, None, "no such program"),
    ],
)
def test_how_a_container_ended(
    docker: Any, engine: Engine, state: dict[str, Any], memory: int, exit_code: int | None, reason: str
) -> None:
    docker.containers["1"] = {
        "Id": "1",
        "State": {},
        "HostConfig": {"Memory": memory},
        "Config": {"Labels": {}, "Tty": False},
    }
    docker.end("1", **state)
    docker.output = b"last words\n"

    found = engine.end_of("1")

    assert (found.exit_code, found.reason) == (exit_code, reason)
    assert found.is_lost is (exit_code is None)
    if exit_code != 0:
        assert found.output == "last words\n"


def test_a_container_that_is_not_there_any_more_is_lost_and_can_be_stopped_and_removed(
    engine: Engine,
) -> None:
    engine.stop("1", True)
    engine.remove("1")

    assert engine.end_of("1").is_lost


def test_only_containers_of_this_agent_are_seen(docker: Any, engine: Engine) -> None:
    now = time.time()
    for number, (agent_id, status, attempt, age_s) in enumerate(
        [
            ("agent", "running", "2", 1000),
            ("agent", "exited", "", 1000),
            ("other", "running", "1", 1000),
            # Whoever made it is about to start it, …
            ("agent", "created", "1", 1),
            # … or is gone.
            ("agent", "created", "1", 1000),
        ]
    ):
        docker.containers[str(number)] = {
            "Created": now - age_s,
            "State": {"Status": status},
            "Config": {
                "Labels": {
                    "io.prefect.agent-id": agent_id,
                    "io.prefect.flow-run-id": f"run-{number}",
                    **({"io.prefect.flow-run-attempt": attempt} if attempt else {}),
                }
            },
        }

    seen = [(one.job_id, one.run_id, one.epoch, one.has_ended) for one in engine.look()]

    assert seen == [
        ("0", "run-0", 2, False),
        ("1", "run-1", None, True),
        ("3", "run-3", 1, False),
        ("4", "run-4", 1, True),
    ]


def test_the_engine_tells_of_containers_that_end(engine: Engine) -> None:
    assert list(engine.ends()) == [None]

    engine.close()
    engine.close()


def test_an_engine_that_is_not_well_is_away_and_says_nothing_of_containers(
    docker: Any, engine: Engine
) -> None:
    docker.answers["list"] = (500, "disk full")
    docker.answers["ping"] = (500, "disk full")

    with pytest.raises(InfrastructureAwayError, match="disk full"):
        engine.look()
    with pytest.raises(InfrastructureAwayError):
        engine.ping()


def test_an_agent_takes_no_runs_while_the_engine_is_away(
    docker: Any, agent: Callable[..., DockerAgent]
) -> None:
    runner = agent()
    docker.answers["ping"] = (500, "disk full")
    runner.heartbeat()
    runner.heartbeat()
    assert runner.failed_connections == 2

    del docker.answers["ping"]
    runner.heartbeat()

    assert runner.failed_connections == 0


@pytest.mark.parametrize(
    ("components", "address"),
    [
        ([{"Name": "Engine"}], "host-gateway"),
        # It calls itself Docker 20.10 and takes `host-gateway` for an address.
        ([{"Name": "Podman Engine"}], "172.17.0.1"),
    ],
)
def test_containers_know_the_machine_by_name_on_every_engine(
    docker: Any, engine: Engine, components: list[dict[str, str]], address: str
) -> None:
    docker.components = components

    assert engine.host_address("default") == address


# -- whether containers reach the API -------------------------------------------------------


@contextmanager
def listening(address: str) -> Iterator[int]:
    with socket.create_server((address, 0)) as server:
        yield int(server.getsockname()[1])


@pytest.fixture
def own_address() -> str:
    """An address of this machine beyond loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(probe.getsockname()[0])


@pytest.fixture
def on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_reach.sys, "platform", "linux")


@pytest.mark.usefixtures("on_linux")
def test_a_server_for_this_machine_only_is_out_of_reach_until_it_is_exposed(own_address: str) -> None:
    with listening("127.0.0.1") as port:
        why = _reach.why_out_of_reach(f"http://localhost:{port}", "unix:///x", own_address)
    assert why is not None
    assert "prefect server start --expose" in why
    assert "--network host" in why

    with listening("0.0.0.0") as port:
        assert _reach.why_out_of_reach(f"http://localhost:{port}", "unix:///x", own_address) is None


@pytest.mark.usefixtures("on_linux")
def test_a_gateway_that_is_not_up_yet_is_no_reason_to_doubt(own_address: str) -> None:
    with listening("0.0.0.0") as port:
        assert _reach.why_out_of_reach(f"http://127.0.0.1:{port}", "unix:///x", "10.255.254.1") is None


@pytest.mark.parametrize("exit_code", [0, 1])
def test_an_agent_tries_from_a_container_whether_the_api_can_be_reached(
    docker: Any, agent: Callable[..., DockerAgent], exit_code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    docker.images.add(f"prefect-classic:{prefect.__version__.partition('+')[0]}")
    docker.output = b"No route to host\n"
    docker.exit_code = exit_code
    # What a killed agent left.
    docker.containers["old"] = {
        "State": {"Status": "exited"},
        "Config": {"Labels": {"io.prefect.trial": "true"}, "Tty": False},
    }
    name = f"reach-{uuid.uuid4()}"

    agent(name=name).on_startup()

    assert docker.wait_until(lambda: docker.created and not docker.containers), docker.acts
    ((_, made),) = docker.created
    assert "api.example.com" in made["Cmd"][-1]
    assert made["HostConfig"]["ExtraHosts"] == ["host.docker.internal:host-gateway"]
    assert "Env" not in made  # no key
    for thread in threading.enumerate():
        if thread.name == "prefect-agent-reach":
            thread.join(60)
    assert ("Containers cannot reach the API" in capfd.readouterr().out) is bool(exit_code)


@pytest.mark.parametrize("api", ["http://api.example.com", "http://10.0.0.1:4200"])
def test_an_api_elsewhere_is_nothing_to_doubt(api: str) -> None:
    assert _reach.why_out_of_reach(api, "unix:///x", None) is None


def test_containers_on_another_machine_cannot_reach_an_api_on_this_one() -> None:
    why = _reach.why_out_of_reach("http://localhost:4200", "tcp://builder.example.com:2375", None)

    assert why is not None
    assert "they run at builder.example.com" in why
