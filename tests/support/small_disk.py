"""A file system with little room, which tests fill and empty."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest

__all__ = ["SmallDisk"]


class SmallDisk:
    """A real file system with little room, where this user may mount one; else the test is skipped.

    Args:
        directory: where; it is made.
        megabytes: its size.
    """

    def __init__(self, directory: Path, megabytes: int = 24) -> None:
        self.directory = directory
        directory.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(directory)],
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            pytest.skip(f"no file system can be mounted here: {done.stderr.decode().strip()}")

    def fill(self) -> None:
        """Leave no room."""
        with contextlib.suppress(OSError), (self.directory / "filling").open("wb", buffering=0) as stream:
            while True:
                stream.write(b"x" * 65536)

    def empty(self) -> None:
        """Make room again."""
        (self.directory / "filling").unlink()

    def remove(self) -> None:
        """Unmount it, with all that is on it."""
        subprocess.run(["umount", "-l", str(self.directory)], check=True)
