from __future__ import annotations

import sys
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar

from prefect.storage.base import Storage
from prefect.utilities._slug import slugify

if TYPE_CHECKING:
    from prefect.core.flow import Flow

__all__ = ["Docker", "multiline_indent"]


def multiline_indent(string: str, spaces: int) -> str:
    """A text whose lines, from the second on, are indented by a number of spaces."""
    return string.replace("\n", "\n" + " " * spaces)


class Docker(Storage):
    """Keeps flows in a container image.

    Args:
        registry_url: registry (and path in it) to push the image to.
        base_image: image to build on; one with this Python and this version by default.
        dockerfile: Dockerfile to build on, instead of a base image.
        dockerignore: file of what the build leaves out.
        python_dependencies: packages to install with pip.
        image_name: name of the image.
        image_tag: tag of the image.
        env_vars: environment variables of the image.
        files: `{absolute path here: absolute path in the image}` of files to copy.
        prefect_version: version to install in the image; this one by default.
        local_image: whether the base image is not pulled.
        ignore_healthchecks: whether to skip the check that the flows can be loaded in the image.
        base_url: address of the Docker daemon.
        tls_config: TLS settings for it, as for the docker package.
        build_kwargs: further arguments of the build, as for the docker package.
        prefect_directory: directory for the flows in the image.
        path: the file of the flow in the image, for `stored_as_script`.
        stored_as_script: whether the flow is kept as Python file, instead of as pickle.
        extra_dockerfile_commands: lines to add to the end of the Dockerfile.
        **kwargs: as for `Storage`.

    Raises:
        ValueError: both a base image and a Dockerfile, or files by relative paths.
    """

    _needs_upload: ClassVar[bool] = True

    registry_url: str | None
    base_image: str | None
    dockerfile: str | None
    dockerignore: str | None
    python_dependencies: list[str]
    image_name: str | None
    image_tag: str | None
    env_vars: dict[str, str]
    files: dict[str, str]
    prefect_version: str
    local_image: bool
    installation_commands: list[str]
    ignore_healthchecks: bool
    base_url: str
    tls_config: Any
    build_kwargs: dict[str, Any]
    rm_build_kwarg: bool
    prefect_directory: str
    path: str | None
    extra_dockerfile_commands: list[str] | None

    def __init__(
        self,
        registry_url: str | None = None,
        base_image: str | None = None,
        dockerfile: str | None = None,
        dockerignore: str | None = None,
        python_dependencies: list[str] | None = None,
        image_name: str | None = None,
        image_tag: str | None = None,
        env_vars: dict[str, str] | None = None,
        files: dict[str, str] | None = None,
        prefect_version: str | None = None,
        local_image: bool = False,
        ignore_healthchecks: bool = False,
        base_url: str | None = None,
        tls_config: Any = False,
        build_kwargs: dict[str, Any] | None = None,
        prefect_directory: str = "/opt/prefect",
        path: str | None = None,
        stored_as_script: bool = False,
        extra_dockerfile_commands: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        if base_image and dockerfile:
            raise ValueError("Only one of `base_image` and `dockerfile` can be provided.")
        relative = [file for file in files or {} if not Path(file).is_absolute()]
        if relative:
            raise ValueError(
                f"Provided paths {', '.join(relative)} are not absolute file paths, please provide absolute paths only."
            )
        if prefect_version is None:
            from prefect import __version__

            prefect_version = __version__
        build_kwargs = dict(build_kwargs or {})

        self.registry_url = registry_url
        self.image_name = image_name
        self.image_tag = image_tag
        self.python_dependencies = [*(python_dependencies or ()), "wheel"]
        self.prefect_directory = prefect_directory
        self.path = path
        self.env_vars = {
            "PREFECT__USER_CONFIG_PATH": str(PurePosixPath(prefect_directory, "config.toml")),
            **(env_vars or {}),
        }
        self.files = dict(files or {})
        self.local_image = local_image
        self.prefect_version = prefect_version
        self.ignore_healthchecks = ignore_healthchecks
        self.base_url = base_url or _daemon_address()
        self.tls_config = tls_config
        self.rm_build_kwarg = bool(build_kwargs.pop("rm", True))
        self.build_kwargs = build_kwargs
        self.extra_dockerfile_commands = extra_dockerfile_commands
        self.dockerfile = dockerfile
        self.dockerignore = dockerignore
        image, self.installation_commands = _image_with(prefect_version)
        self.base_image = None if dockerfile else base_image or image
        super().__init__(stored_as_script=stored_as_script, **kwargs)

    @property
    def name(self) -> str:
        """The full name of the image.

        Raises:
            ValueError: the image has no name or no tag yet.
        """
        if not (self.image_name and self.image_tag):
            raise ValueError("Docker storage is missing required fields image_name and image_tag")
        image = f"{self.image_name}:{self.image_tag}"
        return str(PurePosixPath(self.registry_url, image)) if self.registry_url else image

    def add_flow(self, flow: Flow) -> str:
        """Take a flow in.

        Args:
            flow: the flow.

        Returns:
            the path of its file in the image.

        Raises:
            ValueError: another flow of this name is in the storage.
        """
        default = PurePosixPath(self.prefect_directory, "flows", f"{slugify(flow.name)}.prefect")
        return self._take(flow, self.path or str(default))


def _daemon_address() -> str:
    return "npipe:////./pipe/docker_engine" if sys.platform == "win32" else "unix://var/run/docker.sock"


def _image_with(prefect_version: str) -> tuple[str, list[str]]:
    """A base image, and the commands that put a version of this library on it."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    release = prefect_version.split(".")
    if (
        len(release) == 3
        and all(part.isdigit() for part in release)
        and (int(release[0]), int(release[1])) < (1, 5)
    ):
        # compat: versions up to 1.4.1 were published under another name, as images too.
        return f"prefecthq/prefect:{prefect_version}-python{python}", [
            f"pip show prefect || pip install prefect[all_orchestration_extras]=={prefect_version}"
        ]
    install = f"pip install prefect-classic[all_orchestration_extras]=={prefect_version}"
    return f"python:{python}-slim", [f"pip show prefect-classic || {install}"]
