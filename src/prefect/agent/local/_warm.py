"""The agent's side of the warm parent: starts it, asks it for processes, hears of their ends."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable

from prefect.agent.local._jobs import StartedProcess
from prefect.agent.local._output import Output
from prefect.agent.local._process_spec import ProcessSpec, can_be_forked
from prefect.agent.local._warm_main import receive, send

__all__ = ["Forked", "WarmParent", "can_fork"]

_PROGRAM = "import sys; from prefect.agent.local._warm_main import main; sys.exit(main(int(sys.argv[1])))"
#: Seconds until a parent that does not answer is given up.
_ANSWER_S = 30.0


def can_fork() -> bool:
    """Whether processes can be forked from another one here without harm."""
    # macOS has fork, but its system libraries do not survive it.
    return sys.platform == "linux"


class Forked(StartedProcess):
    """A process that was forked by a warm parent.

    Args:
        parent: the warm parent.
        number: of the process in the talk with it.
    """

    def __init__(self, parent: WarmParent, number: int) -> None:
        super().__init__(0)
        self.number = number
        self.error = ""
        self.answered = threading.Event()
        self.status: int | None = None
        self._parent = parent

    def exit_code(self) -> tuple[bool, int | None]:
        if self.status is not None:
            return True, os.waitstatus_to_exitcode(self.status)
        if self._parent.is_alive or self._is_there():
            return False, None
        return True, None  # its parent is gone, and with it the one that is told the code

    def _is_there(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def send_signal(self, number: int) -> None:
        # Its parent knows a process that has ended no more; what that has started is in its session still.
        if self.status is None and self._parent.send_signal(self.number, number):
            return
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return


class WarmParent:
    """A process that forks others.

    Args:
        on_end: called when a forked process has ended, from another thread.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, on_end: Callable[[], None]) -> None:
        self._on_end = on_end
        self._lock = threading.Lock()
        self._processes: dict[int, Forked] = {}
        self._last = 0
        self._ready = threading.Event()
        self.is_alive = True
        #: The environment that it was started with.
        self.environment = dict(os.environ)
        self._connection, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-c", _PROGRAM, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env=self.environment,
                # Ctrl-C in the agent's terminal is not for the runs.
                start_new_session=True,
            )
        except BaseException:
            self._connection.close()
            raise
        finally:
            theirs.close()
        self._thread = threading.Thread(target=self._listen, name="prefect-agent-warm", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def wait_until_ready(self, timeout_s: float = _ANSWER_S) -> bool:
        """Wait until it has imported everything; False if it did not in time."""
        return self._ready.wait(timeout_s) and self.is_alive

    def can_start(self, spec: ProcessSpec) -> bool:
        """Whether a fork would be the same as a fresh process."""
        return self.is_alive and can_be_forked(spec.environment, self.environment)

    def start(self, spec: ProcessSpec, output: Output) -> Forked | None:
        """Fork a process; None if this parent is gone and certainly did not.

        Raises:
            OSError: it could not fork, or does not say whether it did.
        """
        with self._lock:
            self._last += 1
            forked = Forked(self, self._last)
            self._processes[forked.number] = forked
            message = {
                "start": forked.number,
                "environment": spec.environment,
                "directory": spec.directory or os.getcwd(),  # noqa: PTH109
            }
            try:
                send(self._connection, message, output.fileno())
            except OSError:
                del self._processes[forked.number]
                return None
        if not forked.answered.wait(_ANSWER_S):
            self.close()
            raise TimeoutError(f"The warm parent (process {self.pid}) did not answer; it is given up.")
        if forked.error:
            raise OSError(forked.error)
        return forked

    def send_signal(self, number: int, signal_number: int) -> bool:
        """Send a signal to a forked process; False if this parent is gone."""
        with self._lock:
            try:
                send(self._connection, {"signal": number, "number": signal_number})
            except OSError:
                return False
        return True

    def _listen(self) -> None:
        try:
            while True:
                message, _ = receive(self._connection)
                if "ready" in message:
                    self._ready.set()
                elif "started" in message:
                    forked = self._processes[message["started"]]
                    forked.pid = message["pid"]
                    forked.answered.set()
                elif "ended" in message:
                    self._processes.pop(message["ended"]).status = message["status"]
                    self._on_end()
        except (EOFError, OSError):
            pass
        finally:
            self.is_alive = False
            self._ready.set()
            with self._lock:
                left = list(self._processes.values())
            for forked in left:
                if not forked.answered.is_set():
                    forked.error = "The warm parent ended while it was asked for a process."
                    forked.answered.set()
            self._process.wait()
            self._on_end()

    def close(self) -> None:
        """End it; what it forked goes on."""
        try:
            self._connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it is closed by the other side
        self._thread.join(timeout=5)
        self._connection.close()
