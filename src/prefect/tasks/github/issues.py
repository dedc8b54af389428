"""`OpenGitHubIssue`."""

from __future__ import annotations

from typing import Any

from prefect.core.task import Task
from prefect.tasks.github._api import request
from prefect.utilities.tasks import defaults_from_attrs

__all__ = ["OpenGitHubIssue"]


class OpenGitHubIssue(Task):
    """A task that opens an issue.

    What is given here is used when the call gives none.

    Args:
        repo: the repository, as `owner/name`.
        title: the title.
        body: the text, in Markdown.
        labels: names of labels.
        **kwargs: settings of every `Task`.
    """

    def __init__(
        self,
        repo: str | None = None,
        title: str | None = None,
        body: str | None = None,
        labels: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        self.repo = repo
        self.title = title
        self.body = body
        self.labels = labels or []
        super().__init__(**kwargs)

    @defaults_from_attrs("repo", "title", "body", "labels")
    def run(
        self,
        repo: str | None = None,
        title: str | None = None,
        body: str | None = None,
        labels: list[str] | None = None,
        token: str | None = None,
    ) -> None:
        """Open it.

        Args:
            repo: the repository, as `owner/name`.
            title: the title.
            body: the text, in Markdown.
            labels: names of labels.
            token: an access token, best from a `PrefectSecret` task upstream.

        Raises:
            ValueError: no repository was given.
            requests.RequestException: GitHub was not reached, or refused.
        """
        request("POST", repo, "/issues", token, {"title": title, "body": body, "labels": labels or []})
