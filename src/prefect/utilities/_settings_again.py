"""Settings, context and logging of a process whose environment was replaced, as if it had just started."""

from __future__ import annotations

import os

__all__ = ["read_settings_again"]


def read_settings_again() -> None:
    """Read the settings from their files and the present environment, and forget the old ones.

    The objects stay the same ones (`prefect.config`, the logger `prefect`), so that modules that hold
    them see the new values. For a process that was forked and has one thread.

    Raises:
        ConfigurationError: a setting cannot be used.
    """
    from prefect import configuration
    from prefect.utilities import context as contexts
    from prefect.utilities import logging as prefect_logging

    configuration.USER_CONFIG = os.getenv("PREFECT__USER_CONFIG_PATH", "~/.prefect/config.toml")
    home = os.getenv("PREFECT__HOME_DIR", "~/.prefect")
    configuration.BACKEND_CONFIG = os.getenv("PREFECT__BACKEND_CONFIG_PATH", f"{home}/backend.toml")
    loaded = configuration.process_task_defaults(
        configuration.load_configuration(
            path=configuration.DEFAULT_CONFIG,
            user_config_path=configuration.USER_CONFIG,
            backend_config_path=configuration.BACKEND_CONFIG,
            env_var_prefix=configuration.ENV_VAR_PREFIX,
        )
    )
    configuration.config.clear()
    configuration.config.update(loaded)
    contexts.forget_thread()
    prefect_logging.configure_logging()
    prefect_logging.configure_extra_loggers()
