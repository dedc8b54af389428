"""What a client asks first: is anybody there, what are you, who am I."""

from __future__ import annotations

import datetime

import msgspec

from prefect import __version__
from prefect.server.database.store import Transaction
from prefect.server.domain.registry import Uuid, query
from prefect.server.security.caller import Caller

__all__: list[str] = []


class Api(msgspec.Struct):
    """What this server is.

    Attributes:
        backend: SERVER, as 1.x called a server of one's own.
        mode: `normal`.
        version: version of the server.
        core_version: version of the library it comes with.
        release_timestamp: when that was released, if it is known.
    """

    backend: str
    mode: str
    version: str
    core_version: str
    release_timestamp: str | None


class AuthInfo(msgspec.Struct):
    """Who the caller is.

    Attributes:
        tenant_id: the tenant of this request.
        user_id: the user; null where no keys are asked for.
        api_key_id: the key.
        role: read-only, user or admin.
        tenant_ids: all tenants of the user.
    """

    tenant_id: Uuid | None
    user_id: Uuid | None
    api_key_id: Uuid | None
    role: str
    tenant_ids: list[str]


@query(role=None)
def hello(tx: Transaction, caller: Caller | None, now: datetime.datetime) -> str:
    """A greeting: agents ask for it to see whether the server is there."""
    del tx, caller, now
    return "👋"


@query(role=None)
def api(tx: Transaction, caller: Caller | None, now: datetime.datetime) -> Api:
    """What this server is."""
    del tx, caller, now
    return Api("SERVER", "normal", __version__, __version__, None)


@query(role="read-only")
def auth_info(tx: Transaction, caller: Caller, now: datetime.datetime) -> AuthInfo:
    """Who the caller is."""
    del tx, now
    return AuthInfo(caller.tenant_id, caller.user_id, caller.key_id, caller.role, sorted(caller.tenants))
