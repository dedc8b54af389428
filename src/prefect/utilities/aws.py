"""Clients of Amazon Web Services."""

from __future__ import annotations

import threading
import weakref
from typing import Any

from prefect.utilities._extras import require
from prefect.utilities.context import context

__all__ = ["get_boto_client"]

# Making a client takes about 50 ms. Those in use are shared, and go when nobody uses them any more.
_clients: weakref.WeakValueDictionary[Any, Any] = weakref.WeakValueDictionary()
_lock = threading.Lock()


def get_boto_client(
    resource: str,
    credentials: dict[str, Any] | None = None,
    region_name: str | None = None,
    profile_name: str | None = None,
    **kwargs: Any,
) -> Any:
    """A boto3 client, shared with whoever uses an equal one at the same time.

    Credentials are, in this order: `aws_access_key_id`, `aws_secret_access_key` and `aws_session_token`
    in `kwargs`; `credentials`; the secret `AWS_CREDENTIALS` in the context; what boto3 finds itself.

    Args:
        resource: name of the service, such as `s3`
        credentials: `{"ACCESS_KEY": …, "SECRET_ACCESS_KEY": …, "SESSION_TOKEN": …}`, the last one optional
        region_name: region, the one of the profile or environment by default
        profile_name: profile of the configuration of boto3
        **kwargs: further arguments of `boto3.client`

    Raises:
        ImportError: boto3 is not installed
        ValueError: the credentials lack a part
    """
    boto3 = require("boto3", "aws")
    keys = _keys(credentials, kwargs)
    # Threads share clients, which boto3 allows. Profiles belong to sessions, which it does not, but the
    # client of a session is a client like others.
    identity = (resource, profile_name, region_name, *keys.values(), *_frozen(kwargs))
    with _lock:
        client = _clients.get(identity)
        if client is None:
            arguments = {**keys, "region_name": region_name, **kwargs}
            source: Any = (
                boto3.session.Session(profile_name=profile_name, region_name=region_name)
                if profile_name
                else boto3
            )
            client = _clients[identity] = source.client(resource, **arguments)
    return client


def _keys(credentials: dict[str, Any] | None, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The credentials as arguments of boto3; takes them out of `kwargs`."""
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    given = {name: kwargs.pop(name, None) for name in names}
    kwargs.pop("use_session", None)  # compat: clients were once told whether to make a session
    if any(given.values()):
        return given
    found = credentials or context.get("secrets", {}).get("AWS_CREDENTIALS")
    if not found:
        return given
    try:
        return dict(
            zip(
                names,
                (found["ACCESS_KEY"], found["SECRET_ACCESS_KEY"], found.get("SESSION_TOKEN")),
                strict=True,
            )
        )
    except KeyError as exc:
        raise ValueError(
            f"The AWS credentials lack {exc}; they need ACCESS_KEY and SECRET_ACCESS_KEY, and may have "
            "SESSION_TOKEN."
        ) from None


def _frozen(kwargs: dict[str, Any]) -> list[Any]:
    """Arguments in a form that can be part of a key; objects count by identity."""
    return [
        (name, value if isinstance(value, (str, int, bool, type(None))) else id(value))
        for name, value in sorted(kwargs.items())
    ]
