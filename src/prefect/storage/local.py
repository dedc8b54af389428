from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect.storage.base import Storage, timed_key

if TYPE_CHECKING:
    from prefect.core.flow import Flow

__all__ = ["Local"]


class Local(Storage):
    """Keeps flows as files on this machine.

    Example:
        ```python
        flow = Flow("nightly")
        storage = Local(directory="flows")
        storage.add_flow(flow)
        storage.build()
        storage.get_flow(flow.name)
        ```

    Args:
        directory: where pickled flows go; `<home_dir>/flows` by default.
        validate: whether the directory is made absolute and created here and now. False for a
            directory that is on another machine.
        path: the file of the flow: with `stored_as_script`, the Python file it is defined in,
            else the file it is pickled to.
        stored_as_script: whether the flow is kept as Python file, instead of as pickle.
        **kwargs: as for `Storage`.

    Raises:
        OSError: the directory cannot be created.
    """

    directory: str
    path: str | None

    def __init__(
        self,
        directory: str | None = None,
        validate: bool = True,
        path: str | None = None,
        stored_as_script: bool = False,
        **kwargs: Any,
    ) -> None:
        from prefect.configuration import config
        from prefect.engine.results import LocalResult

        place = Path(directory) if directory is not None else Path(str(config.home_dir)) / "flows"
        if validate:
            place = place.expanduser().absolute()
            place.mkdir(parents=True, exist_ok=True)
        elif directory is None:
            place = place.expanduser()
        self.directory = str(place)
        self.path = path
        kwargs.setdefault("result", LocalResult(self.directory, validate_dir=validate))
        super().__init__(stored_as_script=stored_as_script, **kwargs)

    @property
    def default_labels(self) -> list[str]:
        """The name of this machine, as other machines do not have the files."""
        return [socket.gethostname()]

    def add_flow(self, flow: Flow) -> str:
        """Take a flow in, and write it at once unless it is kept as script.

        Args:
            flow: the flow.

        Returns:
            the path of its file.

        Raises:
            ValueError: another flow of this name is in the storage, or `path` is missing.
            OSError: the file cannot be written.
        """
        if self.stored_as_script and not self.path:
            raise ValueError("A `path` must be provided to show where flow `.py` file is stored.")
        location = self.path or str(Path(self.directory) / timed_key(flow.name))
        self._take(flow, location)
        if not self.stored_as_script:
            location = flow.save(location)
            self.flows[flow.name] = location
        return location

    def get_flow(self, flow_name: str) -> Flow:
        """The flow of a name, loaded from its file, or from a module if its location names one.

        Raises:
            ValueError: there is no such flow.
            OSError: the file cannot be read.
            prefect.exceptions.FlowStorageError: the pickle cannot be loaded here.
        """
        from prefect.utilities import storage

        location: str = self._location(flow_name)
        if self.stored_as_script:
            return storage.extract_flow_from_file(file_path=location, flow_name=flow_name)
        path = Path(location)
        if path.is_file() or not storage.is_module_name(location):
            return storage.flow_from_bytes_pickle(path.read_bytes())
        return storage.extract_flow_from_module(module_str=location, flow_name=flow_name)
