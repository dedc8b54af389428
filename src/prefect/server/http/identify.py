"""Who sends a request: resolved once, before anything of it is read or run."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from http.cookies import CookieError, SimpleCookie

from prefect.server.database.store import Store, Transaction
from prefect.server.errors import (
    ApiError,
    ForbiddenError,
    RateLimitedError,
    UnauthenticatedError,
    UnavailableError,
)
from prefect.server.events import Event
from prefect.server.http.gate import is_same_origin, refusal
from prefect.server.http.throttle import Pace, Throttle
from prefect.server.security.caller import Caller
from prefect.server.security.identity import Found, digest_of, find_caller, note_use
from prefect.server.security.sessions import find_session
from prefect.server.settings import ServerSettings

__all__ = ["COOKIE", "Identifier"]

COOKIE = "prefect_session"

#: A key revoked by another process is refused after this many seconds at the latest.
_REMEMBER_S = 0.5
_REMEMBERED = 2_000
#: The use of a key is written down at most this often.
_NOTE_EVERY = datetime.timedelta(seconds=60)
#: Events after which nothing that was remembered of anybody holds.
_TOPICS = frozenset({"auth_api_key", "session", "membership", "tenant", "user"})

_Name = tuple[str, str, str | None]
_Find = Callable[[Transaction, str, datetime.datetime, str | None], Found]


class Identifier:
    """Finds the caller of a request by its headers.

    Args:
        store: the database.
        settings: whether keys are required, and where we are.
        clock: the time (UTC).
        monotonic: seconds of a clock that only goes forward.
    """

    def __init__(
        self,
        store: Store,
        settings: ServerSettings,
        clock: Callable[[], datetime.datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._throttle = Throttle(monotonic, settings.limits.wrong_keys_per_minute)
        self._pace = Pace(monotonic, settings.limits.requests_per_second)
        self._remembered: OrderedDict[_Name, tuple[float, Found | UnauthenticatedError]] = OrderedDict()
        self._noted: dict[str, datetime.datetime] = {}
        self._tenants: tuple[float, tuple[str, ...]] = (float("-inf"), ())
        self._pending: set[asyncio.Task[None]] = set()

    def forget(self, events: list[Event]) -> None:
        """Listener of the event bus: who may do what has changed."""
        if any(event.topic in _TOPICS for event in events):
            self.forget_all()

    def forget_all(self) -> None:
        """Look everybody up again."""
        self._remembered.clear()
        self._tenants = (float("-inf"), ())

    async def caller(
        self, headers: Mapping[str, str], peer: str | None, method: str = "GET", *, is_new: bool = True
    ) -> Caller | None:
        """The caller; None for a request without a key where keys are required.

        Args:
            headers: the request's, by lower-case name.
            peer: address of the other end.
            method: the HTTP method; reading by cookie needs no `Origin`.
            is_new: whether the request counts; one that waits is asked again who sent it.

        Raises:
            UnauthenticatedError: the key is wrong, or not one for the tenant.
            ForbiddenError: a request that no key-less server may answer, or of a foreign page.
            RateLimitedError: too many wrong keys from there, or too many requests with this one.
        """
        tenant_id = headers.get("x-prefect-tenant-id", "").strip().lower() or None
        secret = _bearer(headers.get("authorization"))
        cookie = None if secret is not None else _cookie(headers.get("cookie"))
        if cookie is not None:
            self._check_origin(headers, method)
        if secret is not None or cookie is not None:
            try:
                if secret is not None:
                    found = await self._known("key", secret, tenant_id, _by_key)
                else:
                    found = await self._known("session", cookie or "", tenant_id, find_session)
            except UnauthenticatedError as exc:
                if secret is None and not self._settings.requires_keys:
                    return await self._local(headers, peer, tenant_id)  # a cookie of an earlier day
                raise self.wrong(peer, _explained(secret, exc)) from exc
            self._note_use(found)
            wait_s = self._pace.wait_s(found.caller.key_id or "") if is_new else None
            if wait_s is not None:
                raise RateLimitedError("This API key makes more requests than it may.", wait_s)
            return _with_headers(found.caller, headers)
        if self._settings.requires_keys:
            return None
        return await self._local(headers, peer, tenant_id)

    async def _local(self, headers: Mapping[str, str], peer: str | None, tenant_id: str | None) -> Caller:
        reason = refusal(headers, peer, self._settings.allowed_hosts, self._settings.public_url)
        if reason is not None:
            raise ForbiddenError(reason)
        return _with_headers(await self._administrator(tenant_id), headers)

    def _check_origin(self, headers: Mapping[str, str], method: str) -> None:
        """Cookies travel with requests that other pages make; those are not the user's will."""
        origin = headers.get("origin")
        if method in ("GET", "HEAD") and origin is None:
            return
        if origin is None or not is_same_origin(origin, headers, self._settings.public_url):
            raise ForbiddenError("A session is for this server's own pages; from elsewhere use an API key.")

    async def _known(self, kind: str, secret: str, tenant_id: str | None, find: _Find) -> Found:
        """Whose secret it is, as of less than a second ago."""
        name = (kind, digest_of(secret), tenant_id)
        moment = self._monotonic()
        known = self._remembered.get(name)
        if known is None or moment - known[0] >= _REMEMBER_S:
            now = self._clock()
            try:
                found = await self._store.read(lambda tx: find(tx, secret, now, tenant_id))
            except UnauthenticatedError as exc:
                found = exc
            known = self._remembered[name] = (moment, found)
            self._remembered.move_to_end(name)
            if len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
        if isinstance(known[1], UnauthenticatedError):
            raise UnauthenticatedError(known[1].message)
        return known[1]

    async def _administrator(self, tenant_id: str | None) -> Caller:
        """Who sits at the machine: the administrator of all tenants, in the oldest one unless they say another."""
        moment = self._monotonic()
        # On PostgreSQL the news of a new tenant comes a moment after it, too late for the next request.
        if self._store.dialect == "postgresql" or moment - self._tenants[0] >= _REMEMBER_S:
            rows = await self._store.read(lambda tx: tx.rows("SELECT id FROM tenant ORDER BY created, id"))
            self._tenants = (moment, tuple(row.id for row in rows))
        tenants = self._tenants[1]
        if not tenants:
            raise UnauthenticatedError(
                "There is no tenant yet. Make one with `prefect server create-tenant`."
            )
        if tenant_id is not None and tenant_id not in tenants:
            raise UnauthenticatedError("There is no such tenant on this server.")
        return Caller(tenant_id=tenant_id or tenants[0], role="admin", tenants=tenants)

    def wrong(self, peer: str | None, message: str) -> ApiError:
        """The answer to a wrong key: that it is wrong, or to come back later."""
        wait_s = self._throttle.fail(peer or "")
        if wait_s is not None:
            return RateLimitedError("Too many wrong API keys from this address.", wait_s)
        return UnauthenticatedError(message)

    def _note_use(self, found: Found) -> None:
        key_id = found.caller.key_id
        now = self._clock()
        noted = self._noted.get(key_id) if key_id else now
        if not found.is_use_due or (noted is not None and now - noted < _NOTE_EVERY):
            return
        assert key_id is not None
        if len(self._noted) >= _REMEMBERED:
            self._noted.clear()
        self._noted[key_id] = now
        task = asyncio.create_task(self._write_use(key_id, now))
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def _write_use(self, key_id: str, now: datetime.datetime) -> None:
        with contextlib.suppress(UnavailableError):  # nothing depends on it
            await self._store.write(lambda tx: note_use(tx, key_id, now))


