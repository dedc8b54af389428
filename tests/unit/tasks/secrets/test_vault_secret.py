from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import prefect
from prefect import Flow
from prefect.tasks.secrets.vault_secret import VaultSecret


class Vault(BaseHTTPRequestHandler):
    """As much of the API of Vault as reading a secret needs."""

    logins: list[tuple[str, Any]]

    def _answer(self, status: int, body: Any) -> None:
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def do_GET(self) -> None:
        token = self.headers.get("X-Vault-Token")
        if token != "good":
            self._answer(403, {"errors": ["permission denied"]})
        elif self.path == "/v1/auth/token/lookup-self":
            self._answer(200, {"data": {"id": token}})
        elif self.path == "/v1/kv/data/shop/fruit":
            self._answer(200, {"data": {"data": {"fruit": "apple"}, "metadata": {}}})
        elif self.path == "/v1/kv/data/closed":
            self._answer(403, {"errors": ["permission denied"]})
        else:
            self._answer(404, {"errors": []})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.logins.append((self.path, body))
        self._answer(200, {"auth": {"client_token": "good"}})

    def log_message(self, *args: Any) -> None: ...


@pytest.fixture
def logins(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Any]]]:
    pytest.importorskip("hvac")
    Vault.logins = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Vault) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("VAULT_ADDR", f"http://127.0.0.1:{server.server_port}")
        yield Vault.logins
        server.shutdown()
        thread.join()


def credentials(value: Any) -> Any:
    return prefect.context(secrets={"VAULT_CREDENTIALS": value})


def test_a_secret_is_read_with_a_token(logins: list[Any]) -> None:
    with Flow("vault") as flow:
        secret = VaultSecret("kv/shop/fruit")()

    with credentials({"VAULT_TOKEN": "good"}):
        assert flow.run().result[secret].result == {"fruit": "apple"}
        assert VaultSecret("kv/other").run(name="kv/shop/fruit") == {"fruit": "apple"}
    assert logins == []


def test_the_secret_with_the_credentials_has_a_name(logins: list[Any]) -> None:
    with prefect.context(secrets={"MINE": '{"VAULT_TOKEN": "good"}'}):
        assert VaultSecret("kv/shop/fruit", vault_credentials_secret="MINE").run() == {"fruit": "apple"}


def test_a_secret_is_read_as_a_role(logins: list[Any]) -> None:
    with credentials({"VAULT_ROLE_ID": "r", "VAULT_SECRET_ID": "s"}):
        assert VaultSecret("kv/shop/fruit").run() == {"fruit": "apple"}
    assert logins == [("/v1/auth/approle/login", {"role_id": "r", "secret_id": "s"})]


def test_a_secret_is_read_as_a_pod(logins: list[Any], tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tmp_path / "token"
    token.write_text("of the pod\n")
    monkeypatch.setattr("prefect.tasks.secrets.vault_secret._KUBERNETES_TOKEN", str(token))
    with credentials({"VAULT_KUBE_AUTH_ROLE": "r", "VAULT_KUBE_AUTH_PATH": "k8s"}):
        assert VaultSecret("kv/shop/fruit").run() == {"fruit": "apple"}
    assert logins == [("/v1/auth/k8s/login", {"jwt": "of the pod", "role": "r"})]


def test_what_vault_refuses_is_explained(logins: list[Any]) -> None:
    with (
        credentials({"VAULT_TOKEN": "bad"}),
        pytest.raises(RuntimeError, match="in the secret VAULT_CREDENTIALS"),
    ):
        VaultSecret("kv/shop/fruit").run()
    with credentials({"PASSWORD": "x"}), pytest.raises(ValueError, match="Supported methods: token, appRole"):
        VaultSecret("kv/shop/fruit").run()
    with credentials({"VAULT_TOKEN": "good"}):
        with pytest.raises(KeyError, match="Secret not found: kv/missing"):
            VaultSecret("kv/missing").run()
        with pytest.raises(RuntimeError, match="Access forbidden: kv/closed"):
            VaultSecret("kv/closed").run()


@pytest.mark.parametrize("path", ["kv", "/kv/a", "kv/"])
def test_a_path_has_a_mount_point(path: str, logins: list[Any]) -> None:
    with pytest.raises(ValueError, match=f"Invalid secret path: {path}"):
        VaultSecret(path).run()


def test_the_address_comes_from_the_environment(logins: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VAULT_ADDR")
    with pytest.raises(ValueError, match="VAULT_ADDR url var not found"):
        VaultSecret("kv/shop/fruit").run()


def test_without_hvac_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hvac", None)
    with pytest.raises(ImportError, match=r'pip install "prefect-classic\[vault\]"'):
        VaultSecret("kv/shop/fruit").run()
