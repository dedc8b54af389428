"""The whole way of runs as jobs of Kubernetes: the real client, and a stand-in that runs jobs as processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agent_site import Site, running_site
from kubernetes_stand_in import Kubernetes, running_kubernetes
from remote_agents import FLOWS, eventually, running_agent

from prefect.run_configs import KubernetesRun
from scoreboard import record

pytest.importorskip("kubernetes", reason="needs kubernetes (make test-extras)")
pytest.importorskip("kubernetes_validate", reason="needs kubernetes-validate (make test-extras)")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")

LABEL = ("--label", "cluster")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("kubernetes"), FLOWS) as found:
        yield found


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kubernetes]:
    with running_kubernetes(tmp_path / "cluster") as (found, config):
        monkeypatch.setenv("KUBECONFIG", str(config))
        yield found


def run(site: Site, flow: str, config: KubernetesRun | None = None, **parameters: Any) -> str:
    return site.run(
        flow, labels=["cluster"], run_config=config or KubernetesRun(image="flows:1"), parameters=parameters
    )


def test_a_run_is_a_job_that_is_deleted_when_it_has_succeeded(site: Site, cluster: Kubernetes) -> None:
    with running_agent(site, "kubernetes", *LABEL, "--env", "FROM_AGENT=x", "--namespace", "flows"):
        config = KubernetesRun(image="flows:1", cpu_request="100m", memory_limit="1Gi")
        good, bad = run(site, "saying", config), run(site, "failing")
        site.wait(good, "Success", "Failed")
        site.wait(bad, "Failed")
        eventually(lambda: not cluster.listed("jobs", "")["items"], "jobs are deleted")
    assert site.state(good)[0] == "Success", site.logs(good)
    assert site.has_logged(good, "a word of the flow: hello x")
    assert site.has_logged(good, "Submitted for execution: Job prefect-job-")
    assert site.has_logged(bad, "it does not work")
    container = cluster.created[0]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "flows:1"
    assert len(cluster.created) == 2


def test_jobs_are_kept_where_the_agent_is_told_so(site: Site, cluster: Kubernetes) -> None:
    with running_agent(site, "kubernetes", *LABEL, "--disable-job-deletion"):
        good = run(site, "saying")
        site.wait(good, "Success")
        again = run(site, "saying")
        site.wait(again, "Success")
    assert len(cluster.listed("jobs", "")["items"]) == 2


def test_a_pod_that_is_out_of_memory_is_told_of_with_its_last_output(
    site: Site, cluster: Kubernetes, tmp_path: Path
) -> None:
    cluster.oom = True
    path = tmp_path / "pid"
    with running_agent(site, "kubernetes", *LABEL):
        found = run(site, "sleeping", path=str(path))
        eventually(path.exists, "the run runs")
        began = time.monotonic()
        next(iter(cluster.jobs.values())).process.signal(signal.SIGKILL)  # type: ignore[union-attr]
        eventually(lambda: "OOMKilled" in site.logs(found), "the log says why")
        record("F8 (Kubernetes)", "sqlite", None, "<= 15 s", round(time.monotonic() - began, 1))
        assert site.has_logged(found, "exited with code 137")
        assert site.has_logged(found, "last words of this process")
        site.client.cancel_flow_run(found)


def test_an_image_that_is_nowhere_is_told_of_and_its_job_goes(site: Site, cluster: Kubernetes) -> None:
    cluster.missing_images.add("nowhere:1")
    with running_agent(site, "kubernetes", *LABEL):
        found = run(site, "saying", KubernetesRun(image="nowhere:1"))
        eventually(lambda: "ImagePullBackOff: no such image" in site.logs(found), "the log says why")
        site.client.cancel_flow_run(found)
        eventually(lambda: not cluster.listed("jobs", "")["items"], "the job is deleted")


def test_a_pod_that_no_node_has_room_for_is_told_of_once(site: Site, cluster: Kubernetes) -> None:
    with running_agent(site, "kubernetes", *LABEL):
        found = run(site, "saying", KubernetesRun(image="flows:1", cpu_request=500))
        eventually(lambda: "Insufficient cpu" in site.logs(found), "the log says why")
        site.client.cancel_flow_run(found)
        eventually(lambda: not cluster.listed("jobs", "")["items"], "the job is deleted")
    assert site.logs(found).count("Insufficient cpu") == 1


def test_the_job_of_a_cancelled_run_is_gone_soon(site: Site, cluster: Kubernetes, tmp_path: Path) -> None:
    path = tmp_path / "pid"
    with running_agent(site, "kubernetes", *LABEL):
        found = run(site, "sleeping", path=str(path))
        eventually(path.exists, "the run runs")
        process = next(iter(cluster.jobs.values())).process
        assert process is not None
        began = time.monotonic()
        site.client.cancel_flow_run(found)
        eventually(lambda: process.exit_code() is not None, "the process is gone")
        record("F25 (Kubernetes)", "sqlite", None, "<= 10 s", round(time.monotonic() - began, 1))
        site.wait(found, "Cancelled")


def test_the_next_agent_finds_jobs_again_and_tells_of_their_end(
    site: Site, cluster: Kubernetes, tmp_path: Path
) -> None:
    path = tmp_path / "pid"
    with running_agent(site, "kubernetes", *LABEL) as agent:
        found = run(site, "sleeping", path=str(path))
        eventually(path.exists, "the run runs")
        agent.kill()
    assert site.state(found)[0] == "Running"
    with running_agent(site, "kubernetes", *LABEL) as agent:
        agent.wait_for("found its job again")
        cluster.is_away = True
        agent.wait_for("cannot be looked at")
        cluster.is_away = False
        agent.wait_for("can be looked at again")
        next(iter(cluster.jobs.values())).process.signal(signal.SIGKILL)  # type: ignore[union-attr]
        eventually(lambda: "exited with code 137" in site.logs(found), "the log says so")
        site.client.cancel_flow_run(found)


def test_a_job_that_the_cluster_refuses_fails_the_run_with_its_words(site: Site, cluster: Kubernetes) -> None:
    cluster.refuses = 'jobs.batch is forbidden: User "agent" cannot create resource "jobs"'
    with running_agent(site, "kubernetes", *LABEL):
        found = run(site, "saying")
        message = site.wait(found, "Failed")
    assert 'User "agent" cannot create resource "jobs" (403)' in message
