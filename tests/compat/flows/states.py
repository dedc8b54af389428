"""States and signals by themselves."""

import datetime
import pickle

import cloudpickle
from harness import describe, scenario

import prefect
from prefect.engine import signals
from prefect.engine import state as states
from prefect.engine.result import Result
from prefect.engine.state import State

PUBLIC = {*State.children(include_self=True, names_only=True), "_MetaState"}
CLASSES = sorted(
    (each for each in vars(states).values() if isinstance(each, type) and issubclass(each, State) and each.__name__ in PUBLIC),
    key=lambda each: each.__name__,
)
QUESTIONS = sorted(name for name in dir(State) if name.startswith("is_"))


@scenario
def what_each_class_is(trace):
    return {each.__name__: [name for name in QUESTIONS if getattr(each(), name)()] for each in CLASSES}


@scenario
def colours(trace):
    return {each.__name__: each.color for each in CLASSES}


@scenario
def families(trace):
    return {
        each.__name__: [
            sorted(each.children(names_only=True)),
            each.parents(names_only=True),
            sorted(each.children(include_self=True, names_only=True)),
            sorted(each.parents(include_self=True, names_only=True)),
        ]
        for each in CLASSES
    }


@scenario
def texts(trace):
    return [
        repr(State()),
        repr(State("message")),
        repr(State("")),
        str(states.Success("all")),
        repr(states.Mapped()),
        repr(states.Failed("two\nlines")),
    ]


@scenario
def results(trace):
    state = State(result=5)
    found = [state.result, type(state._result).__name__, State().result, type(State()._result).__name__]
    state.result = 6
    found += [state.result, type(state._result).__name__]
    state.result = Result(7, location="somewhere")
    found += [state.result, state._result.location]
    state.result = None
    found += [state.result, type(state._result).__name__]
    return [*found, State(result=Result(8)).result, State(result=None)._result is State()._result]


@scenario
def equality(trace):
    return [
        State() == State(),
        State("a") == State("b"),
        State(result=1) == State(result=1),
        State(result=1) == State(result=2),
        State(context={"a": 1}) == State(),
        states.Success() == states.Failed(),
        states.Success() == states.Skipped(),
        states.Retrying(run_count=1) == states.Retrying(run_count=2),
        states.Scheduled(start_time=datetime.datetime(2020, 1, 1)) == states.Scheduled(start_time=datetime.datetime(2020, 1, 1)),
        states.Scheduled(start_time=datetime.datetime(2020, 1, 1)) == states.Scheduled(start_time=datetime.datetime(2020, 1, 2)),
        states.Cached(hashed_inputs={"a": "b"}) == states.Cached(),
        states.Mapped(map_states=[State()]) == states.Mapped(map_states=[State()]),
        State() == 5,
        State(result=Result(1, location="a")) == State(result=Result(1, location="b")),
        hash(State()) == hash(State()),
    ]


@scenario
def arguments(trace):
    made = [
        states.Scheduled("s"),
        states.Paused("p"),
        states.Resume("r"),
        states.Retrying("r"),
        states.Retrying("r", run_count=4),
        states.Queued("q", state=states.Pending("inner")),
        states.Submitted("s", state=states.Queued("q", state=states.Running("inner"))),
        states.ClientFailed("c", state=states.Success("inner")),
        states.Looped("l"),
        states.Looped("l", loop_count=7),
        states.Cached("c", cached_parameters={"a": 1}, hashed_inputs={"x": "h"}),
        states.Mapped("m", map_states=[states.Success("child")], n_map_states=5),
        states.Mapped("m"),
        states.Failed("f", cached_inputs={"x": Result(1)}),
        states.Success("s", context={"k": "v"}),
    ]
    return [describe(each) for each in made] + [
        states.Scheduled().start_time is not None,
        states.Paused().start_time,
        type(states.Scheduled().start_time).__name__,
        states.Queued().start_time is not None,
        states.Cached().cached_result_expiration,
    ]


@scenario
def naive_times_are_utc(trace):
    state = states.Scheduled(start_time=datetime.datetime(2020, 1, 1, 12))
    aware = states.Scheduled(start_time=datetime.datetime(2020, 1, 1, 12, tzinfo=datetime.timezone.utc))
    return [state.start_time.timestamp(), state.start_time == aware.start_time, aware.start_time.isoformat()]


