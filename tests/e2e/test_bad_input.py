"""Every mistake of a user gets one sentence that says what, where and what next.

Each case is a flow file, the command on it, the exit status, and the sentence that must be there.
No case may show a line of Prefect's own code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from prefect.cli._exit_codes import FAILED, NOT_FOUND, USAGE

PREFECT = Path(__file__).resolve().parents[2] / "src" / "prefect"

GREETING = """
from prefect import Flow, Parameter, task

@task
def show(x):
    print(x)

with Flow("greeting") as flow:
    show(Parameter("name"))
"""

TWO = """
from prefect import Flow
first, second = Flow("first"), Flow("second")
"""

CYCLE = """
from prefect import Flow, task

@task
def a(x): return x

@task
def b(x): return x

with Flow("cyclic") as flow:
    first = a(1)
    flow.add_edge(b(first), first)
"""

DUPLICATE_KEYS = """
from prefect import Flow, task

@task
def a(): return 1

@task
def b(x): return x

with Flow("twice") as flow:
    flow.add_edge(a(), b(a()), key="x")
"""

SCALAR = """
from prefect import Flow, task

@task
def one(): return 1

@task
def double(x): return 2 * x

with Flow("scalar") as flow:
    double.map(one())
"""

SCALAR_LITERAL = """
from prefect import Flow, task

@task
def double(x): return 2 * x

with Flow("scalar") as flow:
    double.map(3)
"""

UNPICKLABLE = """
import threading
from prefect import Flow, task
from prefect.executors import ProcessPoolExecutor

lock = threading.Lock()

@task
def guarded(x):
    with lock:
        return x

with Flow("locked", executor=ProcessPoolExecutor(max_workers=1)) as flow:
    guarded.map([1, 2])
"""

RAISES = """
from prefect import Flow

def read_settings():
    return {}["database"]

settings = read_settings()
flow = Flow("never")
"""

WRONG_CALL = """
from prefect import Flow, task

@task
def add(x, y): return x + y

with Flow("sum") as flow:
    add(1)
"""

SYNTAX = """
from prefect import Flow
with Flow("x") as flow
    pass
"""

NEEDS_A_MODULE = """
import a_module_that_is_not_installed
"""

# `blocked` is a file, so nobody, not even root, can make a folder below it.
UNWRITABLE = """
from pathlib import Path
from prefect import Flow, task
from prefect.engine.results import LocalResult

Path("blocked").write_text("a file")

@task(result=LocalResult(dir="blocked/results", validate_dir=False))
def work(): return 1

with Flow("unwritable") as flow:
    work()
"""

UNWRITABLE_AT_ONCE = UNWRITABLE.replace(", validate_dir=False", "")

TARGET_WITHOUT_RESULT = """
from prefect import Flow, task

@task(target="here.txt")
def work(): return 1

with Flow("target") as flow:
    work()
"""

TASK_FAILS = """
from prefect import Flow, task

@task
def divide(x): return 1 / x

with Flow("division") as flow:
    divide(0)
