"""One system call for an answer: what is written in one turn of the event loop is sent together.

Uvicorn writes the head and the body of an answer one after the other, and asyncio sends each at
once. To the client that is the same; to the processor of both it is one waking less.
"""

# uvicorn picks its parser, and says so without a type that could be named.
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

__all__ = ["joining"]

#: More than this is sent without waiting, so that a transport that is full can say so.
_MOST = 65_536


class _Joining:
    """A transport that keeps what is written until the loop's next turn."""

    __slots__ = ("_loop", "_parts", "_size", "_transport")

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send it with what else is written in this turn."""
        if not self._parts:
            self._loop.call_soon(self._send)
        self._parts.append(data)
        self._size += len(data)
        if self._size > _MOST:
            self._send()

    def writelines(self, parts: Iterable[bytes]) -> None:
        """Send them with what else is written in this turn."""
        self.write(b"".join(parts))

    def write_eof(self) -> None:
        """Send what was written, and say that nothing more comes."""
        self._send()
        self._transport.write_eof()

    def close(self) -> None:
        """Send what was written, and end the connection."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._parts:
            data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            self._parts.clear()
            self._size = 0
            self._transport.write(data)


def joining(protocol: type[Any]) -> type[asyncio.Protocol]:
    """A protocol of uvicorn's that sends the parts of an answer together.

    Args:
        protocol: the protocol, with its event loop as `loop`.
    """

    class JoiningProtocol(protocol):
        """A connection whose answers are sent whole."""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(_Joining(transport, self.loop))

    return JoiningProtocol
