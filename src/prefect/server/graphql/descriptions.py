"""What tables and columns are, in the words of the schema."""

from __future__ import annotations

import inspect
import re
from typing import Any

__all__ = ["column", "members", "row"]

_ROWS = {
    "tenant": "A team, which sees nothing of others.",
    "project": "A project: flows that belong together.",
    "flow_group": "All versions of a flow, and what holds for each of them.",
    "flow": "A version of a flow.",
    "task": "A task of a flow.",
    "edge": "A task that needs another one.",
    "flow_run": "A run of a flow.",
    "task_run": "A run of a task in a flow run; a mapped task has one for each child too.",
    "flow_run_state": "A state that a flow run was in.",
    "task_run_state": "A state that a task run was in.",
    "log": "A line of the log of a run.",
    "agent": "An agent: it starts the runs that its labels let it have.",
    "agent_config": "Settings that agents may share.",
    "task_run_artifact": "Something that a task left to be looked at.",
    "message": "A note to people in a tenant.",
    "key_value": "A value that flows share.",
    "auth_api_key": "An API key; the key itself was shown once and is not here.",
    "task_tag_limit": "How many tasks with a tag may run at once.",
    "flow_concurrency_limit": "How many flow runs with a label may run at once.",
    "membership": "A user's place in a tenant.",
    "user": "A person, or a service account.",
}

_COLUMNS = {
    "archived": "Whether it is kept for its history only, and does not run any more.",
    "auto_generated": "Whether Prefect made it itself, for a list, a constant or the like.",
    "auto_scheduled": "Whether a schedule made it.",
    "cache_key": "What its results are shared under.",
    "cancel_deadline": "When it is called cancelled although its process has not said so.",
    "context": "Values for `prefect.context`.",
    "core_version": "The version of Prefect that it comes from.",
    "created": "When it was made.",
    "data": "What it shows: `link` or `markdown`, by its kind.",
    "default_parameters": "Parameters of runs that do not say others.",
    "default_tenant_id": "The tenant of requests that name none.",
    "end_time": "When it ended.",
    "environment": "Always null; what flows before 1.0 had.",
    "epoch": "The attempt it is at: a state of an earlier one is refused.",
    "expires_at": "When it ends; never when null.",
    "heartbeat": "When its process said last that it lives.",
    "id": "Its id.",
    "idempotency_key": "The run of this key is made once.",
    "info": "More about it.",
    "is_loaded_from_archive": "Always false.",
    "is_reference_task": "Whether it decides the state of a run.",
    "is_root_task": "Whether it needs no other task.",
    "is_schedule_active": "Whether its schedule makes runs.",
    "is_terminal_task": "Whether no other task needs it.",
    "labels": "Labels: an agent takes a run if it has all of the run's; of a flow group, null is none said.",
    "last_queried": "When it asked last for runs.",
    "last_used": "When it was used last, to the minute.",
    "lease_until": "When it is taken to be lost, unless its process or agent says before that it is not.",
    "level": "Its level: DEBUG, INFO, WARNING, ERROR, CRITICAL or another word.",
    "map_index": "The number of the child of a mapped task; -1 for the others.",
    "mapped": "Whether it runs once for each element of what it is given.",
    "max_retries": "How often it is tried again.",
    "parameters": "Parameters: of a flow what it declares, of a run their values.",
    "parent_task_run_id": "The task run that started it.",
    "prefix": "The first characters of the key.",
    "read": "Whether somebody has read it.",
    "result": "Where the result of the state is.",
    "retry_delay": "How long it waits before it is tried again, as HH:MM:SS.",
    "revoked": "When it was revoked.",
    "role": "What they may do: read-only, user or admin.",
    "run_config": "Where it runs and with what.",
    "schedule": "When it runs.",
    "scheduled_start_time": "When it is to begin.",
    "sequence": "Its number among the lines of its sender, from senders that count.",
    "serialized_flow": "The flow as it was registered.",
    "serialized_state": "The state with all of its details.",
    "settings": "Settings, such as `heartbeat_enabled` and `version_locking_enabled`.",
    "slug": "Its name in links and edges.",
    "start_time": "When it began; of a state, when what it waits for is due.",
    "state": "The name of its state.",
    "state_message": "What its state says.",
    "state_result": "Where the result of its state is.",
    "state_start_time": "When what it waits for is due; null when it does not wait.",
    "state_timestamp": "When it came into its state.",
    "storage": "Where the flow is loaded from.",
    "tenant_id": "Whose it is.",
    "times_resurrected": "How often it was started again after its process was lost.",
    "timestamp": "When it was.",
    "trigger": "The function that says by the tasks before whether it runs.",
    "updated": "When it was changed last.",
    "version": "Counts up: of a flow with each registration, of a run with each state.",
    "version_group_id": "What its versions have in common.",
}

_ATTRIBUTE = re.compile(r"^(\w+): (.*)$")


def row(table: str) -> str:
    """What a row of a table is."""
    return _ROWS[table]


def column(name: str) -> str | None:
    """What a column of that name holds; None if its name says it."""
    found = _COLUMNS.get(name)
    if found is None and name.endswith("_id"):
        return f"The id of its {name[:-3].replace('_', ' ')}."
    return found


def members(struct: type[Any]) -> dict[str, str]:
    """What the `Attributes` of a class's docstring say of them, as sentences."""
    found: dict[str, str] = {}
    name = ""
    for line in inspect.cleandoc(struct.__doc__ or "").partition("Attributes:\n")[2].splitlines():
        text = line.strip()
        match = _ATTRIBUTE.match(text)
        if match is not None and len(line) - len(text) <= 4:
            name = match[1]
            found[name] = match[2]
        elif name and text:
            found[name] += f" {text}"
    return {name: f"{text[0].upper()}{text[1:]}" for name, text in found.items()}
