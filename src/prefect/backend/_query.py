"""Reading rows of the API for the views."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from prefect.client.client import Client
    from prefect.engine.state import State

__all__ = ["parse_state", "parse_time", "rows"]


def rows(
    table: str,
    where: dict[str, Any],
    selection: str,
    *,
    order_by: dict[str, str] | None = None,
    limit: int | None = None,
    client: Client | None = None,
) -> list[Any]:
    """The rows of a table of the API that match a filter.

    Args:
        table: name of the table.
        where: the filter, in the API's filter language.
        selection: the fields, as GraphQL text.
        order_by: `{column: "asc" or "desc"}`.
        limit: most rows to get.
        client: the client to ask with; a new one by default.
    """
    if client is None:
        from prefect.client.client import Client

        client = Client()
    declared = [f"$where: {table}_bool_exp!"]
    passed = ["where: $where"]
    variables: dict[str, Any] = {"where": where}
    if order_by is not None:
        declared.append(f"$order_by: [{table}_order_by!]")
        passed.append("order_by: $order_by")
        variables["order_by"] = [{column: way} for column, way in order_by.items()]
    if limit is not None:
        declared.append("$limit: Int")
        passed.append("limit: $limit")
        variables["limit"] = limit
    query = f"query({', '.join(declared)}) {{ {table}({', '.join(passed)}) {{ {selection} }} }}"
    return list(client.graphql(query, variables=variables).data[table])


def parse_time(text: str) -> datetime.datetime:
    """A time of the API as a pendulum object."""
    import pendulum

    return cast("datetime.datetime", pendulum.parse(text))


def parse_state(serialized: Any, timestamp: str | None = None) -> State:
    """A state of the API; a run without one is pending.

    Args:
        serialized: its JSON form.
        timestamp: when the run entered it; it becomes the attribute `timestamp`.
    """
    from prefect.engine.state import Pending, State

    state = State.deserialize(dict(serialized)) if serialized else Pending()
    if timestamp is not None:
        state.timestamp = parse_time(timestamp)  # type: ignore[attr-defined]
    return state
