"""What to tell somebody who helps with a problem: versions and settings, but never values."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from prefect.configuration import load_default_config
from prefect.utilities.context import context

if TYPE_CHECKING:
    from prefect.core.flow import Flow

__all__ = [
    "config_overrides",
    "diagnostic_info",
    "environment_variables",
    "flow_information",
    "system_information",
]


def system_information() -> dict[str, Any]:
    """Platform, versions and backend: `{"system_information": {…}}`."""
    import prefect

    return {
        "system_information": {
            "platform": platform.platform(),
            "python_version": platform.python_version(),
            "prefect_version": prefect.__version__,
            "prefect_backend": context.config.backend,
        }
    }


def config_overrides(include_secret_names: bool = False) -> dict[str, Any]:
    """Which settings the user's files changed, as `{"config_overrides": {section: {key: True}}}`.

    Args:
        include_secret_names: list the names of secrets instead of `False`
    """

    def changed(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in values.items():
            if key == "secrets":
                secrets = cast("Mapping[str, Any]", value)
                found[key] = dict.fromkeys(secrets, True) if include_secret_names else False
            elif isinstance(value, Mapping):
                default: Any = defaults.get(key)
                section = changed(cast("Mapping[str, Any]", value), default or {})
                if section:
                    found[key] = section
            elif key not in defaults or defaults[key] != value:
                found[key] = True
        return found

    return {"config_overrides": changed(context.config, load_default_config())}


def environment_variables() -> dict[str, Any]:
    """Names of the environment variables that are settings: `{"env_vars": […]}`, sorted."""
    return {"env_vars": sorted(name for name in os.environ if name.startswith("PREFECT__"))}


def flow_information(flow: Flow) -> dict[str, Any]:
    """What a flow is made of, as `{"flow_information": {…}}`: types, counts, and whether values are set.

    Args:
        flow: the flow
    """
    subject: Any = flow
    return {
        "flow_information": {
            "environment": False,  # compat: what flows had before run configs
            "run_config": _masked_attributes(subject.run_config),
            "storage": _masked_attributes(subject.storage),
            "result": {"type": type(subject.result).__name__} if subject.result else False,
            "schedule": _described_schedule(subject.schedule),
            "task_count": len(subject.tasks),
        }
    }


def _described_schedule(schedule: Any) -> dict[str, Any] | bool:
    if not schedule:
        return False
    described: dict[str, Any] = {"type": type(schedule).__name__}
    for part in ("clocks", "filters", "or_filters", "not_filters", "adjustments"):
        described[part] = [getattr(item, "__name__", type(item).__name__) for item in getattr(schedule, part)]
    return described


def _masked_attributes(thing: Any) -> dict[str, Any] | bool:
    """The type of an object, and for each attribute whether it has a value; dictionaries key by key."""
    if not thing:
        return False
    masked: dict[str, Any] = {"type": type(thing).__name__}
    attributes = cast("dict[str, Any]", vars(thing))
    for name in attributes:
        masked[name] = _masked(attributes[name])
    return masked


def _masked(value: Any) -> Any:
    if value and isinstance(value, dict):
        return {str(key): _masked(inner) for key, inner in cast("dict[Any, Any]", value).items()}
    return bool(cast(object, value))


def diagnostic_info(flow: Flow | None = None, include_secret_names: bool = False) -> str:
    """All of it as JSON text, sorted and indented.

    Args:
        flow: describe this flow too
        include_secret_names: list the names of secrets; their values never appear
    """
    info = {
        **system_information(),
        **environment_variables(),
        **config_overrides(include_secret_names=include_secret_names),
    }
    if flow is not None:
        info.update(flow_information(flow))
    if not include_secret_names:
        # The names of secrets are in the names of variables too.
        start = "PREFECT__CONTEXT__SECRETS__"
        info["env_vars"] = [name for name in info["env_vars"] if not name.startswith(start)]
    return json.dumps(info, sort_keys=True, indent=2)
