"""A Docker agent with a real engine and a real server: runs succeed, die, are cancelled, and outlive their agent."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from live_server import running_server

from prefect import Client, Flow
from prefect.run_configs import DockerRun, UniversalRun
from prefect.storage import Docker, Local
from prefect.utilities.configuration import set_temporary_config
from prefect.utilities.storage import extract_flow_from_file
from scoreboard import record

_LIMIT_S = 90

_FLOWS = """
import os
import time

import prefect
from prefect import Flow, task


@task
def greet():
    print("to standard output", flush=True)
    prefect.context.logger.info("hello from %s at %s", os.environ["WHO"], os.getcwd())


@task
def wait():
    print("last words of this container", flush=True)
    prefect.context.logger.info("under way")
    time.sleep(300)


@task
def eat():
    prefect.context.logger.info("eating")
    time.sleep(2)
    hog = []
    while True:
        hog.append(bytearray(10_000_000))


with Flow("greeting") as greeting:
    greet()

with Flow("waiting") as waiting:
    wait()

with Flow("eating") as eating:
    eat()
"""


def until(holds: Callable[[], Any], what: Callable[[], str]) -> Any:
    """What a condition gives once it holds."""
    end = time.monotonic() + _LIMIT_S
    while not (found := holds()):
        assert time.monotonic() < end, what()
        time.sleep(0.1)  # containers and another process have no events for these tests
    return found


@dataclass
class RunningAgent:
    """An agent process and the file with what it writes."""

    process: subprocess.Popen[bytes]
    log: Path

    def written(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for(self, text: str) -> str:
        until(lambda: text in self.written() or self.process.poll() is not None, self.written)
        assert text in self.written()
        return self.written()


@dataclass
class Site:
    """A server that containers can reach, and flows that are files of the containers."""

    client: Client
    endpoint: str
    key: str
    directory: Path
    engine: Any
    image: str
    flow_ids: dict[str, str] = field(default_factory=dict)

    def run(self, flow: str, label: str, **options: Any) -> str:
        run_config = options.pop("run_config", None) or DockerRun(image=self.image, labels=[label], **options)
        return self.client.create_flow_run(flow_id=self.flow_ids[flow], run_config=run_config, labels=[label])

    def state(self, run_id: str) -> tuple[str, str]:
        document = {"query": {f'flow_run_by_pk(id: "{run_id}")': {"state", "state_message"}}}
        found = self.client.graphql(document).data.flow_run_by_pk
        return found.state, found.state_message

    def wait(self, run_id: str, *states: str) -> str:
        until(lambda: self.state(run_id)[0] in states, lambda: f"{self.state(run_id)} {self.logs(run_id)}")
        return self.state(run_id)[0]

    def wait_for_log(self, run_id: str, text: str) -> str:
        until(lambda: text in self.logs(run_id), lambda: f"{text}? {self.state(run_id)} {self.logs(run_id)}")
        return self.logs(run_id)

    def logs(self, run_id: str) -> str:
        where = f'log(where: {{flow_run_id: {{_eq: "{run_id}"}}}}, order_by: {{timestamp: asc}})'
        return "\n".join(line.message for line in self.client.graphql({"query": {where: "message"}}).data.log)

    def containers(self, run_id: str) -> list[Any]:
        """All containers of a run."""
        return self.engine.containers.list(
            all=True, filters={"label": [f"io.prefect.flow-run-id={run_id}"]}, sparse=True
        )

    def container(self, run_id: str) -> Any:
        """The container of a run, as soon as its flow is under way."""
        self.wait_for_log(run_id, "under way")
        (found,) = self.containers(run_id)
        return found

    @contextmanager
    def agent(self, label: str, *words: str, **environment: str) -> Iterator[RunningAgent]:
        """A Docker agent, ready for work; killed after the block if it is still there."""
        log = self.directory / f"agent-{time.monotonic_ns()}.log"
        command = [sys.executable, "-m", "prefect", "agent", "docker", "start", "--label", label, *words]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, "--volume", f"{self.directory}:/flows:ro", "--env", "WHO=the agent"],
                stdout=output,
                stderr=output,
                env={
                    **os.environ,
                    "PREFECT__SERVER__ENDPOINT": self.endpoint,
                    "PREFECT__CLOUD__API_KEY": self.key,
                    **environment,
                },
            )
        agent = RunningAgent(process, log)
        try:
            agent.wait_for("Waiting for flow runs")
            yield agent
        finally:
            if process.poll() is None:
                process.kill()
                process.wait(10)


@pytest.fixture(scope="module")
def site(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    import docker

    directory = tmp_path_factory.mktemp("docker-agent")
    flows = directory / "flows"
    flows.mkdir(mode=0o755)
    (flows / "flows.py").write_text(_FLOWS, encoding="utf-8")
    keys = directory / "admin.key"
    engine = docker.from_env()
    words = ("--expose", "--bootstrap-key-file", str(keys))
    with running_server(directory / "server", "", *words) as server:
        endpoint = f"http://localhost:{server.port}"
        key = keys.read_text().strip()
        client = Client(api_server=endpoint, api_key=key)
        client.create_project("p")
        site = Site(client, endpoint, key, flows, engine, image)
        for name in ("greeting", "waiting", "eating"):
            site.flow_ids[name] = register(client, flow_in_containers(name, flows / "flows.py"))
        yield site
    for container in engine.containers.list(all=True, filters={"label": "io.prefect.agent-id"}, sparse=True):
        container.remove(force=True)
    engine.close()


class EngineProxy:
    """Passes connections on to the engine, until it is cut off."""

    def __init__(self) -> None:
        self._engine = os.environ["DOCKER_HOST"].removeprefix("unix://")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._ends: list[socket.socket] = []
        self.is_cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                near, _ = self._listener.accept()
                if self.is_cut:
                    near.close()
                    continue
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._engine)
                self._ends += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        self.is_cut = True
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.cut()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._ends:
            end.close()


@pytest.fixture
def proxy(image: str) -> Iterator[EngineProxy]:
    """A way to the engine that can be cut off."""
    found = EngineProxy()
    yield found
    found.close()


@pytest.fixture
def label() -> str:
    """A label that only the agents of this test have."""
    return f"test-{uuid.uuid4().hex[:8]}"


def flow_in_containers(name: str, file: Path) -> Flow:
    """A flow of a file, which containers have in another place."""
    flow = extract_flow_from_file(str(file), flow_name=name)
    flow.storage = Local(
        path="/flows/flows.py",
        stored_as_script=True,
        add_default_labels=False,
        directory="/flows",
        validate=False,
    )
    flow.storage.add_flow(flow)
    return flow


def register(client: Client, flow: Flow) -> str:
    return client.register(flow, "p", no_url=True, build=False)


def test_a_flow_runs_in_a_container_which_is_removed_then(site: Site, label: str) -> None:
    with site.agent(
        label, "--show-flow-logs", "--no-pull", PREFECT__CLOUD__AGENT__DEFAULT_IMAGE=site.image
    ) as agent:
        run = site.run("greeting", label, run_config=UniversalRun(labels=[label]))
        assert site.wait(run, "Success", "Failed") == "Success", site.logs(run)
        site.wait_for_log(run, "hello from the agent at /home/prefect")
        assert "Submitted for execution: Container ID: " in site.logs(run)
        until(lambda: not site.containers(run), agent.written)
        shown = agent.wait_for("to standard output")
        assert "Flow run SUCCESS" in shown
        assert site.key not in shown


def test_a_container_that_is_killed_is_told_of_with_its_exit_code_and_last_output(
    site: Site, label: str
) -> None:
    with site.agent(label, "--no-pull"):
        run = site.run("waiting", label)
        container = site.container(run)
        began = time.monotonic()
        container.kill()
        logs = site.wait_for_log(run, "exited with code 137")
        seconds = time.monotonic() - began
        record("F4 (told by the Docker agent)", "sqlite", None, "<= 15 s", round(seconds, 1))
        assert "The container of the flow run exited with code 137 (SIGKILL)" in logs
        assert "last words of this container" in logs
        site.client.cancel_flow_run(run)
        site.wait(run, "Cancelled", "Failed")


def test_a_container_that_needs_too_much_memory_is_told_of_with_its_limit(site: Site, label: str) -> None:
    with site.agent(label, "--no-pull"):
        run = site.run("eating", label, host_config={"mem_limit": "200m", "memswap_limit": "200m"})
        # What happens depends on the kernel: its out-of-memory killer takes a process, or there is no memory.
        logs = site.wait_for_log(run, "exited with code")
        assert "memory is limited to 200 MiB" in logs
        site.client.cancel_flow_run(run)
        site.wait(run, "Cancelled", "Failed")


def test_the_container_of_a_cancelled_run_is_gone_soon(site: Site, label: str) -> None:
    with site.agent(label, "--no-pull") as agent:
        run = site.run("waiting", label)
        site.container(run)
        began = time.monotonic()
        site.client.cancel_flow_run(run)
        site.wait(run, "Cancelled")
        until(lambda: not site.containers(run), agent.written)
        record("F25 (container gone)", "sqlite", None, "<= 10 s", round(time.monotonic() - began, 1))


def test_the_next_agent_finds_the_containers_of_a_killed_one(site: Site, label: str) -> None:
    with site.agent(label, "--no-pull") as agent:
        goes_on, dies_alone = site.run("waiting", label), site.run("waiting", label)
        container, other = site.container(goes_on), site.container(dies_alone)
        agent.process.send_signal(signal.SIGKILL)
        agent.process.wait(10)
    other.kill()
    with site.agent(label, "--no-pull", "--limit", "2") as agent:
        agent.wait_for(f"Flow run {goes_on}: found its container again: Container ID: {container.id}")
        # Of the one that ended while nobody was there, too.
        site.wait_for_log(dies_alone, "exited with code 137")
        assert site.state(goes_on)[0] == "Running"
        site.client.cancel_flow_run(dies_alone)
        container.kill()
        logs = site.wait_for_log(goes_on, "exited with code 137")
        assert logs.count("before the run was finished") == 1
        until(lambda: container.id not in [c.id for c in site.containers(goes_on)], agent.written)
        site.client.cancel_flow_run(goes_on)
        for run in (goes_on, dies_alone):
            site.wait(run, "Cancelled", "Failed")


def test_an_engine_that_is_away_costs_no_run(site: Site, label: str, proxy: EngineProxy) -> None:
    with site.agent(label, "--no-pull", "--base-url", proxy.url) as agent:
        before = site.run("waiting", label)
        container = site.container(before)
        proxy.cut()
        meanwhile = site.run("greeting", label)
        agent.wait_for("No flow runs are taken until the engine is back")
        assert site.state(before)[0] == "Running"
        assert site.state(meanwhile)[0] != "Failed"

        proxy.is_cut = False
        agent.wait_for("The Docker engine is back")

        assert site.wait(meanwhile, "Success", "Failed") == "Success", site.logs(meanwhile)
        assert site.state(before)[0] == "Running"
        assert [found.id for found in site.containers(before)] == [container.id]
        # It is still looked after.
        site.client.cancel_flow_run(before)
        until(lambda: not site.containers(before), agent.written)


def test_an_agent_that_is_told_to_end_leaves_its_containers_running(site: Site, label: str) -> None:
    with site.agent(label, "--no-pull") as agent:
        run = site.run("waiting", label)
        container = site.container(run)
        agent.process.send_signal(signal.SIGTERM)
        assert agent.process.wait(60) == 0
        assert "takes no more flow runs" in agent.written()
    container.reload()
    assert container.status == "running"
    site.client.cancel_flow_run(run)
    container.remove(force=True)


def test_a_container_that_is_to_be_kept_is_kept(site: Site, label: str) -> None:
    with site.agent(label, "--no-pull") as agent:
        run = site.run("greeting", label, host_config={"auto_remove": False})
        site.wait(run, "Success")
        until(lambda: [c for c in site.containers(run) if c.status == "exited"], agent.written)
    with site.agent(label, "--no-pull") as agent:
        (container,) = site.containers(run)
        assert "found its container again" not in agent.written()
    container.remove()


def test_an_image_that_is_nowhere_fails_the_run_with_the_words_of_the_engine(site: Site, label: str) -> None:
    with site.agent(label):
        run = site.run("greeting", label, run_config=DockerRun(image="localhost/no-such:1", labels=[label]))
        site.wait(run, "Failed")
        site.wait_for_log(run, "The image localhost/no-such:1 cannot be pulled, and is not on this machine")


def test_a_flow_of_docker_storage_runs_in_its_image(site: Site, label: str, monkeypatch: Any) -> None:
    name = f"localhost/agent-flows-{uuid.uuid4().hex[:8]}"
    storage = Docker(
        image_name=name, base_image=site.image, local_image=True, build_kwargs={"network_mode": "none"}
    )
    with Flow("in an image") as flow:
        pass
    storage.add_flow(flow)
    flow.storage = storage.build(push=False)
    flow_id = register(site.client, flow)
    try:
        # It is on this machine only: nothing is pulled.
        with site.agent(label):
            run = site.client.create_flow_run(flow_id=flow_id, labels=[label])
            assert site.wait(run, "Success", "Failed") == "Success", site.logs(run)
    finally:
        site.engine.images.remove(flow.storage.name, force=True)


def test_an_agent_in_a_container_starts_containers_beside_its_own(
    site: Site, label: str, start: Callable[..., Any]
) -> None:
    networks = site.engine.api.inspect_network("bridge")["IPAM"]["Config"]
    gateway = next(config["Gateway"] for config in networks if ":" not in config["Gateway"])
    api = f"http://{gateway}:{urlsplit(site.endpoint).port}"
    words = ["--format", "compose", "--api", api, "--label", label, "--no-pull", "--image", site.image]
    text = subprocess.run(
        [
            sys.executable,
            "-m",
            "prefect",
            "agent",
            "docker",
            "install",
            *words,
            "--volume",
            f"{site.directory}:/flows:ro",
        ],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout
    (service,) = yaml.safe_load(text)["services"].values()
    (mount,) = service["volumes"]
    socket_file = os.environ["DOCKER_HOST"].removeprefix("unix://")
    agent = start(
        service["image"],
        service["command"],
        environment={**service["environment"], "PREFECT__CLOUD__API_KEY": site.key},
        volumes=[mount.replace("/var/run/docker.sock:", f"{socket_file}:", 1)],
        group_add=[str(Path(socket_file).stat().st_gid)],
    )

    def log() -> str:
        agent.reload()
        return str(agent.status) + agent.logs().decode(errors="replace")

    until(lambda: "Waiting for flow runs" in (found := log()) or found.startswith("exited"), log)
    assert "Waiting for flow runs" in log(), log()

    run = site.run("greeting", label, env={"WHO": "a container"})

    assert site.wait(run, "Success", "Failed") == "Success", site.logs(run) + log()
    site.wait_for_log(run, "hello from a container")
    until(lambda: not site.containers(run), log)
    assert site.key not in log()
    agent.kill("SIGTERM")
    assert agent.wait(timeout=60)["StatusCode"] == 0


def test_a_network_from_which_the_api_cannot_be_reached_is_found_out_by_trying(
    site: Site, label: str
) -> None:
    image = {"PREFECT__CLOUD__AGENT__DEFAULT_IMAGE": site.image}
    with site.agent(label, "--network", "none", **image) as agent:
        agent.wait_for("Containers cannot reach the API at http://host.docker.internal:")


def test_a_server_that_containers_cannot_reach_is_found_out(site: Site, label: str, tmp_path: Path) -> None:
    with running_server(tmp_path / "server") as server:
        endpoint = f"http://localhost:{server.port}"
        with set_temporary_config({"cloud.api": endpoint}):
            client = Client()
            client.create_project("p")
            flow_id = register(client, flow_in_containers("greeting", site.directory / "flows.py"))
            own = Site(client, endpoint, "", site.directory, site.engine, site.image, {"greeting": flow_id})
            with own.agent(label, "--no-pull") as agent:
                agent.wait_for("prefect server start --expose")
                unreachable = own.run("greeting", label)
                own.wait(unreachable, "Failed")
                own.wait_for_log(unreachable, "prefect server start --expose")
                # With the network of the machine there is nothing to expose.
                reachable = own.run("greeting", label, host_config={"network_mode": "host"})
                assert own.wait(reachable, "Success", "Failed") == "Success", own.logs(reachable)
