"""`Agent`: takes flow runs from the API and has them started; how is the matter of its subclasses."""

from __future__ import annotations

import ast
import contextlib
import datetime
import logging
import signal
import sys
import threading
from collections.abc import Generator, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from prefect.agent._api import AgentApi, is_taken
from prefect.agent._remote_jobs import InfrastructureAwayError, NotStartedError
from prefect.agent._supervisor import Supervisor, Watched
from prefect.exceptions import ClientError, VersionLockMismatchSignal
from prefect.utilities import clock
from prefect.utilities.context import context as prefect_context

if TYPE_CHECKING:
    from types import FrameType

    from prefect.agent._environment import RunSettings
    from prefect.agent._health import HealthServer
    from prefect.agent._job import Job
    from prefect.client.client import Client

__all__ = ["AGENT_WAKE_EVENT", "Agent", "exit_handler"]

AGENT_WAKE_EVENT = threading.Event()
"""Set it to have an agent of this process ask for work at once."""

#: Seconds between two questions of a server that does not wait with its answer, the longer the less there is.
_PAUSES_S = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0)
#: Runs are taken from servers of 1.x this long before their time, as agents of 1.x do.
_AHEAD_S = 10.0
#: Most flow runs that are being started at once.
_STARTERS = 32


class _StopAsking(BaseException):
    """Raised in the main thread by a signal, to leave a question that the server answers later."""


