"""A flow as SVG text, and as a page of HTML around it."""

from __future__ import annotations

from html import escape

from prefect.core._drawing import Arrow, Box
from prefect.core._layout import Route
from prefect.core._scene import CORNER, LABEL_SIZE, SUBTITLE_SIZE, TITLE_SIZE, Scene

__all__ = ["html_page", "svg_text"]

_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
_STYLE = f"""
.pf-flow text {{ font-family: {_FONT}; }}
.pf-title {{ font-size: {TITLE_SIZE}px; font-weight: 600; fill: #1c2733; text-anchor: middle; }}
.pf-sub {{ font-size: {SUBTITLE_SIZE}px; fill: #5b6875; text-anchor: middle; }}
.pf-box {{ fill: #ffffff; stroke: #9aa7b4; stroke-width: 1.4; }}
.pf-map {{ stroke-dasharray: 5 3.5; }}
.pf-edge {{ fill: none; stroke: #8593a1; stroke-width: 1.4; }}
.pf-head {{ fill: #8593a1; }}
.pf-label {{ font-size: {LABEL_SIZE}px; fill: #5b6875; text-anchor: middle; paint-order: stroke;
  stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round; }}
"""


def svg_text(scene: Scene, *, standalone: bool = True) -> str:
    """The picture as SVG.

    Args:
        scene: what to draw.
        standalone: whether it is a file of its own, with a declaration and a white ground.
    """
    width, height = _number(scene.width), _number(scene.height)
    name = escape(f"Flow {scene.drawing.name}")
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="pf-flow" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="{name}">'
    )
    parts = [head, f"<style>{_STYLE}</style>"]
    if standalone:
        parts.insert(0, '<?xml version="1.0" encoding="UTF-8"?>')
        parts.append(f"<title>{escape(scene.drawing.name)}</title>")
        parts.append(f'<rect width="{width}" height="{height}" fill="#ffffff"/>')
    for arrow, route in zip(scene.drawing.arrows, scene.routes, strict=True):
        parts.append(_arrow(arrow, route, horizontal=scene.is_horizontal))
    for box, place in zip(scene.drawing.boxes, scene.places, strict=True):
        parts.append(_box(box, place))
    for label in scene.labels:
        x, y = label.at
        parts.append(
            f'<text class="pf-label" x="{_number(x)}" y="{_number(y + 3.5)}">{escape(label.text)}</text>'
        )
    parts.append("</svg>")
    return "\n".join(parts)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _arrow(arrow: Arrow, route: Route, *, horizontal: bool) -> str:
    (x, y), _ = route.segments[0]
    way = [f"M{_number(x)} {_number(y)}"]
    for number, ((x0, y0), (x3, y3)) in enumerate(route.segments):
        if number:
            way.append(f"L{_number(x0)} {_number(y0)}")
        if number == len(route.segments) - 1:
            # The line ends inside the head, whose tip is where it would have ended.
            x3, y3 = (x3 - _sign(x3 - x0) * 6, y3) if horizontal else (x3, y3 - _sign(y3 - y0) * 6)
        if horizontal:
            middle = _number((x0 + x3) / 2)
            way.append(f"C{middle} {_number(y0)} {middle} {_number(y3)} {_number(x3)} {_number(y3)}")
        else:
            middle = _number((y0 + y3) / 2)
            way.append(f"C{_number(x0)} {middle} {_number(x3)} {middle} {_number(x3)} {_number(y3)}")
    dashes = " pf-map" if arrow.is_mapped else ""
    return (
        f'<g data-from="{arrow.source}" data-to="{arrow.target}">'
        f'<path class="pf-edge{dashes}" d="{" ".join(way)}"/>'
        f'<path class="pf-head" d="{_head(route, horizontal=horizontal)}"/></g>'
    )


def _head(route: Route, *, horizontal: bool) -> str:
    (x0, y0), (x, y) = route.segments[-1]
    if horizontal:
        back = x - _sign(x - x0) * 8
        return (
            f"M{_number(x)} {_number(y)}L{_number(back)} {_number(y - 4)}L{_number(back)} {_number(y + 4)}Z"
        )
    back = y - _sign(y - y0) * 8
    return f"M{_number(x)} {_number(y)}L{_number(x - 4)} {_number(back)}L{_number(x + 4)} {_number(back)}Z"


def _sign(value: float) -> int:
    return 1 if value >= 0 else -1


