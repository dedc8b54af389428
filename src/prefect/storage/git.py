from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefect.storage.base import Storage

if TYPE_CHECKING:
    from prefect.core.flow import Flow

__all__ = ["Git"]


class Git(Storage):
    """Loads flows from a file in any git repository, which is cloned.

    Args:
        flow_path: the file's path in the repository.
        repo: the repository on its host, as `owner/name`.
        repo_host: the host.
        flow_name: name of the flow in the file, if it is not the name it was stored under.
        git_token_secret_name: name of the secret with the access token.
        git_token_username: user the token belongs to; the owner of the repository by default.
        git_clone_url_secret_name: name of the secret with the whole address to clone from, which
            makes `repo`, `repo_host`, the token and `use_ssh` unnecessary.
        branch_name: the branch.
        tag: the tag.
        commit: the commit.
        clone_depth: how many commits are fetched.
        use_ssh: whether to clone by SSH.
        format_access_token: whether the user name is put in front of the token in the address.
        **kwargs: as for `Storage`.

    Raises:
        ValueError: neither `repo` nor `git_clone_url_secret_name`, or more than one of branch, tag
            and commit.
    """

    flow_path: str
    repo: str | None
    repo_host: str
    flow_name: str | None
    git_token_secret_name: str | None
    git_token_username: str | None
    git_clone_url_secret_name: str | None
    branch_name: str | None
    tag: str | None
    commit: str | None
    clone_depth: int
    use_ssh: bool
    format_access_token: bool

    def __init__(
        self,
        flow_path: str,
        repo: str | None = None,
        repo_host: str = "github.com",
        flow_name: str | None = None,
        git_token_secret_name: str | None = None,
        git_token_username: str | None = None,
        git_clone_url_secret_name: str | None = None,
        branch_name: str | None = None,
        tag: str | None = None,
        commit: str | None = None,
        clone_depth: int = 1,
        use_ssh: bool = False,
        format_access_token: bool = True,
        **kwargs: Any,
    ) -> None:
        if not (repo or git_clone_url_secret_name):
            raise ValueError("Either `repo` or `git_clone_url_secret_name` must be provided")
        if sum(value is not None for value in (branch_name, tag, commit)) > 1:
            raise ValueError(
                "Please provide only one of the following parameters: `branch_name`, `tag`, `commit`"
            )
        self.flow_path = flow_path
        self.repo = repo
        self.repo_host = repo_host
        self.flow_name = flow_name
        self.git_token_secret_name = git_token_secret_name
        self.git_token_username = git_token_username or (repo.partition("/")[0] if repo else None)
        self.git_clone_url_secret_name = git_clone_url_secret_name
        self.branch_name = branch_name
        self.tag = tag
        self.commit = commit
        self.clone_depth = clone_depth
        self.use_ssh = use_ssh
        self.format_access_token = format_access_token
        super().__init__(**kwargs)
        if git_clone_url_secret_name:
            self.logger.warning(
                "Git storage initialized with a `git_clone_url_secret_name`. The value of this Secret will be "
                "used to clone the repository, ignoring `repo`, `repo_host`, `git_token_secret_name`, "
                "`git_token_username`, `use_ssh`, and `format_access_token`."
            )
        elif use_ssh and git_token_secret_name:
            self.logger.warning(
                "Git Storage initialized with `use_ssh = True` and `git_token_secret_name` provided. SSH will be "
                "used to clone the repository. `git_token_secret_name` will be ignored"
            )

    def add_flow(self, flow: Flow) -> str:
        """Take a flow in.

        Args:
            flow: the flow.

        Returns:
            the path of its file in the repository.

        Raises:
            ValueError: another flow of this name is in the storage.
        """
        return self._take(flow, self.flow_path)
