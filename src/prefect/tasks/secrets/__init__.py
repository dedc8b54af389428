"""Tasks that read secrets; results of these are never written anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.utilities._lazy import lazy_names

if TYPE_CHECKING:
    from prefect.tasks.secrets.base import PrefectSecret, SecretBase
    from prefect.tasks.secrets.env_var import EnvVarSecret

__all__ = ["EnvVarSecret", "PrefectSecret", "SecretBase"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "EnvVarSecret": "prefect.tasks.secrets.env_var",
        "PrefectSecret": "prefect.tasks.secrets.base",
        "SecretBase": "prefect.tasks.secrets.base",
    },
    submodules=("vault_secret",),
)
