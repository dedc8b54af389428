"""Flows as clients send them: unpacked, checked, and taken apart into rows. Pure."""

from __future__ import annotations

import base64
import binascii
import datetime
import json
import re
import zlib
from dataclasses import dataclass
from typing import Any, cast

from prefect.server.domain import policy
from prefect.server.domain.common import clean
from prefect.server.domain.run_configs import checked_run_config
from prefect.server.errors import BadInputError

__all__ = [
    "EdgeRow",
    "ParsedFlow",
    "TaskRow",
    "parse_edges",
    "parse_flow",
    "parse_tasks",
    "unpack",
]

#: The first version whose flows can be read.
_OLDEST = (0, 6, 1)
_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


@dataclass(frozen=True)
class TaskRow:
    """A task of a flow.

    Attributes:
        slug: unique in its flow.
        trigger: path of the trigger function.
        retry_delay: `HH:MM:SS`.
        serialized: all of it.
    """

    slug: str
    name: str | None
    type: str | None
    description: str | None
    max_retries: int | None
    retry_delay: str | None
    trigger: str | None
    tags: list[str]
    cache_key: str | None
    auto_generated: bool
    serialized: dict[str, Any]


@dataclass(frozen=True)
class EdgeRow:
    """A dependency between tasks of a flow, by their slugs."""

    upstream: str
    downstream: str
    key: str | None
    mapped: bool


@dataclass(frozen=True)
class ParsedFlow:
    """A flow as it was sent.

    Attributes:
        serialized: all of it.
        reference_tasks: slugs of the tasks that decide the flow's state; empty for the last ones.
    """

    name: str
    core_version: str | None
    description: str | None
    parameters: list[Any]
    storage: Any
    run_config: Any
    environment: Any
    schedule: Any
    tasks: list[TaskRow]
    edges: list[EdgeRow]
    reference_tasks: list[str]
    serialized: dict[str, Any]


def unpack(text: str) -> Any:
    """The JSON of a compressed flow: base64 of gzip of UTF-8.

    Raises:
        BadInputError: it is something else, or too large (`server.limits.flow_bytes`).
    """
    most = policy.current().limits.flow_bytes
    try:
        packed = base64.b64decode(text, validate=True)
        if len(packed) * _BEST_RATIO > most:
            _measure(packed, most)
        unpacker = zlib.decompressobj(wbits=31)
        data = unpacker.decompress(packed, most)
    except (binascii.Error, ValueError, zlib.error) as exc:
        raise BadInputError(
            f"The flow cannot be unpacked: {exc}. It is base64 text of gzipped JSON."
        ) from exc
    if unpacker.unconsumed_tail:
        raise _too_large(most)
    if not unpacker.eof:
        raise BadInputError("The flow cannot be unpacked: the compressed data ends too early.")
    try:
        return json.loads(data)
    except ValueError as exc:
        raise BadInputError(f"The flow cannot be read: what was packed is no JSON ({exc}).") from exc


#: No gzip is smaller than its content by more than this factor.
_BEST_RATIO = 1_032
_STEP = 1 << 20


def _measure(packed: bytes, most: int) -> None:
    """Unpack without keeping anything, so that what is too large never fills the memory.

    Raises:
        BadInputError: it is larger than `most`.
    """
    unpacker = zlib.decompressobj(wbits=31)
    size, rest = 0, packed
    while rest and not unpacker.eof:
        size += len(unpacker.decompress(rest, _STEP))
        if size > most:
            raise _too_large(most)
        rest = unpacker.unconsumed_tail


def _too_large(most: int) -> BadInputError:
    return BadInputError(f"The flow is larger than {most:,} bytes when unpacked.")


