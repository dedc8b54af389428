"""The GraphQL endpoint."""

from __future__ import annotations

import functools

from starlette.requests import Request
from starlette.responses import Response

from prefect.server.errors import ApiError, UnavailableError
from prefect.server.graphql.execute import Reply
from prefect.server.http.body import BodyError, read_graphql
from prefect.server.http.parts import Parts, headers_of, parts_of
from prefect.server.http.replies import error_reply, json_reply, refused
from prefect.server.security.caller import Caller

__all__ = ["graphql"]


async def graphql(request: Request) -> Response:
    """Execute the GraphQL request in the body, or each of a list of them."""
    parts = parts_of(request)
    headers = headers_of(request)
    peer = request.client.host if request.client else None
    try:
        caller = await parts.caller(request, headers)
    except ApiError as exc:
        return refused(exc, is_graphql=True)
    limits = parts.settings.limits
    most = limits.body_bytes if caller is not None else limits.anonymous_body_bytes
    try:
        wanted = await read_graphql(request, headers, most, limits.batch)
    except BodyError as exc:
        return error_reply(exc.status, exc.message, exc.code)
    is_still = functools.partial(_is_still, request, parts, caller)
    if not isinstance(wanted, list):
        reply = await parts.executor.execute(wanted, caller, is_still)
    else:
        reply = _joined([await parts.executor.execute(one, caller, is_still) for one in wanted])
    return json_reply(reply.body, headers, peer, status=reply.status, retry_after_s=reply.retry_after_s)


def _joined(replies: list[Reply]) -> Reply:
    """The answer to a list of requests: a list of answers. One that is to be sent again makes all so."""
    for reply in replies:
        if reply.retry_after_s is not None:
            return reply
    return Reply(200, b"[" + b",".join(reply.body for reply in replies) + b"]")


async def _is_still(request: Request, parts: Parts, caller: Caller | None) -> bool:
    """Whether who sent a request may still do what they might when it came.

    Raises:
        UnavailableError: they are gone: what they waited for is for others.
    """
    if await request.is_disconnected():
        raise UnavailableError("The connection was closed before the answer.")
    return caller is None or caller.key_id is None or await parts.is_still(request, caller)
