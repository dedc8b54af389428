"""Run configs as values: what they take, refuse, and look like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefect import _wire, run_configs
from prefect.run_configs import (
    DockerRun,
    ECSRun,
    KubernetesRun,
    LocalRun,
    RunConfig,
    UniversalRun,
    VertexRun,
)
from prefect.serialization.run_config import RunConfigSchema
from prefect.utilities.serialization import ValidationError

TEXTS = st.none() | st.text(max_size=5)
OBJECTS = st.none() | st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), max_size=2)
COMMON: dict[str, st.SearchStrategy[Any]] = {
    "env": OBJECTS,
    "labels": st.none() | st.sets(st.text(max_size=3), max_size=3),
}
ARGUMENTS: dict[type[RunConfig], dict[str, st.SearchStrategy[Any]]] = {
    UniversalRun: {},
    LocalRun: {"working_dir": st.none() | st.sampled_from(["/w", "relative"])},
    DockerRun: {
        "image": TEXTS,
        "ports": st.none() | st.lists(st.integers(1, 65535), max_size=2),
        "host_config": OBJECTS,
    },
    KubernetesRun: {
        "job_template": OBJECTS,
        "image": TEXTS,
        "cpu_limit": st.none() | st.floats(0.1, 9) | st.just("500m"),
        "memory_request": TEXTS,
        "service_account_name": TEXTS,
        "image_pull_secrets": st.none() | st.lists(st.text(max_size=3), max_size=2),
        "image_pull_policy": st.sampled_from([None, "Always", "IfNotPresent", "Never"]),
    },
    ECSRun: {
        "task_definition": OBJECTS,
        "image": TEXTS,
        "cpu": st.none() | st.integers(1, 4096) | st.just("1 vcpu"),
        "memory": TEXTS,
        "task_role_arn": TEXTS,
        "run_task_kwargs": OBJECTS,
    },
    VertexRun: {
        "image": TEXTS,
        "machine_type": st.text(max_size=5),
        "scheduling": OBJECTS,
        "worker_pool_specs": st.none()
        | st.lists(st.dictionaries(st.text(max_size=3), st.integers(), max_size=1)),
    },
}
CONFIGS = st.sampled_from(list(ARGUMENTS)).flatmap(lambda cls: st.builds(cls, **COMMON, **ARGUMENTS[cls]))


@given(CONFIGS)
def test_a_run_config_survives_its_json(config: RunConfig) -> None:
    data = config.serialize()

    assert RunConfigSchema().load(data) == config
    assert _wire.to_builtins(_wire.from_builtins(data, _wire.AnyRunConfig)) == data


@given(CONFIGS)
def test_its_repr_makes_it_again(config: RunConfig) -> None:
    assert eval(repr(config), vars(run_configs)) == config


def test_labels_are_a_set_and_travel_sorted() -> None:
    config = UniversalRun(labels=["b", "a", "b"])

    assert config.labels == {"a", "b"}
    assert config.serialize()["labels"] == ["a", "b"]


def test_equality_is_of_class_and_values() -> None:
    assert UniversalRun(labels=["a"]) == UniversalRun(labels={"a"})
    assert UniversalRun() != UniversalRun(labels=["a"])
    assert UniversalRun() != LocalRun()
    with pytest.raises(TypeError, match="unhashable"):
        hash(UniversalRun())


def test_one_text_is_no_list_of_labels() -> None:
    with pytest.raises(TypeError, match=r"write labels=\['prod'\]"):
        UniversalRun(labels="prod")


def test_a_working_directory_is_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)

    assert LocalRun(working_dir="a/b").working_dir == str(tmp_path / "a" / "b")
    assert LocalRun(working_dir=Path("/x")).working_dir == str(Path("/x").absolute())


@pytest.mark.parametrize("prefix", ["", "file://"])
def test_local_templates_are_read_at_once(prefix: str, tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text("kind: Job\nspec:\n  a: [1, 2]\n")

    job = KubernetesRun(job_template_path=f"{prefix}{path}")
    ecs = ECSRun(task_definition_path=f"{prefix}{path}")

    assert (job.job_template, job.job_template_path) == ({"kind": "Job", "spec": {"a": [1, 2]}}, None)
    assert (ecs.task_definition, ecs.task_definition_path) == (job.job_template, None)


@pytest.mark.parametrize("path", ["s3://bucket/key", "gs://bucket/key", "agent:///etc/job.yaml"])
def test_other_templates_are_left_to_the_agent(path: str) -> None:
    assert KubernetesRun(job_template_path=path).job_template_path == path
    assert ECSRun(task_definition_path=path).task_definition_path == path


def test_templates_may_be_yaml_text() -> None:
    assert KubernetesRun(job_template="kind: Job").job_template == {"kind": "Job"}
    assert ECSRun(task_definition="family: f").task_definition == {"family": "f"}


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: KubernetesRun(job_template="- a"),
            ValueError,
            "Kubernetes job template must be a YAML mapping",
        ),
        (
            lambda: KubernetesRun(job_template=": : :"),
            ValueError,
            "Kubernetes job template is not valid YAML",
        ),
        (lambda: KubernetesRun(job_template=3), TypeError, "must be a dictionary or YAML text, not int 3"),  # type: ignore[arg-type]
        (
            lambda: KubernetesRun(job_template={}, job_template_path="x"),
            ValueError,
            "both `job_template_path` and",
        ),
        (lambda: KubernetesRun(image_pull_policy="Sometimes"), ValueError, "image_pull_policy 'Sometimes'"),  # type: ignore[arg-type]
        (lambda: KubernetesRun(job_template_path="/no/such/file"), FileNotFoundError, "/no/such/file"),
        (
            lambda: ECSRun(task_definition="a: 1", task_definition_arn="x"),
            ValueError,
            "Can only provide one of",
        ),
        (
            lambda: ECSRun(task_definition_arn="x", image="i"),
            ValueError,
            "both `task_definition_arn` and `image`",
        ),
        (lambda: ECSRun(task_definition="- a"), ValueError, "ECS task definition must be a YAML mapping"),
    ],
)
def test_mistakes_are_said_in_one_sentence(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_the_file_of_a_bad_template_is_named(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text("[1]")

    with pytest.raises(ValueError, match=r"job\.yaml must be a YAML mapping"):
        KubernetesRun(job_template_path=str(path))


def test_numbers_become_quantities() -> None:
    assert KubernetesRun(cpu_limit=2, cpu_request=0.5).cpu_request == "0.5"
    assert ECSRun(cpu=1024, memory=2048).memory == "2048"


@pytest.mark.parametrize(
    ("config", "place"),
    [
        (KubernetesRun(job_template={"a": object()}), r"KubernetesRun\.job_template"),
        (UniversalRun(env={"A": object()}), r"UniversalRun\.env"),
        (VertexRun(worker_pool_specs=[{"a": object()}]), r"VertexRun\.worker_pool_specs"),
    ],
)
def test_values_that_are_no_json_are_named(config: RunConfig, place: str) -> None:
    with pytest.raises(ValidationError, match=place):
        config.serialize()


@pytest.mark.parametrize("cls", list(ARGUMENTS))
def test_a_run_config_of_nothing_but_its_type_loads(cls: type[RunConfig]) -> None:
    assert RunConfigSchema().load({"type": cls.__name__}) == cls()


def test_a_class_of_the_user_is_written_as_the_one_it_derives_from() -> None:
    class Ours(KubernetesRun):
        pass

    assert Ours(image="i").serialize()["type"] == "KubernetesRun"


def test_the_base_class_is_for_no_agent() -> None:
    with pytest.raises(ValidationError, match="Unsupported object type: RunConfig"):
        RunConfig().serialize()
