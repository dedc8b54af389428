"""JSON of storages."""

from __future__ import annotations

from typing import Any

from prefect import storage
from prefect._wire import storages as structs
from prefect.utilities.serialization import ObjectSchema, OneOfSchema

__all__ = [
    "AzureSchema",
    "BaseStorageSchema",
    "BitbucketSchema",
    "CodeCommitSchema",
    "DockerSchema",
    "GCSSchema",
    "GitHubSchema",
    "GitLabSchema",
    "GitSchema",
    "LocalSchema",
    "ModuleSchema",
    "S3Schema",
    "StorageSchema",
    "WebhookSchema",
]


class BaseStorageSchema(ObjectSchema, object_class=storage.Storage, wire=structs.Storage):
    """The keys of every storage."""

    def create_object(self, data: dict[str, Any], **kwargs: Any) -> storage.Storage:
        """The storage. Its flows are known by their locations; they are not loaded."""
        flows = data.pop("flows", None)
        found: storage.Storage = super().create_object(data, **kwargs)
        if flows is not None:
            found.flows = flows
        return found


class AzureSchema(BaseStorageSchema, object_class=storage.Azure, wire=structs.Azure):
    """`Azure` storage."""


class BitbucketSchema(BaseStorageSchema, object_class=storage.Bitbucket, wire=structs.Bitbucket):
    """`Bitbucket` storage."""


class CodeCommitSchema(BaseStorageSchema, object_class=storage.CodeCommit, wire=structs.CodeCommit):
    """`CodeCommit` storage."""


class DockerSchema(BaseStorageSchema, object_class=storage.Docker, wire=structs.Docker):
    """`Docker` storage."""


class GCSSchema(BaseStorageSchema, object_class=storage.GCS, wire=structs.GCS):
    """`GCS` storage."""


class GitSchema(BaseStorageSchema, object_class=storage.Git, wire=structs.Git):
    """`Git` storage."""


class GitHubSchema(BaseStorageSchema, object_class=storage.GitHub, wire=structs.GitHub):
    """`GitHub` storage."""


class GitLabSchema(BaseStorageSchema, object_class=storage.GitLab, wire=structs.GitLab):
    """`GitLab` storage."""


class LocalSchema(BaseStorageSchema, object_class=storage.Local, wire=structs.Local):
    """`Local` storage."""

    def create_object(self, data: dict[str, Any], **kwargs: Any) -> storage.Storage:
        """The storage. Its directory need not exist on this machine."""
        return super().create_object(data, validate=False, **kwargs)


class ModuleSchema(BaseStorageSchema, object_class=storage.Module, wire=structs.Module):
    """`Module` storage."""


class S3Schema(BaseStorageSchema, object_class=storage.S3, wire=structs.S3):
    """`S3` storage."""


class WebhookSchema(BaseStorageSchema, object_class=storage.Webhook, wire=structs.Webhook):
    """`Webhook` storage."""


class StorageSchema(OneOfSchema):
    """A storage of any kind."""

    type_schemas = {
        "Azure": AzureSchema,
        "Bitbucket": BitbucketSchema,
        "CodeCommit": CodeCommitSchema,
        "Docker": DockerSchema,
        "GCS": GCSSchema,
        "Git": GitSchema,
        "GitHub": GitHubSchema,
        "GitLab": GitLabSchema,
        "Local": LocalSchema,
        "Module": ModuleSchema,
        "S3": S3Schema,
        "Webhook": WebhookSchema,
        "Storage": BaseStorageSchema,
    }

    def get_obj_type(self, obj: Any) -> str:
        """The class of a storage. A user's own class is not known to those who read the JSON."""
        name = super().get_obj_type(obj)
        return type(obj).__name__ if name == "Storage" else name
