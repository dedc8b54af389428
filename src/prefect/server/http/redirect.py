"""Sends the links that 1.x clients print (`http://localhost:8080/...`) on to where the server is now."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator

from prefect.server.settings import ServerSettings

__all__ = ["redirecting"]

_REQUEST = re.compile(rb"(?:GET|HEAD) (/[!-~]*) HTTP/1\.[01]\r\n")
_PATIENCE_S = 5.0


@contextlib.asynccontextmanager
async def redirecting(settings: ServerSettings) -> AsyncGenerator[None]:
    """While the block runs, every GET at `settings.ui_port` is answered with the same path at `settings.url`.

    Raises:
        OSError: the port cannot be had.
    """
    if settings.ui_port is None:
        yield
        return

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(
            OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
        ):
            head = await asyncio.wait_for(reader.readuntil(b"\r\n"), _PATIENCE_S)
            match = _REQUEST.fullmatch(head)
            if match is None:
                reply = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            else:
                target = settings.url.encode() + match.group(1)
                reply = (
                    b"HTTP/1.1 302 Found\r\nLocation: " + target + b"\r\nContent-Length: 0\r\n"
                    b"Connection: close\r\n\r\n"
                )
            writer.write(reply)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, settings.host, settings.ui_port)
    try:
        yield
    finally:
        server.close()
