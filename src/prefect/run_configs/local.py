from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from prefect.run_configs.base import RunConfig

__all__ = ["LocalRun"]


class LocalRun(RunConfig):
    """Runs the flow as a process of a local agent.

    Example:
        ```python
        flow = Flow("nightly")
        flow.run_config = LocalRun(working_dir="/srv/flows")
        ```

    Args:
        env: environment variables of the process.
        working_dir: directory the process starts in; the agent's by default. A relative one is
            made absolute here and now.
        labels: labels an agent must have to take the run.
    """

    working_dir: str | None

    def __init__(
        self,
        *,
        env: dict[str, Any] | None = None,
        working_dir: str | os.PathLike[str] | None = None,
        labels: Iterable[str] | None = None,
    ) -> None:
        super().__init__(env=env, labels=labels)
        self.working_dir = None if working_dir is None else os.path.abspath(working_dir)  # noqa: PTH100 - no links resolved
