"""Tasks that work with repositories, issues and pull requests on GitHub."""

from __future__ import annotations

from prefect.tasks.github.comments import CreateIssueComment
from prefect.tasks.github.issues import OpenGitHubIssue
from prefect.tasks.github.prs import CreateGitHubPR
from prefect.tasks.github.repos import CreateBranch, GetRepoInfo

__all__ = ["CreateBranch", "CreateGitHubPR", "CreateIssueComment", "GetRepoInfo", "OpenGitHubIssue"]
