"""A container engine that is asked by the Docker API: a thin shell over the docker package."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from prefect.agent._job import Ended
from prefect.agent._remote_jobs import InfrastructureAwayError, Sighting, epoch_of
from prefect.agent.docker._container_spec import LABELS, ContainerSpec

if TYPE_CHECKING:
    import logging

__all__ = ["Engine", "connect"]

#: Lines of a container's output that are read when it has ended.
_LAST_LINES = 200
#: States in which nothing of a container runs any more.
_ENDED = ("exited", "stopped", "dead", "removing")
#: States of a container that was not started yet, or never will be: whoever made it is gone.
_MADE = ("created", "configured")
#: Seconds after which it never will be.
_STARTS_WITHIN_S = 60
#: What engines say of a container that has ended or is not there, where its status code does not.
_OVER = ("not running", "only kill running", "no such container")
#: Version of the Docker API since which `host-gateway` is known.
_HOST_GATEWAY_SINCE = (1, 41)


def connect(base_url: str | None, timeout_s: int) -> Any:
    """A client of the docker package.

    Args:
        base_url: address of the engine; that of the environment (`DOCKER_HOST`, `DOCKER_CERT_PATH`) or the
            socket of this machine by default.
        timeout_s: seconds to wait for an answer.

    Raises:
        ConnectionError: there is no engine.
    """
    import docker
    from docker.errors import DockerException
    from docker.utils import kwargs_from_env
    from requests.exceptions import RequestException

    arguments: dict[str, Any] = cast("dict[str, Any]", kwargs_from_env())
    if base_url is not None:
        arguments["base_url"] = base_url
    try:
        client = docker.APIClient(version="auto", timeout=timeout_s, **arguments)
        client.ping()
    except (DockerException, RequestException) as exc:
        where = arguments.get("base_url") or "this machine's socket"
        raise ConnectionError(
            f"The Docker engine at {where} could not be reached: {exc}. Start it, or name it with --base-url or "
            "the variable DOCKER_HOST."
        ) from exc
    return client


class Engine:
    """What the agent needs of a container engine. It is the `Infrastructure` of its jobs.

    Args:
        client: a client of the docker package.
        logger: the agent's.
    """

    def __init__(self, client: Any, logger: logging.Logger) -> None:
        self.client = client
        self._logger = logger
        self._events: Any = None
        self._host_addresses: dict[str, str | None] = {}
        #: Id of the agent, whose containers these are.
        self.agent_id: str | None = None

    # -- images ---------------------------------------------------------------------------------

    def pull(self, image: str) -> None:
        """Pull an image; one that is here and cannot be pulled is used as it is.

        Raises:
            RuntimeError: it is nowhere; the message has the engine's words.
            InfrastructureAwayError: the engine does not answer.
        """
        self._logger.info("Pulling image %s...", image)
        words = self._pull(image)
        if words is None:
            self._logger.info("Successfully pulled image %s", image)
            return
        if not self.has_image(image):
            raise RuntimeError(f"The image {image} cannot be pulled, and is not on this machine: {words}")
        self._logger.warning("The image %s cannot be pulled; taking the one that is here: %s", image, words)

    def _pull(self, image: str) -> str | None:
        """Pull; what the engine said if it could not."""
        from docker.errors import APIError

        try:
            with _answers():
                lines = cast("Iterator[dict[str, Any]]", self.client.pull(image, stream=True, decode=True))
                for line in lines:
                    if "error" in line:
                        return str(line["error"])
        except APIError as exc:
            return str(exc.explanation or exc)
        return None

    def has_image(self, image: str) -> bool:
        """Whether an image is on the engine's machine."""
        from docker.errors import NotFound

        try:
            with _answers():
                self.client.inspect_image(image)
        except NotFound:
            return False
        return True

    # -- networks -------------------------------------------------------------------------------

    def check_networks(self, networks: tuple[str, ...]) -> None:
        """See that networks exist.

        Raises:
            ValueError: one does not.
        """
        from docker.errors import NotFound

        for network in networks:
            if network in ("host", "none", "bridge", "default"):
                continue
            try:
                with _answers():
                    self.client.inspect_network(network)
            except NotFound:
                raise ValueError(
                    f"The engine has no network {network!r}. Make it: `docker network create {network}`."
                ) from None

    def gateway(self, network: str) -> str | None:
        """The address of the engine's machine in a network; None if it has none there."""
        from docker.errors import APIError

        name = "bridge" if network == "default" else network
        try:
            with _answers():
                found = cast("dict[str, Any]", self.client.inspect_network(name))
        except APIError:
            return None
        ranges = cast(
            "list[dict[str, Any]]", cast("dict[str, Any]", found.get("IPAM") or {}).get("Config") or []
        )
        for config in ranges:
            if config.get("Gateway"):
                return str(config["Gateway"]).split("/")[0]
        return None

    def host_address(self, network: str) -> str | None:
        """What to resolve `host.docker.internal` to in a network; None to leave it to the engine."""
        if network not in self._host_addresses:
            # Podman says it is Docker 20.10 and takes "host-gateway" for an address.
            knows = self._api_version() >= _HOST_GATEWAY_SINCE and not self._is_podman()
            self._host_addresses[network] = "host-gateway" if knows else self.gateway(network)
        return self._host_addresses[network]

    def _api_version(self) -> tuple[int, ...]:
        with _answers():
            text = str(self.client.version().get("ApiVersion") or "0")
        return tuple(int(part) for part in text.split(".") if part.isdigit())

    def _is_podman(self) -> bool:
        with _answers():
            parts = cast("list[dict[str, Any]]", self.client.version().get("Components") or [])
        return any("podman" in str(part.get("Name")).lower() for part in parts)

    # -- containers -----------------------------------------------------------------------------

    def ping(self) -> None:
        """See that it answers.

        Raises:
            InfrastructureAwayError: it does not.
        """
        from docker.errors import APIError

        try:
            with _answers():
                self.client.ping()
        except APIError as exc:
            raise InfrastructureAwayError(f"The Docker engine is not well: {exc}") from exc

    def create(self, spec: ContainerSpec) -> str:
        """Create a container; its id. If its name is taken it gets a longer one.

        Raises:
            docker.errors.APIError: the engine refuses.
            InfrastructureAwayError: it does not answer.
        """
        from docker.errors import APIError

        attempt = spec.labels.get(LABELS.attempt, "0")
        names = (spec.name, f"{spec.name}-{spec.labels[LABELS.run_id][:8]}-{attempt}")
        for name in names:
            try:
                return self._create(spec, name)
            except APIError as exc:
                if not _is_name_taken(exc):
                    raise
        return self._create(spec, f"{spec.name}-{uuid.uuid4().hex}")

    def _create(self, spec: ContainerSpec, name: str) -> str:
        with _answers():
            networking = None
            if spec.networks:
                first = {spec.networks[0]: self.client.create_endpoint_config()}
                networking = self.client.create_networking_config(first)
            made = self.client.create_container(
                spec.image,
                command=spec.command,
                environment=spec.environment,
                name=name,
                volumes=spec.mount_paths,
                host_config=self.client.create_host_config(**spec.host_config),
                networking_config=networking,
                labels=spec.labels,
                ports=spec.ports,
            )
        container_id = str(made["Id"])
        for warning in cast("list[str]", made.get("Warnings") or []):
            self._logger.warning("Container %s: %s", name, warning)
        try:
            for network in spec.networks[1:]:
                with _answers():
                    self.client.connect_container_to_network(container=container_id, net_id=network)
        except BaseException:
            self.remove(container_id)
            raise
        return container_id

    def start(self, container_id: str) -> None:
        """Start a container; one that cannot be started is removed.

        Raises:
            docker.errors.APIError: the engine refuses, such as for a program that is not in the image.
            InfrastructureAwayError: it does not answer.
        """
        try:
            with _answers():
                self.client.start(container=container_id)
        except InfrastructureAwayError:
            raise
        except BaseException:
            self.remove(container_id)
            raise

    def look(self) -> list[Sighting]:
        """All containers of this agent."""
        from docker.errors import APIError

        wanted = f"{LABELS.agent_id}={self.agent_id}"
        try:
            with _answers():
                found = self.client.containers(all=True, filters={"label": [wanted]})
        except APIError as exc:
            raise InfrastructureAwayError(f"The Docker engine is not well: {exc}") from exc
        return [_sighting(container) for container in cast("list[dict[str, Any]]", found)]

    def ends(self) -> Generator[None]:
        """Yields when a container of this agent has ended, until `close`, or until the engine is gone.

        Raises:
            docker.errors.APIError: the engine refuses.
            InfrastructureAwayError: it does not answer, or no more.
        """
        wanted = {"type": "container", "event": "die", "label": f"{LABELS.agent_id}={self.agent_id}"}
        with _answers():
            events = self._events = self.client.events(filters=wanted)
            for _ in cast("Iterator[bytes]", events):
                yield

    def close(self) -> None:
        """Stop listening."""
        from docker.errors import DockerException

        events, self._events = self._events, None
        if events is not None:
            # The docker package closes a socket that it digs out of the response: it may have ended, or be of SSH.
            with suppress(OSError, AttributeError, DockerException):
                events.close()

    def end_of(self, job_id: str) -> Ended:
        """How a container ended."""
        from docker.errors import APIError

        try:
            with _answers():
                found = cast("dict[str, Any]", self.client.inspect_container(job_id))
        except APIError as exc:
            if not _is_over(exc):
                raise InfrastructureAwayError(f"The Docker engine is not well: {exc}") from exc
            return Ended(None, reason="it was removed", is_lost=True)
        end = describe_state(found)
        if end.exit_code == 0:
            return end
        try:
            with _answers():
                output = cast("bytes", self.client.logs(container=job_id, tail=_LAST_LINES))
        except APIError as exc:
            output = f"(cannot be read: {exc.explanation})".encode()  # such as a log driver without reading
        return Ended(end.exit_code, output.decode("utf-8", "replace"), end.reason, is_lost=end.is_lost)

    def stop(self, job_id: str, is_urgent: bool) -> None:
        """Send SIGTERM or SIGKILL to a container."""
        self._do(lambda: self.client.kill(job_id, "SIGKILL" if is_urgent else "SIGTERM"), "stopped", job_id)

    def remove(self, job_id: str) -> None:
        """Remove a container with its anonymous volumes, also one that runs."""
        self._do(lambda: self.client.remove_container(job_id, v=True, force=True), "removed", job_id)

    def try_out(self, spec: ContainerSpec, patience_s: int) -> tuple[int, str]:
        """Run a command in a container that is removed then: its exit code and output.

        Raises:
            docker.errors.APIError: the engine refuses.
            InfrastructureAwayError: it does not answer, or not in time.
        """
        with _answers():
            filters = {"label": [LABELS.trial], "status": "exited"}
            left = cast("list[dict[str, Any]]", self.client.containers(all=True, filters=filters))
        for container in left:  # of agents that were killed meanwhile
            self.remove(str(container["Id"]))
        container_id = self._create(replace(spec, labels={LABELS.trial: "true"}), spec.name)
        try:
            with _answers():
                self.client.start(container=container_id)
                status = int(self.client.wait(container_id, timeout=patience_s)["StatusCode"])
                output = cast("bytes", self.client.logs(container=container_id, tail=5))
        finally:
            self.remove(container_id)
        return status, output.decode("utf-8", "replace").strip()

    def output(self, container_id: str) -> Generator[bytes]:
        """What a container writes, from now on until it ends."""
        with _answers():
            lines = self.client.logs(container=container_id, stream=True, follow=True)
            yield from cast("Iterator[bytes]", lines)

    def _do(self, act: Callable[[], Any], done: str, container_id: str) -> None:
        from docker.errors import APIError

        try:
            with _answers():
                act()
        except APIError as exc:
            if not _is_over(exc):
                self._logger.warning("Container %s was not %s: %s", container_id[:12], done, exc.explanation)


