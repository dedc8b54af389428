"""Real `prefect` processes for the tests of this folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

RunPrefect = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run_prefect(tmp_path: Path) -> RunPrefect:
    """Run `prefect WORDS` in an empty folder; `env` adds to the environment."""

    def run(
        *words: str, env: dict[str, str] | None = None, input: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "prefect", *words],
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=tmp_path,
            env={**os.environ, "PYTHONIOENCODING": "utf-8", **(env or {})},
            input=input,
            timeout=60,
            check=False,
        )

    return run
