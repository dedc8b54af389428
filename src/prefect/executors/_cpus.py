"""How many CPUs this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def cpu_count() -> int:
    """CPUs that this process may use: those it is confined to, within the quota of its container."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_quota(CGROUP)
    return count if quota is None else max(1, min(count, math.ceil(quota)))


def _cgroup_quota(root: Path) -> float | None:
    """CPUs that a container limit (version 2 or 1 of control groups) allows; None without a limit."""
    try:
        limit, period = (root / "cpu.max").read_text(encoding="ascii").split()
        return None if limit == "max" else int(limit) / int(period)
    except (OSError, ValueError):
        pass
    try:
        limit = (root / "cpu" / "cpu.cfs_quota_us").read_text(encoding="ascii")
        period = (root / "cpu" / "cpu.cfs_period_us").read_text(encoding="ascii")
        return int(limit) / int(period) if int(limit) > 0 and int(period) > 0 else None
    except (OSError, ValueError):
        return None
