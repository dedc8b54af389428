"""Processes of flow runs, as jobs that an agent looks after."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

from prefect.agent._job import Ended
from prefect.agent.local._memory import kill_reason, oom_kills
from prefect.agent.local._output import Output
from prefect.agent.local._process_spec import ProcessSpec

__all__ = ["COMMAND", "ProcessJob", "StartedProcess", "start_process"]

#: What a process of a flow run does.
COMMAND = ("execute", "flow-run")


class StartedProcess:
    """A process that can be looked at and signalled.

    Args:
        pid: its id.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def exit_code(self) -> tuple[bool, int | None]:
        """Whether it has ended, and its code (negative for a signal, None if unknown)."""
        raise NotImplementedError

    def send_signal(self, number: int) -> None:
        """Send a signal to it and to the processes it started."""
        raise NotImplementedError


class Spawned(StartedProcess):
    """A fresh interpreter.

    Args:
        process: the process.
        on_end: called when it has ended, from another thread.
    """

    def __init__(self, process: subprocess.Popen[bytes], on_end: Callable[[], None]) -> None:
        super().__init__(process.pid)
        self._process = process
        threading.Thread(target=self._reap, args=(on_end,), name="prefect-agent-reaper", daemon=True).start()

    def _reap(self, on_end: Callable[[], None]) -> None:
        self._process.wait()
        on_end()

    def exit_code(self) -> tuple[bool, int | None]:
        code = self._process.poll()
        return code is not None, code

    def send_signal(self, number: int) -> None:
        if sys.platform == "win32":
            self._process.kill()
            return
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            self._process.send_signal(number)  # it does nothing for a process that was reaped


def start_process(spec: ProcessSpec, output: Output, on_end: Callable[[], None]) -> Spawned:
    """Start a fresh interpreter for a flow run, in a session of its own.

    Raises:
        OSError: it cannot be started; such as a directory that is not there.
    """
    command = [sys.executable, "-m", "prefect", *COMMAND]
    process = subprocess.Popen(  # noqa: S603 - our own command
        command,
        env=spec.environment,
        cwd=spec.directory,
        stdin=subprocess.DEVNULL,
        stdout=output.fileno(),
        stderr=subprocess.STDOUT,
        # It goes on when the agent's terminal is closed, and can be killed with all it started.
        start_new_session=True,
    )
    return Spawned(process, on_end)


class ProcessJob:
    """The process of a flow run.

    Args:
        process: the process.
        output: what it writes.
        show: called with what it writes, as it comes; None to keep it quiet.
    """

    def __init__(self, process: StartedProcess, output: Output, show: Callable[[bytes], None] | None) -> None:
        self.process = process
        self.output = output
        self._show = show
        self._oom_kills = oom_kills()
        self._was_stopped = False

    @property
    def name(self) -> str:
        """`PID: 1234`."""
        return f"PID: {self.process.pid}"

    def poll(self) -> Ended | None:
        """How it ended; None while it is there."""
        has_ended, code = self.process.exit_code()
        if self._show is not None and (new := self.output.new()):
            self._show(new)
        if not has_ended:
            self.output.trim()
            return None
        if code is None or code < 0:
            # What it started must not go on by itself while the run is started again.
            self.process.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
        reason = "" if self._was_stopped else kill_reason(code, self._oom_kills, oom_kills())
        return Ended(code, self.output.tail() if code != 0 else "", reason, is_lost=code is None)

    def stop(self, is_urgent: bool) -> None:
        """Ask it to end, or kill it with all that it started."""
        self._was_stopped = True
        urgent = signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL
        self.process.send_signal(urgent if is_urgent else signal.SIGTERM)

    def release(self) -> None:
        """Let go of its output."""
        self.output.close()

    def settled(self) -> None:
        """Nothing is left of a process."""
