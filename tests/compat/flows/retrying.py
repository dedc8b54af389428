"""Retries, loops and timeouts."""

import datetime
import time

from harness import describe, scenario

import prefect
from prefect import Flow, Task, task, triggers, unmapped
from prefect.engine import FlowRunner, TaskRunner, signals
from prefect.engine.state import Failed, Looped, Pending, Retrying, Running, Success

NOW = datetime.timedelta(0)
HOUR = datetime.timedelta(hours=1)


@task
def numbers(n=3):
    return list(range(n))


@task
def inc(x):
    return x + 1


@scenario
def until_it_works(trace):
    @task(max_retries=3, retry_delay=NOW, state_handlers=[trace.handler()])
    def flaky():
        trace.note(prefect.context.task_run_count)
        if prefect.context.task_run_count < 3:
            raise ValueError("not yet")
        return "worked"

    with Flow("flaky") as flow:
        inc(1, upstream_tasks=[flaky()])
    return trace.run(flow)


@scenario
def until_there_are_none_left(trace):
    @task(max_retries=2, retry_delay=NOW, state_handlers=[trace.handler()])
    def broken():
        raise ValueError("never")

    with Flow("broken") as flow:
        inc(broken())
    return trace.run(flow)


@scenario
def one_pass_shows_the_retrying_state(trace):
    @task(max_retries=2, retry_delay=HOUR, tags=["t"])
    def broken(x):
        raise ValueError("not now")

    with Flow("one pass") as flow:
        inc(broken(1))
    state = FlowRunner(flow).run(return_tasks=flow.tasks)
    retrying = state.result[flow.get_tasks(name="broken")[0]]
    wait = retrying.start_time - prefect.engine.state.Scheduled().start_time
    return [
        type(state).__name__,
        state.message,
        {flow.slugs[t]: describe(s) for t, s in state.result.items()},
        3590 < wait.total_seconds() <= 3600,
    ]


@scenario
def only_on_some_errors(trace):
    def flaky(name, error, retry_on):
        @task(name=name, max_retries=1, retry_delay=NOW, retry_on=retry_on)
        def act():
            trace.note(name)
            raise error

        return act

    with Flow("retry on") as flow:
        flaky("same class", KeyError("k"), KeyError)()
        flaky("subclass", KeyError("k"), LookupError)()
        flaky("other class", KeyError("k"), ValueError)()
        flaky("one of two", KeyError("k"), [ValueError, KeyError])()
        flaky("a signal", signals.FAIL("f"), ValueError)()
        flaky("a signal without", signals.FAIL("f"), None)()
    found = trace.run(flow)
    trace.notes.sort()
    return found


@scenario
def signals_of_failure_are_retried(trace):
    @task(max_retries=1, retry_delay=NOW)
    def fail():
        raise signals.FAIL("again")

    @task(max_retries=1, retry_delay=NOW)
    def validation():
        raise signals.VALIDATIONFAIL("again")

    with Flow("signals") as flow:
        fail(), validation()
    return trace.run(flow)


@scenario
def skips_and_trigger_failures_are_not(trace):
    @task(max_retries=1, retry_delay=NOW)
    def skip():
        raise signals.SKIP("once")

    @task(max_retries=1, retry_delay=NOW, trigger=triggers.all_failed, state_handlers=[trace.handler()])
    def triggered(x):
        return x

    with Flow("not retried") as flow:
        skip()
        triggered(inc(1))
    return trace.run(flow)


@scenario
def the_retry_signal(trace):
    @task(state_handlers=[trace.handler()])
    def again():
        count = prefect.context.task_run_count
        if count < 4:
            raise signals.RETRY(f"after {count}")
        return count

    with Flow("retry signal") as flow:
        again()
    return trace.run(flow)


@scenario
def the_retry_signal_with_a_start_time(trace):
    later = prefect.engine.state.Scheduled().start_time + HOUR

    @task
    def again():
        raise signals.RETRY("later", start_time=later)

    with Flow("retry signal later") as flow:
        again()
    state = FlowRunner(flow).run(return_tasks=flow.tasks)
    [found] = state.result.values()
    return [describe(found), found.start_time == later]


@scenario
def of_mapped_children(trace):
    @task(max_retries=2, retry_delay=NOW)
    def flaky(x, y):
        trace.note([x, prefect.context.task_run_count])
        if prefect.context.task_run_count <= x:
            raise ValueError(x)
        return x + y

    with Flow("mapped") as flow:
        first = flaky.map(numbers(4), y=unmapped(10))
        inc.map(first)
        inc(1, upstream_tasks=[first])
    found = trace.run(flow)
    trace.notes.sort()
    return found


