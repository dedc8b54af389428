"""`prefect server` as processes: starting, refusing to start, and ending."""

from __future__ import annotations

import contextlib
import datetime
import http.client
import json
import signal
import socket
import sqlite3
import ssl
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest


def prefect(*words: str, code: int = 0, timeout_s: float = 90) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "server", *words],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == code, f"{words} exited with {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def a_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_the_first_start_makes_a_tenant_and_says_what_to_do_next(tmp_path: Path, start_server: Any) -> None:
    with start_server(tmp_path, requires_keys=False) as server:
        assert server("{ tenant { slug } }") == {"tenant": [{"slug": "default"}]}
        # It answers a moment before it says so.
        deadline = time.monotonic() + 20
        while "Ctrl-C stops the server." not in (output := server.log.read_text()):
            assert time.monotonic() < deadline, output
            time.sleep(0.02)
    assert server.url in output
    assert "prefect backend server" in output
    assert "prefect run --project demo --name NAME --watch" in output


def test_it_listens_on_loopback_only(tmp_path: Path, start_server: Any) -> None:
    with start_server(tmp_path, requires_keys=False) as server:
        port = int(server.url.rsplit(":", 1)[1])
        own = socket.gethostbyname(socket.gethostname())
        if own.startswith("127."):
            pytest.skip("this machine has no other address")
        with pytest.raises(OSError, match=r"refused"):
            socket.create_connection((own, port), timeout=2)


def test_a_second_server_is_refused_and_named(tmp_path: Path, start_server: Any) -> None:
    with start_server(tmp_path, requires_keys=False) as server:
        data = str(tmp_path / "data")
        refused = prefect("start", "--data-dir", data, "--port", str(a_port()), code=5)
        assert str(server.process.pid) in refused.stderr
        assert f"process {server.process.pid}" in prefect("status", "--data-dir", data).stdout
        taken = server.url.rsplit(":", 1)[1]
        elsewhere = prefect("start", "--data-dir", str(tmp_path / "other"), "--port", taken, code=5)
        assert taken in elsewhere.stderr
        assert "Traceback" not in elsewhere.stderr


def test_it_runs_in_the_background_until_it_is_stopped(tmp_path: Path) -> None:
    data, port = str(tmp_path), str(a_port())
    started = prefect("start", "--detach", "--data-dir", data, "--port", port)
    assert f":{port}" in started.stdout
    try:
        with urllib.request.urlopen(f"http://localhost:{port}/health", timeout=5) as reply:
            assert json.loads(reply.read())["status"] == "ok"
        assert f":{port}" in prefect("status", "--data-dir", data).stdout
        assert "running already" in prefect("start", "--detach", "--data-dir", data, code=5).stderr
    finally:
        assert "has stopped" in prefect("stop", "--data-dir", data).stdout
    assert "No server runs" in prefect("status", "--data-dir", data, code=6).stderr
    assert "No server runs" in prefect("stop", "--data-dir", data).stdout


def test_a_background_start_that_fails_says_why(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "prefect.db") as other:
        other.execute("CREATE TABLE deployment (id TEXT)")
    refused = prefect("start", "-d", "--data-dir", str(tmp_path), "--port", str(a_port()), code=1)
    assert "Prefect 2 or 3" in refused.stderr


@pytest.mark.parametrize(
    ("table", "program"),
    [("deployment", "Prefect 2 or 3"), ("cloud_hook", "Prefect Server 1"), ("orders", "not one of")],
)
def test_another_programs_database_is_refused_and_left_alone(
    tmp_path: Path, table: str, program: str
) -> None:
    file = tmp_path / "prefect.db"
    with contextlib.closing(sqlite3.connect(file)) as other:
        other.execute(f"CREATE TABLE {table} (id TEXT)")
        other.commit()
    before = file.read_bytes()
    refused = prefect("start", "--data-dir", str(tmp_path), "--port", str(a_port()), code=5)
    assert program in refused.stderr
    assert "Traceback" not in refused.stderr
    assert file.read_bytes() == before


