from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import prefect

SLEEPER = """
import threading
from prefect import Flow, task

@task
def wait():
    print("started", flush=True)
    threading.Event().wait(60)

with Flow("sleeper") as flow:
    wait()
"""


def modules_after(*words: str) -> set[str]:
    """Names of the modules that `prefect WORDS` loads."""
    code = (
        "import sys, json\n"
        "from prefect.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit:\n    pass\n"
        "print(json.dumps(list(sys.modules)))"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    result = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True, env=environment
    )
    return set(json.loads(result.stdout.splitlines()[-1]))


@pytest.mark.parametrize("word", ["version", "--version", "--help", "help"])
def test_version_and_help_load_neither_click_nor_rich_nor_a_flow(word: str) -> None:
    assert modules_after(word).isdisjoint(
        {"click", "rich", "prefect.core.flow", "pendulum", "importlib.metadata"}
    )


def test_the_help_of_a_command_loads_no_rich_and_no_engine() -> None:
    loaded = modules_after("run", "--help")
    assert loaded.isdisjoint({"rich", "dask", "prefect.core.flow", "prefect.engine.flow_runner", "pendulum"})
    assert "prefect.cli.diagnostics" not in loaded


def test_the_version_is_printed(run_prefect) -> None:
    result = run_prefect("version")
    assert (result.returncode, result.stdout, result.stderr) == (0, f"{prefect.__version__}\n", "")


def test_hello_world_runs_in_a_process_of_its_own(run_prefect) -> None:
    result = run_prefect("run", "-m", "prefect.hello_world", "--param", "name=Marvin")
    assert result.returncode == 0
    assert "Hello Marvin" in result.stdout
    assert "\x1b" not in result.stdout + result.stderr


def test_piped_output_is_plain_even_with_characters_that_the_encoding_lacks(
    tmp_path: Path, run_prefect
) -> None:
    (tmp_path / "flow.py").write_text(
        "import prefect\nfrom prefect import Flow, task\n"
        "@task\ndef show(): prefect.context.logger.info('snowman \\u2603')\n"
        "with Flow('snow') as flow: show()\n",
        encoding="utf-8",
    )
    result = run_prefect("run", "-p", "flow.py", env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert result.returncode == 0
    assert "snowman \\u2603" in result.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_stops_the_run_and_exits_with_130(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(SLEEPER, encoding="utf-8")
    status, errors = interrupted_once_started(tmp_path)
    assert status == 130
    assert errors.endswith("Error: Interrupted: the flow run was stopped by Ctrl-C.\n")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_while_a_flow_file_loads_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(
        "import threading\nprint('started', flush=True)\nthreading.Event().wait(60)\n", encoding="utf-8"
    )
    status, errors = interrupted_once_started(tmp_path)
    assert (status, errors.strip()) == (130, "Error: Interrupted.")


def interrupted_once_started(folder: Path) -> tuple[int, str]:
    """Exit status and errors of `prefect run -p flow.py` that gets Ctrl-C once it printed "started"."""
    process = subprocess.Popen(
        [sys.executable, "-m", "prefect", "run", "-p", "flow.py"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "started\n" in iter(process.stdout.readline, "")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    return process.returncode, errors


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
def test_a_reader_that_leaves_early_does_not_stop_the_run(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(
        "from pathlib import Path\nfrom prefect import Flow, task\n"
        "@task(log_stdout=True)\ndef work():\n    print('nobody reads this')\n    Path('done').touch()\n"
        "with Flow('busy') as flow: work()\n",
        encoding="utf-8",
    )
    result = run_without_reader("run", "-p", "flow.py", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "Flow 'busy' of flow.py\n")
    assert (tmp_path / "done").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
def test_data_without_a_reader_is_no_traceback(tmp_path: Path) -> None:
    result = run_without_reader("config", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (1, "")


def run_without_reader(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """`prefect WORDS` with a standard output that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return subprocess.run(
            [sys.executable, "-m", "prefect", *words],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writer)


def test_a_paused_task_asks_and_goes_on(tmp_path: Path, run_prefect) -> None:
    (tmp_path / "flow.py").write_text(
        "from prefect import Flow, task, triggers\n"
        "@task(trigger=triggers.manual_only, log_stdout=True)\ndef publish(): print('published')\n"
        "with Flow('approval') as flow: publish()\n",
        encoding="utf-8",
    )
    result = run_prefect("run", "-p", "flow.py", input="y\n")
    assert result.returncode == 0
    assert "published" in result.stdout


def in_terminal(*words: str, cwd: Path, env: dict[str, str]) -> tuple[int, str]:
    """Exit status and output of `prefect WORDS` in a terminal of 100 columns."""
    import fcntl
    import pty
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "NO_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-m", "prefect", *words],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        cwd=cwd,
        env={**environment, "TERM": "xterm-256color", **env},
        close_fds=True,
    )
    os.close(follower)
    chunks: list[bytes] = []
    while True:
        try:
            chunk = os.read(leader, 65536)
        except OSError:  # Linux says so when the other end is closed
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(leader)
    return process.wait(timeout=60), b"".join(chunks).decode()


needs_a_terminal = pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals are POSIX")


@needs_a_terminal
def test_a_terminal_shows_the_tree_in_colours(tmp_path: Path) -> None:
    status, output = in_terminal("run", "-m", "prefect.hello_world", cwd=tmp_path, env={})
    assert status == 0
    assert "├─" in output
    assert "say_hello" in output
    assert "Hello World" in output
    assert "\x1b[1;32m✓ Success" in output
    assert "Starting task run" not in output


@needs_a_terminal
def test_a_terminal_without_colours_still_shows_the_tree(tmp_path: Path) -> None:
    status, output = in_terminal("run", "-m", "prefect.hello_world", cwd=tmp_path, env={"NO_COLOR": "1"})
    assert status == 0
    assert "✓ Success" in output
    assert "\x1b[32m" not in output
    assert "\x1b[1;32m" not in output


@needs_a_terminal
@pytest.mark.parametrize("env", [{"CI": "true"}, {"TERM": "dumb"}])
def test_nothing_is_redrawn_where_nobody_watches(tmp_path: Path, env: dict[str, str]) -> None:
    status, output = in_terminal("run", "-m", "prefect.hello_world", cwd=tmp_path, env=env)
    assert status == 0
    assert "├─" not in output
    assert "Flow run succeeded!" in output
    assert "\x1b[?25l" not in output


@needs_a_terminal
def test_quiet_in_a_terminal_is_log_lines(tmp_path: Path) -> None:
    _, output = in_terminal("run", "-m", "prefect.hello_world", "--quiet", cwd=tmp_path, env={})
    assert "Starting task run" in output
    assert "├─" not in output
    assert "succeeded!" not in output


@needs_a_terminal
def test_a_failed_run_in_a_terminal_names_the_reason_under_its_task(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(
        "from prefect import Flow, task\n@task\ndef fail(): raise ValueError('this is why')\n"
        "with Flow('fails') as flow: fail()\n",
        encoding="utf-8",
    )
    status, output = in_terminal("run", "-p", "flow.py", "--no-logs", cwd=tmp_path, env={"NO_COLOR": "1"})
    assert status == 1
    assert "ValueError: this is why" in output
    assert "✗ Failed" in output
    assert "Traceback" not in output