def describe_state(found: dict[str, Any]) -> Ended:
    """How a container ended, of what the engine says about it. Pure."""
    state = cast("dict[str, Any]", found["State"])
    if state.get("Status") in _MADE:
        why = str(state.get("Error") or "") or "it was created and never started"
        return Ended(None, reason=why, is_lost=True)
    code = int(state["ExitCode"])
    limit = int(cast("dict[str, Any]", found.get("HostConfig") or {}).get("Memory") or 0)
    limited = f"its memory is limited to {limit / 2**20:.0f} MiB" if limit else ""
    if state.get("OOMKilled"):
        return Ended(code, reason=f"out of memory: {limited}" if limited else "out of memory")
    if state.get("Error"):
        return Ended(code, reason=str(state["Error"]))
    return Ended(code, reason=limited if code == 137 else "")


def _sighting(container: dict[str, Any]) -> Sighting:
    labels = cast("dict[str, str]", container.get("Labels") or {})
    container_id = str(container["Id"])
    state = str(container.get("State", "")).lower()
    was_never_started = state in _MADE and time.time() - float(container.get("Created", 0)) > _STARTS_WITHIN_S
    return Sighting(
        job_id=container_id,
        name=f"Container ID: {container_id}",
        run_id=labels.get(LABELS.run_id, ""),
        epoch=epoch_of(labels.get(LABELS.attempt)),
        has_ended=state in _ENDED or was_never_started,
        kept=LABELS.kept in labels,
    )


def _is_name_taken(error: Any) -> bool:
    return "name" in str(error) and "already in use" in str(error)


def _is_over(error: Any) -> bool:
    """Whether a container is refused because it has ended, or is not there, or is being removed."""
    text = str(error)
    return error.status_code in (404, 409) or any(words in text for words in _OVER)


@contextmanager
def _answers() -> Generator[None]:
    """Have an engine that does not answer be told from one that refuses."""
    from docker.errors import APIError
    from requests.exceptions import RequestException

    try:
        yield
    except APIError:
        raise
    except (RequestException, OSError) as exc:
        raise InfrastructureAwayError(f"The Docker engine does not answer: {exc}") from exc
