"""Every code block of README.md, docs/ and the docstrings runs and prints what the page says."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from blocks import PageError, commands, matches, modules, pages, read_blocks, read_docstrings

ROOT = Path(__file__).resolve().parents[2]
RUNNER = Path(__file__).with_name("run_page.py")
PAGES = [str(page.relative_to(ROOT)) for page in pages(ROOT) + modules(ROOT)]


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_the_page_runs_as_it_says(page: str) -> None:
    done = subprocess.run(
        [sys.executable, str(RUNNER), str(ROOT / page), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", [str(path.relative_to(ROOT)) for path in (ROOT / "src").rglob("*.py")])
def test_every_example_in_a_docstring_is_a_block(module: str) -> None:
    for node in ast.walk(ast.parse((ROOT / module).read_text(encoding="utf-8"))):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            text = re.sub(r"^ *```.*?```", "", ast.get_docstring(node) or "", flags=re.DOTALL | re.MULTILINE)
            loose = re.findall(
                r"^ *(?:>>> |from [\w.]+ import |import \w|with Flow\(|@task).*", text, re.MULTILINE
            )
            assert loose == [], f"{module}: put ```python around this"


# --- the reader of blocks itself ---------------------------------------------------------------
def test_a_block_knows_its_language_line_and_title() -> None:
    [block] = read_blocks('text\n\n```python title="a.py"\nx = 1\n```\n', "p.md")
    assert (block.language, block.line, block.title, block.code) == ("python", 4, "a.py", "x = 1\n")


def test_output_belongs_to_the_python_block_before_it() -> None:
    [block] = read_blocks("```python\nprint(1)\n```\n\nIt prints:\n\n```output\n1\n```\n", "p.md")
    assert block.output == "1\n"


def test_a_block_indented_in_a_list_is_dedented() -> None:
    [block] = read_blocks("- item\n\n    ```python\n    if 1:\n        x = 1\n    ```\n", "p.md")
    assert block.code == "if 1:\n    x = 1\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("```python\nx = 1\n", "never closed"),
        ("```pyhton\nx = 1\n```\n", "unknown language"),
        ("```\nx = 1\n```\n", "unknown language"),
        ("<!-- no-run: -->\n```python\nx\n```\n", "needs a reason"),
        ("<!-- no-run: why -->\ntext\n", "not before a block"),
        ("<!-- no-run: why -->\n", "before no block"),
        ("```output\n1\n```\n", "follows no python block"),
    ],
)
def test_a_mistake_in_the_markup_is_an_error(text: str, problem: str) -> None:
    with pytest.raises(PageError, match=problem):
        read_blocks(text, "p.md")


def test_a_marked_block_carries_its_reason() -> None:
    [block] = read_blocks("<!-- no-run: needs a cluster -->\n```python\nx\n```\n", "p.md")
    assert block.not_run == "needs a cluster"


def test_commands_are_split_from_their_output() -> None:
    [block] = read_blocks("```console\n$ a \\\n  --b\none\n$ c\n```\n", "p.md")
    assert commands(block) == [("a \\\n  --b", "one"), ("c", "")]


@pytest.mark.parametrize(
    ("expected", "actual", "equal"),
    [
        ("a\n", "a\n\n", True),
        ("a ... c", "a b c", True),
        ("a\n...\nc", "a\nb\nb\nc", True),
        ("a", "b", False),
        ("a", "a\nb", False),
        ("[2026-11-25 10:00:00+0000] INFO", "[2027-01-02 03:04:05+0000] INFO", True),
        ("done in 1.5 s", "done in 12 ms", True),
    ],
)
def test_output_is_compared_without_times(expected: str, actual: str, equal: bool) -> None:
    assert matches(expected, actual) is equal


def test_blocks_of_docstrings_keep_the_lines_of_their_file() -> None:
    source = 'class A:\n    """A.\n\n    Example:\n        ```python\n        x = 1\n        ```\n    """\n'
    [block] = read_docstrings(source, "a.py")
    assert (block.line, block.code) == (6, "x = 1\n")


def run_text(directory: Path, text: str) -> subprocess.CompletedProcess[str]:
    page = directory / "page.md"
    page.write_text(text, encoding="utf-8")
    return subprocess.run(
        [sys.executable, str(RUNNER), str(page), str(directory)], capture_output=True, text=True, check=False
    )


def test_blocks_share_a_namespace(tmp_path: Path) -> None:
    done = run_text(tmp_path, "```python\nx = 1\n```\n\n```python\nprint(x)\n```\n\n```output\n1\n```\n")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("```python\nprint(1)\n```\n```output\n2\n```\n", "printed something else"),
        ("```python\nraise KeyError('x')\n```\n", r'page.md", line 2'),
        ("<!-- raises: KeyError -->\n```python\nx = 1\n```\n", "should have raised KeyError"),
        ("```console\n$ exit 3\n```\n", "ended with 3"),
        ("```console\n$ echo a\nb\n```\n", "printed something else"),
        ('```python title="a.py"\nx = 1\n```\n', "no console block uses it"),
    ],
)
def test_a_block_that_does_not_do_what_the_page_says_fails(tmp_path: Path, text: str, problem: str) -> None:
    done = run_text(tmp_path, text)
    assert done.returncode == 1
    assert problem in done.stderr


def test_a_titled_block_is_written_for_the_console(tmp_path: Path) -> None:
    done = run_text(
        tmp_path, '```python title="a.py"\nprint(6 * 7)\n```\n```console\n$ python a.py\n42\n```\n'
    )
    assert done.returncode == 0, done.stderr
