"""Changes to the structure of a finished flow: `Flow.update` and `Flow.replace`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.core._signatures import task_signature
from prefect.core.edge import new_edge
from prefect.core.parameter import Parameter

if TYPE_CHECKING:
    from prefect.core.flow import Flow
    from prefect.core.task import Task


def update_flow(
    flow: Flow, other: Flow, merge_parameters: bool, validate: bool | None, merge_reference_tasks: bool
) -> None:
    """See `Flow.update`."""
    if merge_parameters:
        own = {parameter.name: parameter for parameter in flow.parameters()}
        for parameter in other.parameters():
            if parameter.name in own and own[parameter.name] is not parameter:
                replace_task(flow, own[parameter.name], parameter, validate=False)
    reference_tasks = flow.reference_tasks() | other.reference_tasks()
    for task in other.tasks:
        flow.add_task(task)
    for edge in other.edges:
        flow.add_edge(
            upstream_task=edge.upstream_task,
            downstream_task=edge.downstream_task,
            key=edge.key,
            mapped=edge.mapped,
            flattened=edge.flattened,
            validate=validate,
        )
    for task, values in other.constants.items():
        flow.constants[task].update(values)
    if merge_reference_tasks:
        flow.set_reference_tasks(reference_tasks)


def replace_task(flow: Flow, old: Task, new: Task, validate: bool) -> None:
    """See `Flow.replace`."""
    if old not in flow.tasks:
        raise ValueError(f"Task {old} was not found in Flow {flow}")
    into = list(flow.edges.upstream.get(old, ()))
    out_of = list(flow.edges.downstream.get(old, ()))
    constants = flow.constants.get(old, {})
    chosen = flow._reference_tasks  # pyright: ignore[reportPrivateUsage]

    flow.edges.difference_update([*into, *out_of])
    flow._forget_task(old)  # pyright: ignore[reportPrivateUsage]
    if old in chosen:
        flow._reference_tasks = (chosen - {old}) | {new}  # pyright: ignore[reportPrivateUsage]

    flow.add_task(new)
    if not isinstance(new, Parameter):
        signature = task_signature(new.run)
        for edge in into:
            flow.edges.add(new_edge(edge.upstream_task, new, edge.key, edge.mapped, edge.flattened))
        for key, value in constants.items():
            if key in signature.names or signature.var_keyword is not None:
                flow.constants[new].setdefault(key, value)
    for edge in out_of:
        flow.edges.add(new_edge(new, edge.downstream_task, edge.key, edge.mapped, edge.flattened))
    if validate:
        flow.validate()
