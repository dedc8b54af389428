"""A server without HTTP, on both databases: tests that ask for `store` or `api` run once on each."""

from __future__ import annotations

import asyncio
import datetime
import functools
import json
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from prefect.server.database.store import Store, Transaction, open_store
from prefect.server.domain import policy
from prefect.server.domain.tenants import add_tenant
from prefect.server.domain.users import add_user
from prefect.server.graphql.execute import Executor, Request
from prefect.server.security import crypto
from prefect.server.security.caller import Caller, Role
from prefect.server.settings import ServerSettings

START = datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)


# -- databases ------------------------------------------------------------------------


@functools.cache
def _sqlite_template() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="prefect-sqlite-"))
    open_store(ServerSettings(directory)).close()
    return directory / "prefect.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerSettings]:
    """Settings of a server with an empty database at the schema of this version."""
    if request.param == "sqlite":
        made = ServerSettings(tmp_path, durability="normal")
        shutil.copy(_sqlite_template(), made.sqlite_path)
        yield made
        return
    url, give_back = request.getfixturevalue("cluster").lend()
    yield ServerSettings(tmp_path, connection_url=url)
    give_back()


@pytest.fixture
def store(settings: ServerSettings) -> Iterator[Store]:
    """A database that can keep secrets."""
    policy.use(settings)
    opened = open_store(settings)
    try:
        crypto.open_keys(settings, opened)
        yield opened
    finally:
        opened.close()


# -- the API --------------------------------------------------------------------------


class ApiFailure(Exception):
    """The API answered with an error."""

    def __init__(self, status: int, errors: list[dict[str, Any]], data: Any) -> None:
        self.status = status
        self.errors = errors
        self.data = data
        self.message: str = errors[0]["message"]
        self.code: str = errors[0]["extensions"]["code"]
        super().__init__(f"{self.code}: {self.message}")


@dataclass
class Api:
    """Documents in, data out, at a time that stands still until it is moved."""

    store: Store
    caller: Caller | None
    now: list[datetime.datetime] = field(default_factory=lambda: [START])
    executor: Executor = field(init=False)

    def __post_init__(self) -> None:
        self.executor = Executor(self.store, lambda: self.now[0])

    def __call__(self, document: str, variables: Mapping[str, Any] | None = None) -> Any:
        reply = asyncio.run(self.executor.execute(Request(document, variables or {}), self.caller))
        body = json.loads(reply.body)
        if "errors" in body:
            raise ApiFailure(reply.status, body["errors"], body.get("data"))
        return body["data"]

    def mutate(self, name: str, selection: str = "id", /, **values: Any) -> Any:
        """The payload of a mutation."""
        document = f"mutation($input: {name}_input!) {{ {name}(input: $input) {{ {selection} }} }}"
        return self(document, {"input": values})[name]

    def row(self, table: str, id: str, columns: str) -> Any:
        """Columns of a row."""
        return self(f'query {{ {table}_by_pk(id: "{id}") {{ {columns} }} }}')[f"{table}_by_pk"]

    def rows(self, table: str, columns: str, arguments: str = "") -> Any:
        """Columns of rows."""
        return self(f"query {{ {table}{arguments} {{ {columns} }} }}")[table]

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.now[0] += datetime.timedelta(seconds=seconds)

    def at(self, seconds: float) -> str:
        """The text of a time so many seconds from now."""
        return (self.now[0] + datetime.timedelta(seconds=seconds)).isoformat(timespec="microseconds")

    def as_(self, **changes: Any) -> Api:
        """The same server and clock for another caller."""
        assert self.caller is not None
        other = replace(self, caller=replace(self.caller, **changes))
        return other

    def write(self, work: Callable[[Transaction], Any]) -> Any:
        """Work on the database itself."""
        return self.store.write_sync(work)

    # -- things that many tests need ---------------------------------------------------

    def project(self, name: str = "project") -> str:
        return self.mutate("create_project", name=name)["id"]

    def flow(self, project_id: str | None = None, **changes: Any) -> str:
        """The id of a flow that is registered: tasks a, b, c; a -> b (mapped) -> c."""
        return self.mutate(
            "create_flow",
            project_id=project_id or self.project(f"project {uuid.uuid4().hex[:8]}"),
            serialized_flow=serialized_flow(**changes),
        )["id"]

    def run(self, flow_id: str | None = None, **values: Any) -> str:
        """The id of a flow run."""
        return self.mutate("create_flow_run", flow_id=flow_id or self.flow(), **values)["id"]

    def set_flow_state(self, run_id: str, type: str, **values: Any) -> Any:
        entry = {"flow_run_id": run_id, "state": {"type": type, **values.pop("state", {})}, **values}
        selection = "states { id status message version state epoch }"
        return self.mutate("set_flow_run_states", selection, states=[entry])["states"][0]

    def set_task_state(self, run_id: str, type: str, **values: Any) -> Any:
        entry = {"task_run_id": run_id, "state": {"type": type, **values.pop("state", {})}, **values}
        selection = "states { id status message version state epoch }"
        return self.mutate("set_task_run_states", selection, states=[entry])["states"][0]

    def task_runs(self, run_id: str) -> dict[str, str]:
        """`{slug: id}` of the unmapped task runs of a flow run."""
        where = f'(where: {{flow_run_id: {{_eq: "{run_id}"}}, map_index: {{_eq: -1}}}})'
        return {row["task"]["slug"]: row["id"] for row in self.rows("task_run", "id task { slug }", where)}

    def queue(self, *labels: str, **values: Any) -> list[str]:
        return self.mutate("get_runs_in_queue", "flow_run_ids", labels=list(labels), **values)["flow_run_ids"]


