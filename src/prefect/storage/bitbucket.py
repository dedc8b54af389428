from __future__ import annotations

from typing import Any

from prefect.storage._repository import RepositoryStorage

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
