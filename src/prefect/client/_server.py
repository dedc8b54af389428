"""What a server is, and which additions to the protocol of 1.x it knows. Asked once for each server."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from prefect.exceptions import ClientError

if TYPE_CHECKING:
    from prefect.client._requests import Requests

__all__ = ["Server", "check_registration", "server_of"]

#: The first Prefect Server of 1.x that takes what this client sends when a flow is registered.
OLDEST_PREFECT_SERVER = (2021, 9, 2)


class Server(NamedTuple):
    """A server.

    Attributes:
        version: what it says its version is; empty if it does not say.
        has_epochs: attempts of flow runs have numbers, and reports of an earlier one are refused;
            heartbeats wait for news of their run.
        numbers_logs: log lines have numbers, and one that comes twice is written once.
        has_bulk: all children of a mapped task are registered with one request.
    """

    version: str
    has_epochs: bool = False
    numbers_logs: bool = False
    has_bulk: bool = False

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of its version: `(2021, 9, 2)`."""
        found = re.match(r"\d+(\.\d+)*", self.version)
        return tuple(int(part) for part in found.group().split(".")) if found else ()


#: Servers one process remembers; tests make many.
_MOST_KNOWN = 100
_known: dict[object, Server] = {}
_lock = threading.Lock()


def server_of(client: Requests) -> Server:
    """What the server of a client is.

    Raises:
        requests.RequestException: it cannot be reached.
    """
    known = _known.get(client.identity_of_server)
    if known is not None:
        return known
    found = _ask(client)
    with _lock:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        return _known.setdefault(client.identity_of_server, found)


def _ask(client: Requests) -> Server:
    try:
        answer: Any = client.graphql("query { api { version } }").data.api
    except ClientError:  # a server that does not know the question
        return Server("")
    version = str((answer and answer.get("version")) or "")
    server = Server(version)
    # Prefect Server was numbered by dates, and had none of this.
    if (1, 5) <= server.numbers < (1000,):
        return Server(version, has_epochs=True, numbers_logs=True, has_bulk=True)
    return server


def check_registration(client: Requests) -> None:
    """Stop before a flow is sent to a server that cannot take it.

    Raises:
        ClientError: it is a Prefect Server of 1.x that is too old.
    """
    import prefect

    server = server_of(client)
    numbers = server.numbers
    if numbers >= (1000,) and numbers < OLDEST_PREFECT_SERVER:
        oldest = "{}.{:02}.{:02}".format(*OLDEST_PREFECT_SERVER)
        raise ClientError(
            f"The server at {client.api_server} is Prefect Server {server.version}, which cannot take flows of "
            f"Prefect {prefect.__version__}. Upgrade it to Prefect Server {oldest} or newer, or start the server "
            "of this version: `prefect server start`."
        )
