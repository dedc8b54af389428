"""JSON of edges."""

from __future__ import annotations

from prefect._wire import flows as structs
from prefect.core.edge import Edge
from prefect.serialization.task import TaskReference
from prefect.utilities.serialization import ObjectSchema

__all__ = ["EdgeSchema"]


class EdgeSchema(ObjectSchema, object_class=Edge, wire=structs.Edge):
    """An edge; its tasks are named by their slugs."""

    upstream_task = TaskReference(required=True)
    downstream_task = TaskReference(required=True)
