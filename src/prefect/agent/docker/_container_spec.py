"""From a flow run to the container that runs it. Pure: from values to values."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

from prefect.agent._environment import RunSettings, as_text, flow_run_variables
from prefect.agent.docker._volumes import Volumes
from prefect.utilities.agent import get_flow_run_command

__all__ = ["HOST", "LABELS", "ContainerSpec", "api_for_containers", "container_spec", "is_loopback"]

#: What containers call the machine that they run on.
HOST = "host.docker.internal"


@dataclass(frozen=True)
class _Labels:
    """Labels by which an agent finds the containers of its runs again."""

    flow_name: str = "io.prefect.flow-name"
    flow_id: str = "io.prefect.flow-id"
    run_id: str = "io.prefect.flow-run-id"
    attempt: str = "io.prefect.flow-run-attempt"
    agent_id: str = "io.prefect.agent-id"
    kept: str = "io.prefect.kept"
    trial: str = "io.prefect.trial"


LABELS = _Labels()


@dataclass(frozen=True)
class ContainerSpec:
    """A container to create and start.

    Attributes:
        image: its image.
        command: what it runs.
        name: its name, if that is free.
        environment: its environment variables.
        labels: its labels.
        host_config: arguments of `create_host_config` of the docker package.
        mount_paths: paths at which something is mounted.
        ports: ports that it exposes.
        networks: networks that it is in; the engine's default if empty.
        kept: whether it stays when it has ended.
    """

    image: str
    command: str | list[str]
    name: str
    environment: dict[str, str]
    labels: dict[str, str]
    host_config: dict[str, Any] = field(default_factory=dict[str, Any])
    mount_paths: list[str] = field(default_factory=list[str])
    ports: list[Any] | None = None
    networks: tuple[str, ...] = ()
    kept: bool = False

    @property
    def network_mode(self) -> str:
        """Its network: `host`, `none`, the name of a network; `default` for the engine's."""
        return str(self.host_config.get("network_mode") or "default")

    @property
    def has_own_address(self) -> bool:
        """Whether `localhost` is the container itself, and not the machine."""
        return self.network_mode != "host"


def container_spec(
    settings: RunSettings,
    flow_run: Any,
    *,
    image: str,
    of_agent: Mapping[str, Any],
    of_run: Mapping[str, Any] | None,
    host_config: Mapping[str, Any] | None,
    ports: Iterable[Any] | None,
    volumes: Volumes,
    networks: Sequence[str],
    host_address: str | None,
    agent_id: str | None,
) -> ContainerSpec:
    """The container of a flow run. Variables of the run config win over those of the agent.

    Args:
        settings: what the agent passes to all runs.
        flow_run: a row of `flow_run`, with its flow.
        image: its image.
        of_agent: variables that the agent was given for its runs.
        of_run: variables of the run config.
        host_config: options of the run config for its container; they win over those of the agent.
        ports: ports of the run config.
        volumes: what is mounted into each container.
        networks: networks of each container.
        host_address: what the engine resolves `host.docker.internal` to; None if it does so by itself.
        agent_id: id of the agent.
    """
    options: dict[str, Any] = {**dict(host_config or {})}
    # The agent removes containers itself, when it has read how they ended.
    kept = options.pop("auto_remove", True) is False
    if volumes.binds:
        options["binds"] = _with_binds(volumes.binds, options.get("binds"))
    if networks and "network_mode" not in options:
        options["network_mode"] = networks[0]
    else:
        networks = ()
    mode = str(options.get("network_mode") or "default")
    if host_address is not None and not mode.startswith(("host", "none", "container:")):
        options["extra_hosts"] = _with_host(options.get("extra_hosts"), host_address)
    own = flow_run_variables(settings, flow_run, image=image, for_old_images=True)
    # compat: the address may be another for containers, and is given with `--env`.
    api = own.pop("PREFECT__CLOUD__API")
    environment = {
        "PREFECT__CLOUD__API": api if mode == "host" else api_for_containers(api),
        "PREFECT__LOGGING__LEVEL": settings.log_level,
        **as_text(of_agent),
        **as_text(of_run or {}),
        **own,
    }
    labels = {
        LABELS.flow_name: str(flow_run.flow.name),
        LABELS.flow_id: str(flow_run.flow.id),
        LABELS.run_id: str(flow_run.id),
    }
    epoch: int | None = flow_run.get("epoch")
    if epoch is not None:
        labels[LABELS.attempt] = str(epoch)
    if agent_id is not None:
        labels[LABELS.agent_id] = agent_id
    if kept:
        labels[LABELS.kept] = "true"
    return ContainerSpec(
        image=image,
        command=get_flow_run_command(flow_run),
        name=container_name(str(flow_run.get("name") or flow_run.id)),
        environment=environment,
        labels=labels,
        host_config=options,
        mount_paths=list(volumes.mount_paths),
        ports=list(ports) if ports is not None else None,
        networks=tuple(networks) if mode not in ("host", "none") else (),
        kept=kept,
    )


def container_name(run_name: str) -> str:
    """The name of a flow run as that of a container: ASCII letters, digits and single dashes."""
    plain = unicodedata.normalize("NFKD", run_name).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:100] or "flow-run"


def is_loopback(host: str | None) -> bool:
    """Whether a host of an address is the machine itself."""
    name = (host or "").lower()
    return name in ("localhost", "::1", "0.0.0.0") or name.startswith("127.")  # noqa: S104 - a comparison


def api_for_containers(api: str) -> str:
    """The address of an API, as containers with a network of their own reach it."""
    parts = urlsplit(api)
    if not is_loopback(parts.hostname):
        return api
    port = f":{parts.port}" if parts.port is not None else ""
    return parts._replace(netloc=f"{HOST}{port}").geturl()


def _with_binds(agents: Mapping[str, Any], runs: Any) -> Any:
    """Mounts of agent and run; both forms that the docker package takes."""
    if not runs:
        return dict(agents)
    if isinstance(runs, Mapping):
        return {**agents, **cast("Mapping[str, Any]", runs)}
    texts = [f"{source}:{bind['bind']}:{bind['mode']}" for source, bind in agents.items()]
    return [*texts, *runs]


def _with_host(given: Any, address: str) -> Any:
    """Hosts that a run asks for, and the machine; both forms that the docker package takes."""
    if isinstance(given, (list, tuple)):
        lines = [str(line) for line in cast("list[Any]", given)]
        known = any(line.split(":")[0] == HOST for line in lines)
        return lines if known else [*lines, f"{HOST}:{address}"]
    return {HOST: address, **dict(given or {})}
