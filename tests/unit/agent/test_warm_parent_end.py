"""The warm parent ends with its agent."""

from __future__ import annotations

import socket
import subprocess
import sys


def test_a_warm_parent_whose_agent_is_gone_before_it_is_ready_ends_quietly() -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    with theirs:
        code = (
            "import sys; from prefect.agent.local import _warm_main as w; "
            f"w._IMPORTED = (); sys.exit(w.main({theirs.fileno()}))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            pass_fds=[theirs.fileno()],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
