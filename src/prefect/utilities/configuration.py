"""Settings that hold for a while, mostly for tests."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from prefect.configuration import Config, config
from prefect.exceptions import ConfigurationError

__all__ = ["set_temporary_config"]


@contextmanager
def set_temporary_config(temp_config: Mapping[str, Any]) -> Generator[Config]:
    """A context manager in which `prefect.config` has other values.

    At the end the settings are as they were, including what the block itself changed in them.

    Example:
        ```python
        import prefect
        from prefect.utilities.configuration import set_temporary_config

        with set_temporary_config({"flows.checkpointing": True}):
            assert prefect.config.flows.checkpointing
        assert not prefect.config.flows.checkpointing
        ```

    The settings are those of the process, so threads that run meanwhile see them too.

    Args:
        temp_config: dotted names and their values for the block; sections are made as needed

    Yields:
        `prefect.config`

    Raises:
        ConfigurationError: a name leads through something that is no section
    """
    saved = _saved(config)
    try:
        for dotted, value in temp_config.items():
            _set(dotted, value)
        yield config
    finally:
        # The same section objects come back: others may hold on to them.
        for section, values in saved:
            section.clear()
            for key, value in values.items():
                section[key] = value


def _saved(section: Config) -> list[tuple[Config, dict[str, Any]]]:
    """Every section with its present values."""
    found = [(section, dict(section))]
    for value in section.values():
        if isinstance(value, Config):
            found += _saved(value)
    return found


def _set(dotted: str, value: Any) -> None:
    *sections, key = dotted.split(".")
    section: Any = config
    for depth, name in enumerate(sections, start=1):
        section = section.setdefault(name, Config())
        if not isinstance(section, Config):
            raise ConfigurationError(
                f"Cannot set {dotted}: {'.'.join(sections[:depth])} is a value ({section!r}), not a section."
            )
    section[key] = value
