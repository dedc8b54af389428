from __future__ import annotations

from typing import Any

from prefect.storage._repository import RepositoryStorage

__all__ = ["CodeCommit"]


class CodeCommit(RepositoryStorage):
    """Loads flows from a file in AWS CodeCommit.

    Args:
        repo: the repository.
        path: the file's path in the repository.
        commit: commit, branch or tag; the default branch if not given.
        client_options: arguments of the boto3 client.
        **kwargs: as for `Storage`.
    """

    repo: str
    path: str | None
    commit: str | None
    client_options: dict[str, Any] | None

    def __init__(
        self,
        repo: str,
        path: str | None = None,
        commit: str | None = None,
        client_options: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.repo = repo
        self.path = path
        self.commit = commit
        self.client_options = client_options
        super().__init__(**kwargs)
