"""Laws of states: equality, pickles, copies, and what they say of themselves."""

from __future__ import annotations

import copy
import datetime
import pickle
from typing import Any

import cloudpickle
import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

import prefect
from prefect.engine import state as states
from prefect.engine.result import NoResult, Result
from prefect.engine.state import (
    Cached,
    Failed,
    Looped,
    Mapped,
    Paused,
    Pending,
    Queued,
    Retrying,
    Running,
    Scheduled,
    State,
    Submitted,
    Success,
)

CLASSES: list[type[State]] = State.children(include_self=True)
MOMENT = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)

values = st.one_of(st.none(), st.integers(), st.text(max_size=5), st.lists(st.integers(), max_size=3))
messages = st.one_of(st.none(), st.text(max_size=10))
contexts = st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)


@st.composite
def any_state(draw: st.DrawFn) -> State:
    cls = draw(st.sampled_from(CLASSES))
    state = cls(draw(messages), result=draw(values), context=draw(contexts))
    if draw(st.booleans()):
        state.cached_inputs = {"x": Result(draw(values))}
    for name, value in (
        ("start_time", MOMENT),
        ("run_count", draw(st.integers(1, 5))),
        ("loop_count", draw(st.integers(1, 5))),
        ("hashed_inputs", {"x": "hash"}),
        ("cached_result_expiration", MOMENT),
        ("n_map_states", draw(st.integers(0, 3))),
        ("map_states", [Success(result=draw(values))]),
        ("state", Pending("inner")),
    ):
        if hasattr(state, name):
            setattr(state, name, value)
    return state


@given(any_state())
def test_a_state_equals_its_pickle_and_keeps_message_and_context(state: State) -> None:
    for module in (pickle, cloudpickle):
        loaded = module.loads(module.dumps(state))
        assert loaded == state
        assert (type(loaded), loaded.message, loaded.context) == (type(state), state.message, state.context)
        assert loaded.cached_inputs == state.cached_inputs


@given(any_state())
def test_a_copy_is_equal_and_can_be_changed_alone(state: State) -> None:
    other = copy.copy(state)
    assert other == state
    assert other.message == state.message

    before = dict(state.context)
    other.context["new"] = 1
    other.result = "changed"
    other.message = "changed"
    assert state.context == before
    assert state.result != "changed"


@given(any_state(), messages, contexts)
def test_messages_and_context_do_not_count_for_equality(
    state: State, message: str | None, context: dict[str, Any]
) -> None:
    other = copy.copy(state)
    other.message = message
    other.context = context
    assert other == state


@given(any_state(), any_state())
def test_equality_goes_both_ways_and_needs_one_class(left: State, right: State) -> None:
    assert (left == right) == (right == left)
    if type(left) is not type(right):
        assert left != right


@given(any_state())
def test_every_state_is_of_one_phase_at_most(state: State) -> None:
    phases = [state.is_pending(), state.is_running(), state.is_finished(), state.is_meta_state()]
    assert sum(phases) <= 1
    assert not (state.is_successful() and state.is_failed())
    if state.is_successful() or state.is_failed() or state.is_looped():
        assert state.is_finished()
    for kind in (state.is_mapped(), state.is_cached(), state.is_skipped()):
        assert not kind or state.is_successful()
    assert not state.is_retrying() or state.is_scheduled()


@given(any_state())
def test_the_text_of_a_state_says_class_and_message(state: State) -> None:
    name = type(state).__name__
    assert repr(state) == (f"<{name}>" if state.message is None else f'<{name}: "{state.message}">')


@given(any_state())
def test_states_go_through_json(state: State) -> None:
    if type(state) is State:  # compat: has no JSON form
        return
    loaded = State.deserialize(state.serialize())

    assert type(loaded) is type(state)
    assert loaded.message == state.message


def test_families_are_complete_and_consistent() -> None:
    for cls in CLASSES:
        for child in cls.children():
            assert issubclass(child, cls)
            assert cls in child.parents()
        assert cls not in cls.children()
        assert cls in cls.children(include_self=True)
        assert all(parent.__name__ in cls.parents(names_only=True) for parent in cls.parents())


# -- values -------------------------------------------------------------------------------


def test_none_is_the_absence_of_a_result_and_a_result_is_kept_as_it_is() -> None:
    assert State()._result is NoResult
    result = Result(5, location="here")
    assert State(result=result)._result is result

    state = State(result=1)
    state.result = result
    assert state._result is result
    state.result = None
    assert state.result is None


def test_pickling_no_result_gives_the_same_object_back() -> None:
    assert pickle.loads(pickle.dumps(State()))._result is NoResult


def test_comparing_results_that_answer_with_arrays_is_up_to_them() -> None:
    class Odd:
        def __eq__(self, other: object) -> Any:
            return [True]

        __hash__ = None  # type: ignore[assignment]

    assert State(result=Odd()) == State(result=Odd())


class Locked(Exception):
    def __init__(self) -> None:
        import threading

        self.lock = threading.Lock()
        super().__init__("locked")


class Unreadable(Exception):
    def __init__(self, first: int, second: int) -> None:
        super().__init__(first)  # cannot be made again from its arguments


@pytest.mark.parametrize("error", [Locked(), Unreadable(1, 2)])
def test_an_error_that_does_not_pickle_takes_nothing_with_it(error: Exception) -> None:
    state = Failed("bad", result=error)
    loaded = pickle.loads(pickle.dumps(state))

    # Where `distributed` is imported, more kinds of errors pickle.
    assert repr(error) in (loaded.result, repr(loaded.result))
    assert loaded.message == "bad"
    assert state.result is error


