"""How notebooks show a state."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from prefect.core.task import Task
    from prefect.engine.state import State

__all__ = ["state_html"]

#: Rows of the table of tasks, and characters of a result, that are shown at most.
_MOST_ROWS = 100
_LONGEST_RESULT = 300
_CARD = (
    "border:1px solid #d5dce2;border-radius:10px;padding:12px 16px;max-width:100%;box-sizing:border-box;"
    "font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;"
    "font-size:13px;line-height:1.5;color:#1c2733;background:#fff;overflow:auto"
)
_CELL = "padding:3px 16px 3px 0;text-align:left;vertical-align:top;border-top:1px solid #eef1f4"
_GREY = "color:#5b6875"


def state_html(state: State) -> str:
    """A card with the state, its message, and its result: a table of tasks for the state of a flow."""
    value = state.result
    if _is_flow_result(value):
        body = _task_table(cast("dict[Task, State]", value))
    elif state.is_mapped():
        body = _children(state)
    else:
        body = _result(value)
    message = f' <span style="{_GREY}">{escape(str(state.message))}</span>' if state.message else ""
    return f'<div style="{_CARD}"><div>{_chip(type(state).__name__, state.color)}{message}</div>{body}</div>'


def _is_flow_result(value: Any) -> bool:
    from prefect.engine.state import State

    if not isinstance(value, dict) or not value:
        return False
    return all(isinstance(each, State) for each in cast("dict[Any, Any]", value).values())


def _chip(name: str, color: str, count: int = 0) -> str:
    text = f"{count:,} {name}" if count else name
    return (
        f'<span style="display:inline-block;background:{escape(color)};color:#fff;border-radius:999px;'
        f'padding:0 9px;font-weight:600;font-size:12px">{escape(text)}</span>'
    )


def _task_table(states: dict[Task, State]) -> str:
    rows = [
        f'<tr><td style="{_CELL}">{escape(getattr(task, "name", str(task)))}</td>'
        f'<td style="{_CELL};white-space:nowrap">{_summary(state)}</td>'
        f'<td style="{_CELL};{_GREY}">{escape(_explanation(state))}</td></tr>'
        for task, state in list(states.items())[:_MOST_ROWS]
    ]
    hidden = len(states) - len(rows)
    if hidden > 0:
        rows.append(f'<tr><td colspan="3" style="{_CELL};{_GREY}">and {hidden:,} more tasks</td></tr>')
    return f'<table style="border-collapse:collapse;margin-top:8px;font-size:13px">{"".join(rows)}</table>'


def _summary(state: State) -> str:
    """The state as a chip; for a map, one chip for each kind of state of its children."""
    counts = _child_counts(state)
    if not counts:
        return _chip(type(state).__name__, state.color)
    return " ".join(_chip(name, color, count) for (name, color), count in counts.most_common())


def _child_counts(state: State) -> Counter[tuple[str, str]]:
    children = cast("list[State | None]", getattr(state, "map_states", None) or [])
    return Counter((type(child).__name__, child.color) for child in children if child is not None)


def _explanation(state: State) -> str:
    """Why it failed, or what it says; nothing for the usual message of a success."""
    value = state.result
    if isinstance(value, Exception):
        return _clipped(f"{type(value).__name__}: {value}")
    if state.is_successful() and not state.is_skipped():
        return ""
    return _clipped(str(state.message or ""))


def _children(state: State) -> str:
    counts = _child_counts(state)
    if not counts:
        return f'<div style="margin-top:8px;{_GREY}">no children</div>'
    chips = " ".join(_chip(name, color, count) for (name, color), count in counts.most_common())
    return f'<div style="margin-top:8px">{chips}</div>'


def _result(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Exception):
        text = f"{type(value).__name__}: {value}"
    else:
        try:
            text = repr(value)
        except Exception as error:  # noqa: BLE001 - any code of the value's class runs here
            text = f"<{type(value).__name__}, whose repr raised {type(error).__name__}>"
    return f'<pre style="margin:8px 0 0;white-space:pre-wrap">{escape(_clipped(text))}</pre>'


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST_RESULT else f"{text[: _LONGEST_RESULT - 1]}…"
