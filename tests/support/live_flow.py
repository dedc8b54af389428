"""A small flow to register with a server, and runs of it."""

from __future__ import annotations

from typing import Any

from live_server import Connection

__all__ = ["make_runs", "register_flow", "serialized_flow"]


def serialized_flow(name: str = "flow", tasks: int = 2, **changes: Any) -> dict[str, Any]:
    """The JSON of a flow of tasks that do not depend on each other."""
    return {
        "name": name,
        "type": "prefect.core.flow.Flow",
        "schedule": None,
        "parameters": [],
        "tasks": [_task(f"task-{number}") for number in range(tasks)],
        "edges": [],
        "reference_tasks": [],
        "run_config": {"type": "UniversalRun", "env": None, "labels": [], "__version__": "1.4.1"},
        "storage": {"type": "Local", "flows": {}, "secrets": [], "__version__": "1.4.1"},
        "__version__": "1.4.1",
        **changes,
    }


def _task(slug: str) -> dict[str, Any]:
    return {
        "name": slug,
        "slug": slug,
        "type": "prefect.tasks.core.function.FunctionTask",
        "tags": [],
        "max_retries": 0,
        "retry_delay": None,
        "inputs": {},
        "outputs": "typing.Any",
        "timeout": None,
        "trigger": {"fn": "prefect.triggers.all_successful", "kwargs": {}},
        "skip_on_upstream_skip": True,
        "cache_for": None,
        "cache_key": None,
        "cache_validator": {"fn": "prefect.engine.cache_validators.never_use", "kwargs": {}},
        "auto_generated": False,
        "__version__": "1.4.1",
    }


def register_flow(connection: Connection, name: str = "flow", tasks: int = 2, **changes: Any) -> str:
    """The id of a flow that is registered in a project of its own."""
    project = connection.mutate("create_project", "id", name=f"project of {name}").data
    made = connection.mutate(
        "create_flow",
        "id",
        project_id=project["create_project"]["id"],
        serialized_flow=serialized_flow(name, tasks, **changes),
    )
    return str(made.data["create_flow"]["id"])


def make_runs(connection: Connection, flow_id: str, count: int, **values: Any) -> list[str]:
    """The ids of new runs of a flow, in the order in which they were made."""
    made: list[str] = []
    while len(made) < count:
        wanted = range(min(50, count - len(made)))
        declared = ", ".join(f"$i{number}: create_flow_run_input!" for number in wanted)
        fields = " ".join(f"r{number}: create_flow_run(input: $i{number}) {{ id }}" for number in wanted)
        variables = {f"i{number}": {"flow_id": flow_id, **values} for number in wanted}
        data = connection.ask(f"mutation({declared}) {{ {fields} }}", variables).data
        made += [data[f"r{number}"]["id"] for number in wanted]
    return made
