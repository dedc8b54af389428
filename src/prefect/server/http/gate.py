"""What a request without a key has to look like, where no keys are required.

Such a server trusts whoever sits at the machine. A web page that somebody there looks at, a name
that rebinds to 127.0.0.1, or a proxy that lets the world in must not pass for them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

__all__ = ["host_of", "is_loopback", "is_same_origin", "refusal"]

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
#: What proxies add, besides all that begins with `x-forwarded`.
_PROXY_HEADERS = frozenset(
    {"forwarded", "via", "x-real-ip", "x-client-ip", "x-original-host", "true-client-ip", "cf-connecting-ip"}
)


def host_of(value: str) -> str:
    """The host name of a `Host` header, without its port, in lower case."""
    value = value.strip().lower()
    if value.startswith("["):
        return value[1:].partition("]")[0]
    name, _, port = value.rpartition(":")
    return (name if name and port.isdigit() else value).rstrip(".")


def is_loopback(address: str | None) -> bool:
    """Whether a peer is on this machine."""
    if address is None:
        return True  # a Unix socket has no address
    address = address.removeprefix("::ffff:")
    return address == "::1" or address.startswith("127.")


def is_same_origin(origin: str, headers: Mapping[str, str], public_url: str = "") -> bool:
    """Whether a page of `origin` is one of this server's own."""
    scheme, _, rest = origin.lower().partition("://")
    if scheme not in ("http", "https"):
        return False
    if public_url and origin.lower() == "/".join(public_url.lower().split("/")[:3]):
        return True
    return rest == headers.get("host", "").lower()


def refusal(
    headers: Mapping[str, str], peer: str | None, allowed_hosts: Collection[str], public_url: str = ""
) -> str | None:
    """Why a request without a key is refused; None when it is not.

    Args:
        headers: the request's, by lower-case name.
        peer: address of the other end.
        allowed_hosts: names to answer to besides localhost.
        public_url: the server's own address, if it is configured.
    """
    if not is_loopback(peer):
        return "Requests from other machines need an API key."
    for name in headers:
        if name in _PROXY_HEADERS or name.startswith("x-forwarded"):
            return f"Requests that come through a proxy ({name}) need an API key."
    host = host_of(headers.get("host", ""))
    if host not in _LOCAL_NAMES and host not in allowed_hosts:
        return (
            f"Without an API key this server answers to localhost only, not to {host!r}; see --allowed-host."
        )
    origin = headers.get("origin")
    if origin is not None and not is_same_origin(origin, headers, public_url):
        return "Pages of other sites need an API key."
    if headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        return "Pages of other sites need an API key."
    return None
