"""The demo: a server, an agent, registered flows, and a run that is watched."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from prefect.server.process import running

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """A copy of the examples, because they write beside themselves."""
    return Path(shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns("output")))


def start(examples: Path, *words: str) -> subprocess.Popen[str]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    words = words if "--port" in words else (*words, "--port", str(port))
    return subprocess.Popen(
        [sys.executable, str(examples / "demo.py"), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "NO_COLOR": "1"},
    )


def test_the_demo_runs_a_registered_flow_through_an_agent_and_ends_also_where_its_port_is_in_use(
    examples: Path,
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        demo = start(examples, "--once", "--port", port)
        output, _ = demo.communicate(timeout=180)
    assert demo.returncode == 0, output
    assert f"Port {port} is in use" in output
    assert re.search(r"\$ prefect register --project demo --path examples/package_survey\.py", output), output
    assert "Task 'write_report': Finished task run for task with final state: 'Success'" in output
    assert "Flow run succeeded!" in output
    assert "# The Python packages installed here" in output
    assert running(examples / "output" / "demo" / "data") is None


def test_a_demo_that_stays_serves_until_ctrl_c_and_a_second_one_says_where_it_is(examples: Path) -> None:
    first = start(examples)
    assert first.stdout is not None
    try:
        lines: list[str] = []
        for line in first.stdout:
            lines.append(line)
            if line.startswith("Look at it: "):
                break
        else:
            raise AssertionError("".join(lines))
        url = lines[-1].split()[3]
        with urllib.request.urlopen(f"{url}/health", timeout=30) as reply:
            assert reply.status == 200

        second = start(examples, "--once")
        output, _ = second.communicate(timeout=60)
        assert second.returncode == 1
        assert f"The demo runs already: {url}" in output

        first.send_signal(signal.SIGINT)
        rest, _ = first.communicate(timeout=60)
        assert first.returncode == 0, rest
        assert "The server and the agent have ended." in rest
        assert running(examples / "output" / "demo" / "data") is None
    finally:
        if first.poll() is None:
            first.terminate()  # it ends its server and agent then
        first.communicate(timeout=60)


def test_a_database_of_another_program_is_left_alone_and_named(examples: Path) -> None:
    data = examples / "output" / "demo" / "data"
    data.mkdir(parents=True)
    database = sqlite3.connect(data / "prefect.db")
    database.execute("CREATE TABLE something (id INTEGER)")
    database.commit()
    database.close()
    before = (data / "prefect.db").read_bytes()
    demo = start(examples, "--once")
    output, _ = demo.communicate(timeout=60)
    assert demo.returncode == 1
    assert "The server did not start" in output
    assert f"To begin anew, delete {examples / 'output' / 'demo'}" in output
    assert (data / "prefect.db").read_bytes() == before
