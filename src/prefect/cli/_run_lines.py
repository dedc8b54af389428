"""How a flow run is drawn in a terminal: from the model to lines of styled text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from prefect.cli._run_model import DONE, Category, Row

if TYPE_CHECKING:
    from prefect.cli._run_model import RunModel

__all__ = ["duration", "final_lines", "live_lines"]

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_GLYPHS: dict[Category, str] = {
    "waiting": "○",
    "retrying": "↻",
    "paused": "⏸",
    "success": "✓",
    "cached": "≡",
    "skipped": "↷",
    "failed": "✗",
    "cancelled": "■",
}
_STYLES: dict[Category, str] = {
    "waiting": "dim",
    "running": "blue",
    "retrying": "yellow",
    "paused": "magenta",
    "success": "green",
    "cached": "cyan",
    "skipped": "bright_black",
    "failed": "red",
    "cancelled": "bright_black",
}
#: Order of the parts of a bar, and of counts.
_ORDER: tuple[Category, ...] = (
    "success", "cached", "skipped", "cancelled", "failed", "running", "retrying", "paused",
)  # fmt: skip
_NAME_WIDTH = (12, 34)
_BAR_WIDTH = 24
#: Rows of a finished run that are printed at most.
_FINAL_ROWS = 60
#: Who is shown first when not all fit: what needs attention, what moves, what is next.
_URGENCY: dict[Category, int] = {
    "failed": 0, "paused": 1, "retrying": 2, "running": 3, "waiting": 4, "cancelled": 5,
    "skipped": 6, "cached": 7, "success": 8,
}  # fmt: skip


def duration(seconds: float | None) -> str:
    """A length of time for people: `0.3s`, `12.0s`, `3m 05s`, `2h 07m`."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f}s" if seconds >= 0.05 else "0s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02d}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02d}m"


def live_lines(model: RunModel, now: float, width: int, height: int) -> list[Text]:
    """The whole run in at most `height` lines (at least 4), while it goes on."""
    rows = model.rows
    shown = _most_urgent(rows, max(height - 4, 1))
    lines = [Text.assemble((model.name, "bold"))]
    lines += _row_lines(rows, shown, now, width)
    counts = model.counts(rows)
    done = sum(counts[category] for category in DONE)
    spinner = _spinner(now)
    elapsed = duration(now - model.started)
    summary = Text.assemble(
        (f"{spinner} ", "blue"), ("Running", "blue bold"), f" · {done:,}/{len(rows):,} tasks · {elapsed}"
    )
    return [*lines, summary]


def final_lines(model: RunModel, now: float, width: int) -> list[Text]:
    """The finished run: its rows, failed ones first in line when there are many, and the outcome."""
    rows = model.rows
    shown = _most_urgent(rows, _FINAL_ROWS)
    lines = [Text.assemble((model.name, "bold"))]
    lines += _row_lines(rows, shown, now, width)
    return [*lines, _outcome(model, rows, now)]


def _outcome(model: RunModel, rows: Sequence[Row], now: float) -> Text:
    state = model.final
    if state is None:
        return Text("■ Interrupted", style="yellow bold")
    style, glyph = (
        ("green", "✓") if state.is_successful() else ("red", "✗") if state.is_failed() else ("yellow", "■")
    )
    children = sum(row.children_total for row in rows)
    facts = [f"{len(rows):,} task{'s' * (len(rows) != 1)}"]
    if children:
        facts.append(f"{children:,} mapped run{'s' * (children != 1)}")
    facts.append(duration(now - model.started))
    message = state.message or ""
    return Text.assemble(
        (f"{glyph} {type(state).__name__}", f"{style} bold"),
        (f" {message.rstrip('.')}" if message else ""),
        (f" · {' · '.join(facts)}", "dim"),
    )


def _most_urgent(rows: Sequence[Row], room: int) -> set[int]:
    """Indexes of the rows to show, so that with the lines for failures they fit into `room`."""
    if sum(_lines_of(row) for row in rows) <= room:
        return set(range(len(rows)))
    room -= 1  # for the line that counts the rest
    shown: set[int] = set()

    def urgency(index: int) -> tuple[int, int]:
        row = rows[index]
        # What finished last is the most interesting of what is finished.
        finished = row.is_done and row.category != "failed"
        return _URGENCY[row.category], -index if finished else index

    for index in sorted(range(len(rows)), key=urgency):
        needed = _lines_of(rows[index])
        if needed > room:
            break
        room -= needed
        shown.add(index)
    return shown


def _lines_of(row: Row) -> int:
    return 1 + len(row.failures) + (1 if row.counts["failed"] > len(row.failures) else 0)


