"""Mapped tasks."""

from harness import edges, scenario

import prefect
from prefect import Flow, Parameter, apply_map, flatten, mapped, task, triggers, unmapped
from prefect.engine import signals
from prefect.tasks.control_flow import FilterTask, merge


@task
def numbers(n=3):
    return list(range(n))


@task
def inc(x):
    return x + 1


@task
def add(x, y=10):
    return x + y


@task
def odd(x):
    if x % 2:
        raise ValueError(f"{x} is odd")
    return x


@task
def skip_odd(x):
    if x % 2:
        raise signals.SKIP(f"{x} is odd")
    return x


@task
def collect(x):
    return list(x) if isinstance(x, (list, tuple)) else repr(x)


@task
def nested():
    return [[1, 2], [], [3]]


@task
def number():
    return 5


@scenario
def over_a_task(trace):
    with Flow("map") as flow:
        inc.map(numbers())
    return trace.run(flow)


@scenario
def over_a_map_and_reduce(trace):
    with Flow("map and reduce") as flow:
        collect(inc.map(inc.map(numbers())))
    return trace.run(flow)


@scenario
def over_constants(trace):
    with Flow("constants") as flow:
        inc.map([1, 2])
        add.map([1, 2], [3, 4])
        collect.map("abc")
        collect.map((1, 2))
        collect.map(range(2))
    return [trace.run(flow), edges(flow)]


@scenario
def with_unmapped(trace):
    with Flow("unmapped") as flow:
        n = numbers()
        add.map(n, unmapped(number()))
        add.map(n, y=unmapped(100))
        add.map(n)
    return [trace.run(flow), edges(flow)]


@scenario
def one_argument_by_annotation(trace):
    with Flow("annotated") as flow:
        add(mapped(numbers()), number())
        add(mapped([1, 2]), y=unmapped(3))
    return [trace.run(flow), edges(flow)]


@scenario
def flattened_values_and_children(trace):
    @task
    def up_to(n):
        return list(range(n))

    with Flow("flatten") as flow:
        inc.map(flatten(nested()))
        inc.map(flatten([[1], [2, 3]]))
        inc.map(flatten(up_to.map(numbers(4))))
        collect(flatten(nested()))
        collect(flatten(up_to.map([2, 1])))
        collect(unmapped(flatten(nested())))
    return [trace.run(flow), edges(flow)]


@scenario
def flattened_what_cannot_be(trace):
    with Flow("cannot flatten") as flow:
        collect(flatten(number()))
        inc.map(flatten(numbers()))
    return trace.run(flow)


@scenario
def flattened_children_of_which_one_failed(trace):
    @task
    def up_to(n):
        if n == 1:
            raise ValueError("one")
        return list(range(n))

    with Flow("flatten failures") as flow:
        inc.map(flatten(up_to.map([2, 1])))
    state = flow.run()
    return [type(state).__name__, type(state.result[flow.get_tasks(name="inc")[0]]).__name__]


@scenario
def flattened_text(trace):
    @task
    def words():
        return ["ab", "c"]

    with Flow("flatten text") as flow:
        collect.map(flatten(words()))
    return trace.run(flow)


@scenario
def the_shortest_input_counts(trace):
    with Flow("uneven") as flow:
        add.map(numbers(5), numbers(2))
        add.map(inc.map(numbers(3)), [1])
        add.map(numbers(2), inc.map(numbers(4)))
    return trace.run(flow)


@scenario
def nothing(trace):
    with Flow("empty") as flow:
        empty = numbers(0)
        collect(inc.map(inc.map(empty)))
        inc.map([])
        add.map(empty, numbers(3))
    return trace.run(flow)


@scenario
def with_upstream_tasks(trace):
    @task
    def note(x):
        trace.note(x)
        return x

    with Flow("upstream") as flow:
        n = numbers(2)
        first = note.map(n)
        inc.map([1, 2], upstream_tasks=[first])
        inc.map([1, 2], upstream_tasks=[unmapped(first)])
        inc.map([1, 2, 3], upstream_tasks=[n])
    return [trace.run(flow), edges(flow)]


@scenario
def only_over_upstream_tasks(trace):
    @task
    def tick():
        return prefect.context.map_index

    with Flow("only upstream") as flow:
        tick.map(upstream_tasks=[numbers(2)])
        tick.map(upstream_tasks=[inc.map(numbers(2))])
    return trace.run(flow)


@scenario
def failures_of_children(trace):
    with Flow("failures") as flow:
        odds = odd.map(numbers(4))
        inc.map(odds)
        collect(odds)
        collect(inc.map(odd.map(numbers(2))))
    return trace.run(flow)


