"""Dockerfiles of images with flows, as text."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

__all__ = ["ImagePlan", "dockerfile_text"]


@dataclass(frozen=True)
class ImagePlan:
    """What an image with flows consists of. Paths here are relative to the context of the build."""

    #: The first lines: `FROM …`, or the whole Dockerfile of the user.
    start: str
    #: Python of the flows: `(major, minor)`
    python: tuple[int, int]
    prefect_directory: str
    env_vars: Mapping[str, str] = field(default_factory=dict[str, str])
    installation_commands: Iterable[str] = ()
    python_dependencies: Iterable[str] = ()
    #: `{path here: path in the image}`
    copies: Mapping[str, str] = field(default_factory=dict[str, str])
    extra_commands: Iterable[str] = ()
    #: The script that loads flows, in the image.
    healthcheck: str | None = None
    #: The pickled flows to check, in the image.
    flows: Iterable[str] = ()


def dockerfile_text(plan: ImagePlan) -> str:
    """The Dockerfile of a plan.

    What changes seldom comes first, so that the layers before it are not built again for each version
    of a flow.

    Raises:
        ValueError: the value of an environment variable has a line break, which a Dockerfile cannot hold.
    """
    lines = [plan.start.rstrip("\n"), ""]
    lines += [f"ENV {name}={_quoted(name, str(value))}" for name, value in plan.env_vars.items()]
    lines += [f"RUN {command}" for command in plan.installation_commands]
    dependencies = " ".join(shlex.quote(package) for package in plan.python_dependencies)
    if dependencies:
        lines.append(f"RUN pip install {dependencies}")
    lines.append(f"RUN mkdir -p {shlex.quote(str(PurePosixPath(plan.prefect_directory)))}")
    lines += [f"COPY {json.dumps([here, there])}" for here, there in plan.copies.items()]
    lines += plan.extra_commands
    if plan.healthcheck:
        arguments = (plan.healthcheck, json.dumps(list(plan.flows)), str(plan.python))
        lines.append(f"RUN python {shlex.join(arguments)}")
    return "\n".join(lines) + "\n"


def _quoted(name: str, value: str) -> str:
    """A value as it is: nothing in it is a variable or an escape for the builder."""
    if "\n" in value or "\r" in value:
        raise ValueError(f"The environment variable {name} has a line break, which an image cannot be given.")
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped}"'
