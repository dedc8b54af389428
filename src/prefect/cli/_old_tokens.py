"""API tokens of Prefect before 1.0 that were left in the home folder. Nothing else reads them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Literal

__all__ = ["forget_token", "purge", "tokens_path"]


def tokens_path() -> Path:
    """The folder that held tokens, one file for each API."""
    from prefect.utilities.context import context

    return Path(str(context.config.home_dir)).expanduser() / "client"


def _files() -> list[Path]:
    folder = tokens_path()
    return sorted(folder.glob("*/settings.toml")) if folder.is_dir() else []


def forget_token() -> Literal["none", "reset", "deleted"]:
    """One step of leaving a token behind.

    The first call takes away what a login made of the token (tenant, access token) and keeps the token;
    the next call deletes it.

    Returns:
        what was done.
    """
    from prefect.configuration import load_toml

    done: Literal["none", "reset", "deleted"] = "none"
    for file in _files():
        settings: dict[str, Any] = dict(load_toml(file))
        token = settings.get("api_token")
        if token and settings.keys() - {"api_token"}:
            file.write_text(f'api_token = "{token}"\n', encoding="utf-8")
            done = "reset"
        elif done == "none":
            file.unlink()
            done = "deleted"
    return done


def purge() -> bool:
    """Delete all tokens; whether there were any."""
    folder = tokens_path()
    if not folder.exists():
        return False
    shutil.rmtree(folder)
    return True