@scenario
def skips_of_children(trace):
    with Flow("skips") as flow:
        evens = skip_odd.map(numbers(3))
        inc.map(evens)
        collect(evens)
        FilterTask()(evens)
    return trace.run(flow)


@scenario
def reduced_skips_and_failures(trace):
    @task(skip_on_upstream_skip=False, trigger=triggers.all_finished)
    def look(x):
        return [repr(each) for each in x]

    with Flow("reduced") as flow:
        look(skip_odd.map(numbers(3)))
        look(odd.map(numbers(3)))
        look(inc.map(odd.map(numbers(3))))
    return trace.run(flow)


@scenario
def filtering(trace):
    @task
    def mixed(x):
        return {0: 0, 1: None, 2: ValueError("value"), 3: 3}[x]

    with Flow("filter") as flow:
        FilterTask()(odd.map(numbers(4)))
        FilterTask()(mixed.map(numbers(4)))
        FilterTask(filter_func=lambda x: x is None, log_func=lambda x: f"kept {x}")(mixed.map(numbers(4)))
    return trace.run(flow)


@scenario
def a_failed_upstream(trace):
    @task
    def fail():
        raise ValueError("no numbers")

    with Flow("failed upstream") as flow:
        inc.map(fail())
        inc.map(inc.map(fail()))
        collect(inc.map(fail()))
    return trace.run(flow)


@scenario
def a_failed_unmapped_upstream(trace):
    @task
    def fail():
        raise ValueError("no")

    with Flow("failed unmapped") as flow:
        add.map(numbers(2), y=unmapped(fail()))
    return trace.run(flow)


@scenario
def one_of_two_mapped_upstreams_failed(trace):
    @task
    def fail():
        raise ValueError("no")

    with Flow("one failed") as flow:
        add.map(numbers(2), fail())
    state = flow.run()
    found = state.result[flow.get_tasks(name="add")[0]]
    return [type(state).__name__, type(found).__name__]


@scenario
def a_skipped_upstream(trace):
    @task
    def skip():
        raise signals.SKIP("none today")

    with Flow("skipped upstream") as flow:
        inc.map(skip())
        collect(inc.map(skip()))
        add.map(numbers(2), y=unmapped(skip()))
    return trace.run(flow)


@scenario
def what_cannot_be_mapped(trace):
    @task
    def dictionary():
        return {"a": 1}

    @task
    def unordered():
        return {1, 2}

    @task
    def nothing_given():
        return None

    with Flow("unmappable") as flow:
        inc.map(number())
        inc.map(nothing_given())
        inc.map(unordered())
        inc.map(x=5)
    return trace.run(flow)


@scenario
def errors_when_building(trace):
    with Flow("errors"):
        return [
            trace.error(inc.map, 5),
            trace.error(inc.map, None),
            trace.error(inc.map, 1.5),
            trace.error(inc.map),
            trace.error(inc.map, [1], y=2),
            trace.error(apply_map, inc, 5),
        ]


@scenario
def children_know_their_place(trace):
    @task
    def place(x):
        context = prefect.context
        return [context.map_index, context.task_full_name, context.task_name, context.task_slug]

    with Flow("places") as flow:
        place.map(place.map(numbers(2)))
        place(1)
    return trace.run(flow)


@scenario
def depth_first_or_not_every_child_runs_once(trace):
    @task
    def note(x, label):
        trace.note([label, x])
        return x

    with Flow("once") as flow:
        note.map(note.map(numbers(3), label=unmapped("a")), label=unmapped("b"))
    found = trace.run(flow)
    trace.notes.sort()
    return found


@scenario
def diamonds(trace):
    with Flow("diamond") as flow:
        n = inc.map(numbers(3))
        add.map(inc.map(n), add.map(n))
    return trace.run(flow)


@scenario
def nested_maps_by_flattening(trace):
    @task
    def times(x):
        return [x] * x

    with Flow("nested") as flow:
        collect(inc.map(flatten(times.map(inc.map(numbers(3))))))
    return trace.run(flow)


@scenario
def tuples_and_unpacking(trace):
    @task(nout=2)
    def pair(x):
        return x, -x

    with Flow("unpacking") as flow:
        a, b = pair(3)
        add(a, b)
        trace.note(trace.error(lambda: list(pair.map([1, 2]))))
    return trace.run(flow)


@scenario
def parameters_as_inputs(trace):
    with Flow("parameters") as flow:
        xs = Parameter("xs", default=[1, 2])
        y = Parameter("y")
        add.map(xs, y=unmapped(y))
    return [trace.run(flow, y=5), trace.run(flow, parameters={"xs": [7], "y": 1})]


