"""`prefect kv`: values by name, kept by the API."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import click

from prefect.cli import _exit_codes
from prefect.cli._api import api_errors, connect
from prefect.cli._complete import complete_keys
from prefect.cli._errors import CommandError
from prefect.cli._group import Group
from prefect.cli._output import note, write
from prefect.cli._table import Column, output_option, output_option_for, show_rows, show_value
from prefect.cli._values import value_of

__all__ = ["kv"]


_KEY = click.argument("key", shell_complete=complete_keys)


@click.group(cls=Group)
def kv() -> None:
    """Read and write values by name, which the API keeps.

    Flows read and write them with `prefect.backend.get_key_value` and `set_key_value`.
    """


@kv.command("set")
@_KEY
@click.argument("value")
def set_command(key: str, value: str) -> None:
    """Set the VALUE of a KEY, as JSON or bare text."""
    from prefect.backend import set_key_value

    try:
        parsed = value_of(value)
    except ValueError:
        parsed = value  # compat: what is not JSON is text
    connect()
    with api_errors(), _user_errors():
        set_key_value(key, parsed)
    write("Key value pair set successfully")


@kv.command("get")
@_KEY
@output_option_for("table", "text")
def get_command(key: str, output: str) -> None:
    """Print the value of a KEY: as a sentence, or alone with `-o json` or `-o yaml`."""
    from prefect.backend import get_key_value

    connect()
    with api_errors(), _user_errors():
        value = get_key_value(key)
    if output == "id":
        write(key)
    elif output in ("table", "text"):
        text = json.dumps(value) if isinstance(value, (dict, list)) else value
        write(f"Key {key!r} has value {text!r}")
    else:
        show_value(value, output)


@kv.command("delete")
@_KEY
def delete_command(key: str) -> None:
    """Delete a KEY and its value."""
    from prefect.backend import delete_key

    connect()
    with api_errors(), _user_errors():
        delete_key(key)
    write(f"Key {key!r} has been deleted")


@kv.command("list")
@output_option
def list_command(output: str) -> None:
    """Print all keys; with `-o json`, `jsonl` and `yaml`, their values too."""
    from prefect.backend._query import rows

    connect()
    with api_errors():
        found: list[dict[str, Any]] = [
            row.to_dict() for row in rows("key_value", {}, "id key value", order_by={"key": "asc"})
        ]
    if not found and output == "table":
        note("No keys found")
    elif output in ("table", "id"):
        for row in found:
            write(row["key"])
    else:
        show_rows(found, _COLUMNS, output)


_COLUMNS = (Column("KEY", lambda row: row["key"], whole=True), Column("VALUE", lambda row: row["value"]))


@contextmanager
def _user_errors() -> Generator[None]:
    """Turns the ValueError of a missing key or a large value into a `CommandError`."""
    try:
        yield
    except ValueError as error:
        is_large = "10 KB" in str(error)
        raise CommandError(
            str(error),
            hint=None if is_large else "`prefect kv list` lists the keys.",
            exit_code=_exit_codes.USAGE if is_large else _exit_codes.NOT_FOUND,
        ) from error
