"""How requests reach an API: HTTP with pooled connections, bounded retries and timeouts.

A `Transport` is all the client needs of the network; tests hand in one that calls a server in the
same process.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    import requests

__all__ = ["HttpTransport", "Transport", "TransportReply"]

#: Attempts at one request, the first included: as many as 1.4.1 made.
MAX_ATTEMPTS = 7
_RETRIED_STATUS = (429, 500, 502, 503, 504)


class TransportReply(Protocol):
    """What a transport answers; `requests.Response` is one."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        ...

    @property
    def text(self) -> str:
        """The body."""
        ...

    def json(self) -> Any:
        """The body as JSON."""
        ...

    def raise_for_status(self) -> None:
        """Raise for a status that is an error."""
        ...


class Transport(Protocol):
    """Sends one request, retries included."""

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        timeout_s: float,
    ) -> TransportReply:
        """The answer to a request."""
        ...


class HttpTransport:
    """Sends requests over HTTP, on connections that are kept.

    Refused connections, timeouts and statuses that say "later" are tried again up to six times,
    after 0, 2, 4, ... seconds or when the server says (`Retry-After`). Mutations may therefore
    arrive more than once; the API is made for that.

    Args:
        max_attempts: attempts at one request, the first included.
    """

    def __init__(self, max_attempts: int = MAX_ATTEMPTS) -> None:
        self.max_attempts = max_attempts
        self._session: requests.Session | None = None

    @property
    def session(self) -> requests.Session:
        """The `requests` session; mount adapters of your own on it."""
        if self._session is None:
            import requests

            self._session = requests.Session()
        return self._session

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        timeout_s: float,
    ) -> TransportReply:
        """The answer to a request.

        Raises:
            requests.ConnectionError: nobody answered, however often we tried.
        """
        import requests

        for attempt in range(1, self.max_attempts + 1):
            wait_s = float(0 if attempt == 1 else 2 ** (attempt - 1))
            try:
                reply = self.session.request(
                    method, url, headers=dict(headers), json=json, params=params, timeout=timeout_s
                )
            except (requests.ConnectionError, requests.Timeout):
                if attempt == self.max_attempts:
                    raise
            else:
                if reply.status_code not in _RETRIED_STATUS or attempt == self.max_attempts:
                    return cast("TransportReply", reply)
                wait_s = _retry_after(reply) or wait_s
            time.sleep(min(wait_s, 60.0))
        raise AssertionError("the last attempt returns or raises")

    def __getstate__(self) -> dict[str, Any]:
        return {"max_attempts": self.max_attempts}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.max_attempts = state["max_attempts"]
        self._session = None


def _retry_after(reply: requests.Response) -> float | None:
    """Seconds that the server asks to wait."""
    text = reply.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else None
