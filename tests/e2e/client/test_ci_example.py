"""The workflow that the documentation shows registers flows as the page says."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import yaml

from prefect import Client
from prefect.backend import FlowView

Prefect = Callable[..., "subprocess.CompletedProcess[str]"]

PAGE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "register-in-ci.md"
_FLOW = "from prefect import Flow, Task\nflow = Flow({name!r}, tasks=[Task('a')])\n"


def test_every_merge_registers_what_changed(
    prefect: Prefect, client: Client, url: str, tmp_path: Path
) -> None:
    block = re.search(r'```yaml title="[^"]+"\n(.*?)```', PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    job = yaml.safe_load(block[1])["jobs"]["register"]
    assert set(job["env"]) == {"PREFECT__CLOUD__API", "PREFECT__CLOUD__API_KEY"}
    commands = [shlex.split(step["run"]) for step in job["steps"] if step.get("name") == "Register"]
    assert len(commands) == 1

    def merge() -> subprocess.CompletedProcess[str]:
        program, *words = commands[0]
        assert program == "prefect"
        return prefect(*words, CI="true", PREFECT__CLOUD__API=url)

    (tmp_path / "flows").mkdir()
    for name in ("sales", "stock"):
        (tmp_path / "flows" / f"{name}.py").write_text(_FLOW.format(name=name))
    first = merge()
    assert first.returncode == 0, first.stderr
    view = FlowView.from_flow_name("sales", project_name="reports")
    assert view.run_config is not None
    assert "prod" in view.run_config.labels
    (tmp_path / "flows" / "sales.py").write_text(_FLOW.format(name="sales").replace("'a'", "'b'"))
    (tmp_path / "flows" / "broken.py").write_text("1 / 0\n")
    second = merge()
    assert second.returncode == 1
    assert second.stdout.splitlines()[-1].strip("=") == " 1 registered, 1 skipped, 1 errored "
    assert "ZeroDivisionError" in second.stderr
    assert FlowView.from_flow_name("sales", project_name="reports").flow_id != view.flow_id
