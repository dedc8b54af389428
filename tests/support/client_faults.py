"""Flow runs whose task bodies keep a ledger, for scenarios in which something breaks while they run."""

from __future__ import annotations

import random
import socket
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from client_runs import Runs

__all__ = ["Network", "bad_network", "broken_client", "counted", "ledger", "problems_of", "submit"]

_COUNTED = """
    import os, time
    from pathlib import Path
    import prefect
    from prefect import Flow, task
    from prefect.executors import ThreadPoolExecutor

    @task(max_retries={retries}, retry_delay=__import__("datetime").timedelta(seconds={delay}) if {retries} else None)
    def work(n):
        prefect.context.logger.info(f"working on {{n}}")
        with open(Path({folder!r}) / f"{{prefect.context.flow_run_id}}.ledger", "a") as file:
            file.write(f"{{n}}\\n")
        time.sleep({seconds})
        return n

    with Flow("counted") as flow:
        work.map(list(range({count})))
"""


def counted(
    runs: Runs, count: int, seconds: float = 0.05, *, retries: int = 0, delay: float = 0.1, **options: Any
) -> str:
    """The id of a flow of so many mapped children, each of which takes so long and writes its number down."""
    code = _COUNTED.format(
        folder=str(runs.folder), count=count, seconds=seconds, retries=retries, delay=delay
    )
    return runs.register(code, **options)


def ledger(runs: Runs, run_id: str) -> Counter[int]:
    """How often the body of each child has begun."""
    path = runs.folder / f"{run_id}.ledger"
    return Counter(int(line) for line in path.read_text().split()) if path.exists() else Counter()


def problems_of(runs: Runs, run_id: str, count: int) -> list[str]:
    """What is wrong with a run that should have succeeded with each body once, and all of its log."""
    problems: list[str] = []
    history = runs.history(run_id)
    if history[-1] != "Success" or history.count("Running") != 1:
        problems.append(f"states {history}: {runs.output(run_id)[-1500:]}")
    twice = {number for number, times in ledger(runs, run_id).items() if times != 1}
    problems += [f"bodies run twice: {sorted(twice)}"] if twice else []
    missing = set(range(count)) - set(ledger(runs, run_id))
    problems += [f"bodies not run: {sorted(missing)}"] if missing else []
    bad = {
        name: state for name, state in runs.task_runs(run_id).items() if state not in ("Success", "Mapped")
    }
    problems += [f"task runs {bad}"] if bad else []
    lines = Counter(line for line in runs.logs(run_id) if line.startswith("working on "))
    wrong = {n: lines[f"working on {n}"] for n in range(count) if lines[f"working on {n}"] != 1}
    problems += [f"lines of the log {wrong}"] if wrong else []
    return problems


def submit(runs: Runs, run_id: str, lease_s: float | None = None) -> dict[str, str]:
    """Take a run as an agent does, without watching it; the variables of its process."""
    agent_id = runs.client.register_agent("LocalAgent", "test", [])
    runs.client.attach_headers({"X-PREFECT-AGENT-ID": agent_id})
    entry: dict[str, Any] = {"flow_run_id": run_id, "state": {"type": "Submitted", "message": "taken"}}
    if lease_s is not None:
        entry["lease_s"] = lease_s
    found = runs.rows(
        "mutation($input: set_flow_run_states_input!) { set_flow_run_states(input: $input) { states { epoch } } }",
        input={"states": [entry]},
    )
    epoch = found["set_flow_run_states"]["states"][0]["epoch"]
    # An agent of 1.x tells its processes no attempt.
    return {} if lease_s is None else {"PREFECT__CONTEXT__FLOW_RUN_EPOCH": str(epoch)}


def broken_client(folder: Path, code: str) -> dict[str, str]:
    """Variables of a process of a flow run in which code has broken the product."""
    hook = folder / "broken-client"
    hook.mkdir(exist_ok=True)
    (hook / "sitecustomize.py").write_text(textwrap.dedent(code))
    return {"PYTHONPATH": str(hook)}


class Network:
    """What is between client and server.

    Attributes:
        port: where to connect to.
        delay_s: how late each piece of data arrives.
        lost_answers: share of answers after whose first piece the connection is cut.
        lost_requests: share of requests that are cut before the server has seen them.
        is_cut: whether nothing arrives at all, as connections stay open.
        cuts: connections that were cut.
    """

    def __init__(self, port: int, server_port: int, seed: int) -> None:
        self.port = port
        self.delay_s = self.lost_answers = self.lost_requests = 0.0
        self.is_cut = False
        self.cuts = 0
        self._server_port = server_port
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def serve(self, listening: socket.socket) -> None:
        """Take connections until the socket is closed."""
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._server_port), 10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            for source, target, is_answer in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._carry, args=(source, target, is_answer), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        try:
            while data := source.recv(65_536):
                if self.delay_s:
                    time.sleep(self.delay_s)
                while self.is_cut:
                    time.sleep(0.05)
                with self._lock:
                    share = self.lost_answers if is_answer else self.lost_requests
                    loses = self._random.random() < share
                    self.cuts += loses
                if loses:
                    break
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()


@contextmanager
def bad_network(server_port: int, seed: int = 1) -> Iterator[Network]:
    """A network between clients and the server of that port, which is good until a test spoils it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        network = Network(listening.getsockname()[1], server_port, seed)
        thread = threading.Thread(target=network.serve, args=(listening,), daemon=True)
        thread.start()
        try:
            yield network
        finally:
            network.is_cut = False
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(10)
