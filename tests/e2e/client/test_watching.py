"""Following runs while the server goes away, and while no agent is there."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from prefect import Client
from prefect.utilities.configuration import set_temporary_config

Prefect = Callable[..., "subprocess.CompletedProcess[str]"]


def start_server(folder: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen([*command, "--data-dir", str(folder / "data")], stdout=log, stderr=log)
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None
        assert time.monotonic() < deadline
        try:
            urllib.request.urlopen(f"http://localhost:{port}/health", timeout=2).close()
        except OSError:
            time.sleep(0.05)
        else:
            return process


@pytest.mark.skipif(sys.platform == "win32", reason="kills with a signal")
def test_a_watched_run_is_followed_on_when_the_server_comes_back(
    prefect_at: Callable[[str], Prefect], tmp_path: Path
) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    url = f"http://localhost:{port}"
    prefect = prefect_at(url)
    server = start_server(tmp_path, port)
    watch = None
    try:
        (tmp_path / "idle.py").write_text(
            "from prefect import Flow, Task\nflow = Flow('idle', tasks=[Task('a')])\n"
        )
        assert prefect("register", "--project", "p", "--create-project", "-p", "idle.py").returncode == 0
        run_id = prefect("run", "-n", "idle", "--label", "nobody", "--quiet").stdout.strip()
        watch = subprocess.Popen(
            [sys.executable, "-m", "prefect", "watch", run_id, "-o", "jsonl"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PREFECT__SERVER__ENDPOINT": url},
        )
        assert watch.stdout is not None
        assert json.loads(watch.stdout.readline())["state"] == "Scheduled"
        server.send_signal(signal.SIGKILL)
        server.wait(20)
        time.sleep(1)  # it looks at least once meanwhile
        assert watch.poll() is None
        server = start_server(tmp_path, port)
        with set_temporary_config({"cloud.api": url}):
            from prefect.engine.state import Success

            Client().set_flow_run_state(run_id, Success("done elsewhere"))
        told, _ = watch.communicate(timeout=60)
        assert watch.returncode == 0
        lines = [json.loads(line) for line in told.splitlines()]
        assert [line["state"] for line in lines if line["type"] == "state"] == ["Success"]
        assert lines[-1] == {"type": "result", "state": "Success", "message": "done elsewhere"}
    finally:
        for process in (watch, server):
            if process is not None:
                process.kill()
                process.wait(20)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo terminals")
@pytest.mark.parametrize(("answer", "status", "state"), [("\n", 11, "Cancelled"), ("n\n", 130, "Scheduled")])
def test_ctrl_c_asks_whether_to_cancel_the_run(
    prefect: Prefect, registered: str, client: Client, url: str, answer: str, status: int, state: str
) -> None:
    words = ("run", "-n", "doubled", "--project", registered, "--label", "nobody", "--quiet")
    run_id = prefect(*words).stdout.strip()
    terminal, inside = os.openpty()
    env = {name: value for name, value in os.environ.items() if name not in ("CI", "PREFECT_NO_INPUT")}
    watch = subprocess.Popen(
        [sys.executable, "-m", "prefect", "watch", run_id, "-o", "jsonl"],
        stdin=inside,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**env, "PREFECT__SERVER__ENDPOINT": url},
    )
    try:
        assert watch.stdout is not None
        assert json.loads(watch.stdout.readline())["state"] == "Scheduled"
        watch.send_signal(signal.SIGINT)
        os.write(terminal, answer.encode())
        told, asked = watch.communicate(timeout=60)
    finally:
        watch.kill()
        watch.wait(20)
        os.close(terminal)
        os.close(inside)
    assert "Cancel the flow run?" in asked
    assert watch.returncode == status
    assert [json.loads(line)["state"] for line in told.splitlines()] == (
        ["Cancelled"] if status == 11 else []
    )
    where = f'query {{ flow_run_by_pk(id: "{run_id}") {{ state }} }}'
    assert client.graphql(where).data.flow_run_by_pk.state == state


def test_agents_with_other_labels_are_named(
    client: Client, agent_named: Callable[[str, list[str]], str]
) -> None:
    from prefect.backend.flow_run import check_for_compatible_agents

    agent_named("far away", ["gpu", "linux"])
    told = check_for_compatible_agents(["no agent has this"])
    assert "do not have an agent with labels {'no agent has this'}" in told
    assert "far away (gpu, linux)" in told


@pytest.fixture
def agent_named(client: Client) -> Callable[[str, list[str]], str]:
    """Registers an agent that has just asked for work."""

    def register(name: str, labels: list[str]) -> str:
        agent_id = client.register_agent(agent_type="LocalAgent", name=name, labels=labels)
        document = "mutation($i: get_runs_in_queue_input!) { get_runs_in_queue(input: $i) { flow_run_ids } }"
        value = {"tenant_id": client.tenant_id, "labels": labels}
        client.graphql(document, variables={"i": value}, headers={"X-PREFECT-AGENT-ID": agent_id})
        return agent_id

    return register
