"""Cases: resource managers, and ready-made tasks."""

from __future__ import annotations

from made_of import Thing, WithoutSetup, add_case, fail, gather, inc, same, skip

from prefect import Parameter, case, tags, unmapped
from prefect.tasks.secrets import EnvVarSecret, PrefectSecret
from prefect.tasks.shell import ShellTask
from prefect.tasks.templates import StringFormatter

# ---------------------------------------------------------------------- resources


@add_case
def resource():
    with Thing(5) as thing:
        gather(thing)
        b = inc(inc(1))
    return inc(b)


@add_case
def resource_without_setup():
    with WithoutSetup() as nothing:
        assert nothing is None
        inc(1)


@add_case
def resource_failing_in_init():
    with Thing(5, fails_in="init") as thing:
        gather(thing)
        a = inc(1)
    return inc(a)


@add_case
def resource_failing_in_setup():
    with Thing(5, fails_in="setup") as thing:
        gather(thing)
        a = inc(1)
    return inc(a)


@add_case
def resource_failing_in_cleanup():
    with Thing(5, fails_in="cleanup") as thing:
        gather(thing)


@add_case
def resource_with_a_failing_body():
    with Thing(5) as thing:
        fail(thing)
        inc(1)


@add_case
def resources_nested():
    with Thing(1) as outer:
        with Thing(2) as inner:
            gather(outer, inner)
        gather(outer)


@add_case
def resources_nested_without_use():
    with Thing(1):
        with Thing(2):
            inc(1)
        inc(2)


@add_case
def resource_made_of_a_resource():
    with Thing(1) as outer, Thing(outer) as inner:
        gather(inner)


@add_case
def resource_without_tasks():
    with Thing(1):
        pass


@add_case
def resource_in_case():
    with case(same(1), 2), Thing(1):
        inc(1)


@add_case
def case_in_resource():
    with Thing(1), case(same(1), 2):
        inc(1)


@add_case
def case_in_resource_of_an_outer_condition():
    with case(same(1), 2):
        x = same(5)
    with Thing(1), case(x, 5):
        inc(1)


@add_case
def resource_with_parameters_and_maps():
    with Thing(Parameter("p", default=4)) as thing:
        a = inc(Parameter("q", default=5))
        gather.map([1, 2], unmapped(thing))
        gather([thing, a])


@add_case
def resource_with_outer_tasks():
    x = inc(1)
    with Thing(x):
        inc(x)


@add_case
def resource_with_a_skipped_body():
    with Thing(1):
        skip()


@add_case
def resource_with_a_skipped_argument():
    with Thing(skip()):
        inc(1)


@add_case
def resource_items():
    with Thing(1) as thing:
        inc(thing[1])


@add_case
def resource_in_tags():
    with tags("t"), Thing(1):
        inc(1)


# ---------------------------------------------------------------------- ready-made tasks


@add_case
def secrets():
    return gather(
        PrefectSecret("OBJECT"),
        PrefectSecret("NUMBER")(name="TEXT"),
        EnvVarSecret("A_VARIABLE_THAT_IS_NOT_SET", cast=int),
    )


@add_case
def missing_secret():
    return gather(PrefectSecret("MISSING"))


@add_case
def mapped_secret():
    return PrefectSecret("OBJECT").map(["OBJECT", "TEXT"])


@add_case
def shell_commands():
    shell = ShellTask(helper_script="X=5", return_all=True)
    return gather(
        shell(command="echo $X; echo more"), ShellTask(command="echo last"), ShellTask()(command="exit 3")
    )


@add_case
def formatted_text():
    return StringFormatter("{a} of {flow_name}")(a=inc(1))
