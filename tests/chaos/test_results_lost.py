"""F30: a result that cannot be read or written fails its task, and says where it is; other tasks go on."""

from __future__ import annotations

import pickle
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from client_runs import runs_at
from live_server import running_server

import prefect
from prefect import Flow, task
from prefect.engine.result import Result
from prefect.engine.result.errors import ResultReadError
from prefect.engine.results import LocalResult
from prefect.engine.state import State, Success
from scoreboard import record

GOOD = pickle.dumps({"rows": list(range(1000))})
DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "cut off at a half": lambda path: path.write_bytes(GOOD[: len(GOOD) // 2]),
    "cut off at the end": lambda path: path.write_bytes(GOOD[:-1]),
    "no pickle": lambda path: path.write_bytes(b"a,b\n1,2\n"),
    "of a later protocol": lambda path: path.write_bytes(b"\x80\x63" + GOOD[2:]),
    "of a class that is gone": lambda path: path.write_bytes(b"cno_such_module\nGone\n."),
    "of a class that has changed": lambda path: path.write_bytes(b"cdatetime\nno_such_class\n."),
    "a directory": lambda path: (path.unlink(), path.mkdir()),
}


@task
def other() -> str:
    return "went on"


def outcome(flow: Flow, state: State) -> tuple[State, State]:
    """The state of the task that needs the result, and of the one that does not."""
    return tuple(state.result[flow.get_tasks(name)[0]] for name in ("read", "other"))  # type: ignore[return-value]


def test_damaged_inputs_fail_the_tasks_that_need_them_when_another_process_takes_the_run_up(
    tmp_path: Path,
) -> None:
    places = tmp_path / "results"
    places.mkdir()
    names = [*DAMAGES, "whole"]
    script = f"""
        from prefect import Flow, task
        from prefect.engine.results import LocalResult

        @task
        def read(rows):
            return len(rows["rows"])

        with Flow("damaged") as flow:
            for number in range({len(names)}):
                kept = LocalResult(dir={str(places)!r}, location=f"{{number}}.pickle")
                rows = task(lambda: 1 / 0, name=f"rows {{number}}", result=kept)()
                read(rows, task_args={{"name": f"read {{number}}"}})
            task(lambda: 0, name="other")()
    """
    with (
        running_server(tmp_path / "server", "") as server,
        runs_at(f"http://127.0.0.1:{server.port}", tmp_path) as runs,
    ):
        run_id = runs.create(runs.register(script))
        # As the process before this one left them: done, with their values at their locations.
        for number, name in enumerate(names):
            path = places / f"{number}.pickle"
            path.write_bytes(GOOD)
            kept = LocalResult(dir=str(places)).read(path.name)
            runs.finish_task(run_id, f"rows {number}-1", Success(result=kept))
            DAMAGES.get(name, lambda path: None)(path)

        state = runs.run(run_id)
        found = runs.rows(
            "query($id: uuid!) { task_run(where: { flow_run_id: { _eq: $id } }) "
            "{ state state_message task { name } } }",
            id=run_id,
        )["task_run"]

    assert state.is_failed()
    said = {run["task"]["name"]: (run["state"], run["state_message"]) for run in found}
    for number, name in enumerate(names[:-1]):
        kind, message = said[f"read {number}"]
        assert kind == "Failed", name
        assert str(places / f"{number}.pickle") in message, name
        record("F30 (inputs)", "sqlite", None, "failed, with the location", f"{name}: {message[:200]}")
    assert said[f"read {len(names) - 1}"][0] == said["other"][0] == "Success"


@pytest.mark.parametrize("damage", [name for name in DAMAGES if name != "missing"])
def test_a_damaged_target_fails_its_task(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "rows.pickle"
    path.write_bytes(GOOD)
    DAMAGES[damage](path)
    with Flow("f") as flow:
        task(lambda: 1, name="read", result=LocalResult(dir=str(tmp_path)), target="rows.pickle")()
        other()

    with prefect.context(checkpointing=True):
        needs, does_not = outcome(flow, flow.run())

    assert needs.is_failed(), damage
    assert str(path) in str(needs.message), damage
    assert does_not.result == "went on"


@pytest.mark.parametrize("blocked", ["the directory is a file", "the name is a directory"])
def test_a_result_that_cannot_be_written_fails_its_task(tmp_path: Path, blocked: str) -> None:
    place = tmp_path / "place"
    location = "a" if blocked == "the name is a directory" else "below/a"
    with Flow("f") as flow:
        task(lambda: 1, name="read", result=LocalResult(dir=str(place), location=location))()
        other()
    (place / "a").mkdir() if location == "a" else (place / "below").write_text("")

    with prefect.context(checkpointing=True):
        needs, does_not = outcome(flow, flow.run())

    assert needs.is_failed()
    assert str(place / location) in str(needs.message) or str(place / "below") in str(needs.message)
    assert does_not.result == "went on"
    record("F30 (writes)", "none", None, "failed, with the location", f"{blocked}: {needs.message}")


# -- stores behind a network ----------------------------------------------------------------------------


@pytest.fixture
def deaf() -> Iterator[str]:
    """The address of a server that takes connections and closes each without a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        done = threading.Event()

        def hang_up() -> None:
            while not done.is_set():
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        done.set()
        with socket.create_connection(listening.getsockname()):
            thread.join()


def s3(url: str) -> Result:
    pytest.importorskip("boto3", reason="needs boto3 (make test-extras)")
    from botocore.config import Config

    from prefect.engine.results import S3Result

    retries = Config(retries={"max_attempts": 1}, connect_timeout=5, read_timeout=5)
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "eu-west-1"}
    return S3Result("bucket", boto3_kwargs={**keys, "endpoint_url": url, "config": retries}, location="rows")


@pytest.mark.parametrize("unreachable", ["nobody listens", "hangs up"])
def test_a_store_that_cannot_be_reached_fails_the_task(deaf: str, unreachable: str) -> None:
    result = s3(deaf if unreachable == "hangs up" else "http://127.0.0.1:1")
    with Flow("f") as flow:
        task(lambda: 1, name="read", result=result)()
        other()

    with prefect.context(checkpointing=True):
        needs, does_not = outcome(flow, flow.run())

    assert needs.is_failed()
    assert "s3://bucket/rows" in str(needs.message)
    assert does_not.result == "went on"
    with pytest.raises(ResultReadError, match="The result at s3://bucket/rows cannot be read"):
        result.read("rows")
