"""A drawing of a flow that can be shown and saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from prefect.core._drawing import drawing_of
from prefect.core._scene import Scene, scene_of
from prefect.core._svg import html_page, svg_text

if TYPE_CHECKING:
    from prefect.core.flow import Flow
    from prefect.engine.state import State

__all__ = ["FORMATS", "Picture"]

#: Formats that need no Graphviz, and what Pillow calls those it writes.
_PIXELS = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "gif": "GIF", "webp": "WEBP", "pdf": "PDF"}
FORMATS = ("svg", "html", *_PIXELS)


class Picture:
    """A flow as it is drawn without Graphviz. Notebooks show it.

    Args:
        flow: the flow.
        flow_state: final state of a run, by which tasks are coloured.
        horizontal: from left to right instead of top to bottom.
    """

    def __init__(self, flow: Flow, flow_state: State | None = None, *, horizontal: bool = False) -> None:
        self._drawing = drawing_of(flow, flow_state)
        self._horizontal = horizontal
        self._scene: Scene | None = None

    def __repr__(self) -> str:
        return f"<Picture: flow {self._drawing.name!r}, {len(self._drawing.boxes)} tasks>"

    @property
    def scene(self) -> Scene:
        """The drawing with its measures, found when first needed."""
        if self._scene is None:
            self._scene = scene_of(self._drawing, horizontal=self._horizontal)
        return self._scene

    def svg(self, *, standalone: bool = True) -> str:
        """The picture as SVG text; not standalone is for embedding in a page."""
        return svg_text(self.scene, standalone=standalone)

    def html(self) -> str:
        """A page of its own with the picture, a legend, and paths on pointing at a task."""
        return html_page(self.scene)

    def save(self, path: Path, format: str) -> None:
        """Write a file, and the folders above it.

        Args:
            path: the file.
            format: one of `FORMATS`.

        Raises:
            ValueError: another format.
            ImportError: a format of pixels, without Pillow.
        """
        if format not in FORMATS:
            raise ValueError(
                f"Flows cannot be drawn as {format!r} without the Graphviz program; "
                f"the formats that work without it are {', '.join(FORMATS)}."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        if format == "svg":
            path.write_text(self.svg(), encoding="utf-8")
        elif format == "html":
            path.write_text(self.html(), encoding="utf-8")
        else:
            from prefect.core._png import image_of

            image_of(self.scene).save(path, _PIXELS[format])

    def _repr_svg_(self) -> str:
        return self.svg()