def parse_flow(value: Any) -> ParsedFlow:
    """Read a serialized flow.

    Raises:
        BadInputError: it is not one, or older than 0.6.1.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as exc:
            raise BadInputError(f"The flow cannot be read: it is no JSON ({exc}).") from exc
    if not isinstance(value, dict):
        raise BadInputError("A serialized flow is a JSON object.")
    fields = cast("dict[str, Any]", clean(value))
    name = fields.get("name")
    if not isinstance(name, str) or not name:
        raise BadInputError("A serialized flow has a name; this one has none.")
    version = fields.get("__version__")
    _check_version(name, version)
    parameters: Any = fields.get("parameters") or []
    if not isinstance(parameters, list) or not all(
        isinstance(entry, dict) for entry in cast("list[Any]", parameters)
    ):
        raise BadInputError(f"The parameters of flow {name!r} are not a list of objects.")
    description = fields.get("description")
    return ParsedFlow(
        name=name,
        core_version=str(version) if version is not None else None,
        description=description if isinstance(description, str) else None,
        parameters=cast("list[Any]", parameters),
        storage=fields.get("storage"),
        run_config=checked_run_config(fields.get("run_config"), fields.get("storage")),
        environment=fields.get("environment"),
        schedule=fields.get("schedule"),
        tasks=parse_tasks(fields.get("tasks") or []),
        edges=parse_edges(fields.get("edges") or []),
        reference_tasks=[
            _slug_of(entry, "reference task") for entry in _objects(fields.get("reference_tasks") or [])
        ],
        serialized=fields,
    )


def _check_version(name: str, version: Any) -> None:
    match = _VERSION.match(str(version)) if version is not None else None
    if match and tuple(int(part or 0) for part in match.groups()) < _OLDEST:
        raise BadInputError(
            f"Flow {name!r} was made by version {version}; flows can be registered from version 0.6.1 on. "
            "Register it with a newer version."
        )


def parse_tasks(value: Any) -> list[TaskRow]:
    """Read serialized tasks.

    Raises:
        BadInputError: one of them is not a task.
    """
    return [_task(clean(entry)) for entry in _objects(value)]


def _task(entry: dict[str, Any]) -> TaskRow:
    slug = entry.get("slug")
    if not isinstance(slug, str) or not slug:
        raise BadInputError(f"A task has a slug; this one has none: {entry.get('name')!r}.")
    max_retries = entry.get("max_retries")
    tags: Any = entry.get("tags") or []
    return TaskRow(
        slug=slug,
        name=_text(entry.get("name")),
        type=_text(entry.get("type")),
        description=_text(entry.get("description")),
        max_retries=max_retries if isinstance(max_retries, int) else None,
        retry_delay=_interval(entry.get("retry_delay")),
        trigger=_function(entry.get("trigger")),
        tags=sorted(str(tag) for tag in cast("list[Any]", tags)) if isinstance(tags, list) else [],
        cache_key=_text(entry.get("cache_key")),
        auto_generated=entry.get("auto_generated") is True,
        serialized=entry,
    )


def parse_edges(value: Any) -> list[EdgeRow]:
    """Read serialized edges.

    Raises:
        BadInputError: one of them is not an edge.
    """
    return [
        EdgeRow(
            upstream=_slug_of(entry.get("upstream_task"), "upstream task of an edge"),
            downstream=_slug_of(entry.get("downstream_task"), "downstream task of an edge"),
            key=_text(entry.get("key")),
            mapped=entry.get("mapped") is True,
        )
        for entry in _objects(clean(value))
    ]


def _objects(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as exc:
            raise BadInputError(f"A list of objects was expected, and no JSON came ({exc}).") from exc
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in cast("list[Any]", value)):
        raise BadInputError("Tasks and edges are lists of JSON objects.")
    return cast("list[dict[str, Any]]", value)


def _slug_of(value: Any, what: str) -> str:
    slug = cast("dict[str, Any]", value).get("slug") if isinstance(value, dict) else value
    if not isinstance(slug, str):
        raise BadInputError(f"The {what} is named by its slug, as {{slug: ...}}.")
    return slug


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _function(value: Any) -> str | None:
    """The path of a function reference; 0.x clients sent the path alone."""
    return _text(cast("dict[str, Any]", value).get("fn")) if isinstance(value, dict) else _text(value)


def _interval(value: Any) -> str | None:
    """Seconds as `HH:MM:SS`, the text of an SQL interval."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    whole = datetime.timedelta(seconds=value)
    seconds = int(whole.total_seconds())
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{whole.microseconds:06}" if whole.microseconds else text
