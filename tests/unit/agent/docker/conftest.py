"""An HTTP server that speaks the part of the Docker API that the agent uses.

Real engines are used in tests/containers. This one says what the engine there does not say: that a
container was out of memory, that it is Docker itself, that it is not well.
"""

from __future__ import annotations

import json
import re
import struct
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

Answer = tuple[int, Any]


class FakeDocker:
    """Containers in memory.

    Attributes:
        containers: by id, as `inspect` shows them.
        created: what containers were asked for, with their names.
        acts: `kill 1 SIGTERM`, `remove 1`, `start 1`, `pull name:tag`.
        images: images that are there.
        networks: gateways of networks by name.
        answers: what to answer instead: `{"start": (500, "broken")}`.
        output: of every container.
        exit_code: of every container that is waited for.
    """

    def __init__(self) -> None:
        self.containers: dict[str, dict[str, Any]] = {}
        self.created: list[tuple[str, dict[str, Any]]] = []
        self.acts: list[str] = []
        self.images: set[str] = set()
        self.networks = {"bridge": "172.17.0.1"}
        self.answers: dict[str, Answer] = {}
        self.pull_lines: list[dict[str, Any]] = [{"status": "Downloaded"}]
        self.components: list[dict[str, str]] = [{"Name": "Engine"}]
        self.output = b""
        self.exit_code = 0
        self.url = ""
        self.news = threading.Condition()

    def wait_until(self, holds: Callable[[], Any]) -> bool:
        """Whether a condition came to hold, looked at after each request."""
        with self.news:
            return bool(self.news.wait_for(holds, 60))

    def end(self, container_id: str, **state: Any) -> None:
        """Have a container end."""
        found = self.containers[container_id]["State"]
        found.update({"Status": "exited", "Running": False, "ExitCode": 0, **state})

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        """The answer to a request."""
        path = re.sub(r"^/v1\.\d+", "", path)
        if path == "/_ping":
            return self.answers.get("ping", (200, b"OK"))
        if path == "/version":
            return 200, {"Version": "27.1", "ApiVersion": "1.44", "Components": self.components}
        if path == "/events":
            self.acts.append("events")
            return 200, b'{"status": "die"}'
        if path == "/images/create":
            self.acts.append(f"pull {query['fromImage']}:{query.get('tag', '')}")
            return self.answers.get(
                "pull", (200, b"\n".join(json.dumps(line).encode() for line in self.pull_lines))
            )
        if match := re.fullmatch(r"/images/(.+)/json", path):
            return (200, {"Id": "1"}) if match[1] in self.images else (404, "no such image")
        if match := re.fullmatch(r"/networks/([^/]+)", path):
            gateway = self.networks.get(match[1])
            if gateway is None:
                return 404, "no such network"
            return 200, {"Name": match[1], "IPAM": {"Config": [{"Gateway": gateway}]}}
        if match := re.fullmatch(r"/networks/([^/]+)/connect", path):
            self.acts.append(f"connect {body['Container']} {match[1]}")
            return 200, b""
        if path == "/containers/create":
            return self._create(query["name"], body)
        if path == "/containers/json":
            return self.answers.get("list", (200, self._list(json.loads(query["filters"])["label"][0])))
        match = re.fullmatch(r"/containers/([^/]+)(?:/(\w+))?", path)
        assert match, path
        return self._on_container(match[1], "remove" if method == "DELETE" else match[2], query)

    def _create(self, name: str, body: Any) -> Answer:
        if name in [known for known, _ in self.created]:
            return 409, f'Conflict. The container name "/{name}" is already in use by container "1".'
        self.created.append((name, body))
        container_id = str(len(self.created))
        self.containers[container_id] = {
            "Id": container_id,
            "State": {"Status": "created", "ExitCode": 0},
            "HostConfig": body["HostConfig"],
            "Config": {"Labels": body["Labels"], "Tty": False},
        }
        return 201, {"Id": container_id, "Warnings": []}

    def _list(self, label: str) -> list[dict[str, Any]]:
        name, _, value = label.partition("=")
        return [
            {
                "Id": container_id,
                "Created": found.get("Created", time.time()),
                "State": found["State"]["Status"],
                "Labels": found["Config"]["Labels"],
                "Names": [],
            }
            for container_id, found in self.containers.items()
            if (found["Config"]["Labels"].get(name) == value if value else name in found["Config"]["Labels"])
        ]

    def _on_container(self, container_id: str, act: str, query: dict[str, str]) -> Answer:
        found = self.containers.get(container_id)
        if found is None:
            return 404, f"No such container: {container_id}"
        if act == "json":
            return 200, found
        if act == "logs":
            # Standard output, as a frame of a stream of several.
            return 200, struct.pack(">BxxxL", 1, len(self.output)) + self.output
        self.acts.append(" ".join([act, container_id, *([query["signal"]] if "signal" in query else [])]))
        if act in self.answers:
            return self.answers[act]
        if act == "wait":
            self.end(container_id, ExitCode=self.exit_code)
            return 200, {"StatusCode": self.exit_code}
        if act == "start":
            found["State"].update({"Status": "running", "Running": True})
        elif act == "kill":
            if found["State"]["Status"] != "running":
                return 409, f"Container {container_id} is not running"
            self.end(container_id, ExitCode=137)
        elif act == "remove":
            del self.containers[container_id]
        return 204, b""


@pytest.fixture
def docker() -> Iterator[FakeDocker]:
    """A running one."""
    fake = FakeDocker()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet for headers and body

        def _handle(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            with fake.news:
                status, answer = fake.answer(self.command, parts.path, query, body)
                fake.news.notify_all()
            if isinstance(answer, str):
                answer = {"message": answer}
            data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            if not isinstance(answer, bytes):
                self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = _handle

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake.url = f"tcp://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield fake
    server.shutdown()
    server.server_close()
    thread.join()
