"""Flows do what they did with 1.4.1: the scenarios in `flows/`, compared with what that version did.

`record_flows.py` records them anew.
"""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "flows"))
try:
    import differences
    import harness

    SCENARIOS = sorted(harness.load_scenarios())
finally:
    sys.path.remove(str(HERE / "flows"))

RECORDED: dict[str, Any] = json.loads((HERE / "flows" / "recorded.json").read_text(encoding="utf-8"))


def expected(name: str) -> Any:
    """What was recorded, with the differences that are meant."""
    outcome = copy.deepcopy(RECORDED[name])
    for difference in differences.DIFFERENCES:
        for step in difference.scenarios.get(name, ()):
            step(outcome)
    return outcome


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_ends_as_in_1_4_1(name: str) -> None:
    assert harness.play(name) == expected(name)


def test_every_scenario_was_recorded() -> None:
    assert sorted(RECORDED) == SCENARIOS


def test_differences_are_of_scenarios_that_exist() -> None:
    assert {name for each in differences.DIFFERENCES for name in each.scenarios} <= set(SCENARIOS)
