"""Clients of Google Cloud."""

from __future__ import annotations

from typing import Any

from prefect.utilities._extras import require
from prefect.utilities.context import context

__all__ = ["get_bigquery_client", "get_google_client", "get_storage_client"]


def get_google_client(
    submodule: Any, credentials: dict[str, Any] | None = None, project: str | None = None
) -> Any:
    """A client made by the class `Client` of a module of Google's.

    Args:
        submodule: the module, such as `google.cloud.storage`
        credentials: content of a service account's key file; the secret `GCP_CREDENTIALS` in the context by
            default, and what Google's library finds itself if there is none
        project: project to work in, the one of the credentials by default

    Raises:
        ImportError: google-auth is not installed
    """
    found = credentials or context.get("secrets", {}).get("GCP_CREDENTIALS")
    if not found:
        return submodule.Client(project=project)
    credentials_class = require("google.oauth2.service_account", "gcp").Credentials
    account: Any = credentials_class.from_service_account_info(found)
    return submodule.Client(project=project or account.project_id, credentials=account)


def get_storage_client(credentials: dict[str, Any] | None = None, project: str | None = None) -> Any:
    """A client of Google Cloud Storage.

    Args:
        credentials: content of a service account's key file, as for `get_google_client`
        project: project to work in, the one of the credentials by default

    Raises:
        ImportError: google-cloud-storage is not installed
    """
    storage = require("google.cloud.storage", "gcp")
    return get_google_client(storage, credentials=credentials, project=project)


def get_bigquery_client(credentials: dict[str, Any] | None = None, project: str | None = None) -> Any:
    """A client of BigQuery.

    Args:
        credentials: content of a service account's key file, as for `get_google_client`
        project: project to work in, the one of the credentials by default

    Raises:
        ImportError: google-cloud-bigquery is not installed
    """
    bigquery = require("google.cloud.bigquery", "gcp")
    return get_google_client(bigquery, credentials=credentials, project=project)
