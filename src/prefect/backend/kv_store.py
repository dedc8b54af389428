"""A small store of JSON values by name, kept by the API."""

from __future__ import annotations

import json
from typing import Any

from prefect.backend._query import rows

__all__ = ["delete_key", "get_key_value", "list_keys", "set_key_value"]

NON_CLOUD_BACKEND_ERROR_MESSAGE = (
    "KV Store operations are only supported while using Prefect Cloud as a backend."
)
"""compat: what 1.x said for `backend = "server"`. Here both backends have the store."""

_MOST_CHARACTERS = 10_000


def set_key_value(key: str, value: Any) -> str:
    """Set the value of a key; one that it has is replaced.

    Args:
        key: the name.
        value: anything that JSON can hold, 10 KB of it at most.

    Returns:
        the id of the entry.

    Raises:
        TypeError: JSON cannot hold the value.
        ValueError: it is too large.
    """
    if len(json.dumps(value)) > _MOST_CHARACTERS:
        raise ValueError("Value payload exceedes 10 KB limit.")
    from prefect.client.client import Client

    answer = Client().graphql(
        "mutation($input: set_key_value_input!) { set_key_value(input: $input) { id } }",
        variables={"input": {"key": key, "value": value}},
    )
    return answer.data.set_key_value.id


def get_key_value(key: str) -> Any:
    """The value of a key.

    Args:
        key: the name.

    Raises:
        ValueError: there is no such key.
    """
    found = rows("key_value", {"key": {"_eq": key}}, "value")
    if not found:
        raise ValueError(f"No value found for key: {key}")
    return found[0].to_dict()["value"]


def delete_key(key: str) -> bool:
    """Remove a key and its value.

    Args:
        key: the name.

    Returns:
        whether it was removed.

    Raises:
        ValueError: there is no such key.
    """
    found = rows("key_value", {"key": {"_eq": key}}, "id")
    if not found:
        raise ValueError(f"No key {key} found to delete")
    from prefect.client.client import Client

    answer = Client().graphql(
        "mutation($input: delete_key_value_input!) { delete_key_value(input: $input) { success } }",
        variables={"input": {"key_value_id": found[0].id}},
    )
    return answer.data.delete_key_value.success


def list_keys() -> list[str]:
    """All keys, by name."""
    return sorted(row.key for row in rows("key_value", {}, "key"))
