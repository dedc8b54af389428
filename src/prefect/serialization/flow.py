"""JSON of flows."""

from __future__ import annotations

from typing import Any

from prefect._wire import flows as structs
from prefect.core.edge import Edge
from prefect.core.flow import Flow
from prefect.core.parameter import Parameter
from prefect.core.task import Task
from prefect.serialization.edge import EdgeSchema
from prefect.serialization.run_config import RunConfigSchema
from prefect.serialization.schedule import ScheduleSchema
from prefect.serialization.storage import StorageSchema
from prefect.serialization.task import ParameterSchema, TaskReferenceSchema, TaskSchema
from prefect.utilities.serialization import Nested, ObjectSchema, fields, to_qualified_name

__all__ = ["FlowSchema", "get_edges", "get_parameters", "get_reference_tasks", "get_tasks", "serialize_flow"]


def get_parameters(obj: Flow, context: dict[str, Any]) -> list[Parameter]:
    """The parameters of a flow, by slug."""
    return sorted(obj.parameters(), key=obj.slugs.__getitem__)


def get_tasks(obj: Flow, context: dict[str, Any]) -> list[Task]:
    """The tasks of a flow, by slug."""
    return sorted(obj.tasks, key=obj.slugs.__getitem__)


def get_edges(obj: Flow, context: dict[str, Any]) -> list[Edge]:
    """The edges of a flow, by slug of the upstream task, slug of the downstream task, and key."""
    slugs = obj.slugs
    return sorted(
        obj.edges, key=lambda edge: (slugs[edge.upstream_task], slugs[edge.downstream_task], edge.key or "")
    )


def get_reference_tasks(obj: Flow, context: dict[str, Any]) -> list[Task]:
    """The reference tasks of a flow that were set, by slug; none are the terminal tasks."""
    return sorted(obj._reference_tasks, key=obj.slugs.__getitem__)  # pyright: ignore[reportPrivateUsage]


def _type_of(flow: Flow) -> str:
    return to_qualified_name(type(flow))


class FlowSchema(ObjectSchema, object_class=Flow, wire=structs.Flow):
    """A flow. Its tasks are read back as plain tasks with their settings and slugs."""

    type = fields.Function(_type_of)
    schedule = Nested(ScheduleSchema, allow_none=True)
    # Before the tasks: a slug that was read as a parameter stays one.
    parameters = Nested(ParameterSchema, value_selection_fn=get_parameters, many=True)
    tasks = Nested(TaskSchema, value_selection_fn=get_tasks, many=True)
    edges = Nested(EdgeSchema, value_selection_fn=get_edges, many=True)
    reference_tasks = Nested(TaskReferenceSchema, value_selection_fn=get_reference_tasks, many=True)
    run_config = Nested(RunConfigSchema, allow_none=True)
    storage = Nested(StorageSchema, allow_none=True)

    def dump_one(self, obj: Any) -> dict[str, Any]:
        """The JSON of one flow."""
        self.context["flow"] = obj
        return super().dump_one(obj)

    def load_one(self, data: Any) -> Any:
        """The flow of one JSON object."""
        self.context["task_cache"] = {}
        return super().load_one(data)

    def create_object(self, data: dict[str, Any], **kwargs: Any) -> Flow:
        """The flow."""
        attributes = {name: data.pop(name) for name in ("project", "version", "description") if name in data}
        for name in ("type", "parameters"):
            data.pop(name, None)
        flow: Flow = super().create_object(data, **kwargs)
        for name, value in attributes.items():
            setattr(flow, name, value)
        return flow


def serialize_flow(flow: Flow) -> dict[str, Any]:
    """The JSON of a flow, which is not validated here.

    Raises:
        ValidationError: a value of the flow has no JSON form; the message names it.
    """
    return FlowSchema().dump_one(flow)
