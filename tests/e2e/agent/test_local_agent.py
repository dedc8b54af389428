"""`prefect agent local start` as a process, with a real server."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from prefect import Client
from prefect.utilities.configuration import set_temporary_config

_FLOWS = """
import os
from prefect import Flow, task

@task
def work():
    print("worked")

@task
def die():
    print("about to die", flush=True)
    os.kill(os.getpid(), 9)

with Flow("working") as working:
    work()

with Flow("dying") as dying:
    die()
"""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Address of a server on which the flows are registered, and a folder."""
    folder = tmp_path_factory.mktemp("agent")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    url = f"http://localhost:{port}"
    env = {**os.environ, "PREFECT__SERVER__ENDPOINT": url}
    log = folder / "server.log"
    command = [*(sys.executable, "-m", "prefect", "server", "start", "--port", str(port))]
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*command, "--data-dir", str(folder / "data")], stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + 60
        while True:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            try:
                urllib.request.urlopen(f"{url}/health", timeout=2).close()
                break
            except OSError:
                time.sleep(0.1)
        (folder / "flows.py").write_text(_FLOWS, encoding="utf-8")
        for words in (["create", "project", "p"], ["register", "--project", "p", "-p", "flows.py"]):
            done = subprocess.run(
                [sys.executable, "-m", "prefect", *words],
                env=env,
                cwd=folder,
                capture_output=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
        yield url, folder
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(params=["--warm-start", "--no-warm-start"])
def finished(
    api: tuple[str, Path], request: pytest.FixtureRequest
) -> Iterator[Callable[[str], tuple[str, str]]]:
    """Runs a flow through a local agent: its final state, and its log."""
    url, folder = api
    env = {**os.environ, "PREFECT__SERVER__ENDPOINT": url}
    log = folder / f"agent{request.param}.log"
    words = ["agent", "local", "start", "--limit", "2", request.param]
    with log.open("wb") as output:
        agent = subprocess.Popen(
            [sys.executable, "-m", "prefect", *words], env=env, cwd=folder, stdout=output, stderr=output
        )

    def run(name: str) -> tuple[str, str]:
        with set_temporary_config({"cloud.api": url}):
            client = Client()
            where = f'{{ flow(where: {{ name: {{ _eq: "{name}" }} }}) {{ id }} }}'
            run_id = client.create_flow_run(flow_id=client.graphql(where).data.flow[0].id)
            document = "query($id: uuid!) { flow_run_by_pk(id: $id) { state logs { message } } }"
            deadline = time.monotonic() + 60
            while True:
                found = client.graphql(document, variables={"id": run_id}).data.flow_run_by_pk
                if found.state in ("Success", "Failed"):
                    return found.state, "\n".join(line.message for line in found.logs)
                assert time.monotonic() < deadline, f"{found.state}\n{log.read_text()}"
                time.sleep(0.2)

    yield run
    agent.send_signal(signal.SIGTERM)
    try:
        assert agent.wait(30) == 0, log.read_text()
    finally:
        agent.kill()


def test_a_run_succeeds_and_a_process_that_dies_is_explained_in_the_log_of_its_run(
    finished: Callable[[str], tuple[str, str]],
) -> None:
    assert finished("working")[0] == "Success"
    state, log = finished("dying")
    assert state == "Failed"
    assert "The process of the flow run was killed by SIGKILL before the run was finished." in log
    assert "about to die" in log
