from __future__ import annotations

from typing import Any

from prefect.storage._repository import RepositoryStorage, described
from prefect.utilities._extras import require

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

    def _described(self, path: str) -> str:
        return described(path, self.repo, self.commit, "CodeCommit")

    def _download(self, path: str) -> bytes:
        from prefect.exceptions import FlowStorageError
        from prefect.utilities.aws import get_boto_client

        client = get_boto_client("codecommit", **(self.client_options or {}))
        where = {"commitSpecifier": self.commit} if self.commit else {}
        errors = require("botocore.exceptions", "aws")
        try:
            answer = client.get_file(repositoryName=self.repo, filePath=path, **where)
        except (errors.ClientError, errors.BotoCoreError) as exc:
            raise FlowStorageError(f"Cannot download {self._described(path)}: {exc}") from exc
        return answer["fileContent"]
