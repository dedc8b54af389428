"""Everything that Prefect 0.x had and that 1.0 moved or removed, in one catalogue.

The catalogue drives the errors people meet when old code asks for such a thing, and the page "Moved
and removed" of the documentation. Nothing here is imported unless something was not found.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, NoReturn

from prefect._settings import REMOVED as REMOVED_SETTINGS

__all__ = [
    "CATALOGUE",
    "Removed",
    "RemovedError",
    "find_removed",
    "reject_flow_arguments",
    "reject_task_arguments",
    "removed_table",
]

Kind = Literal["module", "name", "argument", "setting", "command"]

PAGE = "removed.md"
"""Where the documentation lists all of this."""


class Removed(NamedTuple):
    """One thing that is no longer where it was."""

    kind: Kind
    """What it was; modules stand for everything below them."""
    old: str
    """Its name: dotted, or `prefect.Flow(environment)` for an argument, or the words of a command."""
    new: str
    """What to write instead, as the end of a sentence that begins with "use" or as a sentence."""
    since: str
    """The version that removed it."""

    @property
    def message(self) -> str:
        """What happened and what to do, for the error."""
        new = f"use {self.new}" if self.new[:1] in "`'" or self.new[:1].islower() else self.new
        return (
            f"{self.old} was removed in Prefect {self.since}: {new}. "
            f'See "Moved and removed" in the documentation ({PAGE}).'
        )


class RemovedError(ModuleNotFoundError):
    """Old code imports something that was moved or removed; the message names what to use instead.

    Args:
        removed: the entry of the catalogue
        name: what was asked for
    """

    def __init__(self, removed: Removed, name: str) -> None:
        super().__init__(removed.message, name=name)
        self.removed = removed

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.removed, self.name)


_STORAGE = "`prefect.storage.{0}`"
_AGENT_FARGATE = "the ECS agent, `prefect.agent.ecs.ECSAgent` (`prefect agent ecs start`)"
_CLI_AGENT = "`prefect agent <kind> start`, such as `prefect agent local start`"
_NO_TOKENS = "API keys, `prefect auth create-key`; API tokens are gone"
_RESULTS = "`prefect.engine.results`; a result reads and writes by itself"

CATALOGUE: tuple[Removed, ...] = (
    # ------------------------------------------------------------ environments and storage
    Removed(
        "module",
        "prefect.environments",
        "`prefect.storage` for storage classes, `prefect.run_configs` for where a flow runs, and `flow.executor` "
        "for how",
        "1.0",
    ),
    Removed("module", "prefect.environments.storage", "`prefect.storage`", "0.15"),
    Removed("module", "prefect.environments.storage.bytes", _STORAGE.format("Local"), "0.11"),
    Removed("module", "prefect.environments.storage.memory", _STORAGE.format("Local"), "0.11"),
    Removed("module", "prefect.environments.execution", "`prefect.run_configs` and `flow.executor`", "1.0"),
    Removed(
        "module",
        "prefect.environments.execution.dask",
        "`flow.executor = DaskExecutor(cluster_class=…)` from `prefect.executors`",
        "1.0",
    ),
    Removed("module", "prefect.environments.execution.fargate", "`prefect.run_configs.ECSRun`", "1.0"),
    Removed("module", "prefect.environments.execution.k8s", "`prefect.run_configs.KubernetesRun`", "1.0"),
    Removed("module", "prefect.environments.execution.local", "`prefect.run_configs.LocalRun`", "1.0"),
    Removed("module", "prefect.environments.execution.remote", "`flow.executor`", "0.14"),
    Removed("module", "prefect.serialization.environment", "`prefect.serialization.run_config`", "1.0"),
    Removed("argument", "prefect.Flow(environment)", "`run_config=` and `executor=`", "1.0"),
    # ------------------------------------------------------------ results
    Removed("module", "prefect.engine.result_handlers", _RESULTS, "0.14"),
    Removed("module", "prefect.engine.results.result_handler_result", _RESULTS, "0.14"),
    Removed("name", "prefect.engine.results.ResultHandlerResult", _RESULTS, "0.14"),
    Removed("name", "prefect.engine.result.SafeResult", "`prefect.engine.result.Result`", "0.14"),
    Removed("name", "prefect.engine.result.ResultInterface", "`prefect.engine.result.Result`", "0.14"),
    Removed("name", "prefect.engine.result.base.SafeResult", "`prefect.engine.result.Result`", "0.14"),
    Removed("name", "prefect.engine.result.base.ResultInterface", "`prefect.engine.result.Result`", "0.14"),
    Removed("module", "prefect.serialization.result_handlers", "`prefect.serialization.result`", "0.14"),
    Removed("name", "prefect.serialization.result.ResultHandlerResultSchema", "`StateResultSchema`", "0.14"),
    Removed("name", "prefect.serialization.result.SafeResultSchema", "`StateResultSchema`", "0.14"),
    Removed("argument", "prefect.Flow(result_handler)", "`result=`", "0.14"),
    Removed("argument", "prefect.Task(result_handler)", "`result=`", "0.14"),
    # ------------------------------------------------------------ engine
    Removed(
        "module",
        "prefect.engine.executors.sync",
        '`LocalDaskExecutor(scheduler="synchronous")` from `prefect.executors`',
        "0.11",
    ),
    Removed("module", "prefect.engine.executors.base", "`prefect.executors.base`", "0.14"),
    Removed("module", "prefect.engine.cloud.utilities", "`prefect.engine.cloud`", "0.11"),
    # ------------------------------------------------------------ flows, tasks, schedules
    Removed("module", "prefect.core.tasks", "`prefect.core.task`, or `prefect.Task`", "0.2"),
    Removed(
        "name",
        "prefect.core.task.Parameter",
        "`prefect.core.parameter.Parameter`, or `prefect.Parameter`",
        "1.0",
    ),
    Removed("module", "prefect.flows", "`prefect.Flow`", "0.7"),
    Removed("name", "prefect.schedules.OneTimeSchedule", "`Schedule(clocks=[DatesClock([…])])`", "0.15"),
    Removed("name", "prefect.schedules.UnionSchedule", "`Schedule(clocks=[…])` with several clocks", "0.15"),
    Removed(
        "name", "prefect.schedules.schedules.OneTimeSchedule", "`Schedule(clocks=[DatesClock([…])])`", "0.15"
    ),
    Removed(
        "name",
        "prefect.schedules.schedules.UnionSchedule",
        "`Schedule(clocks=[…])` with several clocks",
        "0.15",
    ),
    Removed("module", "prefect.serialization.schedule_compat", "`prefect.serialization.schedule`", "0.15"),
    Removed("name", "prefect.serialization.schedule.NewScheduleSchema", "`ScheduleSchema`", "0.15"),
    # ------------------------------------------------------------ task library
    Removed(
        "module", "prefect.tasks.core.parameter", "`prefect.core.parameter`, or `prefect.Parameter`", "0.2"
    ),
    Removed("module", "prefect.tasks.cloud", "`prefect.tasks.prefect`", "0.11"),
    Removed("name", "prefect.tasks.prefect.FlowRunTask", "`create_flow_run`, or `StartFlowRun`", "0.15"),
    Removed("name", "prefect.tasks.prefect.CancelFlowRunTask", "`CancelFlowRun`", "0.15"),
    Removed("name", "prefect.tasks.prefect.RenameFlowRunTask", "`RenameFlowRun`", "0.15"),
    Removed(
        "name", "prefect.tasks.prefect.flow_run.FlowRunTask", "`create_flow_run`, or `StartFlowRun`", "0.15"
    ),
    Removed("name", "prefect.tasks.prefect.flow_run_cancel.CancelFlowRunTask", "`CancelFlowRun`", "0.15"),
    Removed("name", "prefect.tasks.prefect.flow_run_rename.RenameFlowRunTask", "`RenameFlowRun`", "0.15"),
    Removed("name", "prefect.tasks.secrets.Secret", "`prefect.tasks.secrets.PrefectSecret`", "0.15"),
    Removed("name", "prefect.tasks.secrets.base.Secret", "`prefect.tasks.secrets.PrefectSecret`", "0.15"),
    Removed("module", "prefect.tasks.google", "`prefect.tasks.gcp`", "0.15"),
    Removed(
        "module", "prefect.tasks.airflow", "`ShellTask` from `prefect.tasks.shell` to call Airflow", "0.7"
    ),
    Removed("module", "prefect.contrib", "`prefect.tasks`", "0.14"),
    Removed("module", "prefect.contrib.tasks.databricks", "`prefect.tasks.databricks`", "0.14"),
    Removed("module", "prefect.contrib.tasks.mysql", "`prefect.tasks.mysql`", "0.14"),
    # ------------------------------------------------------------ utilities
    Removed(
        "module",
        "prefect.utilities.exceptions",
        "`prefect.exceptions`, where PrefectError is called PrefectException, StorageError FlowStorageError, "
        "TaskTimeoutError TaskTimeoutSignal and VersionLockError VersionLockMismatchSignal",
        "1.0",
    ),
    Removed("module", "prefect.utilities.docker_util", "the `docker` package", "0.14"),
    Removed("name", "prefect.utilities.git.get_bitbucket_client", "`atlassian.bitbucket.Cloud`", "0.14"),
    Removed("name", "prefect.utilities.git.get_github_client", "`github.Github`", "0.14"),
    Removed("name", "prefect.utilities.git.get_gitlab_client", "`gitlab.Gitlab`", "0.14"),
    Removed("name", "prefect.utilities.tasks.unmapped", "`prefect.unmapped`", "0.15"),
    # ------------------------------------------------------------ agents and client
    Removed("module", "prefect.agent.fargate", _AGENT_FARGATE, "1.0"),
    Removed(
        "module", "prefect.agent.nomad", "the Docker or Kubernetes agent; there is none for Nomad", "0.8"
    ),
    Removed(
        "module",
        "prefect.agent.kubernetes.resource_manager",
        "`prefect.agent.kubernetes.KubernetesAgent`, which cleans up after its jobs itself",
        "0.15",
    ),
    Removed("argument", "prefect.Client(api_token)", "`api_key=`", "1.0"),
    Removed("argument", "prefect.Flow.register(token)", "an API key", "1.0"),
    # ------------------------------------------------------------ settings
    *(Removed("setting", old, new, since) for old, (new, since) in REMOVED_SETTINGS.items()),
    # ------------------------------------------------------------ commands
    Removed("command", "prefect run flow", "`prefect run`", "1.0"),
    Removed("command", "prefect run cloud", "`prefect run`", "0.14"),
    Removed("command", "prefect run server", "`prefect run`", "0.14"),
    Removed("command", "prefect register flow", "`prefect register`", "1.0"),
    Removed("command", "prefect execute cloud-flow", "`prefect execute flow-run`", "0.14"),
    Removed("command", "prefect heartbeat task-run", "`prefect heartbeat flow-run`", "0.15"),
    Removed("command", "prefect agent start", _CLI_AGENT, "0.15"),
    Removed("command", "prefect agent install", "`prefect agent <kind> install`", "0.15"),
    Removed("command", "prefect agent fargate", "`prefect agent ecs`", "1.0"),
    Removed("command", "prefect auth create-token", _NO_TOKENS, "1.0"),
    Removed("command", "prefect auth list-tokens", "`prefect auth list-keys`", "1.0"),
    Removed("command", "prefect auth revoke-token", "`prefect auth revoke-key`", "1.0"),
)

MOVED_WITH_WARNING: Mapping[str, str] = {
    "prefect.artifacts": "prefect.backend",
    "prefect.engine.executors": "prefect.executors",
}
"""Old modules that still work and warn, and where their content lives."""

_BY_NAME = {entry.old: entry for entry in CATALOGUE}


def find_removed(name: str) -> Removed | None:
    """The entry for a dotted name, or for the removed module it lies in; None if there is none.

    Args:
        name: dotted name of a module, of something in one, or the words of a command
    """
    entry = _BY_NAME.get(name)
    while entry is None and "." in name:
        name = name.rpartition(".")[0]
        entry = _BY_NAME.get(name)
        if entry is not None and entry.kind != "module":
            return None
    return entry


def reject_flow_arguments(arguments: Mapping[str, Any]) -> NoReturn:
    """Refuse keyword arguments that `Flow` does not take.

    Args:
        arguments: the keyword arguments that were left over

    Raises:
        TypeError: always; says what to use for an argument that `Flow` once took
    """
    _reject("Flow", arguments)


def reject_task_arguments(arguments: Mapping[str, Any]) -> NoReturn:
    """Refuse keyword arguments that `Task` does not take.

    Args:
        arguments: the keyword arguments that were left over

    Raises:
        TypeError: always; says what to use for an argument that `Task` once took
    """
    _reject("Task", arguments)


def _reject(owner: str, arguments: Mapping[str, Any]) -> NoReturn:
    for name in arguments:
        entry = _BY_NAME.get(f"prefect.{owner}({name})")
        if entry is not None:
            raise TypeError(
                f"{owner}({name}=…) was removed in Prefect {entry.since}: use {entry.new}. "
                f'See "Moved and removed" in the documentation ({PAGE}).'
            )
    name = next(iter(arguments))
    raise TypeError(f"{owner}() got an unexpected keyword argument {name!r}")


def removed_table() -> str:
    """The catalogue as Markdown tables, one for each kind of thing, for the documentation."""
    titles: dict[Kind, str] = {
        "module": "Modules",
        "name": "Classes and functions",
        "argument": "Arguments",
        "setting": "Settings",
        "command": "Commands",
    }
    lines: list[str] = []
    for kind, title in titles.items():
        lines += [f"## {title}", "", "| was | removed in | use |", "|---|---|---|"]
        entries = sorted(entry for entry in CATALOGUE if entry.kind == kind)
        lines += [f"| `{entry.old}` | {entry.since} | {entry.new} |" for entry in entries]
        lines.append("")
    lines += ["## Old places that still work", "", "| was | is |", "|---|---|"]
    lines += [f"| `{old}` | `{new}` |" for old, new in MOVED_WITH_WARNING.items()]
    return "\n".join(lines) + "\n"
