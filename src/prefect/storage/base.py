"""What every storage has."""

from __future__ import annotations

import abc
import datetime as dt
from typing import TYPE_CHECKING, Any, cast

from prefect.utilities._slug import slugify

if TYPE_CHECKING:
    import logging

    from prefect.core.flow import Flow
    from prefect.engine.result import Result

__all__ = ["Storage"]


class Storage(abc.ABC):
    """Base class of all storages: where the code of flows is kept, so that agents can run them.

    Subclasses say in `add_flow` where a flow goes, put it there in `build`, and load it in `get_flow`.

    Args:
        result: the result that tasks of the stored flows use by default.
        secrets: names of secrets to put into the context before a flow is loaded.
        labels: labels an agent must have to run the flows.
        add_default_labels: whether the labels of the kind of storage are added (the host name for
            `Local`); configured by `flows.defaults.storage.add_default_labels`.
        stored_as_script: whether a flow is kept as Python file, instead of as pickle.
    """

    result: Result | None
    secrets: list[str]
    stored_as_script: bool
    add_default_labels: bool
    #: `{flow name: location}`
    flows: dict[str, Any]

    def __init__(
        self,
        result: Result | None = None,
        secrets: list[str] | None = None,
        labels: list[str] | None = None,
        add_default_labels: bool | None = None,
        stored_as_script: bool = False,
    ) -> None:
        self.result = result
        self.secrets = list(secrets or ())
        self.stored_as_script = stored_as_script
        self.flows = {}
        self._flows: dict[str, Flow] = {}
        self._labels = list(labels or ())
        if add_default_labels is None:
            from prefect.configuration import config

            add_default_labels = bool(config.flows.defaults.storage.add_default_labels)
        self.add_default_labels = add_default_labels

    def __repr__(self) -> str:
        return f"<Storage: {type(self).__name__}>"

    def __contains__(self, obj: object) -> bool:
        """Whether a flow of this name is in this storage."""
        return isinstance(obj, str) and obj in self.flows

    @property
    def name(self) -> str:
        """The kind of storage."""
        return type(self).__name__

    @property
    def default_labels(self) -> list[str]:
        """Labels that come with the kind of storage."""
        return []

    @property
    def labels(self) -> list[str]:
        """Labels an agent must have to run the flows."""
        default = self.default_labels if self.add_default_labels else []
        return list(dict.fromkeys([*default, *self._labels]))

    @property
    def logger(self) -> logging.Logger:
        """The logger of this kind of storage."""
        from prefect.utilities.logging import get_logger

        return get_logger(type(self).__name__)

    @abc.abstractmethod
    def add_flow(self, flow: Flow) -> str:
        """Take a flow in. It is put into its place when the storage is built.

        Args:
            flow: the flow.

        Returns:
            its location.

        Raises:
            ValueError: another flow of this name is in the storage.
        """

    def get_flow(self, flow_name: str) -> Flow:
        """The flow of a name, loaded from its location.

        Raises:
            ValueError: there is no such flow.
            NotImplementedError: this kind of storage cannot load flows.
        """
        raise NotImplementedError(f"{type(self).__name__} storage cannot load flows.")

    def build(self) -> Storage:
        """Put all flows into their places.

        Returns:
            a storage with the flows in place: this one, unless said otherwise.
        """
        return self

    def run_basic_healthchecks(self) -> None:  # noqa: B027 - most kinds have nothing to check
        """Check that the flows in this storage can be loaded where the flow will run.

        Only kinds of storage that can tell do anything here.
        """

    def serialize(self) -> dict[str, Any]:
        """The JSON form of this storage.

        Raises:
            prefect.utilities.serialization.ValidationError: a value has no JSON form.
        """
        from prefect.serialization.storage import StorageSchema

        return cast("dict[str, Any]", StorageSchema().dump(self))

    # -- for subclasses ---------------------------------------------------------------

    def _take(self, flow: Flow, location: Any) -> Any:
        """Note a flow and its location.

        Raises:
            ValueError: another flow of this name is in the storage.
        """
        if flow.name in self:
            raise ValueError(
                f'Name conflict: Flow with the name "{flow.name}" is already present in this storage.'
            )
        self.flows[flow.name] = location
        self._flows[flow.name] = flow
        return location

    def _location(self, flow_name: str) -> Any:
        """The location of a flow.

        Raises:
            ValueError: there is no such flow.
        """
        if flow_name not in self.flows:
            known = ", ".join(repr(name) for name in self.flows) or "none"
            raise ValueError(
                f"Flow is not contained in this Storage: {flow_name!r} is not among the flows of "
                f"{type(self).__name__} storage ({known})."
            )
        return self.flows[flow_name]


def timed_key(flow_name: str) -> str:
    """A key for a version of a flow: its name and the time, as in `my-flow/2030-01-02t03-04-05-000006-00-00`."""
    now = dt.datetime.now(dt.timezone.utc).isoformat(timespec="microseconds")
    return f"{slugify(flow_name)}/{slugify(now)}"
