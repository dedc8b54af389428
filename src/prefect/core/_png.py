"""A flow as pixels: PNG, JPEG, PDF and whatever else Pillow writes."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

from prefect.core._drawing import Arrow, Box
from prefect.core._layout import Point, Route
from prefect.core._scene import (
    CORNER,
    LABEL_SIZE,
    SUBTITLE_SIZE,
    TITLE_SIZE,
    Scene,
    curve_point,
)

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["image_of"]

#: Pixels per unit of the picture, and by how much finer it is drawn before it is scaled down.
_SCALE, _OVERSAMPLING = 2, 2
_MOST_PIXELS = 120_000_000
_STEPS = 24
_INK, _GREY, _LINE, _BORDER = (28, 39, 51), (91, 104, 117), (133, 147, 161), (154, 167, 180)
_WHITE = (255, 255, 255)
#: Signs that the built-in font lacks: a multiplication sign, an ellipsis.
_PLAINER = {0xD7: "x", 0x2026: "..."}
_Color = tuple[int, int, int]


def image_of(scene: Scene) -> Image:
    """The picture as a Pillow image.

    Raises:
        ImportError: Pillow is not installed.
    """
    try:
        from PIL import Image, ImageDraw
    except ImportError as error:
        raise ImportError(
            "Drawing a flow as pixels without the Graphviz program needs Pillow: "
            "`pip install pillow`. The formats `svg` and `html` need nothing."
        ) from error
    scale = float(_SCALE * _OVERSAMPLING)
    pixels = scene.width * scene.height
    if pixels * scale**2 > _MOST_PIXELS:
        scale = (_MOST_PIXELS / pixels) ** 0.5
    size = max(int(scene.width * scale), 1), max(int(scene.height * scale), 1)
    image = Image.new("RGB", size, _WHITE)
    canvas = _Canvas(ImageDraw.Draw(image), scale)
    for arrow, route in zip(scene.drawing.arrows, scene.routes, strict=True):
        canvas.arrow(arrow, route, horizontal=scene.is_horizontal)
    for box, place in zip(scene.drawing.boxes, scene.places, strict=True):
        canvas.box(box, place)
    for label in scene.labels:
        canvas.text(label.text, label.at, LABEL_SIZE, _GREY, halo=True)
    target = max(size[0] // _OVERSAMPLING, 1), max(size[1] // _OVERSAMPLING, 1)
    return cast("Any", image).resize(target, Image.Resampling.LANCZOS)


class _Canvas:
    """Draws in units of the picture on an image of any resolution."""

    def __init__(self, draw: Any, scale: float) -> None:
        self._draw = draw
        self._scale = scale
        self._fonts: dict[tuple[float, bool], Any] = {}

    def arrow(self, arrow: Arrow, route: Route, *, horizontal: bool) -> None:
        points: list[Point] = []
        for start, end in route.segments:
            points += [curve_point(start, end, i / _STEPS, horizontal=horizontal) for i in range(_STEPS + 1)]
        (x0, y0), (x, y) = route.segments[-1]
        forward = 1 if (x >= x0 if horizontal else y >= y0) else -1
        if horizontal:
            head = [(x, y), (x - 8 * forward, y - 4), (x - 8 * forward, y + 4)]
            points[-1] = (x - 5 * forward, y)
        else:
            head = [(x, y), (x - 4, y - 8 * forward), (x + 4, y - 8 * forward)]
            points[-1] = (x, y - 5 * forward)
        self._line(points, _LINE, 1.4, dashed=arrow.is_mapped)
        self._draw.polygon([self._at(point) for point in head], fill=_LINE)

    def box(self, box: Box, place: tuple[float, float, float, float]) -> None:
        left, top, width, height = place
        border = _rgb(box.color) if box.color else _BORDER
        # compat: a light form of the state's colour, as 1.x filled its nodes.
        fill = _mixed(border, 0.16) if box.color else _WHITE
        if box.is_mapped:
            self._sheet(left + 4, top + 4, width, height, _WHITE, border, dashed=False)
        self._sheet(left, top, width, height, fill, border, dashed=box.is_mapped)
        if len(box.states) > 1:
            total = sum(count for _, _, count in box.states)
            x, room = left + CORNER, width - 2 * CORNER
            for _, color, count in box.states:
                part = room * count / total
                corners = [self._at((x, top + height - 5)), self._at((x + part, top + height - 2))]
                self._draw.rectangle(corners, fill=_rgb(color))
                x += part
        center = left + width / 2
        if box.subtitle:
            self.text(box.title, (center, top + 17), TITLE_SIZE, _INK, bold=True)
            self.text(box.subtitle, (center, top + 33), SUBTITLE_SIZE, _GREY)
        else:
            self.text(box.title, (center, top + height / 2), TITLE_SIZE, _INK, bold=True)

    def text(
        self, text: str, at: Point, size: float, color: _Color, *, bold: bool = False, halo: bool = False
    ) -> None:
        text = text.translate(_PLAINER)
        font = self._font(size, is_latin=max(text, default="") < "\u0100")
        stroke, stroke_color = (0, color)
        if halo:
            stroke, stroke_color = round(2 * self._scale), _WHITE
        elif bold:  # the built-in font has one weight
            stroke = max(round(0.16 * self._scale), 0)
        self._draw.text(
            self._at(at),
            text,
            fill=color,
            font=font,
            anchor="mm",
            stroke_width=stroke,
            stroke_fill=stroke_color,
        )

    def _font(self, size: float, *, is_latin: bool) -> Any:
        key = (size, is_latin)
        if key not in self._fonts:
            from PIL import ImageFont

            pixels = size * self._scale
            font: Any = None
            if not is_latin:
                # The built-in font covers Latin; this one, where it is installed, much more.
                try:
                    font = ImageFont.truetype("DejaVuSans.ttf", pixels)
                except OSError:
                    font = None
            self._fonts[key] = font or ImageFont.load_default(pixels)
        return self._fonts[key]

    def _sheet(
        self,
        left: float,
        top: float,
        width: float,
        height: float,
        fill: _Color,
        border: _Color,
        *,
        dashed: bool,
    ) -> None:
        corners = [self._at((left, top)), self._at((left + width, top + height))]
        radius = CORNER * self._scale
        line = max(round(1.4 * self._scale), 1)
        if not dashed:
            self._draw.rounded_rectangle(corners, radius, fill=fill, outline=border, width=line)
            return
        self._draw.rounded_rectangle(corners, radius, fill=fill)
        self._line(_outline(left, top, width, height), border, 1.4, dashed=True)

    def _line(self, points: list[Point], color: _Color, width: float, *, dashed: bool) -> None:
        pixels = max(round(width * self._scale), 1)
        for piece in _dashes(points, 5.0, 3.5) if dashed else [points]:
            self._draw.line([self._at(point) for point in piece], fill=color, width=pixels, joint="curve")

    def _at(self, point: Point) -> Point:
        return point[0] * self._scale, point[1] * self._scale


def _rgb(color: str) -> _Color:
    digits = color.removeprefix("#")
    return cast("_Color", tuple(int(digits[i : i + 2], 16) for i in (0, 2, 4)))


def _mixed(color: _Color, share: float) -> _Color:
    """`color` over white, so strong."""
    red, green, blue = (round(255 - (255 - part) * share) for part in color)
    return red, green, blue


def _outline(left: float, top: float, width: float, height: float) -> list[Point]:
    """Points along a rectangle with round corners."""
    points: list[Point] = []
    right, bottom = left + width, top + height
    corners = [
        (right - CORNER, top + CORNER, -90),
        (right - CORNER, bottom - CORNER, 0),
        (left + CORNER, bottom - CORNER, 90),
        (left + CORNER, top + CORNER, 180),
    ]
    for x, y, start in corners:
        for step in range(7):
            angle = math.radians(start + step * 15)
            points.append((x + CORNER * math.cos(angle), y + CORNER * math.sin(angle)))
    return [*points, points[0]]


def _dashes(points: list[Point], dash: float, gap: float) -> list[list[Point]]:
    """The parts of a line that are drawn when it is dashed."""
    pieces: list[list[Point]] = []
    piece: list[Point] = [points[0]]
    is_drawn, left = True, dash
    for (x0, y0), (x1, y1) in pairwise(points):
        length = math.hypot(x1 - x0, y1 - y0)
        done = 0.0
        while length - done > left:
            done += left
            at = (x0 + (x1 - x0) * done / length, y0 + (y1 - y0) * done / length)
            if is_drawn:
                pieces.append([*piece, at])
            piece = [at]
            is_drawn = not is_drawn
            left = dash if is_drawn else gap
        left -= length - done
        if is_drawn:
            piece.append((x1, y1))
    if is_drawn and len(piece) > 1:
        pieces.append(piece)
    return pieces
