from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from prefect.utilities.configuration import set_temporary_config

# The stub beside the tests is imported by name; test directories are no packages.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _no_lines_are_sent() -> Iterator[None]:
    """The API in memory is no server: what sends log lines would knock at port 4200."""
    with set_temporary_config({"cloud.send_flow_run_logs": False}):
        yield
