"""Our server behind a door that knows the API of Prefect Server 1.x alone, and refuses the rest as Hasura did."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

__all__ = ["Door", "behind_an_old_door"]

#: What this version's server knows beyond 1.x: fields of inputs and of answers, and mutations.
NEW = frozenset(
    (
        *("wait_s", "lease_s", "agent_limit", "epoch", "holder", "left", "min_epoch"),
        *("end_flow_run_attempt", "end_flow_run_attempt_input", "claim_flow_run"),
    )
)
VERSION = "2021.11.30"


class Door(ThreadingHTTPServer):
    """What stands before the server.

    Attributes:
        refused: names that were asked for, and that 1.x does not know.
        asked: how often each mutation was asked for.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = port
        self.refused: list[str] = []
        self.asked: list[str] = []

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://localhost:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        door = cast("Door", self.server)
        body = self.rfile.read(int(self.headers["content-length"]))
        sent = json.loads(body)
        variables = sent.get("variables")
        if isinstance(variables, str):
            variables = json.loads(variables)
        words = set(re.findall(r"\w+", sent["query"])) | set(_names(variables))
        unknown = NEW & words
        if "__type" in words:  # it says what it has, and nothing else
            unknown = set()
        door.asked += re.findall(r"\b(get_runs_in_queue|set_flow_run_states)\(", sent["query"])
        if unknown:
            door.refused += sorted(unknown)
            message = f"field {min(unknown)!r} not found in type: 'mutation_root'"
            self._answer({"errors": [{"message": message, "extensions": {"code": "validation-failed"}}]})
            return
        connection = http.client.HTTPConnection("127.0.0.1", door.behind, timeout=60)
        with contextlib.closing(connection):
            # Events, sequences and what else is new are asked for by headers too: 1.x reads none of those.
            headers = {
                name: value
                for name, value in self.headers.items()
                if name.lower() in ("content-type", "authorization", "x-prefect-core-version")
            }
            connection.request("POST", "/graphql", body, {**headers, "host": f"localhost:{door.behind}"})
            with connection.getresponse() as reply:
                answer = json.loads(reply.read())
        data = answer.get("data") or {}
        if "api" in data:
            data["api"]["version"] = VERSION
        for name, value in list(data.items()):
            if name in NEW:
                data[name] = None
            elif isinstance(value, dict) and "inputFields" in value:
                value["inputFields"] = [
                    one for one in value["inputFields"] if one["name"] not in NEW | {"limit"}
                ]
        self._answer(answer)

    def _answer(self, answer: Any) -> None:
        text = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def _names(value: Any) -> list[str]:
    """All keys in JSON."""
    if isinstance(value, dict):
        return [*map(str, value), *(name for one in value.values() for name in _names(one))]
    if isinstance(value, list):
        return [name for one in value for name in _names(one)]
    return []


@contextlib.contextmanager
def behind_an_old_door(port: int) -> Generator[Door]:
    """A door before the server at a port of this machine, for as long as the block runs."""
    door = Door(port)
    thread = threading.Thread(target=door.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield door
    finally:
        door.shutdown()
        thread.join()
        door.server_close()
