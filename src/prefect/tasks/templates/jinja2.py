"""`JinjaTemplate`; needs the extra `templates`."""

from __future__ import annotations

from typing import Any

from prefect.core.task import Task
from prefect.utilities.context import context
from prefect.utilities.tasks import defaults_from_attrs

__all__ = ["JinjaTemplate"]


class JinjaTemplate(Task):
    """A task that fills values into a Jinja template.

    Args:
        template: the text of the template, used when the call gives none. It sees the inputs of the
            task and everything in `prefect.context`. Values are not escaped for HTML; use `{{ x | e }}`.
        **kwargs: settings of every `Task`.
    """

    template: str

    def __init__(self, template: str | None = None, **kwargs: Any) -> None:
        self.template = template or ""
        super().__init__(**kwargs)

    @defaults_from_attrs("template")
    def run(self, template: str | None = None, **format_kwargs: Any) -> str:
        """The text. Names that are not there are empty.

        Args:
            template: the text of the template; the constructor's by default.
            **format_kwargs: values; they hide those of the context.

        Raises:
            ImportError: the extra `templates` is not installed.
            jinja2.TemplateError: the template is wrong.
        """
        try:
            from jinja2 import Template
        except ImportError as exc:
            raise ImportError(
                "JinjaTemplate needs the package jinja2. "
                'Install it with `pip install "prefect-classic[templates]"`.'
            ) from exc
        return Template(template or "").render({**context.to_dict(), **format_kwargs})
