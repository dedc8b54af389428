from __future__ import annotations

import sys
from typing import Any

import pytest

import prefect
from prefect import Flow, task
from prefect.tasks.templates import JinjaTemplate, StringFormatter


@task
def same(x: Any) -> Any:
    return x


def test_values_are_filled_into_a_text() -> None:
    assert StringFormatter("{a} {b[0]} {c!r:>5} {{d}}").run(a=1, b=[2], c="x") == "1 2   'x' {d}"
    assert StringFormatter("{a}").run("{b}", b=3) == "3"
    assert StringFormatter("{a}").run(template="{b}", b=3) == "3"
    assert StringFormatter().run(a=1) == ""


def test_a_text_sees_the_context_which_inputs_hide() -> None:
    with prefect.context(color="red", size=1):
        assert StringFormatter("{color} {size} {config.backend}").run(size=2) == "red 2 cloud"


def test_a_name_that_is_not_there_is_an_error_in_a_text() -> None:
    with pytest.raises(KeyError, match="nowhere"):
        StringFormatter("{nowhere}").run()
    with pytest.raises(IndexError):
        StringFormatter("{}").run()


def test_values_are_filled_into_a_jinja_template() -> None:
    template = JinjaTemplate("{% for x in items %}{{ x | upper }},{% endfor %}{{ nowhere }}")
    assert template.run(items=["a", "b"]) == "A,B,"
    assert template.run("<{{ x }}>", x="<b>") == "<<b>>"
    assert JinjaTemplate().run() == ""


def test_a_jinja_template_sees_the_context_which_inputs_hide() -> None:
    with prefect.context(color="red", size=1):
        assert JinjaTemplate("{{ color }} {{ size }} {{ config.backend }}").run(size=2) == "red 2 cloud"


def test_templates_are_tasks_of_a_flow() -> None:
    with Flow("templates") as flow:
        text = StringFormatter("{x} in {flow_name}")(x=same("a"))
        jinja = JinjaTemplate()(template=same("{{ x }} of {{ task_name }}"), x=text)

    state = flow.run()
    assert state.result[text].result == "a in templates"
    assert state.result[jinja].result == "a in templates of JinjaTemplate"


def test_without_jinja_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ImportError, match=r'pip install "prefect-classic\[templates\]"'):
        JinjaTemplate("x").run()
