"""Rows on standard output: a table for people, lines for programs.

Every command that reads takes `-o/--output`: `table` (drawn in a terminal, tab-separated elsewhere),
`json` (a list, or the object that was asked for), `jsonl` (one object a line), `yaml`, or `id` (ids alone).
The names in JSON are those of the API; later versions only add to them.
"""

from __future__ import annotations

import datetime
import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TextIO, TypeVar, cast

import click

from prefect.cli._output import note, printable, styled, write

__all__ = [
    "OUTPUTS",
    "STATE_COLORS",
    "Column",
    "Page",
    "age",
    "as_text",
    "draw_rows",
    "output_option",
    "output_option_for",
    "short_age",
    "show_document",
    "show_rows",
    "show_value",
    "state_color",
]

F = TypeVar("F", bound=Callable[..., Any])

#: A time as the API writes it.
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)")

OUTPUTS = ("table", "json", "jsonl", "yaml", "id")


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    title: str
    """Its title."""
    text: Callable[[dict[str, Any]], Any]
    """What it shows of a row; None is shown as nothing."""
    color: Callable[[dict[str, Any]], str | None] | None = None
    """The colour of it, in a terminal."""
    whole: bool = False
    """Whether it is never cut, as ids are not."""
    short: Callable[[dict[str, Any]], Any] | None = None
    """What it shows in a terminal, where that is shorter."""
    optional: bool = False
    """Whether a narrow terminal may do without it."""
    kept: bool = False
    """Whether other columns are cut before it is."""
    head: str | None = None
    """Its title in a terminal, where that is shorter."""

    @property
    def shown_title(self) -> str:
        """Its title in a terminal."""
        return self.title if self.head is None else self.head


@dataclass(frozen=True)
class Page:
    """That rows are a page of a list."""

    next_cursor: str | None
    """Where the next page begins; None on the last one."""


def output_option(function: F) -> F:
    """The option `-o/--output` of commands that print rows."""
    return output_option_for("table")(function)


def output_option_for(default: str, *others: str) -> Callable[[F], F]:
    """The option `-o/--output` of commands that read.

    Args:
        default: what is printed without it; compat: commands of 1.x that print one object print JSON.
        *others: formats besides `OUTPUTS` that a command of an earlier version took.
    """

    def decorate(function: F) -> F:
        return click.option(
            "--output",
            "-o",
            type=click.Choice([*OUTPUTS, *others]),
            metavar="FORMAT",
            default=default,
            show_default=True,
            help="How to print: table, json, jsonl (an object per line), yaml, or id (ids alone).",
        )(function)

    return decorate


def show_rows(
    rows: Sequence[dict[str, Any]],
    columns: Sequence[Column],
    output: str,
    *,
    empty: str | None = None,
    more: str | None = None,
    page: Page | None = None,
) -> None:
    """Print rows.

    Args:
        rows: the rows, as JSON-compatible dictionaries.
        columns: what a table shows of them.
        output: one of `OUTPUTS`.
        empty: what to say, on standard error, if a table would have no row.
        more: what to say, on standard error, if there are more rows than these.
        page: that they are a page of a list; JSON and YAML say where the next one begins.
    """
    whole = list(rows) if page is None else {"rows": list(rows), "next_cursor": page.next_cursor}
    if output == "json":
        write(as_text(whole, "json"))
    elif output == "jsonl":
        for row in rows:
            write(json.dumps(row, default=str))
    elif output == "yaml":
        write(as_text(whole, "yaml"))
    elif output == "id":
        for row in rows:
            write(str(row["id"]))
    elif not rows and empty is not None:
        note(empty)
    elif sys.stdout.isatty():
        draw_rows(rows, columns)
    else:
        write("\t".join(column.title for column in columns))
        for row in rows:
            write("\t".join(_flat(column.text(row)) for column in columns))
    if more is not None:
        note(more)


def show_document(document: Any, output: str) -> None:
    """Print what was asked for: one object, or the list of what belongs to it.

    Args:
        document: a dictionary, or a list of dictionaries, that JSON can hold.
        output: one of `OUTPUTS`; as a table, each object is a list of its names and values.
    """
    objects = cast("list[Any]", document) if isinstance(document, list) else [document]
    if output == "id":
        for entry in objects:
            write(str(entry["id"]))
    elif output == "jsonl":
        for entry in objects:
            write(json.dumps(entry, default=str, sort_keys=True))
    elif output == "table":
        for number, entry in enumerate(objects):
            if number:
                write("")
            _draw_object(entry)
    else:
        write(as_text(document, output))


def _draw_object(entry: dict[str, Any]) -> None:
    """One name a line, with its value behind it, in lines of its own below each other if it has several."""
    width = max(map(len, entry), default=0)
    for name, value in entry.items():
        head, *rest = _lines_of(value) or [""]
        color = STATE_COLORS.get(head) if name == "state" else None
        head = styled(head, sys.stdout, color=color)
        write(f"{styled(f'{name:<{width}}', sys.stdout, bold=True)}{_GAP}{head}".rstrip())
        for line in rest:
            write(f"{'':<{width}}{_GAP}{line}")


def _lines_of(value: Any) -> list[str]:
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    value = _for_people(value)
    if value is None or value in ({}, [], ""):
        return []
    if isinstance(value, dict) and set(cast("dict[str, Any]", value)) == {"name"}:
        return [str(cast("dict[str, Any]", value)["name"])]  # such as the project of a flow
    if isinstance(value, list) and all(isinstance(part, str) for part in cast("list[Any]", value)):
        return [", ".join(cast("list[str]", value))]
    if isinstance(value, (dict, list)):
        return as_text(value, "yaml").splitlines()
    text = str(value)
    if _TIMESTAMP.fullmatch(text):
        return [f"{text[:19].replace('T', ' ')} UTC"]
    return text.splitlines()