def serialized_task(slug: str, **changes: Any) -> dict[str, Any]:
    """The JSON of a task."""
    return {
        "name": slug,
        "slug": slug,
        "type": "prefect.tasks.core.function.FunctionTask",
        "tags": [],
        "max_retries": 0,
        "retry_delay": None,
        "inputs": {},
        "outputs": "typing.Any",
        "timeout": None,
        "trigger": {"fn": "prefect.triggers.all_successful", "kwargs": {}},
        "skip_on_upstream_skip": True,
        "cache_for": None,
        "cache_key": None,
        "cache_validator": {"fn": "prefect.engine.cache_validators.never_use", "kwargs": {}},
        "auto_generated": False,
        "__version__": "1.4.1",
        **changes,
    }


def serialized_edge(upstream: str, downstream: str, **changes: Any) -> dict[str, Any]:
    """The JSON of an edge."""
    return {
        "upstream_task": {"slug": upstream, "__version__": "1.4.1"},
        "downstream_task": {"slug": downstream, "__version__": "1.4.1"},
        "key": None,
        "mapped": False,
        "flattened": False,
        "__version__": "1.4.1",
        **changes,
    }


def serialized_flow(**changes: Any) -> dict[str, Any]:
    """The JSON of a flow: a -> b (mapped) -> c."""
    return {
        "name": "flow",
        "type": "prefect.core.flow.Flow",
        "schedule": None,
        "parameters": [],
        "tasks": [serialized_task("a"), serialized_task("b"), serialized_task("c")],
        "edges": [serialized_edge("a", "b", key="x", mapped=True), serialized_edge("b", "c")],
        "reference_tasks": [],
        "run_config": {"type": "UniversalRun", "env": None, "labels": [], "__version__": "1.4.1"},
        "storage": {"type": "Local", "flows": {}, "secrets": [], "__version__": "1.4.1"},
        "__version__": "1.4.1",
        **changes,
    }


@pytest.fixture
def api(store: Store) -> Api:
    """The API for an admin of a tenant."""

    def prepare(tx: Transaction) -> Caller:
        tenant_id = add_tenant(tx, "Example", "example", START)
        user_id = add_user(tx, "admin", tenant_id, "admin", START)
        return Caller(tenant_id, "admin", user_id=user_id, tenants=(tenant_id,))

    return Api(store, store.write_sync(prepare))


@pytest.fixture
def other(api: Api) -> Api:
    """The API of the same server for an admin of another tenant."""

    def prepare(tx: Transaction) -> Caller:
        tenant_id = add_tenant(tx, "Other", "other", START)
        user_id = add_user(tx, "other admin", tenant_id, "admin", START)
        return Caller(tenant_id, "admin", user_id=user_id, tenants=(tenant_id,))

    return replace(api, caller=api.write(prepare))


@pytest.fixture
def task_json() -> Callable[..., dict[str, Any]]:
    """Makes the JSON of a task."""
    return serialized_task


@pytest.fixture
def edge_json() -> Callable[..., dict[str, Any]]:
    """Makes the JSON of an edge."""
    return serialized_edge


@pytest.fixture
def flow_json() -> Callable[..., dict[str, Any]]:
    """Makes the JSON of a flow."""
    return serialized_flow


@pytest.fixture
def failure() -> type[ApiFailure]:
    """What a test expects when the API is to refuse."""
    return ApiFailure


__all__ = ["Api", "Role"]
