"""Settings of this process for the workers of a local Dask cluster, which read theirs from the environment."""

from __future__ import annotations

import logging
from typing import Any

from prefect import configuration
from prefect.utilities.collections import dict_to_flatdict
from prefect.utilities.context import context


def worker_arguments(cluster_kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments of `distributed.LocalCluster`, with the settings for its worker processes added.

    Args:
        cluster_kwargs: what the user gave; variables in its `env` win.
    """
    if not cluster_kwargs.get("processes", True) or cluster_kwargs.get("worker_class") is not None:
        return cluster_kwargs  # threads have our settings, and other workers may not take `env`
    variables: dict[str, str] = {**changed_settings(), **(cluster_kwargs.get("env") or {})}
    return {**cluster_kwargs, "env": variables} if variables else cluster_kwargs


def changed_settings() -> dict[str, str]:
    """Environment variables for what a new process of the same user would not find by itself.

    That is what was changed in this process: by `set_temporary_config`, or as the level of the logger
    `prefect`.  Secrets are left out; environments are readable.
    """
    fresh = dict_to_flatdict(
        configuration.load_configuration(
            configuration.DEFAULT_CONFIG,
            user_config_path=configuration.USER_CONFIG,
            backend_config_path=configuration.BACKEND_CONFIG,
            env_var_prefix=configuration.ENV_VAR_PREFIX,
        )
    )
    level = logging.getLogger("prefect").getEffectiveLevel()
    name = logging.getLevelName(level)
    current = configuration.Config(context.config)
    current["logging"] = {**current["logging"], "level": level if name.startswith("Level ") else name}
    changed = {
        ".".join(map(str, path))
        for path, value in dict_to_flatdict(current).items()
        # The defaults of tasks were read when the tasks were made.
        if path[0] != "context" and path[:2] != ("tasks", "defaults") and fresh.get(path) != value
    }
    return configuration.to_environment_variables(current, include=changed)
