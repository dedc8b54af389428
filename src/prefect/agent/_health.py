"""The address at which an agent says how it is: `--agent-address`.

GET /api/health    200 while it works, 503 while it stops
GET /api/poke      has it ask for work at once
GET /api/state     its name, labels and runs as JSON
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

__all__ = ["HealthHandler", "HealthServer", "PokeHandler", "StateHandler"]


class HealthHandler(RequestHandler):
    """Answers `{}` while the agent works, and 503 while it stops."""

    def initialize(self, is_healthy: Callable[[], bool] | None = None) -> None:
        """Take what tells whether the agent works."""
        self._is_healthy = is_healthy

    def get(self) -> None:
        """Answer."""
        if self._is_healthy is not None and not self._is_healthy():
            self.set_status(503)
        self.finish(b"{}")  # pyright: ignore[reportUnknownMemberType]


class PokeHandler(RequestHandler):
    """Wakes the agent."""

    def initialize(self, poke: Callable[[], None] | None = None) -> None:
        """Take what wakes the agent."""
        self._poke = poke

    def get(self) -> None:
        """Wake it, and answer."""
        if self._poke is not None:
            self._poke()
        self.finish(b"{}")  # pyright: ignore[reportUnknownMemberType]


class StateHandler(RequestHandler):
    """Answers with what the agent does."""

    def initialize(self, state: Callable[[], dict[str, Any]]) -> None:
        """Take what describes the agent."""
        self._state = state

    def get(self) -> None:
        """Answer."""
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(self._state()).encode())  # pyright: ignore[reportUnknownMemberType]


class HealthServer:
    """Serves the address from a thread of its own.

    Args:
        address: such as `http://127.0.0.1:8080`; with port 0 the system chooses one.
        is_healthy: whether the agent works.
        poke: wakes it.
        state: describes it.

    Raises:
        ValueError: the address has no port.
        OSError: nothing can listen there.
    """

    def __init__(
        self,
        address: str,
        is_healthy: Callable[[], bool],
        poke: Callable[[], None],
        state: Callable[[], dict[str, Any]],
    ) -> None:
        parts = urlsplit(address if "//" in address else f"//{address}")
        if parts.port is None:
            raise ValueError(f"The agent address {address!r} needs a port, such as http://localhost:8080.")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listening = threading.Event()
        self._error: OSError | None = None
        self.port = parts.port
        app = Application(
            [
                ("/api/health", HealthHandler, {"is_healthy": is_healthy}),
                ("/api/poke", PokeHandler, {"poke": poke}),
                ("/api/state", StateHandler, {"state": state}),
            ],
            log_function=_log_nothing,
        )
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(app, parts.hostname or "")),
            name="prefect-agent-health",
            daemon=True,
        )
        self._thread.start()
        self._listening.wait()
        if self._error is not None:
            raise self._error

    async def _serve(self, app: Application, host: str) -> None:
        import socket

        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = HTTPServer(app)
        try:
            # Our own socket: with port 0 and two families the system would choose two ports.
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            found = socket.create_server((host, self.port), family=family)
        except OSError as exc:
            self._error = exc
            self._listening.set()
            return
        found.setblocking(False)
        self.port = found.getsockname()[1]
        server.add_socket(found)
        self._listening.set()
        await self._stop.wait()
        server.stop()
        await server.close_all_connections()

    def stop(self) -> None:
        """Stop serving."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=5)


def _log_nothing(_: RequestHandler) -> None:
    """Probes ask every few seconds; nobody wants to read that."""
