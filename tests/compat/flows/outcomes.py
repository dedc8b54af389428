"""What tasks end in, and what that means for those after them and for the flow."""

from harness import scenario

import prefect
from prefect import Flow, Parameter, Task, task
from prefect.engine import signals
from prefect.engine.state import Failed, Pending, Running, Skipped, State, Success
from prefect.tasks.core.constants import Constant


@task
def one():
    return 1


@task
def inc(x):
    return x + 1


@task
def boom(x=None):
    raise ValueError("boom")


@task
def gather(x=None, y=None):
    return [x, y]


@scenario
def a_chain_succeeds(trace):
    with Flow("chain") as flow:
        inc(inc(one()))
    return trace.run(flow)


@scenario
def an_empty_flow_succeeds(trace):
    return trace.run(Flow("empty"))


@scenario
def a_failure_fails_all_after_it(trace):
    with Flow("failure") as flow:
        inc(boom(one()))
    return trace.run(flow)


@scenario
def results_of_every_kind(trace):
    values = [0, "", None, False, [], {}, (), {"a": (1, 2)}, 1.5, b"x"]

    @task
    def give(n):
        return values[n]

    with Flow("results") as flow:
        for n in range(len(values)):
            give(n)
    return trace.run(flow)


@scenario
def a_state_is_just_a_value(trace):
    @task
    def give():
        return Success("inner", result=3)

    with Flow("state as value") as flow:
        given = give()
        state = flow  # the name is used below
    state = flow.run().result[given]
    return [type(state).__name__, type(state.result).__name__, state.result.message]


@scenario
def an_exception_as_value(trace):
    @task
    def give():
        return ValueError("a value")

    with Flow("exception as value") as flow:
        gather(give())
    return trace.run(flow)


@scenario
def exceptions_with_odd_texts(trace):
    class Odd(Exception):
        def __str__(self):
            return "odd text"

    @task
    def several():
        raise ValueError("a", 1)

    @task
    def none():
        raise RuntimeError

    @task
    def odd():
        raise Odd("x")

    with Flow("texts") as flow:
        several(), none(), odd()
    return trace.run(flow)


@scenario
def base_exceptions_end_the_run(trace):
    class Stop(BaseException):
        pass

    @task
    def stop():
        raise Stop("all")

    with Flow("base exception") as flow:
        stop()
    try:
        flow.run()
    except Stop as exc:
        return ["raised", exc]
    return "not raised"


@scenario
def assertion_and_system_errors(trace):
    @task
    def wrong():
        assert 1 == 2, "numbers"

    with Flow("assertion") as flow:
        wrong()
    return trace.run(flow)


@scenario
def signals_of_every_kind(trace):
    def raising(name, exc):
        @task(name=name)
        def act():
            raise exc

        return act

    with Flow("signals") as flow:
        raising("fail", signals.FAIL("f"))()
        raising("fail with result", signals.FAIL("f", result=1))()
        raising("trigger fail", signals.TRIGGERFAIL("t"))()
        raising("validation fail", signals.VALIDATIONFAIL("v"))()
        raising("success", signals.SUCCESS("s"))()
        raising("success with result", signals.SUCCESS("s", result=[1]))()
        raising("skip", signals.SKIP("k"))()
        raising("skip with nothing", signals.SKIP("k", result=None))()
        raising("bare skip", signals.SKIP())()
        raising("endrun", signals.ENDRUN(Failed("ended")))()
        raising("endrun skipped", signals.ENDRUN(Skipped("ended")))()
    return trace.run(flow)


@scenario
def signal_classes_are_raised_as_well(trace):
    @task
    def bare():
        raise signals.SKIP

    with Flow("bare signal") as flow:
        bare()
    return trace.run(flow)


@scenario
def signals_pass_an_except_exception(trace):
    @task
    def catching():
        try:
            raise signals.SKIP("through")
        except Exception:
            return "caught"

    with Flow("uncaught") as flow:
        catching()
    return trace.run(flow)


@scenario
def signals_with_context_and_inputs(trace):
    @task(tags=["b", "a"])
    def act():
        raise signals.FAIL("f", context={"key": "value"})

    with Flow("signal context") as flow:
        act()
    return trace.run(flow)


@scenario
def results_of_signals_reach_lenient_tasks(trace):
    @task
    def skip():
        raise signals.SKIP("k")

    @task
    def fail():
        raise signals.FAIL("f")

    @task(skip_on_upstream_skip=False, trigger=prefect.triggers.all_finished)
    def look(x, y, z):
        return [repr(x), repr(y), type(z).__name__]

    with Flow("lenient") as flow:
        look(skip(), fail(), boom())
    return trace.run(flow)


@scenario
def skips_go_downstream(trace):
    @task
    def skip():
        raise signals.SKIP("no")

    @task(skip_on_upstream_skip=False)
    def stay(x):
        return "stayed"

    @task(trigger=prefect.triggers.always_run)
    def always(x):
        return "always"

    with Flow("skips") as flow:
        skipped = skip()
        inc(inc(skipped))
        stay(skipped)
        always(skipped)
        inc(2, upstream_tasks=[skipped])
    return trace.run(flow)


@scenario
def a_skipped_and_a_failed_upstream(trace):
    @task
    def skip():
        raise signals.SKIP("no")

    with Flow("both") as flow:
        gather(skip(), boom())
    return trace.run(flow)


