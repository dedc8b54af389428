"""`StringFormatter`."""

from __future__ import annotations

import string
from collections import ChainMap
from typing import Any

from prefect.core.task import Task
from prefect.utilities.context import context
from prefect.utilities.tasks import defaults_from_attrs

__all__ = ["StringFormatter"]


class StringFormatter(Task):
    """A task that fills values into a template, as `str.format` does.

    Args:
        template: the template, used when the call gives none. It sees the inputs of the task and
            everything in `prefect.context`: `"{greeting}, it is {today}"`.
        **kwargs: settings of every `Task`.
    """

    template: str

    def __init__(self, template: str | None = None, **kwargs: Any) -> None:
        self.template = template or ""
        super().__init__(**kwargs)

    @defaults_from_attrs("template")
    def run(self, template: str | None = None, **format_kwargs: Any) -> str:
        """The text.

        Args:
            template: the template; the constructor's by default.
            **format_kwargs: values; they hide those of the context.

        Raises:
            KeyError: the template names something that is not there.
        """
        values = ChainMap(format_kwargs, context)
        return string.Formatter().vformat(template or "", (), values)
