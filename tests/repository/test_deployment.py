"""What deploy/ says is true: commands have the options, manifests fit the schemas, units can be loaded.

The image itself is built and run by `make test-image`.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
MANIFESTS = sorted(
    path for path in (DEPLOY / "kubernetes").glob("*.yaml") if path.name != "kustomization.yaml"
)
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def objects() -> list[dict[str, Any]]:
    return [found for path in MANIFESTS for found in yaml.safe_load_all(path.read_text())]


def containers() -> Iterator[dict[str, Any]]:
    for found in objects():
        if found["kind"] == "Deployment":
            spec = found["spec"]["template"]["spec"]
            yield from [*spec.get("initContainers", []), *spec["containers"]]


def commands() -> dict[str, list[str]]:
    """`prefect …` commands, by where they are."""
    found = {
        f"compose {name}": service["command"]
        for name, service in COMPOSE["services"].items()
        if "command" in service
    }
    found |= {f"kubernetes {one['name']}": one["args"] for one in containers() if "args" in one}
    for unit in (DEPLOY / "systemd").glob("*.service"):
        line = re.search(r"^ExecStart=\S*/(prefect .*)$", unit.read_text(), re.MULTILINE)
        assert line is not None
        found[unit.name] = shlex.split(line[1])
    shells = {name: command for name, command in found.items() if command[:2] == ["sh", "-c"]}
    for name, command in shells.items():
        found[name] = shlex.split(command[2].partition("exec ")[2])
    return found


@pytest.mark.parametrize("where", commands())
def test_every_option_of_every_command_is_there(where: str) -> None:
    from prefect.cli import cli

    name, *words = commands()[where]
    assert name == "prefect"
    command: click.Command = cli
    context = click.Context(command)
    while words and not words[0].startswith("-"):
        assert isinstance(command, click.Group)
        found = command.get_command(context, words[0])
        assert found is not None, f"`prefect` has no command {words[0]!r}"
        command = found
        words.pop(0)
    known = {option for parameter in command.params for option in parameter.opts + parameter.secondary_opts}
    for word in words:
        if word.startswith("-"):
            assert word.partition("=")[0] in known


def test_every_variable_is_a_setting() -> None:
    from prefect import config

    text = "\n".join(
        path.read_text() for path in [*MANIFESTS, DEPLOY / "compose.yaml", *DEPLOY.glob("*/*.service")]
    )
    variables = set(re.findall(r"PREFECT__\w+", text))
    assert len(variables) >= 4
    for variable in variables:
        found: Any = config
        for part in variable.removeprefix("PREFECT__").lower().split("__"):
            assert part in found, variable
            found = found[part]


def test_all_manifests_are_part_of_the_kustomization() -> None:
    kustomization = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())

    assert sorted(kustomization["resources"]) == [path.name for path in MANIFESTS]


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_manifests_fit_the_schemas_of_kubernetes(path: Path) -> None:
    validator = pytest.importorskip(
        "kubernetes_validate", reason="needs kubernetes-validate (make test-extras)"
    )
    for found in yaml.safe_load_all(path.read_text()):
        for version in ("1.28", validator.latest_version()):
            validator.validate(found, version, strict=True)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")
def test_the_kustomization_can_be_built() -> None:
    done = subprocess.run(
        ["kubectl", "kustomize", str(DEPLOY / "kubernetes")], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    built = list(yaml.safe_load_all(done.stdout))
    assert sorted(found["kind"] for found in built) == sorted(found["kind"] for found in objects())
    assert {found["metadata"]["namespace"] for found in built} == {"prefect"}
    assert "image: prefect-classic:latest" in done.stdout


def test_containers_run_as_nobody_special_and_have_limits() -> None:
    for one in containers():
        assert one["image"] == "prefect-classic"
        assert one["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert one["resources"]["limits"]["memory"]
    for found in objects():
        if found["kind"] == "Deployment":
            spec = found["spec"]["template"]["spec"]
            assert spec["securityContext"]["runAsNonRoot"] is True
            assert {mount["name"] for one in spec["containers"] for mount in one["volumeMounts"]} <= {
                volume["name"] for volume in spec["volumes"]
            }
    for service in ("server", "agent"):
        assert COMPOSE["services"][service]["read_only"] is True
        assert COMPOSE["services"][service]["cap_drop"] == ["ALL"]


def test_the_server_is_probed_and_the_agent_too() -> None:
    probes = {one["name"]: {name for name in one if name.endswith("Probe")} for one in containers()}

    assert probes["server"] == {"startupProbe", "readinessProbe", "livenessProbe"}
    assert probes["agent"] == {"readinessProbe", "livenessProbe"}


def test_only_the_agent_may_do_something_at_the_cluster_and_only_what_it_does() -> None:
    from prefect.agent.kubernetes._manifest import RULES

    found = objects()
    (role,) = [one for one in found if one["kind"] in ("Role", "ClusterRole")]
    (binding,) = [one for one in found if one["kind"] in ("RoleBinding", "ClusterRoleBinding")]
    assert (role["kind"], binding["kind"]) == ("Role", "RoleBinding")
    assert role["rules"] == RULES
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert [one["name"] for one in binding["subjects"]] == ["prefect-agent"]
    pods = {
        one["metadata"]["name"]: one["spec"]["template"]["spec"]
        for one in found
        if one["kind"] == "Deployment"
    }
    assert len(pods) == 3
    assert pods.pop("prefect-agent")["serviceAccountName"] == "prefect-agent"
    assert [pod.get("automountServiceAccountToken") for pod in pods.values()] == [False] * 2


@pytest.mark.parametrize("rbac", [False, True])
def test_manifests_that_the_command_prints_fit_the_schemas_of_kubernetes(rbac: bool) -> None:
    validator = pytest.importorskip(
        "kubernetes_validate", reason="needs kubernetes-validate (make test-extras)"
    )
    from prefect.agent.kubernetes import KubernetesAgent

    text = KubernetesAgent.generate_deployment_yaml(
        api="http://prefect-server:4200",
        namespace="flows",
        image_pull_secrets="registry",
        rbac=rbac,
        mem_request="1Gi",
        cpu_limit="2",
        service_account_name="flows",
        labels=["a"],
        env_vars={"PRICE": "$(5)"},
        key="KEY",
        agent_config_id="config",
    )
    found = list(yaml.safe_load_all(text))
    assert [one["kind"] for one in found] == [
        "Deployment",
        *(["ServiceAccount", "Role", "RoleBinding"] if rbac else []),
    ]
    for one in found:
        validator.validate(one, validator.latest_version(), strict=True)


def test_services_of_compose_wait_for_each_other() -> None:
    services = COMPOSE["services"]

    assert services["server"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert services["agent"]["depends_on"] == {"server": {"condition": "service_healthy"}}
    for service in services.values():
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in COMPOSE["volumes"]


def test_nothing_in_the_kit_is_a_password() -> None:
    text = "\n".join(path.read_text() for path in DEPLOY.rglob("*") if path.is_file())

    assert "POSTGRES_PASSWORD: ${POSTGRES_PASSWORD:?" in text
    assert not re.search(
        r"(?i)(password|api_key|token)\s*[:=]\s*[\"']?[A-Za-z0-9]{6,}", text.replace("POSTGRES_PASSWORD", "")
    )


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze (Debian: systemd)")
@pytest.mark.parametrize("unit", sorted((DEPLOY / "systemd").glob("*.service")), ids=lambda path: path.stem)
def test_units_can_be_loaded(unit: Path, tmp_path: Path) -> None:
    program = tmp_path / "prefect"
    program.symlink_to(sys.executable)
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/opt/prefect/bin/prefect", str(program)))

    done = subprocess.run(
        ["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_entrypoint_runs_the_command_and_gives_its_exit_code() -> None:
    entrypoint = DEPLOY / "entrypoint.sh"
    assert entrypoint.stat().st_mode & stat.S_IXUSR
    environ = {**os.environ, "EXTRA_PIP_PACKAGES": ""}

    done = subprocess.run(
        ["/bin/sh", str(entrypoint), "sh", "-c", "echo $#; exit 3", "x", "a b"],
        capture_output=True,
        env=environ,
        check=False,
    )

    assert (done.returncode, done.stdout) == (3, b"1\n")


def test_extra_packages_are_installed_before_the_command(tmp_path: Path) -> None:
    pip = tmp_path / "pip"
    pip.write_text('#!/bin/sh\necho "pip $*"\n')
    pip.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "EXTRA_PIP_PACKAGES": "one two==2"}

    done = subprocess.run(
        ["/bin/sh", str(DEPLOY / "entrypoint.sh"), "echo", "command"],
        capture_output=True,
        env=environ,
        check=True,
        text=True,
    )

    assert done.stdout.splitlines() == [
        "pip install --quiet --disable-pip-version-check one two==2",
        "command",
    ]
