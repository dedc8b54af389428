"""Health, settings, metrics, and the pages there are without the web UI."""

from __future__ import annotations

import contextlib
import html
import json
import uuid

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from prefect import __version__
from prefect.server.errors import ApiError, UnavailableError
from prefect.server.http.parts import parts_of
from prefect.server.http.replies import error_reply, refused

__all__ = ["css", "health", "metrics", "page", "settings_json", "ui_page"]


async def health(request: Request) -> Response:
    """Whether the server and its database answer. wire: `status` and `version`."""
    parts = parts_of(request)
    if parts.stopping.is_set():
        return error_reply(503, "The server is shutting down.", "UNAVAILABLE", 5)
    try:
        await parts.store.read(lambda tx: tx.scalar("SELECT 1"))
    except UnavailableError as exc:
        return refused(exc)
    return _json({"status": "ok", "version": __version__})


async def settings_json(request: Request) -> Response:
    """What the web UI of 1.x reads before anything else."""
    url = parts_of(request).settings.url
    return _json({"server_url": url + "/graphql", "base_url": "/"})


async def metrics(request: Request) -> Response:
    """Counts for Prometheus; where keys are required, for whoever has one."""
    parts = parts_of(request)
    try:
        caller = await parts.caller(request)
    except ApiError as exc:
        return refused(exc)
    if caller is None:
        return error_reply(401, "This needs an API key: `Authorization: Bearer <key>`.", "UNAUTHENTICATED")
    return PlainTextResponse(
        parts.metrics.text(), headers={"content-type": "text/plain; version=0.0.4; charset=utf-8"}
    )


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="{root}/plain.css"></head>
<body><main><h1>{title}</h1>{body}</main></body></html>
"""

_CSS = """body{font:16px/1.5 system-ui,sans-serif;margin:3rem auto;max-width:44rem;padding:0 1rem}
code,pre{font:14px/1.5 ui-monospace,monospace;background:#8882;border-radius:4px;padding:.1em .3em}
pre{padding:1em;overflow:auto}:root{color-scheme:light dark}
"""


async def css(request: Request) -> Response:
    """The style of the pages."""
    return Response(
        _CSS, headers={"content-type": "text/css; charset=utf-8", "cache-control": "max-age=3600"}
    )


async def page(request: Request) -> Response:
    """What this is, and how to talk to it."""
    settings = parts_of(request).settings
    url = html.escape(settings.url)
    how = (
        f"prefect backend cloud\nexport PREFECT__CLOUD__API={url}\nprefect auth login --key YOUR_KEY"
        if settings.requires_keys
        else "prefect backend server\nprefect create project demo\nprefect register --project demo -p flow.py"
    )
    body = (
        f"<p>This is the API of Prefect Classic {html.escape(__version__)}. It takes GraphQL requests, sent by "
        f"<code>POST</code> to this address.</p><p>To use it from a shell:</p><pre>{how}</pre>"
        "<p>Packages of Prefect Classic hold a web UI. In a checkout of its sources, "
        "<code>make ui</code> builds it.</p>"
        f'<p><a href="{html.escape(settings.root_path)}/health">Health</a></p>'
    )
    return _html("Prefect Classic", body, settings.root_path)


async def ui_page(request: Request) -> Response:
    """`/<slug>/flow/<id>` and `/<slug>/flow-run/<id>`, which clients of 1.x print as links."""
    parts = parts_of(request)
    kind, id = "", ""
    pieces = request.path_params["path"].split("/")
    if len(pieces) == 3 and pieces[1] in ("flow", "flow-run"):
        kind = pieces[1]
        with contextlib.suppress(ValueError):
            id = str(uuid.UUID(pieces[2]))
    if not id:
        return _html("Not found", "<p>There is no such page.</p>", parts.settings.root_path, 404)
    what = "flow run" if kind == "flow-run" else "flow group"
    command = f"prefect get logs --id {id}" if kind == "flow-run" else "prefect get flows"
    body = f"<p>This is the link of {what} <code>{id}</code>. From a shell:</p><pre>{command}</pre>"
    return _html(f"A {what}", body, parts.settings.root_path)


def _html(title: str, body: str, root: str, status: int = 200) -> Response:
    text = _PAGE.format(title=html.escape(title), body=body, root=html.escape(root))
    return HTMLResponse(text, status_code=status, headers={"cache-control": "no-store"})


def _json(value: object) -> Response:
    return Response(
        json.dumps(value), headers={"content-type": "application/json", "cache-control": "no-store"}
    )
