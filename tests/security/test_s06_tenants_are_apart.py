"""S6: no operation shows, changes or counts anything of another tenant's, or tells that it is there.

Made from the registry: every input that is an id, of every mutation and every query that is a
function, is given the id of somebody else's thing and an id of nothing. What the API answers must
be the same, and no row of the other tenant may have changed or be referred to. (Reading tables,
with all their relations, is the matrix of `tests/unit/server/graphql/test_isolation.py`.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from worlds import NOBODY, mutation_document, mutations, put

from prefect.server.domain import operations
from scoreboard import record

#: Mutations that take an id which names nothing: what comes of it is the same for all ids.
_TAKES_ANY = {"write_run_logs"}


def _leaks(worlds: Any) -> tuple[int, list[str]]:
    """How many questions were asked, and what each that should not have worked gave away."""
    asked, leaks = 0, []
    for operation in mutations().values():
        document = mutation_document(operation)
        value, places = worlds.input_of(operation)
        for path in places:
            asked += 1
            foreign = worlds.ask(document, {"input": put(value, path, worlds.foreign_id(operation, path))})
            nothing = worlds.ask(document, {"input": put(value, path, NOBODY)})
            where = f"{operation.name}.{'.'.join(map(str, path))}"
            leaks += [f"{where}: {one}" for one in worlds.touched(foreign.rows)]
            if foreign.masked() != nothing.masked():
                leaks.append(f"{where}: {foreign.body} but {nothing.body}")
            if foreign.error is None and operation.name not in _TAKES_ANY:
                leaks.append(f"{where}: accepted: {foreign.body}")
    return asked, leaks


def test_the_inputs_of_the_matrix_are_good_ones(worlds: Any) -> None:
    # Else what they are refused for would have nothing to do with whose things they name.
    refused = {}
    for operation in mutations().values():
        value, _ = worlds.input_of(operation)
        outcome = worlds.ask(mutation_document(operation), {"input": value})
        if outcome.error is not None:
            refused[operation.name] = outcome.error
        assert not worlds.touched(outcome.rows), operation.name
    assert refused == {}


def test_no_mutation_reaches_another_tenant(worlds: Any) -> None:
    asked, leaks = _leaks(worlds)
    record("S6 (mutations)", worlds.backend, None, "0 leaks", f"{len(leaks)} of {asked} inputs")
    assert leaks == []
    assert asked > 75


def _without_tenant(sql: str) -> str:
    return sql.replace("tenant_id = :tenant_id", "CAST(:tenant_id AS text) IS NOT NULL")


def _without_tenant_in_get(sql: str) -> str:
    is_get = re.match(r'SELECT [^*]+ FROM "\w+" WHERE id = :id AND tenant_id = :tenant_id', sql)
    return _without_tenant(sql) if is_get else sql


@pytest.mark.parametrize(("forget", "at_least"), [(_without_tenant, 40), (_without_tenant_in_get, 20)])
def test_a_build_that_forgets_the_tenant_is_noticed(
    worlds: Any, forget: Callable[[str], str], at_least: int
) -> None:
    worlds.store.rewrite = forget
    _, leaks = _leaks(worlds)
    assert len({leak.partition(":")[0] for leak in leaks}) >= at_least


def test_no_function_of_a_query_reaches_another_tenant(worlds: Any) -> None:
    asked, leaks = 0, []
    for name, document, id in _questions(worlds.foreign):
        asked += 1
        foreign = worlds.ask(document % id)
        nothing = worlds.ask(document % NOBODY)
        if foreign.masked() != nothing.masked():
            leaks.append(f"{name}: {foreign.body} but {nothing.body}")
    for name, document, id in _questions(worlds.own):
        outcome = worlds.ask(document % id)
        assert outcome.error is None, name
        assert outcome.masked() != worlds.ask(document % NOBODY).masked(), f"{name} asks for nothing"
    record("S6 (functions)", worlds.backend, None, "0 leaks", f"{len(leaks)} of {asked} arguments")
    assert leaks == []


def _questions(world: Any) -> list[tuple[str, str, str]]:
    """`(name, document, id)` for every query that takes an id; a new one without a row here fails."""
    rows = {
        "get_task_run_info": ('{ get_task_run_info(task_run_id: "%s") { id state } }', "task_run_id"),
        "mapped_children": ('{ mapped_children(task_run_id: "%s") { state_counts } }', "task_run_id"),
        "why_not_running": ('{ why_not_running(flow_run_id: "%s") { code data } }', "flow_run_id"),
        "utility_downstream_tasks": (
            '{ utility_downstream_tasks(args: {start_task_ids: "{%s}"}) { task_id depth } }', "task_id",
        ),
        "utility_upstream_tasks": (
            '{ utility_upstream_tasks(args: {start_task_ids: ["%s"]}) { task_id depth } }', "task_id",
        ),
    }  # fmt: skip
    by_name = {
        "flow_concurrency",
        "task_concurrency",
        "secret_value",
    }  # of this tenant by their SQL: see below
    of_nobody = {"schedule_preview"}  # its arguments are a schedule, not the name of something
    known = rows.keys() | by_name | of_nobody
    unknown = [name for name, one in operations.queries().items() if one.arguments and name not in known]
    assert unknown == [], "what do the arguments of these queries name?"
    return [(name, document, world[kind]) for name, (document, kind) in rows.items()]


def test_names_of_another_tenants_things_find_nothing(worlds: Any) -> None:
    own, foreign = worlds.own.api, worlds.foreign.api
    foreign.mutate("set_secret", "success", name="only theirs", value="theirs")
    foreign.mutate("update_flow_concurrency_limit", label="only theirs", limit=7)
    assert own("{ secret_names }") == {"secret_names": ["secret"]}
    for name in ("only theirs", "nothing"):
        outcome = worlds.ask(f'{{ secret_value(name: "{name}") }}')
        assert outcome.error == ("NOT_FOUND", "No value found for the requested key")
        outcome = worlds.ask("mutation($input: delete_secret_input!) { delete_secret(input: $input) { success } }",
                             {"input": {"name": name}})  # fmt: skip
        assert outcome.error == ("NOT_FOUND", f"Secret {name!r} was not found.")
    found = own('{ flow_concurrency(labels: ["only theirs"]) { usage limit } }')["flow_concurrency"]
    assert found == [{"usage": 0, "limit": None}]
    lists = own("{ flow_concurrency { label } task_concurrency { name } }")
    assert lists == {"flow_concurrency": [{"label": "label"}], "task_concurrency": [{"name": "tag"}]}


def test_a_version_group_of_another_tenant_is_another_one(worlds: Any) -> None:
    document = mutation_document(mutations()["create_flow_run"])
    theirs, none = (
        worlds.ask(document, {"input": {"version_group_id": group}})
        for group in (worlds.foreign["version_group_id"], NOBODY)
    )
    assert theirs.masked() == none.masked()
    assert theirs.error is not None
    document = mutation_document(mutations()["create_flow"])
    value = {
        "project_id": worlds.own["project_id"],
        "serialized_flow": {"name": "x"},
        "version_group_id": worlds.foreign["version_group_id"],
    }
    outcome = worlds.ask(document, {"input": value})
    assert outcome.error is None
    # The group has the same name, and is another one.
    assert [
        line for line in worlds.touched(outcome.rows) if not line.startswith(("flow:", "flow_group: new"))
    ] == []


def test_the_header_of_an_agent_names_no_agent_of_another_tenant(worlds: Any) -> None:
    document = mutation_document(mutations()["set_flow_run_states"])
    states = [{"flow_run_id": worlds.own["flow_run_id"], "state": {"type": "Submitted"}}]
    outcomes = [
        worlds.ask(document, {"input": {"states": states}}, agent_id=agent_id)
        for agent_id in (worlds.foreign["agent_id"], NOBODY, worlds.own["agent_id"])
    ]
    assert [outcome.error for outcome in outcomes] == [None, None, None]
    assert outcomes[0].masked() == outcomes[1].masked()
    assert [worlds.touched(outcome.rows) for outcome in outcomes] == [[], [], []]
    assert [_mentions(outcome, agent) for outcome, agent in zip(
        outcomes, (worlds.foreign["agent_id"], NOBODY, worlds.own["agent_id"]), strict=True
    )] == [False, False, True]  # fmt: skip
    queue = mutation_document(mutations()["get_runs_in_queue"])
    for agent_id in (worlds.foreign["agent_id"], NOBODY):
        outcome = worlds.ask(queue, {"input": {"labels": []}}, agent_id=agent_id)
        assert outcome.error is None
        assert worlds.touched(outcome.rows) == []


def _mentions(outcome: Any, id: str) -> bool:
    return any(id in row for row in outcome.rows["flow_run"])


def test_a_line_of_another_tenants_log_cannot_be_taken_beforehand(worlds: Any) -> None:
    own, foreign = worlds.own.api, worlds.foreign.api
    line = {"flow_run_id": worlds.foreign["flow_run_id"], "message": "to come", "timestamp": own.at(5)}
    own.mutate("write_run_logs", "success", logs=[line])
    where = f'(where: {{flow_run_id: {{_eq: "{line["flow_run_id"]}"}}, message: {{_eq: "to come"}}}})'
    assert foreign.rows("log", "message", where) == []
    foreign.mutate("write_run_logs", "success", logs=[line])
    assert foreign.rows("log", "message", where) == [{"message": "to come"}]


def test_a_message_to_one_person_is_not_another_persons(worlds: Any) -> None:
    api = worlds.own.api
    ada = api.mutate("create_user", username="ada")["id"]
    api.write(
        lambda tx: tx.execute(
            "UPDATE message SET user_id = :user WHERE id = :id", {"user": ada, "id": worlds.own["message_id"]}
        )
    )
    for name in ("mark_message_as_read", "mark_message_as_unread", "delete_message"):
        document = mutation_document(mutations()[name])
        to_ada = worlds.ask(document, {"input": {"message_id": worlds.own["message_id"]}})
        assert to_ada.masked() == worlds.ask(document, {"input": {"message_id": NOBODY}}).masked()
        own = worlds.ask(document, {"input": {"message_id": worlds.own["message_id"]}}, user_id=ada)
        assert own.error is None


def test_an_admin_of_one_tenant_does_not_delete_a_service_account_of_two(worlds: Any) -> None:
    service = worlds.foreign["service_id"]
    worlds.own.api.write(
        lambda tx: tx.execute(
            "INSERT INTO membership (id, created, updated, tenant_id, user_id, role) "
            "VALUES (:id, 't', 't', :tenant, :user, 'user')",
            {"id": NOBODY, "tenant": worlds.own["tenant_id"], "user": service},
        )
    )
    outcome = worlds.ask(
        mutation_document(mutations()["delete_service_account"]), {"input": {"user_id": service}}
    )
    assert outcome.error is not None
    assert outcome.error[0] == "FORBIDDEN"
    assert json.dumps(outcome.body).count("no admin") == 1