def test_another_key_ring_is_refused(tmp_path: Path) -> None:
    prefect("create-tenant", "--name", "A", "--data-dir", str(tmp_path / "a"))
    prefect("create-tenant", "--name", "A", "--data-dir", str(tmp_path / "b"))
    ring = tmp_path / "b" / "encryption-keys.json"
    assert stat.S_IMODE(ring.stat().st_mode) == 0o600
    refused = prefect(
        "start",
        "--data-dir",
        str(tmp_path / "a"),
        "--encryption-key-file",
        str(ring),
        "--port",
        str(a_port()),
        code=5,
    )
    assert str(ring) in refused.stderr


def test_an_exposed_server_needs_keys_and_shows_the_first_one_once(tmp_path: Path) -> None:
    port = a_port()
    command = [
        sys.executable,
        "-m",
        "prefect",
        "server",
        "start",
        "--expose",
        "--data-dir",
        str(tmp_path),
        "--port",
        str(port),
    ]
    for has_key in (True, False):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            _until_healthy(port, process)
            assert "UNAUTHENTICATED" in _post(port, "{ tenant { id } }")
        finally:
            process.terminate()
            output, _ = process.communicate(timeout=30)
        assert ("pc_" in output) == has_key, output
        assert "unencrypted" in output
        if has_key:
            key = next(word for word in output.split() if word.startswith("pc_"))
    assert key.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_the_first_key_goes_to_a_file_of_its_owner(tmp_path: Path, start_server: Any) -> None:
    with start_server(tmp_path, requires_keys=True) as server:
        assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
        assert server("{ tenant { slug } }")["tenant"]
        assert server.key not in server.log.read_text()


def test_tenants_users_and_keys_are_made_while_the_server_runs(tmp_path: Path, start_server: Any) -> None:
    with start_server(tmp_path, requires_keys=True) as server:
        data = ("--data-dir", str(tmp_path / "data"))
        assert "Tenant created with ID: " in prefect("create-tenant", "-n", "Team B", *data).stdout
        prefect("create-tenant", "-n", "Team B", *data, code=5)
        prefect("create-user", "bob", "--role", "read-only", "--tenant", "team-b", *data)
        prefect("create-user", "bob", *data, code=5)
        prefect("create-user", "eve", "--tenant", "nowhere", *data, code=3)
        prefect("create-key", "nobody", *data, code=3)
        key = prefect("create-key", "bob", *data).stdout.strip()
        port = int(server.url.rsplit(":", 1)[1])
        assert json.loads(_post(port, "{ tenant { slug } }", key)) == {
            "data": {"tenant": [{"slug": "team-b"}]}
        }
        assert "FORBIDDEN" in _post(port, 'mutation { create_project(input: {name: "x"}) { id } }', key)


def test_requests_under_way_are_finished_and_streams_are_ended(tmp_path: Path, start_server: Any) -> None:
    with start_server(tmp_path, requires_keys=False) as server:
        port = int(server.url.rsplit(":", 1)[1])
        tenant_id = server("{ tenant { id } }")["tenant"][0]["id"]
        stream = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        stream.request("GET", "/events")
        reply = stream.getresponse()
        assert reply.readline()
        poll = f'mutation {{ get_runs_in_queue(input: {{tenant_id: "{tenant_id}", wait_s: 12}}) {{ flow_run_ids }} }}'
        answers: list[str] = []
        waiting = threading.Thread(target=lambda: answers.append(_post(port, poll)))
        waiting.start()
        _until_in_flight(port, 2)
        acknowledged: list[str] = []
        ended = threading.Event()

        def write() -> None:
            number = 0
            while not ended.is_set():
                name = f"{threading.get_ident()} {number}"
                with contextlib.suppress(OSError, http.client.HTTPException):
                    if "errors" not in json.loads(
                        _post(port, f'mutation {{ create_project(input: {{name: "{name}"}}) {{ id }} }}')
                    ):
                        acknowledged.append(name)
                number += 1

        writers = [threading.Thread(target=write) for _ in range(4)]
        for writer in writers:
            writer.start()
        while len(acknowledged) < 50:
            time.sleep(0.01)
        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
        took = time.monotonic() - started
        ended.set()
        for thread in (*writers, waiting):
            thread.join(20)
        stream.close()
    assert took < 10
    assert [json.loads(answer) for answer in answers] == [
        {"data": {"get_runs_in_queue": {"flow_run_ids": []}}}
    ]
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "prefect.db")) as database:
        kept = {row[0] for row in database.execute("SELECT name FROM project")}
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert set(acknowledged) <= kept


