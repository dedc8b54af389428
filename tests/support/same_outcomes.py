"""What came of flow runs, as the API has it, in a form in which two runs of one flow can be compared."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Outcome", "Told", "differences", "outcome_of", "registration_of"]

Ask = Callable[..., Any]
Told = dict[str, Any]

_QUERY = """
query($id: uuid!) {
  flow_run_by_pk(id: $id) {
    name parameters context auto_scheduled
    states(order_by: [{version: asc}, {timestamp: asc}]) { state message }
    logs { level name message }
    task_runs(order_by: [{map_index: asc}]) {
      name map_index task { slug }
      states(order_by: [{version: asc}, {timestamp: asc}]) { state message }
      serialized_state
      artifacts(order_by: [{created: asc}]) { kind data }
      child_flow_runs { name state parameters }
    }
  }
}
"""

#: What differs from run to run whoever runs it.
_VARYING = [
    (re.compile(r"(Traceback \(most recent call last\):\n)(?:[ \t].*\n)+"), r"\1"),
    (re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"0x[0-9a-f]{6,}"), "<address>"),
    (re.compile(r'File "[^"]*", line \d+'), "File <place>"),
    (re.compile(r"/[^\s'\"]*/(?:old|new)(?=[/\s'\"]|$)"), "<folder>"),
    (re.compile(r"\b(?:old|new)-flows\b"), "<project>"),
    (re.compile(r"http://localhost:\d+"), "<address of the UI>"),
    (re.compile(r"BoxList\((\[[^]]*\])\)"), r"\1"),
]


def _plain(text: str | None) -> str:
    text = text or ""
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return text


@dataclass
class Outcome:
    """What came of a flow run.

    Attributes:
        run: `name`, `parameters` and so on.
        states: of the run: `State: message`, oldest first.
        tasks: `{slug or slug[index]: states}`.
        results: `{slug or slug[index]: repr}` of what was read back.
        runs: `{slug or slug[index]: how often it was started}`.
        artifacts: `{slug: [kind and data]}`.
        logs: how often there is `LEVEL logger: message`.
    """

    run: dict[str, Any] = field(default_factory=dict[str, Any])
    states: list[str] = field(default_factory=list[str])
    tasks: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    results: dict[str, str] = field(default_factory=dict[str, str])
    runs: dict[str, int] = field(default_factory=dict[str, int])
    artifacts: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    logs: Counter[str] = field(default_factory=Counter[str])


def outcome_of(ask: Ask, told: Told) -> Outcome:
    """What the API has of a run.

    Args:
        ask: asks the API: a document and variables.
        told: what the player of the flow said: `id`, `error`, `results`.
    """
    row = ask(_QUERY, {"id": told["id"]})["flow_run_by_pk"]
    context = {key: value for key, value in (row["context"] or {}).items() if value is not None}
    found = Outcome(
        {"parameters": row["parameters"], "context": context, "process": told["error"]},
        [_state(state) for state in row["states"]],
    )
    for task_run in row["task_runs"]:
        index = task_run["map_index"]
        name = task_run["task"]["slug"] + (f"[{index}]" if index >= 0 else "")
        found.tasks[name] = [_state(state) for state in task_run["states"]]
        found.runs[name] = sum(state["state"] == "Running" for state in task_run["states"])
        found.results[name] = _plain(told["results"].get(name))
        artifacts = [
            _plain(json.dumps([a["kind"], a["data"]], sort_keys=True)) for a in task_run["artifacts"]
        ]
        if artifacts:
            found.artifacts[name] = artifacts
        if task_run["child_flow_runs"]:
            found.run[f"children of {name}"] = task_run["child_flow_runs"]
        found.run[f"name of {name}"] = task_run["name"]
    found.logs = Counter(f"{line['level']} {line['name']}: {_plain(line['message'])}" for line in row["logs"])
    return found


def _state(row: dict[str, Any]) -> str:
    return f"{row['state']}: {_plain(row['message'])}"


def differences(old: Outcome, new: Outcome) -> list[str]:
    """What is different in the second one; lines of the log may be more there, but not fewer."""
    found = [
        f"{part}{f' of {name}' if name else ''}: {was!r} became {now!r}"
        for part, name, was, now in _pairs(old, new)
        if was != now
    ]
    found += [f"log: {count} x {line!r} is missing" for line, count in (old.logs - new.logs).items()]
    return found


def _pairs(old: Outcome, new: Outcome) -> list[tuple[str, str, Any, Any]]:
    pairs: list[tuple[str, str, Any, Any]] = [("states", "", old.states, new.states)]
    for part in ("run", "tasks", "results", "runs", "artifacts"):
        was, now = getattr(old, part), getattr(new, part)
        pairs += [(part, name, was.get(name), now.get(name)) for name in {**was, **now}]
    return pairs


#: Parts of a registered flow that say where and by what it was registered.
_OF_THE_PLACE = ("__version__", "storage", "environment", "run_config")
#: Parts that are rows of their own, and empty or absent in the JSON by the way in which they were sent.
_ROWS = ("tasks", "edges")


def registration_of(ask: Ask, project: str, name: str) -> Told:
    """What the API has of a flow, apart from where it is stored and by which version it was registered."""
    document = (
        "query($project: String!, $name: String!) { flow(where: { name: { _eq: $name }, archived: { _eq: false }, "
        "project: { name: { _eq: $project } } }) { serialized_flow parameters schedule is_schedule_active settings "
        "description tasks(order_by: { slug: asc }) { name slug type description tags max_retries retry_delay "
        "trigger mapped auto_generated cache_key is_reference_task is_root_task is_terminal_task } "
        "edges { key mapped upstream_task { slug } downstream_task { slug } } } }"
    )
    [row] = ask(document, {"project": project, "name": name})["flow"]
    row = _without_place(row)
    row["parameters"].sort(key=lambda parameter: parameter["name"])
    flow = row["serialized_flow"]
    flow["parameters"].sort(key=lambda parameter: parameter["name"])
    row["serialized_flow"] = {key: value for key, value in flow.items() if key not in _ROWS}
    row["edges"] = sorted(row["edges"], key=lambda edge: json.dumps(edge, sort_keys=True))
    plain: Told = json.loads(_plain(json.dumps(row, sort_keys=True)))
    return plain


def _without_place(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_place(part) for key, part in value.items() if key not in _OF_THE_PLACE}
    return [_without_place(part) for part in value] if isinstance(value, list) else value
