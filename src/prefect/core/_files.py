"""Where saved flows lie."""

from __future__ import annotations

import re
from pathlib import Path

from prefect.configuration import config


def default_flow_path(name: str) -> Path:
    """File of a flow saved without a path: `<home_dir>/flows/<name as a slug>.prefect`."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "flow"
    return Path(str(config.home_dir)).expanduser() / "flows" / f"{slug}.prefect"
