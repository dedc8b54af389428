"""A git repository, cloned for as long as it is needed."""

from __future__ import annotations

import re
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

from prefect.utilities._extras import require
from prefect.utilities._lazy import removed_names

__all__ = ["TemporaryGitRepo", "clone_errors", "without_credentials"]

__getattr__ = removed_names(__name__)

_CREDENTIALS = re.compile(r"(?P<scheme>\w+://)(?P<both>[^/\s@]*)@")


class TemporaryGitRepo:
    """A context manager with a clone in a temporary folder, which goes at its end.

    Without `branch_name`, `tag` and `commit` the newest commit of the default branch is checked out.

    Args:
        git_clone_url: where to clone from
        branch_name: check out the newest commit of this branch
        tag: check out this tag
        commit: check out this commit, by its hash or the beginning of it
        clone_depth: number of commits to fetch of each branch; with `commit` all are
    """

    temp_dir: TemporaryDirectory[str]
    """The folder of the clone; its path is `temp_dir.name`."""
    repo: Any
    """The clone, a `dulwich.repo.Repo`."""

    def __init__(
        self,
        git_clone_url: str,
        branch_name: str | None = None,
        tag: str | None = None,
        commit: str | None = None,
        clone_depth: int = 1,
    ) -> None:
        self.git_clone_url = git_clone_url
        self.branch_name = branch_name
        self.tag = tag
        self.commit = commit
        self.clone_depth = clone_depth

    def __enter__(self) -> TemporaryGitRepo:
        """Clone and check out.

        Raises:
            ImportError: dulwich is not installed
            ValueError: both a branch and a tag are wanted, or what is wanted does not exist
        """
        if self.branch_name and self.tag:
            raise ValueError("Either `tag` or `branch_name` can be specified, but not both")
        self.temp_dir = TemporaryDirectory()
        try:
            self.repo = self._clone()
            if self.branch_name or self.tag or self.commit:
                self.checkout_ref()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        repo = getattr(self, "repo", None)
        if repo is not None:
            repo.close()  # Windows cannot remove open files
        self.temp_dir.cleanup()

    def _clone(self) -> Any:
        library = require("dulwich.client", "git")
        config = require("dulwich.config", "git").StackedConfig.default()
        client, path = library.get_transport_and_path(self.git_clone_url, config=config, quiet=True)
        try:
            return client.clone(
                path,
                self.temp_dir.name,
                mkdir=False,
                checkout=not (self.branch_name or self.tag or self.commit),
                # A commit that is no head of a branch is not in a shallow clone.
                depth=None if self.commit else self.clone_depth or None,
            )
        finally:
            connections = getattr(client, "pool_manager", None)
            if connections is not None:
                connections.clear()

    def checkout_ref(self) -> None:
        """Put the files of the wanted commit, branch or tag into the folder.

        Raises:
            ValueError: the repository has no such commit, branch or tag
        """
        tree_id = self._tree_id_of_commit() if self.commit else self.get_tree_id_for_branch_or_tag()
        build = require("dulwich.index", "git").build_index_from_tree
        build(self.repo.path, self.repo.index_path(), self.repo.object_store, tree_id)

    @property
    def branch_or_tag_ref(self) -> bytes:
        """Full name of the branch or tag in the clone.

        Raises:
            ValueError: neither or both are set
        """
        if self.tag and self.branch_name:
            raise ValueError("Either `tag` or `branch_name` can be specified, but not both")
        if self.tag:
            return f"refs/tags/{self.tag}".encode()
        if self.branch_name:
            return f"refs/remotes/origin/{self.branch_name}".encode()
        raise ValueError("Either `tag` or `branch_name` must be specified to get a tree id")

    def get_tree_id_for_branch_or_tag(self) -> bytes:
        """Id of the tree of files at the branch or tag.

        Raises:
            ValueError: the repository has no such branch or tag
        """
        ref = self.branch_or_tag_ref
        try:
            found: Any = self.repo[ref]
        except KeyError:
            kind, name = ("tag", self.tag) if self.tag else ("branch", self.branch_name)
            raise ValueError(
                f"The repository {without_credentials(self.git_clone_url)} has no {kind} {name!r}."
            ) from None
        while not hasattr(found, "tree"):  # an annotated tag points at what it names
            found = self.repo[found.object[1]]
        return found.tree

    def _tree_id_of_commit(self) -> bytes:
        parse = require("dulwich.objectspec", "git").parse_commit
        try:
            return parse(self.repo, self.commit).tree
        except (KeyError, ValueError):
            raise ValueError(
                f"The repository {without_credentials(self.git_clone_url)} has no commit {self.commit!r}."
            ) from None


def clone_errors() -> tuple[type[Exception], ...]:
    """What can go wrong with a clone: the host, the network, the repository, or what is wanted of it."""
    errors = require("dulwich.errors", "git")
    client = require("dulwich.client", "git")
    urllib3 = require("urllib3.exceptions", "git")
    return (
        errors.GitProtocolError,
        errors.NotGitRepository,
        client.HTTPUnauthorized,
        urllib3.HTTPError,
        OSError,
        ValueError,
        KeyError,
    )


def without_credentials(text: str, url: str | None = None) -> str:
    """A text without user name and password of addresses in it.

    Args:
        text: an address, or a message.
        url: an address whose user name and password go wherever they occur in the text.
    """
    if url is not None:
        credentials = _CREDENTIALS.search(url)
        if credentials:
            for part in sorted(credentials["both"].split(":"), key=len, reverse=True):
                text = text.replace(part, "…") if len(part) > 3 else text
    return _CREDENTIALS.sub(r"\g<scheme>", text)
