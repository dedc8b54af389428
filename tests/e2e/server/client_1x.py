"""Runs the unmodified client of 1.4.1 in an environment of its own."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def python_1x() -> Path:
    """A Python with prefect 1.4.1: made once for the checkout, skipped where there is none to make it with."""
    named = os.environ.get("PREFECT_1_PYTHON")
    if named:
        return Path(named)
    environment = ROOT / ".venv-1.4.1"
    python = environment / "bin" / "python"
    stamp = environment / ".stamp-bench-1.4.1"
    with (ROOT / ".venv-1.4.1.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists():
            return python
        base = next(filter(None, map(_interpreter, ("3.11", "3.10"))), None)
        if base is None:
            pytest.skip("prefect 1.4.1 needs Python 3.10 or 3.11, and there is neither")
        done = subprocess.run(
            ["sh", ".ci/install", str(environment), "bench-1.4.1"],
            cwd=ROOT,
            env={**os.environ, "PYTHON": base},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        stamp.touch()
    return python


def _interpreter(version: str) -> str | None:
    found = shutil.which(f"python{version}")
    if found is None:
        # Not of $HOME, which is the tests' own.
        home = Path(os.environ.get("PYENV_ROOT") or Path(pwd.getpwuid(os.getuid()).pw_dir) / ".pyenv")
        candidates = sorted(home.glob(f"versions/{version}.*/bin/python"))
        found = str(candidates[-1]) if candidates else None
    if found is None:
        return None
    works = subprocess.run([found, "-c", "import ensurepip"], capture_output=True, check=False)
    return found if works.returncode == 0 else None


@dataclass
class Client:
    """The client of 1.4.1 with a home of its own.

    Attributes:
        python: its interpreter.
        home: its home.
        environment: settings.
        transcript: what was said and answered.
    """

    python: Path
    home: Path
    environment: dict[str, str]
    transcript: list[str] = field(default_factory=list[str])

    @property
    def _env(self) -> dict[str, str]:
        base = {key: value for key, value in os.environ.items() if not key.startswith(("PREFECT", "PYTHON"))}
        return {
            **base,
            "PATH": f"{self.python.parent}{os.pathsep}{base.get('PATH', '')}",
            "HOME": str(self.home),
            "PREFECT__HOME_DIR": str(self.home),
            "PREFECT__CLOUD__CHECK_CANCELLATION_INTERVAL": "1",
            "PREFECT__CLOUD__QUEUE_INTERVAL": "2",
            "PREFECT__CLOUD__LOGGING_HEARTBEAT": "1",
            "PREFECT__LOGGING__LEVEL": "INFO",
            "PYTHONWARNINGS": "ignore",
            **self.environment,
        }

    def __call__(self, *words: str, fails: bool = False, timeout_s: float = 180) -> str:
        """The output of `prefect` with these words."""
        return self.run([str(self.python.parent / "prefect"), *words], fails=fails, timeout_s=timeout_s)

    def code(self, text: str) -> str:
        """The output of a program."""
        return self.run([str(self.python), "-c", text], fails=False, timeout_s=120)

    def run(self, command: list[str], *, fails: bool, timeout_s: float) -> str:
        done = subprocess.run(
            command,
            env=self._env,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        output = done.stdout + done.stderr
        shown = [Path(command[0]).name, *command[1:]]
        self.transcript.append(f"$ {' '.join(shown)}\n{output.rstrip()}\n[exit {done.returncode}]")
        assert (done.returncode != 0) == fails, self.transcript[-1]
        return output

    @contextmanager
    def agent(self, *words: str) -> Iterator[None]:
        """A local agent, while the block runs."""
        log = self.home / "agent.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [str(self.python.parent / "prefect"), "agent", "local", "start", *words],
                env=self._env,
                cwd=self.home,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            self.transcript.append(f"$ prefect agent local start {' '.join(words)}\n{log.read_text()}")
