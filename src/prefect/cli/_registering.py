"""Building and registering the flows that were found."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from prefect.cli._collect import BuiltFlow, Source
from prefect.cli._errors import CommandError
from prefect.cli._output import print_error, styled, write

if TYPE_CHECKING:
    from prefect.client.client import Client
    from prefect.core.flow import Flow
    from prefect.storage import Storage

__all__ = [
    "Tally",
    "add_labels",
    "build_source",
    "keep_named",
    "register_built",
    "register_one",
    "with_run_config",
]

#: Flows in one request.
_BATCH = 50


@dataclass
class Tally:
    """How many flows went which way."""

    done: int = 0
    skipped: int = 0
    failed: int = 0

    def line(self, verb: str) -> str:
        """The summary, such as `==== 2 registered, 1 skipped ====`."""
        parts = [f"{self.done} {verb}"]
        parts += [f"{self.skipped} skipped"] if self.skipped else []
        parts += [f"{self.failed} errored"] if self.failed else []
        color = "red" if self.failed else "green" if self.done else "yellow"
        return styled(f" {', '.join(parts)} ".center(62, "="), sys.stdout, color=color, bold=True)


def keep_named(sources: list[Source], names: Sequence[str]) -> list[str]:
    """Leave only flows of these names, and sources that have some; the names that none has."""
    found: set[str] = set()
    for source in sources:
        source.flows = [flow for flow in source.flows if flow.name in names]
        source.built = [built for built in source.built if built.name in names]
        found.update(flow.name for flow in source.flows)
        found.update(built.name for built in source.built)
    return [name for name in names if name not in found]


def build_source(source: Source, labels: Iterable[str], tally: Tally, *, report: bool) -> list[BuiltFlow]:
    """Build the storages of a source, and give its flows in the form that is registered.

    Args:
        source: where the flows come from.
        labels: labels to add.
        tally: counts what failed, and with `report` what was built.
        report: whether each flow gets a line.
    """
    built: list[BuiltFlow] = []
    for storage, flows in _by_storage(source.flows):
        kind = type(storage).__name__
        write(f"  Building `{kind}` storage...")
        try:
            for flow in flows:
                if flow.name not in storage:
                    storage.add_flow(flow)
            storage.build()
        except Exception as error:  # noqa: BLE001 - storages of the user's fail in any way
            _say_error(f"  Error building storage {kind}", error)
            tally.failed += len(flows)
            continue
        for flow in flows:
            try:
                built.append(_built(flow, labels))
            except Exception as error:  # noqa: BLE001 - serializing calls code of the user's
                _say_error(f"  Error building flow {flow.name!r}", error)
                tally.failed += 1
                continue
            if report:
                write(f"  Building {flow.name!r}... {_green('Done')}")
                tally.done += 1
    for flow in source.built:
        add_labels(flow.serialized, labels)
        built.append(flow)
    return built


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


def _built(flow: Flow, labels: Iterable[str]) -> BuiltFlow:
    with_run_config(flow, labels)
    return BuiltFlow(flow.name, flow.serialize(build=False))


def register_built(
    client: Client, flows: list[BuiltFlow], project_id: str, tally: Tally, *, schedule: bool, force: bool
) -> None:
    """Register flows; each gets a line, and its id and version when it is new.

    Args:
        client: the client.
        flows: the flows.
        project_id: the project.
        tally: counts them.
        schedule: whether their schedules start to make runs.
        force: whether unchanged flows get a new version too.
    """
    for start in range(0, len(flows), _BATCH):
        batch = flows[start : start + _BATCH]
        entries = [_entry(flow, project_id, schedule, force) for flow in batch]
        for flow, (flow_id, version, error) in zip(
            batch, _register(client, project_id, batch, entries), strict=True
        ):
            lead = f"  Registering {flow.name!r}... "
            if error is not None:
                write(lead + styled("Error", sys.stdout, color="red"))
                print_error(f"Flow {flow.name!r} was not registered: {error}")
                tally.failed += 1
            elif flow_id is None:
                write(lead + styled("Skipped", sys.stdout, color="yellow") + " (metadata unchanged)")
                tally.skipped += 1
            else:
                write(f"{lead}{_green('Done')}\n  └── ID: {flow_id}\n  └── Version: {version}")
                tally.done += 1


#: Id and version of a new version; neither of a flow that is unchanged; the reason of a refusal.
_Reply = tuple["str | None", "int | None", "str | None"]


def _entry(flow: BuiltFlow, project_id: str, schedule: bool, force: bool) -> dict[str, Any]:
    import hashlib

    from prefect.utilities.graphql import compress

    text = json.dumps(flow.serialized, sort_keys=True)
    return {
        "project_id": project_id,
        "serialized_flow": compress(flow.serialized),
        "set_schedule_active": schedule,
        "idempotency_key": None if force else hashlib.sha256(text.encode()).hexdigest(),
    }


def _register(
    client: Client, project_id: str, flows: list[BuiltFlow], entries: list[dict[str, Any]]
) -> list[_Reply]:
    from prefect.exceptions import ClientError

    if len(entries) > 1:
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
    """Register all with one request; None if this API cannot."""
    from prefect.exceptions import ClientError

    document = (
        "mutation($input: register_flows_input!) "
        "{ register_flows(input: $input) { flows { id is_new version error } } }"
    )
    try:
        answer = client.graphql(document, variables={"input": {"flows": entries}}, retry_on_api_error=False)
    except ClientError as error:
        if "register_flows" in str(error):  # an older API does not know this field or its input
            return None
        raise
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


def _green(text: str) -> str:
    return styled(text, sys.stdout, color="green")
