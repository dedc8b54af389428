"""Log lines are written once, whatever is in them."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def run_id(api: Any) -> str:
    """A flow run."""
    return api.run()


def _write(api: Any, *lines: dict[str, Any]) -> None:
    assert api.mutate("write_run_logs", "success", logs=list(lines)) == {"success": True}


def test_lines_are_read_through_flow_run_and_task_run(api: Any, run_id: str) -> None:
    task_run = api.task_runs(run_id)["a"]
    _write(
        api,
        {
            "flow_run_id": run_id,
            "task_run_id": task_run,
            "timestamp": api.at(1),
            "name": "prefect.a",
            "level": "NOTICE",
            "message": "héllo\n\tworld",
            "info": {"lineno": 3},
        },
        {"flow_run_id": run_id, "message": "defaults"},
    )

    lines = api.row(
        "flow_run",
        run_id,
        "logs(order_by: {timestamp: asc}) { timestamp name level message info task_run_id }",
    )["logs"]
    assert lines[0] == {
        "timestamp": api.at(0),
        "name": None,
        "level": "INFO",
        "message": "defaults",
        "info": None,
        "task_run_id": None,
    }
    assert lines[1] == {
        "timestamp": api.at(1),
        "name": "prefect.a",
        "level": "NOTICE",
        "message": "héllo\n\tworld",
        "info": {"lineno": 3},
        "task_run_id": task_run,
    }
    assert api.row("task_run", task_run, "logs { message }") == {"logs": [{"message": "héllo\n\tworld"}]}


def test_a_single_line_may_stand_for_a_list(api: Any, run_id: str) -> None:
    line = {"flow_run_id": run_id, "message": "alone", "level": "ERROR"}
    api.mutate("write_run_logs", "success", logs=line)
    assert api.rows("log", "message level") == [{"message": "alone", "level": "ERROR"}]


def test_the_level_may_be_a_bare_word_in_a_document(api: Any, run_id: str) -> None:
    api(
        f'mutation {{ write_run_logs(input: {{logs: [{{flow_run_id: "{run_id}", level: WARNING, message: "m"}}]}}) '
        "{ success } }"
    )
    assert api.rows("log", "level") == [{"level": "WARNING"}]


def test_a_batch_that_is_sent_again_is_not_written_again(api: Any, run_id: str) -> None:
    line = {"flow_run_id": run_id, "timestamp": api.at(0), "message": "m", "level": "INFO", "name": "n"}
    batch = [line, line, {**line, "message": "other"}, {**line, "sequence": 1}, {**line, "sequence": 2}]
    for _ in range(3):
        api.move(1)
        _write(api, *batch)
    assert len(api.rows("log", "id")) == 5


def test_lines_of_deleted_runs_and_lines_without_a_run_do_no_harm(api: Any) -> None:
    _write(
        api, {"flow_run_id": "00000000-0000-4000-8000-000000000000", "message": "late"}, {"message": "lost"}
    )
    _write(api)
    assert [row["message"] for row in api.rows("log", "message")] == ["late"]


def test_text_that_databases_refuse_is_kept_readable(api: Any, run_id: str) -> None:
    _write(
        api,
        {
            "flow_run_id": run_id,
            "message": "nul \0",
            "info": {"k\0": ["\ud800"]},
            "name": "\0",
            "level": "\0",
        },
        {"flow_run_id": run_id, "message": r"a backslash \u0000"},
    )
    assert sorted((row["message"], str(row["info"])) for row in api.rows("log", "message info")) == [
        (r"a backslash \u0000", "None"),
        ("nul \ufffd", "{'k\ufffd': ['\ufffd']}"),
    ]


def test_a_thousand_lines_are_one_request(api: Any, run_id: str) -> None:
    _write(api, *({"flow_run_id": run_id, "message": f"line {number}"} for number in range(1000)))
    assert api("{ log_aggregate { aggregate { count } } }")["log_aggregate"]["aggregate"]["count"] == 1000


def test_lines_for_a_run_of_another_tenant_are_not_seen_by_it(api: Any, other: Any, run_id: str) -> None:
    _write(other, {"flow_run_id": run_id, "message": "forged"})
    assert api.row("flow_run", run_id, "logs { message }") == {"logs": []}
