from __future__ import annotations

from typing import Any

from prefect.storage import _http
from prefect.storage._repository import RepositoryStorage, described

__all__ = ["Bitbucket"]


class Bitbucket(RepositoryStorage):
    """Loads flows from a file in Bitbucket, cloud or server.

    Args:
        project: the project the repository belongs to.
        repo: the repository.
        workspace: the workspace, in Bitbucket Cloud.
        host: address of a Bitbucket server.
        path: the file's path in the repository.
        ref: branch, tag or commit; the default branch if not given.
        access_token_secret: name of the secret with the access token of a Bitbucket server.
        cloud_username_secret: name of the secret with the user name in Bitbucket Cloud.
        cloud_app_password_secret: name of the secret with the app password in Bitbucket Cloud.
        **kwargs: as for `Storage`.
    """

    project: str
    repo: str
    workspace: str | None
    host: str | None
    path: str | None
    ref: str | None
    access_token_secret: str | None
    cloud_username_secret: str | None
    cloud_app_password_secret: str | None

    def __init__(
        self,
        project: str,
        repo: str,
        workspace: str | None = None,
        host: str | None = None,
        path: str | None = None,
        ref: str | None = None,
        access_token_secret: str | None = None,
        cloud_username_secret: str | None = None,
        cloud_app_password_secret: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.project = project
        self.repo = repo
        self.workspace = workspace
        self.host = host
        self.path = path
        self.ref = ref
        self.access_token_secret = access_token_secret
        self.cloud_username_secret = cloud_username_secret
        self.cloud_app_password_secret = cloud_app_password_secret
        super().__init__(**kwargs)

    def _described(self, path: str) -> str:
        owner = self.workspace or self.project
        return described(path, f"{owner}/{self.repo}", self.ref, self.host or "Bitbucket")

    def _download(self, path: str) -> bytes:
        return self._from_cloud(path) if self.workspace else self._from_server(path)

    def _from_server(self, path: str) -> bytes:
        from urllib.parse import quote

        host = (self.host or "https://bitbucket.org").rstrip("/")
        access_token = _http.token(self.access_token_secret, "BITBUCKET_ACCESS_TOKEN")
        return _http.download(
            f"{host}/rest/api/1.0/projects/{quote(self.project)}/repos/{quote(self.repo)}/raw/{quote(path)}",
            self._described(path),
            headers={"Authorization": f"Bearer {access_token}"} if access_token else None,
            params={"at": self.ref} if self.ref else None,
        )

    def _from_cloud(self, path: str) -> bytes:
        import json
        from urllib.parse import quote

        user = _http.token(self.cloud_username_secret, "BITBUCKET_CLOUD_USERNAME")
        password = _http.token(self.cloud_app_password_secret, "BITBUCKET_CLOUD_APP_PASSWORD")
        auth = (user, password) if user and password else None
        repository = (
            f"{(self.host or 'https://api.bitbucket.org').rstrip('/')}/2.0/repositories/"
            f"{quote(self.workspace or '')}/{quote(self.repo)}"
        )
        ref = self.ref
        what = self._described(path)
        if ref is None:
            ref = str(json.loads(_http.download(repository, what, auth=auth))["mainbranch"]["name"])
        if "/" in ref:  # it would be taken for part of the path
            branch = _http.download(f"{repository}/refs/branches/{quote(ref)}", what, auth=auth)
            ref = str(json.loads(branch)["target"]["hash"])
        return _http.download(f"{repository}/src/{quote(ref, safe='')}/{quote(path)}", what, auth=auth)
