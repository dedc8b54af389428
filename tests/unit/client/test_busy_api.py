"""An API that is busy, or whose connection breaks, is asked again; links lead to where it is."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from prefect import Client
from prefect.exceptions import ClientError
from prefect.utilities.configuration import set_temporary_config


class BusyApi:
    """Answers `{"data": {"hello": 1}}`, after what it is told to do first."""

    def __init__(self) -> None:
        self.before: list[Any] = []
        self.asked = 0
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                api.asked += 1
                what = api.before.pop(0) if api.before else 200
                if what == "reset":  # ECONNRESET
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                    self.connection.close()
                    return
                status, body = what if isinstance(what, tuple) else (what, {"data": {"hello": 1}})
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def finish(self) -> None:
                if not self.wfile.closed:
                    try:
                        self.wfile.flush()
                    except OSError:
                        return
                self.wfile.close()
                self.rfile.close()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def api() -> Iterator[BusyApi]:
    found = BusyApi()
    yield found
    found.stop()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the client waited, of which none passes."""
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    return waited


BUSY = (200, {"errors": [{"message": "read ECONNRESET", "extensions": {"code": "API_ERROR"}}]})


@pytest.mark.parametrize("trouble", [503, 502, 504, 429, 500, "reset", BUSY])
def test_what_passes_is_waited_for(api: BusyApi, waits: list[float], trouble: Any) -> None:
    api.before = [trouble] * 3
    client = Client(api_server=api.url)
    assert client.graphql("query { hello }").data.hello == 1
    assert api.asked == 4
    assert len(waits) >= 3
    assert waits == sorted(waits), "waits become longer"
    client.session.close()


@pytest.mark.parametrize("trouble", [503, "reset", BUSY])
def test_it_is_not_asked_for_ever(api: BusyApi, waits: list[float], trouble: Any) -> None:
    api.before = [trouble] * 100
    client = Client(api_server=api.url)
    with pytest.raises((ClientError, requests.RequestException)):
        client.graphql("query { hello }")
    assert api.asked == 7
    assert sum(waits) < 200
    client.session.close()


def test_a_refusal_is_not_repeated(api: BusyApi, waits: list[float]) -> None:
    api.before = [(200, {"errors": [{"message": "no", "extensions": {"code": "BAD_USER_INPUT"}}]})]
    client = Client(api_server=api.url)
    with pytest.raises(ClientError, match="BAD_USER_INPUT"):
        client.graphql("query { hello }")
    assert (api.asked, waits) == (1, [])
    client.session.close()


class OneTenant:
    """A transport to an API with one tenant."""

    def send(self, *_: Any, **__: Any) -> Any:
        reply = requests.Response()
        reply.status_code = 200
        reply._content = b'{"data": {"tenant": [{"id": "t", "slug": "own"}]}}'
        return reply


@pytest.mark.parametrize(
    ("settings", "api_server", "link"),
    [
        ({}, "http://localhost:4200", "http://localhost:4200/own/flow-run/1"),
        ({}, "http://prefect.example:8000/graphql", "http://prefect.example:8000/own/flow-run/1"),
        (
            {"server.ui.endpoint": "https://ui.example"},
            "http://api:4200",
            "https://ui.example/own/flow-run/1",
        ),
    ],
)
def test_links_lead_to_the_server_that_is_asked_unless_the_ui_is_elsewhere(
    settings: dict[str, str], api_server: str, link: str
) -> None:
    with set_temporary_config(settings):
        client = Client(api_server=api_server, tenant_id="t", transport=OneTenant())
        assert client.get_cloud_url("flow-run", "1") == link
