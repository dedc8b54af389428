from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import prefect
from prefect import Flow, Task
from prefect.engine.results import LocalResult
from prefect.run_configs import KubernetesRun, LocalRun
from prefect.schedules import IntervalSchedule
from prefect.storage import Local
from prefect.utilities import diagnostics


def test_system_information_names_versions() -> None:
    [info] = diagnostics.system_information().values()

    assert info == {
        "platform": platform.platform(),
        "python_version": platform.python_version(),
        "prefect_version": prefect.__version__,
        "prefect_backend": prefect.config.backend,
    }


def diagnose_with(settings: Path, code: str, **variables: str) -> Any:
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from prefect.utilities.diagnostics import *; import json; print(json.dumps({code}))",
        ],
        env={
            **os.environ,
            "PREFECT__USER_CONFIG_PATH": str(settings),
            "PREFECT__BACKEND_CONFIG_PATH": str(settings.with_name("backend.toml")),
            **variables,
        },
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(
        """
debug = true
custom = 3
[flows]
checkpointing = false
[mine]
a = "x"
[context]
other = 5
[context.secrets]
TOKEN = "hidden"
[cloud]
api_key = "very secret"
"""
    )
    return path


def test_settings_that_differ_are_named_without_their_values(settings: Path) -> None:
    [changed] = diagnose_with(settings, "config_overrides()").values()

    assert changed == {
        "debug": True,
        "custom": True,
        "mine": {"a": True},
        "context": {"other": True, "secrets": False},
        "cloud": {"api_key": True},
    }


def test_names_of_secrets_appear_on_request_only(settings: Path) -> None:
    secret = {"PREFECT__CONTEXT__SECRETS__OTHER": "also hidden"}

    text = diagnose_with(settings, "diagnostic_info()", **secret)
    assert "TOKEN" not in text
    assert "OTHER" not in text

    named = diagnose_with(settings, "diagnostic_info(include_secret_names=True)", **secret)
    assert json.loads(named)["config_overrides"]["context"]["secrets"] == {"TOKEN": True, "OTHER": True}
    for shown in (text, named):
        assert "hidden" not in shown
        assert "very secret" not in shown


def test_variables_are_listed_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT__B", "value")
    monkeypatch.setenv("PREFECT__A", "value")
    monkeypatch.setenv("PREFECT_C", "value")

    names = diagnostics.environment_variables()["env_vars"]

    assert [name for name in names if name in ("PREFECT__A", "PREFECT__B", "PREFECT_C")] == [
        "PREFECT__A",
        "PREFECT__B",
    ]


class TestFlow:
    def test_types_and_counts_are_shown_and_values_masked(self) -> None:
        flow = Flow(
            "f",
            schedule=IntervalSchedule(interval=datetime.timedelta(hours=1)),
            result=LocalResult(dir="."),
            storage=Local(secrets=["TOKEN"]),
            run_config=LocalRun(env={"PASSWORD": "p"}),
        )
        flow.add_task(Task("a"))

        [info] = diagnostics.flow_information(flow).values()

        assert info["task_count"] == 1
        assert info["result"] == {"type": "LocalResult"}
        assert info["schedule"]["clocks"] == ["IntervalClock"]
        assert info["storage"]["type"] == "Local"
        assert info["storage"]["secrets"] is True
        assert info["run_config"]["env"] == {"PASSWORD": True}
        assert info["run_config"]["working_dir"] is False

    def test_templates_are_masked_at_every_level(self) -> None:
        flow = Flow("f", run_config=KubernetesRun(job_template={"a": {"b": "secret"}}))

        [info] = diagnostics.flow_information(flow).values()

        assert info["run_config"]["job_template"] == {"a": {"b": True}}

    def test_a_bare_flow_has_little_to_tell(self) -> None:
        flow = Flow("f", run_config=None, storage=None)
        flow.run_config = None

        assert diagnostics.flow_information(flow)["flow_information"] == {
            "environment": False,
            "run_config": False,
            "storage": False,
            "result": False,
            "schedule": False,
            "task_count": 0,
        }

    def test_is_part_of_the_whole_text(self) -> None:
        flow = Flow("f", schedule=IntervalSchedule(interval=datetime.timedelta(hours=1)))

        text = diagnostics.diagnostic_info(flow)

        assert list(json.loads(text)) == [
            "config_overrides",
            "env_vars",
            "flow_information",
            "system_information",
        ]
        assert text == json.dumps(json.loads(text), indent=2, sort_keys=True)
        assert "flow_information" not in diagnostics.diagnostic_info()
        assert json.loads(flow.diagnostics()) == json.loads(text)
