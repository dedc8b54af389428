"""A program: a real agent whose runs are lines of a file. `python ledger_agent.py LEDGER`.

It takes runs as every agent does; what it deploys it notes, and ends as Success by itself.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from prefect.agent import Agent
from prefect.engine.state import Running, Success


class LedgerAgent(Agent):
    """Notes the runs that it is to start.

    Args:
        ledger: the file.
    """

    _supervises = True

    def __init__(self, ledger: str) -> None:
        super().__init__(name=f"ledger-{os.getpid()}")
        self._ledger = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def deploy_flow(self, flow_run: Any) -> str:
        # One write for a line: agents do not mix theirs.
        os.write(self._ledger, f"{flow_run.id} {time.time()} {self.name}\n".encode())
        for state in (Running(), Success()):
            self.client.set_flow_run_state(flow_run.id, state=state)
        return "noted"


if __name__ == "__main__":
    LedgerAgent(sys.argv[1]).start()
