"""Tasks that build, pull, push, tag and remove images."""

from __future__ import annotations

import json
from typing import Any

from prefect.core.task import Task
from prefect.tasks.docker._engine import DEFAULT_URL, checked_messages, docker_engine
from prefect.utilities.tasks import defaults_from_attrs

__all__ = ["BuildImage", "ListImages", "PullImage", "PushImage", "RemoveImage", "TagImage"]


class BuildImage(Task):
    """A task that builds an image from a Dockerfile.

    What is given here is used when the call gives none.

    Args:
        path: the folder with the Dockerfile.
        tag: the tag.
        nocache: do not use layers of earlier builds.
        rm: remove the containers in between after a build that succeeded.
        forcerm: remove them after one that failed too.
        docker_server_url: address of the engine, such as `tcp://build.example.com:2375`.
        extra_docker_kwargs: further arguments of the call of `docker.APIClient`.
        stream_logs: log what the engine says while it works.
        **kwargs: settings of every `Task`.
    """

    def __init__(
        self,
        path: str | None = None,
        tag: str | None = None,
        nocache: bool = False,
        rm: bool = True,
        forcerm: bool = False,
        docker_server_url: str = DEFAULT_URL,
        extra_docker_kwargs: dict[str, Any] | None = None,
        stream_logs: bool = False,
        **kwargs: Any,
    ) -> None:
        self.path = path
        self.tag = tag
        self.nocache = nocache
        self.rm = rm
        self.forcerm = forcerm
        self.docker_server_url = docker_server_url
        self.extra_docker_kwargs = extra_docker_kwargs
        self.stream_logs = stream_logs
        super().__init__(**kwargs)

    @defaults_from_attrs(
        "path", "tag", "nocache", "rm", "forcerm", "docker_server_url", "extra_docker_kwargs", "stream_logs"
    )
    def run(
        self,
        path: str | None = None,
        tag: str | None = None,
        nocache: bool = False,
        rm: bool = True,
        forcerm: bool = False,
        docker_server_url: str = DEFAULT_URL,
        extra_docker_kwargs: dict[str, Any] | None = None,
        stream_logs: bool = False,
    ) -> list[dict[str, Any]]:
        """Build it.

        Args:
            path: the folder with the Dockerfile.
            tag: the tag.
            nocache: do not use layers of earlier builds.
            rm: remove the containers in between after a build that succeeded.
            forcerm: remove them after one that failed too.
            docker_server_url: address of the engine, such as `tcp://build.example.com:2375`.
            extra_docker_kwargs: further arguments of the call of `docker.APIClient`.
            stream_logs: log what the engine says while it works.

        Returns:
            the messages of the build.

        Raises:
            ValueError: no folder was given.
            docker.errors.APIError: the engine could not, or refused.
            docker.errors.DockerException: there is no engine.
        """
        if not path:
            raise ValueError("A path to a directory containing a Dockerfile must be provided.")
        with docker_engine(docker_server_url) as engine:
            output = engine.build(
                path=path, tag=tag, nocache=nocache, rm=rm, forcerm=forcerm, **(extra_docker_kwargs or {})
            )
            return checked_messages(output, self.logger if stream_logs else None)


