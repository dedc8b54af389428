"""From a flow run to the Kubernetes job that runs it. Pure: from values to values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from prefect.agent._environment import RunSettings, as_text, flow_run_variables
from prefect.agent._templates import plain
from prefect.utilities.agent import get_flow_image, get_flow_run_command

__all__ = ["LABELS", "JobDefaults", "job_spec"]


@dataclass(frozen=True)
class _Labels:
    """Labels by which an agent finds the jobs of its runs again."""

    identifier: str = "prefect.io/identifier"
    run_id: str = "prefect.io/flow_run_id"
    flow_id: str = "prefect.io/flow_id"
    attempt: str = "prefect.io/flow_run_attempt"
    agent_id: str = "prefect.io/agent_id"


LABELS = _Labels()


@dataclass(frozen=True)
class JobDefaults:
    """What an agent gives to jobs whose template and run config do not say it.

    Attributes:
        service_account_name: service account of the pods.
        image_pull_secrets: names of secrets for pulling images.
        image_pull_policy: `Always`, `IfNotPresent` or `Never`.
        resources: `{"requests": {"cpu": "1"}, "limits": {...}}`.
        volumes: volumes of each pod.
        volume_mounts: where the container of the flow sees them.
    """

    service_account_name: str | None = None
    image_pull_secrets: Sequence[str] = ()
    image_pull_policy: str | None = None
    resources: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, "Mapping[str, str]"])
    volumes: Sequence[Mapping[str, Any]] = ()
    volume_mounts: Sequence[Mapping[str, Any]] = ()


def job_spec(
    settings: RunSettings,
    flow_run: Any,
    run_config: Any,
    template: Mapping[str, Any],
    *,
    identifier: str,
    defaults: JobDefaults,
    of_agent: Mapping[str, Any],
    agent_id: str | None,
) -> dict[str, Any]:
    """The job of a flow run, as the API of Kubernetes takes it.

    What the run config says wins over the template, and that over the agent. Of environment variables, those
    of the run config win over those of the agent, and these over the template.

    Args:
        settings: what the agent passes to all runs.
        flow_run: a row of `flow_run`, with its flow.
        run_config: a `KubernetesRun`.
        template: the template of the job; its first container runs the flow.
        identifier: makes the name of the job unique.
        defaults: of the agent.
        of_agent: variables that the agent was given for its runs.
        agent_id: id of the agent.

    Raises:
        ValueError: the template has something else where a mapping or a list belongs.
    """
    job = cast("dict[str, Any]", plain(template))
    job.setdefault("apiVersion", "batch/v1")
    job.setdefault("kind", "Job")
    metadata = _mapping(job, "metadata")
    spec = _mapping(job, "spec")
    pod = _mapping(spec, "template")
    pod_spec = _mapping(pod, "spec")
    container = _first_container(pod_spec)

    base = re.sub(r"[^a-z0-9.-]+", "-", str(metadata.get("name") or "prefect-job").lower()).strip("-.")
    metadata["name"] = f"{base[:54]}-{identifier}"
    labels = _labels(flow_run, identifier, agent_id)
    _mapping(metadata, "labels").update(labels)
    _mapping(_mapping(pod, "metadata"), "labels").update(labels)

    pod_spec.setdefault("restartPolicy", "Never")
    account = (
        run_config.service_account_name or pod_spec.get("serviceAccountName") or defaults.service_account_name
    )
    if account:
        pod_spec["serviceAccountName"] = account
    secrets = run_config.image_pull_secrets
    if secrets is None and not pod_spec.get("imagePullSecrets"):
        secrets = defaults.image_pull_secrets
    if secrets:
        pod_spec["imagePullSecrets"] = [{"name": name} for name in secrets]

    container.setdefault("name", "flow")
    image = get_flow_image(flow_run, default=container.get("image"))
    container["image"] = image
    policy = run_config.image_pull_policy or container.get("imagePullPolicy") or defaults.image_pull_policy
    if policy:
        container["imagePullPolicy"] = policy
    container["args"] = get_flow_run_command(flow_run).split()
    container["env"] = _environment(settings, flow_run, image, container, of_agent, run_config.env)
    _set_resources(container, run_config, defaults)
    _add_missing(pod_spec, "volumes", defaults.volumes, "name")
    _add_missing(container, "volumeMounts", defaults.volume_mounts, "mountPath")
    return job


def _labels(flow_run: Any, identifier: str, agent_id: str | None) -> dict[str, str]:
    labels = {
        LABELS.identifier: identifier,
        LABELS.run_id: str(flow_run.id),
        LABELS.flow_id: str(flow_run.flow.id),
    }
    epoch: int | None = flow_run.get("epoch")
    if epoch is not None:
        labels[LABELS.attempt] = str(epoch)
    if agent_id is not None:
        labels[LABELS.agent_id] = agent_id
    return labels


def _environment(
    settings: RunSettings,
    flow_run: Any,
    image: str,
    container: Mapping[str, Any],
    of_agent: Mapping[str, Any],
    of_run: Mapping[str, Any] | None,
) -> list[dict[str, Any]]:
    own = flow_run_variables(settings, flow_run, image=image, for_old_images=True)
    # Pods may reach the API at another address than the agent; it is given with `--env`.
    api = own.pop("PREFECT__CLOUD__API")
    variables = {
        "PREFECT__LOGGING__LEVEL": settings.log_level,
        "PREFECT__CLOUD__API": api,
        **as_text(of_agent),
        **as_text(of_run or {}),
        **own,
    }
    entries: list[dict[str, Any]] = [{"name": name, "value": value} for name, value in variables.items()]
    kept = [dict(entry) for entry in container.get("env") or () if entry.get("name") not in variables]
    return entries + kept


def _set_resources(container: dict[str, Any], run_config: Any, defaults: JobDefaults) -> None:
    resources = _mapping(container, "resources")
    for kind, suffix in (("requests", "request"), ("limits", "limit")):
        found = _mapping(resources, kind)
        for what, name in (("cpu", "cpu"), ("memory", "memory")):
            value = getattr(run_config, f"{name}_{suffix}")
            if value is not None:
                found[what] = value
            elif what not in found and defaults.resources.get(kind, {}).get(what):
                found[what] = defaults.resources[kind][what]


def _add_missing(owner: dict[str, Any], key: str, more: Sequence[Mapping[str, Any]], by: str) -> None:
    if not more:
        return
    found = list(cast("list[dict[str, Any]]", owner.get(key) or []))
    known = {entry.get(by) for entry in found}
    owner[key] = found + [dict(entry) for entry in more if entry.get(by) not in known]


def _mapping(owner: dict[str, Any], key: str) -> dict[str, Any]:
    """The mapping at a key of a template, which is made if it is not there."""
    found = owner.get(key)
    if found is None:
        found = owner[key] = {}
    if not isinstance(found, dict):
        raise ValueError(f"`{key}` of the job template must be a mapping, not {found!r}.")
    return cast("dict[str, Any]", found)


def _first_container(pod_spec: dict[str, Any]) -> dict[str, Any]:
    containers: Any = pod_spec.get("containers") or [{}]
    if not isinstance(containers, list) or not isinstance(containers[0], dict):
        raise ValueError(f"`containers` of the job template must be a list of mappings, not {containers!r}.")
    pod_spec["containers"] = containers
    return cast("dict[str, Any]", containers[0])
