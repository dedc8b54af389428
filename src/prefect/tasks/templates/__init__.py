"""Tasks that fill values into templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.utilities._lazy import lazy_names

if TYPE_CHECKING:
    from prefect.tasks.templates.jinja2 import JinjaTemplate
    from prefect.tasks.templates.strings import StringFormatter

__all__ = ["JinjaTemplate", "StringFormatter"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "JinjaTemplate": "prefect.tasks.templates.jinja2",
        "StringFormatter": "prefect.tasks.templates.strings",
    },
)
