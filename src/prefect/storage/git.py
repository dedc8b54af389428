from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect.exceptions import FlowStorageError
from prefect.storage.base import Storage

if TYPE_CHECKING:
    from collections.abc import Generator

    from prefect.core.flow import Flow
    from prefect.utilities.git import TemporaryGitRepo

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

    @property
    def git_token_secret(self) -> str:
        """The access token, from its secret; empty if there is none.

        Raises:
            ValueError: there is no secret of that name.
        """
        if self.git_token_secret_name is None:
            return ""
        from prefect.client.secrets import Secret

        return str(Secret(self.git_token_secret_name).get())

    @property
    def git_clone_url(self) -> str:
        """Where to clone from. It may hold the access token.

        Raises:
            ValueError: there is no secret of a name that was given.
        """
        if self.git_clone_url_secret_name:
            from prefect.client.secrets import Secret

            return str(Secret(self.git_clone_url_secret_name).get())
        if self.use_ssh:
            return f"git@{self.repo_host}:{self.repo}.git"
        token = self.git_token_secret
        if token and self.format_access_token:
            token = f"{self.git_token_username}:{token}"
        return f"https://{token}@{self.repo_host}/{self.repo}.git"

    def get_flow(self, flow_name: str) -> Flow:
        """The flow of a name, from its file as it is in the repository now.

        The repository is cloned for it, and the clone removed. Needs the extra `git`.

        Args:
            flow_name: the name; `flow_name` of this storage, if there is one, is looked for instead.

        Raises:
            ValueError: the storage has no such flow, or its file has none.
            prefect.exceptions.FlowStorageError: the repository cannot be cloned, or has no such file.
            Exception: whatever the file raises.
        """
        from prefect.utilities.storage import extract_flow_from_file

        self._location(flow_name)
        with self._clone() as clone:
            path = self._file_in(Path(clone.temp_dir.name))
            return extract_flow_from_file(file_path=str(path), flow_name=self.flow_name or flow_name)

    @contextmanager
    def _clone(self) -> Generator[TemporaryGitRepo]:
        """The repository, for as long as it is needed."""
        from prefect.utilities.git import TemporaryGitRepo, clone_errors, without_credentials

        url = self.git_clone_url
        repo = TemporaryGitRepo(
            git_clone_url=url,
            branch_name=self.branch_name,
            tag=self.tag,
            commit=self.commit,
            clone_depth=self.clone_depth,
        )
        with ExitStack() as stack:
            try:
                stack.enter_context(repo)
            except clone_errors() as exc:
                # Not "from exc": libraries put the address, and so the token, into their messages.
                text = f"Cannot clone {without_credentials(url)}: {without_credentials(str(exc), url)}"
                raise FlowStorageError(text) from None
            yield repo

    def _file_in(self, root: Path) -> Path:
        """The flow's file in a clone.

        Raises:
            FlowStorageError: there is none, or it is outside: a path or a link leads there.
        """
        root = root.resolve()
        path = (root / self.flow_path).resolve()
        if not path.is_relative_to(root):
            raise FlowStorageError(
                f"`flow_path` {self.flow_path!r} leads out of the repository {self._name()}."
            )
        if not path.is_file():
            raise FlowStorageError(
                f"The repository {self._name()} has no file {self.flow_path!r} at "
                f"{self.branch_name or self.tag or self.commit or 'the default branch'}."
            )
        return path

    def _name(self) -> str:
        return self.repo or f"of the secret {self.git_clone_url_secret_name!r}"
