"""What is logged, in which order, at which level."""

import sys

from harness import scenario

import prefect
from prefect import Flow, Task, task
from prefect.engine import signals
from prefect.utilities.logging import get_logger


@task
def one():
    return 1


@task
def inc(x):
    return x + 1


@scenario
def of_a_run(trace):
    with Flow("story") as flow:
        inc(one())
    flow.run()
    return trace.logs()


@scenario
def of_a_failure(trace):
    @task
    def fail(x):
        raise ValueError("no")

    with Flow("failure") as flow:
        inc(fail(one()))
    flow.run()
    return trace.logs()


@scenario
def of_a_map(trace):
    with Flow("map") as flow:
        inc.map(one.copy(name="many").bind(flow=flow) if False else [1, 2])
    flow.run()
    return trace.logs()


@scenario
def of_tasks_themselves(trace):
    class Talking(Task):
        def run(self):
            self.logger.info("by the task")
            self.logger.warning("a warning")
            prefect.context.logger.info("by the context")
            prefect.context.logger.error("an error %s", 5)
            get_logger("mine").info("by name")
            get_logger().info("by root")

    with Flow("talking") as flow:
        flow.add_task(Talking(name="talker"))
    flow.run()
    return trace.logs()


@scenario
def of_printing(trace):
    @task(log_stdout=True)
    def prints(x):
        print("hello", x)
        print("two\nlines")
        sys.stdout.write("no line break")
        return x

    with Flow("prints") as flow:
        prints(1)
    flow.run()
    return [line for line in trace.logs() if "task run" not in line]


@scenario
def of_printing_and_failing(trace):
    @task(log_stdout=True)
    def prints():
        print("before")
        raise ValueError("no")

    with Flow("prints") as flow:
        prints()
    flow.run()
    return trace.logs()


@scenario
def of_mapped_printing(trace):
    @task(log_stdout=True)
    def prints(x):
        print(x)

    with Flow("prints") as flow:
        prints.map([1, 2])
    flow.run()
    return trace.logs()


@scenario
def of_signals(trace):
    @task
    def skip():
        raise signals.SKIP("no")

    @task
    def fail(x):
        raise signals.FAIL("no")

    with Flow("signals") as flow:
        fail(skip())
    flow.run()
    with Flow("signals") as flow:
        fail(1)
    flow.run()
    return trace.logs()


@scenario
def of_retries(trace):
    @task(max_retries=1, retry_delay=__import__("datetime").timedelta(0))
    def flaky():
        if prefect.context.task_run_count == 1:
            raise ValueError("no")

    with Flow("retries") as flow:
        flaky()
    flow.run()
    return trace.logs()


@scenario
def of_loops(trace):
    @task
    def loop():
        if prefect.context.get("task_loop_count", 1) < 3:
            raise signals.LOOP("again")

    with Flow("loops") as flow:
        loop()
    flow.run()
    return trace.logs()


@scenario
def of_triggers(trace):
    @task(trigger=prefect.triggers.all_failed)
    def never(x):
        pass

    @task(trigger=lambda states: 1 / 0)
    def broken(x):
        pass

    with Flow("triggers") as flow:
        broken(never(one()))
    flow.run()
    return trace.logs()


@scenario
def of_final_states(trace):
    @task
    def skip():
        raise signals.SKIP("no")

    @task
    def cancelled():
        raise signals.ENDRUN(prefect.engine.state.Cancelled("stop"))

    for work in (one, skip, cancelled):
        with Flow(work.name) as flow:
            work()
        flow.run()
    return trace.logs()


@scenario
def attributes_of_records(trace):
    import logging

    kept = []

    class Keep(logging.Handler):
        def emit(self, record):
            kept.append(
                [
                    record.getMessage(),
                    *(getattr(record, key, "absent") for key in ("flow_name", "task_name", "task_slug")),
                    *(hasattr(record, key) for key in ("flow_run_id", "task_run_id")),
                ]
            )

    handler = Keep()
    get_logger().addHandler(handler)
    try:

        @task
        def talk():
            prefect.context.logger.info("inside")

        with Flow("records") as flow:
            talk()
        get_logger().info("outside")
        flow.run()
    finally:
        get_logger().removeHandler(handler)
    return [each for each in kept if each[0] in ("inside", "outside")]


@scenario
def names_of_loggers(trace):
    return [
        get_logger().name,
        get_logger("x").name,
        get_logger("x.y").name,
        one.logger.name,
        Flow("a flow").logger.name,
        prefect.engine.TaskRunner(one).logger.name,
        prefect.engine.FlowRunner(Flow("f")).logger.name,
    ]
