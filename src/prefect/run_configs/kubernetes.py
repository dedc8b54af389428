from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from prefect.run_configs._templates import local_path, parse_template, read_template
from prefect.run_configs.base import RunConfig

__all__ = ["KubernetesRun"]

_PULL_POLICIES = ("Always", "IfNotPresent", "Never")


class KubernetesRun(RunConfig):
    """Runs the flow as a job of a Kubernetes agent.

    Example:
        ```python
        flow = Flow("nightly")
        flow.run_config = KubernetesRun(
            image="registry.example.com/flows:7", cpu_request=0.5, memory_limit="4Gi"
        )
        ```

    Args:
        job_template_path: path of a YAML job template. A local file is read here and now; other
            paths (`s3://…`, `gs://…`, `agent:///…`) are read by the agent.
        job_template: the job template itself, as dictionary or YAML text.
        image: the image of the container.
        env: environment variables of the container.
        cpu_limit: most CPUs, as number or Kubernetes quantity (`"500m"`).
        cpu_request: CPUs to reserve.
        memory_limit: most memory, as Kubernetes quantity (`"4Gi"`).
        memory_request: memory to reserve.
        service_account_name: service account of the job.
        image_pull_secrets: names of the secrets for pulling the image.
        labels: labels an agent must have to take the run.
        image_pull_policy: "Always", "IfNotPresent" or "Never"; Kubernetes decides by default.

    Raises:
        ValueError: both templates, a template that is no YAML mapping, or an unknown pull policy.
        OSError: the local template cannot be read.
    """

    job_template_path: str | None
    job_template: dict[str, Any] | None
    image: str | None
    cpu_limit: str | None
    cpu_request: str | None
    memory_limit: str | None
    memory_request: str | None
    service_account_name: str | None
    image_pull_secrets: list[str] | None
    image_pull_policy: str | None

    def __init__(
        self,
        *,
        job_template_path: str | None = None,
        job_template: str | Mapping[str, Any] | None = None,
        image: str | None = None,
        env: dict[str, Any] | None = None,
        cpu_limit: float | str | None = None,
        cpu_request: float | str | None = None,
        memory_limit: str | None = None,
        memory_request: str | None = None,
        service_account_name: str | None = None,
        image_pull_secrets: Iterable[str] | None = None,
        labels: Iterable[str] | None = None,
        image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None,
    ) -> None:
        super().__init__(env=env, labels=labels)
        if job_template_path is not None and job_template is not None:
            raise ValueError("Cannot provide both `job_template_path` and `job_template`")
        if image_pull_policy is not None and image_pull_policy not in _PULL_POLICIES:
            raise ValueError(
                f"Invalid image_pull_policy {image_pull_policy!r}.  Expected 'Always', 'IfNotPresent', or 'Never'"
            )
        what = "Kubernetes job template"
        template = None if job_template is None else parse_template(job_template, what)
        if job_template_path is not None:
            path = local_path(job_template_path)
            if path is not None:
                template, job_template_path = read_template(path, what), None
        self.job_template_path = job_template_path
        self.job_template = template
        self.image = image
        self.cpu_limit = _quantity(cpu_limit)
        self.cpu_request = _quantity(cpu_request)
        self.memory_limit = _quantity(memory_limit)
        self.memory_request = _quantity(memory_request)
        self.service_account_name = service_account_name
        self.image_pull_secrets = None if image_pull_secrets is None else list(image_pull_secrets)
        self.image_pull_policy = image_pull_policy


def _quantity(value: float | str | None) -> str | None:
    return None if value is None else str(value)
