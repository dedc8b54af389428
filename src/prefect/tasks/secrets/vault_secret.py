"""`VaultSecret`; needs the extra `vault`."""

from __future__ import annotations

import os
from typing import Any, cast

from prefect.tasks.secrets.base import SecretBase

__all__ = ["VaultSecret"]

_KUBERNETES_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path


class VaultSecret(SecretBase):
    """A task that returns a secret of HashiCorp Vault, as dictionary, from its KV engine version 2.

    The address of Vault comes from the environment variable `VAULT_ADDR` (or `vault_addr`). How to log
    in is a Prefect secret with one of these dictionaries:

    - `{"VAULT_TOKEN": "..."}`
    - `{"VAULT_ROLE_ID": "...", "VAULT_SECRET_ID": "..."}` for an AppRole
    - `{"VAULT_KUBE_AUTH_ROLE": "...", "VAULT_KUBE_AUTH_PATH": "..."}` for the service account of the pod

    Args:
        name: path of the secret, `<mount point>/<path>`; also the name of the task.
        vault_credentials_secret: name of the Prefect secret that says how to log in.
        **kwargs: settings of every `Task`, except `result`.
    """

    vault_credentials_secret: str

    def __init__(
        self,
        name: str,
        vault_credentials_secret: str = "VAULT_CREDENTIALS",  # noqa: S107 - a name
        **kwargs: Any,
    ) -> None:
        self.vault_credentials_secret = vault_credentials_secret
        super().__init__(name=name, **kwargs)

    def run(self, name: str | None = None) -> dict[str, Any]:
        """The secret.

        Args:
            name: its path, when it is known only in the run; the name of the task by default.

        Raises:
            ImportError: the extra `vault` is not installed.
            ValueError: no address, an unknown way to log in, or a path without mount point.
            RuntimeError: Vault refused the login, or the access to the secret.
            KeyError: there is no such secret.
        """
        try:
            import hvac
            from hvac.exceptions import Forbidden, InvalidPath
        except ImportError as exc:
            raise ImportError(
                'VaultSecret needs the package hvac. Install it with `pip install "prefect-classic[vault]"`.'
            ) from exc

        path = self.name if name is None else name
        mount_point, _, secret_path = path.partition("/")
        if not mount_point or not secret_path:
            raise ValueError(f'Invalid secret path: {path}.  Expected: "<mount_point>/<path>"')
        address = os.environ.get("VAULT_ADDR") or os.environ.get("vault_addr")  # noqa: SIM112 - as documented
        if not address:
            raise ValueError(
                'VAULT_ADDR url var not found. Either "VAULT_ADDR" or "vault_addr" env var required.'
            )
        from prefect.client.secrets import Secret

        client: Any = hvac.Client(url=address)
        _log_in(client, Secret(self.vault_credentials_secret).get())
        if not client.is_authenticated():
            raise RuntimeError(
                f"Unable to authenticate with vault at {address} with the credentials in the secret "
                f"{self.vault_credentials_secret}."
            )
        try:
            answer = client.secrets.kv.v2.read_secret_version(
                path=secret_path, mount_point=mount_point, raise_on_deleted_version=True
            )
        except InvalidPath as exc:
            raise KeyError(f"Secret not found: {path}") from exc
        except Forbidden as exc:
            raise RuntimeError(f"Access forbidden: {path}") from exc
        return cast("dict[str, Any]", answer["data"]["data"])


def _log_in(client: Any, credentials: dict[str, str]) -> None:
    """Log in the way the credentials say."""
    if "VAULT_TOKEN" in credentials:
        client.token = credentials["VAULT_TOKEN"]
    elif "VAULT_ROLE_ID" in credentials and "VAULT_SECRET_ID" in credentials:
        client.auth.approle.login(
            role_id=credentials["VAULT_ROLE_ID"], secret_id=credentials["VAULT_SECRET_ID"]
        )
    elif "VAULT_KUBE_AUTH_ROLE" in credentials and "VAULT_KUBE_AUTH_PATH" in credentials:
        from pathlib import Path

        client.auth.kubernetes.login(
            role=credentials["VAULT_KUBE_AUTH_ROLE"],
            jwt=Path(_KUBERNETES_TOKEN).read_text(encoding="utf-8").strip(),
            mount_point=credentials["VAULT_KUBE_AUTH_PATH"],
        )
    else:
        raise ValueError(
            "Unable to authenticate with vault service.  Supported methods: token, appRole and kubernetesRole"
        )