def _box(box: Box, place: tuple[float, float, float, float]) -> str:
    left, top, width, height = place
    x, y, w, h = map(_number, place)
    dashes = " pf-map" if box.is_mapped else ""
    # compat: a state's colour at half strength, as 1.x filled its nodes.
    paint = f' style="stroke:{box.color}"' if box.color else ""
    parts = ["<g>", f"<title>{escape(box.tooltip)}</title>"]
    if box.is_mapped:  # a second sheet behind says that there are several
        parts.append(
            f'<rect class="pf-box" x="{_number(left + 4)}" y="{_number(top + 4)}" width="{w}" height="{h}" '
            f'rx="{CORNER}"{paint}/>'
        )
    parts.append(
        f'<rect class="pf-box{dashes}" x="{x}" y="{y}" width="{w}" height="{h}" rx="{CORNER}"{paint}/>'
    )
    if box.color:
        parts.append(
            f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="{CORNER}" fill="{box.color}" fill-opacity="0.16"/>'
        )
    if len(box.states) > 1:
        parts.append(_shares(box, left, top, width, height))
    center = _number(left + width / 2)
    if box.subtitle:
        parts.append(
            f'<text class="pf-title" x="{center}" y="{_number(top + 21)}">{escape(box.title)}</text>'
        )
        parts.append(
            f'<text class="pf-sub" x="{center}" y="{_number(top + 37)}">{escape(box.subtitle)}</text>'
        )
    else:
        parts.append(
            f'<text class="pf-title" x="{center}" y="{_number(top + height / 2 + 4.5)}">{escape(box.title)}</text>'
        )
    return "".join([*parts, "</g>"])


def _shares(box: Box, left: float, top: float, width: float, height: float) -> str:
    """A bar along the bottom, divided by the states of the mapped children."""
    total = sum(count for _, _, count in box.states)
    x, room = left + CORNER, width - 2 * CORNER
    parts: list[str] = []
    for _, color, count in box.states:
        part = room * count / total
        parts.append(
            f'<rect x="{_number(x)}" y="{_number(top + height - 5)}" width="{part:.2f}" height="3" fill="{color}"/>'
        )
        x += part
    return "".join(parts)


_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ margin: 0; font: 14px/1.5 {font}; color: #1c2733; background: #f4f6f8; }}
header {{ display: flex; flex-wrap: wrap; gap: 4px 16px; align-items: baseline; padding: 18px 24px 0; }}
h1 {{ font-size: 20px; margin: 0; }}
.facts {{ color: #5b6875; }}
.state {{ color: #fff; padding: 2px 10px; border-radius: 999px; font-weight: 600; font-size: 13px; }}
.legend span {{ margin-right: 14px; }}
.legend i {{ display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 5px; }}
main {{ margin: 16px 24px 24px; background: #fff; border: 1px solid #dfe5ea; border-radius: 12px; overflow: auto;
  text-align: center; }}
main svg {{ max-width: none; vertical-align: top; }}
.pf-flow.focus > g {{ opacity: .18; transition: opacity .12s; }}
.pf-flow.focus > g.near {{ opacity: 1; }}
</style>
</head>
<body>
<header><h1>{name}</h1>{state}<span class="facts">{facts}</span><span class="legend">{legend}</span></header>
<main>
{svg}
</main>
<script>
// Pointing at a task shows what it depends on and what depends on it.
const svg = document.querySelector('.pf-flow');
const boxes = [...svg.querySelectorAll(':scope > g:not([data-from])')];
const arrows = [...svg.querySelectorAll(':scope > g[data-from]')];
const walk = (start, from, to) => {{
  const found = new Set([start]);
  for (const at of found) for (const a of arrows) if (+a.dataset[from] === at) {{
    found.add(+a.dataset[to]); a.classList.add('near');
  }}
  return found;
}};
boxes.forEach((box, index) => {{
  box.addEventListener('mouseenter', () => {{
    svg.classList.add('focus');
    for (const near of [...walk(index, 'from', 'to'), ...walk(index, 'to', 'from')]) boxes[near].classList.add('near');
  }});
  box.addEventListener('mouseleave', () => {{
    svg.classList.remove('focus');
    svg.querySelectorAll('.near').forEach(each => each.classList.remove('near'));
  }});
}});
</script>
</body>
</html>
"""


def html_page(scene: Scene) -> str:
    """A page with the picture that needs no other file: legend, and paths on pointing at a task."""
    drawing = scene.drawing
    state = facts = ""
    if drawing.state is not None:
        name, color, message = drawing.state
        state = f'<span class="state" style="background:{color}">{escape(name)}</span>'
        facts = f"{escape(message)} · " if message else ""
    count = len(drawing.boxes)
    facts += f"{count:,} task{'s' * (count != 1)}"
    used = {name: color for box in drawing.boxes for name, color, _ in box.states}
    legend = "".join(
        f'<span><i style="background:{color}"></i>{escape(name)}</span>' for name, color in used.items()
    )
    return _PAGE.format(
        title=escape(drawing.name),
        font=_FONT,
        name=escape(drawing.name),
        state=state,
        facts=facts,
        legend=legend,
        svg=svg_text(scene, standalone=False),
    )
