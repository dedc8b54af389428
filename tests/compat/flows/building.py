"""Building flows: what is made, and what mistakes are called."""

from typing import Tuple

from harness import constants, edges, names, scenario

import prefect
from prefect import Flow, Parameter, Task, tags, task, unmapped
from prefect.core import Edge
from prefect.tasks.core.constants import Constant


@task
def one():
    return 1


@task
def inc(x):
    return x + 1


@task
def add(x, y=10):
    return x + y


@scenario
def slugs(trace):
    with Flow("slugs") as flow:
        inc(one()), inc(one())
        with tags("b", "a"):
            inc(1)
        inc(1, task_args={"name": "renamed"})
        inc(1, task_args={"slug": "given"})
        inc.map([1, 2])
        Parameter("p")()
        add([one(), 2], {"k": one()})
        inc(one()[0])
        one() + one()
    return sorted(flow.slugs.values())


@scenario
def slugs_that_are_taken(trace):
    with Flow("taken") as flow:
        flow.add_task(Task(slug="x"))
        return trace.error(flow.add_task, Task(slug="x"))


@scenario
def calls_copy_and_bind_does_not(trace):
    with Flow("copies") as flow:
        called = inc(1)
        bound = add.copy()
        same = bound.bind(1, 2)
    return [called is inc, same is bound, called in flow.tasks, inc in flow.tasks, called.name, len(flow.tasks)]


@scenario
def arguments_are_bound_like_pythons(trace):
    @task
    def many(a, b, c=3, *, d=4, **others):
        return [a, b, c, d, sorted(others.items())]

    with Flow("arguments") as flow:
        many(1, 2), many(1, b=2), many(1, 2, 5, d=6), many(1, 2, e=7), many(one(), 2, f=one())
    return [trace.run(flow), constants(flow), edges(flow)]


@scenario
def calls_that_do_not_fit(trace):
    with Flow("mistakes"):
        return [
            trace.error(inc),
            trace.error(inc, 1, 2),
            trace.error(inc, y=1),
            trace.error(inc, 1, x=2),
            trace.error(add, 1, 2, 3),
        ]


@scenario
def calls_outside_a_flow(trace):
    class Work(Task):
        def run(self):
            pass

    return [
        trace.error(inc, 1),
        trace.error(Work()),
        trace.error(lambda: one() + 1),
        trace.error(lambda: inc.map([1])),
        trace.error(lambda: inc.set_upstream(one)),
        trace.error(lambda: Parameter("x")()),
    ]


@scenario
def functions_that_cannot_be_tasks(trace):
    def star(*args):
        pass

    def reserved(flow):
        pass

    def several(mapped, upstream_tasks):
        pass

    def keywords(task_args):
        pass

    return [
        trace.error(task, star),
        trace.error(task, reserved),
        sorted(trace.error(task, several).replace(",", "").replace(".", "").split()),
        trace.error(task, keywords),
        trace.error(task, 5).partition(":")[0],
        trace.error(lambda: type("Bad", (Task,), {"run": star})),
    ]


@scenario
def positional_only(trace):
    def only(x, /):
        pass

    return trace.error(task, only)


@scenario
def builtin_functions(trace):
    import math

    return [trace.error(task, print).partition(":")[0], trace.error(task, max).partition(":")[0], task(math.sqrt).run(4.0) if False else 0]


@scenario
def task_classes_without_super(trace):
    class Forgetful(Task):
        def __init__(self):
            pass

    def make():
        Forgetful().name

    return trace.error(make).partition(":")[0]


@scenario
def tasks_given_to_constructors(trace):
    class Work(Task):
        def __init__(self, x, **kwargs):
            self.x = x
            super().__init__(**kwargs)

    with Flow("constructor"):
        Work(one())()


@scenario
def attributes_that_clash(trace):
    class Work(Task):
        def __init__(self):
            self.name = "mine"
            self.tags = ["x"]
            super().__init__()

    return [Work().name, sorted(Work().tags)]


