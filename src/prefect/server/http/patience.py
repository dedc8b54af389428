"""How long a client may take to say what it wants: connections that trickle do not stay.

Uvicorn waits for ever for the head and the body of a request, so a few thousand sockets that send
a byte now and then would take all the places there are.
"""

# uvicorn picks its parser, and says so without a type that could be named.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from prefect.server.limits import Limits

__all__ = ["patient_protocol"]


def patient_protocol(limits: Limits) -> type[asyncio.Protocol]:
    """The HTTP protocol for uvicorn, which closes a connection whose request does not arrive in time.

    Args:
        limits: `header_s` and `body_s`; 0 waits for ever.
    """
    base = cast("type[Any]", AutoHTTPProtocol)

    class PatientProtocol(base):
        """A connection, with the time by which what it has begun has to be there."""

        _deadline: asyncio.TimerHandle | None = None
        _waits_for: str = ""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            self._wait("head", limits.header_s)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            cycle: Any = self.cycle
            if cycle is None or cycle.response_complete:
                self._wait("head", limits.header_s)
            elif cycle.more_body:
                self._wait("body", limits.body_s)
            else:
                self._stop()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop()
            super().connection_lost(exc)

        def _wait(self, what: str, seconds: float) -> None:
            if self._waits_for == what:  # each byte does not start it anew
                return
            self._stop()
            if seconds:
                self._waits_for = what
                self._deadline = self.loop.call_later(seconds, self.transport.close)

        def _stop(self) -> None:
            self._waits_for = ""
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

    return PatientProtocol
