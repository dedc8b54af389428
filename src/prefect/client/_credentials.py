"""API keys and tenants as `prefect auth login` keeps them: `auth.toml`, by API address."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from prefect.configuration import config

__all__ = ["load", "path", "save"]


def path() -> Path:
    """The file."""
    return Path(str(config.home_dir)).expanduser() / "auth.toml"


def slug(api_server: str) -> str:
    """The name of a server's section: its host and port as a slug."""
    host = urlsplit(api_server).netloc or api_server
    return re.sub(r"[^a-z0-9]+", "-", host.lower()).strip("-")


def _read() -> dict[str, dict[str, str]]:
    file = path()
    if not file.exists():
        return {}
    from prefect.configuration import load_toml

    loaded: dict[str, Any] = dict(load_toml(str(file)))
    return {name: {k: str(v) for k, v in section.items()} for name, section in loaded.items()}


def load(api_server: str) -> dict[str, str]:
    """`{"api_key": ..., "tenant_id": ...}` of a server; empty without a login."""
    return _read().get(slug(api_server), {})


def save(api_server: str, api_key: str | None, tenant_id: str | None) -> None:
    """Keep the key and tenant of a server; None removes them. The file is readable by its owner only."""
    sections = _read()
    values = {"api_key": api_key, "tenant_id": tenant_id}
    sections[slug(api_server)] = {key: value for key, value in values.items() if value}
    lines: list[str] = []
    for name, section in sections.items():
        lines.append(f'["{name}"]')
        lines.extend(f'{key} = "{value}"' for key, value in section.items())
        lines.append("")
    file = path()
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(".tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write("\n".join(lines))
    temporary.replace(file)
