"""Tasks that start flow runs, wait for them, and read what their tasks returned."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlparse

from prefect.backend._watch import follow
from prefect.backend.artifacts import create_link_artifact as make_link_artifact
from prefect.backend.flow_run import FlowRunView, watch_flow_run
from prefect.core.task import Task
from prefect.engine.signals import FAIL, PrefectStateSignal, signal_from_state
from prefect.run_configs import RunConfig
from prefect.tasks.prefect._family import child_context, refuse_waiting_for_parent
from prefect.utilities import clock
from prefect.utilities._lazy import removed_names
from prefect.utilities.context import context as prefect_context
from prefect.utilities.tasks import defaults_from_attrs, task

if TYPE_CHECKING:
    from prefect.client.client import Client
    from prefect.engine.state import State

__all__ = ["StartFlowRun", "create_flow_run", "get_task_run_result", "wait_for_flow_run"]

__getattr__ = removed_names(__name__)


@task
def create_flow_run(
    flow_id: str | None = None,
    flow_name: str | None = None,
    project_name: str = "",
    parameters: dict[str, Any] | None = None,
    context: dict[str, Any] | None = None,
    labels: Iterable[str] | None = None,
    run_name: str | None = None,
    run_config: RunConfig | None = None,
    scheduled_start_time: datetime.datetime | datetime.timedelta | None = None,
    idempotency_key: str | None = None,
) -> str:
    """Start a run of a registered flow; its id.

    An agent has to be there that runs it. Retrying this task does not start a second run.

    Args:
        flow_id: the flow, or a flow group, of which the newest flow is taken.
        flow_name: the flow by its name; either this or `flow_id`.
        project_name: the project of the flow named `flow_name`, where several have one.
        parameters: values of its parameters.
        context: values for its `prefect.context`.
        labels: labels of the run; those of the flow by default.
        run_name: name of the run; by default the name of the current run and of the flow.
        run_config: how it runs; as the flow says by default.
        scheduled_start_time: when it starts, or in how much time; now by default.
        idempotency_key: a second run with the same key is not started; the id of the current task
            run by default.

    Raises:
        ValueError: no flow is given, or two, or there is none of that id or name.
    """
    from prefect.backend.flow import FlowView
    from prefect.client.client import Client

    if flow_id and flow_name:
        raise ValueError("Received both `flow_id` and `flow_name`. Only one flow identifier can be passed.")
    if not flow_id and not flow_name:
        raise ValueError("Both `flow_id` and `flow_name` are null. You must pass a flow identifier")
    logger = _logger()
    if flow_id:
        flow = FlowView.from_id(flow_id)
    else:
        flow = FlowView.from_flow_name(cast(str, flow_name), project_name=project_name)
    if run_name is None:
        current = prefect_context.get("flow_run_name")
        run_name = f"{current}-{flow.name}" if current else flow.name
    if isinstance(scheduled_start_time, datetime.timedelta):
        scheduled_start_time = clock.now() + scheduled_start_time
    logger.info(f"Creating flow run {run_name!r} for flow {flow.name!r}...")
    client = Client()
    flow_run_id = client.create_flow_run(
        flow_id=flow.flow_id,
        parameters=parameters,
        context=child_context(context),
        labels=list(labels) if labels is not None else None,
        run_name=run_name,
        run_config=run_config,
        scheduled_start_time=scheduled_start_time,
        idempotency_key=idempotency_key or _task_run_key(),
    )
    url = client.get_cloud_url("flow-run", flow_run_id)
    logger.info(f"Created flow run {run_name!r}: {url}")
    make_link_artifact(urlparse(url).path)
    return flow_run_id


def _task_run_key() -> str | None:
    """A key that is the same for every attempt of the current task run."""
    task_run_id = cast("str | None", prefect_context.get("task_run_id"))
    map_index = prefect_context.get("map_index")
    if not task_run_id or map_index is None:
        return task_run_id
    return f"{task_run_id}-{map_index}"


@task
def wait_for_flow_run(
    flow_run_id: str,
    stream_states: bool = True,
    stream_logs: bool = False,
    raise_final_state: bool = False,
    max_duration: datetime.timedelta = datetime.timedelta(hours=12),
) -> FlowRunView:
    """Wait until a flow run is finished; the run as it is then.

    Its changes of state, and its log if asked for, become lines of the current task's log.

    Args:
        flow_run_id: the run.
        stream_states: whether its changes of state are logged here.
        stream_logs: whether its log lines are.
        raise_final_state: end in the state that the run ended in.
        max_duration: how long to wait at most.

    Raises:
        ValueError: there is no such run, or it waits for this one.
        RuntimeError: it did not finish in that time.
    """
    refuse_waiting_for_parent(flow_run_id)
    logger = _logger()
    run = FlowRunView.from_flow_run_id(flow_run_id)
    lines = watch_flow_run(
        flow_run_id, stream_states=stream_states, stream_logs=stream_logs, max_duration=max_duration
    )
    for line in lines:
        logger.log(line.level, f"Flow {run.name!r}: {line.message}")
    run = run.get_latest()
    if raise_final_state:
        raise _ending(run.state, f"{flow_run_id} finished in state {run.state!r}", run)
    return run


@task
def get_task_run_result(flow_run_id: str, task_slug: str, map_index: int = -1, poll_time: int = 5) -> Any:
    """What a task of another flow run returned, read from where its result was written.

    The flow run is waited for first, as mapped tasks know their children only then.

    Args:
        flow_run_id: the flow run.
        task_slug: slug of the task, such as `load-1`.
        map_index: which child of a mapped task; all of them as a list by default.
        poll_time: seconds between two looks whether the flow run is finished.

    Raises:
        ValueError: there is no such run, it is the current one, or the result was not written.
    """
    if flow_run_id == prefect_context.get("flow_run_id"):
        raise ValueError(
            "Given `flow_run_id` is the same as the currently running flow. The `get_task_run_result` task cannot be "
            "used to retrieve results from the flow run it belongs to."
        )
    refuse_waiting_for_parent(flow_run_id)
    logger = _logger()
    run = FlowRunView.from_flow_run_id(flow_run_id)
    if not run.state.is_finished():
        logger.info(
            f"Waiting for flow run {run.name!r} to finish before reading the result of {task_slug!r}..."
        )
        _wait(flow_run_id, poll_time, logger)
        run = run.get_latest()
    task_run = run.get_task_run(task_slug=task_slug, map_index=map_index)
    logger.debug(f"Loading the result of {task_run!r}...")
    return task_run.get_result()


class StartFlowRun(Task):
    """Starts a run of a registered flow, the newest version of that name.

    Args:
        flow_name: name of the flow.
        project_name: its project.
        parameters: values of its parameters.
        run_config: how it runs; as the flow says by default.
        wait: whether to wait until the run is finished; the task ends in the state of the run then.
        new_flow_context: values for its `prefect.context`.
        run_name: name of the run; a generated one by default.
        scheduled_start_time: when it starts; now by default.
        poll_interval: time between two looks at the run while waiting; 3 seconds at least.
        create_link_artifact: whether a link to the run is shown beside this task.
        **kwargs: as for `Task`.

    Raises:
        ValueError: `poll_interval` is too short.
    """

    def __init__(
        self,
        flow_name: str | None = None,
        project_name: str | None = None,
        parameters: dict[str, Any] | None = None,
        run_config: RunConfig | None = None,
        wait: bool = False,
        new_flow_context: dict[str, Any] | None = None,
        run_name: str | None = None,
        scheduled_start_time: datetime.datetime | None = None,
        poll_interval: datetime.timedelta = datetime.timedelta(seconds=10),
        create_link_artifact: bool = True,
        **kwargs: Any,
    ) -> None:
        self.flow_name = flow_name
        self.project_name = project_name
        self.parameters = parameters
        self.run_config = run_config
        self.new_flow_context = new_flow_context
        self.run_name = run_name
        self.wait = wait
        self.scheduled_start_time = scheduled_start_time
        self.create_link_artifact = create_link_artifact
        if poll_interval.total_seconds() < 3:
            raise ValueError(
                "`poll_interval` needs to be at least 3 seconds to avoid spamming the Prefect server. "
                f"(poll_interval == {poll_interval.total_seconds()} seconds)!"
            )
        self.poll_interval = poll_interval
        if flow_name:
            kwargs.setdefault("name", f"Flow {flow_name}")
        super().__init__(**kwargs)

    @defaults_from_attrs(
        "flow_name",
        "project_name",
        "parameters",
        "new_flow_context",
        "run_name",
        "scheduled_start_time",
        "run_config",
    )
    def run(
        self,
        flow_name: str | None = None,
        project_name: str | None = None,
        parameters: dict[str, Any] | None = None,
        run_config: RunConfig | None = None,
        new_flow_context: dict[str, Any] | None = None,
        run_name: str | None = None,
        idempotency_key: str | None = None,
        scheduled_start_time: datetime.datetime | None = None,
    ) -> str:
        """The id of the run that was started.

        Args:
            flow_name: name of the flow.
            project_name: its project.
            parameters: values of its parameters.
            run_config: how it runs.
            new_flow_context: values for its `prefect.context`.
            run_name: name of the run.
            idempotency_key: a second run with the same key is not started; the id of the current
                task run by default.
            scheduled_start_time: when it starts.

        Raises:
            ValueError: no flow or project is given, or there is no such flow.
            PrefectStateSignal: with `wait`, the state that the run ended in.
        """
        from prefect.client.client import Client

        if flow_name is None:
            raise ValueError("Must provide a flow name.")
        if project_name is None:
            raise ValueError("Must provide a project name.")
        client = Client()
        flow_run_id = client.create_flow_run(
            flow_id=_newest_version(client, flow_name, project_name),
            parameters=parameters,
            run_config=run_config,
            idempotency_key=idempotency_key or prefect_context.get("task_run_id"),
            context=child_context(new_flow_context),
            run_name=run_name,
            scheduled_start_time=scheduled_start_time,
        )
        self.logger.debug(f"Flow Run {flow_run_id} created.")
        url = client.get_cloud_url("flow-run", flow_run_id)
        self.logger.info(f"Flow Run: {url}")
        if self.create_link_artifact:
            make_link_artifact(urlparse(url).path)
        if not self.wait:
            return flow_run_id
        refuse_waiting_for_parent(flow_run_id)
        _wait(flow_run_id, self.poll_interval.total_seconds(), self.logger)
        state = client.get_flow_run_state(flow_run_id)
        raise _ending(state, f"{flow_run_id} finished in state {state!r}", flow_run_id)


def _wait(flow_run_id: str, poll_s: float, logger: logging.Logger) -> None:
    """Wait until a flow run is finished; what keeps it from that becomes lines of the log."""
    lines = follow(
        flow_run_id,
        stream_states=False,
        stream_logs=False,
        max_duration=datetime.timedelta.max,
        longest_s=poll_s,
    )
    for line in lines:
        if line.level >= logging.WARNING:
            logger.log(line.level, f"Flow run {flow_run_id}: {line.message}")


def _newest_version(client: Client, flow_name: str, project_name: str) -> str:
    from prefect.backend._query import rows

    where = {
        "name": {"_eq": flow_name},
        "archived": {"_eq": False},
        "project": {"name": {"_eq": project_name}},
    }
    found = rows("flow", where, "id", order_by={"version": "desc"}, limit=1, client=client)
    if not found:
        raise ValueError(f"Flow {flow_name!r} not found.")
    return found[0].id


def _ending(state: State, message: str, result: Any) -> PrefectStateSignal:
    """The signal that ends the current task in the state of another run."""
    try:
        signal = signal_from_state(state)
    except ValueError:  # no task can end `Cancelled`
        signal = FAIL
    return signal(message=message, result=result)


def _logger() -> logging.Logger:
    return cast("logging.Logger", prefect_context.logger)
