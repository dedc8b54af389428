"""Setting up on a bare machine: what is missing is named in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

INSTALL = Path(__file__).resolve().parents[2] / ".ci" / "install"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a shell script")


def install(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`.ci/install` into a new folder, with only the programs in `tmp_path/bin` and the system's."""
    return subprocess.run(
        ["sh", str(INSTALL), str(tmp_path / "venv"), "run"],
        env={"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "NO_UV": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def fake_python(tmp_path: Path, body: str) -> None:
    """A `python3` of that shell code, which falls through to the real one."""
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "python3"
    script.write_text(f'#!/bin/sh\n{body}\nexec "{sys.executable}" "$@"\n')
    script.chmod(0o755)


def test_without_ensurepip_one_line_names_the_package_to_install(tmp_path: Path) -> None:
    fake_python(tmp_path, 'case "$2" in *ensurepip*) exit 1 ;; esac')

    done = install(tmp_path)

    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"Python {version} here cannot make virtual environments; on Debian or Ubuntu run: "
        f"apt-get install python{version}-venv\n"
    )
    assert not (tmp_path / "venv").exists()


def test_a_python_that_is_too_old_is_refused(tmp_path: Path) -> None:
    fake_python(tmp_path, 'case "$2" in *version_info*) exit 1 ;; esac')
    old = str(tmp_path / "bin" / "python3")

    done = install(tmp_path, PYTHON=old)

    assert done.returncode == 1
    assert done.stderr == f"PYTHON={old} is no Python 3.10 or newer.\n"


def test_the_scripts_of_the_build_are_valid_shell() -> None:
    for script in INSTALL.parent.iterdir():
        shell = script.read_text(encoding="utf-8").partition("\n")[0].rpartition("/")[2].split()[-1]
        done = subprocess.run([shell, "-n", str(script)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), os.fspath(script)
