"""Two tenants with one of everything, inputs for every operation, and questions that leave no trace."""

from __future__ import annotations

import asyncio
import base64
import gzip
import itertools
import json
import re
import typing
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from prefect.server.database.tables import TABLES
from prefect.server.domain import operations
from prefect.server.domain.registry import Operation
from prefect.server.graphql.execute import Executor, Request
from prefect.server.security.caller import Caller

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NOBODY = "00000000-0000-4000-8000-00000000dead"

#: What each input that is an id names, where its own name does not say so. A new input of a name
#: that is neither here nor in a world fails the tests: say here what it names.
NAMES: dict[tuple[str, str], str] = {
    ("create_api_key", "user_id"): "own_user_id",
    ("delete_service_account", "user_id"): "service_id",
    ("restart_flow_run", "flow_run_id"): "finished_flow_run_id",
    ("restart_flow_run", "task_run_id"): "finished_task_run_id",
    ("delete_task_tag_limit", "limit_id"): "task_tag_limit_id",
    ("delete_task_concurrency_limit", "limit_id"): "task_tag_limit_id",
    ("delete_flow_concurrency_limit", "limit_id"): "flow_concurrency_limit_id",
    ("create_api_key", "default_tenant_id"): "tenant_id",
    ("delete_api_key", "key_id"): "own_key_id",
}
#: Values for inputs that are required and no ids, by name or by `(operation, name)`.
SAMPLES: dict[str | tuple[str, str], Any] = {
    "confirm": True,
    "data": {"markdown": "x"},
    "description": "d",
    "key": "new key",
    "kind": "markdown",
    "label": "new label",
    "labels": ["a"],
    "limit": 3,
    "name": "new name",
    "parameters": {"x": 1},
    "role": "read-only",
    "serialized_edges": [],
    "serialized_tasks": [],
    "serialized_flow": {"name": "new flow", "__version__": "1.4.1"},
    ("create_flow_from_compressed_string", "serialized_flow"): base64.b64encode(
        gzip.compress(b'{"name": "new flow"}', mtime=0)
    ).decode(),
    "settings": {"a": 1},
    "slug": "new-slug",
    "state": {"type": "Success", "message": "m"},
    "tag": "new tag",
    "type": "LocalAgent",
    "username": "new user",
    ("delete_secret", "name"): "secret",
    ("set_flow_group_schedule", "cron_clocks"): [{"cron": "0 0 * * *"}],
}
#: Inputs that are not required, and without which the operation says no more than that.
ALSO = {"set_flow_group_schedule": ("cron_clocks",)}


def is_id(kind: Any) -> bool:
    """Whether an input is the id of something."""
    kinds = [kind, *typing.get_args(kind)]
    metas = [meta for one in kinds for meta in getattr(one, "__metadata__", ())]
    return any(isinstance(meta, msgspec.Meta) and meta.title == "UUID" for meta in metas)


def _struct_in(kind: Any) -> type[msgspec.Struct] | None:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    return next(filter(None, map(_struct_in, typing.get_args(kind))), None)


def fields(struct: type[msgspec.Struct]) -> Iterator[tuple[str, Any, bool]]:
    """`(name, type, whether it is required)` of the fields of an input."""
    hints = typing.get_type_hints(struct, include_extras=True)
    for entry in msgspec.structs.fields(struct):
        yield entry.name, hints[entry.name], entry.required


Path = tuple[str | int, ...]


def build(
    operation: str, struct: type[msgspec.Struct], ids: Callable[[str], str], path: Path = ()
) -> tuple[dict[str, Any], list[Path]]:
    """A good input: all that is required, and all ids. Also where the ids are."""
    value: dict[str, Any] = {}
    places: list[Path] = []
    for name, kind, required in fields(struct):
        inner = _struct_in(kind)
        if is_id(kind):
            value[name] = ids(NAMES.get((operation, name), name))
            places.append((*path, name))
        elif (operation, name) in SAMPLES and (required or name in ALSO.get(operation, ())):
            value[name] = SAMPLES[operation, name]
        elif inner is not None and required:
            made, found = build(operation, inner, ids, (*path, name, 0))
            value[name] = [made]
            places += found
        elif required:
            value[name] = SAMPLES[name] if name in SAMPLES else {int: 1, str: "x", bool: True}[kind]
    return value, places


def all_fields(
    operation: str, struct: type[msgspec.Struct], path: Path = ()
) -> Iterator[tuple[Path, type[msgspec.Struct] | None]]:
    """Where every field of an input is, with the struct it holds if it holds one."""
    for name, kind, _ in fields(struct):
        inner = _struct_in(kind)
        yield (*path, name), inner
        if inner is not None:
            yield from all_fields(operation, inner, (*path, name, 0))


