"""A server process with a database of its own, and whoever asks it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass
class ServerProcess:
    """A server that runs.

    Attributes:
        url: where.
        key: a key of its admin; None where none are needed.
        process: the process.
        log: file of its output.
    """

    url: str
    key: str | None
    process: subprocess.Popen[bytes]
    log: Path

    def __call__(self, document: str, variables: dict[str, Any] | None = None) -> Any:
        """The data of an answer."""
        headers = {"content-type": "application/json"}
        if self.key:
            headers["authorization"] = f"Bearer {self.key}"
        body = json.dumps({"query": document, "variables": variables}).encode()
        request = urllib.request.Request(self.url, body, headers)
        with urllib.request.urlopen(request, timeout=30) as reply:
            answer = json.loads(reply.read())
        assert "errors" not in answer, answer
        return answer["data"]

    def until(self, document: str, holds: Callable[[Any], bool], timeout_s: float = 90) -> Any:
        """The data of an answer, once it is as wished: other processes get it there."""
        deadline = time.monotonic() + timeout_s
        while not holds(data := self(document)):
            assert time.monotonic() < deadline, f"still {data}\n{self.log.read_text()[-2000:]}"
            time.sleep(0.3)
        return data


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextmanager
def server_process(directory: Path, *words: str, requires_keys: bool) -> Iterator[ServerProcess]:
    directory.mkdir(parents=True, exist_ok=True)
    port = free_port()
    log, key_file = directory / "output.log", directory / "key"
    command = [
        *(sys.executable, "-m", "prefect", "server", "start"),
        *("--data-dir", str(directory / "data"), "--port", str(port), *words),
    ]
    if requires_keys:
        command += ["--require-keys", "--bootstrap-key-file", str(key_file)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=dict(os.environ))
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
        key = key_file.read_text().strip() if requires_keys else None
        yield ServerProcess(url, key, process, log)
    finally:
        process.terminate()
        try:
            assert process.wait(20) == 0, log.read_text()
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(log.read_text()) from None


@pytest.fixture(scope="session")
def start_server() -> Callable[..., Any]:
    return server_process
