"""`CreateGitHubPR`."""

from __future__ import annotations

from typing import Any

from prefect.core.task import Task
from prefect.tasks.github._api import request
from prefect.utilities.tasks import defaults_from_attrs

__all__ = ["CreateGitHubPR"]


class CreateGitHubPR(Task):
    """A task that opens a pull request.

    What is given here is used when the call gives none.

    Args:
        repo: the repository, as `owner/name`.
        title: the title.
        body: the text, in Markdown.
        head: the branch with the changes.
        base: the branch that the changes are for.
        **kwargs: settings of every `Task`.
    """

    def __init__(
        self,
        repo: str | None = None,
        title: str | None = None,
        body: str | None = None,
        head: str | None = None,
        base: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.repo = repo
        self.title = title
        self.body = body
        self.head = head
        self.base = base
        super().__init__(**kwargs)

    @defaults_from_attrs("repo", "title", "body", "head", "base")
    def run(
        self,
        repo: str | None = None,
        title: str | None = None,
        body: str | None = None,
        head: str | None = None,
        base: str | None = None,
        token: str | None = None,
    ) -> None:
        """Open it.

        Args:
            repo: the repository, as `owner/name`.
            title: the title.
            body: the text, in Markdown.
            head: the branch with the changes.
            base: the branch that the changes are for.
            token: an access token, best from a `PrefectSecret` task upstream.

        Raises:
            ValueError: no repository was given.
            requests.RequestException: GitHub was not reached, or refused.
        """
        request("POST", repo, "/pulls", token, {"title": title, "body": body, "head": head, "base": base})
