from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from prefect.exceptions import FlowStorageError
from prefect.storage._dockerfile import ImagePlan, dockerfile_text
from prefect.storage._images import ImageEngine
from prefect.storage.base import Storage, timed_key
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
        base_url: address of the Docker daemon; that of the environment variable `DOCKER_HOST` by default.
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

    def get_flow(self, flow_name: str) -> Flow:
        """The flow of a name. This works in the image, where the flows are files.

        Args:
            flow_name: the name.

        Raises:
            ValueError: there is no such flow.
            prefect.exceptions.FlowStorageError: this process is not in the image, or the pickle cannot be
                loaded here.
        """
        from prefect.utilities import storage

        location: str = self._location(flow_name)
        if not Path(location).is_file():
            image = f"{self.image_name}:{self.image_tag}"
            raise FlowStorageError(
                f"There is no file {location} here: flow {flow_name!r} is in the image {image}, and can be loaded "
                "only by a process in that image. Run it with an agent that starts containers, and a DockerRun, "
                "KubernetesRun, ECSRun or VertexRun."
            )
        if self.stored_as_script:
            return storage.extract_flow_from_file(file_path=location, flow_name=flow_name)
        return storage.flow_from_bytes_pickle(Path(location).read_bytes())

    def build(self, push: bool = True) -> Docker:
        """Build the image, and push it to the registry.

        Args:
            push: whether to push. Without a `registry_url` there is nowhere to.

        Returns:
            this storage, whose image has a name and a tag now.

        Raises:
            prefect.exceptions.FlowStorageError: the engine cannot be reached, or a step failed; the message
                has the last lines of its output.
            TypeError, pickle.PicklingError: something in a flow does not pickle; the message names it.
        """
        import uuid

        if not self.image_name:
            self.image_name = slugify(next(iter(self.flows))) if len(self.flows) == 1 else str(uuid.uuid4())
        if not self.image_tag:
            self.image_tag = timed_tag()
        if self.base_image and not self.local_image:
            self.pull_image()
        # The Dockerfile of a user copies from the current directory, so ours has to be below it.
        context = Path.cwd() if self.dockerfile else None
        with TemporaryDirectory(prefix=".prefect-image-", dir=context) as folder:
            dockerfile = Path(self.create_dockerfile_object(folder)).absolute()
            context = context or dockerfile.parent
            self.logger.info(f"Building the image {self.name}")
            self._engine().build(
                context,
                dockerfile,
                self._ignored(context),
                self.name,
                **{"forcerm": True, "rm": self.rm_build_kwarg, **self.build_kwargs},
            )
        if push and self.registry_url:
            self.push_image(self.name.rpartition(":")[0], self.image_tag)
        elif push:
            self.logger.info(f"The image {self.name} stays on this machine: there is no `registry_url`.")
        return self

    def create_dockerfile_object(self, directory: str) -> str:
        """Write a Dockerfile, and the files it copies, into a directory.

        Args:
            directory: the directory; with a `dockerfile` of your own it is below the current one, which is
                the context of the build.

        Returns:
            the path of the Dockerfile.

        Raises:
            OSError: a file cannot be read or written.
            ValueError: an environment variable has a line break.
            TypeError, pickle.PicklingError: something in a flow does not pickle; the message names it.
        """
        from prefect.storage import _image_check

        folder = Path(directory)
        inside = PurePosixPath(os.path.relpath(folder).replace(os.sep, "/") if self.dockerfile else ".")
        copies: dict[str, str] = {}
        if not self.stored_as_script:
            for name, location in self.flows.items():
                file = f"{slugify(name)}.flow"
                self._flows[name].save(str(folder / file))
                copies[str(inside / file)] = location
        for number, (here, there) in enumerate(self.files.items()):
            # Each in a folder of its own: two may have the same name.
            place = folder / "files" / str(number) / Path(here).name
            if Path(here).is_dir():
                shutil.copytree(here, place)
            else:
                place.parent.mkdir(parents=True)
                shutil.copy2(here, place)
            copies[str(inside / "files" / str(number) / Path(here).name)] = there
        healthcheck = None
        if not self.ignore_healthchecks:
            shutil.copy2(_image_check.__file__, folder / "healthcheck.py")
            healthcheck = str(PurePosixPath(self.prefect_directory, "healthcheck.py"))
            copies[str(inside / "healthcheck.py")] = healthcheck
        if self.dockerignore:
            shutil.copy2(self.dockerignore, folder / ".dockerignore")
        plan = ImagePlan(
            start=Path(self.dockerfile).read_text() if self.dockerfile else f"FROM {self.base_image}",
            python=(sys.version_info.major, sys.version_info.minor),
            prefect_directory=self.prefect_directory,
            env_vars=self.env_vars,
            installation_commands=self.installation_commands,
            python_dependencies=self.python_dependencies,
            copies=copies,
            extra_commands=self.extra_dockerfile_commands or (),
            healthcheck=healthcheck,
            flows=[] if self.stored_as_script else list(self.flows.values()),
        )
        path = folder / "Dockerfile"
        path.write_text(dockerfile_text(plan))
        return str(path)

    def pull_image(self) -> None:
        """Pull the base image.

        Raises:
            prefect.exceptions.FlowStorageError: it cannot be pulled; `local_image=True` says that it need not be.
        """
        if self.base_image:
            self._engine().pull(self.base_image)

    def push_image(self, image_name: str, image_tag: str) -> None:
        """Push an image, and remove it from this machine.

        Args:
            image_name: its name with the registry.
            image_tag: its tag.

        Raises:
            prefect.exceptions.FlowStorageError: the registry cannot be reached or refuses.
        """
        self.logger.info(f"Pushing the image {image_name}:{image_tag}")
        self._engine().push(image_name, image_tag)
        self._engine().remove(f"{image_name}:{image_tag}")

    def _engine(self) -> ImageEngine:
        return ImageEngine(self.base_url, self.tls_config, self.logger)

    def _ignored(self, context: Path) -> list[str]:
        """Patterns of what the build leaves out."""
        file = Path(self.dockerignore) if self.dockerignore else context / ".dockerignore"
        lines = file.read_text().splitlines() if file.is_file() else []
        return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def timed_tag() -> str:
    """A tag for an image: the time."""
    return timed_key("").lstrip("/")


def _daemon_address() -> str:
    configured = os.environ.get("DOCKER_HOST")
    if configured:
        return configured
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