@scenario
def names_and_repr(trace):
    class Work(Task):
        pass

    return [
        repr(Work()),
        repr(Work(name="n")),
        repr(inc),
        inc.name,
        task(lambda x: x).name,
        repr(Flow("f")),
        repr(Parameter("p")),
        repr(Constant(1)),
        repr(Constant([1])),
        repr(Constant("text", name="c")),
        repr(Edge(Task(name="a"), Task(name="b"), key="k", mapped=True)),
    ]


@scenario
def flows_need_names(trace):
    return [trace.error(Flow, ""), trace.error(Flow, None), trace.error(Flow)]


@scenario
def tags_of_every_origin(trace):
    with tags("global"):
        made = Task(tags=["own"])
    with Flow("tags"), tags("b", "c"), tags("d"):
        called = inc(1)
        args = inc(1, task_args={"tags": {"args"}})
        copied = made.copy()
    return [sorted(made.tags), sorted(called.tags), sorted(args.tags), sorted(copied.tags), trace.error(Task, tags="x")]


@scenario
def task_args(trace):
    with Flow("task args") as flow:
        made = inc(1, task_args={"name": "new", "max_retries": 2})
        return [made.name, made.max_retries, inc.name, trace.error(inc, 1, task_args={"nothing": 1}), flow.slugs[made]]


@scenario
def constants_and_containers(trace):
    with Flow("constants") as flow:
        add(1, [1, 2]), add({"a": 1}, (1, 2)), add(one(), [one(), 3]), add({"k": one(), "l": 4}, {one()})
        add([[one()], 5], None)
    return [constants(flow), edges(flow), sorted(flow.slugs.values())]


@scenario
def constants_that_become_tasks(trace):
    with Flow("constant tasks") as flow:
        inc.map([1])
        inc(1, upstream_tasks=["before", 5])
        inc(Constant(7))
        add(unmapped(1), 2)
    return [constants(flow), edges(flow), sorted(flow.slugs.values())]


@scenario
def edges_of_every_kind(trace):
    a, b = Task(name="a"), Task(name="b")
    return [
        repr(Edge(a, b)),
        repr(Edge(a, b, key="x")),
        repr(Edge(prefect.mapped(a), b, key="x")),
        repr(Edge(prefect.flatten(a), b, key="x")),
        Edge(a, b) == Edge(a, b),
        Edge(a, b) == Edge(a, b, key="x"),
        hash(Edge(a, b)) == hash(Edge(a, b)),
        names(Edge(a, b).tasks),
        trace.error(Edge, a, a),
        trace.error(Edge, a, b, key="no identifier"),
        trace.error(Edge, a, b, key="class"),
    ]


@scenario
def operators(trace):
    with Flow("operators") as flow:
        x = Parameter("x", default=3)
        results = {
            "add": x + 1,
            "radd": 1 + x,
            "sub": x - 1,
            "mul": x * 2,
            "div": x / 2,
            "floordiv": x // 2,
            "mod": x % 2,
            "pow": x**2,
            "and": x & True,
            "gt": x > 2,
            "ge": x >= 4,
            "lt": x < 2,
            "le": x <= 3,
            "equal": x.is_equal(3),
            "not equal": x.is_not_equal(3),
            "not": x.not_(),
            "or": x.or_(0),
        }
    state = flow.run()
    return {key: [made.name, state.result[made].result] for key, made in results.items()}


@scenario
def ordering_by_pipes(trace):
    with Flow("pipes") as flow:
        a, b, c = (one.copy(name=name) for name in "abc")
        made = a | b | c
        trace.note(made is c)
    return edges(flow)


@scenario
def items_and_unpacking(trace):
    @task(nout=3)
    def three():
        return 1, 2, 3

    @task
    def annotated() -> Tuple[int, str]:
        return 1, "a"

    @task
    def endless() -> Tuple[int, ...]:
        return (1,)

    @task
    def dictionary():
        return {"k": 5}

    with Flow("items") as flow:
        a, b, c = three()
        d, e = annotated()
        f = dictionary()["k"]
        g = three()[inc(0)]
        errors = [trace.error(lambda: list(endless())), trace.error(lambda: list(one()))]
    state = flow.run()
    return [[made.name, state.result[made].result] for made in (a, b, c, d, e, f, g)], errors


