"""What Windows lacks is taken away before Prefect is imported, and everything local still works.

This is no Windows: paths, line ends and the start of processes are those of this machine. It shows that
no module for POSIX systems is needed to import Prefect or to run a flow.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

RECORDED = Path(__file__).parents[1] / "compat" / "reachable.txt"

MASK = """
import importlib.abc, os, signal, sys

ABSENT = {"fcntl", "grp", "posixshmem", "_posixshmem", "pty", "pwd", "resource", "syslog", "termios", "tty"}

class Mask(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None

for name in ABSENT:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Mask())
for name in ("SIGALRM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGKILL", "alarm", "setitimer", "getitimer"):
    delattr(signal, name)
for name in ("fork", "forkpty", "getuid", "geteuid", "getgid", "getpgid", "killpg", "setsid", "register_at_fork"):
    delattr(os, name)
"""


def run_masked(code: str, *arguments: str) -> str:
    result = subprocess.run([sys.executable, "-c", MASK + code, *arguments], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_mask_masks() -> None:
    with pytest.raises(AssertionError, match="No module named 'fcntl'"):
        run_masked("import fcntl")


def test_every_module_can_be_imported() -> None:
    names = [name for name in RECORDED.read_text().split() if name.islower()]

    output = run_masked(
        """
import importlib, importlib.util
modules = 0
for name in sys.argv[1:]:
    # Not written yet, or a function in a module.
    try:
        if importlib.util.find_spec(name) is None:
            continue
    except ModuleNotFoundError:
        continue
    importlib.import_module(name)
    modules += 1
print(modules)
""",
        *names,
    )

    assert int(output) > 100


def test_a_flow_runs_with_all_that_is_local(tmp_path: Path) -> None:
    output = run_masked(
        """
from datetime import timedelta
from prefect import Flow, Parameter, case, task
from prefect.engine.results import LocalResult
from prefect.executors import LocalExecutor

attempts = []

@task(max_retries=1, retry_delay=timedelta(0))
def flaky(x):
    attempts.append(x)
    if len(attempts) == 1:
        raise ValueError("first")
    return x + 1

@task(log_stdout=True, timeout=30)
def show(x):
    print("value", x)
    return x

@task(result=LocalResult(dir=sys.argv[1]), target="total.txt")
def total(numbers):
    return sum(numbers)

with Flow("f", executor=LocalExecutor()) as flow:
    n = Parameter("n", default=3)
    one = flaky(n)
    with case(one, 4):
        shown = show.map([one, one])
    result = total(shown)

import cloudpickle, pendulum, prefect, tempfile
# Not before the imports: the standard library would import what only Windows has.
sys.platform = "win32"
with prefect.context(checkpointing=True):
    state = flow.run()
assert state.is_successful(), state
print(state.result[result].result, os.listdir(sys.argv[1]))
""",
        str(tmp_path),
    )

    assert output.splitlines()[-1] == "8 ['total.txt']"
    assert output.count("| value 4") == 2


def test_the_command_line_works() -> None:
    output = run_masked(
        """
sys.argv = ["prefect", "run", "-m", "prefect.hello_world", "--param", "name=Marvin"]
from prefect.cli import main
try:
    main()
except SystemExit as end:
    sys.exit(end.code)
"""
    )

    assert "Marvin" in output
