"""Checks of a flow, made before it is registered and, where cheap, before it runs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prefect.core._signatures import task_signature

if TYPE_CHECKING:
    from prefect.core.edge import Edge
    from prefect.core.flow import Flow
    from prefect.core.task import Task


def check_flow(flow: Flow) -> None:
    """Raise `ValueError` for the first thing by which the flow could not run."""
    for edge in flow.edges:
        if edge.upstream_task not in flow.tasks or edge.downstream_task not in flow.tasks:
            raise ValueError(f"{edge} connects a task that is not in {flow}. Add it with `flow.add_task`.")
    if any(task not in flow.tasks for task in flow.reference_tasks()):
        raise ValueError("Some reference tasks are not contained in this flow.")
    flow.sorted_tasks()
    for task in flow.tasks:
        check_arguments_once(flow, task)
    check_targets(flow)


def check_edge(flow: Flow, edge: Edge) -> None:
    """Check what adding one edge may have broken: cycles, and the argument it fills."""
    flow.sorted_tasks()
    task = edge.downstream_task
    check_arguments_once(flow, task)
    if edge.key is not None:
        signature = task_signature(task.run)
        if signature.var_keyword is None and edge.key not in signature.names:
            raise TypeError(
                f"{task} takes no argument {edge.key!r}. Its arguments are: "
                f"{', '.join(signature.signature.parameters) or 'none'}."
            )


def check_arguments_once(flow: Flow, task: Task) -> None:
    """Refuse a task one of whose arguments is given twice."""
    edges = flow.edges.upstream.get(task)
    if not edges:
        return
    constants = flow.constants.get(task)
    if len(edges) == 1 and not constants:
        return
    counts = Counter(edge.key for edge in edges if edge.key is not None)
    counts.update(list(constants or ()))  # keys: from a mapping it would take values for counts
    for key, count in counts.items():
        if count > 1:
            raise ValueError(
                f'Argument "{key}" for task {task} has already been assigned in this flow. If you are trying '
                "to call the task again with new arguments, call Task.copy() before adding the result to this flow."
            )


def check_targets(flow: Flow) -> None:
    """Refuse a task with a target that nothing could store or find.

    In 1.4.1 such a task failed when it ran.
    """
    from prefect.engine.result.base import Result

    if flow.result is not None and type(flow.result) is not Result:
        return
    for task in flow.tasks:
        if task.target is not None and (task.result is None or type(task.result) is Result):
            raise ValueError(
                f"Task {task.name!r} has a target ({task.target!r}), but neither the task nor the flow has a "
                "result that can be written and found there. Set one, such as "
                '`result=LocalResult(dir="...")`, on the task or on the flow.'
            )
