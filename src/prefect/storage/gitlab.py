from __future__ import annotations

from typing import Any

from prefect.storage import _http
from prefect.storage._repository import RepositoryStorage, described

__all__ = ["GitLab"]


class GitLab(RepositoryStorage):
    """Loads flows from a file on GitLab.

    Args:
        repo: the project, by path or id.
        host: address of a GitLab of your own.
        path: the file's path in the repository.
        ref: branch, tag or commit; the default branch if not given.
        access_token_secret: name of the secret with the access token.
        **kwargs: as for `Storage`.
    """

    repo: str
    host: str | None
    path: str | None
    ref: str | None
    access_token_secret: str | None

    def __init__(
        self,
        repo: str,
        host: str | None = None,
        path: str | None = None,
        ref: str | None = None,
        access_token_secret: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.repo = repo
        self.host = host
        self.path = path
        self.ref = ref
        self.access_token_secret = access_token_secret
        super().__init__(**kwargs)

    def _described(self, path: str) -> str:
        return described(path, self.repo, self.ref, self.host or "GitLab")

    def _download(self, path: str) -> bytes:
        from urllib.parse import quote

        host = (self.host or "https://gitlab.com").rstrip("/")
        access_token = _http.token(self.access_token_secret, "GITLAB_ACCESS_TOKEN")
        project, file = quote(self.repo, safe=""), quote(path, safe="")
        return _http.download(
            f"{host}/api/v4/projects/{project}/repository/files/{file}/raw",
            self._described(path),
            headers={"PRIVATE-TOKEN": access_token} if access_token else None,
            params={"ref": self.ref or "HEAD"},
        )
