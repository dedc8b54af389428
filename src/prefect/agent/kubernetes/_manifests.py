"""The manifests that run an agent in a cluster. Pure: from values to text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["agent_manifests"]


def agent_manifests(
    *,
    image: str,
    namespace: str,
    api: str | None,
    key: str | None,
    tenant_id: str | None,
    backend: str | None,
    agent_config_id: str | None,
    limit: int | None,
    labels: Iterable[str],
    env_vars: Mapping[str, Any],
    image_pull_secrets: str | None,
    image_pull_policy: str | None,
    service_account_name: str | None,
    has_rbac: bool,
    requests: Mapping[str, str | None],
    limits: Mapping[str, str | None],
) -> list[dict[str, Any]]:
    """The deployment of an agent, and with `has_rbac` the role that lets it manage jobs.

    Args:
        image: its image.
        namespace: where it and its jobs are.
        api: address of the API, as pods reach it.
        key: API key.
        tenant_id: tenant that the key works in.
        backend: `server` or `cloud`.
        agent_config_id: settings kept by the API.
        limit: most flow runs at once.
        labels: its labels.
        env_vars: environment variables of every run.
        image_pull_secrets: name of a secret for pulling images of runs.
        image_pull_policy: that of the agent's own image.
        service_account_name: service account of its runs; and with `has_rbac` of the agent itself.
        has_rbac: whether role and binding are among them.
        requests: `memory` and `cpu` to reserve for the agent.
        limits: `memory` and `cpu` it may use at most.
    """
    name = "prefect-agent"
    words = ["prefect", "agent", "kubernetes", "start"]
    for label in labels:
        words += ["--label", label]
    for variable, value in env_vars.items():
        words += ["--env", f"{variable}={value}"]
    if agent_config_id:
        words += ["--agent-config-id", agent_config_id]
    if limit is not None:
        words += ["--limit", str(limit)]
    variables = {
        "PREFECT__BACKEND": backend,
        "PREFECT__CLOUD__API": api,
        "PREFECT__CLOUD__API_KEY": key,
        "PREFECT__CLOUD__TENANT_ID": tenant_id,
        "PREFECT__CLOUD__AGENT__AGENT_ADDRESS": "http://:8080",
        "NAMESPACE": namespace,
        "IMAGE_PULL_SECRETS": image_pull_secrets,
        "SERVICE_ACCOUNT_NAME": service_account_name,
    }
    container = {
        "name": "agent",
        "image": image,
        "imagePullPolicy": image_pull_policy or "IfNotPresent",
        "args": words,
        "env": [{"name": variable, "value": value} for variable, value in variables.items() if value],
        "livenessProbe": {
            "httpGet": {"path": "/api/health", "port": 8080},
            "initialDelaySeconds": 40,
            "periodSeconds": 40,
            "failureThreshold": 2,
        },
        "resources": {
            "requests": {what: value for what, value in requests.items() if value},
            "limits": {what: value for what, value in limits.items() if value},
        },
    }
    account = (service_account_name or name) if has_rbac else service_account_name
    pod = {
        **({"serviceAccountName": account} if account else {}),
        **({"imagePullSecrets": [{"name": image_pull_secrets}]} if image_pull_secrets else {}),
        "containers": [container],
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
        },
    }
    return [deployment, *(_rbac(namespace, account or name) if has_rbac else ())]


def _rbac(namespace: str, account: str) -> list[dict[str, Any]]:
    where = {"name": "prefect-agent", "namespace": namespace}
    rights = (
        ("batch", ["jobs"], ["get", "list", "create", "delete"]),
        ("", ["pods"], ["get", "list"]),
        ("", ["pods/log"], ["get"]),
    )
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account, "namespace": namespace}},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": where,
            "rules": [
                {"apiGroups": [group], "resources": what, "verbs": verbs} for group, what, verbs in rights
            ],
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": where,
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "prefect-agent"},
        },
    ]


def as_yaml(objects: Iterable[Mapping[str, Any]]) -> str:
    """Manifests as one YAML text."""
    import yaml

    # Through JSON: what two of them share would else be an anchor and an alias.
    plain = json.loads(json.dumps(list(objects)))
    return "---\n".join(yaml.safe_dump(one, sort_keys=False) for one in plain)
