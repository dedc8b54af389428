from __future__ import annotations

from typing import Any

from prefect.storage._repository import RepositoryStorage

__all__ = ["GitHub"]


class GitHub(RepositoryStorage):
    """Loads flows from a file on GitHub.

    Args:
        repo: the repository, as `owner/name`.
        path: the file's path in the repository.
        ref: branch, tag or commit; the default branch if not given.
        access_token_secret: name of the secret with the access token.
        base_url: address of the API of a GitHub of your own.
        **kwargs: as for `Storage`.
    """

    repo: str
    ref: str | None
    access_token_secret: str | None
    base_url: str | None

    def __init__(
        self,
        repo: str,
        path: str,
        ref: str | None = None,
        access_token_secret: str | None = None,
        base_url: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.repo = repo
        self.path = path
        self.ref = ref
        self.access_token_secret = access_token_secret
        self.base_url = base_url
        super().__init__(**kwargs)
