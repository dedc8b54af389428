"""Agents that take runs from a server, and write down which ones they deployed instead of doing it."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from live_server import Answer, Connection, Server

__all__ = ["Fleet"]

_SUBMIT = (
    "mutation($id: UUID!, $version: Int, $state: JSON!) { set_flow_run_states(input: {states: "
    "[{flow_run_id: $id, version: $version, state: $state}]}) { states { status } } }"
)


@dataclass
class Fleet:
    """Agents with the same labels.

    Attributes:
        servers: each agent asks one of them, in turn.
        agents: how many there are.
        lease_s: seconds for which they reserve what they take; None as agents of 1.x, which cannot.
        deployed: runs, by how often they were deployed.
    """

    servers: list[Server]
    agents: int
    lease_s: float | None = None
    deployed: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    problems: list[str] = field(default_factory=list)

    def work_until(self, count: int, timeout_s: float) -> float:
        """Let them work until so many runs are deployed, and a moment longer; the seconds it took."""
        self._stopping = threading.Event()
        self._enough = threading.Event()
        self._lock = threading.Lock()
        self._count = count
        threads = [
            threading.Thread(target=self._work, args=(self.servers[number % len(self.servers)],), daemon=True)
            for number in range(self.agents)
        ]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        if not self._enough.wait(timeout_s):
            self.problems.append(f"{len(self.deployed)} of {count} runs were deployed in {timeout_s:g} s")
        took = time.monotonic() - began
        self._stopping.wait(0.5)  # whoever deploys a run twice does it now
        self._stopping.set()
        for thread in threads:
            thread.join(60)
        return took

    def _work(self, server: Server) -> None:
        connection = server.connect()
        while not self._stopping.is_set():
            more = {} if self.lease_s is None else {"lease_s": self.lease_s}
            answer = connection.mutate("get_runs_in_queue", "flow_run_ids", wait_s=1, **more)
            ids = answer.data["get_runs_in_queue"]["flow_run_ids"]
            if not ids:
                continue
            listed = ", ".join(f'"{one}"' for one in ids)
            rows = connection.ask(
                f"{{ flow_run(where: {{id: {{_in: [{listed}]}}}}) {{ id version state }} }}"
            ).data
            for row in rows["flow_run"]:
                if row["state"] == "Scheduled" and not self._stopping.is_set():
                    self._take(connection, row["id"], row["version"])
        connection.close()

    def _take(self, connection: Connection, run_id: str, version: int) -> None:
        state = {"type": "Submitted", "message": "Submitted for execution"}
        answer = self._submit(connection, run_id, version, state)
        if answer is None:
            return
        if answer.code is not None:
            # wire: agents of 1.x leave the run alone for these words, and fail it for any others.
            if "State update failed" not in answer.message:
                self.problems.append(f"{run_id}: {answer.message}")
            self.refused += 1
            return
        with self._lock:
            self.deployed[run_id] += 1
            if len(self.deployed) >= self._count:
                self._enough.set()
        for name in ("Running", "Success"):
            self._submit(connection, run_id, None, {"type": name})

    def _submit(
        self, connection: Connection, run_id: str, version: int | None, state: dict[str, str]
    ) -> Answer | None:
        try:
            return connection.ask(_SUBMIT, {"id": run_id, "version": version, "state": state})
        except (OSError, http.client.HTTPException) as exc:
            self.problems.append(f"{run_id}: {exc}")
            return None