@scenario
def of_both_stages_of_a_map(trace):
    @task(max_retries=1, retry_delay=NOW)
    def flaky(x):
        if prefect.context.task_run_count == 1 and x % 2:
            raise ValueError(x)
        return x

    with Flow("two stages") as flow:
        flaky.map(flaky.map(numbers(4)))
    return trace.run(flow)


@scenario
def of_a_task_that_is_mapped_over(trace):
    @task(max_retries=1, retry_delay=NOW)
    def source():
        if prefect.context.task_run_count == 1:
            raise ValueError("first")
        return [1, 2]

    with Flow("source") as flow:
        inc.map(source())
    return trace.run(flow)


@scenario
def downstream_of_a_retry_waits(trace):
    @task(max_retries=1, retry_delay=NOW)
    def flaky():
        if prefect.context.task_run_count == 1:
            raise ValueError("first")
        return 1

    @task(trigger=triggers.any_failed, state_handlers=[trace.handler()])
    def on_failure(x):
        return "handled"

    with Flow("waits") as flow:
        on_failure(flaky())
    return trace.run(flow)


@scenario
def inputs_are_the_same_in_every_attempt(trace):
    @task
    def source():
        trace.note("source ran")
        return 7

    @task(max_retries=1, retry_delay=NOW)
    def flaky(x, y=1):
        trace.note([x, y])
        if prefect.context.task_run_count == 1:
            raise ValueError("first")
        return x + y

    with Flow("inputs") as flow:
        flaky(source(), 3)
    return trace.run(flow)


@scenario
def a_failed_task_upstream_is_not_run_again(trace):
    @task
    def source():
        trace.note("source ran")
        raise ValueError("no")

    @task(max_retries=1, retry_delay=NOW)
    def flaky():
        if prefect.context.task_run_count == 1:
            raise ValueError("first")

    with Flow("not again") as flow:
        inc(source())
        flaky()
    return trace.run(flow)


@scenario
def settings_that_do_not_fit(trace):
    def make(**kwargs):
        return trace.error(lambda: Task(**kwargs).retry_delay)

    return [
        make(max_retries=1),
        make(retry_delay=NOW),
        make(max_retries=0, retry_delay=NOW),
        make(retry_on=ValueError),
        make(max_retries=1, retry_delay=NOW, retry_on=[]),
        make(max_retries=1, retry_delay=NOW, retry_on=ValueError("instance")),
        make(max_retries=1, retry_delay=NOW, retry_on=[ValueError, 5]),
    ]


@scenario
def settings_that_are_classes_of_something_else(trace):
    return trace.error(lambda: Task(max_retries=1, retry_delay=NOW, retry_on=int)).partition(":")[0]


@scenario
def loops(trace):
    @task(state_handlers=[trace.handler()])
    def accumulate():
        count = prefect.context.get("task_loop_count", 1)
        total = prefect.context.get("task_loop_result", 0) + count
        trace.note([prefect.context.get("task_loop_count"), prefect.context.get("task_loop_result")])
        if count < 4:
            raise signals.LOOP(f"round {count}", result=total)
        return total

    with Flow("loop") as flow:
        inc(accumulate())
    return trace.run(flow)


@scenario
def loops_without_a_result(trace):
    @task
    def loop():
        count = prefect.context.get("task_loop_count", 1)
        trace.note(repr(prefect.context.get("task_loop_result")))
        if count < 3:
            raise signals.LOOP("again")
        return count

    with Flow("loop") as flow:
        loop()
    return trace.run(flow)


@scenario
def loops_that_fail(trace):
    @task
    def loop():
        if prefect.context.get("task_loop_count", 1) == 2:
            raise ValueError("second round")
        raise signals.LOOP("again", result=1)

    with Flow("failing loop") as flow:
        loop()
    return trace.run(flow)


@scenario
def loops_of_children(trace):
    @task
    def loop(x):
        count = prefect.context.get("task_loop_count", 1)
        if count <= x:
            raise signals.LOOP("again", result=(prefect.context.get("task_loop_result") or 0) + 10)
        return [x, prefect.context.get("task_loop_result"), prefect.context.map_index]

    with Flow("mapped loop") as flow:
        loop.map(numbers(3))
    return trace.run(flow)


