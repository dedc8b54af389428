"""How the scenarios of this directory are written, played and described.

Scenarios run unchanged on Prefect 1.4.1 and on this version, so this file and those beside it import only
what both have. A scenario is a function that takes a `Trace`, does something with flows, and returns what came
of it; notes of the trace, log lines from INFO on and warnings are part of what is compared.
"""

import collections
import contextlib
import datetime
import importlib
import io
import json
import logging
import os
import re
import sys
import tempfile
import warnings
from pathlib import Path

import prefect
from prefect import Task
from prefect.engine.state import State
from prefect.exceptions import PrefectSignal

SCENARIOS = {}

#: The files of scenarios.
MODULES = (
    "outcomes",
    "triggering",
    "mapping",
    "retrying",
    "pausing",
    "caching",
    "inputs",
    "handling",
    "logs",
    "building",
    "editing",
    "runners",
    "branching",
    "states",
    "scheduling",
)


def load_scenarios():
    """`{name: function}` of all scenarios."""
    for module in MODULES:
        importlib.import_module(module)
    return SCENARIOS


def scenario(function):
    """Make a function a scenario."""
    name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
    assert name not in SCENARIOS, name
    SCENARIOS[name] = function
    return function


class Trace:
    """What a scenario tells beside its result.

    Attributes:
        directory: an empty directory, which is the current one.
        notes: what was noted.
    """

    def __init__(self, directory):
        self.directory = directory
        self.notes = []

    def note(self, *what):
        """Add something to the trace."""
        self.notes.append(what[0] if len(what) == 1 else list(what))

    def handler(self, label="", replace=None):
        """A state handler that notes every change.

        `replace` is called with the states and may return one.
        """

        def handle(whom, old, new):
            name = getattr(whom, "name", type(whom).__name__)
            self.note(f"{label}{name}: {type(old).__name__} > {type(new).__name__}")
            return None if replace is None else replace(old, new)

        return handle

    def run(self, flow, **kwargs):
        """Run a flow; all that can be seen of its states."""
        return run(flow, **kwargs)

    def error(self, function, *args, **kwargs):
        """The text of the error that a call raises."""
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                value = function(*args, **kwargs)
        except (Exception, PrefectSignal) as exc:
            return f"{type(exc).__name__}: {exc}"
        return ["no error", value]

    @contextlib.contextmanager
    def answers(self, *lines):
        """Lines that are typed in while the block runs; the questions are noted."""
        before = sys.stdin, sys.stdout
        sys.stdin = io.StringIO("".join(f"{line}\n" for line in lines))
        sys.stdout = shown = io.StringIO()
        try:
            yield
        finally:
            sys.stdin, sys.stdout = before
            self.note("shown", shown.getvalue())

    def logs(self):
        """The log lines so far, in order."""
        return list(self.lines)


def run(flow, **kwargs):
    """Run a flow; all that can be seen of its states."""
    return flow_state(flow, flow.run(**kwargs))


def flow_state(flow, state):
    """All that can be seen of the state of a flow run."""
    found = describe(state)
    if isinstance(state.result, dict):
        found["result"] = {
            flow.slugs.get(task, repr(task)): describe(kept) for task, kept in state.result.items()
        }
    return found


def describe(state):
    """All that can be seen of a state."""
    if not isinstance(state, State):
        return plain(state)
    found = {"is": type(state).__name__, "says": state.message}
    if state.is_mapped():
        found["children"] = [describe(child) for child in state.map_states]
        found["width"] = state.n_map_states
    found["result"] = plain(state.result)
    kept = state._result
    if type(kept).__name__ not in ("Result", "NoResultType"):
        found["kept in"] = type(kept).__name__
    if kept.location is not None:
        found["location"] = plain(kept.location)
    if state.context:
        found["context"] = {
            key: sorted(value) if key == "tags" else plain(value) for key, value in state.context.items()
        }
    if state.cached_inputs:
        found["cached inputs"] = {key: plain(value.value) for key, value in state.cached_inputs.items()}
    for name in ("run_count", "loop_count", "cached_parameters", "state"):
        if getattr(state, name, None) is not None:
            found[name] = plain(getattr(state, name))
    if getattr(state, "hashed_inputs", None) is not None:
        found["hashed inputs"] = sorted(state.hashed_inputs)
    if hasattr(state, "cached_result_expiration"):
        found["expires"] = state.cached_result_expiration is not None
    return found


