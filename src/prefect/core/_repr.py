"""How notebooks show a flow."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prefect.core.flow import Flow

__all__ = ["flow_html"]

#: Flows with more tasks are described, not drawn: nobody reads a drawing of thousands of boxes.
_MOST_DRAWN = 150
_CARD = (
    "border:1px solid #d5dce2;border-radius:10px;padding:12px 16px;max-width:100%;box-sizing:border-box;"
    "font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;"
    "font-size:13px;line-height:1.5;color:#1c2733;background:#fff;overflow:auto"
)


def flow_html(flow: Flow) -> str:
    """A card with what the flow consists of, and its drawing."""
    from prefect.core._picture import Picture

    drawing = ""
    count = len(flow.tasks)
    if 0 < count <= _MOST_DRAWN:
        drawing = f'<div style="margin-top:8px">{Picture(flow).svg(standalone=False)}</div>'
    elif count:
        drawing = (
            f'<div style="margin-top:8px;color:#5b6875">Too many tasks to draw here; '
            f"<code>flow.visualize(filename=&quot;{escape(flow.name)}.svg&quot;)</code> draws them into a file.</div>"
        )
    return (
        f'<div style="{_CARD}"><div><b style="font-size:15px">{escape(flow.name)}</b> '
        f'<span style="color:#5b6875">{" · ".join(escape(fact) for fact in _facts(flow))}</span></div>{drawing}</div>'
    )


def _facts(flow: Flow) -> list[str]:
    facts = [_counted(len(flow.tasks), "task"), _counted(len(flow.edges), "edge")]
    parameters = sorted(flow.parameters(), key=lambda parameter: parameter.name)
    if parameters:
        texts = [
            f"{parameter.name} (required)"
            if parameter.required
            else f"{parameter.name} = {_short(parameter.default)}"
            for parameter in parameters
        ]
        facts.append(f"parameters: {', '.join(texts)}")
    if flow.schedule is not None:
        facts.append("has a schedule")
    from prefect.engine import get_default_executor_class

    executor = get_default_executor_class() if flow.executor is None else type(flow.executor)
    facts.append(f"runs on {executor.__name__}")
    return facts


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
