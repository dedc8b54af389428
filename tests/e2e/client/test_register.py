"""`prefect register`: many flows, their outcomes for programs, and what changes while it watches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from prefect import Client
from prefect.backend import FlowView

Prefect = Callable[..., "subprocess.CompletedProcess[str]"]

_FLOW = """
from prefect import Flow, Task
flow = Flow({name!r}, tasks=[Task("a"), Task("b")])
"""


def write_flows(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.py").write_text(_FLOW.format(name=name))


def test_eight_hundred_flows_are_registered_in_seconds(
    prefect: Prefect, project: str, tmp_path: Path, client: Client
) -> None:
    write_flows(tmp_path / "many", *(f"flow-{number:03}" for number in range(800)))
    started = time.monotonic()
    done = prefect("register", "--project", project, "-p", "many", "-o", "jsonl")
    print(f"800 flows in {time.monotonic() - started:.1f} s")
    assert done.returncode == 0, done.stderr
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    assert len({outcome["id"] for outcome in outcomes if outcome["result"] == "registered"}) == 800
    assert time.monotonic() - started < 60
    again = prefect("register", "--project", project, "-p", "many")
    assert " 0 registered, 800 skipped " in again.stdout
    where = f'{{ project: {{ name: {{ _eq: "{project}" }} }} }}'
    count = client.graphql(f"query {{ flow_aggregate(where: {where}) {{ aggregate {{ count }} }} }}")
    assert count.data.flow_aggregate.aggregate.count == 800


def test_a_summary_tells_of_all_flows_what_failed_first(
    prefect: Prefect, project: str, tmp_path: Path
) -> None:
    write_flows(tmp_path / "flows", "one", "two")
    (tmp_path / "flows" / "zero.py").write_text("1 / 0\n")
    done = prefect("register", "--project", project, "-p", "flows")
    assert done.returncode == 1
    table = done.stdout[done.stdout.index("\nFLOW ") :].splitlines()
    assert [line.split()[:2] for line in table[2:5]] == [
        [str(Path("flows", "zero.py")), "failed"],
        ["one", "registered"],
        ["two", "registered"],
    ]
    assert "ZeroDivisionError" in done.stderr
    assert done.stdout.splitlines()[-1].strip("=") == " 2 registered, 1 errored "


def test_programs_read_what_became_of_each_flow(prefect: Prefect, project: str, tmp_path: Path) -> None:
    write_flows(tmp_path / "flows", "one", "two")
    words = ("register", "--project", project, "-p", "flows")
    ids = prefect(*words, "-n", "one", "-o", "id").stdout.split()
    done = prefect(*words, "-o", "json")
    rows = {row["flow"]: row for row in json.loads(done.stdout)}
    assert {name: row["result"] for name, row in rows.items()} == {"one": "skipped", "two": "registered"}
    assert rows["two"]["version"] == 1
    assert "Registering 'two'... Done" in done.stderr
    assert ids == [FlowView.from_flow_name("one", project_name=project).flow_id]
    (tmp_path / "flows" / "zero.py").write_text("1 / 0\n")
    failed = prefect(*words, "-o", "yaml")
    assert failed.returncode == 1
    assert [row["result"] for row in yaml.safe_load(failed.stdout)] == ["failed", "skipped", "skipped"]


def test_a_project_is_made_on_request_only(prefect: Prefect, client: Client, tmp_path: Path) -> None:
    write_flows(tmp_path / "flows", "one")
    words = ("register", "--project", "made on request", "-p", "flows")
    refused = prefect(*words)
    assert refused.returncode == 3
    assert "--create-project" in refused.stderr
    assert prefect(*words, "--create-project").returncode == 0


def test_files_modules_and_names_may_be_given_several_times(
    prefect: Prefect, project: str, tmp_path: Path
) -> None:
    write_flows(tmp_path / "flows", "one", "two", "three")
    (tmp_path / "company").mkdir()
    (tmp_path / "company" / "__init__.py").write_text("")
    write_flows(tmp_path / "company", "four", "five")
    words = ("-p", "flows/one.py", "-p", "flows/t*.py", "-m", "company.four", "-m", "company.five.flow")
    done = prefect("register", "--project", project, *words, "-o", "json")
    assert [row["flow"] for row in json.loads(done.stdout)] == ["one", "three", "two", "four", "five"]
    named = prefect(
        "register", "--project", project, *words, "--force", "-n", "two", "-n", "five", "-o", "json"
    )
    assert [row["flow"] for row in json.loads(named.stdout)] == ["two", "five"]
    missing = prefect("register", "--project", project, *words, "-n", "six")
    assert missing.returncode == 1
    assert "- six" in missing.stderr
    assert "'four'" in missing.stderr


def test_watching_registers_what_changed_and_only_that(
    prefect: Prefect, project: str, tmp_path: Path, url: str, client: Client
) -> None:
    write_flows(tmp_path / "flows", "one", "two")
    command = [sys.executable, "-m", "prefect", "register", "--project", project, "-p", "flows", "--watch"]
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            stdout=output,
            stderr=output,
            env={**os.environ, "PREFECT__SERVER__ENDPOINT": url, "PYTHONUNBUFFERED": "1"},
        )

    def wait_for(text: str) -> str:
        """What was printed since the last call, up to a text."""
        nonlocal read
        deadline = time.monotonic() + 60
        while text not in (told := log.read_text()[read:]):
            assert process.poll() is None, told
            assert time.monotonic() < deadline, told
            time.sleep(0.05)
        read += told.index(text) + len(text)
        return told

    read = 0
    try:
        wait_for(" 2 registered ")
        (tmp_path / "flows" / "two.py").write_text(_FLOW.format(name="two").replace('"b"', '"c"'))
        told = wait_for(" 1 registered ")
        assert "'one'" not in told
        write_flows(tmp_path / "flows", "three")
        assert "'three'" in wait_for(" 1 registered ")
        (tmp_path / "flows" / "two.py").write_text("1 / 0\n")
        wait_for(" 0 registered, 1 errored ")
        (tmp_path / "flows" / "two.py").write_text(_FLOW.format(name="two"))
        wait_for(" 1 registered ")
    finally:
        process.terminate()
        process.wait(20)
    assert FlowView.from_flow_name("one", project_name=project).serialized_flow["name"] == "one"
    where = f'{{ project: {{ name: {{ _eq: "{project}" }} }}, archived: {{ _eq: false }} }}'
    found = client.graphql(f"query {{ flow(where: {where}) {{ name version }} }}").data.flow
    assert {row.name: row.version for row in found} == {"one": 1, "two": 3, "three": 1}


@pytest.mark.parametrize("shown", ["text", "json"])
def test_a_flow_that_the_server_refuses_does_not_stop_the_others(
    prefect: Prefect, project: str, tmp_path: Path, shown: str
) -> None:
    flows = [json.loads(_serialized(name)) for name in ("good", "bad", "fine")]
    flows[1]["tasks"] = "not a list"
    (tmp_path / "flows.json").write_text(json.dumps({"version": 1, "flows": flows}))
    done = prefect("register", "--project", project, "--json", "flows.json", "-o", shown)
    assert done.returncode == 1
    assert "Flow 'bad' was not registered: " in done.stderr
    if shown == "json":
        results = {row["flow"]: row["result"] for row in json.loads(done.stdout)}
        assert results == {"good": "registered", "bad": "failed", "fine": "registered"}


@contextmanager
def http_server(answer: Callable[[str], dict[str, Any]]) -> Iterator[str]:
    """Address of a server that answers each request with JSON made of its body."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            body = json.dumps(answer(self.rfile.read(length).decode())).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_server_that_is_too_old_is_refused_with_both_versions(
    prefect_at: Callable[[str], Prefect], tmp_path: Path
) -> None:
    def answer(body: str) -> dict[str, Any]:
        return {"data": {"hello": "you"} if "hello" in body else {"api": {"version": "2021.01.01"}}}

    write_flows(tmp_path / "flows", "one")
    with http_server(answer) as url:
        done = prefect_at(url)("register", "--project", "p", "-p", "flows")
    assert (done.returncode, done.stdout) == (1, "")
    assert "2021.01.01" in done.stderr
    assert "2021.09.02" in done.stderr


def test_what_was_built_is_registered_from_an_address(prefect: Prefect, project: str, tmp_path: Path) -> None:
    write_flows(tmp_path / "flows", "one")
    assert prefect("build", "-p", "flows").returncode == 0
    document = json.loads((tmp_path / "flows.json").read_text())
    with http_server(lambda _body: document) as address:
        done = prefect("register", "--project", project, "--json", f"{address}/flows.json", "-o", "json")
        assert [row["result"] for row in json.loads(done.stdout)] == ["registered"]
        assert json.loads(done.stdout)[0]["source"] == f"{address}/flows.json"
    gone = prefect("register", "--project", project, "--json", f"{address}/flows.json")
    assert gone.returncode == 1
    assert address in gone.stderr


def _serialized(name: str) -> str:
    from prefect import Flow, Task
    from prefect.storage import Module

    return json.dumps(Flow(name, tasks=[Task("a")], storage=Module("company")).serialize())
