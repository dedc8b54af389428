"""A container engine that is asked by the Docker API to pull, build and push images."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from prefect.exceptions import FlowStorageError

if TYPE_CHECKING:
    import logging

__all__ = ["ImageEngine"]

#: How long the engine may say nothing: one step of a build may take long and print nothing.
_TIMEOUT_S = 3600
_LINES_IN_ERRORS = 30


class ImageEngine:
    """What `Docker` storage needs of a container engine.

    Args:
        base_url: address of the daemon.
        tls: TLS settings for it, as for the docker package.
        logger: hears what the engine does (DEBUG).
    """

    def __init__(self, base_url: str, tls: Any, logger: logging.Logger) -> None:
        self._base_url = base_url
        self._tls = tls
        self._logger = logger

    def pull(self, image: str) -> None:
        """Pull an image.

        Raises:
            FlowStorageError: it cannot be pulled; the message has the engine's words.
        """
        with self._client(f"pull the base image {image}") as client:
            self._follow(client.pull(image, stream=True, decode=True), f"Cannot pull the base image {image}")

    def build(self, context: Path, dockerfile: Path, ignored: list[str], tag: str, **more: Any) -> None:
        """Build an image.

        Args:
            context: folder of what the build may copy.
            dockerfile: the Dockerfile, in the context.
            ignored: patterns of `.dockerignore`; the folder of the Dockerfile is never ignored.
            tag: full name of the image.
            **more: arguments of the build, as for the docker package.

        Raises:
            FlowStorageError: a step failed; the message has the last lines of its output.
        """
        from docker.utils import build

        inside = dockerfile.parent.relative_to(context)
        kept = [] if inside == Path() else [f"!{inside.as_posix()}"]
        name = dockerfile.relative_to(context).as_posix()
        files = build.exclude_paths(str(context), [*ignored, *kept], dockerfile=name)
        # Engines would apply the patterns once more, and leave our folder out.
        files.discard(".dockerignore")
        pack = cast("Any", build.create_archive)  # its hints ask for another type than the one it takes
        with (
            self._client(f"build the image {tag}") as client,
            pack(root=str(context), files=sorted(files), gzip=True) as archive,
        ):
            lines = client.build(
                fileobj=archive,
                custom_context=True,
                encoding="gzip",
                dockerfile=name,
                tag=tag,
                decode=True,
                **more,
            )
            self._follow(lines, f"Cannot build the image {tag}")

    def push(self, name: str, tag: str) -> None:
        """Push an image.

        Raises:
            FlowStorageError: the registry cannot be reached or refuses.
        """
        with self._client(f"push the image {name}:{tag}") as client:
            lines = client.push(name, tag=tag, stream=True, decode=True)
            self._follow(lines, f"Cannot push the image {name}:{tag}")

    def remove(self, image: str) -> None:
        """Remove an image from the engine."""
        with self._client(f"remove the image {image}") as client:
            client.remove_image(image=image)

    def _follow(self, lines: Iterable[dict[str, Any]], failed: str) -> None:
        """Read what the engine reports until it is done."""
        last: deque[str] = deque(maxlen=_LINES_IN_ERRORS)
        error = None
        for line in lines:  # to the end, also after an error: that gives the connection back
            text = str(line.get("stream") or line.get("status") or "").rstrip()
            if text:
                last.append(text)
                self._logger.debug(text)
            error = error or line.get("error")
        if error:
            output = "\n".join(f"  {shown}" for shown in last)
            raise FlowStorageError(f"{failed}: {error}\n{output}{_hint(output)}")

    @contextmanager
    def _client(self, doing: str) -> Generator[Any]:
        import docker
        import docker.errors
        import requests

        client = None
        try:
            client = docker.APIClient(
                base_url=self._base_url, tls=self._tls, version="auto", timeout=_TIMEOUT_S
            )
            yield client
        except docker.errors.APIError as exc:
            raise FlowStorageError(f"Cannot {doing}: {exc.explanation or exc}") from exc
        except (docker.errors.DockerException, requests.RequestException) as exc:
            raise FlowStorageError(
                f"Cannot {doing}: no container engine answers at {self._base_url} ({exc}). Start it, or give its "
                "address with `base_url` or the environment variable DOCKER_HOST."
            ) from exc
        finally:
            if client is not None:
                client.close()


def _hint(output: str) -> str:
    if "No matching distribution found for prefect" in output:
        return (
            "\nThis version of the library is not in the package index. Take a base image that has it "
            "(`base_image`), or give another `prefect_version`."
        )
    return ""
