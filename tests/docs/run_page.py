"""Runs the code blocks of one page, or of the docstrings of one module, as a reader would:
in order, in an empty directory.

    python run_page.py PAGE_OR_MODULE [ROOT]

It is a program of its own so that each page starts with a fresh interpreter; tasks defined in a block
live in `__main__`, as in a notebook. Exit code 0 means that everything ran as the page says.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from types import ModuleType

sys.path.insert(0, str(Path(__file__).parent))

from blocks import Block, PageError, commands, matches, read_blocks, read_docstrings

PREFECT_NAMES = (
    "Flow",
    "Parameter",
    "Task",
    "apply_map",
    "case",
    "flatten",
    "mapped",
    "resource_manager",
    "tags",
    "task",
    "unmapped",
)

COMMAND_LIMIT_S = 120

# Python blocks run without log lines, so that a page shows what it is about. Console blocks show them.
LOG_LEVEL = "PREFECT__LOGGING__LEVEL"


def run_python(block: Block, namespace: dict[str, object], page: Path) -> None:
    # Blank lines in front make line numbers in tracebacks, and what `inspect` reads, those of the page.
    source = "\n" * (block.line - 1) + block.code
    printed = io.StringIO()
    raised = ""
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(source, page, "exec", dont_inherit=True), namespace)
        except BaseException as error:
            raised = type(error).__name__
            if raised != block.raises:
                raise
    if block.raises and not raised:
        raise PageError(f"{block.place}: should have raised {block.raises}")
    if block.output is not None and not matches(block.output, printed.getvalue()):
        raise PageError(
            f"{block.place}: printed something else.\n--- the page says\n{block.output}"
            f"--- it printed\n{printed.getvalue()}"
        )


def run_console(block: Block) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    environment.pop(LOG_LEVEL, None)
    for command, expected in commands(block):
        done = subprocess.run(
            command,
            shell=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_LIMIT_S,
            env=environment,
            check=False,
        )
        # A failing command is fine where the page shows how it fails.
        if done.returncode != 0 and not expected:
            raise PageError(f"{block.place}: `{command}` ended with {done.returncode}:\n{done.stdout}")
        if expected and not matches(expected, done.stdout):
            raise PageError(
                f"{block.place}: `{command}` printed something else.\n--- the page says\n{expected}\n"
                f"--- it printed\n{done.stdout}"
            )


def docstring_names(module: Path, root: Path) -> dict[str, object]:
    """What an example in a docstring may take for granted, as in doctest: its module's names, and prefect's."""
    prefect = importlib.import_module("prefect")
    parts = module.relative_to(root / "src").with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    own = vars(importlib.import_module(name))
    known = {"prefect": prefect, **{public: getattr(prefect, public) for public in PREFECT_NAMES}, **own}
    return {key: value for key, value in known.items() if not key.startswith("__")}


def run_page(page: Path, root: Path) -> None:
    name = str(page.relative_to(root))
    text = page.read_text(encoding="utf-8")
    blocks = read_docstrings(text, name) if page.suffix == ".py" else read_blocks(text, name)
    waiting: dict[str, Block] = {}  # written, and not yet used by a command
    # The page's own `__main__`: tasks defined in a block are pickled as they are from a script or a
    # notebook, and nothing of this program is in sight.
    main_module = ModuleType("__main__")
    sys.modules["__main__"] = main_module
    namespace = vars(main_module)
    if page.suffix == ".py":
        namespace.update(docstring_names(page, root))
    for block in blocks:
        if block.not_run:
            continue
        if block.title:
            Path(block.title).parent.mkdir(parents=True, exist_ok=True)
            Path(block.title).write_text(block.code, encoding="utf-8")
            if block.language == "python":
                waiting[block.title] = block
        elif block.language == "python":
            run_python(block, namespace, page)
        elif block.language == "console":
            run_console(block)
            for title in list(waiting):
                if title in block.code or Path(title).stem in block.code:
                    del waiting[title]
    for block in waiting.values():
        raise PageError(f"{block.place}: {block.title} is written but no console block uses it")


def main() -> int:
    page = Path(sys.argv[1]).resolve()
    root = Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else Path(__file__).resolve().parents[2]
    os.environ[LOG_LEVEL] = "CRITICAL"
    with tempfile.TemporaryDirectory(prefix="prefect-docs-") as directory:
        previous = Path.cwd()
        os.chdir(directory)
        try:
            run_page(page, root)
        except PageError as error:
            print(error, file=sys.stderr)
            return 1
        except BaseException:
            traceback.print_exc()
            return 1
        finally:
            os.chdir(previous)
    return 0


if __name__ == "__main__":
    sys.exit(main())