class Agent:
    """Takes flow runs from the API and deploys them, until it is told to stop.

    Subclasses say how, in `deploy_flow`:

    Example:
        ```python
        from prefect.agent import Agent


        class PrintingAgent(Agent):
            def deploy_flow(self, flow_run):
                return f"I was asked for {flow_run.name}"
        ```

    Args:
        agent_config_id: settings kept by the API, of an agent configuration.
        name: the name that the API shows; `cloud.agent.name` by default.
        labels: the agent takes runs whose labels are all among these; `cloud.agent.labels` by default.
        env_vars: environment variables of every run.
        max_polls: how often to ask for work before `start` returns; no limit by default.
        agent_address: address of its health page, such as `http://localhost:8080`.
        no_cloud_logs: whether logs of flow runs are not sent to the API.
        limit: most flow runs at once; no limit by default. The server counts them, so that the limit
            also holds after the agent was started again.
    """

    #: What one deployed flow run is, in a word.
    _what = "process"
    #: Whether deployed runs end when the agent's process tree does, so that a stop waits for them.
    _owns_runs = False
    #: Whether the agent sees the infrastructure of its runs; else the server waits longer for a first sign.
    _supervises = False
    #: Seconds for which a run is kept while its infrastructure starts. The agent renews it.
    _lease_s = 30.0
    #: Seconds for which runs that were asked for are kept until they are taken.
    _reserve_s = 5.0
    #: Seconds that the server waits for work before it answers that there is none.
    _wait_s = 10.0
    #: Seconds between two looks at the jobs.
    _round_s = 2.0

    heartbeat_period: float = 60.0
    """Seconds between two calls of `heartbeat`."""

    def __init__(
        self,
        agent_config_id: str | None = None,
        name: str | None = None,
        labels: Iterable[str] | None = None,
        env_vars: dict[str, Any] | None = None,
        max_polls: int | None = None,
        agent_address: str | None = None,
        no_cloud_logs: bool | None = None,
        *,
        limit: int | None = None,
    ) -> None:
        from prefect.client._transport import HttpTransport
        from prefect.client.client import Client

        if limit is not None and limit < 1:
            raise ValueError(f"The limit of an agent is the number of runs at once, at least 1; not {limit}.")
        settings = prefect_context.config.cloud
        self.agent_config_id = agent_config_id
        self.agent_config: dict[str, Any] | None = None
        self.name: str = name or str(settings.agent.get("name") or "agent")
        self.labels: list[str] = _as_labels(labels if labels is not None else settings.agent.get("labels"))
        self.env_vars: dict[str, Any] = dict(env_vars or {})
        self.max_polls = max_polls
        self.agent_address: str = agent_address or str(settings.agent.get("agent_address") or "")
        self.log_to_cloud = (
            not no_cloud_logs if no_cloud_logs is not None else bool(settings.send_flow_run_logs)
        )
        self.limit = limit
        self.logger: logging.Logger = _agent_logger(self.name)
        self.client: Client = Client()
        self.submitting_flow_runs: set[str] = set()
        # It gives up soon: the agent asks again by itself.
        asking = Client(transport=HttpTransport(max_attempts=1))
        self._api = AgentApi(self.client, asking)
        self._supervisor: Supervisor | None = None
        self._health: HealthServer | None = None
        self._exit = threading.Event()
        self._is_asking = False
        self._agent_id: str | None = None
        self._asked_at: datetime.datetime | None = None
        self._lock = threading.Lock()

    # -- for subclasses -------------------------------------------------------------------------

    def deploy_flow(self, flow_run: Any) -> str:
        """Start a flow run; this is what subclasses are for.

        Args:
            flow_run: the run: id, name, version, serialized_state, parameters, run_config,
                flow { id, name, storage, core_version }.

        Returns:
            what was started, for the log of the run.

        Raises:
            NotImplementedError: a subclass did not say how.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not say how to deploy a flow run: define deploy_flow."
        )

    def on_startup(self) -> None:
        """Called once before the first question for work; for subclasses."""

    def on_shutdown(self) -> None:
        """Called once when the agent has stopped; for subclasses."""

    def heartbeat(self) -> None:
        """Called every `heartbeat_period` seconds while the agent works; for subclasses."""

    def _close(self) -> None:
        """Release what the agent holds; for the agents of this package."""

    def _before_round(self) -> None:
        """Called before each look at the jobs; for agents that look at all of them with one question."""

    def _can_start(self) -> bool:
        """Whether what runs the jobs is there. While it is not, the agent asks for no work."""
        return True

    def _find_again(self) -> Iterable[Watched]:
        """Jobs that an agent like this one started before and that are still there."""
        return ()

    def _watch(self, flow_run: Any, job: Job) -> None:
        """Have an eye on what was started for a run, from now on."""
        if self._supervisor is None:
            return  # `deploy_flow` was called by itself
        epoch = flow_run.get("epoch")
        self._supervisor.watch(
            Watched(flow_run.id, epoch, job, is_resumed=flow_run.get("state") == "Running")
        )

    def _unwatch(self, flow_run: Any) -> None:
        """Look no more after what was to be started for a run."""
        if self._supervisor is not None:
            self._supervisor.forget(flow_run.id, flow_run.get("epoch"))

    def _get_run_config(self, flow_run: Any, run_config_cls: type[Any]) -> Any:
        """The run config of a run, as one of the class that this agent serves.

        Raises:
            TypeError: it is for agents of another kind.
        """
        from prefect.run_configs import UniversalRun
        from prefect.serialization.run_config import RunConfigSchema

        stored = flow_run.get("run_config")
        if not stored:
            return run_config_cls()
        found = RunConfigSchema().load(dict(stored))
        if isinstance(found, UniversalRun):
            return run_config_cls(env=found.env, labels=found.labels)
        if not isinstance(found, run_config_cls):
            raise TypeError(
                f"Flow run {flow_run.id} has a `run_config` of type `{type(found).__name__}`, only "
                f"`{run_config_cls.__name__}` is supported by this {type(self).__name__}. Give the flow another "
                "run config, or labels that only agents of its kind have."
            )
        return found

    def _run_settings(self) -> RunSettings:
        from prefect.agent._environment import RunSettings

        config = prefect_context.config
        key = self.flow_run_api_key
        return RunSettings(
            backend=str(config.backend),
            api=self.client.api_server,
            api_key=key,
            tenant_id=self.client.tenant_id if key else None,
            labels=self.labels,
            log_to_cloud=self.log_to_cloud,
            log_level=str(config.logging.level),
        )

    @property
    def flow_run_api_key(self) -> str | None:
        """The key that runs of this agent talk to the API with: its own."""
        return self.client.api_key

    # -- life -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Work until a signal, `stop` or `max_polls` ends it.

        A first SIGTERM or Ctrl-C has it take no more runs; it then waits for runs that would end with
        it. A second one does not wait: these runs go on by themselves.

        Raises:
            ClientError: the API refuses the agent.
            requests.ConnectionError: there is no API.
            ValueError: `agent_address` has no port.
            OSError: nothing can listen at `agent_address`.
        """
        with exit_handler(self) as stopping, contextlib.ExitStack() as cleanup:
            self._connect()
            cleanup.callback(self._close)
            if self.agent_address:
                self._health = self._start_health()
                cleanup.callback(self._health.stop)
            self._supervisor = Supervisor(
                self._api,
                self.logger,
                self.name,
                self._what,
                self._lease_s,
                lambda _: AGENT_WAKE_EVENT.set(),
                self._round_s,
                self._before_round,
            )
            cleanup.callback(self._supervisor.stop)
            self.on_startup()
            cleanup.callback(self.on_shutdown)
            self._adopt(self._supervisor)
            beats = threading.Thread(
                target=self._beat, args=(stopping,), name="prefect-agent-heartbeat", daemon=True
            )
            beats.start()
            with ThreadPoolExecutor(_STARTERS, thread_name_prefix="prefect-agent-start") as pool:
                was_stopped = self._work(stopping, pool)
                stopping.set()
            if was_stopped and self._owns_runs:
                self._wait_for_runs()
        self.logger.info("The agent has stopped.")

    def stop(self) -> None:
        """Have `start`, in another thread, return when the question for work that is under way is answered."""
        self._exit.set()
        AGENT_WAKE_EVENT.set()

    def _connect(self) -> None:
        self.logger.info("Connecting to the API at %s", self.client.api_server)
        self._api.connect()
        if self.agent_config_id:
            self.agent_config = self.client.get_agent_config(self.agent_config_id)
        self._agent_id = self._api.register(type(self).__name__, self.name, self.labels, self.agent_config_id)
        self.logger.info(
            "%s %r is ready: labels %s, %s. Waiting for flow runs.",
            type(self).__name__,
            self.name,
            self.labels or "none",
            "no limit" if self.limit is None else f"at most {self.limit} runs at once",
        )

    def _adopt(self, supervisor: Supervisor) -> None:
        for watched in self._find_again():
            supervisor.watch(watched)
            self.logger.info(
                "Flow run %s: found its %s again: %s", watched.run_id, self._what, watched.job.name
            )

    def _start_health(self) -> HealthServer:
        from prefect.agent._health import HealthServer

        server = HealthServer(
            self.agent_address, lambda: not self._exit.is_set(), AGENT_WAKE_EVENT.set, self._describe
        )
        self.logger.info("Health page at port %s of %s", server.port, self.agent_address)
        return server

    def _describe(self) -> dict[str, Any]:
        """What the health page says."""
        return {
            "id": self._agent_id,
            "name": self.name,
            "type": type(self).__name__,
            "labels": self.labels,
            "status": "stopping" if self._exit.is_set() else "working",
            "limit": self.limit,
            "flow_runs": sorted(self._under_way()),
            "asked_at": self._asked_at.isoformat() if self._asked_at else None,
        }

    def _beat(self, stopping: threading.Event) -> None:
        while not stopping.wait(self.heartbeat_period):
            try:
                self.heartbeat()
            except Exception:
                self.logger.exception("The heartbeat of the agent failed.")

    def _wait_for_runs(self) -> None:
        assert self._supervisor is not None
        count = len(self._supervisor.run_ids())
        if count:
            self.logger.info(
                "Waiting for %s flow run%s to end; Ctrl-C or SIGTERM again leaves %s running.",
                *((1, "", "it") if count == 1 else (count, "s", "them")),
            )
        try:
            self._supervisor.wait_until_idle()
        except KeyboardInterrupt:
            self.logger.warning("Left %s flow runs running.", len(self._supervisor.run_ids()))

    # -- asking for work ------------------------------------------------------------------------

    def _work(self, stopping: threading.Event, pool: ThreadPoolExecutor) -> bool:
        """Ask for work and have it started; whether it was stopped, and not at the end of its polls."""
        polls = 0
        idle = 0
        while not stopping.is_set():
            AGENT_WAKE_EVENT.clear()
            free = self._free()
            if free is not None and free <= 0:
                AGENT_WAKE_EVENT.wait()  # a run ends, or a signal comes
                continue
            if self.max_polls is not None and polls >= self.max_polls:
                return False
            polls += 1
            found = self._ask(free) if self._can_start() else None
            if found is None and not stopping.is_set():
                idle = min(idle + 1, len(_PAUSES_S) - 1)
                AGENT_WAKE_EVENT.wait(_PAUSES_S[idle])
                continue
            started = self._take(found or [], pool)
            idle = 0 if started else min(idle + 1, len(_PAUSES_S) - 1)
            if self._api.features.waits:
                if found and not started:
                    AGENT_WAKE_EVENT.wait(_PAUSES_S[0])  # others took them meanwhile
            elif self.max_polls is None or polls < self.max_polls:
                AGENT_WAKE_EVENT.wait(_PAUSES_S[idle])
        return True

    def _under_way(self) -> set[str]:
        with self._lock:
            found = set(self.submitting_flow_runs)
        return found.union(self._supervisor.run_ids()) if self._supervisor is not None else found

    def _free(self) -> int | None:
        return None if self.limit is None else self.limit - len(self._under_way())

    def _ask(self, free: int | None) -> list[str] | None:
        """Ids of runs to take; None if the API could not be asked."""
        self._is_asking = True
        try:
            if self._exit.is_set():
                return []
            return self._api.ask(
                self.labels,
                ahead_s=_AHEAD_S,
                wait_s=self._wait_s if self.max_polls is None else 0.0,
                reserve_s=self._reserve_s,
                limit=free,
                agent_limit=self.limit,
            )
        except _StopAsking:
            return []
        except (ClientError, OSError) as exc:
            self.logger.warning("The API could not be asked for work: %s", exc)
            return None
        finally:
            self._is_asking = False
            self._asked_at = clock.now()

    def _take(self, ids: list[str], pool: ThreadPoolExecutor) -> int:
        """Have runs started; how many."""
        under_way = self._under_way()
        wanted = [run_id for run_id in ids if run_id not in under_way]
        if not wanted:
            return 0
        try:
            runs = self._api.read_runs(wanted)
        except (ClientError, OSError) as exc:
            self.logger.warning("The API could not be asked for the flow runs to start: %s", exc)
            return 0
        order = {run_id: number for number, run_id in enumerate(wanted)}
        for run in sorted(runs, key=lambda run: order[run.id]):
            with self._lock:
                self.submitting_flow_runs.add(run.id)
            pool.submit(self._start_run, run)
        return len(runs)

    # -- starting one run -----------------------------------------------------------------------

    def _start_run(self, run: Any) -> None:
        """Wait for its time, take it, and deploy it; errors end up in its log."""
        try:
            if not self._wait_for_time(run):
                self._api.give_back(run.id)
                return
            if not self._submit(run):
                return
            self._deploy(run)
        except (ClientError, OSError) as exc:
            self.logger.error("Flow run %s could not be taken: %s", run.id, exc)
        except Exception:
            self.logger.exception("Flow run %s could not be started.", run.id)
        finally:
            with self._lock:
                self.submitting_flow_runs.discard(run.id)
            AGENT_WAKE_EVENT.set()

    def _wait_for_time(self, run: Any) -> bool:
        """Whether its time has come; False if the agent stops before."""
        start = run.serialized_state.get("start_time")
        if run.state == "Running" or not start:
            return not self._exit.is_set()
        due = _moment(start)
        while (remaining := (due - clock.now()).total_seconds()) > 0:
            if self._exit.wait(min(remaining, 60.0)):
                return False
        return not self._exit.is_set()

    def _submit(self, run: Any) -> bool:
        """Take a run; False if somebody else has it."""
        lease_s = self._lease_s if self._supervises else None
        try:
            if run.state != "Running":
                run["epoch"] = self._api.submit(run, _submitted(run.serialized_state), lease_s)
            if run.task_runs:
                due = [(task, _submitted(task.serialized_state)) for task in run.task_runs]
                self._api.submit_tasks(due, run.get("epoch"))
            if run.state == "Running":
                self._api.renew(run.id, run.get("epoch"), self._lease_s)
        except (ClientError, VersionLockMismatchSignal) as exc:
            if not is_taken(exc):
                raise
            self.logger.debug("Flow run %s is somebody else's: %s", run.id, exc)
            return False
        return True

    def _deploy(self, run: Any) -> None:
        try:
            info = self.deploy_flow(run)
        except NotStartedError as exc:
            self.logger.info("Flow run %s was not deployed: %s", run.id, exc)
            return
        except InfrastructureAwayError as exc:
            self._unwatch(run)
            self.logger.warning("Flow run %s is given back, and starts when it can: %s", run.id, exc)
            self._api.end_attempt(run.id, run.get("epoch"), str(exc))
            return
        except Exception as exc:  # whatever the subclass raises
            self._unwatch(run)
            message = str(exc) or repr(exc)
            self.logger.exception("Flow run %s could not be deployed.", run.id)
            self._api.fail(run, message)
            self._api.log(run.id, self.name, "ERROR", f"The agent could not start this flow run: {message}")
            return
        self.logger.info("Flow run %s was deployed: %s", run.id, info)
        try:
            self._api.log(run.id, self.name, "INFO", f"Submitted for execution: {info}")
        except (ClientError, OSError, ValueError) as exc:
            self.logger.warning("Flow run %s: a line of its log was not written: %s", run.id, exc)


