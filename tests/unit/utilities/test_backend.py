from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from prefect.utilities.backend import backend_path, load_backend, save_backend
from prefect.utilities.configuration import set_temporary_config


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    with set_temporary_config({"home_dir": str(tmp_path / "home")}):
        yield tmp_path / "home"


def test_nothing_is_saved_at_first(home: Path) -> None:
    assert load_backend() == {}
    assert not home.exists()


def test_a_choice_is_kept_in_the_home_folder(home: Path) -> None:
    save_backend("server")
    save_backend("cloud")

    assert load_backend() == {"backend": "cloud"}
    assert backend_path() == home / "backend.toml"


def test_the_next_program_follows_the_choice(home: Path) -> None:
    save_backend("server")

    result = subprocess.run(
        [sys.executable, "-c", "import prefect; print(prefect.config.cloud.api)"],
        env={**os.environ, "PREFECT__BACKEND_CONFIG_PATH": str(backend_path())},
        capture_output=True,
        text=True,
        check=True,
    )

    assert result.stdout.strip() == "http://localhost:4200"
