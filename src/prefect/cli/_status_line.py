"""The last line of a terminal while a run is followed: its state, how many of its tasks are done, and how long.

It is redrawn once a second and asks the API every few seconds, so that it costs next to nothing.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import click

from prefect.cli._output import styled

__all__ = ["StatusLine"]

_REDRAW_S = 1.0
_ASK_S = 3.0
#: The same, where a line was printed meanwhile: something happens.
_ASK_SOON_S = 1.0
_CLEAR = "\r\x1b[K"
_DONE = ("Success", "Mapped", "Cached", "Skipped", "Failed", "TriggerFailed", "TimedOut", "Cancelled")
_FAILED = ("Failed", "TriggerFailed", "TimedOut")
_QUERY = """
query($id: uuid!, $done: [String!], $failed: [String!]) { flow_run_by_pk(id: $id) {
    state
    all: task_runs_aggregate { aggregate { count } }
    done: task_runs_aggregate(where: { state: { _in: $done } }) { aggregate { count } }
    failed: task_runs_aggregate(where: { state: { _in: $failed } }) { aggregate { count } }
    running: task_runs_aggregate(where: { state: { _eq: "Running" } }) { aggregate { count } }
} }
"""


class StatusLine:
    """Draws the line while its block runs.

    Args:
        run_id: the flow run.
        shown: whether there is a line at all; without, all this does nothing.
    """

    def __init__(self, run_id: str, *, shown: bool) -> None:
        self._run_id = run_id
        self._thread = threading.Thread(target=self._work, name="prefect-status-line", daemon=True)
        self._shown = shown
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._facts: dict[str, Any] | None = None
        self._has_news = False

    def __enter__(self) -> StatusLine:
        if self._shown:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._shown:
            self._thread.join()

    @contextmanager
    def above(self) -> Generator[None]:
        """Take the line away while the block prints or asks something."""
        if not self._shown:
            yield
            return
        self._has_news = True
        with self._lock:
            self._draw("")
            yield
            self._draw(self._text())

    def _work(self) -> None:
        from prefect.client.client import Client

        client = Client()  # a connection of its own: that of the command is in use meanwhile
        asked_at = float("-inf")
        while not self._stop.is_set():
            if time.monotonic() - asked_at >= (_ASK_SOON_S if self._has_news else _ASK_S):
                self._has_news = False
                asked_at = time.monotonic()
                self._ask(client)
            with self._lock:
                self._draw(self._text())
            self._stop.wait(_REDRAW_S)
        with self._lock:
            self._draw("")

    def _ask(self, client: Any) -> None:
        import requests

        from prefect.exceptions import PrefectException

        variables = {"id": self._run_id, "done": _DONE, "failed": _FAILED}
        try:
            row = client.graphql(_QUERY, variables=variables, retry_on_api_error=False).data.flow_run_by_pk
        except (requests.RequestException, PrefectException):
            return  # whoever follows the run says that the API is away; the old numbers stay
        if row is not None:
            counts = {name: row[name].aggregate.count for name in ("all", "done", "failed", "running")}
            self._facts = {"state": row.state, **counts}

    def _text(self) -> str:
        if self._facts is None or self._stop.is_set():
            return ""
        from prefect.cli._run_lines import duration
        from prefect.cli._table import STATE_COLORS

        facts = self._facts
        state = styled(str(facts["state"]), sys.stderr, color=STATE_COLORS.get(facts["state"]), bold=True)
        parts = [f"{facts['done']:,}/{facts['all']:,} task runs done"]
        if facts["running"]:
            parts.append(styled(f"{facts['running']:,} running", sys.stderr, color="blue"))
        if facts["failed"]:
            parts.append(styled(f"{facts['failed']:,} failed", sys.stderr, color="red"))
        parts.append(duration(time.monotonic() - self._started))
        text = f"{state} · {' · '.join(parts)}"
        plain = click.unstyle(text)
        room = shutil.get_terminal_size().columns - 1
        # A line that wraps could not be taken away.
        return text if len(plain) <= room else plain[:room]

    def _draw(self, text: str) -> None:
        sys.stderr.write(_CLEAR + text)
        sys.stderr.flush()
