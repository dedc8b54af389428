"""Which flow to run: from the options of `prefect run` to a `Flow`."""

from __future__ import annotations

import importlib
import runpy
import sys
import warnings
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect.cli import _exit_codes
from prefect.cli._errors import CommandError

if TYPE_CHECKING:
    from prefect.core.flow import Flow

__all__ = ["check_lookup", "find_flow"]

_COMBINATIONS = """\
Name the flow with one of these:
    --path FILE        (and --name, if the file has several flows)
    --module MODULE    (and --name, if the module has several flows)
    --name             a registered flow
    --project, --name  a registered flow of that project
    --id               a registered flow or flow group"""


def check_lookup(
    *, flow_id: str | None, project: str | None, path: str | None, module: str | None, name: str | None
) -> None:
    """Check that the options name a flow in exactly one way.

    Raises:
        CommandError: they do not.
    """
    given = {"--id": flow_id, "--project": project, "--path": path, "--module": module}
    ways = [option for option, value in given.items() if value is not None]
    if not ways and name is None:
        raise _usage("Say which flow to run.")
    if len(ways) > 1:
        raise _usage(f"{' and '.join(ways)} exclude each other.")
    if ways == ["--id"] and name is not None:
        raise _usage("--id and --name exclude each other.")
    if ways == ["--project"] and name is None:
        raise _usage("--project needs --name too.")


def _usage(message: str) -> CommandError:
    return CommandError(f"{message}\n{_COMBINATIONS}", exit_code=_exit_codes.USAGE)


def find_flow(*, path: str | None, module: str | None, name: str | None) -> Flow:
    """The flow of a file or module.

    The file or module runs with `prefect.context.loading_flow` set, so that a `flow.run()` at its
    end does nothing.

    Args:
        path: a Python file.
        module: dotted name of a module, or of a flow in one.
        name: name of the flow; not needed where there is only one.

    Raises:
        CommandError: there is no such file, module or flow; there are several and no name; or the
            user's code raised, in which case the error carries its traceback.
    """
    if path is not None:
        where, values = _run_file(Path(path).expanduser())
    else:
        assert module is not None
        where, values = _import_module(module)
    return _pick(_distinct_flows(values), where, name)


def _distinct_flows(values: Iterable[Any]) -> list[Flow]:
    from prefect.core.flow import Flow

    return list({id(value): value for value in values if isinstance(value, Flow)}.values())


def _pick(flows: list[Flow], where: str, name: str | None) -> Flow:
    names = ", ".join(repr(flow.name) for flow in flows)
    if not flows:
        raise CommandError(
            f"There is no flow in {where}.",
            hint='A flow is found if it is a variable of the module: `with Flow("name") as flow: ...`',
            exit_code=_exit_codes.NOT_FOUND,
        )
    if name is None:
        if len(flows) > 1:
            raise CommandError(
                f"There are {len(flows)} flows in {where}: {names}.",
                hint=f"Say which one to run: --name {flows[0].name!r}",
                exit_code=_exit_codes.USAGE,
            )
        return flows[0]
    for flow in flows:
        if flow.name == name:
            return flow
    raise CommandError(
        f"There is no flow {name!r} in {where}; it has {names}.", exit_code=_exit_codes.NOT_FOUND
    )


def _run_file(path: Path) -> tuple[str, Iterable[Any]]:
    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "does not exist"
        raise CommandError(f"The flow file {str(path)!r} {what}.", exit_code=_exit_codes.NOT_FOUND)
    # As `python FILE` does, so that the file can import its neighbours.
    sys.path.insert(0, str(path.resolve().parent))
    with _loading(f"The flow file {str(path)!r}", local_script_path=str(path.resolve())):
        return str(path), runpy.run_path(str(path), run_name="<flow>").values()


def _import_module(dotted: str) -> tuple[str, Iterable[Any]]:
    # As `python -m MODULE` does.
    sys.path.insert(0, str(Path.cwd()))
    with _loading(f"Module {dotted!r}"):
        try:
            return f"module {dotted!r}", vars(importlib.import_module(dotted)).values()
        except ModuleNotFoundError as error:
            # A module that exists, and lacks one that it imports, has a traceback to show.
            if error.name is None or not f"{dotted}.".startswith(f"{error.name}."):
                raise
            missing = error.name
        owner, _, attribute = dotted.rpartition(".")
        if owner and missing == dotted:
            values = vars(importlib.import_module(owner))
            if attribute in values:
                return f"module {owner!r}", [values[attribute]]
    raise CommandError(
        f"There is no module {missing!r} to import.",
        hint="Modules are looked for in the current folder and in the installed packages.",
        exit_code=_exit_codes.NOT_FOUND,
    )


@contextmanager
def _loading(what: str, **values: str) -> Generator[None]:
    """Run a user's code to get its flows; whatever it raises becomes a `CommandError`."""
    from prefect.cli._traceback import trimmed_traceback
    from prefect.utilities.context import context

    try:
        with context(loading_flow=True, **values), warnings.catch_warnings():
            # Files often end with `flow.run()`, which is what this command does instead.
            warnings.filterwarnings("ignore", "Attempting to call `flow.run`")
            yield
    except CommandError:
        raise
    except SystemExit as error:
        raise CommandError(
            f"{what} ended with sys.exit({error.code!r}) instead of defining a flow.",
            hint='Keep what only a script does under `if __name__ == "__main__":`.',
        ) from None
    except Exception as error:  # any code of the user's runs here, and fails in any way
        text = traceback_line(error)
        raise CommandError(f"{what} raised {text}", details=trimmed_traceback(error)) from error


def traceback_line(error: BaseException) -> str:
    """Type and first line of the message of an exception."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
