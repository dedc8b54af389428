"""Requests to the API of GitHub."""

from __future__ import annotations

from typing import Any

__all__ = ["request"]

_API = "https://api.github.com"
_TIMEOUT_S = 60


def request(
    method: str, repo: str | None, path: str, token: str | None, json: dict[str, Any] | None = None
) -> Any:
    """What GitHub answers, decoded.

    Args:
        method: `GET` or `POST`.
        repo: the repository, as `owner/name`.
        path: what follows the repository in the address.
        token: an access token; without one only what is public can be read.
        json: what to send.

    Raises:
        ValueError: no repository was given.
        requests.RequestException: GitHub was not reached, or refused.
    """
    if not repo:
        raise ValueError("A GitHub repository must be provided.")
    import requests

    headers = {"Accept": "application/vnd.github.v3+json"}
    if token:
        headers["Authorization"] = f"token {token}"
    answer = requests.request(
        method, f"{_API}/repos/{repo}{path}", json=json, headers=headers, timeout=_TIMEOUT_S
    )
    answer.raise_for_status()
    return answer.json()
