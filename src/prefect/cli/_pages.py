"""Pages of long lists: a cursor that says where the next one begins, whatever comes or goes meanwhile.

A page is asked for by what its rows are sorted by, and by their ids where that is equal: a list that
grows at its head is read without a row twice and without one left out.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any, TypeVar, cast

import click

from prefect.cli import _exit_codes
from prefect.cli._errors import CommandError

__all__ = ["START", "after", "cursor_of", "cursor_option"]

F = TypeVar("F", bound=Callable[..., Any])

#: The cursor of the first page.
START = "start"


def cursor_option(function: F) -> F:
    """The option `--cursor` of commands that print long lists."""
    return click.option(
        "--cursor",
        metavar="CURSOR",
        help="Page: `start`, or the `next_cursor` of the page before. JSON and YAML are an object of `rows` and `next_cursor` then.",
    )(function)


def cursor_of(row: dict[str, Any], column: str) -> str:
    """The cursor of the rows after one.

    Args:
        row: the last row of a page.
        column: what rows are sorted by.
    """
    text = json.dumps([column, row[column], row["id"]], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def after(cursor: str, column: str, direction: str) -> dict[str, Any]:
    """A filter for the rows after a cursor; those without a value come last.

    Args:
        cursor: as `cursor_of` made it, or `START`.
        column: what rows are sorted by.
        direction: `asc` or `desc`, for the column and for ids.

    Raises:
        CommandError: it is no cursor of such a list.
    """
    if cursor == START:
        return {}
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found: Any = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        known, value, row_id = cast("list[Any]", found)
        if known != column or not isinstance(row_id, str) or not isinstance(value, (str, type(None))):
            raise ValueError(cursor)
    except (ValueError, TypeError):
        raise CommandError(
            f"{cursor!r} is no cursor of this list.",
            hint="Give `--cursor start`, and then the `next_cursor` of each page, with the same options.",
            exit_code=_exit_codes.USAGE,
        ) from None
    step = "_gt" if direction == "asc" else "_lt"
    if value is None:
        return {column: {"_is_null": True}, "id": {step: row_id}}
    behind: list[dict[str, Any]] = [{column: {step: value}}, {column: {"_eq": value}, "id": {step: row_id}}]
    return {"_or": [*behind, {column: {"_is_null": True}}] if direction == "asc" else behind}
