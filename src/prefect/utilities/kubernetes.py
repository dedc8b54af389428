"""Clients of the Kubernetes API."""

from __future__ import annotations

import sys
from typing import Any

from prefect.utilities._extras import require
from prefect.utilities.logging import get_logger

__all__ = ["get_kubernetes_client"]

logger = get_logger("kubernetes")

_CLASSES = {
    "job": "BatchV1Api",
    "pod": "CoreV1Api",
    "service": "CoreV1Api",
    "deployment": "AppsV1Api",
    "secret": "CoreV1Api",
}

_KEEP_ALIVE_IDLE_S = 60
_KEEP_ALIVE_INTERVAL_S = 10
_KEEP_ALIVE_COUNT = 6


def get_kubernetes_client(
    resource: str,
    kubernetes_api_key_secret: str | None = "KUBERNETES_API_KEY",  # noqa: S107 - the name of a secret
) -> Any:
    """A client for one kind of thing, connected in the first of these ways that works.

    With the API key in a secret; as a pod inside the cluster; with the kube config of this user.

    Args:
        resource: `job`, `pod`, `service`, `deployment` or `secret`
        kubernetes_api_key_secret: name of the secret with the API key, a bearer token; None skips that way

    Raises:
        ImportError: the package kubernetes is not installed
        ValueError: `resource` is another kind of thing, or the secret does not exist
    """
    if resource not in _CLASSES:
        raise ValueError(f"There is no Kubernetes client for {resource!r}: use one of {', '.join(_CLASSES)}.")
    client = _library("client")
    api_class: Any = getattr(client, _CLASSES[resource])

    api_key = None
    if kubernetes_api_key_secret:
        from prefect.client.secrets import Secret

        api_key = Secret(kubernetes_api_key_secret).get()
    if api_key:
        configuration = client.Configuration()
        configuration.api_key["authorization"] = api_key
        made = api_class(client.ApiClient(configuration))
    else:
        config = _library("config")
        try:
            config.load_incluster_config()
        except config.ConfigException:
            logger.debug("Not inside a cluster; reading the kube config of this user.")
            config.load_kube_config()
        made = api_class()

    from prefect.utilities.context import context

    if context.config.cloud.agent.kubernetes_keep_alive:
        _keep_alive(made)
    return made


def _library(part: str) -> Any:
    return require(f"kubernetes.{part}", "kubernetes")


def _keep_alive(client: Any) -> None:
    """Have idle connections send something now and then: firewalls drop silent ones after minutes."""
    import socket

    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    wanted = {
        "TCP_KEEPINTVL": _KEEP_ALIVE_INTERVAL_S,
        "TCP_KEEPCNT": _KEEP_ALIVE_COUNT,
        "TCP_KEEPALIVE" if sys.platform == "darwin" else "TCP_KEEPIDLE": _KEEP_ALIVE_IDLE_S,
    }
    # Which of these options exist depends on the system.
    options += [
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in wanted.items()
        if hasattr(socket, name)
    ]
    client.api_client.rest_client.pool_manager.connection_pool_kw["socket_options"] = options


def __getattr__(name: str) -> Any:
    if name == "K8S_CLIENTS":
        client = _library("client")
        return {resource: getattr(client, class_name) for resource, class_name in _CLASSES.items()}
    if name == "KubernetesClient":
        client = _library("client")
        return client.BatchV1Api | client.CoreV1Api | client.AppsV1Api
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
