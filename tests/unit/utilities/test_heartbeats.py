from __future__ import annotations

import logging
import sys
import threading
from typing import Any

import pytest

import prefect
from prefect.utilities import _heartbeats
from prefect.utilities.configuration import set_temporary_config
from prefect.utilities.executors import (
    HeartbeatThread,
    log_heartbeat_failure,
    no_heartbeat,
    run_with_heartbeat,
    send_heartbeat,
    subprocess_heartbeat,
    threaded_heartbeat,
)

logger = logging.getLogger("prefect.test")


class Beats:
    """A client that counts heartbeats; every one raises, if it is told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.runs: list[str] = []
        self.error = error
        self.one_came = threading.Semaphore(0)

    def update_flow_run_heartbeat(self, flow_run_id: str) -> None:
        self.runs.append(flow_run_id)
        self.one_came.release()
        if self.error is not None:
            raise self.error


@pytest.fixture
def beats(monkeypatch: pytest.MonkeyPatch) -> Beats:
    beats = Beats()
    monkeypatch.setattr(prefect, "Client", lambda: beats, raising=False)
    return beats


def test_a_heartbeat_names_the_run() -> None:
    client = Beats()
    send_heartbeat("run-1", client, logger)
    assert client.runs == ["run-1"]


def test_a_heartbeat_that_fails_is_logged_and_not_raised(caplog: pytest.LogCaptureFixture) -> None:
    send_heartbeat("run-1", Beats(ConnectionError("away")), logger)
    assert "Failed to send heartbeat with exception: ConnectionError('away')" in caplog.text


def test_a_thread_beats_until_it_is_told_to_stop(beats: Beats) -> None:
    stop = threading.Event()
    with set_temporary_config({"cloud.heartbeat_interval": 0.001}):
        thread = HeartbeatThread(stop, "run-2")
        assert thread.daemon
        thread.start()
        for _ in range(3):
            assert beats.one_came.acquire(timeout=30)
        stop.set()
        thread.join()
    assert set(beats.runs) == {"run-2"}


def test_a_thread_may_beat_a_number_of_times(beats: Beats) -> None:
    with set_temporary_config({"cloud.heartbeat_interval": 0.001}):
        thread = HeartbeatThread(threading.Event(), "run-3", num=2)
        thread.start()
        thread.join()
    assert beats.runs == ["run-3", "run-3"]


def test_a_block_has_heartbeats_from_a_thread_while_it_lasts(beats: Beats) -> None:
    with set_temporary_config({"cloud.heartbeat_interval": 1000}):
        with threaded_heartbeat("run-4"):
            assert beats.one_came.acquire(timeout=30)
            assert "prefect-heartbeat" in {thread.name for thread in threading.enumerate()}
        assert "prefect-heartbeat" not in {thread.name for thread in threading.enumerate()}
    assert beats.runs == ["run-4"]


def test_a_block_has_a_process_beside_it_while_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    popen = _heartbeats.subprocess.Popen

    def remember(*args: Any, **kwargs: Any) -> Any:
        started.append(popen(*args, **kwargs))
        return started[-1]

    monkeypatch.setattr(_heartbeats.subprocess, "Popen", remember)
    with subprocess_heartbeat([sys.executable, "-c", "import sys; sys.stdin.read()"], logger):
        assert started[0].poll() is None
    assert started[0].returncode is not None


def test_a_process_that_does_not_start_is_logged_and_the_block_runs(caplog: pytest.LogCaptureFixture) -> None:
    ran = False
    with subprocess_heartbeat(["/nonexistent/command"], logger):
        ran = True
    assert ran
    assert "Heartbeat process failed to start.  This could result in a zombie run." in caplog.text


def test_failures_of_a_heartbeat_are_logged_and_raised(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(KeyboardInterrupt), log_heartbeat_failure(logger):
        raise KeyboardInterrupt
    assert "Heartbeat process encountered terminal exception: KeyboardInterrupt()" in caplog.text


# -- runners ----------------------------------------------------------------------------------


class Runner:
    logger = logger
    flow_run_id = "run-5"
    heartbeat_cmd = ["/nonexistent/command"]

    def __init__(self, has_heartbeat: bool) -> None:
        self.has_heartbeat = has_heartbeat

    def _heartbeat(self) -> bool:
        return self.has_heartbeat

    @run_with_heartbeat
    def run(self, state: Any) -> Any:
        """Runs."""
        return state


def test_a_runner_without_anything_to_tell_just_runs(beats: Beats) -> None:
    with set_temporary_config({"cloud.heartbeat_mode": "thread"}):
        assert Runner(False).run("state") == "state"
    assert beats.runs == []


def test_a_runner_beats_in_the_way_the_settings_say(beats: Beats, caplog: pytest.LogCaptureFixture) -> None:
    class Waits(Runner):
        @run_with_heartbeat
        def run(self, state: Any) -> Any:
            assert beats.one_came.acquire(timeout=30)
            return state

    with set_temporary_config({"cloud.heartbeat_mode": "thread"}):
        assert Waits(True).run("state") == "state"
    assert beats.runs == ["run-5"]
    with set_temporary_config({"cloud.heartbeat_mode": "process"}):
        assert Runner(True).run("state") == "state"
    assert "Heartbeat process failed to start" in caplog.text
    with set_temporary_config({"cloud.heartbeat_mode": "off"}):
        assert Runner(True).run("state") == "state"


def test_an_unknown_mode_names_the_setting() -> None:
    with (
        set_temporary_config({"cloud.heartbeat_mode": "weird"}),
        pytest.raises(ValueError, match=r"cloud\.heartbeat_mode is 'weird'.*PREFECT__CLOUD__HEARTBEAT_MODE"),
    ):
        Runner(True).run("state")


def test_the_method_keeps_its_name() -> None:
    assert (Runner.run.__name__, Runner.run.__doc__) == ("run", "Runs.")


def test_no_heartbeat_is_nothing() -> None:
    with no_heartbeat() as nothing:
        assert nothing is None
