"""Manifests that run a Kubernetes agent in a cluster. Pure: from values to text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from prefect.agent._install import agent_command

__all__ = ["RULES", "deployment_yaml"]

#: What the agent does at the cluster, and nothing else.
RULES: list[dict[str, Any]] = [
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "delete", "get", "list"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["delete", "get", "list"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
]


def deployment_yaml(
    *,
    api: str,
    namespace: str,
    image: str,
    image_pull_secrets: str | None,
    with_rbac: bool,
    jobs: Mapping[str, str | None],
    labels: Sequence[str],
    env_vars: Mapping[str, Any],
    backend: str,
    key: str | None,
    tenant_id: str | None,
    agent_config_id: str | None,
    limit: int | None = None,
) -> str:
    """A deployment with one agent, and its service account and role if `with_rbac`.

    Args:
        api: address of the API.
        namespace: namespace of agent and jobs.
        image: image of the agent.
        image_pull_secrets: name of the secret for pulling images.
        with_rbac: whether the agent gets a service account that may do what it needs.
        jobs: variables of the agent for what jobs get, by name.
        labels: labels of the agent.
        env_vars: environment variables of every run.
        backend: `cloud` or `server`.
        key: API key of the agent.
        tenant_id: tenant of the agent.
        agent_config_id: settings kept by the API.
        limit: most flow runs at once.
    """
    import yaml

    variables: dict[str, str] = {
        "PREFECT__CLOUD__API": api,
        "PREFECT__BACKEND": backend,
        "PREFECT__CLOUD__AGENT__AGENT_ADDRESS": "http://0.0.0.0:8080",
        "NAMESPACE": namespace,
        **{name: value for name, value in jobs.items() if value},
    }
    more = {
        "IMAGE_PULL_SECRETS": image_pull_secrets,
        "PREFECT__CLOUD__API_KEY": key,
        "PREFECT__CLOUD__TENANT_ID": tenant_id,
    }
    variables.update({name: value for name, value in more.items() if value})
    command = agent_command(
        "kubernetes",
        labels=labels,
        env_vars=env_vars,
        options={"--agent-config-id": agent_config_id, "--limit": limit},
    )
    pod: dict[str, Any] = {
        "containers": [
            {
                "name": "agent",
                "image": image,
                "args": command,
                # A $ would be a reference to another variable.
                "env": [
                    {"name": name, "value": value.replace("$", "$$")} for name, value in variables.items()
                ],
                "livenessProbe": {
                    "httpGet": {"path": "/api/health", "port": 8080},
                    "initialDelaySeconds": 40,
                    "periodSeconds": 40,
                    "failureThreshold": 2,
                },
            }
        ]
    }
    if image_pull_secrets:
        pod["imagePullSecrets"] = [{"name": image_pull_secrets}]
    if with_rbac:
        pod["serviceAccountName"] = "prefect-agent"
    app = {"app": "prefect-agent"}
    found: list[dict[str, Any]] = [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "prefect-agent", "namespace": namespace, "labels": app},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": app},
                "template": {"metadata": {"labels": app}, "spec": pod},
            },
        }
    ]
    if with_rbac:
        found += rbac_objects(namespace)
    return "".join(f"---\n{yaml.safe_dump(one, sort_keys=False)}" for one in found)


def rbac_objects(namespace: str) -> list[dict[str, Any]]:
    """A service account that may do what an agent needs in a namespace."""
    role = "prefect-agent-rbac"
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "prefect-agent", "namespace": namespace},
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {"name": role, "namespace": namespace},
            "rules": RULES,
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": role, "namespace": namespace},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": "prefect-agent", "namespace": namespace}],
        },
    ]
