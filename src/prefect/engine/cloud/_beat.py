"""Signs of life of a flow run, and the news that come back for it.

This file is also a program of its own: a run starts it with nothing but the standard library, tells it
on its standard input what to do (one line of JSON), and reads on its standard output what is new. So signs
of life go on while the run's process is busy in a long call of C code, and end when the process
ends, however it ends: its standard input is closed then, and its parent is another.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from typing import Any, NamedTuple, cast

__all__ = ["Beats", "Order"]

_WAITING = (
    "mutation($input: update_flow_run_heartbeat_input!) { update_flow_run_heartbeat(input: $input) "
    "{ success error state lease_s } }"
)
_PLAIN = (
    "mutation($input: update_flow_run_heartbeat_input!) { update_flow_run_heartbeat(input: $input) "
    "{ success } }"
)
#: Seconds that an answer may be waited for, so that a cancelled run hears of it at once.
_WAIT_S = 10.0
#: Between the time when a run has to stop itself and the end of its lease: this part of the lease.
_MARGIN = 0.25
#: Seconds after which a process is killed that was told to stop and did not, as it is in C code.
_CANCEL_S, _STOP_S = 25.0, 10.0


class Order(NamedTuple):
    """What is to be done.

    Attributes:
        url: address of the API.
        headers: of every request.
        flow_run_id: the run.
        epoch: the attempt at it; None for servers that know no attempts.
        waits: whether the server answers late, with news of the run.
        interval_s: seconds between two signs of life, at most.
        timeout_s: seconds to wait for an answer.
        ca_file: certificates of the authorities to trust; those of the system if None.
        lease_s: seconds from now within which the API has to hear of the run, if it said so.
        pid: the process of the run, which is killed if it does not stop in time; None to let it live.
        num: how many signs of life; no limit if None.
    """

    url: str
    headers: dict[str, str]
    flow_run_id: str
    epoch: int | None
    waits: bool
    interval_s: float
    timeout_s: float
    ca_file: str | None = None
    lease_s: float | None = None
    pid: int | None = None
    num: int | None = None


class Beats:
    """Sends signs of life until it is told to stop, or learns that the run has to.

    News are said as `(word, text)`:

        cancelled    the run is to be cancelled
        superseded   another attempt at the run has begun
        deleted      the run is no more
        lost         no sign of life arrived for so long that the server may start another attempt
        trouble      a sign of life did not arrive; it is tried again
        recovered    they arrive again

    Args:
        order: what is to be done.
        say: called with news.
        stop: set it to end.
        post: sends a request, and returns its answer, within a number of seconds; over HTTP by default.
    """

    def __init__(
        self,
        order: Order,
        say: Callable[[str, str], None],
        stop: threading.Event,
        post: Callable[[dict[str, Any], float], Any] | None = None,
    ) -> None:
        self.order = order
        self._post = post or self._post_over_http
        self.say = say
        self.stop = stop
        self._waits = order.waits
        self._lease_s = order.lease_s
        self._lease_end = None if order.lease_s is None else time.monotonic() + order.lease_s
        self._is_cancelled = False
        self._has_failed = False

    def run(self) -> None:
        """Send signs of life."""
        failures = sent = 0
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                answer = self._ask()
            except (OSError, HTTPException, ValueError) as exc:
                if isinstance(exc, urllib.error.HTTPError) and exc.code == 400 and self._waits:
                    self._waits = False  # the server is older than it was when the run began
                    continue
                failures += 1
                self._has_failed = True
                if failures == 1:
                    self.say("trouble", f"{type(exc).__name__}: {exc}")
                if self._is_over():
                    return
                self.stop.wait(self._shortened(min(0.25 * 2**failures, 5.0)))
                continue
            if failures:
                self.say("recovered", "")
                failures = 0
                self._has_failed = False
            sent += 1
            if self._has_ended(answer, began) or sent == self.order.num:
                return
            self.stop.wait(self._pause(time.monotonic() - began))

    def _ask(self) -> dict[str, Any]:
        order = self.order
        value: dict[str, Any] = {"flow_run_id": order.flow_run_id}
        wait_s = 0.0
        if self._waits:
            value["epoch"] = order.epoch
            # An answer that says how long the lease is comes at once; so does the one after trouble: something
            # on the way may close connections that are silent for long.
            if self._lease_s is not None and not self._is_cancelled and not self._has_failed:
                wait_s = value["wait_s"] = min(_WAIT_S, self._interval())
        body = {
            "query": _WAITING if self._waits else _PLAIN,
            "variables": json.dumps({"input": value}),
        }
        answer: Any = self._post(body, max(1.0, self._shortened(wait_s + order.timeout_s)))
        if not isinstance(answer, dict):
            raise ValueError("the answer is no JSON object")
        return cast("dict[str, Any]", answer)

    def _post_over_http(self, body: dict[str, Any], timeout_s: float) -> Any:
        headers = {"content-type": "application/json", **self.order.headers}
        request = urllib.request.Request(  # noqa: S310 - the address is the configured one
            self.order.url, json.dumps(body).encode(), headers
        )
        with self._open(request, timeout_s) as reply:
            return json.loads(reply.read())

    def _open(self, request: urllib.request.Request, timeout_s: float) -> Any:
        if not request.full_url.startswith("https:"):
            return urllib.request.urlopen(request, timeout=timeout_s)  # noqa: S310
        import ssl

        trusted = ssl.create_default_context(cafile=self.order.ca_file)
        return urllib.request.urlopen(request, timeout=timeout_s, context=trusted)  # noqa: S310

    def _has_ended(self, answer: dict[str, Any], began: float) -> bool:
        """Take in an answer; whether the run has nothing more to say."""
        errors: list[Any] = answer.get("errors") or []
        if errors:
            extensions: dict[str, Any] = errors[0].get("extensions") or {}
            if extensions.get("code") == "NOT_FOUND":
                self.say("deleted", "")
                self._kill_after(_STOP_S)
                return True
            self.say("trouble", str(errors[0].get("message")))
            return self._is_over()
        data: dict[str, Any] = answer.get("data") or {}
        reply: dict[str, Any] = data.get("update_flow_run_heartbeat") or {}
        if not self._waits:
            return False
        if reply.get("success") is False:
            self.say("superseded", str(reply.get("error")))
            self._kill_after(_STOP_S)
            return True
        lease_s = reply.get("lease_s")
        if lease_s:
            self._lease_s = float(lease_s)
            self._lease_end = began + self._lease_s
        if reply.get("state") in ("Cancelling", "Cancelled") and not self._is_cancelled:
            self._is_cancelled = True
            self.say("cancelled", "")
            threading.Thread(target=self._kill_after, args=(_CANCEL_S,), daemon=True).start()
        return False

    def _interval(self) -> float:
        if self._lease_s is None:
            return self.order.interval_s
        return max(0.1, min(self.order.interval_s, self._lease_s / 3))

    def _pause(self, elapsed: float) -> float:
        """Seconds until the next sign of life."""
        if self._waits and not self._is_cancelled:
            # The answer was waited for. One that came early had no news: do not ask again at once.
            return 0.0 if elapsed >= min(1.0, self._interval() / 2) else min(1.0, self._interval())
        return self._shortened(self._interval())

    def _stops_at(self) -> float | None:
        if self._lease_end is None or self._lease_s is None:
            return None
        return self._lease_end - _MARGIN * self._lease_s

    def _shortened(self, seconds: float) -> float:
        """Seconds, but not beyond the time when the run has to stop."""
        end = self._stops_at()
        return seconds if end is None else max(0.05, min(seconds, end - time.monotonic()))

    def _is_over(self) -> bool:
        """Whether the run has to stop, as the server may soon start another attempt at it."""
        end = self._stops_at()
        if end is None or time.monotonic() < end:
            return False
        self.say("lost", f"{self._lease_s:g}")
        assert self._lease_end is not None
        self._kill_after(self._lease_end - _MARGIN / 4 * (self._lease_s or 0) - time.monotonic())
        return True

    def _kill_after(self, seconds: float) -> None:
        """Kill the process of the run unless it has ended within this time."""
        pid = self.order.pid
        if pid is None or self.stop.wait(max(0.0, seconds)):
            return
        if os.getppid() == pid:
            os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def _watch_parent(stop: threading.Event, parent: int) -> None:
    """End with the run's process."""

    def until_closed() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        os._exit(0)

    threading.Thread(target=until_closed, daemon=True).start()
    # A process that was forked from the run's keeps the pipe open; whose child this is says more.
    while not stop.wait(0.5):
        if sys.platform != "win32" and os.getppid() != parent:
            os._exit(0)


def main() -> None:
    """Be the program."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the run's to handle
    line = b""
    while not line.endswith(b"\n"):
        data = os.read(0, 65_536)
        if not data:
            return
        line += data
    order = Order(**json.loads(line))

    def say(word: str, text: str) -> None:
        os.write(1, json.dumps([word, text]).encode() + b"\n")

    stop = threading.Event()
    threading.Thread(target=_watch_parent, args=(stop, os.getppid()), daemon=True).start()
    Beats(order, say, stop).run()


if __name__ == "__main__":
    main()
