"""Files from the HTTP interfaces of code hosts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefect.exceptions import FlowStorageError

__all__ = ["download", "token"]

#: Connecting, and each wait for more bytes.
_TIMEOUT_S = (10.0, 60.0)
_TRIES = 4
_TRY_AGAIN = (429, 500, 502, 503, 504)


def download(
    url: str,
    what: str,
    *,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
) -> bytes:
    """The body of the answer to a GET request.

    A host that is busy or cannot be reached is asked four times, within some seconds.

    Args:
        url: the address.
        what: what is downloaded from where, for the error, such as `f.py of o/r at main from GitHub`.
        headers: headers of the request.
        params: query of the request.
        auth: user name and password.

    Raises:
        FlowStorageError: it cannot be had; the message says why, and holds no credentials.
    """
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util.retry import Retry

    retry = Retry(
        total=_TRIES - 1,
        backoff_factor=0.3,
        backoff_max=5,
        status_forcelist=_TRY_AGAIN,
        raise_on_status=False,
        # A host may ask for an hour, and the run would seem to hang.
        respect_retry_after_header=False,
    )
    with requests.Session() as session:
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(max_retries=retry))
        try:
            answer = session.get(url, headers=headers, params=params, auth=auth, timeout=_TIMEOUT_S)
        except requests.RequestException as exc:
            raise FlowStorageError(f"Cannot download {what}: {exc}") from exc
    if answer.ok:
        return answer.content
    raise FlowStorageError(
        f"Cannot download {what}: {_reason(answer, with_credentials=bool(headers or auth))}"
    )


def _reason(answer: Any, *, with_credentials: bool) -> str:
    status = f"the host answered {answer.status_code} {answer.reason}".rstrip()
    if answer.status_code in (401, 403):
        return f"{status}. Check the access token and what it may read."
    if answer.status_code == 404:
        hint = "Check repository, path and ref" + ("" if with_credentials else ", and give an access token")
        return f"{status}. {hint}; hosts say this too of what the caller may not see."
    return f"{status}."


def token(secret_name: str | None, default: str) -> str | None:
    """The value of a secret with an access token.

    Args:
        secret_name: the secret the user named, if any.
        default: name of the secret, and of the environment variable, that are used otherwise.

    Raises:
        ValueError: there is no secret of the given name.
    """
    from prefect.client.secrets import Secret

    if secret_name:
        return str(Secret(secret_name).get())
    import os

    from prefect.utilities.context import context

    return context.get("secrets", {}).get(default) or os.environ.get(default)