def _row_lines(rows: Sequence[Row], shown: set[int], now: float, width: int) -> list[Text]:
    longest = max((len(rows[index].name) for index in shown), default=0)
    name_width = min(max(longest, _NAME_WIDTH[0]), _NAME_WIDTH[1], max(width - 30, 8))
    entries: list[list[Text]] = []
    for index in sorted(shown):
        row = rows[index]
        entries.append([_row_line(row, name_width, now, width), *_failure_lines(row)])
    hidden = [row for index, row in enumerate(rows) if index not in shown]
    if hidden:
        entries.append([_rest(hidden)])
    lines: list[Text] = []
    for number, (first, *below) in enumerate(entries):
        is_last = number == len(entries) - 1
        lines.append(_fitted(Text.assemble(("└─ " if is_last else "├─ ", "bright_black"), first), width))
        guide = "   " if is_last else "│  "
        lines += [_fitted(Text.assemble((guide, "bright_black"), line), width) for line in below]
    return lines


def _row_line(row: Row, name_width: int, now: float, width: int) -> Text:
    glyph = _spinner(now) if row.category == "running" else _GLYPHS[row.category]
    style = _STYLES[row.category]
    line = Text.assemble((f"{glyph} ", style))
    name = Text(row.name, style="dim" if row.category in ("waiting", "skipped") else "")
    name.truncate(name_width, overflow="ellipsis", pad=True)
    line.append_text(name)
    time = duration(row.seconds(now))
    line.append(f" {time:>8}  ", style="dim")
    if row.is_mapped and row.children_total:
        line.append_text(_map_progress(row, now, width - line.cell_len - 3))
    else:
        label = row.state_name if row.category != "waiting" or row.state_name != "Pending" else ""
        line.append(label, style=style)
    return line


def _map_progress(row: Row, now: float, room: int) -> Text:
    total, done = row.children_total, row.children_done
    text = Text()
    if room > 60 and done < total:
        text.append_text(_bar(row, total, _BAR_WIDTH)).append("  ")
    text.append(
        f"{done:,}/{total:,}" if done < total else f"\N{MULTIPLICATION SIGN}{total:,}",
        style="bold" if done < total else "",
    )
    for category in _ORDER:
        count = row.counts[category]
        # That all succeeded needs no second number.
        if count and not (category == "success" and count == done):
            glyph = _GLYPHS.get(category, "▸")
            text.append(f"  {glyph} {count:,}", style=_STYLES[category])
    left = _time_left(row, now)
    if left:
        text.append(f"  {left} left", style="dim")
    return text


def _bar(row: Row, total: int, width: int) -> Text:
    """A bar whose parts are as long as the shares of the children in each category."""
    bar = Text()
    filled = covered = 0
    for category in _ORDER:
        covered += row.counts[category]
        end = round(covered * width / total)
        bar.append("━" * (end - filled), style=_STYLES[category])
        filled = max(filled, end)
    return bar.append("─" * (width - filled), style="bright_black")


def _time_left(row: Row, now: float) -> str:
    """An estimate from the pace so far; nothing in the first seconds and for short waits."""
    elapsed = row.seconds(now)
    if elapsed is None or elapsed < 3 or not 0 < row.children_done < row.children_total:
        return ""
    left = elapsed / row.children_done * (row.children_total - row.children_done)
    return duration(left) if left >= 2 else ""


def _failure_lines(row: Row) -> list[Text]:
    lines: list[Text] = []
    for index, reason in row.failures:
        where = "" if index is None or index < 0 else f"[{index}] "
        lines.append(Text.assemble(("  ", ""), (where, "red bold"), (reason, "red")))
    unlisted = row.counts["failed"] - len(row.failures)
    if row.failures and unlisted > 0:
        lines.append(Text(f"  and {unlisted:,} more failed", style="red"))
    return lines


def _rest(rows: Sequence[Row]) -> Text:
    """One line that counts the rows there is no room for."""
    text = Text(f"… {len(rows):,} more", style="dim")
    for category in (*_ORDER, "waiting"):
        count = sum(1 for row in rows if row.category == category)
        if count:
            text.append(f"  {_GLYPHS.get(category, '▸')} {count:,}", style=_STYLES[category])
    return text


def _fitted(line: Text, width: int) -> Text:
    """One line that never wraps: a wrapped one would shift everything below it."""
    line.no_wrap = True
    line.truncate(width, overflow="ellipsis")
    return line


def _spinner(now: float) -> str:
    return _SPINNER[int(now * 10) % len(_SPINNER)]
