from __future__ import annotations

from typing import Any

import pytest

from prefect import Task
from prefect.engine.signals import SKIP
from prefect.engine.state import Failed, Mapped, Pending, Skipped, State, Success


def test_a_state_shows_its_name_colour_message_and_result() -> None:
    html = Success("all <done>", result={"a": [1, 2]})._repr_html_()
    assert "Success" in html
    assert Success.color in html
    assert "all &lt;done&gt;" in html
    assert "{&#x27;a&#x27;: [1, 2]}" in html


def test_a_failure_shows_its_exception() -> None:
    assert "ValueError: &lt;b&gt;no&lt;/b&gt;" in Failed("m", result=ValueError("<b>no</b>"))._repr_html_()


def test_a_state_without_a_result_shows_none() -> None:
    assert "<pre" not in Pending()._repr_html_()


def test_a_flows_state_is_a_table_of_its_tasks() -> None:
    states: dict[Task, State] = {
        Task("load"): Success("fine"),
        Task("check"): Mapped(map_states=[Success(), Success(), Failed()]),
        Task("save"): Failed(result=OSError("disk full")),
        Task("mail"): Skipped("no address", result=SKIP("no address")),
    }
    html = Failed("some failed", result=states)._repr_html_()
    assert html.count("<tr>") == 4
    assert "2 Success" in html
    assert "1 Failed" in html
    assert "OSError: disk full" in html
    assert ">no address<" in html
    assert ">fine<" not in html  # of a success the message says nothing new


def test_very_many_tasks_are_counted() -> None:
    states = {Task(f"t{number}"): Success() for number in range(250)}
    html = Success(result=states)._repr_html_()
    assert "and 150 more tasks" in html


def test_a_mapped_state_counts_its_children() -> None:
    assert "3 Success" in Mapped(map_states=[Success()] * 3)._repr_html_()
    assert "no children" in Mapped(map_states=[])._repr_html_()


def test_a_long_result_is_cut() -> None:
    assert len(Success(result="x" * 100_000)._repr_html_()) < 2000


def test_a_result_whose_repr_fails_is_still_shown() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError("no repr")

    assert "&lt;Broken, whose repr raised RuntimeError&gt;" in Success(result=Broken())._repr_html_()


@pytest.mark.parametrize("value", [{}, {"a": 1}, {1: Success(), 2: "no state"}])
def test_other_dictionaries_are_shown_as_values(value: dict[Any, Any]) -> None:
    assert "<table" not in Success(result=value)._repr_html_()
