"""In which scenarios this version does something else than 1.4.1, what, and why.

Every difference names its row in `docs/differences.md`, where the reason stands.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Outcome = dict[str, Any]
Step = Callable[[Outcome], None]


@dataclass(frozen=True)
class Difference:
    """A difference that is meant.

    Attributes:
        row: the beginning of its row in the page of differences.
        scenarios: `{name: steps}`, each of which turns something recorded with 1.4.1 into what is expected here.
    """

    row: str
    scenarios: dict[str, list[Step]]


def put(path: str, value: Any) -> Step:
    """Another value at a path such as `result/0/says`."""

    def step(outcome: Outcome) -> None:
        at, key = _find(outcome, path)
        assert _get(at, key) != value, f"{path} is what it was in 1.4.1"
        at[key] = value

    return step


def drop(path: str) -> Step:
    """Nothing at a path."""

    def step(outcome: Outcome) -> None:
        at, key = _find(outcome, path)
        del at[key]

    return step


def _find(outcome: Outcome, path: str) -> tuple[Any, Any]:
    *parents, last = path.split("/")
    at: Any = outcome
    for key in parents:
        at = at[int(key) if isinstance(at, list) else key]
    return at, int(last) if isinstance(at, list) else last


def _get(at: Any, key: Any) -> Any:
    return at.get(key) if isinstance(at, dict) else at[key]


def logs(fewer: dict[str, int] | None = None, more: dict[str, int] | None = None) -> Step:
    """Log lines that do not come as often here as in 1.4.1, or more often."""

    def step(outcome: Outcome) -> None:
        lines = Counter(outcome.get("logs"))
        for line, count in (fewer or {}).items():
            assert lines[line] >= count, f"1.4.1 does not log {line!r} {count} times"
            lines[line] -= count
        lines.update(more or {})
        outcome["logs"] = dict(+lines)
        if not outcome["logs"]:
            del outcome["logs"]

    return step


def again(task: str, count: int = 1, state: str = "Success") -> dict[str, int]:
    """The lines with which a task begins and ends."""
    return {
        f"INFO prefect.TaskRunner: Task '{task}': Starting task run...": count,
        f"INFO prefect.TaskRunner: Task '{task}': Finished task run for task with final state: '{state}'": count,
    }


def goes_on(said: str, more: str) -> Step:
    """Everything that says `said` goes on with `more`."""

    def replaced(value: Any) -> Any:
        if isinstance(value, str):
            return re.sub(re.escape(said), lambda found: found[0] + more, value)
        if isinstance(value, list):
            return [replaced(each) for each in value]
        if isinstance(value, dict):
            return {replaced(key): replaced(each) for key, each in value.items()}
        return value

    def step(outcome: Outcome) -> None:
        before = dict(outcome)
        outcome.update(replaced(outcome))
        assert outcome != before, f"1.4.1 does not say {said!r}"

    return step


def no_cache_warning(*tasks: str, runner: str = "TaskRunner") -> list[Step]:
    """The first run of a cached task does not warn."""
    lines = Counter(f"WARNING prefect.{runner}: Task '{task}': Can't use cache because it is now invalid" for task in tasks)
    return [logs(fewer=lines)]


UNMAPPABLE = "At least one upstream state has an unmappable result."
SECRET = (
    " Set the environment variable PREFECT__CONTEXT__SECRETS__{0}, or `{0} = ...` in the section "
    "[context.secrets] of config.toml."
)
LOOP_MADE = "INFO prefect.TaskRunner: Task 'loop': Finished task run for task with final state: "
FLATTEN = (
    "WARNING prefect.TaskRunner: `flatten` was used on upstream task that did not return an iterable. "
    "The value will be passed downstream unmodified."
)

PAIR_MADE = "INFO prefect.TaskRunner: Task 'tolerant_pair': Finished task run for task with final state: "
NO_CHILDREN = "AttributeError(\"'Success' object has no attribute 'map_states'\")"


def succeeded(result: Any) -> Outcome:
    """A task run that succeeded."""
    return {"context": {"tags": []}, "is": "Success", "says": "Task run succeeded.", "result": result}


def mapped(children: list[Outcome]) -> Outcome:
    """A map with these children."""
    return {
        "context": {"tags": []},
        "is": "Mapped",
        "says": "Ready to proceed with mapping.",
        "children": children,
        "result": [child["result"] for child in children],
        "width": len(children),
    }


NOT_TRIGGERED = 'Trigger was "all_successful" but some of the upstream tasks failed.'
UNTRIGGERED = {
    "context": {"tags": []},
    "is": "TriggerFailed",
    "says": NOT_TRIGGERED,
    "result": f"TRIGGERFAIL('{NOT_TRIGGERED}')",
}

DIFFERENCES = [
    Difference(
        "A task class whose `__init__` does not call",
        {"building.task_classes_without_super": [put("result", "TypeError")]},
    ),
    Difference(
        "A cached task warned in its first run",
        {
            **{
                f"caching.{name}": no_cache_warning("work")
                for name in (
                    "a_validator_of_ones_own",
                    "all_inputs",
                    "all_parameters",
                    "duration_only",
                    "handlers_of_cached_tasks",
                    "never_use",
                    "partial_inputs_only",
                    "partial_parameters_only",
                )
            },
            "caching.caches_are_shared_by_name_and_by_key": no_cache_warning("work", "work"),
            "caching.caches_of_mapped_tasks": no_cache_warning("work[0]", "work[1]"),
            "caching.expired": no_cache_warning("work", "work"),
            "caching.failures_and_skips_are_not_cached": no_cache_warning("fail", "skip", "success"),
            "runners.the_order_of_steps_with_everything": no_cache_warning("cached", runner="Noting"),
        },
    ),
    Difference(
        "`{task_loop_count}` in a location failed",
        {
            "caching.results_of_loops_and_signals": [
                put("result/0/is", "Success"),
                put("result/0/says", "All reference tasks succeeded."),
                put(
                    "result/0/result/loop-1",
                    {
                        "context": {"tags": []},
                        "is": "Success",
                        "says": "Task run succeeded.",
                        "result": 3,
                        "kept in": "LocalResult",
                        "location": "<directory>/loop-3.bin",
                    },
                ),
                put("result/1", ["loop-1.bin", "loop-2.bin", "loop-3.bin", "success.bin"]),
                logs(
                    fewer={
                        "ERROR prefect.TaskRunner: Unexpected error: KeyError('task_loop_count') [with KeyError]": 1,
                        "INFO prefect.FlowRunner: Flow run FAILED: some reference tasks failed.": 1,
                        f"{LOOP_MADE}'Failed'": 1,
                    },
                    more={
                        "INFO prefect.FlowRunner: Flow run SUCCESS: all reference tasks succeeded": 1,
                        f"{LOOP_MADE}'Success'": 1,
                    },
                ),
            ]
        },
    ),
    Difference(
        "`tasks.defaults.retry_delay` broke every retry",
        {"editing.default_settings_of_tasks": [put("result/0/1", "5.0 s")]},
    ),
    Difference(
        "`flow.get_tasks(slug=…)` found only slugs",
        {"editing.getting_tasks": [put("result/5", ["one"])]},
    ),
    Difference(
        "`flow.validate()` let an argument pass that is given twice",
        {
            "editing.validation": [
                put(
                    "result/3",
                    'ValueError: Argument "x" for task <Task: inc> has already been assigned in this flow. If you are '
                    "trying to call the task again with new arguments, call Task.copy() before adding the result to "
                    "this flow.",
                )
            ]
        },
    ),
    Difference(
        "Error messages go on, after the sentence of 1.4.1",
        {
            "inputs.local_secrets": [goes_on('Local Secret "missing" was not found.', SECRET.format("missing"))],
            "inputs.the_secret_client": [goes_on('Local Secret "b" was not found.', SECRET.format("b"))],
            "mapping.errors_when_building": [
                goes_on(
                    "Cannot map over non-sequence object of type `int`",
                    ": 5. Wrap it in `unmapped(...)` to give it to every run whole.",
                )
            ],
            "mapping.what_cannot_be_mapped": [
                put(
                    f"result/result/inc-{number}/says",
                    f"{UNMAPPABLE} {name!r} returned {kind}, which is no sequence; return a list, or wrap the input "
                    "in `unmapped`.",
                )
                for number, (name, kind) in enumerate(
                    [("number", "int"), ("nothing_given", "NoneType"), ("unordered", "set"), ("5", "int")], 1
                )
            ],
            "outcomes.a_cycle_at_run_time": [
                goes_on("flows must be acyclic!", " Remove one of these edges: a -> b -> a.")
            ],
            "runners.return_tasks": [
                goes_on("were not found in the flow.", ' They are: [<Task: other>] (of <Flow: name="return">)')
            ],
        },
    ),
    Difference(
        '`print("a", "b")` in a task with `log_stdout`',
        {
            "logs.of_printing": [
                put(
                    "result",
                    [
                        "INFO prefect.FlowRunner: Beginning Flow run for 'prints'",
                        "INFO prefect.TaskRunner: hello 1",
                        "INFO prefect.TaskRunner: two\nlines",
                        "INFO prefect.TaskRunner: no line break",
                        "INFO prefect.FlowRunner: Flow run SUCCESS: all reference tasks succeeded",
                    ],
                ),
                logs(
                    fewer={"INFO prefect.TaskRunner: 1": 1, "INFO prefect.TaskRunner: hello": 1},
                    more={"INFO prefect.TaskRunner: hello 1": 1},
                ),
            ]
        },
    ),
    Difference(
        "A task that runs in spite of skips failed when it was mapped",
        {
            "mapping.over_skips_with_the_check_off": [
                put("result/result/tolerant_pair-1/is", "Skipped"),
                put(
                    "result/result/tolerant_pair-1/says",
                    "All upstream states that would be mapped over were skipped.",
                ),
                put(
                    "result/result/tolerant_pair-2",
                    mapped([succeeded([0, "SKIP('skipped')"]), succeeded([1, "SKIP('skipped')"])]),
                ),
                put("result/result/tolerant_pair-3/says", "No upstream states can be mapped over."),
                logs(
                    fewer={f"{PAIR_MADE}'Failed'": 2},
                    more={
                        f"{PAIR_MADE}'Mapped'": 1,
                        f"{PAIR_MADE}'Skipped'": 1,
                        **again("tolerant_pair[0]"),
                        **again("tolerant_pair[1]"),
                    },
                ),
            ]
        },
    ),
    Difference(
        "A map beside a map that had failed",
        {
            "mapping.beside_a_map_that_failed": [
                put("result/is", "Failed"),
                put("result/says", "Some reference tasks failed."),
                put("result/result/pair-1", mapped([UNTRIGGERED, UNTRIGGERED])),
                logs(
                    fewer={"INFO prefect.FlowRunner: Flow run SUCCESS: all reference tasks succeeded": 1},
                    more={
                        "INFO prefect.FlowRunner: Flow run FAILED: some reference tasks failed.": 1,
                        **again("pair[0]", state="TriggerFailed"),
                        **again("pair[1]", state="TriggerFailed"),
                    },
                ),
            ]
        },
    ),
    Difference(
        "A state handler that put another state in the place of `Mapped`",
        {
            "mapping.a_handler_that_replaces_the_map": [
                put("result/is", "Success"),
                put("result/says", "All reference tasks succeeded."),
                put(
                    "result/result",
                    {
                        "[1, 2]-1": {"is": "Success", "says": None, "result": [1, 2]},
                        "source-1": {**succeeded([5]), "says": "no map"},
                        "inc-1": mapped([succeeded(6)]),
                    },
                ),
                logs(
                    fewer={
                        f"ERROR prefect.FlowRunner: Unexpected error: {NO_CHILDREN} [with AttributeError]": 1,
                        f"ERROR prefect.replaced: Unexpected error occured in FlowRunner: {NO_CHILDREN}": 1,
                    },
                    more={
                        "INFO prefect.FlowRunner: Flow run SUCCESS: all reference tasks succeeded": 1,
                        **again("inc", state="Mapped"),
                        **again("inc[0]"),
                    },
                ),
            ]
        },
    ),
    Difference(
        "A dictionary that is mapped over",
        {
            "mapping.over_a_dictionary": [
                put(
                    "result/result",
                    {
                        "dictionary-1": succeeded({"a": 1}),
                        "inc-1": {
                            "context": {"tags": []},
                            "is": "Failed",
                            "result": None,
                            "says": f"{UNMAPPABLE} 'dictionary' returned a dictionary; map over `list(x.items())`, "
                            "`list(x)` or `list(x.values())`.",
                        },
                    },
                ),
                put("result/says", "Some reference tasks failed."),
                logs(
                    fewer={
                        "ERROR prefect.FlowRunner: Unexpected error: KeyError(0) [with KeyError]": 1,
                        "ERROR prefect.dictionary: Unexpected error occured in FlowRunner: KeyError(0)": 1,
                        "INFO prefect.TaskRunner: Task 'inc': Finished task run for task with final state: 'Mapped'": 1,
                    },
                    more={
                        "INFO prefect.FlowRunner: Flow run FAILED: some reference tasks failed.": 1,
                        "INFO prefect.TaskRunner: Task 'inc': Finished task run for task with final state: 'Failed'": 1,
                    },
                ),
            ]
        },
    ),
    Difference(
        "A flow state handler that failed the flow",
        {
            "handling.flow_handlers_that_fail_the_start": [
                put("result", {"is": "Failed", "says": "not today", "result": None})
            ]
        },
    ),
    Difference(
        "The trigger of a task that takes `flatten` of a map",
        {"mapping.triggers_of_flattened_children": [put("notes/0/0", 3)]},
    ),
    Difference(
        "`n_map_states` of a map over flattened",
        {
            "mapping.flattened_values_and_children": [put("result/0/result/inc-3/width", 6)],
            "mapping.nested_maps_by_flattening": [put("result/result/inc-2/width", 6)],
        },
    ),
    Difference(
        "`flatten` of something that cannot be flattened",
        {"mapping.flattened_what_cannot_be": [logs(more={FLATTEN: 2})]},
    ),
    Difference(
        "`FilterTask` kept the signals",
        {"mapping.skips_of_children": [put("result/result/FilterTask-1/result", [0, 2])]},
    ),
    Difference(
        "A pause with a `start_time` asked",
        {
            "pausing.the_pause_signal_with_a_start_time": [
                put("notes/2", "ask: Paused > Running"),
                put("notes/4/1", ""),
            ]
        },
    ),
    Difference(
        "When a flow ran again for retries, mapped children that were done",
        {
            "retrying.of_both_stages_of_a_map": [
                logs(
                    fewer={
                        **again("flaky", state="Mapped"),
                        **again("flaky[0]", 4),
                        **again("flaky[1]"),
                        **again("flaky[2]", 4),
                        **again("flaky[3]"),
                    }
                ),
                drop("result/result/flaky-1/cached inputs"),
                drop("result/result/flaky-2/cached inputs"),
            ],
            "retrying.of_mapped_children": [
                logs(
                    fewer={
                        **again("flaky[0]", 2),
                        **again("flaky[1]"),
                        **again("inc[0]", 2),
                        **again("inc[1]"),
                    }
                ),
                drop("result/result/flaky-1/cached inputs"),
                drop("result/result/inc-1/cached inputs"),
            ],
            "retrying.retries_inside_loops_of_children": [
                logs(fewer=again("loop[0]")),
                drop("result/result/loop-1/cached inputs"),
            ],
            "runners.states_of_maps_to_begin_with": [
                logs(fewer={**again("inc[0]"), **again("inc[1]"), **again("inc[2]", state="Failed")}),
                drop("result/0/result/inc-1/cached inputs"),
                drop("result/1/result/inc-1/cached inputs"),
                drop("result/2/result/inc-1/cached inputs"),
            ],
        },
    ),
    Difference(
        "A `RETRY` signal in a loop began the loop anew",
        {
            "retrying.retry_signals_inside_loops": [
                put("notes", [[1, None, 1], [2, 100, 1], [2, 100, 2], [3, 200, 1]]),
                put("result/result/loop-1/result", "done"),
                logs(
                    fewer={
                        "INFO prefect.FlowRunner: Beginning Flow run for 'retry signal in loop'": 3,
                        "INFO prefect.FlowRunner: Flow run RUNNING: terminal tasks are incomplete.": 3,
                        "INFO prefect.TaskRunner: RETRY signal raised: RETRY('again')": 3,
                        f"{LOOP_MADE}'Retrying'": 3,
                        "INFO prefect.TaskRunner: Task 'loop': Starting task run...": 4,
                    }
                ),
            ]
        },
    ),
]
