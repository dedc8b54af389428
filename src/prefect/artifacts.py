"""The old place of artifacts; they moved to `prefect.backend`."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

__all__ = ["create_link", "create_markdown", "delete_artifact", "update_link", "update_markdown"]


def create_link(link: str) -> str | None:
    """Call `prefect.backend.create_link_artifact`, the new name of this function.

    Args:
        link: address to show beside the task run

    Returns:
        id of the artifact, None outside of a backend run
    """
    return _forward("create_link", "create_link_artifact", link)


def update_link(task_run_artifact_id: str, link: str) -> None:
    """Call `prefect.backend.update_link_artifact`, the new name of this function.

    Args:
        task_run_artifact_id: id of the artifact
        link: its new address
    """
    _forward("update_link", "update_link_artifact", task_run_artifact_id, link)


def create_markdown(markdown: str) -> str | None:
    """Call `prefect.backend.create_markdown_artifact`, the new name of this function.

    Args:
        markdown: text to show beside the task run

    Returns:
        id of the artifact, None outside of a backend run
    """
    return _forward("create_markdown", "create_markdown_artifact", markdown)


def update_markdown(task_run_artifact_id: str, markdown: str) -> None:
    """Call `prefect.backend.update_markdown_artifact`, the new name of this function.

    Args:
        task_run_artifact_id: id of the artifact
        markdown: its new text
    """
    _forward("update_markdown", "update_markdown_artifact", task_run_artifact_id, markdown)


def delete_artifact(task_run_artifact_id: str) -> None:
    """Call `prefect.backend.delete_artifact`, the new place of this function.

    Args:
        task_run_artifact_id: id of the artifact
    """
    _forward("delete_artifact", "delete_artifact", task_run_artifact_id)


def _forward(old: str, new: str, *args: str) -> Any:
    warnings.warn(
        f"`prefect.artifacts.{old}` has moved to `prefect.backend.{new}`. Import it from there.",
        DeprecationWarning,
        stacklevel=3,
    )
    return getattr(import_module("prefect.backend.artifacts"), new)(*args)