@scenario
def retries_inside_loops(trace):
    @task(max_retries=1, retry_delay=NOW, state_handlers=[trace.handler()])
    def loop():
        context = prefect.context
        count = context.get("task_loop_count", 1)
        trace.note([count, context.get("task_loop_result"), context.task_run_count])
        if count == 2 and context.task_run_count == 1:
            raise ValueError("second round, first attempt")
        if count < 4:
            raise signals.LOOP(result=count * 100)
        return context.task_loop_result

    with Flow("retry in loop") as flow:
        loop()
    return trace.run(flow)


@scenario
def retry_signals_inside_loops(trace):
    @task
    def loop():
        context = prefect.context
        count = context.get("task_loop_count", 1)
        trace.note([count, context.get("task_loop_result"), context.task_run_count])
        if len(trace.notes) > 8:
            return "enough"
        if count == 2 and context.task_run_count == 1:
            raise signals.RETRY("again")
        if count < 3:
            raise signals.LOOP(result=count * 100)
        return "done"

    with Flow("retry signal in loop") as flow:
        loop()
    return trace.run(flow)


@scenario
def retries_inside_loops_of_children(trace):
    @task(max_retries=1, retry_delay=NOW)
    def loop(x):
        context = prefect.context
        count = context.get("task_loop_count", 1)
        trace.note([x, count, context.get("task_loop_result"), context.task_run_count])
        if count == 2 and context.task_run_count == 1 and x == 1:
            raise ValueError("once")
        if count < 3:
            raise signals.LOOP(result=[x, count])
        return context.task_loop_result

    with Flow("retry in mapped loop") as flow:
        loop.map(numbers(2))
    found = trace.run(flow)
    trace.notes.sort(key=repr)
    return found


@scenario
def loops_and_handlers_that_see_loop_counts(trace):
    def look(task, old, new):
        if isinstance(new, Looped):
            trace.note([new.loop_count, new.result, new.message])

    @task(state_handlers=[look])
    def loop():
        count = prefect.context.get("task_loop_count", 1)
        if count < 3:
            raise signals.LOOP(result=count)
        return count

    with Flow("loop counts") as flow:
        loop()
    return trace.run(flow)


@scenario
def loops_with_a_count_of_ones_own(trace):
    @task
    def loop():
        count = prefect.context.get("task_loop_count", 1)
        trace.note(count)
        if count < 3:
            raise signals.LOOP("own", result=count, loop_count=50)
        return count

    with Flow("own count") as flow:
        loop()
    return trace.run(flow)


@scenario
def timeouts(trace):
    @task(timeout=1)
    def slow():
        time.sleep(20)

    @task(timeout=10)
    def quick(x):
        return x

    @task(timeout=datetime.timedelta(seconds=1))
    def by_timedelta():
        time.sleep(20)

    with Flow("timeouts") as flow:
        inc(slow())
        quick(5)
        by_timedelta()
    return trace.run(flow)


@scenario
def timeouts_are_retried(trace):
    @task(timeout=1, max_retries=1, retry_delay=NOW)
    def slow():
        if prefect.context.task_run_count == 1:
            time.sleep(20)
        return "in time"

    with Flow("timeout retry") as flow:
        slow()
    return trace.run(flow)


@scenario
def timeout_settings(trace):
    return [
        Task(timeout=3).timeout,
        Task(timeout=datetime.timedelta(seconds=5)).timeout,
        Task(timeout=datetime.timedelta(minutes=2)).timeout,
        Task().timeout,
        trace.error(lambda: Task(timeout="3")).partition(":")[0],
    ]


@scenario
def errors_and_signals_in_time(trace):
    @task(timeout=10)
    def fail():
        raise ValueError("in time")

    @task(timeout=10)
    def skip():
        raise signals.SKIP("in time")

    with Flow("in time") as flow:
        fail(), skip()
    return trace.run(flow)


@scenario
def the_runner_alone(trace):
    @task(max_retries=2, retry_delay=NOW)
    def flaky():
        raise ValueError("no")

    runner = TaskRunner(flaky)
    first = runner.run()
    second = TaskRunner(flaky).run(state=first)
    third = TaskRunner(flaky).run(state=second)
    waiting = Retrying("later", start_time=prefect.engine.state.Scheduled().start_time + HOUR, run_count=1)
    return [
        first,
        second,
        third,
        TaskRunner(flaky).run(state=third),
        TaskRunner(flaky).run(state=waiting),
        TaskRunner(flaky).run(state=Running("elsewhere")),
        TaskRunner(flaky).run(state=Success("before", result=1)),
        TaskRunner(flaky).run(state=Failed("before")),
        TaskRunner(flaky).run(state=Pending("before")),
        TaskRunner(flaky).run(state=Pending("counted", context={"task_run_count": 3})),
    ]