def test_it_serves_tls(tmp_path: Path) -> None:
    cert, key = _certificate(tmp_path)
    port = a_port()
    words = ["--tls-cert", str(cert), "--tls-key", str(key), "--require-keys"]
    command = [
        sys.executable,
        "-m",
        "prefect",
        "server",
        "start",
        "--data-dir",
        str(tmp_path),
        "--port",
        str(port),
        *words,
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        _until_healthy(port, process, ssl.create_default_context(cafile=str(cert)))
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=30)
    assert f"https://localhost:{port}" in output
    assert "unencrypted" not in output
    refused = prefect("start", "--tls-cert", str(cert), "--data-dir", str(tmp_path), code=2)
    assert "--tls-key" in refused.stderr


def test_links_of_old_clients_are_sent_on(tmp_path: Path, start_server: Any) -> None:
    old = a_port()
    with start_server(tmp_path, "--ui-port", str(old), requires_keys=False) as server:
        connection = http.client.HTTPConnection("127.0.0.1", old, timeout=10)
        connection.request("GET", "/default/flow-run/x?y=1")
        reply = connection.getresponse()
        assert reply.status == 302
        assert reply.headers["location"] == f"{server.url}/default/flow-run/x?y=1"
        connection.close()
        for request in (
            b"GET http://evil.example/ HTTP/1.1\r\n\r\n",
            b"nonsense\r\n",
            b"GET /\rX: y HTTP/1.1\r\n\r\n",
        ):
            with socket.create_connection(("127.0.0.1", old), timeout=10) as sent:
                sent.sendall(request)
                assert b"400" in sent.recv(100)


def test_it_works_under_a_path_of_a_proxy(tmp_path: Path, start_server: Any) -> None:
    with start_server(tmp_path, "--root-path", "/prefect/", requires_keys=True) as server:
        port = int(server.url.rsplit(":", 1)[1])
        for path in (
            "/prefect/graphql",
            "/prefect",
            "/prefect/",
            "/graphql",
            "/",
        ):  # proxies keep the path, or cut it off
            assert json.loads(_post(port, "{ tenant { slug } }", server.key, path)) == {
                "data": {"tenant": [{"slug": "default"}]}
            }


def test_backups_and_new_keys_are_made_while_the_server_runs(tmp_path: Path, start_server: Any) -> None:
    data = ("--data-dir", str(tmp_path / "data"))
    value = '{ secret_value(name: "S") }'
    copied = tmp_path / "copy" / "prefect.db"
    copied.parent.mkdir()
    with start_server(tmp_path, requires_keys=False) as server:
        server('mutation { set_secret(input: {name: "S", value: "\\"hunter2\\""}) { success } }')
        assert "new key: 1" in prefect("rotate-keys", *data).stdout
        assert server(value) == {"secret_value": "hunter2"}
        done = prefect("backup", str(copied), *data)
        assert "encryption-keys.json" in done.stderr
        assert stat.S_IMODE(copied.stat().st_mode) == 0o600
        prefect("backup", str(copied), *data, code=5)
        server('mutation { delete_secret(input: {name: "S"}) { success } }')
    prefect("backup", str(tmp_path / "none"), "--data-dir", str(tmp_path / "nowhere"), code=3)
    ring = ("--encryption-key-file", str(tmp_path / "data" / "encryption-keys.json"))
    with start_server(
        tmp_path / "again", "--data-dir", str(copied.parent), *ring, requires_keys=False
    ) as server:
        assert server(value) == {"secret_value": "hunter2"}


