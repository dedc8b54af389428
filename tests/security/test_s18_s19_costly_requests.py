"""S18, S19: bombs, endless lists and slow clients do not fill the memory, nor keep others waiting."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prefect.server.domain import policy, serialized_flows
from prefect.server.errors import BadInputError
from prefect.server.limits import Limits
from scoreboard import record, sized

# -- bombs -------------------------------------------------------------------------------


def _bomb(megabytes: int) -> str:
    """A compressed flow that unpacks to so many megabytes."""
    packer = zlib.compressobj(9, wbits=31)
    parts = [packer.compress(b"[" * 1_000_000) for _ in range(megabytes)]
    return base64.b64encode(b"".join([*parts, packer.flush()])).decode()


_UNPACK = """
import resource, sys
from prefect.server.domain.serialized_flows import unpack
from prefect.server.errors import BadInputError
text = open(sys.argv[1]).read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    unpack(text)
except BadInputError as exc:
    print(exc.message)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def test_a_bomb_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    megabytes = sized(300, 10_000)
    file = tmp_path / "bomb"
    file.write_text(_bomb(megabytes))
    done = subprocess.run(
        [sys.executable, "-c", _UNPACK, str(file)], capture_output=True, text=True, check=True
    )
    message, grown = done.stdout.splitlines()
    record(
        "S18", "none", None, "refused, RSS + < 150 MB", f"{megabytes} MB refused, + {int(grown) / 1e6:.0f} MB"
    )
    assert message == "The flow is larger than 100,000,000 bytes when unpacked."
    assert int(grown) < 150_000_000


def test_a_build_that_unpacks_first_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked = 0

    class Counting:
        def __init__(self, **options: Any) -> None:
            self._real = zlib_decompressobj(**options)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

        def decompress(self, data: bytes, most: int = 0) -> bytes:
            nonlocal unpacked
            found = self._real.decompress(data, most)
            unpacked = max(unpacked, len(found))
            return found

    zlib_decompressobj = zlib.decompressobj
    monkeypatch.setattr(serialized_flows.zlib, "decompressobj", Counting)
    bomb = _bomb(120)
    with pytest.raises(BadInputError, match="larger than"):
        serialized_flows.unpack(bomb)
    assert unpacked <= 2_000_000  # never more at once
    monkeypatch.setattr(serialized_flows, "_measure", lambda packed, most: None)
    with pytest.raises(BadInputError, match="larger than"):
        serialized_flows.unpack(bomb)
    assert unpacked == 100_000_000


@pytest.mark.parametrize("size", [999, 1_000, 1_001])
def test_the_limit_of_a_flow_is_exact(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "_current", policy.Policy(limits=Limits(flow_bytes=1_000)))
    packed = base64.b64encode(gzip.compress(b'"' + b"x" * (size - 2) + b'"', mtime=0)).decode()
    if size > 1_000:
        with pytest.raises(BadInputError, match="larger than 1,000 bytes"):
            serialized_flows.unpack(packed)
    else:
        assert len(serialized_flows.unpack(packed)) == size - 2


# -- endless lists -----------------------------------------------------------------------


def test_lists_without_an_end_end(worlds: Any) -> None:
    questions = {
        "limit: 1000000000": True, "limit: 2147483647, offset: 2147483647": True, "limit: 2147483648": False, "offset: 1000000000": True,
        "limit: -1": False, 'where: {name: {_ilike: "' + "%" * 9_000 + '"}}': True,
        'where: {name: {_ilike: "' + "%a" * 4_000 + '"}}': False, 'where: {name: {_like: "' + "%_" * 90 + '"}}': True,
        'where: {name: {_nilike: "' + "a%" * 101 + 'b"}}': False, 'where: {name: {_like: "' + "x" * 10_001 + '"}}': False,
    }  # fmt: skip
    for arguments, is_good in questions.items():
        start = time.thread_time()
        outcome = worlds.ask(f"{{ flow_run({arguments}) {{ id }} }}")
        assert (outcome.error is None) == is_good, arguments[:100]
        assert time.thread_time() - start < 5


