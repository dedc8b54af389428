"""`import prefect` stays light: what it loads is a promise to command lines and workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

HOT_IMPORT = "from prefect import Flow, task; import prefect.engine"

# Each is imported where it is used. The times they would add to every start of every process are
# between 8 and 360 ms of CPU.
HEAVY = {
    "asyncio",
    "boto3",
    "click",
    "croniter",
    "dask",
    "dateutil",
    "distributed",
    "docker",
    "http.client",
    "inspect",
    "jinja2",
    "multiprocessing",
    "pendulum",
    "requests",
    "rich",
    "sqlite3",
    "ssl",
    "toml",
    "tornado",
    "tomllib",
    "unittest",
    "urllib3",
    "yaml",
}
MOST_MODULES = 150


@pytest.fixture(scope="module")
def loaded_modules() -> list[str]:
    """Names of all modules of a process that did nothing but the hot import."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; {HOT_IMPORT}; import json; print(json.dumps(list(sys.modules)))",
        ],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    # `json` itself was loaded only to print the answer, unless the import had it already.
    return json.loads(result.stdout)


def test_defining_a_flow_loads_no_heavy_library(loaded_modules: list[str]) -> None:
    assert HEAVY.intersection(loaded_modules) == set()


def test_defining_a_flow_loads_few_modules(loaded_modules: list[str]) -> None:
    count = len(loaded_modules)
    assert count <= MOST_MODULES, f"{count} modules; the newest: {loaded_modules[-40:]}"


def test_importing_prefect_alone_loads_no_heavy_library() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    code = "import sys, prefect; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert HEAVY.intersection(result.stdout.split()) == set()
