"""The web UI: files that the build of the package made, and one page that starts them.

A request names a file by one of the names found in the directory when it was listed, so no path
leads out of it. Names of files under `assets/` hold a hash of their content: browsers keep them.
"""

from __future__ import annotations

import gzip
import html
import mimetypes
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from prefect.server.http import plain
from prefect.server.http.gate import is_loopback
from prefect.server.http.replies import error_reply

__all__ = ["DIRECTORY", "WebUi"]

#: Where the build of the package puts the UI.
DIRECTORY = Path(__file__).parent.parent / "ui"

_INDEX = "index.html"
_NONCE = '<meta name="csp-nonce" content="" />'
_BASE = '<base href="/" />'
#: Styles need the nonce of the page, for what libraries add at run time; scripts are files of ours only.
_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; "
    "connect-src 'self'; worker-src 'self'; font-src 'self'; object-src 'none'; base-uri 'self'; "
    "frame-ancestors 'none'; form-action 'self'"
)
_COMPRESSED = frozenset({".js", ".css", ".svg", ".json"})
#: mimetypes reads the tables of the system, which may say otherwise.
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


@dataclass
class WebUi:
    """Serves the files of a directory.

    Attributes:
        directory: where they are; without an `index.html` in it there is no UI.
        root_path: path that the server is seen under.
    """

    directory: Path
    root_path: str = ""
    _files: dict[str, Path] = field(default_factory=dict[str, Path])
    _compressed: dict[str, bytes] = field(default_factory=dict[str, bytes])
    _index: tuple[float, str] | None = None

    async def page(self, request: Request) -> Response:
        """The page that starts the UI; without a UI one that says how to make it."""
        text = self._page_text()
        if text is None:
            return await plain.page(request)
        nonce = secrets.token_urlsafe(16)
        body = text.replace(_BASE, f'<base href="{html.escape(self.root_path)}/" />', 1)
        body = body.replace(_NONCE, f'<meta name="csp-nonce" content="{nonce}" />', 1)
        return Response(
            body,
            media_type="text/html",
            headers={
                "cache-control": "no-store",
                "content-security-policy": _POLICY.format(nonce=nonce),
            },
        )

    async def any(self, request: Request) -> Response:
        """A file of the UI; for other addresses that a browser goes to, its page."""
        name = request.path_params["path"]
        has_ui = self._page_text() is not None
        found = self._files.get(name) if has_ui else None
        if found is not None:
            return self._file(name, found, request)
        if has_ui and not name.startswith("assets/") and "text/html" in request.headers.get("accept", ""):
            return await self.page(request)
        if not has_ui and name.count("/") == 2:
            return await plain.ui_page(request)
        return error_reply(404, "There is nothing at this address.", "NOT_FOUND")

    def _page_text(self) -> str | None:
        """The text of the page as it is now; lists the directory again when it was built again."""
        index = self.directory / _INDEX
        try:
            built = index.stat().st_mtime
        except OSError:
            self._index = None
            return None
        if self._index is None or self._index[0] != built:
            self._files = {
                path.relative_to(self.directory).as_posix(): path
                for path in self.directory.rglob("*")
                if path.is_file() and not path.is_symlink() and path != index
            }
            self._compressed = {}
            self._index = (built, index.read_text(encoding="utf-8"))
        return self._index[1]

    def _file(self, name: str, path: Path, request: Request) -> Response:
        kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        is_forever = name.startswith("assets/")
        headers = {
            "content-type": kind,
            "cache-control": "public, max-age=31536000, immutable" if is_forever else "public, max-age=3600",
            "vary": "accept-encoding",
        }
        peer = request.client.host if request.client else None
        is_near = is_loopback(peer) and "x-forwarded-for" not in request.headers
        takes_gzip = "gzip" in request.headers.get("accept-encoding", "")
        if path.suffix in _COMPRESSED and takes_gzip and not is_near:
            body = self._compressed.get(name)
            if body is None:
                body = self._compressed[name] = gzip.compress(path.read_bytes(), mtime=0)
            headers["content-encoding"] = "gzip"
        else:
            body = path.read_bytes()
        return Response(body, headers=headers)
