"""Branches in a flow: `case`, `switch`, `ifelse`, `merge`, and `FilterTask`."""

from __future__ import annotations

# Not lazily: a lazy `case` would become the module of that name as soon as that is imported.
from prefect.tasks.control_flow.case import case
from prefect.tasks.control_flow.conditional import ifelse, merge, switch
from prefect.tasks.control_flow.filter import FilterTask

__all__ = ["FilterTask", "case", "ifelse", "merge", "switch"]
