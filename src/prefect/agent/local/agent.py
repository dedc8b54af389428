"""`LocalAgent`: runs flows as processes of this machine."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Iterable
from typing import Any

from prefect.agent.agent import Agent
from prefect.agent.local._jobs import ProcessJob, StartedProcess, start_process
from prefect.agent.local._output import Output
from prefect.agent.local._process_spec import ProcessSpec, process_spec
from prefect.agent.local._warm import WarmParent, can_fork
from prefect.utilities.context import context as prefect_context

__all__ = ["LocalAgent"]


class LocalAgent(Agent):
    """Runs each flow run as a process of this machine.

    The processes are forked from one that has imported Prefect already, so that a run starts at once;
    apart from that they are like fresh ones. They are in sessions of their own and go on when the agent
    is gone.

    Example:
        ```python
        from prefect.agent.local import LocalAgent

        agent = LocalAgent(labels=["etl"], limit=4)
        agent.limit  # agent.start() works until Ctrl-C
        ```

    Args:
        agent_config_id: settings kept by the API, of an agent configuration.
        name: the name that the API shows; `cloud.agent.name` by default.
        labels: the agent takes runs whose labels are all among these and the host name.
        env_vars: environment variables of every run.
        import_paths: directories that runs import from.
        show_flow_logs: whether the output of runs is shown with the agent's.
        hostname_label: whether the name of this machine is a label of the agent.
        max_polls: how often to ask for work before `start` returns; no limit by default.
        agent_address: address of its health page, such as `http://localhost:8080`.
        no_cloud_logs: whether logs of flow runs are not sent to the API.
        limit: most flow runs at once; no limit by default.
        warm_start: whether processes are forked from a warm one; the setting
            `cloud.agent.warm_start` by default. Where that does not work, they are started afresh.
    """

    _owns_runs = True
    _supervises = True

    def __init__(
        self,
        agent_config_id: str | None = None,
        name: str | None = None,
        labels: Iterable[str] | None = None,
        env_vars: dict[str, Any] | None = None,
        import_paths: list[str] | None = None,
        show_flow_logs: bool = False,
        hostname_label: bool = True,
        max_polls: int | None = None,
        agent_address: str | None = None,
        no_cloud_logs: bool | None = None,
        *,
        limit: int | None = None,
        warm_start: bool | None = None,
    ) -> None:
        super().__init__(
            agent_config_id=agent_config_id,
            name=name,
            labels=labels,
            env_vars=env_vars,
            max_polls=max_polls,
            agent_address=agent_address,
            no_cloud_logs=no_cloud_logs,
            limit=limit,
        )
        self.processes: set[Any] = set()
        self.import_paths: list[str] = list(import_paths or ())
        self.show_flow_logs = show_flow_logs
        if show_flow_logs:
            self._round_s = 0.5
        host = socket.gethostname()
        if hostname_label and host not in self.labels:
            self.labels.append(host)
        if warm_start is None:
            warm_start = bool(prefect_context.config.cloud.agent.get("warm_start", True))
        self.warm_start = warm_start and can_fork()
        self._warm: WarmParent | None = None
        self._warm_lock = threading.Lock()

    def on_startup(self) -> None:
        """Start the process that runs are forked from."""
        if self.warm_start:
            self._warm_parent()

    def _close(self) -> None:
        if self._warm is not None:
            self._warm.close()

    def heartbeat(self) -> None:
        """Forget processes that have ended."""
        self.processes = {process for process in self.processes if not process.exit_code()[0]}

    def deploy_flow(self, flow_run: Any) -> str:
        """Start the process of a flow run.

        Args:
            flow_run: the run.

        Returns:
            `PID: 1234`.

        Raises:
            TypeError: its run config is for another kind of agent.
            OSError: the process cannot be started.
        """
        from prefect.run_configs import LocalRun

        run_config: LocalRun = self._get_run_config(flow_run, LocalRun)
        spec = self._spec(flow_run, run_config)
        if spec.directory is not None and not os.path.isdir(spec.directory):  # noqa: PTH112 - as given
            raise FileNotFoundError(f"The working directory {spec.directory} of the run config is not there.")
        output = Output()
        try:
            process = self._start(spec, output)
        except BaseException:
            output.close()
            raise
        self.processes.add(process)
        job = ProcessJob(process, output, _show if self.show_flow_logs else None)
        self._watch(flow_run, job)
        return job.name

    def populate_env_vars(self, flow_run: Any, run_config: Any = None) -> dict[str, str]:
        """The environment of the process of a flow run.

        Args:
            flow_run: the run.
            run_config: its run config.
        """
        return self._spec(flow_run, run_config).environment

    def _spec(self, flow_run: Any, run_config: Any) -> ProcessSpec:
        return process_spec(
            self._run_settings(),
            flow_run,
            own=os.environ,
            of_agent=self.env_vars,
            of_run=getattr(run_config, "env", None),
            working_dir=getattr(run_config, "working_dir", None),
            # compat: runs import from the folder that the agent was started in.
            import_paths=[os.getcwd(), *self.import_paths],  # noqa: PTH109
        )

    def _start(self, spec: ProcessSpec, output: Output) -> StartedProcess:
        """Start a process: forked, or afresh where a fork would differ."""
        parent = self._warm_parent() if self.warm_start else None
        if parent is not None and parent.can_start(spec):
            forked = parent.start(spec, output)
            if forked is not None:
                return forked
        return start_process(spec, output, self._look_at_jobs)

    def _warm_parent(self) -> WarmParent | None:
        """The warm parent, which is started (again) if it is not there; None if that does not work."""
        with self._warm_lock:
            if self._warm is None or not self._warm.is_alive:
                if self._warm is not None:
                    self.logger.warning("The process that runs are forked from is gone; starting another.")
                try:
                    self._warm = WarmParent(self._look_at_jobs)
                except OSError:
                    self.logger.exception(
                        "Runs are started afresh: the process to fork them from did not start."
                    )
                    self.warm_start = False
                    self._warm = None
            return self._warm

    def _look_at_jobs(self) -> None:
        if self._supervisor is not None:
            self._supervisor.wake()

    @staticmethod
    def generate_supervisor_conf(
        token: str | None = None,
        labels: Iterable[str] | None = None,
        env_vars: dict[str, Any] | None = None,
        import_paths: list[str] | None = None,
        show_flow_logs: bool = False,
        key: str | None = None,
        tenant_id: str | None = None,
        agent_config_id: str | None = None,
    ) -> str:
        """The configuration with which `supervisord` keeps a local agent running.

        Args:
            token: an API token; removed in 1.0.
            labels: labels of the agent.
            env_vars: environment variables of every run.
            import_paths: directories that runs import from.
            show_flow_logs: whether the output of runs is shown with the agent's.
            key: API key of the agent.
            tenant_id: tenant of the agent.
            agent_config_id: settings kept by the API.

        Raises:
            ValueError: a token.
        """
        from prefect.agent._install import supervisor_conf

        if token is not None:
            raise ValueError("API tokens were removed in 1.0. Give a key instead: `key=...`.")
        return supervisor_conf(
            labels=list(labels or ()),
            env_vars=env_vars or {},
            import_paths=import_paths or [],
            show_flow_logs=show_flow_logs,
            key=key,
            tenant_id=tenant_id,
            agent_config_id=agent_config_id,
        )


def _show(text: bytes) -> None:
    sys.stdout.write(text.decode("utf-8", "replace"))
    sys.stdout.flush()
