"""Task runs in other processes: what is sent there, what comes back, and the chunking between.

Units travel as bytes made here, not by the executor: an object that does not pickle can then be
blamed on its task by name, and on its child, and what many units share is pickled once.
"""

from __future__ import annotations

import functools
import pickle
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from prefect.engine.inputs import element_state
from prefect.engine.map_group import MapGroup, Source, SourceKind, Stage
from prefect.engine.result.base import Result
from prefect.engine.state import Failed, Mapped, State
from prefect.engine.task_plan import RunSettings, TaskPlan
from prefect.utilities.context import Layer, context

if TYPE_CHECKING:
    from prefect.core.edge import Edge
    from prefect.core.task import Task


class StageParts(NamedTuple):
    """What a worker needs of one stage, the same for all chunks."""

    task: Task
    slug: str | None
    extra: dict[str, Any] | None
    sources: list[tuple[Edge, SourceKind, int]]
    static_states: dict[Edge, State]
    static_arguments: dict[str, Any] | None
    releases: bool


class SharedParts(NamedTuple):
    """What a worker needs of a unit, the same for all units of a group."""

    runner_cls: type[Any]
    handlers: list[Any]
    flow_result: Result | None
    context: dict[str, Any]
    stages: list[StageParts]


class ChunkStage(NamedTuple):
    """What a worker needs of one stage for one chunk: by source, states or elements; earlier states."""

    width: int
    data: list[tuple[Any, State | None]]
    prior: list[State | None]


class UnpicklableTask(Exception):
    """Something that has to travel to another process cannot."""


def pickle_bytes(value: object) -> bytes:
    """`value` as bytes, functions and classes of scripts and notebooks included."""
    import cloudpickle

    return cloudpickle.dumps(value)  # pyright: ignore[reportUnknownMemberType]


def can_travel(value: object) -> bool:
    """Whether a value pickles."""
    try:
        pickle_bytes(value)
    except Exception:  # noqa: BLE001 # pickling runs code of users' classes
        return False
    return True


Suspects = Iterable[tuple[str, object]]


def dumps(value: object, what: str, suspects: Suspects = ()) -> bytes:
    """`value` as bytes.

    Args:
        value: what is sent.
        what: what to call it in an error.
        suspects: parts of it that users know, by the names they know them under; asked first for
            the part that does not pickle.

    Raises:
        UnpicklableTask: it does not pickle; the message names the part that does not.
    """
    try:
        return pickle_bytes(value)
    except Exception as exc:  # pickling runs code of users' classes
        from prefect.utilities._pickling import explain_unpicklable

        where = next((found for name, part in suspects if (found := explain_unpicklable(part, name))), None)
        raise UnpicklableTask(
            f"{what} cannot be sent to the process that should run it: {where or explain_unpicklable(value)}. "
            "Make the object inside the task instead, or use an executor of threads."
        ) from exc


def suspects_of(task: Task, upstream_states: dict[Edge, State]) -> list[tuple[str, object]]:
    """The parts of a unit that users know: the task, and its inputs by name."""
    inputs = [(edge.key or edge.upstream_task.name, state.result) for edge, state in upstream_states.items()]
    return [(task.name, task), *inputs]


def light_edges(states: dict[Edge, State]) -> dict[Edge, State]:
    """The same states under edges whose upstream task is only a name: its code stays here."""
    return {light_edge(edge): state for edge, state in states.items()}


def light_edge(edge: Edge) -> Edge:
    """An equal edge whose upstream task has the name, slug and tags of the original, and no code."""
    from prefect.core.edge import new_edge
    from prefect.core.task import Task

    original = edge.upstream_task
    stand_in = object.__new__(Task)
    vars(stand_in).update(
        name=original.name, slug=original.slug, tags=original.tags, auto_generated=original.auto_generated
    )
    return new_edge(stand_in, edge.downstream_task, edge.key, edge.mapped, edge.flattened)


# -- one task run ---------------------------------------------------------------------


class SingleRun(NamedTuple):
    """One task run, to be done elsewhere."""

    task: Task
    slug: str | None
    state: State | None
    upstream_states: dict[Edge, State]
    extra: dict[str, Any] | None
    runner_cls: type[Any]
    handlers: list[Any]
    flow_result: Result | None
    context: dict[str, Any]


def run_single(packed: bytes) -> bytes:
    """Run a packed `SingleRun`; its final state, packed."""
    unit = cast("SingleRun", pickle.loads(packed))
    layer = Layer(unit.context)
    outer = context.push(layer)
    try:
        settings = RunSettings(unit.runner_cls, unit.handlers, unit.flow_result, layer)
        plan = TaskPlan(unit.task, unit.slug, settings)
        state = plan.run_steps(unit.state, unit.upstream_states, extra=unit.extra)
    finally:
        context.restore(outer)
    return _pack_state(state, unit.task.name)


def _pack_state(state: State, name: str) -> bytes:
    try:
        return dumps(state, f"The result of task {name!r}", [("result", state.result)])
    except UnpicklableTask as exc:
        return dumps(_unsendable(exc), "This error")


def _unsendable(exc: UnpicklableTask) -> State:
    message = str(exc).replace("to the process that should run it", "back from the process that ran it")
    message = message.partition(". Make the object")[0]
    return Failed(
        f"{message}. Return something that pickles, or use an executor of threads.", result=TypeError(message)
    )


