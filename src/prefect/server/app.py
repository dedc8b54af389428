"""The server as a process: database, application, services, and its orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import gc
import logging
import signal
import socket
import types
from collections.abc import AsyncGenerator, Callable

import uvicorn
from starlette.applications import Starlette

from prefect.server.database.store import Store, open_store
from prefect.server.domain.tenants import ensure_first_tenant
from prefect.server.http.app import create_app, utc_now
from prefect.server.http.joined import joining
from prefect.server.http.metrics import Metrics
from prefect.server.http.patience import patient_protocol
from prefect.server.http.redirect import redirecting
from prefect.server.loops import all_services
from prefect.server.loops.supervisor import Supervisor
from prefect.server.security.crypto import open_keys
from prefect.server.settings import ServerSettings

__all__ = ["build", "listen", "open_database", "run_services", "serve"]

_log = logging.getLogger("prefect.server")

#: Seconds that requests under way have to finish once the server is told to end.
_GRACE_S = 8


def open_database(settings: ServerSettings, now: datetime.datetime | None = None) -> Store:
    """The database of the settings, with a tenant in it.

    Raises:
        DatabaseRefused: it cannot be used; the message says why and what to do.
    """
    store = open_store(settings)
    moment = now or utc_now()
    try:
        open_keys(settings, store)
        if store.read_sync(lambda tx: tx.scalar("SELECT count(*) FROM tenant")) == 0:
            store.write_sync(lambda tx: ensure_first_tenant(tx, moment))
    except BaseException:
        store.close()
        raise
    return store


def build(
    settings: ServerSettings,
    store: Store,
    *,
    clock: Callable[[], datetime.datetime] = utc_now,
    stopping: asyncio.Event | None = None,
) -> Starlette:
    """The application over a database, with its services if the settings say so."""
    metrics = Metrics()
    supervisor = Supervisor(store, all_services() if settings.runs_services else (), clock, metrics.tick)

    @contextlib.asynccontextmanager
    async def beside() -> AsyncGenerator[None]:
        async with redirecting(settings), supervisor.running():
            yield

    return create_app(settings, store, clock=clock, metrics=metrics, stopping=stopping, beside=beside)


def listen(settings: ServerSettings) -> socket.socket:
    """The socket that the server will serve.

    Raises:
        OSError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # With the protocol said, asyncio turns Nagle's algorithm off for every connection.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((settings.host, settings.port))
        listening.listen(2048)
    except OSError:
        listening.close()
        raise
    return listening


class _Server(uvicorn.Server):
    """Uvicorn, which also tells streams and long polls that it ends."""

    def __init__(self, config: uvicorn.Config, stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._stop = stop

    def handle_exit(self, sig: int, frame: types.FrameType | None) -> None:
        """A signal says that the process has to end."""
        self._stop()
        super().handle_exit(sig, frame)


def serve(
    settings: ServerSettings, store: Store, listening: socket.socket, on_ready: Callable[[], None]
) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are finished, and the database is closed.

    Args:
        settings: how the server was told to run.
        store: the database; closed at the end.
        listening: the socket of `listen`.
        on_ready: called when requests are answered.
    """

    async def main() -> None:
        loop = asyncio.get_running_loop()
        stopping = asyncio.Event()

        def stop() -> None:
            store.events.stop_waiting()
            loop.call_soon_threadsafe(stopping.set)

        config = uvicorn.Config(
            build(settings, store, stopping=stopping),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # a forwarded request is refused or needs a key: see `http.gate`
            lifespan="on",
            http=joining(patient_protocol(settings.limits)),
            ws="none",
            timeout_graceful_shutdown=_GRACE_S,
            timeout_keep_alive=30,
            ssl_certfile=settings.tls_cert,
            ssl_keyfile=settings.tls_key,
        )
        server = _Server(config, stop)
        ready = asyncio.create_task(_when_started(server, on_ready))
        try:
            await server.serve(sockets=[listening])
        finally:
            ready.cancel()

    # Uvicorn raises the signal again when it is done: by then there is nothing left to interrupt.
    before = {number: signal.signal(number, _ignore) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        asyncio.run(main())
    finally:
        store.close()
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore(number: int, frame: types.FrameType | None) -> None:
    pass


async def _when_started(server: uvicorn.Server, on_ready: Callable[[], None]) -> None:
    while not server.started:  # noqa: ASYNC110 # uvicorn sets a flag and tells nobody
        await asyncio.sleep(0.01)
    # What is there now (modules, the schema) stays: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    on_ready()


def run_services(settings: ServerSettings, store: Store, on_ready: Callable[[], None]) -> None:
    """Run the services without the API, until SIGTERM or SIGINT."""
    from prefect.server.domain import policy

    policy.use(settings)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ended.set)
        async with _services(store):
            on_ready()
            await ended.wait()

    try:
        asyncio.run(main())
    finally:
        store.close()


@contextlib.asynccontextmanager
async def _services(store: Store) -> AsyncGenerator[None]:
    metrics = Metrics()
    async with Supervisor(store, all_services(), utc_now, metrics.tick).running():
        yield
