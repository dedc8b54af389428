"""Flows have the graph and end in the states that 1.4.1 gave them."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
try:
    import cases
finally:
    sys.path.remove(str(HERE))

RECORDED: dict[str, Any] = json.loads((HERE / "recorded.json").read_text(encoding="utf-8"))


def test_every_case_was_recorded() -> None:
    assert sorted(cases.CASES) == sorted(RECORDED)


@pytest.mark.parametrize("name", sorted(cases.CASES))
def test_a_flow_is_built_and_runs_as_in_1_4_1(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # `Parameter` tasks that are not used, and so on
        found = json.loads(json.dumps(cases.describe(cases.CASES[name])))
    assert found == RECORDED[name]
