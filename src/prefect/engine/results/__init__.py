"""Results that keep values somewhere.

LocalResult        files of this machine
S3Result           Amazon S3, or anything that speaks its protocol      (extra `aws`)
GCSResult          Google Cloud Storage                                 (extra `gcp`)
AzureResult        Azure Blob Storage                                   (extra `azure`)
PrefectResult      JSON text in the state itself
ConstantResult     a value that is part of the flow
SecretResult       the value of a secret task, looked up again
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.utilities._lazy import lazy_names

if TYPE_CHECKING:
    from prefect.engine.results.azure_result import AzureResult
    from prefect.engine.results.constant_result import ConstantResult
    from prefect.engine.results.gcs_result import GCSResult
    from prefect.engine.results.local_result import LocalResult
    from prefect.engine.results.prefect_result import PrefectResult
    from prefect.engine.results.s3_result import S3Result
    from prefect.engine.results.secret_result import SecretResult

__all__ = [
    "AzureResult",
    "ConstantResult",
    "GCSResult",
    "LocalResult",
    "PrefectResult",
    "S3Result",
    "SecretResult",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "AzureResult": "prefect.engine.results.azure_result",
        "ConstantResult": "prefect.engine.results.constant_result",
        "GCSResult": "prefect.engine.results.gcs_result",
        "LocalResult": "prefect.engine.results.local_result",
        "PrefectResult": "prefect.engine.results.prefect_result",
        "S3Result": "prefect.engine.results.s3_result",
        "SecretResult": "prefect.engine.results.secret_result",
    },
)