def test_services_run_apart_from_the_api(tmp_path: Path, start_server: Any, cluster: Any) -> None:
    database = ("--postgres-url", cluster.create("services_apart"))
    flow = {
        "name": "scheduled",
        "schedule": {"clocks": [{"type": "CronClock", "cron": "0 0 * * *"}]},
        "storage": {"type": "Local", "flows": {}},
        "__version__": "1.4.1",
    }
    runs = "{ flow_run_aggregate { aggregate { count } } }"
    with start_server(tmp_path, "--no-services", *database, requires_keys=False) as server:
        made = server('mutation { create_project(input: {name: "p"}) { id } }')
        server(
            "mutation($input: create_flow_input!) { create_flow(input: $input) { id } }",
            {"input": {"project_id": made["create_project"]["id"], "serialized_flow": flow}},
        )
        command = [sys.executable, "-m", "prefect", "server", "services", "start", *database]
        assert server(runs)["flow_run_aggregate"]["aggregate"]["count"] == 0
        services = subprocess.Popen(
            [*command, "--data-dir", str(tmp_path / "data")], stdout=subprocess.PIPE, text=True
        )
        try:
            assert services.stdout is not None
            assert services.stdout.readline() == "The services are running.\n"
            server.until(runs, lambda data: data["flow_run_aggregate"]["aggregate"]["count"] == 10, 20)
        finally:
            services.terminate()
            services.communicate(timeout=30)
        assert services.returncode == 0


def test_services_apart_need_a_database_for_several(tmp_path: Path) -> None:
    refused = prefect("services", "start", "--data-dir", str(tmp_path), code=2)
    assert "PostgreSQL" in refused.stdout + refused.stderr


def test_a_foreign_database_on_postgresql_is_refused_and_left_alone(tmp_path: Path, cluster: Any) -> None:
    import psycopg

    url = cluster.create("foreign_schema")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE deployment (id TEXT)")
    words = ("--data-dir", str(tmp_path), "--port", str(a_port()), "--postgres-url", url)
    refused = prefect("start", *words, code=5)
    assert "Prefect 2 or 3" in refused.stderr
    assert "prefect server import" in refused.stderr
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert tables == [("deployment",)]


# -- parts ----------------------------------------------------------------------------


def _post(port: int, document: str, key: str | None = None, path: str = "/") -> str:
    headers = {"content-type": "application/json", **({"authorization": f"Bearer {key}"} if key else {})}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", json.dumps({"query": document}).encode(), headers
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.read().decode()
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.read().decode()


def _until_healthy(port: int, process: subprocess.Popen[str], context: ssl.SSLContext | None = None) -> None:
    deadline = time.monotonic() + 60
    scheme = "http" if context is None else "https"
    while True:
        assert process.poll() is None, process.communicate()[0]
        try:
            urllib.request.urlopen(f"{scheme}://localhost:{port}/health", timeout=2, context=context).close()
            return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def _until_in_flight(port: int, count: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        with urllib.request.urlopen(f"http://localhost:{port}/metrics", timeout=5) as reply:
            text = reply.read().decode()
        line = next(line for line in text.splitlines() if line.startswith("prefect_http_requests_in_flight "))
        if int(line.split()[1]) >= count + 1:  # this one too
            return
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _certificate(directory: Path) -> tuple[Path, Path]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = directory / "cert.pem", directory / "key.pem"
    cert_file.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return cert_file, key_file
