"""`FlowView`: a registered flow."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from prefect.backend._query import rows
from prefect.utilities.logging import get_logger

if TYPE_CHECKING:
    from prefect.core.flow import Flow
    from prefect.run_configs import RunConfig
    from prefect.storage import Storage

__all__ = ["FlowView"]

logger: logging.Logger = get_logger("backend.flow")

_SELECTION = """
    id settings run_config serialized_flow name archived project { name } core_version storage
    flow_group { labels }
"""


class FlowView:
    """A registered flow, as the API knew it when this object was made.

    Args:
        flow_id: its id.
        settings: its settings.
        run_config: how it runs.
        serialized_flow: its JSON form.
        archived: whether it is archived: a newer version took its place.
        project_name: its project.
        core_version: the version of Prefect that registered it.
        storage: where it is kept.
        name: its name.
        flow_group_labels: labels of its flow group; None if it has none of its own.
    """

    flow_id: str
    settings: dict[str, Any]
    run_config: RunConfig | None
    serialized_flow: dict[str, Any]
    archived: bool
    project_name: str
    core_version: str
    storage: Storage | None
    name: str
    flow_group_labels: list[str] | None

    def __init__(
        self,
        flow_id: str,
        settings: dict[str, Any],
        run_config: RunConfig | None,
        serialized_flow: dict[str, Any],
        archived: bool,
        project_name: str,
        core_version: str,
        storage: Storage | None,
        name: str,
        flow_group_labels: list[str] | None,
    ) -> None:
        self.flow_id = flow_id
        self.settings = settings
        self.run_config = run_config
        self.serialized_flow = serialized_flow
        self.archived = archived
        self.project_name = project_name
        self.core_version = core_version
        self.storage = storage
        self.name = name
        self.flow_group_labels = flow_group_labels

    @property
    def flow(self) -> Flow:
        """A flow object with the tasks, edges, schedule and settings that were registered.

        Its tasks cannot run: the API does not have their code. The storage has the flow that can.
        """
        from prefect.serialization.flow import FlowSchema

        return FlowSchema().load(self.serialized_flow)

    @classmethod
    def from_flow_id(cls, flow_id: str) -> FlowView:
        """The flow of an id.

        Args:
            flow_id: the id.

        Raises:
            TypeError: the id is no text.
            ValueError: there is no such flow.
        """
        _check_text(flow_id)
        return cls._of_row(_find({"id": {"_eq": flow_id}})[0])

    @classmethod
    def from_id(cls, flow_id: str) -> FlowView:
        """The flow of an id, or the newest flow of the flow group of that id.

        Args:
            flow_id: the id of a flow or flow group.

        Raises:
            TypeError: the id is no text.
            ValueError: there is neither.
        """
        _check_text(flow_id)
        found = _find({"id": {"_eq": flow_id}}, missing_ok=True)
        found = found or _find({"flow_group_id": {"_eq": flow_id}}, missing_ok=True)
        if not found:
            raise ValueError(f"Given id {flow_id!r} is not an existing flow or flow group id.")
        return cls._of_row(found[0])

    @classmethod
    def from_flow_group_id(cls, flow_group_id: str) -> FlowView:
        """The newest flow of a flow group.

        Args:
            flow_group_id: the id of the group.

        Raises:
            TypeError: the id is no text.
            ValueError: there is no such group.
        """
        _check_text(flow_group_id, "flow_group_id")
        return cls._of_row(_find({"flow_group_id": {"_eq": flow_group_id}})[0])

    @classmethod
    def from_flow_name(
        cls, flow_name: str, project_name: str | None = "", last_updated: bool = False
    ) -> FlowView:
        """The flow of a name, of those that are not archived.

        Args:
            flow_name: the name.
            project_name: the project; None for flows without one, and all projects if empty.
            last_updated: of several flows, take the newest.

        Raises:
            ValueError: there is no such flow, or there are several.
        """
        where: dict[str, Any] = {"name": {"_eq": flow_name}, "archived": {"_eq": False}}
        if project_name != "":
            where["project"] = {
                "name": {"_eq": project_name} if project_name is not None else {"_is_null": True}
            }
        found = _find(where)
        if len(found) > 1 and not last_updated:
            ids = {row.project.name if row.project else None: row.id for row in found}
            raise ValueError(
                f"Found {len(found)} flows named {flow_name!r}: {ids}. "
                "Name the project, use an id, or ask for the one that was updated last (`last_updated=True`)."
            )
        return cls._of_row(found[0])

    @classmethod
    def _of_row(cls, row: Any) -> FlowView:
        from prefect.serialization.run_config import RunConfigSchema
        from prefect.serialization.storage import StorageSchema

        return cls(
            flow_id=row.id,
            settings=dict(row.settings or {}),
            run_config=RunConfigSchema().load(dict(row.run_config)) if row.run_config else None,
            serialized_flow=row.serialized_flow.to_dict(),
            archived=row.archived,
            project_name=row.project.name if row.project else "",
            core_version=row.core_version,
            storage=StorageSchema().load(dict(row.storage)) if row.storage else None,
            name=row.name,
            flow_group_labels=(
                list(row.flow_group.labels) if row.flow_group and row.flow_group.labels is not None else None
            ),
        )

    def __repr__(self) -> str:
        return (
            f"FlowView(flow_id={self.flow_id!r}, name={self.name!r}, project_name={self.project_name!r}, "
            f"storage_type={type(self.storage).__name__})"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FlowView):
            return NotImplemented
        return self.flow_id == other.flow_id and self.serialized_flow == other.serialized_flow

    def __hash__(self) -> int:
        return hash(self.flow_id)


def _check_text(flow_id: object, name: str = "flow_id") -> None:
    if not isinstance(flow_id, str):
        raise TypeError(f"Unexpected type {type(flow_id)!r} for `{name}`, expected 'str'.")


def _find(where: dict[str, Any], *, missing_ok: bool = False) -> list[Any]:
    found = rows("flow", where, _SELECTION, order_by={"created": "desc", "version": "desc"})
    if not found and not missing_ok:
        raise ValueError(f"No results found while querying for flows where {where!r}")
    return found
