"""Tasks that work with images and containers of a Docker engine."""

from __future__ import annotations

from prefect.tasks.docker.containers import (
    CreateContainer,
    GetContainerLogs,
    ListContainers,
    RemoveContainer,
    StartContainer,
    StopContainer,
    WaitOnContainer,
)
from prefect.tasks.docker.images import BuildImage, ListImages, PullImage, PushImage, RemoveImage, TagImage

__all__ = [
    "BuildImage",
    "CreateContainer",
    "GetContainerLogs",
    "ListContainers",
    "ListImages",
    "PullImage",
    "PushImage",
    "RemoveContainer",
    "RemoveImage",
    "StartContainer",
    "StopContainer",
    "TagImage",
    "WaitOnContainer",
]
