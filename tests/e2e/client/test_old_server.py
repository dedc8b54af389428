"""A Prefect Server of 1.x that is too old for flows of this version."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from prefect import __version__


class _OldServer(BaseHTTPRequestHandler):
    asked: list[str]
    version = "2021.08.30"

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["content-length"])))["query"]
        self.asked.append(query)
        data = {"hello": "hi", "api": {"version": self.version}, "tenant": [{"id": "t", "slug": "s"}]}
        text = json.dumps({"data": data}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def old_server() -> Iterator[tuple[str, list[str]]]:
    """Its address, and what it is asked."""
    asked: list[str] = []
    handler = type("_Handler", (_OldServer,), {"asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://localhost:{server.server_address[1]}", asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("is_watched", [False, True])
def test_registering_stops_with_both_versions_and_what_to_upgrade(
    prefect_at: Callable[[str], Any],
    old_server: tuple[str, list[str]],
    flow_file: Path,
    is_watched: bool,
) -> None:
    url, asked = old_server
    words = ["register", "--project", "p", "-p", str(flow_file), *(["--watch"] if is_watched else [])]
    done = prefect_at(url)(*words)
    assert done.returncode == 1
    assert "is Prefect Server 2021.08.30" in done.stderr
    assert f"Prefect {__version__}" in done.stderr
    assert "Upgrade it to Prefect Server 2021.09.02 or newer" in done.stderr
    assert not any("mutation" in query for query in asked)
