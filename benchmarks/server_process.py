"""A server under measurement: started, asked how much processor and memory its processes took, ended.

Linux only: it reads /proc.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["ServerProcess", "free_port"]

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat after the name; None when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()


class ServerProcess:
    """A server, with all processes that it starts.

    Args:
        command: what starts it.
        environment: variables besides PATH.
        url: where it answers.
        health: path that answers when it is ready.
        log: file for its output.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], url: str, health: str, log: Path
    ) -> None:
        self.url = url
        self._log = log
        started = time.perf_counter()
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                env={"PATH": os.environ["PATH"], **environment},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._wait(url + health)
        #: Seconds until it answered, and those of the processor until then.
        self.start_wall_s = time.perf_counter() - started
        self.start_cpu_s = self.cpu_s()

    def _wait(self, address: str) -> None:
        deadline = time.monotonic() + 180
        while True:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.end()
                raise SystemExit(f"The server did not start:\n{self._log.read_text()[-3000:]}")
            try:
                urllib.request.urlopen(address, timeout=5).close()
                return
            except OSError:
                time.sleep(0.02)

    def _pids(self) -> list[int]:
        """Its process and all below it."""
        parents: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                stat = _stat(int(entry.name))
                if stat is not None:
                    parents.setdefault(int(stat[1]), []).append(int(entry.name))
        found = [self._process.pid]
        for pid in found:
            found.extend(parents.get(pid, ()))
        return found

    def cpu_s(self) -> float:
        """Seconds of the processor, user and system, of all its processes and those that ended."""
        ticks = 0
        for pid in self._pids():
            stat = _stat(pid)
            if stat is not None:
                ticks += sum(int(field) for field in stat[11:15])
        return ticks * _TICK_S

    def pss_mb(self) -> float:
        """Memory of all its processes; what is shared counts in parts."""
        kilobytes = 0
        for pid in self._pids():
            try:
                text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            kilobytes += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
        return kilobytes / 1024

    def idle(self, seconds: float) -> float:
        """Seconds of the processor for each second in which nobody asks anything."""
        before = self.cpu_s()
        time.sleep(seconds)
        return (self.cpu_s() - before) / seconds

    def end(self) -> None:
        """Tell it to end; kill it when it does not."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            for pid in reversed(self._pids()):
                os.kill(pid, 9)
            self._process.wait()
