"""Tasks that make, start, watch and remove containers."""

from __future__ import annotations

from typing import Any

from prefect.core.task import Task
from prefect.engine import signals
from prefect.tasks.docker._engine import DEFAULT_URL, docker_engine
from prefect.utilities.tasks import defaults_from_attrs

__all__ = [
    "CreateContainer",
    "GetContainerLogs",
    "ListContainers",
    "RemoveContainer",
    "StartContainer",
    "StopContainer",
    "WaitOnContainer",
]


class CreateContainer(Task):
    """A task that makes a container, which does not run yet.

    What is given here is used when the call gives none.

    Args:
        image_name: name of the image.
        container_name: name of the container; the engine makes one up otherwise.
        command: what to run in it; what the image says otherwise.
        detach: do not attach to its output.
        entrypoint: what runs the command; what the image says otherwise.
        environment: variables, as `["NAME=value"]` or by name.
        volumes: paths in the container that are volumes; where they are on the host is said in
            `host_config`.
        docker_server_url: address of the engine, such as `tcp://build.example.com:2375`.
        host_config: arguments of `docker.APIClient.create_host_config`, such as `{"binds":
            ["/data:/data"]}`.
        extra_docker_kwargs: further arguments of the call of `docker.APIClient`.
        **kwargs: settings of every `Task`.
    """

    def __init__(
        self,
        image_name: str | None = None,
        container_name: str | None = None,
        command: str | list[str] | None = None,
        detach: bool = False,
        entrypoint: str | list[str] | None = None,
        environment: list[str] | dict[str, Any] | None = None,
        volumes: str | list[str] | None = None,
        docker_server_url: str = DEFAULT_URL,
        host_config: dict[str, Any] | None = None,
        extra_docker_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.image_name = image_name
        self.container_name = container_name
        self.command = command
        self.detach = detach
        self.entrypoint = entrypoint
        self.environment = environment
        self.volumes = volumes
        self.docker_server_url = docker_server_url
        self.host_config = host_config
        self.extra_docker_kwargs = extra_docker_kwargs
        super().__init__(**kwargs)

    @defaults_from_attrs(
        "image_name",
        "container_name",
        "command",
        "detach",
        "entrypoint",
        "environment",
        "volumes",
        "docker_server_url",
        "host_config",
        "extra_docker_kwargs",
    )
    def run(
        self,
        image_name: str | None = None,
        container_name: str | None = None,
        command: str | list[str] | None = None,
        detach: bool = False,
        entrypoint: str | list[str] | None = None,
        environment: list[str] | dict[str, Any] | None = None,
        volumes: str | list[str] | None = None,
        docker_server_url: str = DEFAULT_URL,
        host_config: dict[str, Any] | None = None,
        extra_docker_kwargs: dict[str, Any] | None = None,
    ) -> str:
        """Make it.

        Args:
            image_name: name of the image.
            container_name: name of the container; the engine makes one up otherwise.
            command: what to run in it; what the image says otherwise.
            detach: do not attach to its output.
            entrypoint: what runs the command; what the image says otherwise.
            environment: variables, as `["NAME=value"]` or by name.
            volumes: paths in the container that are volumes; where they are on the host is said in
                `host_config`.
            docker_server_url: address of the engine, such as `tcp://build.example.com:2375`.
            host_config: arguments of `docker.APIClient.create_host_config`, such as `{"binds":
                ["/data:/data"]}`.
            extra_docker_kwargs: further arguments of the call of `docker.APIClient`.

        Returns:
            the id of the container.

        Raises:
            ValueError: no image was given.
            docker.errors.APIError: the engine refused, for example as there is no such image.
            docker.errors.DockerException: there is no engine.
        """
        if not image_name:
            raise ValueError("An image name must be provided.")
        with docker_engine(docker_server_url) as engine:
            container = engine.create_container(
                image=image_name,
                command=command,
                name=container_name,
                detach=detach,
                entrypoint=entrypoint,
                environment=environment,
                volumes=[volumes] if isinstance(volumes, str) else volumes,
                host_config=engine.create_host_config(**host_config) if host_config else None,
                **(extra_docker_kwargs or {}),
            )
        return container["Id"]


class GetContainerLogs(Task):
    """A task that reads what a container has printed so far.

    What is given here is used when the call gives none.

    Args:
        container_id: id or name of the container.
        docker_server_url: address of the engine, such as `tcp://build.example.com:2375`.
        extra_docker_kwargs: further arguments of the call of `docker.APIClient`.
        **kwargs: settings of every `Task`.
    """

    def __init__(
        self,
        container_id: str | None = None,
        docker_server_url: str = DEFAULT_URL,
        extra_docker_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.container_id = container_id
        self.docker_server_url = docker_server_url
        self.extra_docker_kwargs = extra_docker_kwargs
        super().__init__(**kwargs)

    @defaults_from_attrs("container_id", "docker_server_url", "extra_docker_kwargs")
    def run(
        self,
        container_id: str | None = None,
        docker_server_url: str = DEFAULT_URL,
        extra_docker_kwargs: dict[str, Any] | None = None,
    ) -> str:
        """Read it.

        Args:
            container_id: id or name of the container.
            docker_server_url: address of the engine, such as `tcp://build.example.com:2375`.
            extra_docker_kwargs: further arguments of the call of `docker.APIClient`.

        Returns:
            standard output and standard error, as text.

        Raises:
            ValueError: no container was given.
            docker.errors.APIError: the engine refused, for example as there is no such container.
            docker.errors.DockerException: there is no engine.
        """
        if not container_id:
            raise ValueError("A container id must be provided.")

        with docker_engine(docker_server_url) as engine:
            output = engine.logs(container=container_id, **(extra_docker_kwargs or {}))
        return output.decode(errors="replace")


class ListContainers(Task):
    """A task that lists containers.

    What is given here is used when the call gives none.

    Args:
        all_containers: list those too that do not run.
        filters: what to list, as the engine takes it, such as `{"status": "exited"}`.
        docker_server_url: address of the engine, such as `tcp://build.example.com:2375`.
        extra_docker_kwargs: further arguments of the call of `docker.APIClient`.
        **kwargs: settings of every `Task`.
    """

    def __init__(
        self,
        all_containers: bool = False,
        filters: dict[str, Any] | None = None,
        docker_server_url: str = DEFAULT_URL,
        extra_docker_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.all_containers = all_containers
        self.filters = filters
        self.docker_server_url = docker_server_url
        self.extra_docker_kwargs = extra_docker_kwargs
        super().__init__(**kwargs)

    @defaults_from_attrs("all_containers", "filters", "docker_server_url", "extra_docker_kwargs")
    def run(
        self,
        all_containers: bool = False,
        filters: dict[str, Any] | None = None,
        docker_server_url: str = DEFAULT_URL,
        extra_docker_kwargs: dict[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """List them.

        Args:
            all_containers: list those too that do not run.
            filters: what to list, as the engine takes it, such as `{"status": "exited"}`.
            docker_server_url: address of the engine, such as `tcp://build.example.com:2375`.
            extra_docker_kwargs: further arguments of the call of `docker.APIClient`.

        Returns:
            a dictionary for each, as the engine tells it.

        Raises:
            docker.errors.APIError: the engine refused.
            docker.errors.DockerException: there is no engine.
        """
        with docker_engine(docker_server_url) as engine:
            return engine.containers(all=all_containers, filters=filters, **(extra_docker_kwargs or {}))


class RemoveContainer(Task):
    """A task that removes a container.

    What is given here is used when the call gives none.

    Args:
        container_id: id or name of the container.
        docker_server_url: address of the engine, such as `tcp://build.example.com:2375`.
        extra_docker_kwargs: further arguments of the call of `docker.APIClient`.
        **kwargs: settings of every `Task`.
    """

    def __init__(
        self,
        container_id: str | None = None,
        docker_server_url: str = DEFAULT_URL,
        extra_docker_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.container_id = container_id
        self.docker_server_url = docker_server_url
        self.extra_docker_kwargs = extra_docker_kwargs
        super().__init__(**kwargs)

    @defaults_from_attrs("container_id", "docker_server_url", "extra_docker_kwargs")
    def run(
        self,
        container_id: str | None = None,
        docker_server_url: str = DEFAULT_URL,
        extra_docker_kwargs: dict[str, Any] | None = None,
    ) -> None:
        """Remove it.

        Args:
            container_id: id or name of the container.
            docker_server_url: address of the engine, such as `tcp://build.example.com:2375`.
            extra_docker_kwargs: further arguments of the call of `docker.APIClient`.

        Raises:
            ValueError: no container was given.
            docker.errors.APIError: the engine refused, for example as there is no such container.
            docker.errors.DockerException: there is no engine.
        """
        if not container_id:
            raise ValueError("A container id must be provided.")

        with docker_engine(docker_server_url) as engine:
            engine.remove_container(container=container_id, **(extra_docker_kwargs or {}))


class StartContainer(Task):
    """A task that starts a container and does not wait for its end.

    What is given here is used when the call gives none.

    Args:
        container_id: id or name of the container.
        docker_server_url: address of the engine, such as `tcp://build.example.com:2375`.
        extra_docker_kwargs: further arguments of the call of `docker.APIClient`.
        **kwargs: settings of every `Task`.
    """

    def __init__(
        self,
        container_id: str | None = None,
        docker_server_url: str = DEFAULT_URL,
        extra_docker_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.container_id = container_id
        self.docker_server_url = docker_server_url
        self.extra_docker_kwargs = extra_docker_kwargs
        super().__init__(**kwargs)

    @defaults_from_attrs("container_id", "docker_server_url", "extra_docker_kwargs")
    def run(
        self,
        container_id: str | None = None,
        docker_server_url: str = DEFAULT_URL,
        extra_docker_kwargs: dict[str, Any] | None = None,
    ) -> None:
        """Start it.

        Args:
            container_id: id or name of the container.
            docker_server_url: address of the engine, such as `tcp://build.example.com:2375`.
            extra_docker_kwargs: further arguments of the call of `docker.APIClient`.

        Raises:
            ValueError: no container was given.
            docker.errors.APIError: the engine refused, for example as there is no such container.
            docker.errors.DockerException: there is no engine.
        """
        if not container_id:
            raise ValueError("A container id must be provided.")

        with docker_engine(docker_server_url) as engine:
            engine.start(container=container_id, **(extra_docker_kwargs or {}))


class StopContainer(Task):
    """A task that stops a container.

    What is given here is used when the call gives none.

    Args:
        container_id: id or name of the container.
        docker_server_url: address of the engine, such as `tcp://build.example.com:2375`.
        extra_docker_kwargs: further arguments of the call of `docker.APIClient`.
        **kwargs: settings of every `Task`.
    """

    def __init__(
        self,
        container_id: str | None = None,
        docker_server_url: str = DEFAULT_URL,
        extra_docker_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.container_id = container_id
        self.docker_server_url = docker_server_url
        self.extra_docker_kwargs = extra_docker_kwargs
        super().__init__(**kwargs)

    @defaults_from_attrs("container_id", "docker_server_url", "extra_docker_kwargs")
    def run(
        self,
        container_id: str | None = None,
        docker_server_url: str = DEFAULT_URL,
        extra_docker_kwargs: dict[str, Any] | None = None,
    ) -> None:
        """Stop it.

        Args:
            container_id: id or name of the container.
            docker_server_url: address of the engine, such as `tcp://build.example.com:2375`.
            extra_docker_kwargs: further arguments of the call of `docker.APIClient`.

        Raises:
            ValueError: no container was given.
            docker.errors.APIError: the engine refused, for example as there is no such container.
            docker.errors.DockerException: there is no engine.
        """
        if not container_id:
            raise ValueError("A container id must be provided.")

        with docker_engine(docker_server_url) as engine:
            engine.stop(container=container_id, **(extra_docker_kwargs or {}))


class WaitOnContainer(Task):
    """A task that waits until a container has ended.

    What is given here is used when the call gives none.

    Args:
        container_id: id or name of the container.
        docker_server_url: address of the engine, such as `tcp://build.example.com:2375`.
        raise_on_exit_code: fail when the container ends with another code than 0; its output is logged
            then.
        extra_docker_kwargs: further arguments of the call of `docker.APIClient`.
        **kwargs: settings of every `Task`.
    """

    def __init__(
        self,
        container_id: str | None = None,
        docker_server_url: str = DEFAULT_URL,
        raise_on_exit_code: bool = True,
        extra_docker_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.container_id = container_id
        self.docker_server_url = docker_server_url
        self.raise_on_exit_code = raise_on_exit_code
        self.extra_docker_kwargs = extra_docker_kwargs
        super().__init__(**kwargs)

    @defaults_from_attrs("container_id", "docker_server_url", "raise_on_exit_code", "extra_docker_kwargs")
    def run(
        self,
        container_id: str | None = None,
        docker_server_url: str = DEFAULT_URL,
        raise_on_exit_code: bool = True,
        extra_docker_kwargs: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Wait for it.

        Args:
            container_id: id or name of the container.
            docker_server_url: address of the engine, such as `tcp://build.example.com:2375`.
            raise_on_exit_code: fail when the container ends with another code than 0; its output is
                logged then.
            extra_docker_kwargs: further arguments of the call of `docker.APIClient`.

        Returns:
            what the engine says of the end: `StatusCode` and `Error`.

        Raises:
            ValueError: no container was given.
            prefect.engine.signals.FAIL: it ended with another code than 0.
            docker.errors.APIError: the engine refused, for example as there is no such container.
            docker.errors.DockerException: there is no engine.
        """
        if not container_id:
            raise ValueError("A container id must be provided.")

        with docker_engine(docker_server_url) as engine:
            end = engine.wait(container=container_id, **(extra_docker_kwargs or {}))
            if raise_on_exit_code and end.get("StatusCode"):
                self.logger.error(engine.logs(container=container_id).decode(errors="replace"))
                raise signals.FAIL(
                    f"{container_id} failed with exit code {end['StatusCode']}: {end.get('Error')}",
                    result=end,
                )
        return end