def test_a_search_through_long_texts_is_given_up(worlds: Any) -> None:
    # The worst for LIKE: a long text of one letter, and a pattern that fails at its very end.
    api = worlds.own.api
    run = worlds.own["flow_run_id"]
    for _ in range(4):
        lines = [{"flow_run_id": run, "message": "a" * 100_000, "timestamp": api.at(n)} for n in range(10)]
        api.mutate("write_run_logs", "success", logs=lines)
    pattern = "%a" * 90 + "b"
    start = time.monotonic()
    outcome = worlds.ask(f'{{ log(where: {{message: {{_like: "{pattern}"}}}}) {{ id }} }}')
    seconds = time.monotonic() - start
    record("S19 (patterns)", worlds.backend, None, "an answer <= 5 s", round(seconds, 2))
    assert seconds < 50
    assert outcome.status == 200
    assert worlds.ask("{ flow_run { id } }").error is None


# -- slow clients ------------------------------------------------------------------------


@contextmanager
def _served(settings: Any, store: Any) -> Iterator[int]:
    """The port of a server in this process, over sockets."""
    import uvicorn

    from prefect.server.http.app import create_app
    from prefect.server.http.joined import joining
    from prefect.server.http.patience import patient_protocol

    config = uvicorn.Config(create_app(settings, store), log_config=None, access_log=False, lifespan="on", ws="none",
                            http=joining(patient_protocol(settings.limits)), timeout_graceful_shutdown=1)  # fmt: skip
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(30)
        listening.close()


def _request(port: int) -> float:
    """Seconds until an ordinary request is answered."""
    import http.client

    start = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(
        "POST",
        "/",
        json.dumps({"query": "{ hello }"}),
        {"content-type": "application/json", "host": "localhost"},
    )
    assert connection.getresponse().status == 200
    connection.close()
    return time.monotonic() - start


def _is_closed(connection: socket.socket) -> bool:
    connection.settimeout(20)
    try:
        while connection.recv(1_000):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n"
#: What a slow client has sent, and waits with.
SLOW = {
    "nothing": b"",
    "half a line": b"POST / HT",
    "half a head": HEAD,
    "a head": HEAD + b"\r\n",
    "half a body": HEAD + b'\r\n{"query"',
}


def test_slow_clients_are_sent_away_and_nobody_waits_for_them(settings: Any, store: Any) -> None:
    patient = replace(settings, limits=Limits(header_s=1.5, body_s=1.5))
    with _served(patient, store) as port:
        slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
        try:
            for number, connection in enumerate(slow):
                connection.sendall(list(SLOW.values())[number % len(SLOW)])
            times = sorted(_request(port) for _ in range(20))
            for connection in slow[: len(SLOW)]:  # a byte now and then changes nothing
                connection.sendall(b" ")
            closed = sum(map(_is_closed, slow))
        finally:
            for connection in slow:
                connection.close()
        record("S19 (slow clients)", store.dialect, None, "p95 of others < 0.5 s", round(times[18], 3))
        record("S19 (slow clients closed)", store.dialect, None, "100 of 100", f"{closed} of 100")
        assert closed == 100
        assert times[18] < 5
        assert _request(port) < 5


def test_a_build_without_patience_is_noticed(settings: Any, store: Any) -> None:
    impatient = replace(settings, limits=Limits(header_s=0, body_s=0))
    with _served(impatient, store) as port, socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(SLOW["half a head"])
        connection.settimeout(2)
        with pytest.raises(TimeoutError):
            connection.recv(1)


def test_a_client_that_takes_its_time_between_requests_may_stay(settings: Any, store: Any) -> None:
    import http.client

    with (
        _served(replace(settings, limits=Limits(header_s=3, body_s=3)), store) as port,
        contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection,
    ):
        for wait in (0, 3.5, 0):
            time.sleep(wait)  # longer than a head may take, which is the point
            connection.request(
                "POST",
                "/",
                '{"query": "{ hello }"}',
                {"content-type": "application/json", "host": "localhost"},
            )
            reply = connection.getresponse()
            assert reply.status == 200
            reply.read()
