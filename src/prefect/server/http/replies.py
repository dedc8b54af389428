"""Small replies that several endpoints send."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping

from starlette.responses import Response

from prefect.server.errors import (
    ApiError,
    ForbiddenError,
    RateLimitedError,
    UnauthenticatedError,
    UnavailableError,
)
from prefect.server.http.gate import is_loopback

__all__ = ["error_reply", "json_reply", "refused"]

#: Below one packet, compressing saves nothing.
_WORTH_COMPRESSING = 1_400
_JSON = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))


class _Ready(Response):
    """A response that needs no encoding any more: there are many of them, and each would be encoded anew."""

    def __init__(self, body: bytes, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.body = body
        self.status_code = status
        self.background = None
        self.raw_headers = [*headers, (b"content-length", str(len(body)).encode())]


def json_reply(
    body: bytes,
    headers: Mapping[str, str],
    peer: str | None,
    *,
    status: int = 200,
    retry_after_s: int | None = None,
) -> Response:
    """A reply of JSON, compressed for clients elsewhere that take it.

    Args:
        body: the JSON.
        headers: those of the request, by lower-case name.
        peer: address of the other end.
        status: HTTP status.
        retry_after_s: when the client is welcome again; wire: always with 429 and 503.
    """
    extra = list(_JSON)
    if retry_after_s is not None:
        extra.append((b"retry-after", str(retry_after_s).encode()))
    # On one machine compressing costs more than sending.
    is_near = is_loopback(peer) and "x-forwarded-for" not in headers and "forwarded" not in headers
    if len(body) >= _WORTH_COMPRESSING:
        extra.append((b"vary", b"accept-encoding"))
        if not is_near and "gzip" in headers.get("accept-encoding", ""):
            body = gzip.compress(body, compresslevel=1, mtime=0)
            extra.append((b"content-encoding", b"gzip"))
    return _Ready(body, status, extra)


def error_reply(status: int, message: str, code: str, retry_after_s: int | None = None) -> Response:
    """A reply that holds one error and no data."""
    body = json.dumps({"data": None, "errors": [{"message": message, "extensions": {"code": code}}]})
    extra = {"content-type": "application/json", "cache-control": "no-store"}
    if retry_after_s is not None:
        extra["retry-after"] = str(retry_after_s)
    return Response(body, status_code=status, headers=extra)


def refused(error: ApiError, *, is_graphql: bool = False) -> Response:
    """The reply to a request that is not even looked into.

    Args:
        error: why.
        is_graphql: wire: GraphQL clients of 1.x understand a wrong key only with status 200.
    """
    if isinstance(error, RateLimitedError):
        return error_reply(429, error.message, error.code, error.retry_after_s)
    if isinstance(error, UnavailableError):
        return error_reply(503, error.message, error.code, error.retry_after_s)
    if isinstance(error, UnauthenticatedError):
        return error_reply(200 if is_graphql else 401, error.message, error.code)
    if isinstance(error, ForbiddenError):
        return error_reply(403, error.message, error.code)
    return error_reply(400, error.message, error.code)