class ListImages(Task):
    """A task that lists images.

    What is given here is used when the call gives none.

    Args:
        repository_name: list the images of one repository only.
        all_layers: list the layers between too.
        filters: what to list, as the engine takes it, such as `{"status": "exited"}`.
        docker_server_url: address of the engine, such as `tcp://build.example.com:2375`.
        extra_docker_kwargs: further arguments of the call of `docker.APIClient`.
        **kwargs: settings of every `Task`.
    """

    def __init__(
        self,
        repository_name: str | None = None,
        all_layers: bool = False,
        filters: dict[str, Any] | None = None,
        docker_server_url: str = DEFAULT_URL,
        extra_docker_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.repository_name = repository_name
        self.all_layers = all_layers
        self.filters = filters
        self.docker_server_url = docker_server_url
        self.extra_docker_kwargs = extra_docker_kwargs
        super().__init__(**kwargs)

    @defaults_from_attrs(
        "repository_name", "all_layers", "filters", "docker_server_url", "extra_docker_kwargs"
    )
    def run(
        self,
        repository_name: str | None = None,
        all_layers: bool = False,
        filters: dict[str, Any] | None = None,
        docker_server_url: str = DEFAULT_URL,
        extra_docker_kwargs: dict[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """List them.

        Args:
            repository_name: list the images of one repository only.
            all_layers: list the layers between too.
            filters: what to list, as the engine takes it, such as `{"status": "exited"}`.
            docker_server_url: address of the engine, such as `tcp://build.example.com:2375`.
            extra_docker_kwargs: further arguments of the call of `docker.APIClient`.

        Returns:
            a dictionary for each, as the engine tells it.

        Raises:
            docker.errors.APIError: the engine could not, or refused.
            docker.errors.DockerException: there is no engine.
        """
        with docker_engine(docker_server_url) as engine:
            return engine.images(
                name=repository_name, all=all_layers, filters=filters, **(extra_docker_kwargs or {})
            )


class PullImage(Task):
    """A task that pulls an image from a registry.

    What is given here is used when the call gives none.

    Args:
        repository: name of the repository.
        tag: the tag.
        docker_server_url: address of the engine, such as `tcp://build.example.com:2375`.
        extra_docker_kwargs: further arguments of the call of `docker.APIClient`.
        stream_logs: log what the engine says while it works.
        **kwargs: settings of every `Task`.
    """

    def __init__(
        self,
        repository: str | None = None,
        tag: str | None = None,
        docker_server_url: str = DEFAULT_URL,
        extra_docker_kwargs: dict[str, Any] | None = None,
        stream_logs: bool = False,
        **kwargs: Any,
    ) -> None:
        self.repository = repository
        self.tag = tag
        self.docker_server_url = docker_server_url
        self.extra_docker_kwargs = extra_docker_kwargs
        self.stream_logs = stream_logs
        super().__init__(**kwargs)

    @defaults_from_attrs("repository", "tag", "docker_server_url", "extra_docker_kwargs", "stream_logs")
    def run(
        self,
        repository: str | None = None,
        tag: str | None = None,
        docker_server_url: str = DEFAULT_URL,
        extra_docker_kwargs: dict[str, Any] | None = None,
        stream_logs: bool = False,
    ) -> str:
        """Pull it; `latest` without a tag.

        Args:
            repository: name of the repository.
            tag: the tag.
            docker_server_url: address of the engine, such as `tcp://build.example.com:2375`.
            extra_docker_kwargs: further arguments of the call of `docker.APIClient`.
            stream_logs: log what the engine says while it works.

        Returns:
            what the engine said, as lines of JSON.

        Raises:
            ValueError: no repository was given.
            docker.errors.APIError: the engine could not, or refused.
            docker.errors.DockerException: there is no engine.
        """
        if not repository:
            raise ValueError("A repository to pull the image from must be specified.")
        with docker_engine(docker_server_url) as engine:
            output = engine.pull(
                repository=repository, tag=tag, stream=stream_logs, **(extra_docker_kwargs or {})
            )
            messages = checked_messages(output, self.logger if stream_logs else None)
        return "".join(f"{json.dumps(message, separators=(',', ':'))}\n" for message in messages)


class PushImage(Task):
    """A task that pushes an image to a registry.

    What is given here is used when the call gives none.

    Args:
        repository: name of the repository.
        tag: the tag.
        docker_server_url: address of the engine, such as `tcp://build.example.com:2375`.
        extra_docker_kwargs: further arguments of the call of `docker.APIClient`.
        **kwargs: settings of every `Task`.
    """

    def __init__(
        self,
        repository: str | None = None,
        tag: str | None = None,
        docker_server_url: str = DEFAULT_URL,
        extra_docker_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.repository = repository
        self.tag = tag
        self.docker_server_url = docker_server_url
        self.extra_docker_kwargs = extra_docker_kwargs
        super().__init__(**kwargs)

    @defaults_from_attrs("repository", "tag", "docker_server_url", "extra_docker_kwargs")
    def run(
        self,
        repository: str | None = None,
        tag: str | None = None,
        docker_server_url: str = DEFAULT_URL,
        extra_docker_kwargs: dict[str, Any] | None = None,
    ) -> str:
        """Push it; every tag of the repository without one.

        Args:
            repository: name of the repository.
            tag: the tag.
            docker_server_url: address of the engine, such as `tcp://build.example.com:2375`.
            extra_docker_kwargs: further arguments of the call of `docker.APIClient`.

        Returns:
            what the engine said, as lines of JSON.

        Raises:
            ValueError: no repository was given.
            docker.errors.APIError: the engine could not, or refused.
            docker.errors.DockerException: there is no engine.
        """
        if not repository:
            raise ValueError("A repository to push the image to must be specified.")
        with docker_engine(docker_server_url) as engine:
            output = engine.push(repository=repository, tag=tag, **(extra_docker_kwargs or {}))
            checked_messages(output)
        return output


class RemoveImage(Task):
    """A task that removes an image.

    What is given here is used when the call gives none.

    Args:
        image: name or id of the image.
        force: do it even if the image is in use, or the tag taken.
        docker_server_url: address of the engine, such as `tcp://build.example.com:2375`.
        extra_docker_kwargs: further arguments of the call of `docker.APIClient`.
        **kwargs: settings of every `Task`.
    """

    def __init__(
        self,
        image: str | None = None,
        force: bool = False,
        docker_server_url: str = DEFAULT_URL,
        extra_docker_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.image = image
        self.force = force
        self.docker_server_url = docker_server_url
        self.extra_docker_kwargs = extra_docker_kwargs
        super().__init__(**kwargs)

    @defaults_from_attrs("image", "force", "docker_server_url", "extra_docker_kwargs")
    def run(
        self,
        image: str | None = None,
        force: bool = False,
        docker_server_url: str = DEFAULT_URL,
        extra_docker_kwargs: dict[str, Any] | None = None,
    ) -> None:
        """Remove it.

        Args:
            image: name or id of the image.
            force: do it even if the image is in use, or the tag taken.
            docker_server_url: address of the engine, such as `tcp://build.example.com:2375`.
            extra_docker_kwargs: further arguments of the call of `docker.APIClient`.

        Raises:
            ValueError: no image was given.
            docker.errors.APIError: the engine could not, or refused.
            docker.errors.DockerException: there is no engine.
        """
        if not image:
            raise ValueError("The name of an image to remove must be provided.")
        with docker_engine(docker_server_url) as engine:
            engine.remove_image(image=image, force=force, **(extra_docker_kwargs or {}))


class TagImage(Task):
    """A task that gives an image a further name.

    What is given here is used when the call gives none.

    Args:
        image: name or id of the image.
        repository: name of the repository.
        tag: the tag.
        force: do it even if the image is in use, or the tag taken.
        docker_server_url: address of the engine, such as `tcp://build.example.com:2375`.
        extra_docker_kwargs: further arguments of the call of `docker.APIClient`.
        **kwargs: settings of every `Task`.
    """

    def __init__(
        self,
        image: str | None = None,
        repository: str | None = None,
        tag: str | None = None,
        force: bool = False,
        docker_server_url: str = DEFAULT_URL,
        extra_docker_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.image = image
        self.repository = repository
        self.tag = tag
        self.force = force
        self.docker_server_url = docker_server_url
        self.extra_docker_kwargs = extra_docker_kwargs
        super().__init__(**kwargs)

    @defaults_from_attrs("image", "repository", "tag", "force", "docker_server_url", "extra_docker_kwargs")
    def run(
        self,
        image: str | None = None,
        repository: str | None = None,
        tag: str | None = None,
        force: bool = False,
        docker_server_url: str = DEFAULT_URL,
        extra_docker_kwargs: dict[str, Any] | None = None,
    ) -> bool:
        """Name it.

        Args:
            image: name or id of the image.
            repository: name of the repository.
            tag: the tag.
            force: do it even if the image is in use, or the tag taken.
            docker_server_url: address of the engine, such as `tcp://build.example.com:2375`.
            extra_docker_kwargs: further arguments of the call of `docker.APIClient`.

        Returns:
            whether it worked.

        Raises:
            ValueError: image or repository is missing.
            docker.errors.APIError: the engine could not, or refused.
            docker.errors.DockerException: there is no engine.
        """
        if not image or not repository:
            raise ValueError("Both image and repository must be provided.")
        with docker_engine(docker_server_url) as engine:
            return engine.tag(
                image=image, repository=repository, tag=tag, force=force, **(extra_docker_kwargs or {})
            )