@scenario
def made_inside_a_run(trace):
    with prefect.context(task_run_count=3, task_loop_count=5, task_tags={"b", "a"}):
        return [
            describe(each)
            for each in (states.Retrying("r"), states.Scheduled("s"), states.Looped("l"), states.Success("s"), states.Paused("p"))
        ]


@scenario
def pickles(trace):
    class Unpicklable(Exception):
        def __init__(self):
            self.lock = __import__("threading").Lock()
            super().__init__("locked")

    made = [
        State("s", result=5),
        states.Retrying("r", run_count=3),
        states.Cached("c", hashed_inputs={"x": "h"}, result=[1]),
        states.Mapped("m", map_states=[states.Success("child", result=2)]),
        states.Submitted("s", state=states.Pending("inner")),
        states.Success("s", context={"k": "v"}),
        states.Failed("f", result=ValueError("v")),
    ]
    found = [pickle.loads(pickle.dumps(each)) for each in made]
    return [[describe(each) for each in found], [a == b for a, b in zip(made, found)][:-1]]


@scenario
def pickles_of_odd_errors(trace):
    class Locked(Exception):
        def __init__(self):
            self.lock = __import__("threading").Lock()
            super().__init__("locked")

    found = cloudpickle.loads(cloudpickle.dumps(states.Failed("f", result=Locked())))
    return [type(found).__name__, found.message, type(found.result).__name__]


@scenario
def signals_carry_states(trace):
    found = {}
    for name in ("FAIL", "TRIGGERFAIL", "VALIDATIONFAIL", "SUCCESS", "RETRY", "SKIP", "PAUSE", "LOOP"):
        cls = getattr(signals, name)
        signal = cls("message")
        found[name] = [
            type(signal.state).__name__,
            signal.state.message,
            str(signal),
            repr(signal),
            signal.state.result is signal,
            type(cls("m", result=5).state.result).__name__,
            [base.__name__ for base in cls.__mro__[1:-1]],
        ]
    bare = signals.SKIP()
    return [found, bare.state.message, str(bare), repr(bare)]


@scenario
def signals_for_states(trace):
    found = {}
    for cls in CLASSES:
        try:
            found[cls.__name__] = signals.signal_from_state(cls()).__name__
        except ValueError as exc:
            found[cls.__name__] = f"ValueError: {exc}"
    return found


@scenario
def signals_take_arguments_of_states(trace):
    return [
        describe(signals.RETRY("r", run_count=5).state),
        describe(signals.FAIL("f", context={"a": 1}, result=None).state),
        trace.error(signals.FAIL, "f", nonsense=1).partition(":")[0],
        describe(signals.LOOP("l", result=5, loop_count=3).state),
    ]


@scenario
def endrun(trace):
    exc = signals.ENDRUN(state=states.Failed("f"))
    return [describe(exc.state), isinstance(exc, Exception), isinstance(exc, prefect.exceptions.PrefectSignal)]


@scenario
def meta_states_unwrap(trace):
    inner = states.Pending("inner")
    wrapped = states.Submitted(state=states.Queued(state=states.Submitted(state=inner)))
    other = states.Queued()
    other.state = wrapped
    return [wrapped.state is inner, other.state is inner, wrapped.is_meta_state(), inner.is_meta_state()]


@scenario
def serialized(trace):
    made = [
        states.Success("s", result=5),
        states.Failed("f", context={"k": 1}),
        states.Mapped("m", map_states=[states.Success()]),
        states.Retrying("r", run_count=2, start_time=datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)),
        states.Submitted("s", state=states.Pending("p")),
    ]
    return [describe(State.deserialize(each.serialize())) for each in made]


@scenario
def loading_results(trace):
    from prefect.engine.results import LocalResult, PrefectResult

    written = LocalResult(dir=str(trace.directory), location="x.bin").write([1, 2])
    state = states.Success(result=Result(location="x.bin"))
    loaded = state.load_result(LocalResult(dir=str(trace.directory)))
    kept = states.Success(result=PrefectResult(location="[3]"))
    cached = states.Pending(cached_inputs={"a": Result(location="x.bin"), "b": Result(4)})
    cached.load_cached_results({"a": LocalResult(dir=str(trace.directory)), "b": None})
    return [
        loaded is state,
        state.result,
        kept.load_result(None).result,
        {key: value.value for key, value in cached.cached_inputs.items()},
        written.location.endswith("x.bin"),
        states.Success(result=5).load_result(LocalResult()).result,
    ]
