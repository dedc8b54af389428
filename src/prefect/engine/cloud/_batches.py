"""Children of mapped tasks, told to the API by the chunk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from prefect import triggers
from prefect.engine.cloud._reporter import Reporter, TaskRun, reporter_of
from prefect.engine.state import ClientFailed, Mapped, Running, State
from prefect.engine.task_runner import TaskRunner
from prefect.exceptions import PrefectException
from prefect.utilities.logging import get_logger

if TYPE_CHECKING:
    from prefect.engine.map_group import Stage

__all__ = ["CloudBatches"]

#: What a chunk should take: so long a child may be called `Running` before it runs.
_TARGET_S = 0.2
#: Children in one chunk at most: so many states one request carries twice.
_MOST = 250
#: Children that are registered at once.
_BLOCK = 1_000


class CloudBatches:
    """Registers children by the thousand, and announces quick ones as `Running` together.

    Args:
        runner_cls: class of the task runners.
    """

    def __init__(self, runner_cls: type[TaskRunner]) -> None:
        from prefect.engine.cloud.task_runner import CloudTaskRunner

        self.size = 1
        self._has_begun_before = False
        self._announces = runner_cls is CloudTaskRunner

    def begin(self, stage: Stage, start: int, stop: int) -> None:
        """Children are about to be run: register them, and announce those that will surely run."""
        task_id = cast("str | None", (stage.extra or {}).get("task_id"))
        flow_run_id = cast("str | None", stage.plan.settings.layer.get("flow_run_id"))
        if not task_id or not flow_run_id:
            return
        reporter = reporter_of(flow_run_id)
        try:
            self._register(reporter, task_id, stage, start, stop)
        except PrefectException as exc:
            # Each child asks for itself, and says what is wrong if that fails too.
            get_logger("CloudTaskRunner").debug(f"Children were not registered together: {exc}")
            return
        known = (reporter.known_child(task_id, index) for index in range(start, stop))
        if any(run is not None and type(run.state).__name__ != "Pending" for run in known):
            self._has_begun_before = True
        if stop - start < 2 or not self._announces or not _always_runs(stage):
            return
        running: list[tuple[TaskRun, Running]] = []
        for index in range(start, stop):
            run = reporter.known_child(task_id, index)
            if run is not None and type(run.state).__name__ == "Pending" and _will_run(stage, index):
                running.append((run, Running(message="Starting task run.")))
        reporter.announce(running)

    def _register(self, reporter: Reporter, task_id: str, stage: Stage, start: int, stop: int) -> None:
        missing = [index for index in range(start, stop) if reporter.known_child(task_id, index) is None]
        if missing:
            # In another process (the stage has an offset) others run the children after these.
            ahead = stop if stage.offset else start + _BLOCK
            reporter.register_children(task_id, missing[0], min(stage.width, max(stop, ahead)))

    def learn(self, children: int, seconds: float) -> None:
        """So many children took so long: chunks become longer or shorter."""
        wanted = _TARGET_S * children / max(seconds, 1e-6)
        if self._has_begun_before:
            # Children that an earlier attempt finished take no time, which says nothing of the others.
            wanted, self._has_begun_before = min(wanted, self.size), False
        self.size = int(max(1, min(wanted, self.size * 4, _MOST)))

    def settle(self, stages: Sequence[Stage]) -> None:
        """Send what waits; a child whose state the API did not take is `ClientFailed`."""
        flow_run_id = cast("str | None", stages[0].plan.settings.layer.get("flow_run_id"))
        if not flow_run_id:
            return
        reporter = reporter_of(flow_run_id)
        reporter.flush()
        refused = {id(state): exc for state, exc in reporter.refused()}
        if not refused:
            return
        for stage in stages:
            for position, child in enumerate(stage.children):
                if child is not None and id(child) in refused:
                    message = str(refused[id(child)])
                    stage.children[position] = ClientFailed(state=child, message=message)


def _always_runs(stage: Stage) -> bool:
    """Whether each child runs whose upstream tasks succeed: nothing else decides it."""
    task, settings = stage.plan.task, stage.plan.settings
    return (
        task.trigger is triggers.all_successful
        and not task.state_handlers
        and not settings.handlers
        and task.cache_for is None
        and task.target is None
        and not task.tags  # a limit of a tag may hold children back
        and all(_has_succeeded(state) for state in stage.static_states.values())
    )


def _will_run(stage: Stage, index: int) -> bool:
    """Whether the upstream tasks of a child have succeeded, and it has not begun before."""
    position = index - stage.offset
    if position < len(stage.prior) and stage.prior[position] is not None:
        return False
    return all(
        _has_succeeded(source.state if source.kind == "values" else source.state_at(index))
        for source in stage.sources
    )


def _has_succeeded(state: State) -> bool:
    if state.is_mapped():  # triggers look at its children
        children = cast("Mapped", state).map_states
        return all(child.is_successful() and not child.is_skipped() for child in children)
    return state.is_successful() and not state.is_skipped()
