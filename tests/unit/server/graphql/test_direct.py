"""The short way for inputs accepts what GraphQL accepts, and refuses what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

RUN = "5d1f0c8e-4b7a-4a53-9d0e-0123456789ab"
WRITE = "mutation($input: write_run_logs_input!) { write_run_logs(input: $input) { success } }"


def lines(api: Any) -> list[dict[str, Any]]:
    return api.write(
        lambda tx: [
            row.as_dict() for row in tx.rows("SELECT flow_run_id, timestamp, level, message FROM log")
        ]
    )


@pytest.mark.parametrize(
    "sent",
    [
        {"flow_run_id": RUN, "timestamp": "2030-01-02T03:04:05.5+00:00", "level": "INFO", "message": "x"},
        {
            "flow_run_id": RUN.upper(),
            "timestamp": "2030-01-02T03:04:05.500000Z",
            "level": "INFO",
            "message": "x",
        },
        {"flow_run_id": RUN, "timestamp": "2030-01-02T05:04:05.5+02:00", "level": None, "message": "x"},
        {
            "flow_run_id": RUN.replace("-", ""),
            "timestamp": "2030-01-02T03:04:05.5",
            "message": "x",
            "info": {"a": [1]},
        },
    ],
)
@pytest.mark.parametrize("is_list", [True, False])
def test_one_line_is_written_however_it_is_spelled(api: Any, sent: dict[str, Any], is_list: bool) -> None:
    assert api(WRITE, {"input": {"logs": [sent] if is_list else sent}}) == {
        "write_run_logs": {"success": True}
    }
    assert lines(api) == [
        {"flow_run_id": RUN, "timestamp": "2030-01-02T03:04:05.500000+00:00", "level": "INFO", "message": "x"}
    ]


@pytest.mark.parametrize(
    "sent",
    [
        {"logs": [{"flow_run_id": RUN, "mesage": "x"}]},
        {"logs": [{"flow_run_id": "x"}]},
        {"logs": [{"flow_run_id": RUN, "timestamp": "yesterday"}]},
        {"logs": [{"flow_run_id": RUN, "message": 7}]},
        {"logs": [None]},
        {"logs": None},
        {"logs": [{"flow_run_id": RUN}], "more": 1},
        {},
        None,
        [],
        "x",
    ],
    ids=str,
)
def test_what_graphql_refuses_is_refused(api: Any, failure: Any, sent: Any) -> None:
    with pytest.raises(failure) as refused:
        api(WRITE, {"input": sent})
    assert (refused.value.status, refused.value.code) == (400, "BAD_USER_INPUT")
    assert lines(api) == []


def test_variables_that_the_document_does_not_know_change_nothing(api: Any) -> None:
    assert api(WRITE, {"input": {"logs": []}, "more": 1}) == {"write_run_logs": {"success": True}}


def test_several_mutations_and_aliases_take_the_long_way(api: Any) -> None:
    document = (
        "mutation($input: create_project_input!) { a: create_project(input: $input) { id } "
        'b: create_project(input: {name: "two"}) { id } }'
    )
    found = api(document, {"input": {"name": "one"}})
    assert found["a"]["id"] != found["b"]["id"]
    aliased = "mutation($input: create_project_input!) { c: create_project(input: $input) { id } }"
    assert set(api(aliased, {"input": {"name": "three"}})) == {"c"}


def test_a_mutation_that_is_skipped_does_nothing(api: Any) -> None:
    document = (
        "mutation($input: create_project_input!) { create_project(input: $input) @skip(if: true) { id } }"
    )
    assert api(document, {"input": {"name": "one"}}) == {}
    assert api.rows("project", "id") == []
