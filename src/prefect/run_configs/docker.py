from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from prefect.run_configs.base import RunConfig

__all__ = ["DockerRun"]


class DockerRun(RunConfig):
    """Runs the flow in a container of a Docker agent.

    Example:
        ```python
        flow = Flow("nightly")
        flow.run_config = DockerRun(image="registry.example.com/flows:7", ports=[8080])
        ```

    Args:
        image: the image; that of the flow's Docker storage, or the agent's default, if not given.
        env: environment variables of the container.
        labels: labels an agent must have to take the run.
        ports: ports of the container to publish.
        host_config: further options of the container, as for `create_host_config` of Docker.
    """

    image: str | None
    ports: Iterable[Any] | None
    host_config: dict[str, Any] | None

    def __init__(
        self,
        *,
        image: str | None = None,
        env: dict[str, Any] | None = None,
        labels: Iterable[str] | None = None,
        ports: Iterable[Any] | None = None,
        host_config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(env=env, labels=labels)
        self.image = image
        self.host_config = host_config
        self.ports = ports
