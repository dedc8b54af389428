"""Reading the body of a request: never more of it than is allowed, and only JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import msgspec
from starlette.requests import Request

from prefect.server.graphql.execute import Request as GraphQLRequest

__all__ = ["BodyError", "read_body", "read_graphql", "read_json_object"]


class BodyError(Exception):
    """The body cannot be used.

    Attributes:
        status: HTTP status.
        message: why, and what to do.
        code: of the error in the reply.
    """

    def __init__(self, status: int, message: str, code: str = "BAD_USER_INPUT") -> None:
        self.status = status
        self.message = message
        self.code = code
        super().__init__(message)


class _Envelope(msgspec.Struct):
    query: str | None = None
    variables: Any = None
    operation_name: str | None = msgspec.field(name="operationName", default=None)


_decoder = msgspec.json.Decoder(_Envelope)


def check_content_type(headers: Mapping[str, str]) -> None:
    """Refuse what is not sent as JSON: other types are what pages may send without being asked.

    Raises:
        BodyError: 415.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise BodyError(415, "Send the body as `Content-Type: application/json`.")


def _too_large(most: int) -> BodyError:
    return BodyError(413, f"The body is larger than {most} bytes.")


async def read_body(request: Request, headers: Mapping[str, str], most: int) -> bytes:
    """The body of a request with JSON.

    Args:
        request: the request.
        headers: its headers, by lower-case name.
        most: bytes at most.

    Raises:
        BodyError: 415 for another type, 413 for more.
    """
    check_content_type(headers)
    length = headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
        raise _too_large(most)
    parts: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise BodyError(400, "The request ended before its body did.")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            raise _too_large(most)
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def read_graphql(
    request: Request, headers: Mapping[str, str], most: int, batch: int
) -> GraphQLRequest | list[GraphQLRequest]:
    """The GraphQL request in a body, or the list of them.

    Args:
        request: the request.
        headers: its headers, by lower-case name.
        most: bytes at most.
        batch: requests of a list at most.

    Raises:
        BodyError: it is none.
    """
    body = await read_body(request, headers, most)
    try:
        return _request(_decoder.decode(body))
    except (msgspec.DecodeError, RecursionError):
        value = _loads(body, "The body")
    if not isinstance(value, list):
        return _request(_envelope(value))
    values = cast("list[Any]", value)
    if not 0 < len(values) <= batch:
        raise BodyError(400, f"A list of requests has {batch} at most, and one at least.")
    return [_request(_envelope(one)) for one in values]


def _request(envelope: _Envelope) -> GraphQLRequest:
    if not envelope.query:
        raise BodyError(400, "The body needs a `query`: the document to execute.")
    return GraphQLRequest(envelope.query, _variables(envelope.variables), envelope.operation_name)


def _envelope(value: Any) -> _Envelope:
    try:
        return msgspec.convert(value, _Envelope)
    except msgspec.ValidationError as exc:
        raise BodyError(400, f"The body is no GraphQL request: {exc}.") from exc


def _variables(value: Any) -> dict[str, Any]:
    # wire: 1.x sends the variables as JSON in a string, "null" when there are none.
    if isinstance(value, str):
        value = _loads(value, "`variables`") if value else None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BodyError(400, "`variables` has to be an object, or the JSON text of one.")
    return cast("dict[str, Any]", value)


def _loads(text: str | bytes, what: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        pass
    # Python's own reader takes what old clients write and JSON does not know: halves of surrogate
    # pairs and NaN.
    try:
        return json.loads(text)
    except RecursionError as exc:
        raise BodyError(400, f"{what} is nested too deep.") from exc
    except ValueError as exc:
        raise BodyError(400, f"{what} is no JSON.", "GRAPHQL_PARSE_FAILED") from exc


async def read_json_object(request: Request, most: int) -> dict[str, Any]:
    """The JSON object in a body.

    Raises:
        BodyError: it is none.
    """
    value = _loads(await read_body(request, request.headers, most), "The body")
    if not isinstance(value, dict):
        raise BodyError(400, "The body has to be a JSON object.")
    return cast("dict[str, Any]", value)
