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


def save_backend(backend: str, address: str | None = None) -> None:
    """Keep a choice for the programs that start from now on.

    Args:
        backend: `"cloud"` or `"server"`
        address: where its API is; what the settings say by default. A choice without an address
            forgets an earlier one.
    """
    text = f'backend = "{backend}"\n'
    if address is not None:
        # `cloud.endpoint` and the address of the web UI follow this one.
        text += f'\n[server]\nendpoint = "{address}"\n\n[cloud]\nendpoint = "{address}"\n'
    path = backend_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
