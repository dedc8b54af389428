"""The ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from prefect.server.database.store import Store
from prefect.server.domain import policy
from prefect.server.graphql.execute import Executor
from prefect.server.http import plain
from prefect.server.http.events import events
from prefect.server.http.graphql import graphql
from prefect.server.http.identify import Identifier
from prefect.server.http.metrics import Metrics
from prefect.server.http.parts import Parts
from prefect.server.http.replay import Replay
from prefect.server.http.replies import error_reply
from prefect.server.http.session import session
from prefect.server.http.shell import Shell
from prefect.server.http.ui import DIRECTORY, WebUi
from prefect.server.settings import ServerSettings

__all__ = ["create_app", "utc_now"]


def utc_now() -> datetime.datetime:
    """The time."""
    return datetime.datetime.now(datetime.timezone.utc)


def create_app(
    settings: ServerSettings,
    store: Store,
    *,
    clock: Callable[[], datetime.datetime] = utc_now,
    metrics: Metrics | None = None,
    stopping: asyncio.Event | None = None,
    beside: Callable[[], contextlib.AbstractAsyncContextManager[None]] = contextlib.nullcontext,
    ui_directory: Path = DIRECTORY,
) -> Starlette:
    """The application that serves a database.

    Args:
        settings: how it was told to run.
        store: the database; whoever opened it closes it.
        clock: the time (UTC).
        metrics: where requests are counted.
        stopping: set by whoever wants the application to end: streams and long polls return.
        beside: entered while requests are served: what the server does by itself.
        ui_directory: the files of the web UI; without them there are plain pages.
    """
    policy.use(settings)
    counts = metrics or Metrics()
    parts = Parts(
        settings=settings,
        store=store,
        executor=Executor(store, clock, settings.limits),
        identifier=Identifier(store, settings, clock),
        metrics=counts,
        replay=Replay(),
        clock=clock,
        stopping=stopping or asyncio.Event(),
    )

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        with store.events.listen(parts.replay.add), store.events.listen(parts.identifier.forget):
            async with beside():
                yield
                parts.stopping.set()

    web_ui = WebUi(ui_directory, settings.root_path)
    routes = [
        Route("/", web_ui.page, methods=["GET"]),
        *(Route(path, plain.page, methods=["GET"]) for path in ("/graphql", "/graphql/")),
        Route("/health", plain.health),
        Route("/.well-known/apollo/server-health", plain.health),
        Route("/settings.json", plain.settings_json),
        Route("/metrics", plain.metrics),
        Route("/plain.css", plain.css),
        Route("/events", events),
        Route("/session", session, methods=["GET", "POST", "DELETE"]),
        Route("/{path:path}", web_ui.any, methods=["GET"]),
    ]

    class Application(Starlette):
        """An application with the shell around all of it, so that what is asked most comes at once."""

        def build_middleware_stack(self) -> ASGIApp:
            return Shell(
                super().build_middleware_stack(),
                metrics=counts,
                requires_keys=settings.requires_keys,
                direct=dict.fromkeys(("/", "/graphql", "/graphql/"), graphql),
                paths=[route.path for route in routes if "{" not in route.path],
                is_secure=settings.tls_cert is not None,
                root_path=settings.root_path,
            )

    app = Application(
        routes=routes, exception_handlers={404: _not_found, 405: _not_allowed}, lifespan=lifespan
    )
    app.router.redirect_slashes = False
    app.state.parts = parts
    return app


async def _not_found(request: Request, exc: Exception) -> Response:
    return error_reply(404, "There is nothing at this address.", "NOT_FOUND")


async def _not_allowed(request: Request, exc: Exception) -> Response:
    return error_reply(405, "This address does not take that method.", "BAD_USER_INPUT")
