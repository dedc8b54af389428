from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import prefect
from prefect import Task, triggers
from prefect.core.edge import Edge
from prefect.engine import signals
from prefect.engine.state import (
    Cached,
    Cancelled,
    Failed,
    Looped,
    Mapped,
    Pending,
    Running,
    Skipped,
    State,
    Success,
    TriggerFailed,
)

Trigger = Callable[[dict[Edge, State]], bool]


def upstream(*states: State) -> dict[Edge, State]:
    task = Task(name="here")
    return {Edge(Task(), task): state for state in states}


def outcome(trigger: Trigger, *states: State) -> str:
    """ "run", or the name of the signal that the trigger raised."""
    try:
        passed = trigger(upstream(*states))
    except signals.PrefectStateSignal as signal:
        return type(signal).__name__
    assert passed is True
    return "run"


S, F, K, C = Success(), Failed(), Skipped(), Cancelled()

TABLE: list[tuple[str, list[State], str]] = [
    ("all_successful", [], "run"),
    ("all_successful", [S, Success(), Cached(), K], "run"),
    ("all_successful", [S, F], "TRIGGERFAIL"),
    ("all_successful", [S, C], "TRIGGERFAIL"),
    ("all_successful", [S, Looped()], "TRIGGERFAIL"),
    ("all_successful", [Pending()], "TRIGGERFAIL"),
    ("all_finished", [], "run"),
    ("all_finished", [S, F, K, C, Looped()], "run"),
    ("all_finished", [S, Running()], "TRIGGERFAIL"),
    ("all_failed", [], "run"),
    ("all_failed", [F, TriggerFailed()], "run"),
    ("all_failed", [F, S], "TRIGGERFAIL"),
    ("all_failed", [F, C], "TRIGGERFAIL"),
    ("all_failed", [F, K], "TRIGGERFAIL"),
    ("any_successful", [], "run"),
    ("any_successful", [F, S], "run"),
    ("any_successful", [F, K], "run"),
    ("any_successful", [F, C], "TRIGGERFAIL"),
    ("any_failed", [], "run"),
    ("any_failed", [S, F], "run"),
    ("any_failed", [S, K, C], "TRIGGERFAIL"),
    ("not_all_skipped", [], "SKIP"),
    ("not_all_skipped", [K, Skipped()], "SKIP"),
    ("not_all_skipped", [K, S], "run"),
    ("not_all_skipped", [S], "run"),
    ("not_all_skipped", [K, F], "TRIGGERFAIL"),
    ("not_all_skipped", [K, C], "TRIGGERFAIL"),
    ("manual_only", [], "PAUSE"),
    ("manual_only", [S, F], "PAUSE"),
]


@pytest.mark.parametrize(
    ("name", "states", "expected"),
    TABLE,
    ids=[f"{name}-{'+'.join(type(s).__name__ for s in states) or 'nothing'}" for name, states, _ in TABLE],
)
def test_each_trigger_decides_by_the_states_upstream(name: str, states: list[State], expected: str) -> None:
    assert outcome(getattr(triggers, name), *states) == expected


def test_always_run_is_another_name_for_all_finished() -> None:
    assert triggers.always_run is triggers.all_finished


@pytest.mark.parametrize(
    ("trigger", "states", "message"),
    [
        (triggers.all_successful, [F], 'Trigger was "all_successful" but some of the upstream tasks failed.'),
        (
            triggers.all_finished,
            [Pending()],
            'Trigger was "all_finished" but some of the upstream tasks were not finished.',
        ),
        (triggers.all_failed, [S], 'Trigger was "all_failed" but some of the upstream tasks succeeded.'),
        (
            triggers.any_successful,
            [F],
            'Trigger was "any_successful" but none of the upstream tasks succeeded.',
        ),
        (triggers.any_failed, [S], 'Trigger was "any_failed" but none of the upstream tasks failed.'),
        (
            triggers.not_all_skipped,
            [F],
            'Trigger was "not_all_skipped" but some of the upstream tasks failed.',
        ),
        (triggers.some_failed(at_least=1), [S], 'Trigger was "some_failed" but thresholds were not met.'),
        (
            triggers.some_successful(at_least=1),
            [F],
            'Trigger was "some_successful" but thresholds were not met.',
        ),
    ],
)
def test_a_refusal_becomes_a_trigger_failed_state_with_its_reason(
    trigger: Trigger, states: list[State], message: str
) -> None:
    with pytest.raises(signals.TRIGGERFAIL) as caught:
        trigger(upstream(*states))
    assert type(caught.value.state) is TriggerFailed
    assert caught.value.state.message == message


