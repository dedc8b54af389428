"""`GET /events`: what changes in a tenant, as server-sent events.

    event: flow_run
    id: 9f31c2aa-1042
    data: {"topic":"flow_run","ids":["5d1f..."]}

An event says that something changed, not what to: whoever cares reads it. A reader that comes back
with `Last-Event-ID` gets what it missed; if that is not known any more it gets `event: reset` and
reads everything again.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from prefect.server.errors import ApiError, UnavailableError
from prefect.server.events import Event
from prefect.server.http.parts import Parts, parts_of
from prefect.server.http.replies import error_reply, refused
from prefect.server.security.caller import Caller
from prefect.server.waiting import first_of

__all__ = ["events"]

#: A comment is sent this often, so that proxies keep the connection.
_KEEP_ALIVE_S = 15.0
#: Events that come together are sent together: a page need not repaint for each.
_GATHER_S = 0.1
#: Readers of one process at most; each costs a connection and little else.
_MOST = 2_000
_HIDDEN = frozenset({"auth_api_key", "session", "schedule", "queue"})


async def events(request: Request) -> Response:
    """Stream the events of the caller's tenant.

    Query: `topics=flow_run,task_run` for some topics only.
    """
    parts = parts_of(request)
    try:
        caller = await parts.caller(request)
    except ApiError as exc:
        return refused(exc)
    if caller is None:
        return error_reply(401, "This needs an API key or a session.", "UNAUTHENTICATED")
    if parts.metrics.listeners >= _MOST:
        return error_reply(503, "Too many readers of events.", "UNAVAILABLE", 10)
    topics = frozenset(filter(None, request.query_params.get("topics", "").split(",")))
    return StreamingResponse(
        _stream(request, parts, caller, topics),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _stream(
    request: Request, parts: Parts, caller: Caller, topics: frozenset[str]
) -> AsyncGenerator[str]:
    replay, tenant_id = parts.replay, caller.tenant_id
    last_id = request.headers.get("last-event-id") or request.query_params.get("last_event_id")
    parts.metrics.listeners += 1
    try:
        with parts.store.events.subscribe(
            lambda event: event.tenant_id == tenant_id, max_waiting=1
        ) as changes:
            position = replay.position(last_id)
            if position is None:
                position = replay.last
                yield f"event: {'reset' if last_id else 'hello'}\nid: {replay.id_of(position)}\ndata: {{}}\n\n"
            sent = time.monotonic()
            while not parts.stopping.is_set():
                position, found, is_complete = replay.since(position, tenant_id)
                wanted = [e for e in found if e.topic not in _HIDDEN and (not topics or e.topic in topics)]
                if wanted or not is_complete or time.monotonic() - sent >= _KEEP_ALIVE_S:
                    if not await parts.is_still(request, caller):  # a revoked key gets nothing more
                        return
                    sent = time.monotonic()
                    if not is_complete:
                        yield f"event: reset\nid: {replay.id_of(position)}\ndata: {{}}\n\n"
                    elif wanted:
                        yield _text(wanted, replay.id_of(position))
                    else:
                        yield ": still here\n\n"
                    await first_of(parts.stopping.wait(), asyncio.sleep(_GATHER_S))
                    continue
                await first_of(parts.stopping.wait(), changes.take(_KEEP_ALIVE_S))
    except UnavailableError:
        return  # the reader comes back, and gets what it missed
    finally:
        parts.metrics.listeners -= 1


def _text(found: list[Event], id: str) -> str:
    by_topic: dict[str, dict[str, None]] = {}
    for event in found:
        by_topic.setdefault(event.topic, {})[event.id] = None
    blocks = [
        f"event: {topic}\ndata: {json.dumps({'topic': topic, 'ids': list(ids)}, separators=(',', ':'))}\n"
        for topic, ids in by_topic.items()
    ]
    # Only the last one carries the id: whoever is cut off in between gets all of them again.
    blocks[-1] = f"id: {id}\n{blocks[-1]}"
    return "\n".join(blocks) + "\n"
