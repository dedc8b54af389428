"""Building and registering the flows that were found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from prefect.cli._collect import BuiltFlow, Source
from prefect.cli._errors import CommandError
from prefect.cli._output import print_error
from prefect.cli._tally import Tally
from prefect.core._registration import use_result_of_storage

if TYPE_CHECKING:
    from prefect.client.client import Client
    from prefect.core.flow import Flow
    from prefect.storage import Storage

__all__ = [
    "Registration",
    "add_labels",
    "build_source",
    "keep_named",
    "register_built",
    "register_one",
    "with_run_config",
]

#: Flows, and characters of them, in one request.
_BATCH, _BATCH_SIZE = 100, 4_000_000


def keep_named(sources: list[Source], names: Sequence[str]) -> list[str]:
    """Leave only flows of these names, and sources that have some; the names that none has."""
    found: set[str] = set()
    for source in sources:
        source.flows = [flow for flow in source.flows if flow.name in names]
        source.built = [built for built in source.built if built.name in names]
        found.update(flow.name for flow in source.flows)
        found.update(built.name for built in source.built)
    return [name for name in names if name not in found]


def build_source(
    source: Source, labels: Iterable[str], tally: Tally, *, report: bool, lines: list[str] | None = None
) -> list[BuiltFlow]:
    """Build the storages of a source, and give its flows in the form that is registered.

    Args:
        source: where the flows come from.
        labels: labels to add.
        tally: counts what failed, and with `report` what was built.
        report: whether each flow gets a line.
        lines: takes what there is to say, to be said later; by default it is said at once.
    """
    say = tally.say if lines is None else lines.append
    built: list[BuiltFlow] = []
    for storage, flows in _by_storage(source.flows):
        kind = type(storage).__name__
        say(f"  Building `{kind}` storage...")
        try:
            for flow in flows:
                use_result_of_storage(flow)
                if flow.name not in storage:
                    storage.add_flow(flow)
            storage.build()
        except Exception as error:  # noqa: BLE001 - storages of the user's fail in any way
            _say_error(f"Error building storage {kind} of {source.title!r}", error)
            for flow in flows:
                tally.add(source.title, flow.name, "failed", error=str(error))
            continue
        for flow in flows:
            try:
                built.append(_built(flow, labels, source.title))
            except Exception as error:  # noqa: BLE001 - serializing calls code of the user's
                _say_error(f"Error building flow {flow.name!r}", error)
                tally.add(source.title, flow.name, "failed", error=str(error))
                continue
            if report:
                say(f"  Building {flow.name!r}... {tally.colored('Done', 'green')}")
                tally.add(source.title, flow.name, "built")
    for flow in source.built:
        add_labels(flow.serialized, labels)
        flow.source = source.title
        built.append(flow)
    return built


def is_quick(source: Source) -> bool:
    """Whether building the storages of a source takes no time: they keep scripts and modules as they are."""
    from prefect.storage import Module

    return all(
        isinstance(flow.storage, Module) or getattr(flow.storage, "stored_as_script", False)
        for flow in source.flows
    )


def _by_storage(flows: list[Flow]) -> Iterator[tuple[Storage, list[Flow]]]:
    """Flows that share a storage, which is built once for all of them."""
    groups: dict[int, tuple[Storage, list[Flow]]] = {}
    for flow in flows:
        assert flow.storage is not None
        groups.setdefault(id(flow.storage), (flow.storage, []))[1].append(flow)
    yield from groups.values()


def add_labels(serialized: dict[str, Any], labels: Iterable[str]) -> None:
    """Add labels to the run config of a flow in its JSON form."""
    run_config = cast("dict[str, Any] | None", serialized.get("run_config"))
    if run_config:
        run_config["labels"] = sorted({*cast("list[str]", run_config.get("labels") or []), *labels})


def with_run_config(flow: Flow, labels: Iterable[str]) -> None:
    """Give a flow a run config, with these labels and those of its storage."""
    if flow.run_config is None:
        from prefect.run_configs import UniversalRun

        flow.run_config = UniversalRun()
    flow.run_config.labels.update(labels)
    if flow.storage is not None:
        flow.run_config.labels.update(flow.storage.labels)


def _built(flow: Flow, labels: Iterable[str], source: str) -> BuiltFlow:
    with_run_config(flow, labels)
    return BuiltFlow(flow.name, flow.serialize(build=False), source)


class Registration:
    """Registers flows of many sources with few requests, and tells about each source in its turn.

    Args:
        client: the client.
        project_id: the project.
        tally: counts the flows.
        schedule: whether their schedules start to make runs.
        force: whether unchanged flows get a new version too.
    """

    def __init__(self, client: Client, project_id: str, tally: Tally, *, schedule: bool, force: bool) -> None:
        self._client, self._project_id, self._tally = client, project_id, tally
        self._schedule, self._force = schedule, force
        self._waiting: list[tuple[list[str], list[BuiltFlow]]] = []

    def add(self, source: Source, labels: Iterable[str]) -> None:
        """Build the flows of a source; they are registered with others, and at the latest by `flush`."""
        lines = [f"Processing {source.title!r}:"]
        if is_quick(source):
            built = build_source(source, labels, self._tally, report=False, lines=lines)
        else:
            # Building an image takes a while: what was built is not kept waiting, and progress is seen.
            self.flush()
            self._tally.say(lines.pop())
            built = build_source(source, labels, self._tally, report=False)
        self._waiting.append((lines, built))
        if sum(len(flows) for _, flows in self._waiting) >= _BATCH:
            self.flush()

    def add_built(self, flows: list[BuiltFlow]) -> None:
        """Take flows that are built; they are registered by `flush`."""
        self._waiting.append(([], flows))

    def flush(self) -> None:
        """Register what waits for it.

        Raises:
            ClientError: the API refused everything, for want of a right for example.
        """
        waiting, self._waiting = self._waiting, []
        flows = [flow for _, built in waiting for flow in built]
        replies = iter(self._replies(flows))
        for lines, built in waiting:
            for line in lines:
                self._tally.say(line)
            for flow in built:
                self._tell(flow, next(replies))

    def _replies(self, flows: list[BuiltFlow]) -> Iterator[_Reply]:
        entries = [_entry(flow, self._project_id, self._schedule, self._force) for flow in flows]
        for start, end in _batches([len(entry["serialized_flow"]) for entry in entries]):
            yield from _register(self._client, self._project_id, flows[start:end], entries[start:end])

    def _tell(self, flow: BuiltFlow, reply: _Reply) -> None:
        tally, (flow_id, version, error) = self._tally, reply
        lead = f"  Registering {flow.name!r}... "
        if error is not None:
            tally.say(lead + tally.colored("Error", "red"))
            print_error(f"Flow {flow.name!r} was not registered: {error}")
            tally.add(flow.source, flow.name, "failed", error=error)
        elif flow_id is None:
            tally.say(f"{lead}{tally.colored('Skipped', 'yellow')} (metadata unchanged)")
            tally.add(flow.source, flow.name, "skipped", version=version)
        else:
            tally.say(
                f"{lead}{tally.colored('Done', 'green')}\n  └── ID: {flow_id}\n  └── Version: {version}"
            )
            tally.add(flow.source, flow.name, "registered", id=flow_id, version=version)


def register_built(
    client: Client, flows: list[BuiltFlow], project_id: str, tally: Tally, *, schedule: bool, force: bool
) -> None:
    """Register flows that are built; each gets a line, and its id and version when it is new.

    Args:
        client: the client.
        flows: the flows.
        project_id: the project.
        tally: counts them.
        schedule: whether their schedules start to make runs.
        force: whether unchanged flows get a new version too.
    """
    registration = Registration(client, project_id, tally, schedule=schedule, force=force)
    registration.add_built(flows)
    registration.flush()


def _batches(sizes: list[int]) -> Iterator[tuple[int, int]]:
    """Where requests begin and end, so that none has too many flows or is too long."""
    start = total = 0
    for index, size in enumerate(sizes):
        if index > start and (index - start >= _BATCH or total + size > _BATCH_SIZE):
            yield start, index
            start, total = index, 0
        total += size
    if start < len(sizes):
        yield start, len(sizes)


#: Id and version of a new version; neither of a flow that is unchanged; the reason of a refusal.
_Reply = tuple["str | None", "int | None", "str | None"]


def _entry(flow: BuiltFlow, project_id: str, schedule: bool, force: bool) -> dict[str, Any]:
    from prefect.utilities.graphql import compress

    return {
        "project_id": project_id,
        "serialized_flow": compress(flow.serialized),
        "set_schedule_active": schedule,
        "idempotency_key": _digest(flow),
        **({"force": True} if force else {}),
    }


def _digest(flow: BuiltFlow) -> str:
    """What is the same as long as a flow does not change.

    A storage lists all flows that were built with it. The others do not matter: a flow has not changed
    because it was registered with `--name`, or because its file has another one.
    """
    import hashlib

    serialized = flow.serialized
    storage = cast("dict[str, Any] | None", serialized.get("storage"))
    if storage and isinstance(storage.get("flows"), dict):
        own = {name: place for name, place in storage["flows"].items() if name == flow.name}
        serialized = {**serialized, "storage": {**storage, "flows": own}}
    return hashlib.sha256(json.dumps(serialized, sort_keys=True).encode()).hexdigest()


def _register(
    client: Client, project_id: str, flows: list[BuiltFlow], entries: list[dict[str, Any]]
) -> list[_Reply]:
    from prefect.client._server import server_of
    from prefect.exceptions import ClientError

    if server_of(client).has_bulk:
        answered = _in_one_request(client, entries)
        if answered is not None:
            return answered
    replies: list[_Reply] = []
    for flow, entry in zip(flows, entries, strict=True):
        try:
            flow_id, version, is_new = _one(client, project_id, flow, entry)
            replies.append((flow_id if is_new else None, version, None))
        except ClientError as error:
            replies.append((None, None, _message(error)))
    return replies


def _in_one_request(client: Client, entries: list[dict[str, Any]]) -> list[_Reply] | None:
    """Register all with one request; None if this API cannot, or will not have all of them."""
    from prefect.exceptions import AuthorizationError, ClientError

    document = (
        "mutation($input: register_flows_input!) "
        "{ register_flows(input: $input) { flows { id is_new version error } } }"
    )
    try:
        answer = client.graphql(document, variables={"input": {"flows": entries}}, retry_on_api_error=False)
    except AuthorizationError:
        raise
    except ClientError:
        # Where one of the flows is refused as a whole, one by one shows which.
        return None
    return [
        (flow.id if flow.is_new else None, flow.version, flow.error)
        for flow in answer.data.register_flows.flows
    ]


def register_one(
    client: Client, project_id: str, flow: BuiltFlow, *, schedule: bool, force: bool
) -> tuple[str, int, bool]:
    """Register one flow: its id and version, and whether the version is new."""
    return _one(client, project_id, flow, _entry(flow, project_id, schedule, force))


def _one(client: Client, project_id: str, flow: BuiltFlow, entry: dict[str, Any]) -> tuple[str, int, bool]:
    from prefect.backend._query import rows

    if entry.get("force"):
        # Without this addition to the protocol, no key is what makes a new version.
        entry = {name: value for name, value in entry.items() if name != "force"} | {"idempotency_key": None}
    where = {"project_id": {"_eq": project_id}, "name": {"_eq": flow.name}}
    before = rows("flow", where, "id", order_by={"version": "desc"}, limit=1, client=client)
    flow_id: str = client.graphql(
        "mutation($input: create_flow_from_compressed_string_input!) "
        "{ create_flow_from_compressed_string(input: $input) { id } }",
        variables={"input": entry},
        retry_on_api_error=False,
    ).data.create_flow_from_compressed_string.id
    version: int = rows("flow", {"id": {"_eq": flow_id}}, "version", client=client)[0].version
    return flow_id, version, not before or before[0].id != flow_id


def _message(error: Exception) -> str:
    from prefect.cli._api import api_errors

    try:
        with api_errors():
            raise error
    except CommandError as command_error:
        return command_error.message


def _say_error(title: str, error: Exception) -> None:
    from prefect.cli._traceback import trimmed_traceback

    text = "\n".join(f"    {line}" for line in trimmed_traceback(error).rstrip().splitlines())
    print_error(f"{title.strip()}: {error}", details=text or None)
