"""What holds for every test: a home of its own, no network, and repeatable random cases."""

from __future__ import annotations

import atexit
import importlib.util
import ipaddress
import os
import shutil
import signal
import socket
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# --- Ctrl-C ------------------------------------------------------------------------------------
# A shell that starts these tests in the background has it ignored, also by all that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# --- A home of its own -------------------------------------------------------------------------
# Prefect reads its configuration while it is imported, so this has to happen at import time, before
# any test module. Subprocesses started by tests inherit it. With xdist each worker gets its own.
_HOME = Path(tempfile.mkdtemp(prefix="prefect-tests-")).resolve()
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)

for _name in [name for name in os.environ if name.startswith("PREFECT__")]:
    del os.environ[_name]
os.environ["HOME"] = os.environ["USERPROFILE"] = str(_HOME)
os.environ["PREFECT__HOME_DIR"] = str(_HOME / ".prefect")
os.environ["PREFECT__USER_CONFIG_PATH"] = str(_HOME / ".prefect" / "config.toml")
# Many tests start processes: each would compile every module again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# Output is asserted as plain text; tests of colours set their own environment.
for _name in ("FORCE_COLOR", "CLICOLOR_FORCE", "COLUMNS"):
    os.environ.pop(_name, None)

# --- The scoreboard of fault and attack scenarios ----------------------------------------------
# Tests import it by name; test folders are no packages, so somebody has to say where it is.
_spec = importlib.util.spec_from_file_location("scoreboard", Path(__file__).parent / "scoreboard.py")
assert _spec is not None
assert _spec.loader is not None
sys.modules["scoreboard"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(sys.modules["scoreboard"])

# --- Repeatable random cases -------------------------------------------------------------------
# "ci": the same cases on every run, so that a red build is red again. "dev": new cases each time.
# No deadline in either: the machine's load is not the code's fault.
settings.register_profile("dev", deadline=None)
settings.register_profile(
    "ci", deadline=None, derandomize=True, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


# --- No network --------------------------------------------------------------------------------
class NetworkBlockedError(OSError):
    """A test wanted to leave this machine without the `network` marker."""


_own_names = {"", "localhost", "localhost.localdomain", socket.gethostname()}
_connect = socket.socket.connect
_connect_ex = socket.socket.connect_ex
_getaddrinfo = socket.getaddrinfo


def _stays_here(host: object) -> bool:
    if host is None:
        return True
    text = host.decode() if isinstance(host, bytes) else str(host)
    if text in _own_names:
        return True
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified or _is_own_address(address)


def _is_own_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether this machine can bind the address, so that it is one of its own."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True


def _check(sock: socket.socket, address: Any) -> None:
    # Datagram sockets are let through: "connecting" one sends nothing, and it is the usual way to
    # ask the system for its own address. Unix sockets never leave the machine.
    if sock.family not in (socket.AF_INET, socket.AF_INET6) or sock.type == socket.SOCK_DGRAM:
        return
    if not _stays_here(address[0]):
        raise NetworkBlockedError(f"Tests may not connect to {address!r}; mark the test with `network`.")


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("network"):
        return

    def connect(self: socket.socket, address: Any) -> None:
        _check(self, address)
        return _connect(self, address)

    def connect_ex(self: socket.socket, address: Any) -> int:
        _check(self, address)
        return _connect_ex(self, address)

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        text = host.decode() if isinstance(host, bytes) else host
        if text is not None and not _stays_here(text):
            try:
                ipaddress.ip_address(str(text))
            except ValueError:
                message = f"Tests may not look up {text!r}; mark the test with `network`."
                raise NetworkBlockedError(message) from None
        return _getaddrinfo(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave `network` tests out unless they are asked for by `-m`."""
    if "network" in (config.getoption("-m") or ""):
        return
    skip = pytest.mark.skip(reason="needs the network; run with -m network")
    for item in items:
        if item.get_closest_marker("network"):
            item.add_marker(skip)


# --- Isolation between tests -------------------------------------------------------------------
@pytest.fixture(autouse=True)
def _context_is_restored() -> Iterator[None]:
    """Whatever a test puts into `prefect.context` (a cache, a flow, parameters) ends with it."""
    module = sys.modules.get("prefect.utilities.context")
    if module is None:  # this test has nothing to do with a context
        yield
        return
    with module.context():
        module.context.pop("caches", None)
        yield


@pytest.fixture(autouse=True)
def _no_lines_are_left_to_send() -> Iterator[None]:
    """A test that has log lines sent ends that: the thread would fail in a later test."""
    yield
    manager = getattr(sys.modules.get("prefect.utilities.logging"), "__dict__", {}).get("LOG_MANAGER")
    thread = None if manager is None else manager.thread
    if thread is None or not thread.is_alive():
        return
    lines = [path.read_text() for path in Path(os.environ["PREFECT__HOME_DIR"]).glob("spool/*/*.jsonl")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        manager.stop()
    pytest.fail(
        f"log lines were about to be sent, of this test or of what an earlier one left behind: {lines}"
    )


# --- PostgreSQL ---------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    """PostgreSQL, started for this worker. Where it is not installed, tests on it are skipped.

    With PREFECT_TESTS_POSTGRESQL=required they fail.
    """
    from pg_cluster import NOT_INSTALLED, postgres_programs, running_cluster

    if postgres_programs() is None:
        if os.environ.get("PREFECT_TESTS_POSTGRESQL") == "required":
            pytest.fail(f"{NOT_INSTALLED}, and PREFECT_TESTS_POSTGRESQL says that it has to be.")
        pytest.skip(NOT_INSTALLED)
    from prefect.server.database.store import open_store
    from prefect.server.settings import ServerSettings

    with running_cluster(lambda url: open_store(ServerSettings(_HOME, connection_url=url)).close()) as found:
        yield found


def _say_what_needs_postgresql(reporter: pytest.TerminalReporter) -> None:
    from pg_cluster import NOT_INSTALLED

    skipped = sum(NOT_INSTALLED in str(report.longrepr) for report in reporter.stats.get("skipped", ()))
    if skipped:
        reporter.write_line(
            f"{NOT_INSTALLED}: {skipped} tests were SKIPPED, so nothing is known of this change on PostgreSQL. "
            "Install it to run them (Debian: apt install postgresql).",
            red=True,
            bold=True,
        )


# --- Documentation ------------------------------------------------------------------------------
# Here and not in tests/docs, because with xdist the process that prints loads only this file.
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many code blocks of the documentation run, and which do not and why."""
    _say_what_needs_postgresql(terminalreporter)
    reports = [report for group in terminalreporter.stats.values() for report in group]
    if not any(getattr(report, "nodeid", "").startswith("tests/docs/") for report in reports):
        return
    sys.path.insert(0, str(Path(__file__).parent / "docs"))
    from blocks import count_blocks

    run, not_run = count_blocks(Path(__file__).resolve().parents[1])
    terminalreporter.write_line(f"documentation: {run} code blocks run, {len(not_run)} marked as not run")
    for line in not_run:
        terminalreporter.write_line(f"  {line}")
