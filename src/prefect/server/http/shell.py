"""What surrounds every request: headers of security, CORS, counting, and faults of ours."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from prefect.server.http.metrics import Metrics
from prefect.server.http.replies import error_reply

__all__ = ["Shell"]

_log = logging.getLogger("prefect.server")

_SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "content-security-policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    ),
    "cross-origin-opener-policy": "same-origin",
}
_CORS = [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", b"retry-after")]
#: wire: those that clients and the web UI of 1.x send.
_HEADERS = (
    "authorization, content-type, last-event-id, x-prefect-tenant-id, x-prefect-core-version, "
    "x-prefect-agent-id, x-prefect-heartbeat-id, x-prefect-client-id, x-prefect-ui, x-backend, "
    "x-prefect-user-id, authorization-expiry"
)


class Shell:
    """ASGI middleware around the whole application.

    Args:
        app: the application.
        metrics: where requests are counted.
        requires_keys: whether pages of other sites may send requests: with a key of their own they
            may, and nothing that a browser adds by itself (a cookie) counts for them.
        direct: what answers POST requests to a path without a search for it: most requests there are.
        paths: other paths that are counted by name.
        is_secure: whether we are reached by HTTPS only.
        root_path: path of a proxy that does not cut it off; others do, and both are fine.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        requires_keys: bool,
        direct: Mapping[str, Callable[[Request], Awaitable[Response]]],
        paths: Sequence[str],
        is_secure: bool,
        root_path: str = "",
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._has_cors = requires_keys
        self._direct = direct
        self._paths = frozenset({*paths, *direct})
        security = {**_SECURITY, "strict-transport-security": "max-age=31536000"} if is_secure else _SECURITY
        self._security = [(name.encode(), value.encode()) for name, value in security.items()]
        self._root = f"{root_path}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if len(self._root) > 1 and f"{scope['path']}/".startswith(self._root):
            scope["path"] = scope["path"][len(self._root) - 1 :] or "/"
        has_cors = self._has_cors and any(name == b"origin" for name, _ in scope["headers"])
        started = time.perf_counter()
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = {name for name, _ in message["headers"]}
                more = [pair for pair in self._security if pair[0] not in given]
                message["headers"] = [*message["headers"], *more, *(_CORS if has_cors else ())]
            await send(message)

        metrics = self._metrics
        metrics.in_flight += 1
        try:
            if scope["method"] == "OPTIONS":
                await _preflight(scope, receive, answer, has_cors)
            elif scope["method"] == "POST" and (endpoint := self._direct.get(scope["path"])) is not None:
                reply = await endpoint(Request(scope, receive, send))
                await reply(scope, receive, answer)
            else:
                await self._app(scope, receive, answer)
        except Exception:
            _log.exception("%s %s failed", scope["method"], scope["path"].encode("unicode_escape").decode())
            if status:
                raise  # the reply has begun: the connection is cut, and the client sees that
            reply = error_reply(500, "An error of the server's; its log says more.", "INTERNAL_SERVER_ERROR")
            await reply(scope, receive, answer)
        finally:
            metrics.in_flight -= 1
            path = scope["path"] if scope["path"] in self._paths else "other"
            method = (
                scope["method"]
                if scope["method"] in ("GET", "POST", "DELETE", "OPTIONS", "HEAD")
                else "other"
            )
            metrics.request(method, path, status, time.perf_counter() - started)


async def _preflight(scope: Scope, receive: Receive, send: Send, has_cors: bool) -> None:
    if not has_cors:
        reply = error_reply(403, "Pages of other sites are not allowed here.", "FORBIDDEN")
    else:
        reply = Response(
            status_code=204,
            headers={
                "access-control-allow-methods": "GET, POST",
                "access-control-allow-headers": _HEADERS,
                "access-control-max-age": "600",
            },
        )
    await reply(scope, receive, send)
