"""One system call for an answer: its head and its body are sent together.

Uvicorn writes the one after the other, and asyncio sends each at once. To the client that is the
same; to the processor it is one call and one waking of the client less.
"""

# uvicorn picks its parser, and says so without a type that could be named.
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

__all__ = ["joining"]


class _Joining:
    """A transport that keeps the head of an answer until its body is there."""

    __slots__ = ("_head", "_transport")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send it; the head of an answer of known length goes with what follows."""
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(b"HTTP/") and b"content-length:" in data:
            self._head = data
            return
        self._transport.write(data)

    def writelines(self, parts: Iterable[bytes]) -> None:
        """Send all of them."""
        self.write(b"".join(parts))

    def write_eof(self) -> None:
        """Send what was written, and say that nothing more comes."""
        self.send_head()
        self._transport.write_eof()

    def close(self) -> None:
        """Send what was written, and end the connection."""
        self.send_head()
        self._transport.close()

    def send_head(self) -> None:
        """Send a head that nothing follows."""
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)


def joining(protocol: type[Any]) -> type[asyncio.Protocol]:
    """A protocol of uvicorn's that sends the parts of an answer together.

    Args:
        protocol: the protocol.
    """

    class JoiningProtocol(protocol):
        """A connection whose answers are sent whole."""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self._joining = _Joining(transport)
            super().connection_made(self._joining)

        def on_response_complete(self) -> None:
            self._joining.send_head()
            super().on_response_complete()

    return JoiningProtocol
