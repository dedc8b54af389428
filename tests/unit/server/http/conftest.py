"""Requests to the application, without a socket."""

from __future__ import annotations

import contextlib
import datetime
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from prefect.server.bootstrap import create_member, first_admin_key
from prefect.server.database.store import Store
from prefect.server.domain.tenants import ensure_first_tenant
from prefect.server.http.app import create_app
from prefect.server.security.keys import add_key
from prefect.server.settings import ServerSettings

NOW = datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)


@dataclass
class Site:
    """A server as requests see it."""

    store: Store
    settings: ServerSettings
    client: TestClient
    clock: list[datetime.datetime]

    def post(
        self, document: str, key: str | None = None, *, path: str = "/", variables: Any = None, **headers: str
    ) -> httpx2.Response:
        """The reply to a GraphQL request; `host="x"` sets a header, underscores stand for dashes."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            sent["authorization"] = f"Bearer {key}"
        sent.setdefault("content-type", "application/json")
        body = json.dumps({"query": document, "variables": variables})
        return self.client.post(path, content=body, headers=sent)

    def code(self, reply: httpx2.Response) -> str:
        """The code of the first error of a reply."""
        return reply.json()["errors"][0]["extensions"]["code"]

    def key(
        self, username: str, role: str = "user", slugs: tuple[str, ...] = (), **values: Any
    ) -> tuple[str, str]:
        """`(id, key)` of a new user's new key."""

        def make(tx: Any) -> tuple[str, str]:
            user_id = create_member(tx, username, None, slugs, role, self.clock[0])  # type: ignore[arg-type]
            values.setdefault("default_tenant_id", None)
            values.setdefault("expires_at", None)
            made = add_key(tx, id=f"key-{username}", user_id=user_id, name="k", now=self.clock[0], **values)
            return made.id, made.key

        return self.store.write_sync(make)


@pytest.fixture
def open_site(store: Store, settings: ServerSettings) -> Iterator[Callable[..., Site]]:
    """Opens servers over `store`; settings as keywords."""
    with contextlib.ExitStack() as stack:

        def open_it(
            peer: str = "127.0.0.1",
            base_url: str = "http://localhost:4200",
            ui_directory: Path = Path("no-web-ui"),
            **changes: Any,
        ) -> Site:
            changed = replace(settings, **changes)
            clock = [NOW]
            store.write_sync(lambda tx: ensure_first_tenant(tx, NOW))
            app = create_app(changed, store, clock=lambda: clock[0], ui_directory=ui_directory)
            client = TestClient(app, base_url=base_url, client=(peer, 5000), raise_server_exceptions=False)
            stack.enter_context(client)
            return Site(store, changed, client, clock)

        yield open_it


@pytest.fixture
def local(open_site: Callable[..., Site]) -> Site:
    """A server without keys, asked from its own machine."""
    return open_site()


@pytest.fixture
def guarded(open_site: Callable[..., Site]) -> Site:
    """A server with keys, asked from elsewhere."""
    return open_site(peer="203.0.113.9", base_url="http://prefect.example.org", requires_keys=True)


@pytest.fixture
def admin_key(guarded: Site) -> str:
    made = guarded.store.write_sync(lambda tx: first_admin_key(tx, NOW))
    assert made is not None
    return made.key
