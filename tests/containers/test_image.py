"""The image of deploy/: server and agent run in it, as nobody special, without writing outside of their volumes."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from live_server import free_port

import prefect
from prefect import Client, Flow, task
from prefect.run_configs import UniversalRun
from prefect.storage import Local

#: What deploy/compose.yaml gives each container.
HARDENED = {
    "read_only": True,
    "tmpfs": {"/tmp": ""},
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "init": False,
    "network_mode": "host",
}
_LIMIT_S = 90
_AGENT = (
    'printf \'%s\' "$SCRIPT" > /opt/prefect/f.py; PREFECT__CLOUD__API_KEY="$(cat /keys/admin.key)" '
    "exec prefect agent local start --no-hostname-label --api http://127.0.0.1:{port}"
)


def until(holds: Callable[[], Any], what: str) -> Any:
    """What a condition gives once it holds."""
    end = time.monotonic() + _LIMIT_S
    while time.monotonic() < end:
        found = holds()
        if found:
            return found
        time.sleep(0.2)
    pytest.fail(f"{what}: not within {_LIMIT_S} s")


@pytest.fixture
def volumes(engine: Any) -> Iterator[dict[str, dict[str, str]]]:
    """Volumes for keys, and for the homes of server and agent."""
    made = {
        name: engine.volumes.create(f"prefect-{name}-{uuid.uuid4().hex[:8]}")
        for name in ("keys", "home", "work")
    }
    paths = {"keys": "/keys", "home": "/home/prefect/.prefect", "work": "/opt/prefect"}
    yield {name: {volume.name: {"bind": paths[name], "mode": "rw"}} for name, volume in made.items()}  # type: ignore[misc]
    for volume in made.values():
        volume.remove(force=True)


def logs(container: Any) -> str:
    return container.logs().decode(errors="replace")


def test_the_image_runs_as_nobody_special(engine: Any, run: Callable[..., str], image: str) -> None:
    shown = run(image, "sh", "-c", "id -u; prefect version; touch /etc/x 2>&1; true").splitlines()

    assert shown[:2] == ["10001", prefect.__version__]
    assert "Permission denied" in shown[2]
    assert engine.images.get(image).attrs["Config"]["User"] == "10001:10001"


def test_what_a_flow_run_needs_is_in_the_image(run: Callable[..., str], image: str) -> None:
    run(
        image,
        "python",
        "-c",
        "import psycopg, kubernetes.client, docker, distributed, dask, prefect.server.app",
    )

    assert "No broken requirements" in run(image, "pip", "check")


def test_the_exit_code_of_a_command_is_that_of_its_container(start: Callable[..., Any], image: str) -> None:
    container = start(image, ["sh", "-c", "exit 7"], network_mode="none")

    assert container.wait()["StatusCode"] == 7


def test_a_server_and_an_agent_run_a_flow(volumes: Any, start: Callable[..., Any], image: str) -> None:
    port = free_port()
    server = start(
        image,
        [
            *("prefect", "server", "start", "--expose", "--port", str(port), "--hide-welcome"),
            *("--bootstrap-key-file", "/keys/admin.key"),
        ],
        name=f"prefect-test-server-{port}",
        volumes={**volumes["keys"], **volumes["home"]},
        **HARDENED,
    )
    key = until(
        lambda: (
            server.exec_run(["cat", "/keys/admin.key"]).output.decode().strip()
            if server.exec_run(["test", "-s", "/keys/admin.key"]).exit_code == 0
            else ""
        ),
        "the server writes its first key",
    )
    probe = f"import urllib.request as u; u.urlopen('http://127.0.0.1:{port}/health', timeout=4)"
    until(lambda: server.exec_run(["python", "-c", probe]).exit_code == 0, "the server is healthy")

    # A file that only the container has: storage of kind Local, in the image of the agent.
    script = "from prefect import Flow, task\n@task\ndef answer():\n    return 42\nwith Flow('f') as f:\n    answer()\n"
    agent = start(
        image,
        ["sh", "-c", _AGENT.format(port=port)],
        name=f"prefect-test-agent-{port}",
        environment={"SCRIPT": script},
        volumes={**volumes["keys"], **volumes["work"]},
        **{**HARDENED, "tmpfs": {"/tmp": "", "/home/prefect/.prefect": "mode=1777"}},
    )
    client = Client(api_server=f"http://127.0.0.1:{port}", api_key=key)
    client.create_project("p")
    with Flow("f") as flow:
        task(lambda: 42, name="answer")()
    flow.storage = Local(
        path="/opt/prefect/f.py",
        stored_as_script=True,
        add_default_labels=False,
        directory="/opt/prefect",
        validate=False,
    )
    flow.storage.add_flow(flow)
    flow.run_config = UniversalRun()
    run_id = client.create_flow_run(flow_id=client.register(flow, "p", no_url=True, build=False))

    state = until(
        lambda: (state := client.get_flow_run_state(run_id)).is_finished() and state, "the run ends"
    )

    assert state.is_successful(), f"{state}\n{logs(agent)}\n{logs(server)}"
    # Told to stop, both end by themselves.
    for container in (agent, server):
        container.stop(timeout=30)
        container.reload()
        assert container.attrs["State"]["ExitCode"] in (0, 143), logs(container)
    assert key not in logs(agent)
