"""JSON of edges."""

from __future__ import annotations

from prefect._wire import flows as structs
from prefect.core.edge import Edge
from prefect.serialization.task import TaskReferenceSchema
from prefect.utilities.serialization import Nested, ObjectSchema

__all__ = ["EdgeSchema"]


class EdgeSchema(ObjectSchema, object_class=Edge, wire=structs.Edge):
    """An edge; its tasks are named by their slugs."""

    upstream_task = Nested(TaskReferenceSchema, required=True)
    downstream_task = Nested(TaskReferenceSchema, required=True)
