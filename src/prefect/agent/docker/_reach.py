"""Whether containers can reach the API, found out before a run is lost for it."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable
from urllib.parse import urlsplit

from prefect.agent.docker._container_spec import is_loopback

__all__ = ["REACH_PATIENCE_S", "reach_command", "why_out_of_reach"]

_PATIENCE_S = 2.0
#: Seconds that a container gets to start and find the API.
REACH_PATIENCE_S = 60


def why_out_of_reach(api: str, engine: str, gateway: str | None) -> str | None:
    """Why containers with a network of their own cannot reach the API; None if nothing is known against it.

    Args:
        api: address of the API, as the agent reaches it.
        engine: address of the engine.
        gateway: address of the engine's machine in the network of the containers.
    """
    parts = urlsplit(api)
    if not is_loopback(parts.hostname):
        return None
    where = urlsplit(engine)
    if where.scheme in ("tcp", "http", "https", "ssh") and not is_loopback(where.hostname):
        return (
            f"Containers cannot reach the API at {api}: it is on this machine, and they run at {where.hostname}. "
            "Give the address that machine reaches it at: `--api`."
        )
    if sys.platform != "linux":
        return None  # Docker Desktop passes connections on to the loopback address
    port = parts.port or (443 if parts.scheme == "https" else 80)
    answers = {_listens(address, port) for address in _own_addresses(gateway)}
    if True in answers or False not in answers:
        return None
    return (
        f"Containers cannot reach the API at {api}: the server listens only for programs of this machine. Start it "
        "with `prefect server start --expose`, or have containers use the network of the machine: `--network host`."
    )


def reach_command(api: str) -> list[str]:
    """A command that ends with 0 where the API can be reached, and else says why not."""
    parts = urlsplit(api)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    code = (
        "import socket, sys\n"
        f"try: socket.create_connection(({parts.hostname!r}, {port}), timeout=10).close()\n"
        "except OSError as error: sys.exit(str(error))\n"
    )
    return ["python", "-c", code]


def _own_addresses(gateway: str | None) -> Iterable[str]:
    """Addresses of this machine beyond loopback: the one containers use, else any."""
    if gateway is not None and _is_own(gateway):
        return [gateway]
    # The network may come up with its first container only.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((gateway or "192.0.2.1", 9))  # sends nothing; says which address would be used
        except OSError:
            return []
        address = str(probe.getsockname()[0])
    return [] if is_loopback(address) else [address]


def _is_own(address: str) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _listens(address: str, port: int) -> bool | None:
    try:
        socket.create_connection((address, port), timeout=_PATIENCE_S).close()
    except ConnectionRefusedError:
        return False
    except OSError:
        return None
    return True
