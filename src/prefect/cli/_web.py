"""Pages of the web UI: opened in a browser where there is one, printed everywhere."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from prefect.cli._output import write

if TYPE_CHECKING:
    from prefect.client.client import Client

__all__ = ["open_page"]


def open_page(client: Client, kind: str, id: str) -> None:
    """Print the address of a page, and open it if somebody sits in front of a browser.

    Args:
        client: the client.
        kind: `flow`, `flow-run`, `task-run`, or nothing for the first page.
        id: id of what the page shows.
    """
    address = client.get_cloud_url(kind, id)
    write(address)
    if _has_browser():
        import webbrowser

        webbrowser.open(address)


def _has_browser() -> bool:
    if not sys.stdout.isatty() or os.environ.get("CI"):
        return False
    # Without a screen, the browser that is found would be one that takes the terminal over.
    shown = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in shown)
