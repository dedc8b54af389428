"""The one place that talks to a Docker engine for tasks."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from logging import Logger
from typing import Any

__all__ = ["DEFAULT_URL", "checked_messages", "docker_engine"]

DEFAULT_URL = "unix:///var/run/docker.sock"
"""Address of the engine of this machine."""


@contextmanager
def docker_engine(url: str) -> Generator[Any]:
    """A `docker.APIClient` for the engine at an address, closed at the end.

    Raises:
        docker.errors.DockerException: there is no engine.
    """
    import docker  # 200 ms

    client = docker.APIClient(base_url=url, version="auto")
    try:
        yield client
    finally:
        client.close()


def checked_messages(
    output: str | bytes | Iterable[bytes | str | dict[str, Any]], logger: Logger | None = None
) -> list[dict[str, Any]]:
    """The messages that an engine answers to building, pulling and pushing, as it sends them.

    Args:
        output: JSON documents, a line each, whole or in pieces.
        logger: gets each message as it comes.

    Raises:
        docker.errors.APIError: the engine tells of an error among its messages; the answer as such
            is a success then.
    """
    from docker.errors import APIError

    messages: list[dict[str, Any]] = []
    for message in _documents(output):
        messages.append(message)
        if logger:
            logger.info(message)
        if "error" in message:
            raise APIError(str(message["error"]).strip(), explanation=None)
    return messages


def _documents(output: str | bytes | Iterable[bytes | str | dict[str, Any]]) -> Iterator[dict[str, Any]]:
    rest = ""
    for piece in [output] if isinstance(output, (str, bytes)) else output:
        if isinstance(piece, dict):
            yield piece
            continue
        rest += piece.decode(errors="replace") if isinstance(piece, bytes) else piece
        *lines, rest = rest.split("\n")
        yield from (json.loads(line) for line in lines if line.strip())
    if rest.strip():
        yield json.loads(rest)