def test_attributes_of_ones_own_are_kept_and_count() -> None:
    class Special(Success):
        pass

    first, second = Special(), Special()
    first.mark = 1  # type: ignore[attr-defined]
    assert first != second
    second.mark = 1  # type: ignore[attr-defined]
    assert first == second
    assert cloudpickle.loads(cloudpickle.dumps(first)).mark == 1
    second._private = 5  # type: ignore[attr-defined]
    assert first == second


def test_a_pickle_of_1_4_1_is_read() -> None:
    # There, context and cached inputs were plain attributes, and times pendulum objects.
    state = Retrying.__new__(Retrying)
    state.__setstate__(
        {
            "message": "again",
            "_result": Result(3),
            "context": {"tags": ["a"]},
            "cached_inputs": {"x": Result(1)},
            "start_time": pendulum.datetime(2022, 1, 1),
            "run_count": 2,
        }
    )

    assert (state.message, state.result, state.context, state.run_count) == ("again", 3, {"tags": ["a"]}, 2)
    assert state.cached_inputs == {"x": Result(1)}
    assert state.start_time == pendulum.datetime(2022, 1, 1)


# -- times --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given_time",
    [
        MOMENT,
        MOMENT.replace(tzinfo=None),
        pendulum.instance(MOMENT),
        pendulum.instance(MOMENT).in_tz("Asia/Tokyo"),
    ],
)
def test_times_of_every_kind_come_back_as_pendulum_datetimes(given_time: datetime.datetime) -> None:
    for state in (
        Scheduled(start_time=given_time),
        Paused(start_time=given_time),
        Queued(start_time=given_time),
    ):
        assert isinstance(state.start_time, pendulum.DateTime)
        assert state.start_time == MOMENT
    cached = Cached(cached_result_expiration=given_time)
    assert isinstance(cached.cached_result_expiration, pendulum.DateTime)
    assert cached.cached_result_expiration == MOMENT


def test_times_may_be_set_and_unset_later() -> None:
    state = Scheduled()
    state.start_time = None
    assert state.start_time is None
    state.start_time = MOMENT
    assert state.start_time == MOMENT


def test_without_a_time_scheduled_states_start_now_and_paused_ones_never() -> None:
    from prefect.testing import FakeClock

    with FakeClock(MOMENT):
        assert Scheduled().start_time == Retrying().start_time == Queued().start_time == MOMENT
        assert Paused().start_time is None


# -- what a run adds ----------------------------------------------------------------------


def test_inside_a_task_run_states_take_its_tags_attempt_and_round() -> None:
    with prefect.context(task_tags={"b", "a"}, task_run_count=3, task_loop_count=2):
        assert Success().context == {"tags": ["a", "b"]}
        assert Success(context={"k": 1}).context == {"k": 1, "tags": ["a", "b"]}
        assert Success(context={"tags": ["own"]}).context == {"tags": ["own"]}
        assert Retrying().run_count == 3
        assert Retrying(run_count=9).run_count == 9
        assert Scheduled().context["task_run_count"] == 3
        assert Looped().loop_count == 2
    assert Success().context == {}


def test_wrapping_states_never_wrap_each_other() -> None:
    inner = Running("inner")
    outer = Submitted(state=Queued(state=Submitted(state=inner)))
    assert outer.state is inner
    outer.state = None
    assert outer.state is None


def test_the_width_of_a_map_is_known_before_its_children() -> None:
    assert Mapped().n_map_states == 0
    assert Mapped(map_states=[Success(), Success()]).n_map_states == 2
    known = Mapped(n_map_states=5)
    assert known.n_map_states == 5
    assert known.map_states == []
    children = [Success()]
    assert Mapped(map_states=children).map_states is children
    assert Mapped(map_states=iter(children)).map_states == children


# -- loading results ----------------------------------------------------------------------


class Kept(Result):
    """Knows one value for every location."""

    def read(self, location: str) -> Result:
        return Result(f"value at {location}", location=location)


def test_a_value_left_at_its_location_is_read_once() -> None:
    state = Success(result=Result(location="there"))
    assert state.load_result(Kept()).result == "value at there"
    state._result.value = "mine"
    assert state.load_result(Kept()).result == "mine"


def test_the_location_may_come_from_the_reader_and_the_reader_from_the_state() -> None:
    assert Success().load_result(Kept(location="theirs")).result == "value at theirs"
    assert Success(result=Kept(location="mine")).load_result().result == "value at mine"
    assert Success(result=Result(location=None)).load_result(Kept()).result is None


def test_cached_inputs_are_read_where_they_were_left() -> None:
    state = Pending(
        cached_inputs={"a": Result(location="a"), "b": Result(2), "c": Kept(location="c"), "d": Result()}
    )
    state.load_cached_results({"a": Kept(), "b": Kept(location="b"), "c": None, "d": Kept(location="d")})

    assert {key: result.value for key, result in state.cached_inputs.items()} == {
        "a": "value at a",
        "b": 2,
        "c": "value at c",
        "d": "value at d",
    }
    assert Pending().load_cached_results() == Pending()


def test_every_public_name_of_the_module_is_there() -> None:
    assert all(hasattr(states, name) for name in states.__all__)
    assert {cls.__name__ for cls in CLASSES} == set(states.__all__)