def _by_key(tx: Transaction, secret: str, now: datetime.datetime, tenant_id: str | None) -> Found:
    return find_caller(tx, secret, now, tenant_id)


def _with_headers(caller: Caller, headers: Mapping[str, str]) -> Caller:
    agent_id, core_version = headers.get("x-prefect-agent-id"), headers.get("x-prefect-core-version")
    if agent_id is None and core_version is None:
        return caller
    return replace(caller, agent_id=_uuid(agent_id), core_version=core_version)


def _explained(secret: str | None, error: UnauthenticatedError) -> str:
    if secret is not None and secret.count(".") == 2:
        return "API tokens of Prefect before 1.0 are not accepted. Create an API key and log in with it."
    return error.message


def _bearer(value: str | None) -> str | None:
    """The key of an `Authorization` header; None without one.

    Raises:
        UnauthenticatedError: it is there and is no bearer token. wire: old clients know the text.
    """
    if value is None:
        return None
    scheme, _, secret = value.strip().partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret:
        raise UnauthenticatedError("Malformed Authorization header: it has to be `Bearer <API key>`.")
    return secret


def _cookie(value: str | None) -> str | None:
    if not value or COOKIE not in value:
        return None
    try:
        found = SimpleCookie(value).get(COOKIE)
    except CookieError:
        return None
    return found.value if found is not None and found.value else None


def _uuid(value: str | None) -> str | None:
    if not value:
        return None
    try:
        return str(uuid.UUID(value))
    except ValueError:
        return None
