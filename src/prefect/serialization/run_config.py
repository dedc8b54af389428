"""JSON of run configs."""

from __future__ import annotations

from prefect import run_configs
from prefect._wire import run_configs as structs
from prefect.utilities.serialization import ObjectSchema, OneOfSchema

__all__ = [
    "DockerRunSchema",
    "ECSRunSchema",
    "KubernetesRunSchema",
    "LocalRunSchema",
    "RunConfigSchema",
    "RunConfigSchemaBase",
    "UniversalRunSchema",
    "VertexRunSchema",
]


class RunConfigSchemaBase(ObjectSchema, wire=structs.RunConfig):
    """The keys of every run config."""


class UniversalRunSchema(
    RunConfigSchemaBase, object_class=run_configs.UniversalRun, wire=structs.UniversalRun
):
    """A `UniversalRun`."""


class LocalRunSchema(RunConfigSchemaBase, object_class=run_configs.LocalRun, wire=structs.LocalRun):
    """A `LocalRun`."""


class DockerRunSchema(RunConfigSchemaBase, object_class=run_configs.DockerRun, wire=structs.DockerRun):
    """A `DockerRun`."""


class KubernetesRunSchema(
    RunConfigSchemaBase, object_class=run_configs.KubernetesRun, wire=structs.KubernetesRun
):
    """A `KubernetesRun`."""


class ECSRunSchema(RunConfigSchemaBase, object_class=run_configs.ECSRun, wire=structs.ECSRun):
    """A `ECSRun`."""


class VertexRunSchema(RunConfigSchemaBase, object_class=run_configs.VertexRun, wire=structs.VertexRun):
    """A `VertexRun`."""


class RunConfigSchema(OneOfSchema):
    """A run config of any kind."""

    type_schemas = {
        "UniversalRun": UniversalRunSchema,
        "LocalRun": LocalRunSchema,
        "DockerRun": DockerRunSchema,
        "KubernetesRun": KubernetesRunSchema,
        "ECSRun": ECSRunSchema,
        "VertexRun": VertexRunSchema,
    }
