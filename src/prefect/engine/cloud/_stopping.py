"""Stopping the run of a flow from outside: its thread is interrupted wherever it is."""

from __future__ import annotations

import signal
import threading
import types
from collections.abc import Callable
from typing import Any

from prefect.executors._interrupt import raise_in_thread

__all__ = ["RunStopped", "Stopper"]

#: Seconds until a run that swallowed an interrupt is interrupted again, and how often that is tried.
_AGAIN_S, _TRIES = 6.0, 5


class RunStopped(BaseException):
    """Raised in the thread of a run that has to stop."""


class Stopper:
    """Interrupts the thread that entered the `with` block when `stop` is called from another.

    In the main thread the signal TERM is used, which also ends waiting; a signal TERM from
    outside is an interrupt (`KeyboardInterrupt`) meanwhile. In other threads waiting goes on, and
    the next line of Python code is interrupted.
    """

    def __init__(self) -> None:
        #: Why the run has to stop: a word, and more about it.
        self.reason: tuple[str, str] | None = None
        self._is_requested = threading.Event()
        self._has_stopped = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._in_main = False
        self._previous: Callable[[int, types.FrameType | None], Any] | int | None = None

    @property
    def is_requested(self) -> bool:
        """Whether the run has to stop."""
        return self._is_requested.is_set()

    def __enter__(self) -> Stopper:
        self._thread = threading.current_thread()
        self._in_main = self._thread is threading.main_thread()
        if self._in_main:
            self._previous = signal.signal(signal.SIGTERM, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        self.done()
        if self._in_main:
            signal.signal(signal.SIGTERM, self._previous)

    def check(self) -> None:
        """Raise if the run has to stop.

        Raises:
            RunStopped: it has.
        """
        if self._is_requested.is_set() and not self._has_stopped.is_set():
            raise RunStopped

    def done(self) -> None:
        """From now on nothing is interrupted any more: the run has noticed, or it has ended."""
        with self._lock:
            self._has_stopped.set()

    def stop(self, reason: str, text: str) -> None:
        """Interrupt the run.

        Args:
            reason: why, as a word.
            text: more about it.
        """
        with self._lock:
            if self._is_requested.is_set():
                return
            self.reason = reason, text
            self._is_requested.set()
        threading.Thread(target=self._interrupt, name="prefect-stop", daemon=True).start()

    def _interrupt(self) -> None:
        for _ in range(_TRIES):
            with self._lock:
                if self._has_stopped.is_set() or self._thread is None:
                    return
                if self._in_main:
                    _terminate_main_thread()
                elif self._thread.ident is not None:
                    raise_in_thread(self._thread.ident, RunStopped)
            # Code of the user's may have taken it for an error of its own.
            if self._has_stopped.wait(_AGAIN_S):
                return

    def _on_signal(self, *_: object) -> None:
        if self._is_requested.is_set():
            self.check()
        else:
            raise KeyboardInterrupt


def _terminate_main_thread() -> None:
    """Send SIGTERM to the main thread, which ends what it waits for."""
    if hasattr(signal, "pthread_kill"):
        ident = threading.main_thread().ident
        assert ident is not None
        signal.pthread_kill(ident, signal.SIGTERM)
    else:
        signal.raise_signal(signal.SIGTERM)
