from __future__ import annotations

import datetime
import xml.etree.ElementTree as ET

from prefect import Flow, Parameter, Task, task
from prefect.schedules import IntervalSchedule


@task
def show(x: int) -> None: ...


def test_a_flow_shows_what_it_consists_of_and_its_drawing() -> None:
    schedule = IntervalSchedule(interval=datetime.timedelta(hours=1))
    with Flow("report", schedule=schedule) as flow:
        show(Parameter("day"))
        show(Parameter("limit", default="<x>"))
    html = flow._repr_html_()
    assert "4 tasks · 2 edges · parameters: day (required), limit = &#x27;&lt;x&gt;&#x27;" in html
    assert "has a schedule · runs on LocalExecutor" in html
    assert html.count('class="pf-title"') == 4
    ET.fromstring(html)  # well formed


def test_an_empty_flow_has_no_drawing() -> None:
    assert "<svg" not in Flow("empty")._repr_html_()


def test_a_flow_of_very_many_tasks_is_described_but_not_drawn() -> None:
    html = Flow("big", tasks=[Task(f"t{number}") for number in range(400)])._repr_html_()
    assert "400 tasks" in html
    assert "<svg" not in html
    assert "flow.visualize(" in html


def test_names_and_long_defaults_are_escaped_and_cut() -> None:
    with Flow("<img src=x>") as flow:
        show(Parameter("p", default="y" * 500))
    html = flow._repr_html_()
    assert "<img" not in html
    assert "y" * 60 not in html
