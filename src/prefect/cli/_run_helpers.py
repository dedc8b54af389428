"""What `prefect.cli.run` of 1.x offered to other programs, in terms of this command line."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from prefect.cli._lookup import find_flow
from prefect.cli._values import key_values

if TYPE_CHECKING:
    from prefect.backend.flow import FlowView
    from prefect.core.flow import Flow

__all__ = [
    "echo_with_log_color",
    "get_flow_from_path_or_module",
    "get_flow_view",
    "load_flows_from_module",
    "load_flows_from_script",
    "load_json_key_values",
    "temporary_environ",
    "try_error_done",
]


def load_flows_from_script(path: str) -> list[Flow]:
    """All flows of a Python file.

    Args:
        path: the file.

    Raises:
        CommandError: it cannot be loaded.
    """
    from prefect.cli._collect import load_script

    source = load_script(Path(path).expanduser())
    if source.error is not None:
        raise source.error
    return source.flows


def load_flows_from_module(name: str) -> list[Flow]:
    """All flows of an importable module, or the one that `package.module.flow` names.

    Args:
        name: the module.

    Raises:
        CommandError: it cannot be imported.
    """
    from prefect.cli._collect import load_module

    source = load_module(name)
    if source.error is not None:
        raise source.error
    return source.flows


def get_flow_from_path_or_module(
    path: str | None = None, module: str | None = None, name: str | None = None
) -> Flow:
    """The flow of a file or module; of several, the one of a name.

    Args:
        path: the file.
        module: the module.
        name: name of the flow.

    Raises:
        CommandError: there is no such flow, or there are several.
    """
    return find_flow(path=path, module=module, name=name)


def get_flow_view(
    flow_or_group_id: str | None = None, project: str | None = None, name: str | None = None
) -> FlowView:
    """A registered flow, by id, or by name and project.

    Args:
        flow_or_group_id: id of a flow, or of a flow group, whose newest flow is taken.
        project: name of the project.
        name: name of the flow.

    Raises:
        ValueError: neither id nor name is given, or there is no such flow, or there are several.
    """
    from prefect.backend.flow import FlowView

    if flow_or_group_id is not None:
        return FlowView.from_id(flow_or_group_id)
    if name is None:
        raise ValueError("Give the id or the name of a flow.")
    return FlowView.from_flow_name(name, project_name=project or "")


def load_json_key_values(cli_input: Iterable[str], display_name: str) -> dict[str, Any]:
    """`{key: value}` of texts `key=value` whose values are JSON or bare text.

    Args:
        cli_input: the texts.
        display_name: what they are, for messages.

    Raises:
        CommandError: a text is not of this form.
    """
    return key_values(cli_input, display_name)


@contextmanager
def temporary_environ(environ: Mapping[str, str]) -> Generator[None]:
    """Environment variables of this process for a while; those from before come back.

    Args:
        environ: the variables.
    """
    before = dict(os.environ)
    os.environ.update(environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def echo_with_log_color(log_level: int, message: str, **kwargs: Any) -> None:
    """Print a line in the colour of its level.

    Args:
        log_level: the level, as a number of `logging`.
        message: the line.
        **kwargs: as for `click.secho`.
    """
    if log_level >= logging.ERROR:
        kwargs.setdefault("fg", "red")
    elif log_level >= logging.WARNING:
        kwargs.setdefault("fg", "yellow")
    click.secho(message, **kwargs)


@contextmanager
def try_error_done(
    message: str,
    echo: Callable[..., Any] = click.secho,
    traceback: bool = False,
    skip_done: bool = False,
) -> Generator[None]:
    """Print what is being done, and "Done" or "Error" behind it when it is over.

    Args:
        message: what is being done.
        echo: prints; takes the arguments of `click.secho`.
        traceback: whether an error is printed with its traceback.
        skip_done: whether "Done" is left to the caller.

    Raises:
        TerminalError: the block raised.
    """
    from prefect.cli.build_register import TerminalError, log_exception

    echo(message, nl=False)
    try:
        yield
    except TerminalError:
        echo(" Error", fg="red")
        raise
    except Exception as error:
        echo(" Error", fg="red")
        if traceback:
            log_exception(error, indent=2)
            raise TerminalError from None
        raise TerminalError(f"{type(error).__name__}: {error}") from error
    else:
        if not skip_done:
            echo(" Done", fg="green")
