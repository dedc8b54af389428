"""Runs that are cancelled at any moment, and a slot that is held by runs which are killed."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_site import Site, running_site

from scoreboard import is_full, record, sized

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")

_FLOWS = (Path(__file__).parent / "agent_flows.py").read_text(encoding="utf-8")
ZOMBIE_S = 5.0
#: Runs that are under way at once.
AT_ONCE = 4


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that misses runs soon."""
    with running_site(tmp_path_factory.mktemp("cancel"), _FLOWS, "--zombie-after", str(ZOMBIE_S)) as found:
        yield found


def lines(ledger: Path) -> list[list[str]]:
    """What tasks have noted: time, word, process, run."""
    return [line.split() for line in ledger.read_text().splitlines()] if ledger.exists() else []


def is_alive(pid: int) -> bool:
    """Whether a process is there that has not ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def processes(ledger: Path) -> set[int]:
    """Processes of runs, and those that they started."""
    found: set[int] = set()
    for _, word, pid, _ in lines(ledger):
        found.add(int(pid))
        if word.startswith("child:"):
            found.add(int(word[6:]))
    return found


def cancel_at_random_moments(
    site: Site, ledger: Path, count: int, seed: int, hook: str = "", patience_s: float = 100
) -> tuple[list[str], list[float], int]:
    """Cancel runs; the states they ended in, the seconds that took, and processes that stayed behind."""
    choice = random.Random(seed)
    states: list[str] = []
    took: list[float] = []
    with site.agent("--limit", str(AT_ONCE), hook=hook) as agent:
        for start in range(0, count, AT_ONCE):
            runs = [
                site.run("staged", parameters={"ledger": str(ledger)})
                for _ in range(min(AT_ONCE, count - start))
            ]
            began = time.monotonic()
            moments = sorted((choice.uniform(0, 4), run) for run in runs)
            cancelled: dict[str, float] = {}
            for moment, run in moments:
                time.sleep(max(0.0, began + moment - time.monotonic()))
                site.client.cancel_flow_run(run)
                cancelled[run] = time.monotonic()
            for run, when in cancelled.items():
                site.wait(run, "Cancelled", "Success", "Failed", timeout_s=patience_s)
                took.append(time.monotonic() - when)
                states.append(site.state(run)[0])
        deadline = time.monotonic() + patience_s / 4
        while (left := [pid for pid in processes(ledger) if is_alive(pid)]) and time.monotonic() < deadline:
            time.sleep(0.1)  # processes that are no children of ours
        agent.kill()
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return states, took, len(left)


@pytest.mark.parametrize("seed", range(10) if is_full() else [1])
def test_f25_a_run_that_is_cancelled_at_any_moment_ends_and_leaves_no_process(
    seed: int, site: Site, tmp_path: Path
) -> None:
    count = sized(12, 100)
    states, took, left = cancel_at_random_moments(site, tmp_path / "ledger", count, seed)
    record("F25", "sqlite", seed, "all Cancelled or finished in 30 s, 0 processes left", {
        "cancelled": states.count("Cancelled"), "finished before": len(states) - states.count("Cancelled"),
        "slowest (s)": round(max(took), 1), "processes left": left,
    })  # fmt: skip
    assert (len(states), left) == (count, 0)
    assert set(states) <= {"Cancelled", "Success"}
    assert states.count("Cancelled") > count / 2


def test_f25_notices_processes_that_stay_behind(site: Site, tmp_path: Path) -> None:
    # Neither does the agent stop anything, nor does the run see that it is cancelled.
    broken = """
        from prefect.agent.local._jobs import ProcessJob
        from prefect.engine.cloud import _liveness
        ProcessJob.stop = lambda self, is_urgent: None
        ProcessJob.poll = lambda self: None
        import time, subprocess
        wait = subprocess.Popen.wait
        subprocess.Popen.kill = lambda self: None
        subprocess.Popen.wait = lambda self, timeout=None: None if "time.sleep(300)" in self.args else wait(self, timeout)
    """
    _, _, left = cancel_at_random_moments(site, tmp_path / "ledger", 2, 1, hook=broken, patience_s=70)
    assert left > 0


def overlaps(ledger: Path) -> int:
    """How often a run began while another one was at work."""
    inside: str | None = None
    count = 0
    for _, word, _, run in sorted(lines(ledger), key=lambda line: float(line[0])):
        if word == "begin":
            count += inside is not None and inside != run
            inside = run
        elif word in ("end", "killed") and inside == run:
            inside = None
    return count


def run_with_one_slot(site: Site, ledger: Path, count: int, kills: int) -> list[float]:
    """Let runs wait for one slot, and kill the process of some that hold it; seconds until it was free each time."""
    limit = 'mutation { update_flow_concurrency_limit(input: { label: "one", limit: 1 }) { id } }'
    site.client.graphql(limit)
    freed: list[float] = []
    with site.agent("--label", "one", "--no-hostname-label"):
        parameters = {"ledger": str(ledger), "seconds": 0.3}
        runs = [site.run("working", parameters=parameters, labels=["one"]) for _ in range(count)]
        for _ in range(kills):
            seen = len(lines(ledger))
            while not (new := [line for line in lines(ledger)[seen:] if line[1] == "begin"]):
                time.sleep(0.02)  # other processes write the file
            pid, run = int(new[0][2]), new[0][3]
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue  # it was quicker
            began, known = time.monotonic(), len(lines(ledger))
            with ledger.open("a") as stream:
                stream.write(f"{time.time()} killed {pid} {run}\n")
            while not any(line[1] == "begin" for line in lines(ledger)[known:]):
                assert time.monotonic() - began < 10 * (ZOMBIE_S + 15)
                time.sleep(0.02)
            freed.append(time.monotonic() - began)
        for run in runs:
            site.wait(run, "Success", "Failed", timeout_s=300)
    return freed


def slots_held(site: Site) -> int:
    """Slots that somebody holds."""
    return len(site.server.database.rows("SELECT 1 FROM concurrency_slot"))


def test_f26_one_slot_is_never_held_twice_and_is_free_when_its_holder_is_killed(
    site: Site, tmp_path: Path
) -> None:
    count, kills = sized(8, 100), sized(2, 20)
    freed = run_with_one_slot(site, tmp_path / "ledger", count, kills)
    record("F26", "sqlite", None, "never 2 at once; the slot of a killed run free in zombie time + 15 s", {
        "runs": count, "kills": len(freed), "overlaps": overlaps(tmp_path / "ledger"),
        "slowest (s)": round(max(freed, default=0), 1), "slots left": slots_held(site),
    })  # fmt: skip
    assert freed
    assert (overlaps(tmp_path / "ledger"), slots_held(site)) == (0, 0)


def test_f26_notices_a_server_that_counts_no_slots(tmp_path: Path) -> None:
    broken = """
        from prefect.server.domain import slots
        slots.take = lambda *_: None
    """
    with running_site(tmp_path, _FLOWS, "--zombie-after", str(ZOMBIE_S), broken=broken) as site:
        run_with_one_slot(site, tmp_path / "ledger", 6, 0)
    assert overlaps(tmp_path / "ledger") > 0
