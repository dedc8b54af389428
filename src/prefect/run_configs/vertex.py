from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from prefect.run_configs.base import RunConfig

__all__ = ["VertexRun"]


class VertexRun(RunConfig):
    """Runs the flow as a custom job of a Vertex agent, on Google Cloud.

    Example:
        ```python
        flow = Flow("nightly")
        flow.run_config = VertexRun(image="gcr.io/project/flows:7", machine_type="e2-highmem-16")
        ```

    Args:
        env: environment variables of the container.
        labels: labels an agent must have to take the run.
        image: the image of the container.
        machine_type: kind of machine.
        scheduling: the job's `scheduling`, such as `{"timeout": "3600s"}`.
        service_account: account the job runs as.
        network: full name of the network to peer with.
        worker_pool_specs: the job's `worker_pool_specs`; the first is completed with image and
            command.
    """

    image: str | None
    machine_type: str
    scheduling: dict[str, Any] | None
    service_account: str | None
    network: str | None
    worker_pool_specs: list[dict[str, Any]] | None

    def __init__(
        self,
        *,
        env: dict[str, Any] | None = None,
        labels: Iterable[str] | None = None,
        image: str | None = None,
        machine_type: str = "e2-standard-4",
        scheduling: dict[str, Any] | None = None,
        service_account: str | None = None,
        network: str | None = None,
        worker_pool_specs: list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(env=env, labels=labels)
        self.image = image
        self.machine_type = machine_type
        self.scheduling = scheduling
        self.service_account = service_account
        self.network = network
        self.worker_pool_specs = worker_pool_specs
