"""Registries in which other packages put functions and classes, reachable as `prefect.api.…`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from prefect.utilities._attrdict import AttrDict

__all__ = ["API", "MODELS", "PLUGINS", "REGISTRY", "register_api", "register_model", "register_plugin"]

T = TypeVar("T")


class Registry(AttrDict):
    """Registered things by their dotted names."""


REGISTRY = Registry(api={}, models={}, plugins={})
"""All three registries."""
API: Registry = REGISTRY.api
"""What `register_api` registered; `prefect.api`."""
MODELS: Registry = REGISTRY.models
"""What `register_model` registered; `prefect.models`."""
PLUGINS: Registry = REGISTRY.plugins
"""What `register_plugin` registered; `prefect.plugins`."""


def register_api(name: str) -> Callable[[T], T]:
    """A decorator that makes a function reachable as `prefect.api.<name>`.

    Args:
        name: dotted name; registering one again replaces the function

    Raises:
        ValueError: a part of the name before the last is registered as something itself
    """
    return _register_in(API, "api", name)


def register_model(name: str) -> Callable[[T], T]:
    """A decorator that makes a class reachable as `prefect.models.<name>`.

    Args:
        name: dotted name; registering one again replaces the class

    Raises:
        ValueError: a part of the name before the last is registered as something itself
    """
    return _register_in(MODELS, "models", name)


def register_plugin(name: str) -> Callable[[T], T]:
    """A decorator that makes something reachable as `prefect.plugins.<name>`.

    Args:
        name: dotted name; registering one again replaces the thing

    Raises:
        ValueError: a part of the name before the last is registered as something itself
    """
    return _register_in(PLUGINS, "plugins", name)


def _register_in(registry: Registry, label: str, name: str) -> Callable[[T], T]:
    def register(thing: T) -> T:
        *parents, last = name.split(".")
        level: Any = registry
        for depth, parent in enumerate(parents, start=1):
            level = level.setdefault(parent, Registry())
            if not isinstance(level, Registry):
                taken = ".".join(parents[:depth])
                raise ValueError(
                    f"Cannot register {name!r}: prefect.{label}.{taken} is {level!r} already. Use another name."
                )
        level[last] = thing
        return thing

    return register
