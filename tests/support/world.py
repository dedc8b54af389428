"""A server in this process, without HTTP, with a clock that tests move: for races and for time."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from live_flow import serialized_flow

from prefect.server.database.store import Store, Transaction
from prefect.server.domain.operations import mutations
from prefect.server.domain.tenants import add_tenant
from prefect.server.domain.users import add_user
from prefect.server.loops.cancellation import Cancellation
from prefect.server.loops.reaper import Reaper
from prefect.server.loops.scheduler import Scheduler
from prefect.server.security.caller import Caller

__all__ = ["START", "Clock", "Process", "World", "at_once", "interval_clock", "new_world"]

START = datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)


@dataclass
class Clock:
    """The time on the wall, which somebody may set, and the time that passes."""

    now: datetime.datetime = START
    passed_s: float = 1000.0

    def move(self, seconds: float) -> None:
        """Time passes."""
        self.now += datetime.timedelta(seconds=seconds)
        self.passed_s += seconds

    def set(self, seconds: float) -> None:
        """The clock on the wall is set forward, or back; no time passes."""
        self.now += datetime.timedelta(seconds=seconds)


@dataclass
class World:
    """Operations of the API, each in a transaction of its own. Safe to use from any thread."""

    store: Store
    caller: Caller
    clock: Clock

    def write(self, work: Callable[[Transaction], Any]) -> Any:
        """What work on the database returns."""
        return self.store.write_sync(work)

    def rows(self, sql: str, **params: Any) -> list[Any]:
        """The rows of a query."""
        return self.store.read_sync(lambda tx: tx.rows(sql, params))

    def mutate(self, name: str, /, **values: Any) -> Any:
        """The output of a mutation."""
        operation = mutations()[name]
        assert operation.input_type is not None
        given: Any = msgspec.convert(values, operation.input_type)
        now = self.clock.now
        return self.store.write_sync(lambda tx: operation.handler(tx, self.caller, given, now))

    def flow(self, name: str = "flow", tasks: int = 1, **changes: Any) -> str:
        """The id of a registered flow."""
        project = self.mutate("create_project", name=f"project of {name}").id
        flow = serialized_flow(name, tasks, **changes)
        return str(self.mutate("create_flow", project_id=project, serialized_flow=flow).id)

    def run(self, flow_id: str, **values: Any) -> str:
        """The id of a new run."""
        return str(self.mutate("create_flow_run", flow_id=flow_id, **values).id)

    def set_state(self, run_id: str, state: str, message: str | None = None, **values: Any) -> Any:
        """What became of a flow run's new state."""
        entry = {"flow_run_id": run_id, "state": {"type": state, "message": message}, **values}
        return self.mutate("set_flow_run_states", states=[entry]).states[0]

    def agent(self, number: int = 0) -> World:
        """The same for an agent."""
        agent_id = self.mutate("register_agent", type="LocalAgent", name=f"agent {number}").id
        return replace(self, caller=replace(self.caller, agent_id=str(agent_id)))


def new_world(store: Store, clock: Clock | None = None) -> World:
    """A world with one tenant, for its administrator."""

    def prepare(tx: Transaction) -> Caller:
        tenant_id = add_tenant(tx, "Example", "example", START)
        user_id = add_user(tx, "admin", tenant_id, "admin", START)
        return Caller(tenant_id, "admin", user_id=user_id, tenants=(tenant_id,))

    return World(store, store.write_sync(prepare), clock or Clock())


@dataclass
class Process:
    """The services of one server process."""

    store: Store
    clock: Clock
    services: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.services = [Scheduler(), Reaper(lambda: self.clock.passed_s), Cancellation()]

    def round(self, *, is_elected: bool | None = None, is_interrupted: bool = False) -> int:
        """One round of all services; how much they did.

        Args:
            is_elected: None to ask the store.
            is_interrupted: what they are told of the time before.
        """
        done = 0
        now = self.clock.now
        for service in self.services:
            service.observe(now, is_interrupted)
            while self.store.elected(service.name) if is_elected is None else is_elected:
                done += self.store.write_sync(lambda tx, service=service: service.tick(tx, now))
                if not service.has_more:
                    break
        return done


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """What each of the functions returns, or the exception it raises; they run at the same time."""
    outcomes: list[Any] = [None] * len(works)
    together = threading.Barrier(len(works))

    def run(number: int, work: Callable[[], Any]) -> None:
        together.wait(60)
        try:
            outcomes[number] = work()
        except Exception as exc:
            outcomes[number] = exc

    threads = [threading.Thread(target=run, args=entry, daemon=True) for entry in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive(), "somebody waits for ever"
    return outcomes


def interval_clock(seconds: float, **changes: Any) -> dict[str, Any]:
    """The JSON of a schedule with one interval clock."""
    clock = {
        "type": "IntervalClock",
        "interval": int(seconds * 1_000_000),
        "start_date": {"dt": "2030-01-01T00:00:00", "tz": "UTC"},
        "end_date": None,
        "parameter_defaults": {},
        "labels": None,
        "__version__": "1.4.1",
        **changes,
    }
    return {"clocks": [clock], "filters": [], "or_filters": [], "not_filters": [], "adjustments": []}
