"""`CreateIssueComment`."""

from __future__ import annotations

from typing import Any

from prefect.core.task import Task
from prefect.tasks.github._api import request
from prefect.utilities.tasks import defaults_from_attrs

__all__ = ["CreateIssueComment"]


class CreateIssueComment(Task):
    """A task that comments on an issue or pull request.

    What is given here is used when the call gives none.

    Args:
        repo: the repository, as `owner/name`.
        issue_number: number of the issue or pull request.
        body: the text, in Markdown.
        **kwargs: settings of every `Task`.
    """

    def __init__(
        self,
        repo: str | None = None,
        issue_number: int | None = None,
        body: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.repo = repo
        self.issue_number = issue_number
        self.body = body
        super().__init__(**kwargs)

    @defaults_from_attrs("repo", "issue_number", "body")
    def run(
        self,
        repo: str | None = None,
        issue_number: int | None = None,
        body: str | None = None,
        token: str | None = None,
    ) -> None:
        """Comment on it.

        Args:
            repo: the repository, as `owner/name`.
            issue_number: number of the issue or pull request.
            body: the text, in Markdown.
            token: an access token, best from a `PrefectSecret` task upstream.

        Raises:
            ValueError: the repository or the number of the issue is missing.
            requests.RequestException: GitHub was not reached, or refused.
        """
        if repo and issue_number is None:
            raise ValueError("An issue number must be provided")
        request("POST", repo, f"/issues/{issue_number}/comments", token, {"body": body})
