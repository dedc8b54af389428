from __future__ import annotations

from typing import Any

from prefect.storage import _http
from prefect.storage._repository import RepositoryStorage, described

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

    def _described(self, path: str) -> str:
        return described(path, self.repo, self.ref, self.base_url or "GitHub")

    def _download(self, path: str) -> bytes:
        from urllib.parse import quote

        api = (self.base_url or "https://api.github.com").rstrip("/")
        headers = {"Accept": "application/vnd.github.raw+json"}
        access_token = _http.token(self.access_token_secret, "GITHUB_ACCESS_TOKEN")
        if access_token:
            headers["Authorization"] = f"Bearer {access_token}"
        return _http.download(
            f"{api}/repos/{quote(self.repo)}/contents/{quote(path)}",
            self._described(path),
            headers=headers,
            params={"ref": self.ref} if self.ref else None,
        )
