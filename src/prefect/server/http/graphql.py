"""The GraphQL endpoint."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from prefect.server.errors import ApiError
from prefect.server.http.body import BodyError, read_graphql
from prefect.server.http.parts import parts_of
from prefect.server.http.replies import error_reply, json_reply, refused

__all__ = ["graphql"]


async def graphql(request: Request) -> Response:
    """Execute the GraphQL request in the body."""
    parts = parts_of(request)
    headers = request.headers
    peer = request.client.host if request.client else None
    try:
        caller = await parts.caller(request)
    except ApiError as exc:
        return refused(exc, is_graphql=True)
    settings = parts.settings
    try:
        wanted = await read_graphql(
            request, settings.max_body_bytes if caller is not None else settings.max_anonymous_body_bytes
        )
    except BodyError as exc:
        return error_reply(exc.status, exc.message, exc.code)
    reply = await parts.executor.execute(wanted, caller)
    return json_reply(reply.body, headers, peer, status=reply.status, retry_after_s=reply.retry_after_s)
