"""Runs the unmodified client of 1.4.1 in an environment of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Runs commands and programs in one process of 1.4.1, since starting it takes longer than most of them.
_WORKER = """
import contextlib, io, json, os, sys, traceback

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
from click.testing import CliRunner
from prefect.cli import cli
from prefect.utilities.configuration import set_temporary_config

for line in sys.stdin:
    job = json.loads(line)
    with set_temporary_config(job["config"]):
        if job["code"]:
            output, code = io.StringIO(), 0
            with contextlib.redirect_stdout(output):
                try:
                    exec(job["code"], {"__name__": "__main__"})
                except BaseException:
                    code = 1
                    traceback.print_exc(file=output)
            text = output.getvalue()
        else:
            done = CliRunner().invoke(cli, job["words"])
            text, code = done.output, done.exit_code
            if done.exception is not None and not isinstance(done.exception, SystemExit):
                text += "".join(traceback.format_exception(*done.exc_info))
    answers.write(json.dumps([text, code]) + "\\n")
    answers.flush()
"""


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
    _worker: subprocess.Popen[str] | None = None

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

    def __call__(self, *words: str, fails: bool = False, key: str | None = None) -> str:
        """The output of `prefect` with these words.

        Args:
            words: the words.
            fails: whether it has to fail.
            key: an API key to use instead of the one that was logged in with.
        """
        config = {"cloud.api_key": key} if key else {}
        text, code = self._ask({"words": words, "code": "", "config": config})
        return self._said(f"prefect {' '.join(words)}", text, code, fails)

    def code(self, text: str) -> str:
        """The output of a program."""
        output, code = self._ask({"words": (), "code": text, "config": {}})
        return self._said(f"python -c {text!r}", output, code, fails=False)

    def process(self, *words: str) -> str:
        """The output of `prefect` with these words, in a process of its own."""
        done = subprocess.run(
            [str(self.python.parent / "prefect"), *words],
            env=self._env,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        return self._said(
            f"prefect {' '.join(words)}", done.stdout + done.stderr, done.returncode, fails=False
        )

    def _said(self, command: str, output: str, code: int, fails: bool) -> str:
        self.transcript.append(f"$ {command}\n{output.rstrip()}\n[exit {code}]")
        assert (code != 0) == fails, self.transcript[-1]
        return output

    def _ask(self, job: dict[str, Any]) -> tuple[str, int]:
        if self._worker is None:
            with (self.home / "worker.log").open("w") as errors:
                self._worker = subprocess.Popen(
                    [str(self.python), "-c", _WORKER],
                    env=self._env,
                    cwd=self.home,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                )
        worker = self._worker
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(json.dumps(job) + "\n")
        worker.stdin.flush()
        answer = worker.stdout.readline()
        assert answer, (self.home / "worker.log").read_text()
        text, code = json.loads(answer)
        return text, code

    def close(self) -> None:
        """End the process that ran the commands."""
        if self._worker is not None:
            self._worker.communicate(timeout=30)

    @contextmanager
    def agent(self, *words: str) -> Iterator[None]:
        """A local agent, while the block runs; it is told every second that there may be work."""
        log = self.home / "agent.log"
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{found.getsockname()[1]}"
        with log.open("w") as output:
            process = subprocess.Popen(
                [
                    *(str(self.python.parent / "prefect"), "agent", "local", "start"),
                    *("--agent-address", address, *words),
                ],
                env=self._env,
                cwd=self.home,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        ended = threading.Event()

        def poke() -> None:
            while not ended.wait(1):
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"{address}/api/poke", timeout=5).close()

        poking = threading.Thread(target=poke)
        poking.start()
        try:
            yield
        finally:
            ended.set()
            poking.join()
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            self.transcript.append(f"$ prefect agent local start {' '.join(words)}\n{log.read_text()}")