"""


@dataclass(frozen=True)
class Case:
    name: str
    code: str
    status: int
    sentence: str
    options: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


CASES = [
    Case("a flow file that is not there", "", NOT_FOUND, "The flow file 'flow.py' does not exist."),
    Case(
        "an unknown parameter",
        GREETING,
        USAGE,
        "Flow 'greeting' has no parameter 'nmae'; it has 'name'.\nHint: Did you mean 'name'?",
        ("--param", "nmae=Marvin"),
    ),
    Case(
        "a missing required parameter",
        GREETING,
        USAGE,
        "Flow 'greeting' needs a value for its parameter 'name'.\nHint: Pass --param name=VALUE.",
    ),
    Case(
        "a parameter that is not JSON",
        GREETING,
        USAGE,
        "--param name starts like JSON but is not: Expecting ',' delimiter at character 4 of '[1 2'.",
        ("--param", "name=[1 2"),
    ),
    Case(
        "a parameter without a value",
        GREETING,
        USAGE,
        "--param 'name' is not of the form key=value.",
        ("--param", "name"),
    ),
    Case(
        "a parameter file that is not JSON",
        GREETING,
        USAGE,
        "The parameter file 'values.json' is not JSON: Expecting value at line 1, column 10.",
        ("--param-file", "values.json"),
        files={"values.json": '{"name": Marvin}'},
    ),
    Case(
        "a parameter file that is no object",
        GREETING,
        USAGE,
        "The parameter file 'values.json' holds a list; it must hold one JSON object",
        ("--param-file", "values.json"),
        files={"values.json": "[1]"},
    ),
    Case(
        "a parameter file that is not there",
        GREETING,
        NOT_FOUND,
        "There is no parameter file 'values.json'.",
        ("--param-file", "values.json"),
    ),
    Case(
        "several flows and no name",
        TWO,
        USAGE,
        "There are 2 flows in flow.py: 'first', 'second'.\nHint: Say which one to run: --name 'first'",
    ),
    Case(
        "a name that no flow has",
        TWO,
        NOT_FOUND,
        "There is no flow 'third' in flow.py; it has 'first', 'second'.",
        ("--name", "third"),
    ),
    Case(
        "a file without a flow", "x = 1", NOT_FOUND, "There is no flow in flow.py.\nHint: A flow is found if"
    ),
    Case(
        "a cyclic flow",
        CYCLE,
        FAILED,
        r"Flow 'cyclic' cannot run: Cycle found; flows must be acyclic! Remove one of these edges: a -> b -> a.",
    ),
    Case(
        "an argument that is given twice",
        DUPLICATE_KEYS,
        FAILED,
        "Flow 'twice' cannot run: Argument \"x\" for task <Task: b> has already been assigned in this flow.",
    ),
    Case(
        "mapping over a scalar result",
        SCALAR,
        FAILED,
        "double: At least one upstream state has an unmappable result. 'one' returned int, which is no sequence; "
        "return a list, or wrap the input in `unmapped`.",
    ),
    Case(
        "mapping over a scalar in the file",
        SCALAR_LITERAL,
        FAILED,
        "The flow file 'flow.py' raised TypeError: Cannot map over unsubscriptable object of type <class 'int'>: 3",
    ),
    Case(
        "a task that does not pickle, with processes",
        UNPICKLABLE,
        FAILED,
        "global variable 'lock' of function 'guarded'",
    ),
    Case("a flow file that raises", RAISES, FAILED, "The flow file 'flow.py' raised KeyError: 'database'"),
    Case(
        "a task called with wrong arguments",
        WRONG_CALL,
        FAILED,
        "The flow file 'flow.py' raised TypeError: missing a required argument: 'y'",
    ),
    Case("a flow file with wrong syntax", SYNTAX, FAILED, "The flow file 'flow.py' raised SyntaxError: "),
    Case(
        "a flow file that needs a missing module",
        NEEDS_A_MODULE,
        FAILED,
        "raised ModuleNotFoundError: No module named 'a_module_that_is_not_installed'",
    ),
    Case(
        "a result folder that cannot be written, at run time",
        UNWRITABLE,
        FAILED,
        "blocked/results cannot be created: not a directory. Choose another with LocalResult(dir=...).",
        env={"PREFECT__FLOWS__CHECKPOINTING": "true"},
    ),
    Case(
        "a result folder that cannot be written, when it is named",
        UNWRITABLE_AT_ONCE,
        FAILED,
        "blocked/results cannot be created: not a directory. Choose another with LocalResult(dir=...).",
    ),
    Case(
        "a target and nothing to store it",
        TARGET_WITHOUT_RESULT,
        FAILED,
        "Flow 'target' cannot run: Task 'work' has a target ('here.txt'), but neither the task nor the flow has a "
        "result",
    ),
    Case(
        "a task that fails",
        TASK_FAILS,
        FAILED,
        "divide: ZeroDivisionError: division by zero\nFlow run failed!",
    ),
    Case(
        "a wrong value in an environment variable",
        GREETING,
        USAGE,
        "The setting logging.level must be one of DEBUG, INFO, WARNING, ERROR and CRITICAL, not 'LOUD' "
        "(set by the environment variable PREFECT__LOGGING__LEVEL).",
        env={"PREFECT__LOGGING__LEVEL": "LOUD"},
    ),
    Case(
        "a wrong value in the configuration file",
        GREETING,
        USAGE,
        "The setting tasks.defaults.max_retries must be a whole number, not 'many'",
        env={"PREFECT__USER_CONFIG_PATH": "settings.toml"},
        files={"settings.toml": '[tasks.defaults]\nmax_retries = "many"\n'},
    ),
    Case(
        "two ways to name a flow",
        GREETING,
        USAGE,
        "--path and --module exclude each other.",
        ("--module", "x"),
    ),
    Case("an option that does not exist", GREETING, USAGE, "No such option", ("--quite",)),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_mistake_gets_one_sentence(case: Case, tmp_path: Path, run_prefect) -> None:
    if case.code:
        (tmp_path / "flow.py").write_text(case.code, encoding="utf-8")
    for name, content in case.files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    result = run_prefect("run", "-p", "flow.py", *case.options, env=case.env)
    output = result.stdout + result.stderr
    assert case.sentence in output
    assert result.returncode == case.status
    # A traceback may show the user's own file, and never a line of ours.
    frames = re.findall(r'File "([^"]+)"', output)
    assert not [frame for frame in frames if frame.startswith(str(PREFECT)) or "<frozen" in frame]
    if case.name != "a task that fails" and "raised" not in case.sentence:
        assert "Traceback" not in output or frames


def test_what_a_flow_file_raises_is_shown_from_its_first_line_on(tmp_path: Path, run_prefect) -> None:
    (tmp_path / "flow.py").write_text(RAISES, encoding="utf-8")
    result = run_prefect("run", "-p", "flow.py")
    assert [line.strip() for line in result.stderr.splitlines() if "File " in line] == [
        'File "flow.py", line 7, in <module>',
        'File "flow.py", line 5, in read_settings',
    ]


def test_with_debug_on_everything_is_shown(tmp_path: Path, run_prefect) -> None:
    (tmp_path / "flow.py").write_text(CYCLE, encoding="utf-8")
    result = run_prefect("run", "-p", "flow.py", env={"PREFECT__DEBUG": "true"})
    assert str(PREFECT) in result.stderr
    assert result.returncode == FAILED
