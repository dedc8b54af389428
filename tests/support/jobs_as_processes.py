"""What stand-ins for clusters share: the command of a container as a process of this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["ContainerProcess"]


class ContainerProcess:
    """A container that is a process.

    Args:
        command: what it runs; `prefect` is that of this Python.
        environment: its own variables.
        output: the file for what it writes.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], output: Path) -> None:
        self.output = output
        words = list(command)
        if words[:2] == ["/bin/sh", "-c"]:
            words = words[2].split()
        if words[0] == "prefect":
            words[:1] = [sys.executable, "-m", "prefect"]
        with output.open("wb") as stream:
            self._process = subprocess.Popen(
                words,
                env={**os.environ, **environment},
                stdout=stream,
                stderr=stream,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                cwd=output.parent,
            )

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """As a container has it: 137 after SIGKILL; None while it runs."""
        code = self._process.poll()
        return 128 - code if code is not None and code < 0 else code

    def signal(self, number: int) -> None:
        """Send it, and all it started, a signal."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def end(self) -> None:
        """End it now."""
        self.signal(signal.SIGKILL)
        self._process.wait(30)
