"""The operations of the API that are not plain reading of tables.

`@mutation` and `@query` register a function. Its input and output are msgspec structs, from
which the GraphQL types are made; scalars are said by the annotations below.
"""

from __future__ import annotations

import datetime
import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec

from prefect.server.database.store import Transaction
from prefect.server.security.caller import Caller, Role

__all__ = [
    "JSON",
    "MUTATIONS",
    "QUERIES",
    "DateTime",
    "IdPayload",
    "LogLevel",
    "Operation",
    "SuccessPayload",
    "TaskRow",
    "Uuid",
    "Uuids",
    "mutation",
    "query",
]

Uuid = Annotated[
    str,
    msgspec.Meta(title="UUID", pattern="^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"),
]
"""An id: checked and lower-cased by the `UUID` scalar."""

DateTime = Annotated[datetime.datetime, msgspec.Meta(title="DateTime", tz=True)]
"""A moment, aware and in UTC: made from text by the `DateTime` scalar."""

JSON = Annotated[Any, msgspec.Meta(title="JSON")]
"""Any JSON value."""

LogLevel = Annotated[str, msgspec.Meta(title="log_level")]
"""Level of a log line: any text, in documents a bare word too."""

Uuids = Annotated[Any, msgspec.Meta(title="_uuid")]
"""Several ids as the text `{id1,id2}`, or as a list."""

TaskRow = Annotated[str, msgspec.Meta(extra={"table": "task"})]
"""The id of a task, in answers the task's row: with all columns and relations that were selected."""


class IdPayload(msgspec.Struct, rename=None):
    """The id of what was made or changed."""

    id: Uuid | None


class SuccessPayload(msgspec.Struct):
    """Whether it was done.

    Attributes:
        success: whether it was done.
        error: why not.
    """

    success: bool = True
    error: str | None = None


@dataclass(frozen=True)
class Operation:
    """A registered function.

    Attributes:
        name: field of the GraphQL root type.
        kind: mutation or query.
        role: the role that is needed; None for everybody, with or without a key.
        handler: mutations: `(tx, caller, input, now) -> output`; queries:
            `(tx, caller, now, **arguments) -> output`.
        input_type: struct of a mutation's input; None for queries.
        arguments: `{name: type}` of a query.
        output_type: struct, list of structs or scalar type.
        description: first paragraph of the docstring.
    """

    name: str
    kind: Literal["mutation", "query"]
    role: Role | None
    handler: Callable[..., Any]
    input_type: type[msgspec.Struct] | None
    arguments: dict[str, Any]
    output_type: Any
    description: str


MUTATIONS: dict[str, Operation] = {}
QUERIES: dict[str, Operation] = {}

Handler = typing.TypeVar("Handler", bound=Callable[..., Any])


def mutation(*, role: Role | None, name: str | None = None) -> Callable[[Handler], Handler]:
    """Register `(tx, caller, input: Struct, now) -> Struct` as a mutation.

    Args:
        role: the role that is needed.
        name: name of the field; that of the function by default.
    """

    def register(handler: Handler) -> Handler:
        hints = typing.get_type_hints(handler, include_extras=True)
        _add(
            MUTATIONS,
            Operation(
                name or handler.__name__,
                "mutation",
                role,
                handler,
                hints["input"],
                {},
                hints["return"],
                _summary(handler),
            ),
        )
        return handler

    return register


def query(*, role: Role | None, name: str | None = None) -> Callable[[Handler], Handler]:
    """Register `(tx, caller, now, **arguments) -> output` as a query.

    Args:
        role: the role that is needed.
        name: name of the field; that of the function by default.
    """

    def register(handler: Handler) -> Handler:
        hints = typing.get_type_hints(handler, include_extras=True)
        arguments = {
            key: hints[key]
            for key in inspect.signature(handler).parameters
            if key not in ("tx", "caller", "now")
        }
        _add(
            QUERIES,
            Operation(
                name or handler.__name__,
                "query",
                role,
                handler,
                None,
                arguments,
                hints["return"],
                _summary(handler),
            ),
        )
        return handler

    return register


def _add(table: dict[str, Operation], operation: Operation) -> None:
    if operation.name in table:
        raise ValueError(f"two operations are called {operation.name!r}")
    table[operation.name] = operation


def _summary(handler: Callable[..., Any]) -> str:
    text = inspect.getdoc(handler) or ""
    return " ".join(text.partition("\n\n")[0].split())


_ = Transaction, Caller  # names that the annotations of handlers are resolved with