def plain(value):
    """`value` as JSON, without what differs from run to run."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return text(value)
    if isinstance(value, State):
        return describe(value)
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(each) for each in value), key=repr)
    if isinstance(value, dict):
        return {text(key if isinstance(key, str) else repr(key)): plain(each) for key, each in value.items()}
    if isinstance(value, BaseException):
        return text(f"{type(value).__name__}({', '.join(map(repr, value.args))})")
    if isinstance(value, datetime.timedelta):
        return f"{value.total_seconds()} s"
    return text(repr(value))


_REPLACED = [
    (re.compile(r"0x[0-9a-fA-F]{6,}"), "0x"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z)?"), "<time>"),
    (re.compile(r"\d{4}-\d\d-\d\dt\d\d-\d\d-\d\d-\d+-\d\d-\d\d"), "<time>"),
    (re.compile(r"(?<=[\w>]\.)\<locals\>\."), ""),
]


def text(value):
    """A text without directories, addresses, ids and times."""
    value = value.replace(os.getcwd(), "<directory>")
    for pattern, replacement in _REPLACED:
        value = pattern.sub(replacement, value)
    return value


class _Lines(logging.Handler):
    def __init__(self):
        super().__init__(logging.INFO)
        self.lines = []

    def emit(self, record):
        message = record.getMessage().rstrip("\n")
        if record.exc_info:
            message += f" [with {record.exc_info[0].__name__}]"
        self.lines.append(f"{record.levelname} {record.name}: {text(message)}")


def play(name):
    """Everything that came of a scenario, as JSON."""
    function = SCENARIOS[name]
    before = os.getcwd()
    lines = _Lines()
    logger = logging.getLogger("prefect")
    with tempfile.TemporaryDirectory() as directory, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        os.chdir(directory)
        trace = Trace(Path(os.getcwd()))
        trace.lines = lines.lines
        others, logger.handlers, level = logger.handlers, [lines], logger.level
        logger.setLevel(logging.DEBUG)
        try:
            with prefect.context(caches={}):
                try:
                    result = plain(function(trace))
                except Exception as exc:
                    result = {"raised": text(f"{type(exc).__name__}: {exc}")}
            notes = plain(trace.notes)
            told = [warning_text(each) for each in warned if is_ours(each)]
        finally:
            logger.handlers = others
            logger.setLevel(level)
            os.chdir(before)
    outcome = {"result": result, "notes": notes, "logs": collections.Counter(lines.lines), "warnings": sorted(told)}
    outcome = {key: value for key, value in outcome.items() if value or key == "result"}
    return json.loads(json.dumps(outcome, sort_keys=True))


def is_ours(warning):
    """Whether a warning is for the user of Prefect, and no library's talk about another."""
    return issubclass(warning.category, UserWarning) and not issubclass(warning.category, DeprecationWarning)


def warning_text(warning):
    """The first sentence of a warning; names in sets are sorted."""
    sentence = text(f"{warning.category.__name__}: {warning.message}").partition(". ")[0]
    return re.sub(r"\{(<.*>)\}", lambda found: "{" + ", ".join(sorted(found[1].split(", "))) + "}", sentence)


def names(tasks):
    """The names of tasks, sorted."""
    return sorted(task.name for task in tasks)


def edges(flow):
    """The edges of a flow as texts, sorted."""
    return sorted(
        f"{flow.slugs[edge.upstream_task]} > {flow.slugs[edge.downstream_task]}"
        f"{'' if edge.key is None else f' as {edge.key}'}"
        f"{' mapped' if edge.mapped else ''}{' flattened' if edge.flattened else ''}"
        for edge in flow.edges
    )


def constants(flow):
    """The constants of a flow as `{slug: {key: value}}`."""
    return {flow.slugs[task]: values for task, values in flow.constants.items() if values}


assert Task  # for those who import it from here
