"""The whole of it on one machine: a server, an agent, registered flows, a run that is watched.

    python examples/demo.py [--once] [--port 4200]

What it does can be typed by hand; each command is shown before it runs. The database, its logs and the settings of
this demo are in `output/demo` beside this file: your own settings are not touched. Without `--once` the server and
the agent go on until Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping
from pathlib import Path

from rich.console import Console

from prefect.server.process import running

EXAMPLES = Path(__file__).resolve().parent
OUTPUT = EXAMPLES / "output" / "demo"
DATA = OUTPUT / "data"
PROJECT = "demo"
#: `scheduled.py` is not among them: it runs every two seconds, and servers start nothing more often than each minute.
FLOWS = ("package_survey.py", "etl.py", "word_count.py")
PATIENCE_S = 60.0

console = Console(highlight=False, soft_wrap=True)


class DemoError(Exception):
    """It cannot go on; the message says why, and what to do."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--once", action="store_true", help="end when the run has ended")
    parser.add_argument(
        "--port", type=int, default=4200, help="where to serve; a free port if this one is in use"
    )
    options = parser.parse_args()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        show(options.port, is_once=options.once)
    except DemoError as exc:
        console.print(f"[bold red]{exc}[/]")
        return 1
    except KeyboardInterrupt:
        console.print(
            "\nThe server and the agent have ended. What they wrote is kept: `make demo` goes on with it."
        )
    return 0


def show(wanted_port: int, *, is_once: bool) -> None:
    other = running(DATA)
    if other is not None:
        raise DemoError(
            f"The demo runs already: {other.url} (process {other.pid}). Look at it there, or end it with Ctrl-C first."
        )
    port = free_port(wanted_port)
    if port != wanted_port:
        console.print(f"Port {wanted_port} is in use, so this demo takes {port}.")
    url = f"http://localhost:{port}"
    # A home of its own: neither a key of yours nor your settings are used or changed.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT__")}
    environment |= {
        "PREFECT__HOME_DIR": str(OUTPUT / "home"),
        "PREFECT__BACKEND": "server",
        "PREFECT__SERVER__ENDPOINT": url,
    }

    with (
        background(
            "the server", environment, "server", "start", "--port", str(port), "--data-dir", str(DATA)
        ) as server,
    ):
        wait_until_healthy(url, server)
        with background("an agent", environment, "agent", "local", "start", "--name", "demo", "--limit", "4"):
            run(environment, "create", "project", PROJECT, "--skip-if-exists")
            files = [word for name in FLOWS for word in ("--path", str(EXAMPLES / name))]
            run(environment, "register", "--project", PROJECT, *files)
            is_successful = run(
                environment,
                "run",
                "--name",
                "package-survey",
                "--project",
                PROJECT,
                "--watch",
                is_allowed_to_fail=True,
            )
            report = EXAMPLES / "output" / "package-survey" / "report.md"
            if is_successful and report.exists():
                console.print()
                console.print("\n".join(report.read_text(encoding="utf-8").splitlines()[:12]), style="dim")
            if not is_once:
                console.print(f"\n[bold]Look at it: {url}[/]   Ctrl-C ends the server and the agent.")
                server.wait()
                raise DemoError(f"The server has ended; {server_log()} says why.")
            if not is_successful:
                raise DemoError(
                    f"The run did not succeed; its lines above and {OUTPUT / 'agent.log'} say why."
                )


def free_port(wanted: int) -> int:
    """The port, or a free one if somebody listens there."""
    for port in (wanted, 0):
        with contextlib.suppress(OSError), socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(("127.0.0.1", port))
            return int(tried.getsockname()[1])
    raise DemoError("No port of this machine is free.")


def server_log() -> Path:
    return OUTPUT / "server.log"


def announce(words: tuple[str, ...], what: str) -> None:
    typed = shlex.join(("prefect", *words)).replace(f"{EXAMPLES.parent}{os.sep}", "")
    console.print(f"\n[bold green]$ {typed}[/]{what}")


@contextlib.contextmanager
def background(what: str, environment: Mapping[str, str], *words: str) -> Generator[subprocess.Popen[bytes]]:
    """Run a command beside us, and end it after the block."""
    log = OUTPUT / f"{words[0]}.log"
    announce(words, f" [dim]&   # {what}; its lines are in {log.relative_to(EXAMPLES.parent)}[/]")
    with log.open("wb") as output:
        # A session of its own: Ctrl-C reaches us, and we end it in order.
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", *words],
            env=dict(environment),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_healthy(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        if server.poll() is not None:
            said = server_log().read_text(encoding="utf-8", errors="replace").strip()
            raise DemoError(f"The server did not start:\n{said[-2000:]}\nTo begin anew, delete {OUTPUT}.")
        with (
            contextlib.suppress(urllib.error.URLError, OSError),
            urllib.request.urlopen(f"{url}/health", timeout=5),
        ):
            return
        if time.monotonic() > deadline:
            raise DemoError(f"The server did not answer within {PATIENCE_S:.0f} seconds; see {server_log()}.")
        time.sleep(0.05)


def run(environment: Mapping[str, str], *words: str, is_allowed_to_fail: bool = False) -> bool:
    """Run a command in this terminal; whether it succeeded."""
    announce(words, "")
    status = subprocess.run(
        [sys.executable, "-m", "prefect", *words], env=dict(environment), check=False
    ).returncode
    if status and not is_allowed_to_fail:
        raise DemoError(f"`prefect {shlex.join(words)}` ended with status {status}; its lines above say why.")
    return not status


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
