"""Run configs that some agent can serve; others are refused when they arrive, and not when a run is due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from prefect._wire import run_configs as wire
from prefect._wire.base import WireError, from_builtins
from prefect.server.domain.common import load
from prefect.server.errors import BadInputError

if TYPE_CHECKING:
    from prefect.server.database.store import Transaction

__all__ = ["check_storage", "checked_run_config"]

#: Which agents serve a kind of run config.
_AGENTS = {
    "UniversalRun": "any agent",
    "LocalRun": "a local agent",
    "DockerRun": "a Docker agent",
    "KubernetesRun": "a Kubernetes agent",
    "ECSRun": "an ECS agent",
    "VertexRun": "a Vertex agent",
}
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")


def checked_run_config(value: Any, storage: Any = None) -> dict[str, Any] | None:
    """A run config as it came, once it is clear that an agent can serve it.

    Args:
        value: its JSON, or None.
        storage: JSON of the storage of the flow, if it is known.

    Raises:
        BadInputError: no agent can; the message says why.
    """
    if value is None:
        return None
    if not isinstance(value, dict):
        raise BadInputError(f"A run config is a JSON object with a `type`, not {type(value).__name__}.")
    config = cast("dict[str, Any]", value)
    kind = config.get("type")
    if not isinstance(kind, str) or kind not in _AGENTS:
        known = ", ".join(_AGENTS)
        raise BadInputError(f"No agent can serve a run config of type {kind!r}. There are {known}.")
    try:
        read: wire.AnyRunConfig = from_builtins(config, wire.AnyRunConfig)
    except WireError as exc:
        raise BadInputError(f"No agent can serve this {kind}: {exc}.") from None
    problem = _contradiction(read) or _unreachable(config, storage)
    if problem:
        raise BadInputError(f"No agent can serve this {kind}: {problem}.")
    return config


def check_storage(tx: Transaction, config: dict[str, Any] | None, flows: str, **params: str) -> None:
    """Refuse a run config that cannot reach the flow it is meant for.

    Args:
        tx: the transaction.
        config: a run config that was checked by itself; None is fine.
        flows: the condition that says which flow, as SQL over `flow f`; the newest one counts.
        **params: parameters of the condition.

    Raises:
        BadInputError: no agent that takes the run can have the flow.
    """
    if config is None or config["type"] != "LocalRun":
        return
    statement = f"SELECT f.storage FROM flow f WHERE {flows} ORDER BY f.version DESC LIMIT 1"
    problem = _unreachable(config, load(tx.scalar(statement, params)))
    if problem:
        raise BadInputError(f"No agent can serve this LocalRun: {problem}.")


def _contradiction(config: wire.AnyRunConfig) -> str | None:
    """What in a run config excludes something else in it."""
    if isinstance(config, wire.ECSRun):
        given = [
            name
            for name in ("task_definition", "task_definition_path", "task_definition_arn")
            if getattr(config, name) is not None
        ]
        if len(given) > 1:
            return f"only one of {' and '.join(given)} can be used"
        if config.task_definition_arn is not None and config.image is not None:
            return "an image can only be part of a task definition, and task_definition_arn names one that exists"
    if isinstance(config, wire.KubernetesRun):
        if config.job_template is not None and config.job_template_path is not None:
            return "only one of job_template and job_template_path can be used"
        if config.image_pull_policy is not None and config.image_pull_policy not in _PULL_POLICIES:
            return f"image_pull_policy {config.image_pull_policy!r} is none of {', '.join(_PULL_POLICIES)}"
    if isinstance(config, wire.DockerRun):
        wrong = [port for port in config.ports or () if not 0 < port < 65536]
        if wrong:
            return f"{wrong[0]} is no port"
    return None


def _unreachable(config: dict[str, Any], storage: Any) -> str | None:
    """Why the flow is not where the run would be."""
    if not isinstance(storage, dict):
        return None
    where = cast("dict[str, Any]", storage).get("type")
    if where == "Docker" and config["type"] == "LocalRun":
        return (
            "Docker storage keeps the flow in an image, and a local agent starts processes of its machine. "
            "Use a DockerRun or another run config with containers, or another storage"
        )
    return None
