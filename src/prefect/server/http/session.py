"""`/session`: an API key exchanged for a cookie, who is logged in, and logging out."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import Response

from prefect.server.errors import ApiError, ForbiddenError, UnauthenticatedError
from prefect.server.http.body import BodyError, read_json_object
from prefect.server.http.gate import is_same_origin
from prefect.server.http.identify import COOKIE
from prefect.server.http.parts import Parts, parts_of
from prefect.server.http.replies import error_reply, refused
from prefect.server.security.sessions import LIFETIME, close_session, open_session

__all__ = ["session"]


async def session(request: Request) -> Response:
    """GET: who is logged in. POST `{"key": ..., "tenant_id": ...}`: log in. DELETE: log out."""
    try:
        if request.method == "POST":
            return await _log_in(request)
        if request.method == "DELETE":
            return await _log_out(request)
        return await _who(request)
    except BodyError as exc:
        return error_reply(exc.status, exc.message, exc.code)
    except ApiError as exc:
        return refused(exc)


async def _who(request: Request) -> Response:
    parts = parts_of(request)
    caller = await parts.caller(request)
    if caller is None:
        raise UnauthenticatedError("Nobody is logged in.")
    return _json(
        {
            "tenant_id": caller.tenant_id,
            "user_id": caller.user_id,
            "role": caller.role,
            "requires_keys": parts.settings.requires_keys,
        }
    )


async def _log_in(request: Request) -> Response:
    parts = parts_of(request)
    _check_page(request, parts)
    body = await read_json_object(request, 10_000)
    key, tenant_id = body.get("key"), body.get("tenant_id")
    if not isinstance(key, str) or not (tenant_id is None or isinstance(tenant_id, str)):
        raise BodyError(400, 'The body has to be {"key": "<API key>"}, with a "tenant_id" if you like.')
    now = parts.clock()
    key = key.strip()
    try:
        secret, tenant = await parts.store.write(lambda tx: open_session(tx, key, tenant_id, now))
    except UnauthenticatedError as exc:
        peer = request.client.host if request.client else None
        raise parts.identifier.wrong(peer, exc.message) from exc
    reply = _json({"tenant_id": tenant})
    reply.set_cookie(
        COOKIE,
        secret,
        max_age=int(LIFETIME.total_seconds()),
        path=parts.settings.root_path or "/",
        secure=request.url.scheme == "https" or parts.settings.url.startswith("https:"),
        httponly=True,
        samesite="lax",
    )
    return reply


async def _log_out(request: Request) -> Response:
    parts = parts_of(request)
    _check_page(request, parts)
    secret = request.cookies.get(COOKIE)
    if secret:
        now = parts.clock()
        await parts.store.write(lambda tx: close_session(tx, secret, now))
        parts.identifier.forget_all()
    reply = Response(status_code=204)
    reply.delete_cookie(COOKIE, path=parts.settings.root_path or "/", httponly=True, samesite="lax")
    return reply


def _check_page(request: Request, parts: Parts) -> None:
    """Another site's page must not log anybody in or out."""
    origin = request.headers.get("origin")
    if origin is not None and not is_same_origin(origin, request.headers, parts.settings.public_url):
        raise ForbiddenError("Pages of other sites cannot open or close sessions here.")


def _json(value: object) -> Response:
    return Response(
        json.dumps(value), headers={"content-type": "application/json", "cache-control": "no-store"}
    )