# -- chunks of mapped children --------------------------------------------------------


def share(group: MapGroup, snapshot: dict[str, Any]) -> bytes:
    """What all chunks of a group have in common, packed.

    Raises:
        UnpicklableTask: a task, its inputs or the context do not pickle.
    """
    numbers = {id(stage): number for number, stage in enumerate(group.stages)}
    settings = group.stages[0].plan.settings
    parts = [
        StageParts(
            task=stage.plan.task,
            slug=stage.plan.slug,
            extra=stage.extra,
            sources=[
                (
                    light_edge(source.edge),
                    source.kind,
                    numbers[id(source.data)] if source.kind == "stage" else -1,
                )
                for source in stage.sources
            ],
            static_states=light_edges(stage.static_states),
            static_arguments=stage.static_arguments,
            releases=stage.releases,
        )
        for stage in group.stages
    ]
    names = " -> ".join(repr(stage.plan.task.name) for stage in group.stages)
    return dumps(
        SharedParts(settings.runner_cls, settings.handlers, settings.flow_result, snapshot, parts),
        f"Task {names}",
        [suspect for stage in group.stages for suspect in suspects_of(stage.plan.task, stage.static_states)],
    )


def chunk(group: MapGroup, start: int, stop: int) -> bytes:
    """What is special to the children from `start` to `stop`, packed.

    Raises:
        UnpicklableTask: an element that is mapped over does not pickle.
    """
    stages = [
        ChunkStage(
            width=stage.width,
            data=[_slice(source, start, stop) for source in stage.sources],
            prior=list(stage.prior[start:stop]),
        )
        for stage in group.stages
    ]
    suspects = (
        (f"{source.key}[{index}]", source.state_at(index).result)
        for stage in group.stages
        for source in stage.sources
        if source.kind != "stage"
        for index in range(start, min(stop, len(source)))
    )
    return dumps((start, stop, stages), f"An input of task {group.stages[0].plan.task.name!r}", suspects)


def _slice(source: Source, start: int, stop: int) -> tuple[Any, State | None]:
    if source.kind == "stage":
        return None, None
    if source.kind == "children":
        return list(cast("Sequence[State]", source.data)[start:stop]), None
    bare = element_state(source.state, None)
    return [source.data[index] for index in range(start, min(stop, len(source.data)))], bare


@functools.lru_cache(maxsize=4)
def _unshare(shared: bytes) -> SharedParts:
    return cast("SharedParts", pickle.loads(shared))


def run_chunk(shared: bytes, packed: bytes) -> tuple[float, bytes]:
    """Run some children of a group.

    Returns:
        the seconds it took, and the packed states: a list by stage of lists by child.
    """
    began = time.perf_counter()
    parts = _unshare(shared)
    start, stop, chunk_stages = cast("tuple[int, int, list[ChunkStage]]", pickle.loads(packed))
    layer = Layer(dict(parts.context))
    outer = context.push(layer)
    try:
        settings = RunSettings(parts.runner_cls, parts.handlers, parts.flow_result, layer)
        stages: list[Stage] = []
        for part, here in zip(parts.stages, chunk_stages, strict=True):
            sources = [
                Source(
                    edge,
                    kind,
                    stages[number] if kind == "stage" else data,
                    cast("State", state),
                    offset=start,
                )
                for (edge, kind, number), (data, state) in zip(part.sources, here.data, strict=True)
            ]
            stage = Stage(
                TaskPlan(part.task, part.slug, settings),
                mapped=Mapped(),
                sources=sources,
                static_states=part.static_states,
                static_arguments=part.static_arguments,
                width=here.width,
                prior=here.prior,
                extra=part.extra,
                offset=start,
            )
            stage.children = [None] * max(0, min(stop, here.width) - start)
            stage.releases = part.releases
            stages.append(stage)
        group = MapGroup(stages)
        group.run_range(start, stop)
        group.settle()
    finally:
        context.restore(outer)
    states = [stage.children for stage in stages]
    return time.perf_counter() - began, _pack_chunk(states, stages)


def _pack_chunk(states: list[list[State | None]], stages: list[Stage]) -> bytes:
    try:
        return pickle_bytes(states)
    except Exception:  # noqa: BLE001 # some result does not pickle: find out whose
        for children, stage in zip(states, stages, strict=True):
            for position, state in enumerate(children):
                try:
                    name = f"The result of task '{stage.plan.task.name}[{position + stage.offset}]'"
                    dumps(state, name, [("result", cast("State", state).result)])
                except UnpicklableTask as exc:
                    children[position] = _unsendable(exc)
        return pickle_bytes(states)


class ChunkSizes:
    """How many children to send at once: few when they are slow, many when they are quick.

    Starts with one child and grows or shrinks by what the last chunk took, towards chunks that
    run for `target` seconds.
    """

    def __init__(self, width: int, workers: int, target: float = 0.1) -> None:
        self._width = width
        self._workers = max(1, workers)
        self._target = target
        self.size = 1

    def learn(self, children: int, seconds: float) -> None:
        """Take in that a chunk of `children` took `seconds`."""
        wanted = self._target * children / max(seconds, 1e-6)
        self.size = int(max(1, min(wanted, self.size * 4, 1000)))

    def next_size(self, remaining: int) -> int:
        """Size of the next chunk: never more than an even share of what remains."""
        return max(1, min(self.size, -(-remaining // self._workers)))
