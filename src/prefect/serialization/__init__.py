"""Schemas that write flows, tasks, states, schedules, … to JSON and read them back, as in 1.x.

One module for each kind: `flow`, `task`, `edge`, `state`, `result`, `schedule`, `run_config`, `storage`.
The keys of the JSON are those of the structs in `prefect._wire`.
"""

from __future__ import annotations

from prefect.utilities._lazy import lazy_names

__getattr__, __dir__ = lazy_names(__name__)