@scenario
def mapped_merge(trace):
    @task
    def is_even(x):
        return x % 2 == 0

    with Flow("merge") as flow:
        ns = numbers(4)
        merge.map if hasattr(merge, "map") else None
        first = inc.map(ns)
        second = add.map(ns)
        merged = merge(first, second)
    state = flow.run()
    return [type(state.result[merged]).__name__, state.result[merged].result]


@scenario
def apply_map_of_a_pipeline(trace):
    def pipeline(x, y):
        return add(inc(x), y)

    with Flow("apply map") as flow:
        collect(apply_map(pipeline, numbers(2), unmapped(5)))
    return [trace.run(flow), edges(flow)]


@scenario
def task_args_of_a_map(trace):
    with Flow("task args") as flow:
        inc.map(numbers(2), task_args={"name": "renamed", "tags": {"t"}})
    return trace.run(flow)


@scenario
def a_mapped_reference_task(trace):
    with Flow("mapped reference") as flow:
        odds = odd.map(numbers(2))
        done = FilterTask()(odds)
    outcomes = []
    for chosen in ([odds], [done], []):
        flow.set_reference_tasks(chosen)
        state = flow.run()
        outcomes.append([type(state).__name__, state.message])
    return outcomes


@scenario
def signals_of_children(trace):
    @task
    def act(x):
        if x == 0:
            raise signals.SUCCESS("early", result="early")
        if x == 1:
            raise signals.FAIL("bad", result="bad")
        if x == 2:
            raise signals.SKIP("skip", result=None)
        return x

    with Flow("signals") as flow:
        inc.map(act.map(numbers(4)))
    return trace.run(flow)


@scenario
def text_as_a_task_result(trace):
    @task
    def word():
        return "abc"

    with Flow("text") as flow:
        collect.map(word())
    return trace.run(flow)


@scenario
def sequences_of_ones_own(trace):
    class Sequence:
        def __len__(self):
            return 2

        def __getitem__(self, index):
            if index > 1:
                raise IndexError(index)
            return index * 10

    @task
    def own():
        return Sequence()

    with Flow("own sequence") as flow:
        made = own()
        found = inc.map(made)
    state = flow.run()
    return state.result[found].result


@scenario
def a_skip_check_that_is_off(trace):
    @task(skip_on_upstream_skip=False)
    def lenient(x):
        return repr(x)

    with Flow("lenient") as flow:
        lenient.map(skip_odd.map(numbers(3)))
    return trace.run(flow)


@task
def broken(x=None):
    raise ValueError("broken")


@task
def skipped():
    raise signals.SKIP("skipped")


@task
def pair(x=None, y=None):
    return [x, y]


@task(trigger=triggers.all_finished)
def lenient_pair(x=None, y=None):
    return [x, y]


@task(trigger=triggers.all_finished, skip_on_upstream_skip=False)
def tolerant_pair(x=None, y=None):
    return [x, repr(y)]


@scenario
def beside_a_failed_task(trace):
    with Flow("beside") as flow:
        n = numbers(2)
        pair.map(n, broken())
        lenient_pair.map(n, broken())
        pair.map(n, upstream_tasks=[broken()])
        lenient_pair.map(n, upstream_tasks=[broken()])
    return trace.run(flow)


@scenario
def beside_a_map_that_failed(trace):
    with Flow("beside a map") as flow:
        pair.map(numbers(2), upstream_tasks=[broken.map(broken())])
    return trace.run(flow)


@scenario
def over_skips_with_the_check_off(trace):
    with Flow("over skips") as flow:
        n = numbers(2)
        tolerant_pair.map(skipped())
        tolerant_pair.map(n, skipped())
        tolerant_pair.map(skipped(), broken())
    return trace.run(flow)


@scenario
def a_handler_that_replaces_the_map(trace):
    def replace(whom, old, new):
        if new.is_mapped():
            return prefect.engine.state.Success("no map", result=[5])

    with Flow("replaced") as flow:
        inc.map(inc.copy(name="source", state_handlers=[replace]).bind([1, 2], mapped=True, flow=flow))
    return trace.run(flow)


@scenario
def triggers_of_flattened_children(trace):
    @task
    def nothing(x):
        return []

    def look(upstream_states):
        trace.note(sorted(len(state.map_states) for state in upstream_states.values()))
        return True

    with Flow("flattened trigger") as flow:
        collect.copy(trigger=look).bind(flatten(nothing.map(numbers(3))), flow=flow)
    return trace.run(flow)


@scenario
def over_a_dictionary(trace):
    @task
    def dictionary():
        return {"a": 1}

    with Flow("dictionary") as flow:
        inc.map(dictionary())
    return trace.run(flow)
