from __future__ import annotations

from typing import Any

import pytest

from prefect.utilities.agent import get_flow_image, get_flow_run_command
from prefect.utilities.configuration import set_temporary_config
from prefect.utilities.graphql import GraphQLResult

DOCKER = {"type": "Docker", "registry_url": "registry", "image_name": "name", "image_tag": "tag"}


def run(
    storage: Any = None,
    run_config: Any = None,
    flow_run_config: Any = None,
    core_version: str | None = "1.4.1",
) -> GraphQLResult:
    flow = {
        "storage": storage or {"type": "Local"},
        "run_config": flow_run_config,
        "core_version": core_version,
    }
    return GraphQLResult(id="id", run_config=run_config, flow=flow)


@pytest.mark.parametrize(
    ("flow_run", "image"),
    [
        (run(DOCKER), "registry/name:tag"),
        (run(DOCKER, {"type": "DockerRun", "image": "other"}), "registry/name:tag"),
        (run({**DOCKER, "registry_url": None}), "name:tag"),
        (run(run_config={"type": "DockerRun", "image": "mine"}), "mine"),
        (run(flow_run_config={"type": "DockerRun", "image": "ours"}), "ours"),
        (run(run_config={"image": "mine"}, flow_run_config={"image": "ours"}), "mine"),
        (run(), "prefecthq/prefect:1.4.1"),
        (run(run_config={"type": "DockerRun", "image": None}), "prefecthq/prefect:1.4.1"),
        (run(core_version="1.4.1+3.gabc"), "prefecthq/prefect:1.4.1"),
        (run(core_version=None), "prefecthq/prefect:latest"),
    ],
)
def test_the_image_comes_from_storage_run_config_or_version(flow_run: GraphQLResult, image: str) -> None:
    assert get_flow_image(flow_run) == image


@pytest.mark.parametrize(
    ("core_version", "default_image", "image"),
    [
        ("1.5.0", "", "prefect-classic:1.5.0"),
        ("1.5.0.dev0", "", "prefect-classic:1.5.0.dev0"),
        ("1.10.2+1.gabc", "", "prefect-classic:1.10.2"),
        ("1.5.0", "registry.example.com/p:1", "registry.example.com/p:1"),
        # An image of this version cannot load what an older one pickled.
        ("1.4.1", "registry.example.com/p:1", "prefecthq/prefect:1.4.1"),
    ],
)
def test_flows_of_1_4_1_keep_its_image_and_those_of_today_have_ours(
    core_version: str, default_image: str, image: str
) -> None:
    with set_temporary_config({"cloud.agent.default_image": default_image}):
        assert get_flow_image(run(core_version=core_version)) == image


def test_a_default_image_comes_before_that_of_the_version() -> None:
    assert get_flow_image(run(), default="fallback") == "fallback"
    assert get_flow_image(run(run_config={"image": "mine"}), default="fallback") == "mine"


@pytest.mark.parametrize(
    ("version", "command"),
    [
        ("0.12.6", "prefect execute cloud-flow"),
        ("0.13.0", "prefect execute flow-run"),
        ("0.13.0+2.gabc", "prefect execute flow-run"),
        ("1.5.0.dev0", "prefect execute flow-run"),
        ("10.0", "prefect execute flow-run"),
        ("unknown", "prefect execute cloud-flow"),
        (None, "prefect execute cloud-flow"),
    ],
)
def test_the_command_fits_the_version_that_registered_the_flow(version: str | None, command: str) -> None:
    assert get_flow_run_command(run(core_version=version)) == command