def put(value: Any, path: Path, new: Any) -> Any:
    """A copy of an input with another value in one place."""
    copy = json.loads(json.dumps(value))
    target = copy
    for step, following in itertools.pairwise(path):
        if isinstance(step, str):  # optional inputs are not there yet
            target = target.setdefault(step, [{}] if following == 0 else {})
        else:
            target = target[step]
    target[path[-1]] = new
    return copy


def selection(kind: Any) -> str:
    """All fields of an output, as a selection; empty for scalars."""
    struct = _struct_in(kind)
    if struct is None:
        return ""
    inner = " ".join(f"{name} {selection(one)}".strip() for name, one, _ in fields(struct))
    return f"{{ {inner} }}"


def mutation_document(operation: Operation) -> str:
    """A document that calls a mutation with `$input`."""
    name = operation.name
    chosen = selection(operation.output_type)
    return f"mutation($input: {name}_input!) {{ {name}(input: $input) {chosen} }}"


@dataclass
class Outcome:
    """What became of a question.

    Attributes:
        status: of HTTP.
        body: the answer.
        rows: all rows as they were when the mutation was done, if one was; `{table: rows}`.
    """

    status: int
    body: dict[str, Any]
    rows: dict[str, list[tuple[Any, ...]]] | None

    @property
    def error(self) -> tuple[str, str] | None:
        """Code and message of the first error."""
        errors = self.body.get("errors")
        return (errors[0]["extensions"]["code"], errors[0]["message"]) if errors else None

    def masked(self) -> tuple[int, str]:
        """The answer without its ids."""
        return self.status, UUID.sub("ID", json.dumps(self.body))


class _Undo(Exception):
    pass


class _Rewriting:
    """A transaction whose statements are changed first: a build that forgets something."""

    def __init__(self, tx: Any, rewrite: Callable[[str], str]) -> None:
        self._tx, self._rewrite = tx, rewrite

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._tx, name)
        if name in ("execute", "execute_many", "rows", "one_or_none", "scalar"):
            return lambda sql, *more: found(self._rewrite(sql), *more)
        return found


class Untouched:
    """A store that forgets every write as soon as it is done, and keeps what it had come to."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.rewrite: Callable[[str], str] | None = None
        self.rows: dict[str, list[tuple[Any, ...]]] | None = None
        self.keeps_rows = True
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def _tx(self, tx: Any) -> Any:
        return tx if self.rewrite is None else _Rewriting(tx, self.rewrite)

    async def read(self, work: Callable[[Any], Any]) -> Any:
        self.calls += 1
        return await self._store.read(lambda tx: work(self._tx(tx)))

    async def write(self, work: Callable[[Any], Any]) -> Any:
        self.calls += 1
        kept: list[Any] = []

        def run(tx: Any) -> None:
            kept.append(work(self._tx(tx)))
            if self.keeps_rows:
                self.rows = everything(tx)
            raise _Undo

        try:
            await self._store.write(run)
        except _Undo:
            pass
        return kept[0]


def everything(tx: Any) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables."""
    return {
        name: sorted((tuple(row) for row in tx.rows(f'SELECT * FROM "{name}"')), key=repr) for name in TABLES
    }


