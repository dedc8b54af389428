"""Flows on the wire: tasks, parameters, edges, and what surrounds them."""

from __future__ import annotations

import base64
import gzip

from msgspec import UNSET, Struct, UnsetType

from prefect._wire.base import JSON, SortedStrings, Wire, decode, encode
from prefect._wire.run_configs import AnyRunConfig
from prefect._wire.schedules import FunctionReference, Schedule
from prefect._wire.storages import AnyStorage

__all__ = ["Edge", "Flow", "Parameter", "Task", "TaskInput", "TaskReference", "compress", "decompress"]


class TaskInput(Struct):
    """One argument of a task."""

    required: bool
    #: The annotation, as Python shows it.
    type: str


class TaskReference(Wire, kw_only=True):
    """A task of the same flow."""

    slug: str


class Task(Wire):
    """A task. How it is mapped is said by its edges."""

    #: Dotted path of the class.
    type: str | None = None
    name: str | None = None
    #: Id within the flow, the same in every version that has the task.
    slug: str | None = None
    tags: SortedStrings = []
    max_retries: int | None = None
    #: Seconds.
    retry_delay: int | None = None
    inputs: dict[str, TaskInput] | None = None
    outputs: str | None = None
    #: Seconds.
    timeout: int | float | None = None
    trigger: FunctionReference | None = None
    skip_on_upstream_skip: bool | None = None
    #: Seconds.
    cache_for: int | None = None
    cache_key: str | None = None
    cache_validator: FunctionReference | None = None
    auto_generated: bool | None = None


class Parameter(Wire, kw_only=True):
    """A parameter; it is among the tasks as well, without its default."""

    name: str
    type: str | None = None
    slug: str | None = None
    default: JSON = None
    required: bool | None = None
    tags: SortedStrings = []
    outputs: str | None = None


class Edge(Wire, kw_only=True):
    """One task waits for another."""

    upstream_task: TaskReference
    downstream_task: TaskReference
    #: The argument that receives the result; none only orders.
    key: str | None = None
    mapped: bool | None = False
    flattened: bool | None = False


class Flow(Wire, kw_only=True):
    """A flow as it is registered. Lists are sorted by slug."""

    name: str
    #: Only written when they were set as attributes of the flow.
    project: str | UnsetType | None = UNSET
    version: str | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    #: Dotted path of the class.
    type: str | None = None
    schedule: Schedule | None = None
    parameters: list[Parameter] = []
    tasks: list[Task] = []
    edges: list[Edge] = []
    #: Empty means the terminal tasks.
    reference_tasks: list[TaskReference] = []
    run_config: AnyRunConfig | None = None
    storage: AnyStorage | None = None


def compress(flow: object) -> str:
    """The text in which flows are registered: base64 of the gzipped JSON.

    Args:
        flow: a `Flow`, or its JSON as dictionary.
    """
    return base64.b64encode(gzip.compress(encode(flow), mtime=0)).decode("ascii")


def decompress(text: str) -> Flow:
    """The flow of a compressed text.

    Raises:
        ValueError: it is no base64 or no gzip.
        WireError: it is no flow.
    """
    try:
        data = gzip.decompress(base64.b64decode(text, validate=True))
        if not data:
            raise ValueError("it is empty")
    except (OSError, EOFError, ValueError) as exc:
        raise ValueError(f"A compressed flow is base64 of gzipped JSON; this text is not: {exc}.") from exc
    return decode(data, Flow)
