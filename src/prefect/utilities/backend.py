"""The file in which `prefect backend` keeps the choice of an API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect.configuration import load_toml
from prefect.utilities.context import context

__all__ = ["backend_path", "load_backend", "save_backend"]


def backend_path() -> Path:
    """Where the choice is kept: `backend.toml` in the home folder of the settings."""
    return Path(context.config.home_dir).expanduser() / "backend.toml"


def load_backend() -> dict[str, Any]:
    """The saved choice, such as `{"backend": "server"}`; empty if none was saved."""
    path = backend_path()
    return load_toml(path) if path.exists() else {}


def save_backend(backend: str) -> None:
    """Keep a choice for the programs that start from now on.

    Args:
        backend: `"cloud"` or `"server"`
    """
    path = backend_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'backend = "{backend}"\n', encoding="utf-8")
