"""Storages: where the code of flows is kept, so that agents can load and run them.

```python
from prefect import Flow
from prefect.storage import GitHub

with Flow("nightly", storage=GitHub("my-company/flows", path="nightly.py")) as flow:
    ...
```
"""

from __future__ import annotations

import warnings

from prefect.configuration import config
from prefect.storage.azure import Azure
from prefect.storage.base import Storage
from prefect.storage.bitbucket import Bitbucket
from prefect.storage.codecommit import CodeCommit
from prefect.storage.docker import Docker
from prefect.storage.gcs import GCS
from prefect.storage.git import Git
from prefect.storage.github import GitHub
from prefect.storage.gitlab import GitLab
from prefect.storage.local import Local
from prefect.storage.module import Module
from prefect.storage.s3 import S3
from prefect.storage.webhook import Webhook

__all__ = [
    "GCS",
    "S3",
    "Azure",
    "Bitbucket",
    "CodeCommit",
    "Docker",
    "Git",
    "GitHub",
    "GitLab",
    "Local",
    "Module",
    "Storage",
    "Webhook",
]


def get_default_storage_class() -> type[Storage]:
    """The class of storage for flows that have none, as configured by `flows.defaults.storage.default_class`.

    If the configured class cannot be imported, a warning says so, and `Local` takes its place.
    """
    configured = config.flows.defaults.storage.default_class
    if not isinstance(configured, str):
        return configured
    from importlib import import_module

    module, _, name = configured.rpartition(".")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        warnings.warn(f"Could not import {configured}; using prefect.storage.Local instead.", stacklevel=2)
        return Local
