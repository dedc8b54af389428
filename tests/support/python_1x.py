"""A Python with unmodified Prefect 1.4.1, in an environment of its own in the checkout."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import subprocess
from pathlib import Path

import pytest

__all__ = ["python_1x"]

ROOT = Path(__file__).resolve().parents[2]


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
