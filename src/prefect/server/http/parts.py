"""What the endpoints of one server share."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request

from prefect.server.database.store import Store
from prefect.server.errors import ForbiddenError, RateLimitedError, UnauthenticatedError
from prefect.server.graphql.execute import Executor
from prefect.server.http.identify import Identifier
from prefect.server.http.metrics import Metrics
from prefect.server.http.replay import Replay
from prefect.server.security.caller import Caller
from prefect.server.settings import ServerSettings

__all__ = ["Parts", "headers_of", "parts_of"]


@dataclass
class Parts:
    """What the endpoints of one server share.

    Attributes:
        settings: how the server was told to run.
        store: the database.
        executor: runs GraphQL requests.
        identifier: finds callers.
        metrics: counts.
        replay: the latest events.
        clock: the time (UTC).
        stopping: set when the server is to end, so that whoever waits stops waiting.
    """

    settings: ServerSettings
    store: Store
    executor: Executor
    identifier: Identifier
    metrics: Metrics
    replay: Replay
    clock: Callable[[], datetime.datetime]
    stopping: asyncio.Event

    async def caller(
        self, request: Request, headers: Mapping[str, str] | None = None, *, is_new: bool = True
    ) -> Caller | None:
        """The caller of a request; see `Identifier.caller`. Its headers are read where they are not given."""
        peer = request.client.host if request.client else None
        headers = headers_of(request) if headers is None else headers
        return await self.identifier.caller(headers, peer, request.method, is_new=is_new)

    async def is_still(self, request: Request, caller: Caller) -> bool:
        """Whether who sent a request that waits may still do what they might when it came."""
        try:
            now = await self.caller(request, is_new=False)
        except (ForbiddenError, RateLimitedError, UnauthenticatedError):
            return False
        return now is not None and (now.tenant_id, now.role) == (caller.tenant_id, caller.role)


def headers_of(request: Request) -> dict[str, str]:
    """The headers by lower-case name, to be looked at many times; of two of a name the first counts."""
    raw: list[tuple[bytes, bytes]] = request.scope["headers"]
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(raw)}


def parts_of(request: Request) -> Parts:
    """The parts of the server that got a request."""
    return request.app.state.parts