@scenario
def reference_tasks_decide(trace):
    with Flow("reference") as flow:
        first = one()
        bad = boom(first)
        inc(bad)
    outcomes = []
    for chosen in ([first], [bad], [first, bad], []):
        flow.set_reference_tasks(chosen)
        state = flow.run()
        outcomes.append([type(state).__name__, state.message])
    return outcomes


@scenario
def reference_tasks_that_are_skipped_or_unfinished(trace):
    @task
    def skip():
        raise signals.SKIP("no")

    with Flow("skipped reference") as flow:
        skip()
    first = trace.run(flow)

    @task
    def cancelled():
        raise signals.ENDRUN(prefect.engine.state.Cancelled("stop"))

    with Flow("cancelled reference") as flow:
        cancelled()
    return [first, trace.run(flow)]


@scenario
def a_final_task_masks_failures(trace):
    @task(trigger=prefect.triggers.all_finished)
    def last(x):
        return "done"

    with Flow("masked") as flow:
        last(boom())
    return trace.run(flow)


@scenario
def tags_appear_in_the_context_of_states(trace):
    @task(tags=["z", "a"])
    def tagged(x):
        return sorted(State().context["tags"])

    with Flow("tags") as flow:
        boom_tagged = boom.copy()
        boom_tagged.tags = {"bad"}
        with prefect.tags("outer"):
            boom_tagged(tagged(1))
    return trace.run(flow)


@scenario
def constants_as_tasks(trace):
    with Flow("constants") as flow:
        inc(Constant(4))
        inc(5)
        gather([1, one()], {"a": one(), "b": 2})
        one().set_upstream(Constant("before"), flow=flow)
    return trace.run(flow)


@scenario
def task_classes_with_settings(trace):
    class Add(Task):
        def __init__(self, n, **kwargs):
            self.n = n
            super().__init__(**kwargs)

        def run(self, x=1):
            """Adds."""
            return x + self.n

    with Flow("classes") as flow:
        three = Add(3, name="add three")
        five = Add(5)
        three(five())
    return [trace.run(flow), repr(three), three.run(2), three.run.__doc__]


@scenario
def running_a_task_without_a_flow(trace):
    return [inc.run(1), inc.run(x=3), trace.error(boom.run), trace.error(inc.run)]


@scenario
def a_missing_argument_at_run_time(trace):
    with Flow("missing") as flow:
        flow.add_task(inc.copy())
    return trace.run(flow)


@scenario
def a_wrong_key_at_run_time(trace):
    with Flow("wrong key") as flow:
        x = one()
        flow.add_edge(x, inc.copy(), key="nothing")
    return trace.run(flow)


@scenario
def a_cycle_at_run_time(trace):
    flow = Flow("cycle")
    a, b = Task(name="a"), Task(name="b")
    flow.add_edge(a, b)
    flow.add_edge(b, a)
    state = flow.run()
    return [type(state).__name__, type(state.result).__name__]


@scenario
def duplicate_keys_at_run_time(trace):
    with Flow("duplicate") as flow:
        target = inc.copy()
        flow.add_edge(one(), target, key="x")
        flow.add_edge(one(), target, key="x")
    return trace.run(flow)


@scenario
def the_context_of_the_flow_run_is_restored(trace):
    before = sorted(key for key in prefect.context)
    with Flow("restore") as flow:
        boom(one())
    flow.run()
    after = sorted(key for key in prefect.context)
    return [key for key in after if key not in before]


@scenario
def an_exception_of_an_outer_flow(trace):
    with Flow("inner") as inner:
        one()

    @task
    def outer_task():
        return type(inner.run()).__name__

    with Flow("outer") as outer:
        outer_task()
    return trace.run(outer)


@scenario
def raise_on_exception(trace):
    from prefect.utilities.debug import raise_on_exception

    with Flow("raise") as flow:
        boom(one())

    @task(trigger=lambda states: 1 / 0)
    def bad_trigger():
        pass

    with Flow("raise in trigger") as trigger_flow:
        bad_trigger()
    with Flow("no error") as fine:
        one()
    with raise_on_exception():
        return [
            trace.error(flow.run),
            trace.error(trigger_flow.run),
            type(fine.run()).__name__,
        ]


@scenario
def raise_on_signals(trace):
    from prefect.utilities.debug import raise_on_exception

    def raising(exc):
        @task
        def act():
            raise exc

        with Flow("raise") as flow:
            act()
        return flow

    with raise_on_exception():
        return [
            trace.error(raising(signals.FAIL("f")).run),
            trace.error(raising(signals.SKIP("s")).run),
            trace.error(raising(signals.SUCCESS("u")).run)[0],
        ]


@scenario
def raise_on_everything_else(trace):
    from prefect.utilities.debug import raise_on_exception

    def flow_of(**kwargs):
        with Flow("raise") as flow:
            late = Task(name="late", **kwargs)
            late(upstream_tasks=[one()])
        return flow

    class Slow(Task):
        def run(self):
            __import__("time").sleep(10)

    def breaking(whom, old, new):
        raise RuntimeError("handler broke")

    def signalling(whom, old, new):
        raise signals.FAIL("handler failed")

    with Flow("slow") as slow:
        Slow(timeout=1)()
    with raise_on_exception():
        return [
            trace.error(flow_of(trigger=prefect.triggers.all_failed).run),
            trace.error(flow_of(state_handlers=[breaking]).run),
            trace.error(flow_of(state_handlers=[signalling]).run)[0],
            trace.error(slow.run),
            trace.error(lambda: Flow("f", state_handlers=[breaking]).run()),
        ]


assert Pending and Running and Parameter
