from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

import prefect
from prefect import Flow
from prefect.tasks.notifications import PushbulletTask, SlackTask


class Service(BaseHTTPRequestHandler):
    """Keeps what is posted to it; refuses it under `/broken`."""

    posted: list[tuple[str, Any, str | None]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.posted.append((self.path, body, self.headers.get("Access-Token")))
        self.send_response(500 if self.path == "/broken" else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None: ...


@pytest.fixture
def service() -> Iterator[str]:
    Service.posted = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_text_is_posted_to_the_webhook_in_the_secret(service: str) -> None:
    with Flow("slack") as flow:
        SlackTask()(message="hello")
        SlackTask("from another", webhook_secret="OTHER")()

    with prefect.context(secrets={"SLACK_WEBHOOK_URL": f"{service}/hook", "OTHER": f"{service}/other"}):
        assert flow.run().is_successful()
    assert Service.posted == [
        ("/hook", {"text": "hello"}, None),
        ("/other", {"text": "from another"}, None),
    ]


def test_a_dictionary_is_posted_as_it_is_and_an_address_comes_before_the_secret(service: str) -> None:
    message = {"blocks": [{"type": "divider"}]}
    SlackTask(message).run(webhook_url=f"{service}/direct")
    assert Service.posted == [("/direct", message, None)]


def test_what_slack_refuses_fails_the_task(service: str) -> None:
    with pytest.raises(requests.HTTPError, match="500"):
        SlackTask("x").run(webhook_url=f"{service}/broken")
    with pytest.raises(ValueError, match="A message must be provided"):
        SlackTask().run(webhook_url=service)
    with pytest.raises(ValueError, match='Local Secret "SLACK_WEBHOOK_URL" was not found'):
        SlackTask("x").run()


def test_a_note_is_sent_to_pushbullet(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefect.tasks.notifications.pushbullet_task._PUSHES", f"{service}/v2/pushes")
    with prefect.context(secrets={"PUSHBULLET_TOKEN": "of the secret"}):
        PushbulletTask("hello").run()
        PushbulletTask().run(msg="again", access_token="given")
    assert Service.posted == [
        ("/v2/pushes", {"type": "note", "title": "Flow Notification", "body": "hello"}, "of the secret"),
        ("/v2/pushes", {"type": "note", "title": "Flow Notification", "body": "again"}, "given"),
    ]


def test_what_pushbullet_refuses_fails_the_task(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefect.tasks.notifications.pushbullet_task._PUSHES", f"{service}/broken")
    with pytest.raises(requests.HTTPError, match="500"):
        PushbulletTask("x").run(access_token="t")
    with pytest.raises(ValueError, match="A message must be provided"):
        PushbulletTask().run(access_token="t")
    with pytest.raises(ValueError, match='Local Secret "PUSHBULLET_TOKEN" was not found'):
        PushbulletTask("x").run()
