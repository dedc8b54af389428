"""A drawing with measures: texts have widths, boxes have places. SVG and PNG are made from it."""

from __future__ import annotations

from dataclasses import dataclass

from prefect.core._drawing import Arrow, Box, Drawing
from prefect.core._layout import Layout, Point, Route, lay_out

__all__ = [
    "CORNER",
    "LABEL_SIZE",
    "MARGIN",
    "SUBTITLE_SIZE",
    "TITLE_SIZE",
    "Label",
    "Scene",
    "curve_point",
    "scene_of",
    "text_width",
]

TITLE_SIZE, SUBTITLE_SIZE, LABEL_SIZE = 13.0, 11.0, 10.5
CORNER = 9.0
MARGIN = 24.0
_PADDING = 18.0
_ONE_LINE, _TWO_LINES = 36.0, 50.0
#: Where along its curve a label is put, best first; the next one is taken where two would overlap.
_LABEL_PLACES = (0.5, 0.36, 0.64, 0.25, 0.75, 0.15, 0.85)

# Advance widths of a sans-serif font in thousandths of its size. Fonts differ by a few per cent,
# which the padding of boxes absorbs; measuring real fonts would need one.
_NARROW = (
    dict.fromkeys("ijl.,:;'|!", 260) | dict.fromkeys('frt()[]/ -"`{}', 350) | dict.fromkeys("mwMW@%", 860)
)


@dataclass(frozen=True)
class Label:
    """Text on an arrow, centered on `at`."""

    text: str
    at: Point


@dataclass(frozen=True)
class Scene:
    """Everything with its place; the origin is the top left corner of the picture.

    Attributes:
        drawing: what is drawn.
        places: `(left, top, width, height)` of each box.
        routes: way of each arrow.
        labels: texts on arrows.
        width: width of the picture.
        height: height of the picture.
        is_horizontal: whether the flow runs from left to right.
    """

    drawing: Drawing
    places: list[tuple[float, float, float, float]]
    routes: list[Route]
    labels: list[Label]
    width: float
    height: float
    is_horizontal: bool


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """About how wide a text is, in the unit of `size`."""
    thousandths = 0
    for character in text:
        if character in _NARROW:
            thousandths += _NARROW[character]
        elif character > "\u2e80":  # CJK and emoji take a full square
            thousandths += 1000
        else:
            thousandths += 660 if character.isupper() else 560
    return thousandths * size / 1000 * (1.06 if bold else 1.0)


def scene_of(drawing: Drawing, *, horizontal: bool = False) -> Scene:
    """Measure the boxes of a drawing and find places for them."""
    sizes = [_size(box) for box in drawing.boxes]
    widest_label = max((text_width(arrow.label, LABEL_SIZE) for arrow in drawing.arrows), default=0.0)
    layout = lay_out(
        sizes,
        [(arrow.source, arrow.target) for arrow in drawing.arrows],
        layer_gap=max(60.0, min(widest_label, 120.0) + 44.0) if horizontal else 62.0,
        horizontal=horizontal,
    )
    shift = MARGIN
    places = [
        (x - width / 2 + shift, y - height / 2 + shift, width, height)
        for (x, y), (width, height) in zip(layout.centers, sizes, strict=True)
    ]
    routes = [_shifted(route, shift) for route in layout.routes]
    return Scene(
        drawing,
        places,
        routes,
        _labels(drawing.arrows, routes, horizontal),
        *_extent(layout),
        is_horizontal=horizontal,
    )


def curve_point(start: Point, end: Point, at: float, *, horizontal: bool) -> Point:
    """A point of the curve between two points, which leaves and arrives in the direction of the flow."""
    (x0, y0), (x3, y3) = start, end
    if horizontal:
        x1 = x2 = (x0 + x3) / 2
        y1, y2 = y0, y3
    else:
        x1, x2 = x0, x3
        y1 = y2 = (y0 + y3) / 2
    rest = 1 - at
    a, b, c, d = rest**3, 3 * rest**2 * at, 3 * rest * at**2, at**3
    return a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3


def _extent(layout: Layout) -> tuple[float, float]:
    return layout.width + 2 * MARGIN, layout.height + 2 * MARGIN


def _size(box: Box) -> tuple[float, float]:
    width = text_width(box.title, TITLE_SIZE, bold=True)
    if box.subtitle:
        width = max(width, text_width(box.subtitle, SUBTITLE_SIZE))
    return max(width + 2 * _PADDING, 76.0), _TWO_LINES if box.subtitle else _ONE_LINE


def _shifted(route: Route, by: float) -> Route:
    return Route(tuple(((x0 + by, y0 + by), (x1 + by, y1 + by)) for (x0, y0), (x1, y1) in route.segments))


def _labels(arrows: list[Arrow], routes: list[Route], horizontal: bool) -> list[Label]:
    """Labels on the last curve of their arrows, moved along it where they would overlap."""
    labels: list[Label] = []
    # Cells of a coarse grid, so that each label is compared with its neighbourhood only.
    taken: dict[tuple[int, int], list[tuple[Point, float]]] = {}

    def is_free(at: Point, width: float) -> bool:
        column, line = int(at[0] // 64), int(at[1] // 64)
        return not any(
            abs(at[0] - x) < (width + other_width) / 2 + 4 and abs(at[1] - y) < LABEL_SIZE + 3
            for dx in range(-3, 4)
            for dy in (-1, 0, 1)
            for (x, y), other_width in taken.get((column + dx, line + dy), ())
        )

    for arrow, route in zip(arrows, routes, strict=True):
        if not arrow.label:
            continue
        start, end = route.segments[-1]
        width = text_width(arrow.label, LABEL_SIZE)
        spots = [curve_point(start, end, at, horizontal=horizontal) for at in _LABEL_PLACES]
        at = next((spot for spot in spots if is_free(spot, width)), spots[0])
        taken.setdefault((int(at[0] // 64), int(at[1] // 64)), []).append((at, width))
        labels.append(Label(arrow.label, at))
    return labels