def test_not_all_skipped_skips_without_a_result() -> None:
    with pytest.raises(signals.SKIP) as caught:
        triggers.not_all_skipped(upstream(K))
    assert caught.value.state.message == "All upstreams were skipped"
    assert caught.value.state.result is None


def test_manual_only_runs_once_resumed() -> None:
    with prefect.context(resume=True):
        assert outcome(triggers.manual_only, F) == "run"


class TestThresholds:
    @pytest.mark.parametrize(
        ("limits", "failed_of_four"),
        [
            ({}, [0, 1, 2, 3, 4]),
            ({"at_least": 1}, [1, 2, 3, 4]),
            ({"at_least": 1.0}, [1, 2, 3, 4]),
            ({"at_least": 0.5}, [2, 3, 4]),
            ({"at_least": 0.51}, [3, 4]),
            ({"at_least": 5}, []),
            ({"at_least": 0}, [0, 1, 2, 3, 4]),
            ({"at_most": 1}, [0, 1]),
            ({"at_most": 0.5}, [0, 1, 2]),
            ({"at_most": 0}, [0]),
            ({"at_least": 1, "at_most": 0.5}, [1, 2]),
            ({"at_least": 2, "at_most": 1}, []),
        ],
    )
    def test_below_one_a_threshold_is_a_fraction_else_a_count(
        self, limits: Any, failed_of_four: list[int]
    ) -> None:
        def passing(trigger: Trigger, counted: type[State], other: type[State]) -> list[int]:
            mixes = [[counted() for _ in range(n)] + [other() for _ in range(4 - n)] for n in range(5)]
            return [n for n, states in enumerate(mixes) if outcome(trigger, *states) == "run"]

        assert passing(triggers.some_failed(**limits), Failed, Success) == failed_of_four
        assert passing(triggers.some_successful(**limits), Success, Failed) == failed_of_four

    def test_positional_arguments_are_at_least_and_at_most(self) -> None:
        assert outcome(triggers.some_failed(1, 1), Failed(), Success()) == "run"
        assert outcome(triggers.some_failed(1, 1), Failed(), Failed()) == "TRIGGERFAIL"

    @pytest.mark.parametrize("make", [triggers.some_failed, triggers.some_successful])
    def test_without_upstream_tasks_any_threshold_is_met(self, make: Any) -> None:
        assert outcome(make(at_least=3)) == "run"


class TestMappedUpstream:
    def test_it_counts_as_its_children(self) -> None:
        mapped = Mapped(map_states=[Success(), Failed(), Failed()])
        assert outcome(triggers.all_successful, mapped) == "TRIGGERFAIL"
        assert outcome(triggers.any_failed, mapped) == "run"
        assert outcome(triggers.some_failed(at_least=2, at_most=2), mapped, Success()) == "run"

    def test_without_children_it_counts_as_nothing(self) -> None:
        assert outcome(triggers.all_successful, Mapped(map_states=[])) == "run"
        assert outcome(triggers.any_successful, Mapped(map_states=[])) == "TRIGGERFAIL"

    def test_one_state_along_two_edges_counts_once(self) -> None:
        failed = Failed()
        assert outcome(triggers.some_failed(at_most=1), failed, failed) == "run"


@given(st.lists(st.sampled_from([Success, Failed, Skipped, Cancelled, Cached]), min_size=1))
def test_all_triggers_agree_with_the_sentences_that_describe_them(classes: list[type[State]]) -> None:
    states = [cls() for cls in classes]
    successful = [state.is_successful() for state in states]
    failed = [state.is_failed() for state in states]

    def runs(trigger: Trigger) -> bool:
        return outcome(trigger, *states) == "run"

    assert runs(triggers.all_successful) == all(successful)
    assert runs(triggers.any_successful) == any(successful)
    assert runs(triggers.all_failed) == all(failed)
    assert runs(triggers.any_failed) == any(failed)
    assert runs(triggers.all_finished)
    assert runs(triggers.some_failed(at_least=1)) == any(failed)
    assert runs(triggers.some_successful(at_least=1)) == any(successful)
