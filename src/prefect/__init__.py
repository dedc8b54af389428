"""Prefect Classic: flows of tasks, written as Python, run anywhere.

```python
from prefect import Flow, task


@task
def say(text):
    print(text)


with Flow("hello") as flow:
    say("Hello, world!")

flow.run()
```

Importing this package reads the settings and sets up the logger `prefect`. Everything else is
imported when it is first used: `prefect.Flow`, `prefect.engine.signals.FAIL` and so on need no import
statement of their own.
"""

from __future__ import annotations

import os as _os
from importlib import import_module as _import_module
from typing import TYPE_CHECKING

from prefect import _other_distributions, _removed_finder
from prefect.exceptions import ConfigurationError as _ConfigurationError
from prefect.utilities._lazy import lazy_names as _lazy_names

if TYPE_CHECKING:
    from prefect.client.client import Client
    from prefect.configuration import config
    from prefect.core.flow import Flow
    from prefect.core.parameter import Parameter
    from prefect.core.task import Task
    from prefect.tasks.control_flow.case import case
    from prefect.tasks.core.resource_manager import resource_manager
    from prefect.utilities.context import context
    from prefect.utilities.edges import flatten, mapped, unmapped
    from prefect.utilities.plugins import API as api
    from prefect.utilities.plugins import MODELS as models
    from prefect.utilities.plugins import PLUGINS as plugins
    from prefect.utilities.tasks import apply_map, tags, task

__all__ = [
    "Client",
    "Flow",
    "Parameter",
    "Task",
    "api",
    "apply_map",
    "case",
    "config",
    "context",
    "flatten",
    "mapped",
    "models",
    "plugins",
    "resource_manager",
    "tags",
    "task",
    "unmapped",
]

__version__ = "1.5.0.dev0"

__getattr__, __dir__ = _lazy_names(
    __name__,
    {
        "Client": "prefect.client.client",
        "Flow": "prefect.core.flow",
        "Parameter": "prefect.core.parameter",
        "Task": "prefect.core.task",
        "api": "prefect.utilities.plugins:API",
        "apply_map": "prefect.utilities.tasks",
        "case": "prefect.tasks.control_flow.case",
        "config": "prefect.configuration",
        "context": "prefect.utilities.context",
        "flatten": "prefect.utilities.edges",
        "mapped": "prefect.utilities.edges",
        "models": "prefect.utilities.plugins:MODELS",
        "plugins": "prefect.utilities.plugins:PLUGINS",
        "resource_manager": "prefect.tasks.core.resource_manager",
        "tags": "prefect.utilities.tasks",
        "task": "prefect.utilities.tasks",
        "unmapped": "prefect.utilities.edges",
    },
    submodules=(
        "agent",
        "backend",
        "client",
        "configuration",
        "core",
        "engine",
        "exceptions",
        "executors",
        "run_configs",
        "schedules",
        "serialization",
        "storage",
        "tasks",
        "triggers",
        "utilities",
    ),
)

_removed_finder.install()
_other_distributions.warn_about_other_distributions(_os.path.dirname(_os.path.dirname(__file__)))  # noqa: PTH120

try:
    # As ever, settings are read and the logger `prefect` is set up when Prefect is imported: programs
    # adjust that logger right afterwards.
    _import_module("prefect.utilities.logging")
except _ConfigurationError:
    # Raised again, with the same message, by whatever needs the settings first. Until then the
    # command line can say it in one sentence.
    pass