@contextlib.contextmanager
def exit_handler(agent: Agent) -> Generator[threading.Event]:
    """Have SIGTERM and SIGINT stop an agent while the block runs; yields the event that they set.

    Args:
        agent: the agent.
    """
    exiting = agent._exit  # pyright: ignore[reportPrivateUsage]
    exiting.clear()
    if threading.current_thread() is not threading.main_thread():
        yield exiting
        return

    def handle(number: int, _frame: FrameType | None) -> None:
        if exiting.is_set():
            raise KeyboardInterrupt
        agent.logger.info("Got %s: the agent takes no more flow runs.", signal.Signals(number).name)
        exiting.set()
        AGENT_WAKE_EVENT.set()
        if agent._is_asking:  # pyright: ignore[reportPrivateUsage]
            raise _StopAsking

    previous = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield exiting
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _submitted(state: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON of `Submitted` around a state."""
    return {"type": "Submitted", "message": "Submitted for execution", "state": dict(state)}


def _moment(text: str) -> datetime.datetime:
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)


def _as_labels(labels: Any) -> list[str]:
    """Labels as list: of a list, or of the text of one, such as an environment variable has."""
    if isinstance(labels, str):
        try:
            labels = ast.literal_eval(labels)
        except (ValueError, SyntaxError):
            labels = [label.strip() for label in labels.split(",")]
    return [str(label) for label in labels or ()]


def _agent_logger(name: str) -> logging.Logger:
    """A logger that writes to standard output, at the level of `cloud.agent.level`."""
    config = prefect_context.config
    logger = logging.getLogger(name)
    logger.setLevel(str(config.cloud.agent.get("level") or "INFO"))
    logger.propagate = False
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logging.Formatter(str(config.logging.format), str(config.logging.datefmt)))
        logger.addHandler(handler)
    return logger


def __getattr__(name: str) -> Any:
    # compat: public names of this module whose web framework nobody needs who only runs an agent.
    if name in ("HealthHandler", "PokeHandler"):
        from prefect.agent import _health

        return getattr(_health, name)
    if name == "ascii_name":
        return _ASCII_NAME
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


_ASCII_NAME = r"""
 ___          __        _      _                    _
| _ \_ _ ___ / _|___ __| |_   /_\  __ _ ___ _ _  __| |_
|  _/ '_/ -_)  _/ -_) _|  _| / _ \/ _` / -_) ' \|  _|
|_| |_| \___|_| \___\__|\__|/_/ \_\__, \___|_||_|\__|
                                  |___/
"""