@scenario
def nout(trace):
    @task
    def pair() -> Tuple[int, int]:
        return 1, 2

    with Flow("nout"):
        return [pair.nout, pair(task_args={"nout": 5}).nout, pair.map(upstream_tasks=[[1]]).nout, Task(nout=2).nout]


@scenario
def pipe(trace):
    with Flow("pipe") as flow:
        made = one().pipe(add, y=5).pipe(inc)
    return flow.run().result[made].result


@scenario
def what_tasks_take_and_give(trace):
    @task
    def typed(x: int, y: str = "a") -> float:
        return 1.0

    @task
    def untyped(x, y=1):
        return x

    def tell(work):
        found = work.inputs()
        return [{k: [str(v["type"]), v["required"], v["default"]] for k, v in found.items()}, str(work.outputs())]

    return [tell(typed), tell(untyped), tell(Parameter("x")), tell(one)]


@scenario
def defaults_from_attributes(trace):
    from prefect.utilities.tasks import defaults_from_attrs

    class Work(Task):
        def __init__(self, a=1, b=2):
            self.a, self.b = a, b
            super().__init__()

        @defaults_from_attrs("a", "b")
        def run(self, a=None, b=None, c=3):
            return [a, b, c]

    work = Work()
    return [work.run(), work.run(a=5), work.run(b=None), work.run(c=8), trace.error(work.run, d=1).partition(":")[0]]


@scenario
def task_decorator_forms(trace):
    @task
    def bare(x):
        """Documented."""
        return x

    @task()
    def called(x):
        return x

    @task(name="named", tags=["t"])
    def named(x):
        return x

    return [
        bare.name,
        bare.__doc__,
        bare.__name__,
        bare.__wrapped__.__name__,
        called.name,
        named.name,
        sorted(named.tags),
        type(bare).__name__,
        bare.run(3),
    ]


@scenario
def tasks_compare_by_identity(trace):
    a, b = Task(name="a"), Task(name="a")
    return [a == a, a == b, len({a, b}), bool(a), hash(a) == hash(a)]


@scenario
def unused_tasks_warn(trace):
    with Flow("unused"):
        Task(name="forgotten")
        kept = Task(name="called")
        kept()


@scenario
def copies_of_tasks_with_dependencies(trace):
    with Flow("copied") as flow:
        first = inc(one())
        second = first.copy()
        flow.add_task(second)
    return [edges(flow)]


@scenario
def uncalled_tasks_as_inputs(trace):
    with Flow("uncalled") as flow:
        inc(one)
        inc(one)
    return [edges(flow), sorted(flow.slugs.values())]


@scenario
def calling_a_called_task(trace):
    with Flow("again") as flow:
        first = inc(1)
        first(2)
    return [edges(flow), constants(flow), sorted(flow.slugs.values())]


@scenario
def running_inside_the_block(trace):
    with Flow("inside") as flow:
        one()
        return [trace.error(flow.run), trace.error(flow.register).partition(".")[0]]


@scenario
def while_a_file_is_loaded(trace):
    with Flow("loaded") as flow:
        one()
    with prefect.context(loading_flow=True):
        return [flow.run(), flow.register("project")]


@scenario
def return_tasks_are_refused(trace):
    with Flow("return tasks") as flow:
        one()
    return trace.error(flow.run, return_tasks=[])


@scenario
def arguments_that_were_removed(trace):
    return trace.error(Flow, "x", environment=1).partition(":")[0]


@scenario
def custom_iterables_and_generators(trace):
    with Flow("iterables") as flow:
        add(range(3), frozenset([1]))
        inc(iter([1, 2]).__class__)
    return [sorted(flow.slugs.values())]
