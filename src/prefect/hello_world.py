"""A first flow, to see that everything works: `prefect run -m prefect.hello_world --param name=Marvin`."""

from __future__ import annotations

from prefect import Flow, Parameter, task


@task
def capitalize(word: str) -> str:
    """The word with a capital first letter."""
    return word.capitalize()


@task(log_stdout=True)
def say_hello(to: str) -> None:
    """Print a greeting, which goes to the log."""
    print(f"Hello {to}")  # noqa: T201


with Flow("hello-world") as hello_flow:
    name = Parameter("name", default="world")
    say_hello(capitalize(name))
