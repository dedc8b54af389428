"""What is kept from run to run: caches, targets, results; and what waits: pauses, restarts."""

import datetime
import os
import time

import prefect
from prefect import Client, Flow, Parameter, task, unmapped
from prefect.engine import cache_validators, signals
from prefect.engine.results import LocalResult, PrefectResult
from prefect.engine.serializers import JSONSerializer
from prefect.tasks.prefect import create_flow_run, get_task_run_result, wait_for_flow_run
from prefect.triggers import manual_only

PROJECT = os.environ["SAME_FLOWS_PROJECT"]
HOUR = datetime.timedelta(hours=1)


@task
def inc(x):
    return x + 1


@task(cache_for=HOUR)
def cached(x):
    return x + 1


@task(cache_for=HOUR, cache_validator=cache_validators.all_inputs)
def cached_by_inputs(x):
    return x + 1


@task(cache_for=HOUR, cache_validator=cache_validators.all_parameters)
def cached_by_parameters(x):
    return x + 1


@task(cache_for=datetime.timedelta(0))
def cached_for_no_time(x):
    return x


with Flow("caches", result=LocalResult()) as caches:
    x = Parameter("x", default=1)
    inc(cached(x))
    cached_by_inputs(x)
    cached_by_parameters(x)
    cached_for_no_time(x)


@task(cache_for=HOUR, cache_validator=cache_validators.all_inputs)
def cached_child(x):
    return x * 2


with Flow("cached children", result=LocalResult()) as cached_children:
    cached_child.map([1, 2])

with Flow("shared caches", result=LocalResult()) as shared:
    cached.copy(name="first", cache_key="one for both in " + PROJECT)(1)
    cached.copy(name="second", cache_key="one for both in " + PROJECT)(1)


@task(target="{flow_name}/{task_name}-{parameters[x]}.txt", result=LocalResult())
def with_target(x):
    return "made of %s" % x


@task(target=lambda **values: "by-function-%s" % values["parameters"]["x"], result=LocalResult())
def with_target_by_function(x):
    return x


with Flow("targets") as targets:
    x = Parameter("x", default=1)
    with_target(x)
    with_target_by_function(x)

with Flow("children with targets", result=LocalResult()) as children_with_targets:
    inc.copy(target="child-{map_index}.bin").map([1, 2])


@task(result=LocalResult(location="{task_name}-{map_index}.json", serializer=JSONSerializer()))
def as_json(x):
    return {"x": x}


@task(checkpoint=False)
def not_kept(x):
    return x


@task(result=PrefectResult())
def in_the_api(x):
    return [x, "text", None]


@task(result=LocalResult())
def large():
    return "x" * 2_000_000


@task(result=LocalResult())
def nothing():
    return None


with Flow("results", result=LocalResult()) as results:
    as_json(1)
    as_json.map([2, 3])
    inc(not_kept(4))
    in_the_api(5)
    large()
    nothing()


@task
def a_generator():
    return (i for i in range(3))


with Flow("a result that cannot be written", result=LocalResult()) as unwritable:
    inc(a_generator())


@task(trigger=manual_only)
def by_hand(x):
    return x


@task
def pause_once():
    if not prefect.context.get("resume"):
        raise signals.PAUSE("wait for me")
    return "resumed"


with Flow("pauses", result=LocalResult()) as pauses:
    inc(by_hand(inc(1)))
    pause_once()

with Flow("a pause that stays") as stays:
    inc(by_hand(inc(1)))


@task
def numbers():
    return [0, 1, 2]


@task
def total(values):
    return sum(values)


@task
def twice(x):
    return 2 * x


@task
def fails_in_the_first_run(x):
    mark = "ran-%s" % prefect.context.task_full_name
    if x == 1 and not os.path.exists(mark):
        open(mark, "w").close()
        raise ValueError("in the first run")
    return x


with Flow("a restart", result=LocalResult()) as restarted:
    children = fails_in_the_first_run.map(numbers())
    inc.map(children)
    total(children)
    inc.map(twice.map(numbers()), upstream_tasks=[unmapped(children)])
    inc(fails_in_the_first_run(1))


@task
def cancel_own_run():
    Client().cancel_flow_run(prefect.context.flow_run_id)
    time.sleep(60)


with Flow("a run is cancelled") as cancelled:
    inc(cancel_own_run())

with Flow("a child") as child:
    inc.copy(name="answer", result=PrefectResult())(Parameter("x", default=41))


@task(trigger=manual_only)
def until_the_child_has_run():
    pass


def parent_of(x, **options):
    created = create_flow_run(
        flow_name="a child",
        project_name=PROJECT,
        parameters={"x": x},
        run_name="child of a parent",
        labels=["by-hand"],
    )
    gate = until_the_child_has_run(upstream_tasks=[created])
    ended = wait_for_flow_run(created, upstream_tasks=[gate], **options)
    get_task_run_result(created, "answer-1", upstream_tasks=[ended])


with Flow("a parent", result=LocalResult()) as parent:
    parent_of(1)

with Flow("a parent of a failure", result=LocalResult()) as parent_of_failure:
    parent_of("a text", raise_final_state=True)


RUNS = {
    "caches": [{}, {}, {"parameters": {"x": 2}}],
    "cached children": [{}, {}],
    "shared caches": [{}],
    "targets": [{}, {}, {"parameters": {"x": 2}}],
    "children with targets": [{}, {}],
    "results": [{}],
    "a result that cannot be written": [{}],
    "pauses": [{"then": "resume"}],
    "a pause that stays": [{}],
    "a restart": [{"then": "restart"}],
    "a run is cancelled": [{}],
    "a child": [{}],
    "a parent": [{"then": "run children"}],
    "a parent of a failure": [{"then": "run children"}],
}
