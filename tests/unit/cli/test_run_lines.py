from __future__ import annotations

import pytest

from prefect import Flow, Task, unmapped
from prefect.cli._run_lines import duration, final_lines, live_lines
from prefect.cli._run_model import RunModel
from prefect.engine.observers import Event
from prefect.engine.state import Cached, Failed, Mapped, Retrying, Running, Skipped, State, Success


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0.01, "0s"),
        (0.34, "0.3s"),
        (59.9, "59.9s"),
        (60, "1m 00s"),
        (185, "3m 05s"),
        (7620, "2h 07m"),
    ],
)
def test_durations_are_written_for_people(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


class Run:
    """A flow of tasks named by the test, of which states become known."""

    def __init__(self, *names: str, mapped: str | None = None) -> None:
        self.flow = Flow("survey", tasks=[Task(name) for name in names])
        self.tasks = {task.name: task for task in self.flow.tasks}
        if mapped:
            source = Task("source")
            self.tasks[mapped] = Task(mapped)
            self.flow.add_edge(source, self.tasks[mapped], mapped=True)
        self.model = RunModel(self.flow, now=0.0)

    def tell(self, name: str, state: State, index: int | None = None, now: float = 1.0) -> None:
        self.model.apply(Event(self.tasks[name], index, None, state), now)

    def live(self, width: int = 100, height: int = 24, now: float = 2.0) -> list[str]:
        return [line.plain.rstrip() for line in live_lines(self.model, now, width, height)]

    def final(self, state: State | None, width: int = 100) -> list[str]:
        self.model.finish(state, 3.0)
        return [line.plain.rstrip() for line in final_lines(self.model, 3.0, width)]


def test_the_tree_shows_each_task_with_state_and_time() -> None:
    run = Run("load", "check", "save", "report")
    run.tell("load", Running(), now=0.0)
    run.tell("load", Success(), now=1.5)
    run.tell("check", Running(), now=1.5)
    run.tell("save", Skipped(), now=1.6)
    name, *rows, summary = run.live()
    assert name == "survey"
    assert rows[0].split() == ["├─", "✓", "load", "1.5s", "Success"]
    assert rows[1].split()[2:] == ["check", "0.5s", "Running"]
    assert rows[2].split() == ["├─", "↷", "save", "0s", "Skipped"]
    assert rows[3].split() == ["└─", "○", "report"]
    assert summary.endswith("Running · 2/4 tasks · 2.0s")


def test_a_map_shows_how_many_children_are_over_and_how_they_went() -> None:
    run = Run(mapped="fetch")
    run.tell("fetch", Mapped(n_map_states=1200))
    for index in range(600):
        run.tell("fetch", Success(), index)
    run.tell("fetch", Failed(result=ValueError("page 600")), 600)
    run.tell("fetch", Retrying(), 601)
    text = "\n".join(run.live())
    assert "601/1,200  ✓ 600  ✗ 1  ↻ 1" in text
    assert "[600] ValueError: page 600" in text
    assert "━━━━━━━━━━━━────────────" in text


def test_a_map_whose_children_all_succeeded_says_only_how_many() -> None:
    run = Run(mapped="fetch")
    run.tell("fetch", Mapped(n_map_states=2))
    run.tell("fetch", Success(), 0)
    run.tell("fetch", Success(), 1)
    (row,) = (line for line in run.live() if "fetch" in line)
    assert row.split()[-1] == "\N{MULTIPLICATION SIGN}2"


def test_a_long_map_estimates_the_time_that_is_left() -> None:
    run = Run(mapped="fetch")
    run.tell("fetch", Mapped(n_map_states=100), now=0.0)
    run.tell("fetch", Running(), 0, now=0.0)
    for index in range(25):
        run.tell("fetch", Cached(), index, now=10.0)
    assert "30.0s left" in "\n".join(run.live(now=10.0))


def test_failures_beyond_the_first_few_are_counted() -> None:
    run = Run(mapped="fetch")
    run.tell("fetch", Mapped(n_map_states=50))
    for index in range(50):
        run.tell("fetch", Failed(result=ValueError(f"page {index}")), index)
    text = "\n".join(run.live())
    assert "[4] ValueError: page 4" in text
    assert "[5]" not in text
    assert "and 45 more failed" in text


def test_a_tall_tree_keeps_what_needs_attention_within_the_height() -> None:
    names = [f"step {number}" for number in range(200)]
    run = Run(*names)
    for name in names[:150]:
        run.tell(name, Success())
    run.tell("step 7", Failed(result=ValueError("no")))
    run.tell("step 150", Running())
    lines = run.live(height=12)
    text = "\n".join(lines)
    assert len(lines) <= 12
    assert "✗ step 7 " in text
    assert "step 150" in text
    assert "step 151" in text  # what comes next
    assert "more  ✓ 149" in text


def test_no_line_is_wider_than_the_terminal() -> None:
    run = Run("a task with a name that is longer than any column would ever be", mapped="fetch")
    run.tell("fetch", Mapped(n_map_states=10))
    run.tell("fetch", Failed("x" * 300), 0)
    for width in (20, 40, 80):
        assert all(line.cell_len <= width for line in live_lines(run.model, 2.0, width, 24)[:-1])


def test_the_end_shows_the_outcome_with_its_reason_and_counts() -> None:
    run = Run("load", "save")
    run.tell("load", Success())
    run.tell("save", Success())
    assert run.final(Success("All reference tasks succeeded."))[-1] == (
        "✓ Success All reference tasks succeeded · 2 tasks · 3.0s"
    )
    assert run.final(Failed("Some failed."))[-1].startswith("✗ Failed Some failed")
    assert run.final(None)[-1] == "■ Interrupted"


def test_the_end_learns_from_the_final_state_what_no_event_told() -> None:
    run = Run("load")
    lines = run.final(Success(result={run.tasks["load"]: Success()}))
    assert lines[1].split()[1:3] == ["✓", "load"]


def test_unmapped_inputs_do_not_make_a_map() -> None:
    source, target = Task("source"), Task("target")
    flow = Flow("plain", tasks=[source, target])
    target.set_upstream(unmapped(source), flow=flow)
    assert not any(row.is_mapped for row in RunModel(flow, now=0.0).rows)
