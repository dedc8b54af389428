"""Storages on the wire: where the code of a flow is kept."""

from __future__ import annotations

from typing import Any, TypeAlias

from prefect._wire.base import Wire

__all__ = [
    "GCS",
    "S3",
    "AnyStorage",
    "Azure",
    "Bitbucket",
    "CodeCommit",
    "Docker",
    "Git",
    "GitHub",
    "GitLab",
    "Local",
    "Module",
    "Storage",
    "Webhook",
]


class Storage(Wire, tag="Storage"):
    """What every storage has."""

    #: `{flow name: location}`; some storages know the location only once they are built.
    flows: dict[str, str | None] = {}
    #: Names of secrets that are put into the context before the flow is loaded.
    secrets: list[str] | None = []


class Azure(Storage, tag="Azure", kw_only=True):
    """A blob in Azure."""

    container: str
    connection_string_secret: str | None = None
    blob_name: str | None = None
    stored_as_script: bool | None = False


class Bitbucket(Storage, tag="Bitbucket", kw_only=True):
    """A file in Bitbucket (server or cloud)."""

    project: str
    repo: str
    workspace: str | None = None
    host: str | None = None
    path: str | None = None
    ref: str | None = None
    access_token_secret: str | None = None
    cloud_username_secret: str | None = None
    cloud_app_password_secret: str | None = None


class CodeCommit(Storage, tag="CodeCommit", kw_only=True):
    """A file in AWS CodeCommit."""

    repo: str
    path: str | None = None
    commit: str | None = None
    client_options: dict[str, Any] | None = None


class Docker(Storage, tag="Docker"):
    """A container image."""

    registry_url: str | None = None
    image_name: str | None = None
    image_tag: str | None = None
    path: str | None = None
    stored_as_script: bool | None = False
    prefect_version: str | None = None


class GCS(Storage, tag="GCS", kw_only=True):
    """A blob in Google Cloud Storage."""

    bucket: str
    key: str | None = None
    project: str | None = None
    stored_as_script: bool | None = False


class Git(Storage, tag="Git", kw_only=True):
    """A file in a git repository."""

    flow_path: str
    repo: str | None = None
    repo_host: str | None = None
    flow_name: str | None = None
    git_token_secret_name: str | None = None
    git_token_username: str | None = None
    git_clone_url_secret_name: str | None = None
    branch_name: str | None = None
    tag: str | None = None
    commit: str | None = None
    clone_depth: int | None = 1
    use_ssh: bool | None = False
    format_access_token: bool | None = True


class GitHub(Storage, tag="GitHub", kw_only=True):
    """A file on GitHub."""

    repo: str
    path: str
    ref: str | None = None
    access_token_secret: str | None = None
    base_url: str | None = None


class GitLab(Storage, tag="GitLab", kw_only=True):
    """A file on GitLab."""

    repo: str
    path: str | None = None
    host: str | None = None
    ref: str | None = None
    access_token_secret: str | None = None


class Local(Storage, tag="Local"):
    """A file on the machine of the agent."""

    directory: str | None = None
    path: str | None = None
    stored_as_script: bool | None = False


class Module(Storage, tag="Module", kw_only=True):
    """An importable Python module."""

    module: str


class S3(Storage, tag="S3", kw_only=True):
    """An object in S3."""

    bucket: str
    key: str | None = None
    stored_as_script: bool | None = False
    client_options: dict[str, Any] | None = None


class Webhook(Storage, tag="Webhook", kw_only=True):
    """Whatever answers HTTP."""

    build_request_kwargs: dict[str, Any]
    build_request_http_method: str
    get_flow_request_kwargs: dict[str, Any]
    get_flow_request_http_method: str
    stored_as_script: bool | None = False


AnyStorage: TypeAlias = (
    Azure
    | Bitbucket
    | CodeCommit
    | Docker
    | GCS
    | Git
    | GitHub
    | GitLab
    | Local
    | Module
    | S3
    | Storage
    | Webhook
)
