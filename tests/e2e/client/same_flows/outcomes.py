"""How tasks and flows end: signals, triggers, handlers, reference tasks, time limits."""

import time
from datetime import timedelta

import prefect
from prefect import Flow, Task, task
from prefect.engine import signals
from prefect.engine.state import Failed, Success
from prefect.triggers import (
    all_failed,
    all_finished,
    all_successful,
    always_run,
    any_failed,
    any_successful,
    not_all_skipped,
    some_failed,
    some_successful,
)


@task
def one():
    return 1


@task
def add(x, y=1):
    return x + y


@task
def fail(x=None):
    raise ValueError("it does not work")


class Greet(Task):
    """A task of a class of its own."""

    def __init__(self, greeting, **kwargs):
        self.greeting = greeting
        super().__init__(**kwargs)

    def run(self, name):
        return "%s, %s!" % (self.greeting, name)


with Flow("a chain") as chain:
    add(add(one()), y=add(1, 2))

with Flow("a class of tasks") as class_of_tasks:
    Greet("Hello", name="greet", slug="greeting")("you")

with Flow("a task fails") as task_fails:
    add(fail())
    one()


def raising(signal, message, **values):
    @task(name=signal.__name__)
    def raises():
        raise signal(message, **values)

    return raises()


with Flow("all signals") as all_signals:
    for signal in (signals.FAIL, signals.SKIP, signals.TRIGGERFAIL, signals.VALIDATIONFAIL):
        add(raising(signal, "by signal"))
    add(raising(signals.SUCCESS, "done early", result=41))

with Flow("a signal with a result") as signal_with_result:
    add(raising(signals.FAIL, "with a result", result=5), task_args={"trigger": all_finished})

with Flow("the run is ended") as run_is_ended:
    raising(signals.ENDRUN, "ended", state=Failed("ended by hand"))


@task(trigger=always_run)
def gather(values):
    return len(values)


with Flow("triggers") as triggers:
    good, bad, other = one(), fail(), add(2)
    for trigger in (
        all_successful,
        all_failed,
        all_finished,
        any_successful,
        any_failed,
        some_failed(at_least=1, at_most=1),
        some_successful(at_least=2),
        some_successful(at_least=3),
        not_all_skipped,
    ):

        @task(trigger=trigger, name=getattr(trigger, "__name__", "partly"))
        def triggered():
            return "ran"

        triggered(upstream_tasks=[good, bad, other])
triggers.set_reference_tasks([good])


@task(skip_on_upstream_skip=False)
def in_spite_of_skips(x):
    return x


with Flow("skips go on") as skips:
    skipped = raising(signals.SKIP, "not today")
    add(add(skipped))
    in_spite_of_skips(skipped)

with Flow("reference tasks") as reference_tasks:
    fail()
    reference_tasks.set_reference_tasks([add(2)])

with Flow("a reference task fails") as reference_fails:
    a_failure = fail()
    add(3)
    reference_fails.set_reference_tasks([a_failure])


def last_word(flow, state, reference_states):
    if state.is_failed():
        state.message = "%d reference states, and all is well" % len(reference_states)
        return Success(state.message, result=state.result)
    return state


with Flow("a terminal state handler", terminal_state_handler=last_word) as terminal:
    fail()


def note(what, old, new):
    logger = prefect.context.get("logger")
    logger.info("%s: %s to %s", what.name, type(old).__name__, type(new).__name__)
    return new


def soften(task, old, new):
    return Success("softened", result=0) if new.is_failed() else new


def raise_error():
    raise ValueError("it does not work either")


def tell(what, state):
    prefect.context.get("logger").warning("%s failed: %s", what.name, state.message)


with Flow("state handlers", state_handlers=[note], on_failure=tell) as handlers:
    add(one.copy(state_handlers=[note])())
    add(fail.copy(state_handlers=[note, soften], name="softened")())
    task(raise_error, on_failure=tell)()


def break_down(task, old, new):
    raise RuntimeError("the handler is broken")


with Flow("a broken state handler") as broken_handler:
    add(one.copy(state_handlers=[break_down], name="broken")())


@task(timeout=1)
def slow():
    time.sleep(30)


with Flow("a time limit") as limit:
    add(slow())


@task(max_retries=2, retry_delay=timedelta(0))
def flaky():
    if prefect.context.task_run_count < 3:
        raise ValueError("not yet")
    return prefect.context.task_run_count


@task(max_retries=1, retry_delay=timedelta(0))
def hopeless():
    raise ValueError("never")


@task(max_retries=1, retry_delay=timedelta(0), retry_on=KeyError)
def of_another_kind():
    raise ValueError("not of that kind")


with Flow("retries") as retries:
    add(flaky())
    add(hopeless())
    of_another_kind()


@task(max_retries=1, retry_delay=timedelta(seconds=1))
def flaky_and_slow(x):
    if prefect.context.task_run_count == 1:
        raise ValueError("not yet")
    return x


with Flow("a retry in a second") as retry_later:
    add(flaky_and_slow(one()))


@task
def again_by_signal():
    if prefect.context.task_run_count == 1:
        raise signals.RETRY("once more")
    return "second"


with Flow("a retry by signal") as retry_by_signal:
    again_by_signal()


@task
def count_up():
    value = prefect.context.get("task_loop_result", 0)
    if prefect.context.get("task_loop_count", 1) < 4:
        raise signals.LOOP("round", result=value + 10)
    return value


@task
def break_in_the_second_round():
    if prefect.context.get("task_loop_count", 1) == 2:
        raise ValueError("in the second round")
    raise signals.LOOP(result=1)


with Flow("loops") as loops:
    add(count_up())
    break_in_the_second_round()

RUNS = {
    "a chain": [{}],
    "a class of tasks": [{"run_name": "named by hand"}],
    "a task fails": [{}],
    "all signals": [{}],
    "a signal with a result": [{}],
    "the run is ended": [{}],
    "triggers": [{}],
    "skips go on": [{}],
    "reference tasks": [{}],
    "a reference task fails": [{}],
    "a terminal state handler": [{}],
    "state handlers": [{}],
    "a broken state handler": [{}],
    "a time limit": [{}],
    "retries": [{}],
    "a retry in a second": [{}],
    "a retry by signal": [{}],
    "loops": [{}],
}
