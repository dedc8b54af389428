"""Webhook storage against a small HTTP server that keeps what it is sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import prefect
from prefect import Flow
from prefect.exceptions import FlowStorageError
from prefect.serialization.storage import StorageSchema
from prefect.storage import Webhook

KEY = "k3y-of-the-tests"


class Shelf(ThreadingHTTPServer):
    """Keeps bodies by path, for whoever sends the key."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.kept: dict[str, bytes] = {}
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Shelf

    def log_message(self, *args: Any) -> None:
        """Be quiet."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self._allowed():
            self.server.kept[self.path] = body
            self._send(201, b"")

    do_PUT = do_PATCH = do_POST

    def do_GET(self) -> None:
        if self._allowed():
            found = self.server.kept.get(self.path)
            self._send(404 if found is None else 200, found or b"")

    def _allowed(self) -> bool:
        if self.headers["X-Key"] == KEY:
            return True
        self._send(403, b"")
        return False

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    with Shelf() as server, prefect.context(secrets={"KEY": KEY, "PLACE": "secret"}):
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("SHELF", server.url)
        monkeypatch.setenv("PLACE", "variable")
        yield server
        server.shutdown()
        thread.join()


def webhook(url: str = "${SHELF}/${PLACE}", method: str = "POST", **more: Any) -> Webhook:
    request: dict[str, Any] = {"url": url, "headers": {"X-Key": "${KEY}"}, "params": {"v": ["$PLACE", 1]}}
    storage = Webhook(request, method, request, "GET", **more)
    storage.add_flow(Flow("f"))
    return storage


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_pickled_flow_goes_there_and_comes_back(shelf: Shelf, method: str) -> None:
    built = webhook(method=method).build()

    assert list(shelf.kept) == ["/variable?v=variable&v=1"]  # a variable comes before a secret of its name
    assert StorageSchema().load(built.serialize()).get_flow("f").name == "f"


def test_a_script_goes_there_and_comes_back(shelf: Shelf, tmp_path: Path) -> None:
    script = tmp_path / "flow.py"
    script.write_text("from prefect import Flow\nf = Flow('f')\n")

    built = webhook(stored_as_script=True, flow_script_path=str(script)).build()

    assert shelf.kept["/variable?v=variable&v=1"] == script.read_bytes()
    assert StorageSchema().load(built.serialize()).get_flow("f").name == "f"


def test_values_of_secrets_are_not_kept_in_the_storage(shelf: Shelf) -> None:
    assert KEY not in str(webhook().build().serialize())


def test_what_the_server_refuses_is_said_without_secrets(shelf: Shelf) -> None:
    storage = webhook("${SHELF}/${KEY}")
    with pytest.raises(FlowStorageError, match=r"Cannot download flow 'f': GET \$\{SHELF\}/\$\{KEY\} .* 404"):
        storage.get_flow("f")
    with (
        prefect.context(secrets={"KEY": "wrong"}),
        pytest.raises(FlowStorageError, match=r"Cannot upload flow 'f': POST .* 403") as caught,
    ):
        storage.build()
    assert "wrong" not in str(caught.value)


def test_a_server_that_does_not_answer_is_named_without_secrets(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELF", "http://127.0.0.1:1")

    with pytest.raises(
        FlowStorageError, match=r"POST \$\{SHELF\}/\$\{KEY\} failed: ConnectionError"
    ) as caught:
        webhook("${SHELF}/${KEY}").build()
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("storage", "message"),
    [
        ({"url": "${NOBODY_KNOWS}"}, "'NOBODY_KNOWS' does not refer to an environment variable or"),
        ({"stored_as_script": True}, "flow_script_path must be provided"),
        ({"stored_as_script": True, "flow_script_path": "gone.py"}, r"'gone\.py' .* does not exist"),
    ],
)
def test_what_is_missing_is_said(shelf: Shelf, storage: dict[str, Any], message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        webhook(**storage).build()


def test_a_flow_that_was_never_added_is_refused(shelf: Shelf) -> None:
    with pytest.raises(ValueError, match="Flow is not contained in this Storage"):
        webhook().get_flow("another")
