"""A Docker engine that remembers what it was asked, and does nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, cast
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest


class Request(NamedTuple):
    """What was asked: the path has no version of the API."""

    method: str
    path: str
    query: dict[str, str]
    body: Any


class Engine(ThreadingHTTPServer):
    """Listens on this machine; answers as an engine does whose only container and image are there."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[Request] = []
        self.exit_code = 0
        self.messages: list[dict[str, Any]] = [{"status": "one"}, {"status": "two"}]
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Its address, as tasks take it."""
        return f"tcp://127.0.0.1:{self.server_address[1]}"

    def stop(self) -> None:
        """End it."""
        self.shutdown()
        self.server_close()
        self._thread.join()

    def reply(self, method: str, path: str) -> tuple[int, object]:
        """The status and the content of an answer."""
        if path == "/containers/create":
            return 201, {"Id": "c1", "Warnings": []}
        if path.endswith("/wait"):
            return 200, {"StatusCode": self.exit_code, "Error": None}
        if path.endswith("/logs"):
            return 200, "hello\nworld\n"
        if path in ("/containers/json", "/images/json"):
            return 200, [{"Id": "1"}]
        if path.endswith("/json"):
            return 200, {"Id": "c1", "Config": {"Tty": True}}
        if path in ("/images/create", "/build") or path.endswith("/push"):
            return 200, "".join(json.dumps(message) + "\r\n" for message in self.messages)
        if path.endswith("/tag"):
            return 201, ""
        if path.startswith("/images/"):
            return 200, [{"Deleted": "i"}]
        return 204, ""


class _Handler(BaseHTTPRequestHandler):
    server: Engine  # type: ignore[assignment]

    def _answer(self) -> None:
        sent = self._body()
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        if path == "/version":
            self._send(200, {"ApiVersion": "1.41"})
            return
        path = "/" + path.split("/", 2)[2]
        body = json.loads(sent) if sent[:1] == b"{" else sent
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self.server.requests.append(Request(str(self.command), path, query, body))
        self._send(*self.server.reply(str(self.command), path))

    do_GET = do_POST = do_DELETE = _answer

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found = b""
        while size := int(self.rfile.readline(), 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def _send(self, status: int, value: object) -> None:
        data = cast("str", value).encode() if isinstance(value, str) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what was asked is in `Engine.requests`."""


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine of this test's own."""
    engine = Engine()
    yield engine
    engine.stop()
