"""`Flow.visualize`: drawings of flows, with the Graphviz program or without it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect.core._picture import FORMATS, Picture

if TYPE_CHECKING:
    from prefect.core.flow import Flow
    from prefect.engine.state import State

__all__ = ["visualize_flow"]


def visualize_flow(
    flow: Flow,
    flow_state: State | None = None,
    filename: str | None = None,
    format: str | None = None,
    horizontal: bool = False,
) -> Any:
    """Draw a flow; see `Flow.visualize`.

    With a filename, write that file. Without one, show the drawing: a notebook shows the returned
    value, a desktop opens a viewer.

    Raises:
        ValueError: a format that nothing here can write.
        ImportError: a format of pixels with neither Graphviz nor Pillow.
    """
    picture = Picture(flow, flow_state, horizontal=horizontal)
    has_package, has_program = find_spec("graphviz") is not None, shutil.which("dot") is not None
    graph: Any = picture
    if has_package:
        from prefect.core._graphviz import digraph_of

        graph = digraph_of(flow, flow_state, horizontal=horizontal, picture=None if has_program else picture)
    by_graphviz = has_package and has_program
    if filename:
        path, kind = _file_and_format(filename, format, default="pdf" if by_graphviz else "svg")
        if by_graphviz and kind != "html":
            graph.render(outfile=_with_parents(path), format=kind, cleanup=True)
        else:
            picture.save(path, kind)
    elif not _is_notebook() and _has_desktop():
        _open(picture)
    return graph


def _file_and_format(filename: str, format: str | None, *, default: str) -> tuple[Path, str]:
    """The file to write and its format: as given, else from the ending of the name."""
    path = Path(filename).expanduser()
    ending = path.suffix.removeprefix(".").lower()
    if format is None:
        if ending in FORMATS:
            return path, ending
        format = default
    format = format.lower()
    return (path, format) if ending == format else (path.with_name(f"{path.name}.{format}"), format)


def _with_parents(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _is_notebook() -> bool:
    """Whether IPython runs this code: it shows what is returned."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None


def _has_desktop() -> bool:
    """Whether a viewer would have a screen to open on."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _open(picture: Picture) -> None:
    import webbrowser

    with tempfile.NamedTemporaryFile("w", suffix=".html", encoding="utf-8", delete=False) as file:
        file.write(picture.html())
    webbrowser.open(Path(file.name).as_uri())
