"""Signals carry states, also through pickles and across processes."""

from __future__ import annotations

import pickle
from typing import Any

import cloudpickle
import pytest

from prefect.engine import signals
from prefect.engine import state as states
from prefect.engine.result import Result
from prefect.exceptions import PrefectSignal

STATE_SIGNALS: list[type[signals.PrefectStateSignal]] = [
    signals.FAIL,
    signals.TRIGGERFAIL,
    signals.VALIDATIONFAIL,
    signals.SUCCESS,
    signals.RETRY,
    signals.SKIP,
    signals.PAUSE,
    signals.LOOP,
]


@pytest.mark.parametrize("cls", STATE_SIGNALS)
@pytest.mark.parametrize("given", [{}, {"result": None}, {"result": [1]}, {"context": {"k": 1}}])
def test_a_signal_keeps_its_state_in_a_pickle(
    cls: type[signals.PrefectStateSignal], given: dict[str, Any]
) -> None:
    signal = cls("because", **given)
    for module in (pickle, cloudpickle):
        loaded = module.loads(module.dumps(signal))
        assert type(loaded) is cls
        assert (str(loaded), repr(loaded)) == (str(signal), repr(signal))
        assert type(loaded.state) is type(signal.state)
        assert (loaded.state.message, loaded.state.context) == (signal.state.message, signal.state.context)
        if signal.state.result is signal:
            assert loaded.state.result is loaded
        else:
            assert loaded.state.result == signal.state.result


def test_a_signal_without_a_message_keeps_none() -> None:
    loaded = pickle.loads(pickle.dumps(signals.SKIP()))
    assert loaded.state.message is None


@pytest.mark.parametrize("cls", STATE_SIGNALS)
def test_signals_pass_except_exception(cls: type[signals.PrefectStateSignal]) -> None:
    assert not issubclass(cls, Exception)
    assert issubclass(cls, PrefectSignal)


def test_the_result_of_a_loop_is_text_by_default_so_that_it_can_be_written() -> None:
    assert signals.LOOP("round").state.result == "LOOP('round')"
    assert signals.LOOP("round", result=5).state.result == 5


def test_a_retry_signal_may_say_when() -> None:
    import datetime

    moment = datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)
    assert signals.RETRY("later", start_time=moment).state.start_time == moment
    assert pickle.loads(pickle.dumps(signals.RETRY("later", start_time=moment))).state.start_time == moment


def test_the_signal_that_ends_a_run_keeps_its_state_in_a_pickle() -> None:
    ended = pickle.loads(pickle.dumps(signals.ENDRUN(states.Failed("bad", result=5))))
    assert ended.state == states.Failed("bad", result=5)
    assert ended.state.message == "bad"


@pytest.mark.parametrize("cls", STATE_SIGNALS)
def test_the_signal_of_a_state_is_found_by_its_class(cls: type[signals.PrefectStateSignal]) -> None:
    assert signals.signal_from_state(cls("x").state) is cls


@pytest.mark.parametrize("state", [states.Pending(), states.Running(), states.TimedOut(), states.Cached()])
def test_states_without_a_signal_say_so(state: states.State) -> None:
    with pytest.raises(ValueError, match="No signal matches the provided state"):
        signals.signal_from_state(state)


def test_signals_of_ones_own_are_found_too() -> None:
    class Late(states.Failed):
        pass

    class LATE(signals.FAIL):
        _state_cls = Late

    assert signals.signal_from_state(Late()) is LATE
    assert isinstance(LATE("x").state, Late)


def test_arguments_of_the_state_are_checked_by_the_state() -> None:
    with pytest.raises(TypeError, match="colour"):
        signals.FAIL("x", colour="red")
    assert signals.FAIL("x", cached_inputs={"a": Result(1)}).state.cached_inputs == {"a": Result(1)}
