"""How queries of clients and of the web interface grow with the database: `make bench-growth`.

    python benchmarks/server_growth.py [--task-runs 1000000] [--postgres-url URL URL] [--times 60] [--write]

Every query is sent to two databases in turns, a small one (a few thousand task runs, so that there is
something to find) and a large one. The 95th percentile of a query may be 1.5 times that of the small one.
On SQLite CPU time is compared, which nobody else on the machine disturbs; on PostgreSQL time, since its
processes do the work. Text search, which has to look at every row of a tenant, is bounded: it ends in an
answer or a refusal within half a second.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import os
import platform
import re
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from server_seed import TASKS, Seeded, Size, seeded

from prefect.server.graphql.execute import Executor, Request
from prefect.server.security.caller import Caller

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "RESULTS-growth.md"
RECORDED = HERE.parent / "tests" / "compat" / "wire_operations.json"
SMALL = Size(flows=20, runs=25)
BAR = 1.5
#: Seconds that a search may take.
SEARCH_S = 0.5

#: What pages of the web interface ask for; upper-case words stand for ids and for a moment not long ago.
PAGES = {
    "runs of a tenant": "{ flow_run(limit: 20, order_by: {created: desc}) { id name state flow { name } } }",
    "history": '{ flow_run(where: {start_time: {_gte: "RECENT"}}, order_by: [{start_time: desc}], limit: 5000) '
    "{ id name state state_message start_time end_time flow { name version } } }",
    "what failed": '{ flow_run(where: {state: {_in: ["Failed", "TimedOut"]}, state_timestamp: {_gte: "RECENT"}}, '
    "order_by: [{state_timestamp: desc}], limit: 200) { id name state state_message flow { name flow_group_id } } }",
    "what is late": '{ flow_run(where: {state: {_eq: "Scheduled"}, state_start_time: {_lte: "2040-01-01"}}, '
    "order_by: [{state_start_time: asc}], limit: 20) { id name } "
    'flow_run_aggregate(where: {state: {_eq: "Scheduled"}, state_start_time: {_lte: "2040-01-01"}}) { aggregate { count } } }',
    "what runs": '{ flow_run(where: {state: {_in: ["Running", "Cancelling"]}}, order_by: [{start_time: desc_nulls_last}], '
    "limit: 15) { id name start_time flow { name } } }",
    "what waits": '{ flow_run(where: {state: {_in: ["Scheduled", "Resume"]}}, order_by: [{state_start_time: asc}], limit: 300) '
    "{ id name labels state state_start_time flow { name } } }",
    "a day of the calendar": '{ flow_run(where: {scheduled_start_time: {_gte: "RECENT"}}, order_by: [{scheduled_start_time: asc}], '
    "limit: 2000) { id name state start_time flow { name } } }",
    "runs of a flow": '{ flow_run(where: {flow_id: {_eq: "FLOW"}}, limit: 20, order_by: {scheduled_start_time: desc}) { id } }',
    "newest run of a flow group": '{ flow_run(where: {flow: {flow_group_id: {_eq: "GROUP"}}}, order_by: [{created: desc}], limit: 1) { id } }',
    "task runs of a run": '{ task_run(where: {flow_run_id: {_eq: "RUN"}, map_index: {_eq: -1}}, order_by: [{start_time: '
    "asc_nulls_last}, {id: asc}], limit: 5000) { id state task { name mapped } } }",
    "first failure of a run": '{ task_run(where: {flow_run_id: {_eq: "RUN"}, state: {_in: ["Failed", "TimedOut"]}}, order_by: '
    '[{state_timestamp: asc}], limit: 1) { id } log(where: {flow_run_id: {_eq: "RUN"}, level: {_in: ["ERROR"]}}, '
    "order_by: [{timestamp: asc}], limit: 1) { id } }",
    "log of a run": '{ log(where: {flow_run_id: {_eq: "RUN"}}, limit: 100, order_by: {timestamp: asc}) { message } }',
    "a run with all": '{ flow_run_by_pk(id: "RUN") { id flow { name project { name } tasks { name upstream_edges { key } } } '
    "states { state } task_runs { id states { state } logs_aggregate { aggregate { count } } } logs { message } } }",
    "a task run": '{ task_run_by_pk(id: "TASK_RUN") { id state flow_run { name flow { name } } task { name upstream_edges '
    "{ upstream_task { name } } } states(order_by: [{version: desc}], limit: 200) { state } child_flow_runs { id } } }",
    "flows with their last run": "{ flow(limit: 20, order_by: {created: desc}) { id flow_runs(limit: 1, "
    "order_by: {scheduled_start_time: desc}) { state } } }",
    "a flow": '{ flow_by_pk(id: "FLOW") { id name tasks { id name } flow_runs(limit: 10, order_by: {scheduled_start_time: desc}) { state } } }',
    "children of a task run": '{ mapped_children(task_run_id: "TASK_RUN") { state_counts } }',
    "the queue of an agent": 'mutation { get_runs_in_queue(input: {tenant_id: "TENANT", labels: ["none-of-these"]}) { flow_run_ids } }',
}  # fmt: skip

SEARCHES = {
    "runs whose name contains a text": '{ flow_run(where: {name: {_ilike: "%zebra%"}}, limit: 20) { id } }',
    "task runs whose name contains a text": '{ task_run(where: {name: {_ilike: "%zebra%"}}, limit: 20) { id } }',
    "log lines that contain a text": '{ log(where: {message: {_ilike: "%zebra%"}}, limit: 20) { message } }',
}

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAMES = {'"cap-flow"': '"flow-7"', '"P1"': '"project-0"', '"MYSECRET-1"': '"task-1"', '"zz"': '"run-77"', '"ck"': '"key-7"'}  # fmt: skip


def recorded() -> dict[str, str]:
    """`{title: document}` of the queries of 1.4.1 that read tables."""
    found: dict[str, str] = {}
    for operation in json.loads(RECORDED.read_text(encoding="utf-8"))["operations"]:
        root = operation["root_fields"][0]
        if operation["kind"] != "query" or operation["variables_example"]:
            continue
        if root.startswith(("hello", "auth_info", "secret")):
            continue
        document = operation["document"]
        for old, new in _NAMES.items():
            document = document.replace(old, new)
        found[f"1.4.1: {operation['name']}"] = document
    return found


def with_ids(document: str, table: str, ids: dict[str, str]) -> str:
    """A document for a database: ids that were recorded become ids of it."""

    def replace(match: re.Match[str]) -> str:
        keys = re.findall(r"(\w+):\s*(?:\{\s*_\w+:\s*)?\[?[\"\s,0-9a-f-]*$", document[: match.start()])
        return ids.get(keys[-1].removesuffix("_id"), ids.get(table, match.group()))

    found = _UUID.sub(replace, document)
    words = {
        "TASK_RUN": "task_run",
        "TENANT": "tenant",
        "GROUP": "flow_group",
        "FLOW": "flow",
        "RUN": "flow_run",
        "RECENT": "recent",
    }
    for word, name in words.items():
        found = found.replace(f'"{word}"', f'"{ids[name]}"')
    return found


@dataclass
class Asked:
    """A database and who asks it."""

    database: Seeded

    def __post_init__(self) -> None:
        tenant_id = self.database.ids["tenant"]
        self._executor = Executor(self.database.store, lambda: datetime.datetime.now(datetime.timezone.utc))
        self._caller = Caller(tenant_id, "admin", tenants=(tenant_id,))
        self._loop = asyncio.new_event_loop()

    def document(self, text: str) -> str:
        """A document with ids of this database."""
        root = re.search(r"[a-z_]+(?=\s*[({])", text.partition("{")[2])
        table = root.group().removesuffix("_by_pk") if root else ""
        return with_ids(text, table.removeprefix("get_").removesuffix("_info"), self.database.ids)

    def seconds(self, document: str, *, of_cpu: bool, may_fail: bool = False) -> float:
        """How long a query takes."""
        clock = time.process_time if of_cpu else time.perf_counter
        started = clock()
        reply = self._loop.run_until_complete(self._executor.execute(Request(document, {}), self._caller))
        took = clock() - started
        if b'"errors"' in reply.body and not may_fail:
            raise SystemExit(f"{document}\n{reply.body.decode()}")
        return took


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def compare(small: Asked, large: Asked, text: str, times: int, *, of_cpu: bool) -> tuple[float, float]:
    """The 95th percentiles of a query, asked in turns."""
    documents = [(asked, asked.document(text)) for asked in (small, large)]
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(times + 5):
        for index, (asked, document) in enumerate(documents):
            took = asked.seconds(document, of_cpu=of_cpu)
            if number >= 5:  # warm
                taken[index].append(took)
    return p95(taken[0]), p95(taken[1])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--task-runs", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=60)
    parser.add_argument("--postgres-url", nargs=2, metavar="URL", help="two empty databases to use")
    parser.add_argument("--write", action="store_true", help=f"write the table to {RESULTS.name}")
    options = parser.parse_args()
    size = Size(SMALL.flows, max(SMALL.runs, options.task_runs // (SMALL.flows * TASKS)))
    urls = options.postgres_url or ("", "")
    of_cpu = not options.postgres_url

    with tempfile.TemporaryDirectory(prefix="prefect-bench-") as directory:
        asked: list[Asked] = []
        for number, (one, url) in enumerate(zip((SMALL, size), urls, strict=True)):
            place = Path(directory) / str(number)
            place.mkdir()
            asked.append(Asked(seeded(place, one, url)))
        small, large = asked
        lines = [
            f"| query | p95, {SMALL.task_runs:,} task runs | p95, {size.task_runs:,} | ratio |",
            "|---|---|---|---|",
        ]
        print(*lines, sep="\n")
        missed = 0
        for title, text in {**PAGES, **recorded()}.items():
            few, many = compare(small, large, text, options.times, of_cpu=of_cpu)
            if many / few > BAR:  # once more: a single disturbance is no growth
                again = compare(small, large, text, 2 * options.times, of_cpu=of_cpu)
                few, many = min((few, many), again, key=lambda pair: pair[1] / pair[0])
            is_met = many / few <= BAR
            missed += not is_met
            lines.append(
                f"| {title} | {few * 1e3:.2f} ms | {many * 1e3:.2f} ms | {many / few:.2f} {'✓' if is_met else '**over**'} |"
            )
            print(lines[-1], flush=True)
        lines += ["", "| text search | longest of 5 | bound |", "|---|---|---|"]
        print(*lines[-3:], sep="\n")
        for title, text in SEARCHES.items():
            longest = max(large.seconds(text, of_cpu=False, may_fail=True) for _ in range(5))
            is_met = longest <= 1.5 * SEARCH_S
            missed += not is_met
            lines.append(
                f"| {title} | {longest * 1e3:.0f} ms | {SEARCH_S * 1e3:.0f} ms {'✓' if is_met else '**over**'} |"
            )
            print(lines[-1], flush=True)
        for one in asked:
            one.database.store.close()
    if options.write:
        RESULTS.write_text(
            report(lines, "SQLite" if of_cpu else "PostgreSQL", options.times), encoding="utf-8"
        )
    if missed:
        print(f"{missed} queries are over the bar", file=sys.stderr)
    return 1 if missed else 0


def report(lines: list[str], database: str, times: int) -> str:
    return (
        "# How queries grow with the database\n\n"
        f"Made by `make bench-growth GROWTH_BENCH_ARGS=--write` on {datetime.date.today():%d %B %Y}: {database}, "
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; each query {times} times "
        f"to each database, in turns. The bar is {BAR}.\n\n" + "\n".join(lines) + "\n"
    )


if __name__ == "__main__":
    sys.exit(main())
