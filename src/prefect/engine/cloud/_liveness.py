"""Keeps a flow run known to be alive, and hears what becomes of it meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from prefect.engine.cloud._beat import Beats, Order
from prefect.utilities.context import context

if TYPE_CHECKING:
    import logging

    from prefect.client.client import Client

__all__ = ["Liveness"]

#: How often a process that sends signs of life is started again after it broke.
_MAX_STARTS = 5
#: Seconds that it gets to end after its standard input was closed.
_END_S = 2.0


class Liveness:
    """Signs of life of a flow run while the `with` block runs, from a process or a thread.

    Args:
        client: how to reach the API.
        flow_run_id: the run.
        epoch: the attempt at it; None for servers that know no attempts.
        mode: `process` or `thread`.
        on_news: called with news (see `Beats`), from another thread.
        logger: where trouble is written.
        lease_s: seconds within which the API has to hear of the run, if it said so.
        may_kill: whether the process may be killed that does not stop before its lease ends.
    """

    def __init__(
        self,
        client: Client,
        flow_run_id: str,
        epoch: int | None,
        mode: str,
        on_news: Callable[[str, str], None],
        logger: logging.Logger,
        *,
        lease_s: float | None = None,
        may_kill: bool = False,
    ) -> None:
        settings = context.config.cloud
        # Only a client that speaks HTTP can be stood in for by another process.
        self.mode = mode if client.speaks_http else "thread"
        self.logger = logger
        self._client = client
        self._on_news = on_news
        self._stop = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._order = Order(
            url=client.api_server.rstrip("/"),
            headers={**client.headers(), "X-PREFECT-HEARTBEAT-ID": flow_run_id},
            flow_run_id=flow_run_id,
            epoch=epoch,
            waits=epoch is not None,
            interval_s=float(settings.heartbeat_interval),
            timeout_s=float(settings.request_timeout),
            ca_file=_trusted(client.api_server),
            lease_s=lease_s,
            pid=os.getpid() if may_kill and self.mode == "process" else None,
        )

    def __enter__(self) -> Liveness:
        work = self._run_thread
        if self.mode == "process":
            # Here and not in the thread, which would not get to it while the flow is in a long call of C code.
            self._start()
            work = self._run_process
        self._thread = threading.Thread(target=work, name="prefect-heartbeat", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._stop.set()
            process = self._process
        if process is not None:
            _end(process)
        is_own_request = process is None and self._client.speaks_http
        # A request that is under way may wait for news: the daemonic thread ends after it and says nothing.
        if self._thread is not None and self._thread is not threading.current_thread() and not is_own_request:
            self._thread.join(1.0)

    # -- in a thread ------------------------------------------------------------------

    def _run_thread(self) -> None:
        post = None if self._client.speaks_http else self._client.post_graphql
        Beats(self._order, self._hear, self._stop, post).run()

    # -- in a process -----------------------------------------------------------------

    def _run_process(self) -> None:
        for number in range(_MAX_STARTS):
            process = self._process if number == 0 else self._start()
            if process is None:
                return
            assert process.stdout is not None
            for line in process.stdout:
                word, text = cast("tuple[str, str]", json.loads(line))
                self._hear(word, text)
            code = process.wait()
            if self._stop.is_set() or code == 0:
                return
            self.logger.warning(
                f"The process that sends heartbeats ended with status {code}; it is started again."
            )
        self.logger.warning("Heartbeats are sent from a thread from now on.")
        self._run_thread()

    def _start(self) -> subprocess.Popen[bytes] | None:
        program = str(Path(__file__).with_name("_beat.py"))
        with self._lock:
            if self._stop.is_set():
                return None
            try:
                # Isolated: what the flow has in its folder or its PYTHONPATH is no business of this program.
                process = subprocess.Popen(  # noqa: S603 - our own program
                    [sys.executable, "-I", "-S", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
                )
            except OSError as exc:
                self.logger.warning(f"No process could be started for heartbeats: {exc}")
                self._process = None
                self._run_thread_beside()
                return None
            self._process = process
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(self._order._asdict()).encode() + b"\n")
            process.stdin.flush()
        except OSError:  # it has ended already; its status says so
            pass
        return process

    def _run_thread_beside(self) -> None:
        threading.Thread(target=self._run_thread, name="prefect-heartbeat", daemon=True).start()

    def _hear(self, word: str, text: str) -> None:
        if word == "trouble":
            self.logger.warning(f"The heartbeat of the flow run did not arrive, and is sent again: {text}")
        elif word == "recovered":
            self.logger.info("Heartbeats of the flow run arrive again.")
        else:
            self._on_news(word, text)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process: it does so when its standard input is closed."""
    assert process.stdin is not None
    try:
        process.stdin.close()
    except OSError:
        pass
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _trusted(url: str) -> str | None:
    """The file of certificates that requests of the client go by."""
    if not url.startswith("https:"):
        return None
    chosen = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    if chosen:
        return chosen
    import certifi

    return certifi.where()
