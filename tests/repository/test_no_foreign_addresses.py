"""The repository can be cloned and built anywhere: it names no registry and no machine's folders."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Written in two halves so that this file does not find itself.
REGISTRY_HOSTS = [
    "py" + "pi.org",
    "python" + "hosted.org",
    "registry." + "npmjs",
    "registry." + "yarnpkg",
    "deb." + "debian.org",
    "proxy." + "golang.org",
    "crates" + ".io",
    "conda" + ".anaconda.org",
]
FOLDERS_OF_ONE_MACHINE = [
    r"/wo" + r"rk/(main|shared)\b",
    r"/opt/wo" + r"rk\b",
    r"/ro" + r"ot/\.",
    r"/home/(?!user|me|prefect|runner|\{|<|\$)\w+/",
]
FORBIDDEN = re.compile("|".join([re.escape(host) for host in REGISTRY_HOSTS] + FOLDERS_OF_ONE_MACHINE))


def tracked_files() -> list[Path]:
    listing = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode != 0:
        pytest.skip("not a git checkout: nothing says which files are tracked")
    return [path for name in listing.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_tracked_file_names_a_registry_host_or_a_machines_folder() -> None:
    findings: list[str] = []
    for path in tracked_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # pictures and recorded pickles
        for number, line in enumerate(text.splitlines(), 1):
            if match := FORBIDDEN.search(line):
                findings.append(f"{path.relative_to(ROOT)}:{number}: {match.group()}")
    assert findings == []


def test_every_pinned_requirement_has_a_hash() -> None:
    locks = sorted((ROOT / "requirements").glob("*.txt"))
    assert locks, "requirements/ holds the locks"
    for lock in locks:
        text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in text.splitlines():
            if line.strip() and not line.startswith("#"):
                assert "==" in line, f"{lock.name}: not pinned: {line}"
                assert "--hash=sha256:" in line, f"{lock.name}: no hash: {line}"
