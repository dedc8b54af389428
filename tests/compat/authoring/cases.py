"""Small flows that use everything by which flows are written; their graphs and states were recorded with 1.4.1.

`python cases.py > recorded.json`, run with Prefect 1.4.1, records them anew. So these files import only what
both versions have. A case is a function that builds a flow inside `with Flow(...)`; `LOG` collects what
resources do.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from typing import Any

from made_of import CASES, LOG

from prefect import Flow, context

__all__ = ["CASES", "describe"]

for _name in ("values", "mapping", "branches", "resources"):
    importlib.import_module(f"cases_{_name}")


def describe(build: Callable[[], Any]) -> dict[str, Any]:
    """The graph and the final states of the flow that `build` builds, as JSON."""
    LOG.clear()
    secrets = {"OBJECT": '{"a": 1}', "TEXT": "abc", "NUMBER": 3}
    with context(secrets=secrets):
        with Flow("a flow") as flow:
            build()
        state = flow.run()
    return {
        "edges": sorted(str(edge) for edge in flow.edges),
        "constants": sorted([task.name, _plain(values)] for task, values in flow.constants.items() if values),
        "tags": sorted([task.name, sorted(task.tags)] for task in flow.tasks if task.tags),
        "reference_tasks": sorted(task.name for task in flow.reference_tasks()),
        "state": type(state).__name__,
        "states": sorted([task.name, _state(state.result[task])] for task in flow.tasks),
        "log": list(LOG),
    }


def _state(state: Any) -> str:
    if state.is_mapped():
        return "Mapped: " + ", ".join(f"[{_state(child)}]" for child in state.map_states)
    return f"{type(state).__name__}: {_plain(state.result)}"


def _plain(value: Any) -> str:
    """The text of a value, or the class of what has an address in its text."""
    if isinstance(value, BaseException):
        return type(value).__name__
    if isinstance(value, (tuple, list)):
        inner = ", ".join(_plain(item) for item in value)
        return f"{type(value).__name__}({inner})"
    text = repr(value)
    return f"<{type(value).__name__}>" if " at 0x" in text else text


if __name__ == "__main__":
    json.dump({name: describe(build) for name, build in CASES.items()}, sys.stdout, indent=1, sort_keys=True)
    print()
