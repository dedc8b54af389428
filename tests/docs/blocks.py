"""Reads the code blocks of a Markdown page, and what a reader is told to expect of them.

The conventions, explained to writers in CONTRIBUTING.md:

    ```python               runs; all such blocks of a page share one namespace and one directory
    ```python title="a.py"  is written to a.py; a later console block of the page has to use it
    ```console              lines after "$ " run in a shell, the other lines are their output
    ```output               what the block before it printed
    <!-- no-run: why -->    before a block: it is not run, for this reason
    <!-- raises: Name -->   before a python block: it ends with this exception

In expected output, `...` stands for any text, within a line or for whole lines.
"""

from __future__ import annotations

import ast
import re
import textwrap
from dataclasses import dataclass, replace
from pathlib import Path

RUNNABLE = ("python", "console")
# Languages that show something without running it. A block in any other language is a mistake.
SHOWN = ("text", "output", "toml", "json", "yaml", "ini", "mermaid", "sql", "html", "markdown", "dockerfile")

_FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>```+)(?P<info>[^`]*)$")
_MARKER = re.compile(r"^<!--\s*(?P<kind>[\w-]+):\s*(?P<text>.*?)\s*-->$")
_TITLE = re.compile(r'title="(?P<title>[^"]+)"')


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        page: the file it stands in, relative to the repository.
        line: number of its first line of code, from 1.
        language: first word of the fence.
        code: the text between the fences, without common indentation.
        title: name of the file to write it to, or "".
        not_run: why it is not run, or "" when it is.
        raises: name of the exception it ends with, or "".
        output: what it prints, or None when the page does not say.
    """

    page: str
    line: int
    language: str
    code: str
    title: str = ""
    not_run: str = ""
    raises: str = ""
    output: str | None = None

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


class PageError(ValueError):
    """A page breaks the conventions above."""


def read_blocks(text: str, page: str) -> list[Block]:
    """All fenced blocks of a page in order; an `output` block is joined to the one before it.

    Raises:
        PageError: when a fence is not closed, a language or a marker is unknown, a marker has no
            reason or no block, or an `output` block follows nothing that runs.
    """
    blocks: list[Block] = []
    markers: dict[str, str] = {}
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if marker := _MARKER.match(line.strip()):
            kind = marker["kind"]
            if kind not in ("no-run", "raises"):
                continue  # an ordinary comment with a colon
            if not marker["text"]:
                raise PageError(f"{page}:{number}: `{kind}` needs a reason")
            markers[kind] = marker["text"]
            continue
        fence = _FENCE.match(line)
        if fence is None:
            if markers and line.strip():
                raise PageError(
                    f"{page}:{number}: the marker {markers} stands before text, not before a block"
                )
            continue
        first = number
        closing = fence["indent"] + fence["ticks"]
        while number < len(lines) and lines[number].rstrip() != closing:
            number += 1
        if number == len(lines):
            raise PageError(f"{page}:{first}: this block is never closed")
        info = fence["info"].strip()
        code = textwrap.dedent("\n".join(lines[first:number])) + "\n"
        number += 1
        language = info.split()[0] if info else ""
        if language not in RUNNABLE + SHOWN:
            raise PageError(f"{page}:{first}: unknown language {language!r} of a block")
        if language == "output":
            previous = blocks.pop() if blocks else None
            if previous is None or previous.language != "python" or previous.title:
                raise PageError(f"{page}:{first}: `output` follows no python block that runs")
            blocks.append(replace(previous, output=code))
            continue
        title = _TITLE.search(info)
        blocks.append(
            Block(
                page,
                first + 1,
                language,
                code,
                title=title["title"] if title else "",
                not_run=markers.pop("no-run", ""),
                raises=markers.pop("raises", ""),
            )
        )
    if markers:
        raise PageError(f"{page}: the marker {markers} stands before no block")
    return blocks


def read_docstrings(source: str, page: str) -> list[Block]:
    """The fenced blocks of all docstrings of a module, with the line numbers of its file.

    Raises:
        PageError: as `read_blocks`.
    """
    blocks: list[Block] = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        text = ast.get_docstring(node, clean=False)
        if text is None or "```" not in text:
            continue
        first = node.body[0].lineno
        # The first line of a docstring has no indentation; the fences of the others have theirs.
        blocks += [replace(block, line=block.line + first - 1) for block in read_blocks(text, page)]
    return sorted(blocks, key=lambda block: block.line)


def commands(block: Block) -> list[tuple[str, str]]:
    """The commands of a console block, each with the output the page shows ("" if none)."""
    found: list[tuple[str, list[str]]] = []
    for line in block.code.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found and found[-1][0].endswith("\\"):
            found[-1] = (f"{found[-1][0]}\n{line}", [])
        elif found:
            found[-1][1].append(line)
        elif line.strip():
            raise PageError(f"{block.place}: a console block starts with a line of '$ command'")
    return [(command, "\n".join(output).strip("\n")) for command, output in found]


def matches(expected: str, actual: str) -> bool:
    """Whether output is as the page says: times are free, `...` stands for any text."""
    pattern = ".*".join(re.escape(part) for part in _plain(expected).split("..."))
    return re.fullmatch(pattern, _plain(actual), flags=re.DOTALL) is not None


_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:?\d\d|Z)?")
_SECONDS = re.compile(r"\b\d+(\.\d+)? ?(ms|s)\b")


def _plain(text: str) -> str:
    text = _COLOUR.sub("", text)
    text = _TIME.sub("<time>", text)
    text = _SECONDS.sub("<seconds>", text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def pages(root: Path) -> list[Path]:
    """README.md and every page of docs/, in a fixed order."""
    return [root / "README.md", *sorted((root / "docs").rglob("*.md"))]


def modules(root: Path) -> list[Path]:
    """Every module of the package whose docstrings have code blocks, in a fixed order."""
    found = sorted((root / "src" / "prefect").rglob("*.py"))
    return [module for module in found if "```" in module.read_text(encoding="utf-8")]


def count_blocks(root: Path) -> tuple[int, list[str]]:
    """Number of blocks that run, and a line with place and reason for each that is marked not to."""
    run = 0
    not_run: list[str] = []
    for page in pages(root) + modules(root):
        read = read_docstrings if page.suffix == ".py" else read_blocks
        try:
            blocks = read(page.read_text(encoding="utf-8"), str(page.relative_to(root)))
        except PageError:
            continue  # the page's own test says so
        for block in blocks:
            if block.not_run:
                not_run.append(f"{block.place}: {block.not_run}")
            elif block.language in RUNNABLE:
                run += 1
    return run, not_run
