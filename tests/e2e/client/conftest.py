"""A real server for the tests of this folder, `prefect` processes that talk to it, and a small agent."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from matrix_site import Site, running_site

from prefect import Client
from prefect.utilities.configuration import set_temporary_config

Prefect = Callable[..., "subprocess.CompletedProcess[str]"]

_FLOWS = """
import prefect
from prefect import Flow, Parameter, task
from prefect.engine.results import LocalResult

@task
def numbers(n):
    return list(range(n))

@task
def double(x):
    prefect.context.logger.info("doubling %s", x)
    return 2 * x

@task
def fail():
    raise ValueError("it does not work")

with Flow("doubled", result=LocalResult()) as doubled:
    n = Parameter("n", default=3)
    double.map(numbers(n))

with Flow("failing") as failing:
    fail()
"""


@contextmanager
def running_server(directory: Path, *words: str) -> Iterator[str]:
    """Address of a server with a new SQLite database in a directory."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    log = directory / "server.log"
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
    command += ["--data-dir", str(directory / "data"), *words]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    url = f"http://localhost:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            try:
                urllib.request.urlopen(f"{url}/health", timeout=2).close()
                break
            except OSError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the server of these tests."""
    with running_server(tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    """A client of the server, which is the configured one meanwhile."""
    with set_temporary_config({"cloud.api": url}):
        yield Client()


@pytest.fixture
def prefect_at(tmp_path: Path) -> Callable[[str], Prefect]:
    """Runs `prefect WORDS` in an empty folder, for a server."""

    def bound(address: str) -> Prefect:
        def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-m", "prefect", *words],
                capture_output=True,
                text=True,
                encoding="utf-8",
                cwd=tmp_path,
                env={
                    **os.environ,
                    "PYTHONIOENCODING": "utf-8",
                    "PREFECT__SERVER__ENDPOINT": address,
                    **env,
                },
                stdin=subprocess.DEVNULL,
                timeout=120,
                check=False,
            )

        return run

    return bound


@pytest.fixture
def prefect(prefect_at: Callable[[str], Prefect], url: str) -> Prefect:
    """Runs `prefect WORDS` in an empty folder, for the server of these tests."""
    return prefect_at(url)


@pytest.fixture
def project(client: Client, request: pytest.FixtureRequest) -> str:
    """A project of its own for each test."""
    name = request.node.name
    client.create_project(name)
    return name


@pytest.fixture
def flow_file(tmp_path: Path) -> Path:
    """A file with the flows `doubled` and `failing`."""
    path = tmp_path / "flows.py"
    path.write_text(_FLOWS, encoding="utf-8")
    return path


@pytest.fixture
def registered(prefect: Prefect, project: str, flow_file: Path) -> str:
    """A project with the flows `doubled` and `failing`."""
    done = prefect("register", "--project", project, "-p", str(flow_file), "--label", project)
    assert done.returncode == 0, done.stdout + done.stderr
    return project


@pytest.fixture
def agent(url: str, client: Client, project: str) -> Iterator[list[str]]:
    """Starts every run with the test's label, and lists their ids."""
    started: list[str] = []
    processes: list[subprocess.Popen[bytes]] = []
    stop = threading.Event()
    own = Client(api_server=url)
    label = f"{os.uname().nodename}"
    document = "mutation($i: get_runs_in_queue_input!) { get_runs_in_queue(input: $i) { flow_run_ids } }"

    def work() -> None:
        from prefect.engine.state import Submitted

        while not stop.wait(0.2):
            value = {"tenant_id": own.tenant_id, "labels": [project, label]}
            for run_id in own.graphql(document, variables={"i": value}).data.get_runs_in_queue.flow_run_ids:
                own.set_flow_run_state(run_id, Submitted("taken", state=own.get_flow_run_state(run_id)))
                env = {
                    **os.environ,
                    "PREFECT__CLOUD__API": url,
                    "PREFECT__CONTEXT__FLOW_RUN_ID": run_id,
                    "PREFECT__ENGINE__FLOW_RUNNER__DEFAULT_CLASS": "prefect.engine.cloud.CloudFlowRunner",
                }
                command = [sys.executable, "-m", "prefect", "execute", "flow-run"]
                processes.append(subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL))
                started.append(run_id)

    thread = threading.Thread(target=work)
    thread.start()
    yield started
    stop.set()
    thread.join()
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def serve() -> Callable[..., AbstractContextManager[str]]:
    """Starts a server: `with serve(DIRECTORY, *OPTIONS) as url`."""
    return running_server


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server, an agent and the flows of `matrix_flows.py`, on each database."""
    backend: str = request.param
    url = request.getfixturevalue("cluster").create("matrix") if backend == "postgresql" else ""
    with running_site(
        tmp_path_factory.mktemp(backend), url, Path(__file__).with_name("matrix_flows.py")
    ) as made:
        yield made
