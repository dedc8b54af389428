"""`GetRepoInfo` and `CreateBranch`."""

from __future__ import annotations

from typing import Any

from prefect.core.task import Task
from prefect.tasks.github._api import request
from prefect.utilities.tasks import defaults_from_attrs

__all__ = ["CreateBranch", "GetRepoInfo"]


class GetRepoInfo(Task):
    """A task that reads facts about a repository.

    What is given here is used when the call gives none.

    Args:
        repo: the repository, as `owner/name`.
        info_keys: which facts to return, such as `stargazers_count`.
        **kwargs: settings of every `Task`.
    """

    def __init__(
        self,
        repo: str | None = None,
        info_keys: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        self.repo = repo
        self.info_keys = info_keys or []
        super().__init__(**kwargs)

    @defaults_from_attrs("repo", "info_keys")
    def run(
        self,
        repo: str | None = None,
        info_keys: list[str] | None = None,
        token: str | None = None,
    ) -> dict[str, Any]:
        """Read them.

        Args:
            repo: the repository, as `owner/name`.
            info_keys: which facts to return, such as `stargazers_count`.
            token: an access token, best from a `PrefectSecret` task upstream.

        Returns:
            the facts that were asked for.

        Raises:
            ValueError: no repository was given.
            KeyError: GitHub tells no such fact.
            requests.RequestException: GitHub was not reached, or refused.
        """
        facts = request("GET", repo, "", token)
        return {key: facts[key] for key in info_keys or []}


class CreateBranch(Task):
    """A task that makes a branch.

    What is given here is used when the call gives none.

    Args:
        repo: the repository, as `owner/name`.
        base: the branch that the changes are for.
        branch_name: name of the new branch.
        **kwargs: settings of every `Task`.
    """

    def __init__(
        self,
        repo: str | None = None,
        base: str = "master",
        branch_name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.repo = repo
        self.base = base
        self.branch_name = branch_name
        super().__init__(**kwargs)

    @defaults_from_attrs("repo", "base", "branch_name")
    def run(
        self,
        repo: str | None = None,
        base: str | None = None,
        branch_name: str | None = None,
        token: str | None = None,
    ) -> dict[str, Any]:
        """Make it, from the newest commit of `base`.

        Args:
            repo: the repository, as `owner/name`.
            base: the branch that the changes are for.
            branch_name: name of the new branch.
            token: an access token, best from a `PrefectSecret` task upstream.

        Returns:
            what GitHub says of the new branch.

        Raises:
            ValueError: the repository or a name is missing, or there is no branch `base`.
            requests.RequestException: GitHub was not reached, or refused.
        """
        if repo and not branch_name:
            raise ValueError("A branch name must be provided.")
        for branch in request("GET", repo, "/git/refs/heads", token):
            if branch["ref"] == f"refs/heads/{base}":
                new = {"ref": f"refs/heads/{branch_name}", "sha": branch["object"]["sha"]}
                return request("POST", repo, "/git/refs", token, new)
        raise ValueError(f"Base branch {base} not found.")
