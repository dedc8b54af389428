"""Links and texts that a task shows beside its run in the web UI."""

from __future__ import annotations

from typing import Any

from prefect.utilities.context import context

__all__ = [
    "create_link_artifact",
    "create_markdown_artifact",
    "delete_artifact",
    "update_link_artifact",
    "update_markdown_artifact",
]


def create_link_artifact(link: str) -> str | None:
    """Show a link beside the task run that calls this.

    Args:
        link: the address.

    Returns:
        the id of the artifact; None outside of a run that an API keeps.
    """
    return _create("link", {"link": link})


def update_link_artifact(task_run_artifact_id: str, link: str) -> None:
    """Replace the address of a link.

    Args:
        task_run_artifact_id: id of the artifact.
        link: the new address.

    Raises:
        ValueError: no id is given.
    """
    _update(task_run_artifact_id, {"link": link})


def create_markdown_artifact(markdown: str) -> str | None:
    """Show a text beside the task run that calls this.

    Args:
        markdown: the text, in Markdown.

    Returns:
        the id of the artifact; None outside of a run that an API keeps.
    """
    return _create("markdown", {"markdown": markdown})


def update_markdown_artifact(task_run_artifact_id: str, markdown: str) -> None:
    """Replace a text.

    Args:
        task_run_artifact_id: id of the artifact.
        markdown: the new text, in Markdown.

    Raises:
        ValueError: no id is given.
    """
    _update(task_run_artifact_id, {"markdown": markdown})


def delete_artifact(task_run_artifact_id: str) -> None:
    """Remove an artifact.

    Args:
        task_run_artifact_id: id of the artifact.

    Raises:
        ValueError: no id is given.
    """
    _check_id(task_run_artifact_id)
    if _has_backend():
        from prefect.client.client import Client

        Client().delete_task_run_artifact(task_run_artifact_id=task_run_artifact_id)


def _create(kind: str, data: dict[str, Any]) -> str | None:
    if not _has_backend():
        return None
    from prefect.client.client import Client

    return Client().create_task_run_artifact(task_run_id=context.get("task_run_id", ""), kind=kind, data=data)


def _update(task_run_artifact_id: str, data: dict[str, Any]) -> None:
    _check_id(task_run_artifact_id)
    if _has_backend():
        from prefect.client.client import Client

        Client().update_task_run_artifact(task_run_artifact_id=task_run_artifact_id, data=data)


def _has_backend() -> bool:
    return bool(context.get("running_with_backend"))


def _check_id(task_run_artifact_id: str) -> None:
    if not task_run_artifact_id:
        raise ValueError("The ID of an existing task run artifact must be provided.")