def _for_people(value: Any) -> Any:
    """A value without what only programs need: the version of Prefect that wrote each of its parts."""
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value).items()
        return {name: _for_people(entry) for name, entry in entries if name != "__version__"}
    if isinstance(value, list):
        return [_for_people(entry) for entry in cast("list[Any]", value)]
    return value


def show_value(value: Any, output: str) -> None:
    """Print any value: on one line as `jsonl`, on several as `json` or `yaml`."""
    write(json.dumps(value, default=str) if output == "jsonl" else as_text(value, output))


def as_text(document: Any, output: str) -> str:
    """A document as `json` or `yaml`."""
    if output == "yaml":
        import yaml

        return yaml.safe_dump(json.loads(json.dumps(document, default=str)), sort_keys=True).rstrip("\n")
    return json.dumps(document, indent=2, sort_keys=True, default=str)


def _flat(value: Any) -> str:
    """A value on one line, without the characters that part columns and rows."""
    if value is None:
        return ""
    return " ".join(printable(str(value)).split())


_GAP = "  "
_NARROWEST = 6


def draw_rows(
    rows: Sequence[dict[str, Any]], columns: Sequence[Column], stream: TextIO | None = None
) -> None:
    """Draw a table that fits the terminal: without optional columns if need be, then with cut texts.

    Args:
        rows: the rows.
        columns: what to show of them.
        stream: where; standard output by default.
    """
    import shutil

    target = stream or sys.stdout
    terminal = shutil.get_terminal_size().columns
    shown = [(column, [_flat((column.short or column.text)(row)) for row in rows]) for column in columns]
    # A column without a single text tells people nothing.
    shown = [entry for number, entry in enumerate(shown) if not number or any(entry[1])]
    while _total(_widths(shown)) > terminal and any(column.optional for column, _ in shown):
        last = max(index for index, (column, _) in enumerate(shown) if column.optional)
        del shown[last]
    widths = _cut(_widths(shown), [column for column, _ in shown], terminal)
    right = [_is_numeric(texts) for _, texts in shown]
    heads = [
        styled(_cell(c.shown_title, w, right=r), target, bold=True)
        for (c, _), w, r in zip(shown, widths, right, strict=True)
    ]
    write(_GAP.join(heads).rstrip(), target)
    for index, row in enumerate(rows):
        cells: list[str] = []
        for (column, texts), width, is_right in zip(shown, widths, right, strict=True):
            color = column.color(row) if column.color is not None else None
            # Ids are for copying: they are there, and not in the way.
            is_dim = column.whole and column.color is None
            cells.append(styled(_cell(texts[index], width, right=is_right), target, color=color, dim=is_dim))
        write(_GAP.join(cells).rstrip(), target)


def _widths(shown: list[tuple[Column, list[str]]]) -> list[int]:
    """Places of the terminal that columns need to be shown whole."""
    from rich.cells import cell_len

    return [max(map(cell_len, [column.shown_title, *texts])) for column, texts in shown]


def _total(widths: list[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _is_numeric(texts: list[str]) -> bool:
    return any(texts) and all(text.isdecimal() or not text for text in texts)


def _cut(widths: list[int], columns: list[Column], terminal: int) -> list[int]:
    """The same widths, with the widest columns that may be cut made narrower until all fit."""
    widths = list(widths)
    while _total(widths) > terminal:
        wide = [i for i, column in enumerate(columns) if not column.whole and widths[i] > _NARROWEST]
        candidates = [i for i in wide if not columns[i].kept] or wide
        if not candidates:
            break
        widths[max(candidates, key=widths.__getitem__)] -= 1
    return widths


def _cell(text: str, width: int, *, right: bool = False) -> str:
    """A text in exactly so many places, with an ellipsis if it has to be cut."""
    from rich.cells import cell_len, set_cell_size

    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…"
    space = " " * (width - length)
    return space + text if right else text + space


def age(timestamp: str | None) -> str:
    """How long ago a time of the API was, or how far ahead it is, in words."""
    if not timestamp:
        return ""
    seconds = _seconds_since(timestamp)
    text = _duration(abs(seconds))
    return f"{text} ago" if seconds >= 0 else f"in {text}"


def short_age(timestamp: str | None) -> str:
    """`age`, for a column of a table: `17m`, `in 3h`."""
    if not timestamp:
        return ""
    seconds = _seconds_since(timestamp)
    text = "now"
    for letter, length in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        if abs(seconds) >= length:
            text = f"{int(abs(seconds) // length)}{letter}"
            break
    return text if seconds > -1 else f"in {text}"


def _seconds_since(timestamp: str) -> float:
    when = datetime.datetime.fromisoformat(timestamp.replace("Z", "+00:00"))
    return (datetime.datetime.now(datetime.timezone.utc) - when).total_seconds()


def _duration(seconds: float) -> str:
    if seconds < 5:
        return "a few seconds"
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "a few seconds"


STATE_COLORS = {
    "Success": "green",
    "Cached": "green",
    "Mapped": "green",
    "Failed": "red",
    "TriggerFailed": "red",
    "TimedOut": "red",
    "Running": "blue",
    "Submitted": "cyan",
    "Retrying": "yellow",
    "Paused": "yellow",
    "Cancelling": "magenta",
    "Cancelled": "magenta",
    "Skipped": "bright_black",
}


def state_color(row: dict[str, Any]) -> str | None:
    """The colour of a run's state."""
    return STATE_COLORS.get(str(row.get("state")))