class World:
    """A tenant with one of everything.

    Attributes:
        api: the API for its admin.
        ids: `{what it is: id}`.
        all_ids: every id that belongs to the tenant.
    """

    def __init__(self, api: Any) -> None:
        self.api = api
        caller = api.caller
        flow_id = api.flow()
        flow_run_id, finished = api.run(flow_id), api.run(flow_id)
        api.set_flow_state(finished, "Failed")
        task_run_id = api.task_runs(flow_run_id)["a"]
        service_id = api.mutate("create_service_account", name=f"machine of {caller.tenant_id}")["id"]
        flow = api.row("flow", flow_id, "project_id flow_group_id version_group_id")
        api.mutate("set_secret", "success", name="secret", value="s")
        api.mutate(
            "write_run_logs", "success", logs=[{"flow_run_id": flow_run_id, "message": "m", "timestamp": api.at(0)}]
        )  # fmt: skip
        message_id = str(uuid.uuid4())
        api.write(
            lambda tx: tx.execute(
                'INSERT INTO message (id, created, updated, tenant_id, type, content, "read") '
                "VALUES (:id, :now, :now, :tenant, 'x', '{}', :no)",
                {"id": message_id, "now": api.at(0), "tenant": caller.tenant_id, "no": False},
            )
        )
        self.ids: dict[str, str] = {
            "tenant_id": caller.tenant_id,
            "own_user_id": caller.user_id,
            "user_id": caller.user_id,
            "service_id": service_id,
            "membership_id": api.rows("membership", "id", f'(where: {{user_id: {{_eq: "{service_id}"}}}})')[0]["id"],
            "project_id": flow["project_id"],
            "flow_group_id": flow["flow_group_id"],
            "version_group_id": flow["version_group_id"],
            "flow_id": flow_id,
            "task_id": api.rows("task", "id", '(where: {slug: {_eq: "a"}})')[0]["id"],
            "flow_run_id": flow_run_id,
            "finished_flow_run_id": finished,
            "task_run_id": task_run_id,
            "finished_task_run_id": api.task_runs(finished)["a"],
            "agent_id": api.mutate("register_agent", type="LocalAgent", name="agent")["id"],
            "agent_config_id": api.mutate("create_agent_config", name="config")["id"],
            "task_run_artifact_id": api.mutate("create_task_run_artifact", task_run_id=task_run_id, kind="k", data={})["id"],
            "key_value_id": api.mutate("set_key_value", key="key", value=1)["id"],
            "key_id": api.mutate("create_api_key", user_id=service_id, name="key")["id"],
            "own_key_id": api.mutate("create_api_key", user_id=caller.user_id, name="own key")["id"],
            "task_tag_limit_id": api.mutate("update_task_tag_limit", tag="tag", limit=1)["id"],
            "flow_concurrency_limit_id": api.mutate("update_flow_concurrency_limit", label="label", limit=1)["id"],
            "message_id": message_id,
        }  # fmt: skip

        def collect(tx: Any) -> set[str]:
            found = {caller.tenant_id, caller.user_id, *self.ids.values()}
            for name, table in TABLES.items():
                if "tenant_id" in table.columns and "id" in table.columns:
                    rows = tx.rows(
                        f'SELECT id FROM "{name}" WHERE tenant_id = :tenant', {"tenant": caller.tenant_id}
                    )
                    found |= {row.id for row in rows}
            return found

        self.all_ids: set[str] = api.store.read_sync(collect)

    def __getitem__(self, name: str) -> str:
        if name not in self.ids:
            raise LookupError(f"an input is called {name!r}: say in `NAMES` or `World.ids` what it names")
        return self.ids[name]


class Worlds:
    """Two worlds on one server.

    Attributes:
        own: the world of whoever asks.
        foreign: the world of somebody else.
        store: forgets what is written through it.
    """

    def __init__(self, api: Any, other: Any) -> None:
        self.own, self.foreign = World(api), World(other)
        self.store = Untouched(api.store)
        self.now = api.now
        self.executor = Executor(self.store, lambda: self.now[0])  # type: ignore[arg-type]
        self.before = api.store.read_sync(everything)

    @property
    def backend(self) -> str:
        """The database."""
        return self.store.dialect

    def ask(
        self, document: str, variables: Mapping[str, Any] | None = None, caller: Caller | None = None, **changes: Any
    ) -> Outcome:  # fmt: skip
        """What the API says, and what it did, which is undone then."""
        self.store.rows, self.store.calls = None, 0
        sender = replace(caller or self.own.api.caller, **changes)
        reply = asyncio.run(self.executor.execute(Request(document, variables or {}), sender))
        return Outcome(reply.status, json.loads(reply.body), self.store.rows)

    def ask_nobody(self, document: str, variables: Mapping[str, Any] | None = None) -> Outcome:
        """What the API says to somebody without a key."""
        self.store.rows, self.store.calls = None, 0
        reply = asyncio.run(self.executor.execute(Request(document, variables or {}), None))
        return Outcome(reply.status, json.loads(reply.body), self.store.rows)

    def input_of(self, operation: Operation) -> tuple[dict[str, Any], list[Path]]:
        """A good input of a mutation, and where the ids are in it."""
        assert operation.input_type is not None
        return build(operation.name, operation.input_type, self.own.__getitem__)

    def foreign_id(self, operation: Operation, path: Path) -> str:
        """The id that somebody else's thing has, of the kind that an input names."""
        name = str(path[-1])
        return self.foreign[NAMES.get((operation.name, name), name)]

    def touched(self, rows: Mapping[str, list[tuple[Any, ...]]] | None) -> list[str]:
        """What has become of rows of the other tenant, or refers to them now and did not before."""
        if rows is None:
            return []
        found: list[str] = []
        for table, now in rows.items():
            was, is_ = self._foreign_rows(table, self.before[table]), self._foreign_rows(table, now)
            found += [f"{table}: gone or changed: {row}" for row in was - is_]
            found += [f"{table}: new: {row}" for row in is_ - was]
        return found

    def _foreign_rows(self, table: str, rows: list[tuple[Any, ...]]) -> set[str]:
        ids = self.foreign.all_ids
        own = self.own["tenant_id"]
        return {
            repr(row)
            for row in rows
            # Log lines name their run without a reference, and are seen by their own tenant only.
            if not (table == "log" and own in row)
            and any(id in ids for value in row if isinstance(value, str) for id in UUID.findall(value))
        }


def mutations() -> dict[str, Operation]:
    """All mutations."""
    return operations.mutations()
