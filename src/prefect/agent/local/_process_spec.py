"""From a flow run to the process that runs it. Pure: from values to values."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prefect.agent._environment import RunSettings, as_text, flow_run_variables

__all__ = ["ProcessSpec", "can_be_forked", "process_spec"]


@dataclass(frozen=True)
class ProcessSpec:
    """A process to start.

    Attributes:
        environment: all of its environment variables.
        directory: where it starts; the agent's directory if None.
    """

    environment: dict[str, str]
    directory: str | None = None


def process_spec(
    settings: RunSettings,
    flow_run: Any,
    *,
    own: Mapping[str, str],
    of_agent: Mapping[str, Any],
    of_run: Mapping[str, Any] | None,
    working_dir: str | None,
    import_paths: Sequence[str],
) -> ProcessSpec:
    """The process of a flow run. Later variables win: own, of_agent, of_run, those of the run itself.

    Args:
        settings: what the agent passes to all runs.
        flow_run: a row of `flow_run`, with its flow.
        own: environment variables of the agent.
        of_agent: variables that the agent was given for its runs.
        of_run: variables of the run config.
        working_dir: directory of the run config.
        import_paths: directories to import from.
    """
    variables: dict[str, str] = {
        **own,
        "PREFECT__LOGGING__LEVEL": settings.log_level,
        **as_text(of_agent),
        **as_text(of_run or {}),
        **flow_run_variables(settings, flow_run),
    }
    paths = [*import_paths, variables.get("PYTHONPATH", "")]
    joined = os.pathsep.join(path for path in paths if path)
    if joined:
        variables["PYTHONPATH"] = joined
    return ProcessSpec(variables, working_dir)


def can_be_forked(environment: Mapping[str, str], parent: Mapping[str, str]) -> bool:
    """Whether a process with this environment may be forked from one that was started with another.

    Some variables are read only while an interpreter or its libraries start. If one of them differs, a
    new interpreter is needed.

    Args:
        environment: of the new process.
        parent: of the process to fork.
    """
    names = {name for name in {*environment, *parent} if _is_read_at_start(name)}
    return all(environment.get(name) == parent.get(name) for name in names)


def _is_read_at_start(name: str) -> bool:
    if name == "PYTHONPATH":
        return False  # the import path is set after the fork
    return name in _READ_AT_START or name.startswith(_READ_AT_START_PREFIXES)


_READ_AT_START = frozenset({"LANG", "LANGUAGE", "OPENSSL_CONF", "GLIBC_TUNABLES"})
_READ_AT_START_PREFIXES = ("PYTHON", "LD_", "LC_", "MALLOC_", "DYLD_")
