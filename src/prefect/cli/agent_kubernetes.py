"""`prefect agent kubernetes`: flow runs as jobs of a Kubernetes cluster."""

from __future__ import annotations

from typing import Any

import click

from prefect.cli._agent_options import (
    API,
    CONFIG,
    ENV,
    KEY,
    LABELS,
    TENANT,
    identity,
    start_agent,
    start_options,
    variables,
)
from prefect.cli._group import Group
from prefect.cli._output import write

__all__ = ["kubernetes"]


@click.group(cls=Group)
def kubernetes() -> None:
    """Run flows as jobs of a Kubernetes cluster."""


@kubernetes.command("start")
@start_options
@click.option("--namespace", metavar="NAME", help="Namespace of the jobs; `default` by default.")
@click.option(
    "--job-template", "job_template_path", metavar="PATH", help="File or URL of the template of jobs."
)
@click.option("--service-account-name", metavar="NAME", help="Service account of the jobs.")
@click.option("--image-pull-secrets", metavar="NAME,NAME", help="Secrets for pulling images.")
@click.option(
    "--disable-job-deletion",
    "delete_finished_jobs",
    is_flag=True,
    default=True,
    flag_value=False,
    help="Keep jobs that have ended.",
)
def start_kubernetes(
    namespace: str | None,
    job_template_path: str | None,
    service_account_name: str | None,
    image_pull_secrets: str | None,
    delete_finished_jobs: bool,
    **options: Any,
) -> None:
    """Run flows as jobs of a Kubernetes cluster, until Ctrl-C.

    The cluster is the one that the agent runs in, or that of kubectl. Jobs go on without the agent; one with
    the same name and labels finds them again.
    """
    with identity(options):
        from prefect.agent.kubernetes import KubernetesAgent

        start_agent(
            KubernetesAgent,
            options,
            namespace=namespace,
            job_template_path=job_template_path,
            service_account_name=service_account_name,
            image_pull_secrets=_names(image_pull_secrets),
            delete_finished_jobs=delete_finished_jobs,
        )


@kubernetes.command("install")
@KEY
@TENANT
@LABELS
@ENV
@CONFIG
@API
@click.option("--namespace", "-n", metavar="NAME", help="Namespace of agent and jobs; `default` by default.")
@click.option("--image-pull-secrets", "-i", metavar="NAME", help="Secret for pulling images.")
@click.option("--rbac", is_flag=True, help="Add a service account that may do what the agent needs.")
@click.option("--latest", is_flag=True, help="Take the latest image, not that of this version.")
@click.option("--mem-request", metavar="QUANTITY", help="Memory to reserve for each job.")
@click.option("--mem-limit", metavar="QUANTITY", help="Most memory of each job.")
@click.option("--cpu-request", metavar="QUANTITY", help="CPUs to reserve for each job.")
@click.option("--cpu-limit", metavar="QUANTITY", help="Most CPUs of each job.")
@click.option("--image-pull-policy", metavar="POLICY", help="When nodes pull the images of jobs.")
@click.option("--service-account-name", metavar="NAME", help="Service account of the jobs.")
@click.option("--backend", "-b", metavar="NAME", help="`server` or `cloud`; that of the profile by default.")
def install_kubernetes(
    key: str | None,
    label: tuple[str, ...],
    env: tuple[str, ...],
    **options: Any,
) -> None:
    """Print manifests that run an agent in a cluster, for `kubectl apply -f -`.

    A key that is given is in them.
    """
    from prefect.agent.kubernetes import KubernetesAgent

    text = KubernetesAgent.generate_deployment_yaml(labels=label, env_vars=variables(env), key=key, **options)
    write(text.rstrip("\n"))


def _names(text: str | None) -> list[str] | None:
    return [name.strip() for name in text.split(",") if name.strip()] if text else None
