"""`DockerAgent`: runs flows in containers of a Docker engine."""

from __future__ import annotations

import re
import sys
import threading
import uuid
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, cast

from prefect.agent._remote_agent import RemoteAgent
from prefect.agent._remote_jobs import InfrastructureAwayError, RemoteJob, RemoteJobs, Sighting
from prefect.agent.docker import _engine
from prefect.agent.docker._container_spec import ContainerSpec, container_spec
from prefect.agent.docker._reach import REACH_PATIENCE_S, reach_command, why_out_of_reach
from prefect.agent.docker._volumes import parse_volumes
from prefect.utilities.agent import get_flow_image
from prefect.utilities.graphql import GraphQLResult

__all__ = ["DockerAgent"]

_TIMEOUT_S = 60
#: Seconds until an engine that stopped telling of ends is asked again.
_LISTEN_AGAIN_S = 5.0


class DockerAgent(RemoteAgent):
    """Runs each flow run in a container.

    The containers go on when the agent is gone. An agent with the same name and labels finds them again
    when it starts, and tells the API of those that have ended meanwhile. A container is removed when the
    API knows how it ended, unless its run config has `host_config={"auto_remove": False}`.

    Example:
        <!-- no-run: needs a container engine -->
        ```python
        from prefect.agent.docker import DockerAgent

        agent = DockerAgent(labels=["etl"], volumes=["/data:/data:ro"], limit=8)
        agent.start()
        ```

    Args:
        agent_config_id: settings kept by the API, of an agent configuration.
        name: the name that the API shows; `cloud.agent.name` by default.
        labels: the agent takes runs whose labels are all among these.
        env_vars: environment variables of every run.
        max_polls: how often to ask for work before `start` returns; no limit by default.
        agent_address: address of its health page, such as `http://localhost:8080`.
        no_cloud_logs: whether logs of flow runs are not sent to the API.
        base_url: address of the engine; that of `DOCKER_HOST`, or this machine's, by default.
        no_pull: whether images are not pulled, because they are on the machine.
        volumes: what is mounted into each container: `folder:path`, `name:path`, with `:ro` to read only.
        show_flow_logs: whether the output of runs is shown with the agent's.
        networks: networks of each container; `["host"]` for that of the machine.
        reg_allow_list: registries that images may be pulled from; any by default.
        docker_client_timeout: seconds to wait for an answer of the engine; 60 by default.
        docker_interface: removed in 1.0.
        limit: most flow runs at once; no limit by default.

    Raises:
        ConnectionError: there is no engine.
        TypeError: `docker_interface` was given.
        ValueError: a volume is written wrongly.
    """

    _what = "container"

    def __init__(
        self,
        agent_config_id: str | None = None,
        name: str | None = None,
        labels: Iterable[str] | None = None,
        env_vars: dict[str, Any] | None = None,
        max_polls: int | None = None,
        agent_address: str | None = None,
        no_cloud_logs: bool | None = None,
        base_url: str | None = None,
        no_pull: bool | None = None,
        volumes: list[str] | None = None,
        show_flow_logs: bool = False,
        networks: list[str] | None = None,
        reg_allow_list: list[str] | None = None,
        docker_client_timeout: int | None = None,
        *,
        limit: int | None = None,
        docker_interface: Any = None,
    ) -> None:
        if docker_interface is not None:
            raise TypeError(
                "`docker_interface` was removed in 1.0: containers reach this machine as host.docker.internal "
                "without it. For another address of the API, use `env_vars={'PREFECT__CLOUD__API': ...}`."
            )
        super().__init__(
            agent_config_id=agent_config_id,
            name=name,
            labels=labels,
            env_vars=env_vars,
            max_polls=max_polls,
            agent_address=agent_address,
            no_cloud_logs=no_cloud_logs,
            limit=limit,
        )
        self.no_pull = bool(no_pull)
        self._volumes = parse_volumes(volumes or ())
        self.named_volumes: list[str] = self._volumes.named
        self.container_mount_paths: list[str] = self._volumes.mount_paths
        self.host_spec: dict[str, dict[str, str]] = self._volumes.binds
        self.networks: list[str] | None = list(networks) if networks else None
        self.reg_allow_list = reg_allow_list
        self.show_flow_logs = show_flow_logs
        self.docker_client_timeout: int = docker_client_timeout or _TIMEOUT_S
        self.failed_connections = 0
        self.processes: list[threading.Thread] = []
        self.docker_client: Any = _engine.connect(base_url, self.docker_client_timeout)
        self.base_url: str = base_url or str(self.docker_client.base_url)
        self._engine = _engine.Engine(self.docker_client, self.logger)
        self._jobs = RemoteJobs(self._engine, self.logger)

    # -- life -----------------------------------------------------------------------------------

    def on_startup(self) -> None:
        """See that the networks are there and that containers can reach the API.

        Raises:
            ValueError: a network is not there.
        """
        super().on_startup()
        threading.Thread(target=self._listen, name="prefect-agent-ends", daemon=True).start()
        self._engine.check_networks(tuple(self.networks or ()))
        network = (self.networks or ["default"])[0]
        why = None
        if network != "host" and "PREFECT__CLOUD__API" not in self.env_vars:
            why = self._out_of_reach(network)
        if why is not None:
            self.logger.warning(why)
        else:
            threading.Thread(target=self._try_to_reach, name="prefect-agent-reach", daemon=True).start()

    def _listen(self) -> None:
        """Look at the containers as soon as one has ended, and not only every few seconds."""
        from docker.errors import APIError

        while not self._exit.is_set():
            try:
                for _ in self._engine.ends():
                    if self._supervisor is not None:
                        self._supervisor.wake()
            except (InfrastructureAwayError, APIError) as exc:
                self.logger.debug("The engine says nothing of containers that end: %s", exc)
            self._exit.wait(_LISTEN_AGAIN_S)

    def _close(self) -> None:
        self._engine.close()

    def _try_to_reach(self) -> None:
        """See from inside a container whether the API can be reached, if there is an image to try it with."""
        from docker.errors import APIError

        from prefect import __version__

        flow = GraphQLResult(id="", name="", storage={}, run_config=None, core_version=__version__)
        nothing = GraphQLResult(id=str(uuid.uuid4()), name="prefect-reach", flow=flow, run_config=None)
        image = get_flow_image(nothing)
        try:
            if not self._engine.has_image(image):
                return
            spec = self._spec(nothing, image, None)
            trial = replace(
                spec,
                name=f"prefect-reach-{nothing.id}",
                command=reach_command(spec.environment["PREFECT__CLOUD__API"]),
                environment={},
                mount_paths=[],
                host_config={name: value for name, value in spec.host_config.items() if name != "binds"},
            )
            status, output = self._engine.try_out(trial, REACH_PATIENCE_S)
        except (APIError, InfrastructureAwayError) as exc:
            self.logger.debug("Whether containers reach the API was not found out: %s", exc)
            return
        if status != 0:
            self.logger.warning(
                "Containers cannot reach the API at %s: %s. Runs will fail. Is there a firewall, or is the "
                "server to be exposed (`prefect server start --expose`)? Another address for containers is given "
                "with `--env PREFECT__CLOUD__API=...`, another network with `--network`.",
                spec.environment["PREFECT__CLOUD__API"],
                output.splitlines()[-1] if output else f"exit code {status}",
            )

    def on_shutdown(self) -> None:
        """Stop showing what containers write; they go on."""
        self.processes.clear()

    def heartbeat(self) -> None:
        """See whether the engine is there; while it is not, the agent takes no runs."""
        self._can_start()
        self.processes = [thread for thread in self.processes if thread.is_alive()]

    def _can_start(self) -> bool:
        try:
            self._engine.ping()
        except InfrastructureAwayError as exc:
            self.failed_connections += 1
            if self.failed_connections == 1:
                self.logger.warning("No flow runs are taken until the engine is back. %s", exc)
            return False
        if self.failed_connections:
            self.logger.info("The Docker engine is back.")
            self.failed_connections = 0
        return True

    def _found(self, sighting: Sighting) -> None:
        if self.show_flow_logs and not sighting.has_ended:
            self._show(sighting.job_id)

    # -- one run --------------------------------------------------------------------------------

    def deploy_flow(self, flow_run: Any) -> str:
        """Start the container of a flow run.

        Args:
            flow_run: the run.

        Returns:
            `Container ID: 1a2b...`.

        Raises:
            TypeError: its run config is for another kind of agent.
            ValueError: its image is of a registry that is not allowed.
            RuntimeError: its image cannot be had, or its container could not reach the API.
            docker.errors.APIError: the engine refuses the container.
        """
        from prefect.run_configs import DockerRun

        run_config: DockerRun = self._get_run_config(flow_run, DockerRun)
        image = get_flow_image(flow_run)
        job = RemoteJob(self._jobs)
        # From now on, so that its lease is kept while the image is pulled.
        self._watch(flow_run, job)
        if self._is_pulled(flow_run):
            self._check_registry(image)
            self._engine.pull(image)
        spec = self._spec(flow_run, image, run_config)
        self._check_reach(spec, run_config)
        job.check()
        container_id = self._engine.create(spec)
        name = f"Container ID: {container_id}"
        try:
            self._engine.start(container_id)
        except InfrastructureAwayError as exc:
            # It may have started all the same: whoever looks next, sees.
            self.logger.warning("Container %s: %s", container_id[:12], exc)
        job.started(container_id, name, kept=spec.kept)
        if self.show_flow_logs:
            self._show(container_id)
        return name

    def populate_env_vars(self, flow_run: Any, image: str, run_config: Any = None) -> dict[str, str]:
        """The environment of the container of a flow run.

        Args:
            flow_run: the run.
            image: its image.
            run_config: its run config.
        """
        return self._spec(flow_run, image, run_config).environment

    def stream_flow_logs(self, container_id: str) -> None:
        """Show what a container writes, until it ends.

        Args:
            container_id: the container.
        """
        from docker.errors import APIError

        try:
            for text in self._engine.output(container_id):
                sys.stdout.write(text.decode("utf-8", "replace"))
                sys.stdout.flush()
        except (InfrastructureAwayError, APIError) as exc:
            self.logger.warning("Container %s: its output is not shown: %s", container_id[:12], exc)

    def _show(self, container_id: str) -> None:
        thread = threading.Thread(
            target=self.stream_flow_logs, args=(container_id,), name="prefect-agent-output", daemon=True
        )
        thread.start()
        self.processes.append(thread)

    def _spec(self, flow_run: Any, image: str, run_config: Any) -> ContainerSpec:
        host_config = cast("dict[str, Any]", getattr(run_config, "host_config", None) or {})
        networks = self.networks or ()
        network = str(host_config.get("network_mode") or (networks[0] if networks else "default"))
        return container_spec(
            self._run_settings(),
            flow_run,
            image=image,
            of_agent=self.env_vars,
            of_run=getattr(run_config, "env", None),
            host_config=host_config,
            ports=getattr(run_config, "ports", None),
            volumes=self._volumes,
            networks=networks,
            host_address=self._engine.host_address(network),
            agent_id=self._agent_id,
        )

    def _is_pulled(self, flow_run: Any) -> bool:
        storage = cast("dict[str, Any]", flow_run.flow.storage or {})
        # compat: an image that storage built and pushed to no registry is on this machine.
        is_built_here = storage.get("type") == "Docker" and not storage.get("registry_url")
        return not self.no_pull and not is_built_here

    def _check_registry(self, image: str) -> None:
        if not self.reg_allow_list:
            return
        registry = image.split("/", maxsplit=1)[0] if "/" in image else "docker.io"
        if registry in self.reg_allow_list or any(
            image.startswith(f"{entry.rstrip('/')}/") for entry in self.reg_allow_list
        ):
            return
        raise ValueError(
            f"Trying to pull image from a Docker registry '{registry}' which is not in the reg_allow_list"
        )

    def _check_reach(self, spec: ContainerSpec, run_config: Any) -> None:
        """See that a container will reach the API, unless somebody gave it another address."""
        names = {*self.env_vars, *cast("dict[str, Any]", getattr(run_config, "env", None) or {})}
        mode = spec.network_mode
        if "PREFECT__CLOUD__API" in names or re.match("host$|none$|container:", mode):
            return
        why = self._out_of_reach(mode)
        if why is not None:
            raise RuntimeError(why)

    def _out_of_reach(self, network: str) -> str | None:
        return why_out_of_reach(self.client.api_server, self.base_url, self._engine.gateway(network))
