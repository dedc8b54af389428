"""What docs/differences.md says is true: each difference has a test, here or in its neighbours."""

from __future__ import annotations

import ast
import datetime
import importlib
import json
import os
import re
import subprocess
import sys
import threading
from email.message import EmailMessage
from pathlib import Path

import pendulum
import pytest

import prefect
from prefect import Flow, Parameter, case, task
from prefect.configuration import Config, to_environment_variables
from prefect.engine import signals
from prefect.engine.result.errors import ResultReadError, UnsafeLocationError
from prefect.engine.results import LocalResult
from prefect.engine.state import Failed, Skipped, Success, TimedOut
from prefect.executors import (
    DaskExecutor,
    Executor,
    LocalDaskExecutor,
    LocalExecutor,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from prefect.schedules import CronSchedule
from prefect.tasks.control_flow import FilterTask, merge
from prefect.tasks.database import SQLiteQuery
from prefect.tasks.docker import BuildImage
from prefect.tasks.files import Zip
from prefect.tasks.notifications import EmailTask
from prefect.tasks.shell import ShellTask
from prefect.tasks.templates import StringFormatter
from prefect.testing import run_flow
from prefect.utilities.datetimes import retry_delay
from prefect.utilities.git import TemporaryGitRepo
from prefect.utilities.logging import configure_logging
from prefect.utilities.notifications import slack_notifier, snowflake_logger

ROOT = Path(__file__).resolve().parents[2]


def listed_differences() -> list[str]:
    """First cell of each row of the table of faults, then the bullets of what is meant to be better."""
    page = (ROOT / "docs" / "differences.md").read_text(encoding="utf-8")
    faults = page.split("## Faults of 1.4.1 that are fixed")[1].split("\n## ")[0]
    rows = [line.split(" | ")[0].removeprefix("| ") for line in faults.splitlines() if line.startswith("| ")]
    better = page.split("## Meant to be better")[1].split("\n## ")[0]
    bullets = [line.removeprefix("- ") for line in better.splitlines() if line.startswith("- ")]
    return rows[1:] + bullets  # without the heading of the table


# A test says by a marker which line it is for; the recorded scenarios in `flows/` have theirs in a table.
_NAMED = re.compile(
    r"""^(?:@pytest\.mark\.difference\(|    Difference\(\s+)("[^\n]+?"|'[^\n]+?')[,)]$""", re.MULTILINE
)


def named_differences() -> list[str]:
    """Beginnings of the lines that tests of this folder say they are for."""
    return [
        ast.literal_eval(text)
        for path in sorted(Path(__file__).parent.rglob("*.py"))
        for text in _NAMED.findall(path.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize("listed", listed_differences())
def test_every_difference_has_a_test(listed: str) -> None:
    assert [text for text in named_differences() if listed.startswith(text)]


@pytest.mark.parametrize("named", named_differences())
def test_every_test_of_a_difference_is_for_one_that_is_listed(named: str) -> None:
    assert len([text for text in listed_differences() if text.startswith(named)]) == 1


@pytest.mark.difference("A `terminal_state_handler`")
def test_a_terminal_state_handler_may_return_a_fresh_state() -> None:
    @task
    def work() -> int:
        return 1

    with Flow("fresh", terminal_state_handler=lambda flow, state, states: Success("mine")) as flow:
        worked = work()

    state = flow.run()
    assert state.message == "mine"
    assert state.result[worked].result == 1


@pytest.mark.difference("A signal raised in a task whose timeout")
def test_a_signal_passes_the_subprocess_that_keeps_a_timeout() -> None:
    @task(timeout=60)
    def skip() -> None:
        raise signals.SKIP("not today")

    with Flow("signal") as flow:
        skipped = skip()

    # In a thread the timeout is kept by a process of its own.
    state = flow.run(executor=ThreadPoolExecutor(max_workers=1))
    assert isinstance(state.result[skipped], Skipped)
    assert state.result[skipped].message == "not today"


@pytest.mark.difference("A `target` without any `Result`")
def test_a_flow_with_a_target_but_without_a_result_does_not_start() -> None:
    ran: list[str] = []

    @task
    def before() -> None:
        ran.append("before")

    @task(target="out.txt")
    def work() -> int:
        return 1

    with Flow("no result") as flow:
        work(upstream_tasks=[before()])

    with pytest.raises(ValueError, match=r"work.*target"):
        flow.run()
    with pytest.raises(ValueError, match=r"work.*target"):
        flow.validate()
    assert ran == []


@pytest.mark.difference("A fraction of a second")
def test_timeouts_have_fractions() -> None:
    @task(timeout=0.05)
    def slow() -> None:
        threading.Event().wait(30)

    with Flow("fraction") as flow:
        timed_out = slow()

    assert isinstance(flow.run().result[timed_out], TimedOut)


@pytest.mark.difference("Independent tasks ran in the order of a set")
def test_independent_tasks_run_in_the_order_of_declaration() -> None:
    order: list[int] = []

    @task
    def note(x: int) -> None:
        order.append(x)

    with Flow("order") as flow:
        for x in range(50):
            note(x)

    flow.run()
    assert order == list(range(50))


@pytest.mark.difference("`merge` after skipped branches")
def test_merge_after_skipped_branches_can_be_mapped() -> None:
    @task
    def is_even(x: int) -> bool:
        return x % 2 == 0

    @task
    def even(x: int) -> str:
        return f"{x} is even"

    @task
    def odd(x: int) -> str:
        return f"{x} is odd"

    def describe(x):
        condition = is_even(x)
        with case(condition, True):
            a = even(x)
        with case(condition, False):
            b = odd(x)
        return merge(a, b)

    with Flow("mapped merge") as flow:
        described = prefect.apply_map(describe, [1, 2])

    assert flow.run().result[described].result == ["1 is odd", "2 is even"]


@pytest.mark.difference("A parameter or input that filled the template")
def test_a_parameter_cannot_lead_out_of_the_directory_of_a_result(tmp_path: Path) -> None:
    @task(result=LocalResult(dir=str(tmp_path / "base"), location="{name}"))
    def work(name: str) -> int:
        return 1

    with Flow("escape") as flow:
        worked = work(Parameter("name"))

    for name in ("../outside", str(tmp_path / "outside")):
        with prefect.context(checkpointing=True):
            state = flow.run(name=name)
        assert isinstance(state.result[worked].result, UnsafeLocationError)
        assert not (tmp_path / "outside").exists()


@pytest.mark.difference("A run that died while it wrote a target")
def test_half_a_target_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = LocalResult(dir=str(tmp_path), location="a")

    def die(source: str, destination: str) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", die)
        with pytest.raises(SystemExit):
            target.write("a value")
    assert not target.exists("a")


@pytest.mark.difference("Two results without a location")
def test_results_without_a_location_never_share_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)

    class Clock(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
            return frozen

    monkeypatch.setattr("prefect.engine.results.local_result.dt.datetime", Clock)
    result = LocalResult(dir=str(tmp_path))
    assert result.write(1).location != result.write(2).location


@pytest.mark.difference("A result that was missing or damaged")
def test_a_missing_or_damaged_result_is_named(tmp_path: Path) -> None:
    (tmp_path / "half").write_bytes(b"\x80\x04")
    for name in ("none", "half"):
        with pytest.raises(ResultReadError, match=re.escape(str(tmp_path / name))):
            LocalResult(dir=str(tmp_path)).read(name)


@pytest.mark.difference("An object that cannot be pickled")
def test_a_pickling_error_names_the_attribute() -> None:
    class Holder:
        def __init__(self) -> None:
            self.fine = 1
            self.guard = threading.Lock()

    holder = Holder()

    @task
    def use(x: int) -> int:
        return x + holder.fine

    with Flow("unpicklable", executor=ProcessPoolExecutor(max_workers=1)) as flow:
        used = use(1)

    state = flow.run()
    assert state.is_failed()
    told = f"{state.message} {state.result} {state.result[used].message if isinstance(state.result, dict) else ''}"
    assert "guard" in told


@pytest.mark.dask
@pytest.mark.slow
@pytest.mark.difference("A task whose Dask worker died")
def test_a_task_whose_dask_worker_dies_fails() -> None:
    @task
    def die() -> int:
        os._exit(1)

    executor = DaskExecutor(
        cluster_kwargs={
            "n_workers": 1,
            "threads_per_worker": 1,
            "processes": True,
            "dashboard_address": ":0",
            "silence_logs": 50,
        }
    )
    with Flow("lost worker", executor=executor) as flow:
        died = die()

    state = flow.run()
    assert state.is_failed()
    if isinstance(state.result, dict):
        assert isinstance(state.result[died], Failed)


@pytest.mark.difference("`CronSchedule.next(n)` stopped")
def test_a_cron_schedule_gives_as_many_times_as_asked_for() -> None:
    times = CronSchedule("*/5 9-17 * * 1-5").next(10_000, after=pendulum.datetime(2026, 1, 1))
    assert len(times) == len(set(times)) == 10_000


@pytest.mark.difference("When clocks changed, hourly schedules")
def test_a_daily_time_fires_once_when_the_clocks_go_back() -> None:
    start = pendulum.datetime(2026, 10, 24, tz="Europe/Berlin")
    times = CronSchedule("30 2 * * *", start_date=start).next(3, after=start)
    assert [str(time) for time in times] == [
        "2026-10-24 02:30:00+02:00",
        "2026-10-25 02:30:00+02:00",
        "2026-10-26 02:30:00+01:00",
    ]


@pytest.mark.difference("`merge` returned the signal")
def test_merge_passes_over_a_branch_that_skipped_itself() -> None:
    @task
    def skip() -> None:
        raise signals.SKIP("not today")

    @task
    def work() -> str:
        return "done"

    with Flow("skip") as flow:
        merged = merge(skip(), work())

    assert flow.run().result[merged].result == "done"


@pytest.mark.difference("`merge` looked at its tenth branch")
def test_merge_goes_by_the_order_of_its_arguments() -> None:
    @task
    def same(x: int | None) -> int | None:
        return x

    with Flow("order") as flow:
        merged = merge(same(None), *(same(number) for number in range(2, 12)))

    assert flow.run().result[merged].result == 2


@pytest.mark.difference("`FilterTask` kept the signals")
def test_filter_task_drops_what_was_skipped() -> None:
    @task
    def skip_odd(x: int) -> int:
        if x % 2:
            raise signals.SKIP("odd")
        return x

    with Flow("filter") as flow:
        kept = FilterTask()(skip_odd.map([1, 2, 3, 4]))

    assert flow.run().result[kept].result == [2, 4]


@pytest.mark.difference("`apply_map` mixed up an input")
def test_apply_map_keeps_its_inputs_apart() -> None:
    @task
    def numbers() -> list[int]:
        return [1, 2]

    @task
    def pair(x: object, y: object) -> tuple[object, object]:
        return x, y

    with Flow("apply_map") as flow:
        many = numbers()
        ten = Parameter("ten", default=[10, 20])
        results = [
            prefect.apply_map(pair, many, prefect.unmapped(many)),
            prefect.apply_map(pair, many, prefect.unmapped(prefect.flatten([[3], [4]]))),
            prefect.apply_map(pair, [many, 5], prefect.unmapped(0)),
            prefect.apply_map(lambda x: pair(x, ten), many),
        ]

    state = flow.run()
    assert [state.result[result].result for result in results] == [
        [(1, [1, 2]), (2, [1, 2])],
        [(1, [3, 4]), (2, [3, 4])],
        [([1, 2], 0), (5, 0)],
        [(1, 10), (2, 20)],
    ]


@pytest.mark.difference("`SQLiteQuery` did not commit")
def test_sqlite_query_commits(tmp_path: Path) -> None:
    db = str(tmp_path / "test.db")
    SQLiteQuery(db).run(query="create table t (x)")
    SQLiteQuery(db).run(query="insert into t values (1)")
    assert SQLiteQuery(db).run(query="select x from t") == [(1,)]


@pytest.mark.difference("`Zip` of a file that does not exist")
def test_zip_needs_something_to_pack(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not found"):
        Zip(tmp_path / "missing", tmp_path / "out.zip").run()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.difference("`ShellTask` failed when output")
def test_shell_task_survives_any_output_and_ends_with_its_timeout(tmp_path: Path) -> None:
    with Flow("shell") as flow:
        strange = ShellTask()(command=r"printf '\xff'")
        slow = ShellTask(timeout=0.5, helper_script=f"cd '{tmp_path}'")(command="sleep 5; touch finished")

    state = flow.run()
    assert state.result[strange].result == "\ufffd"
    assert isinstance(state.result[slow], TimedOut)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.difference("`BuildImage` failed after it had built")
def test_what_an_engine_says_of_a_build_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    import docker

    class Client:
        """An engine that runs out of space in its second step."""

        output = b'{"stream":"Step 1"}\r\n'

        def __init__(self, **_: object) -> None:
            pass

        def build(self, **_: object) -> list[bytes]:
            return [self.output]

        def close(self) -> None:
            pass

    monkeypatch.setattr(docker, "APIClient", Client)
    assert BuildImage(path=".").run() == [{"stream": "Step 1"}]
    Client.output += b'{"error":"no space left"}\r\n'
    with pytest.raises(docker.errors.APIError, match="no space left"):
        BuildImage(path=".").run()


@pytest.mark.difference("Library tasks refused arguments by position")
def test_library_tasks_take_arguments_by_position() -> None:
    assert ShellTask().run("echo hi") == "hi"
    assert StringFormatter("{x}").run("{x}!", x=1) == "1!"


@pytest.mark.difference("`EmailTask` with plain text and HTML")
def test_a_mail_with_two_versions_offers_a_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[EmailMessage] = []

    class Server:
        def __init__(self, *args: object, **kwargs: object) -> None: ...

        def __enter__(self) -> Server:
            return self

        def __exit__(self, *args: object) -> None: ...

        def send_message(self, mail: EmailMessage) -> None:
            sent.append(mail)

    monkeypatch.setattr("smtplib.SMTP", Server)
    EmailTask(smtp_type="INSECURE", email_to="a@example.com").run(msg="<b>x</b>", msg_plain="x")
    assert [mail.get_content_type() for mail in sent] == ["multipart/alternative"]


@pytest.mark.difference('`print("a", "b")` in a task')
def test_a_print_is_one_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    @task(log_stdout=True)
    def show() -> None:
        print("a", "b")

    with Flow("prints") as flow:
        show()

    flow.run()
    messages = [record.getMessage() for record in caplog.records]
    assert [message for message in messages if set(message) <= set("a b\n")] == ["a b"]


@pytest.mark.difference("A notifier wanted its secret")
def test_a_notifier_needs_nothing_for_states_it_ignores() -> None:
    success = Success()
    assert slack_notifier(ignore_states=[Success])(prefect.Task("t"), Failed(), success) is success


@pytest.mark.difference("`snowflake_logger` pasted messages")
def test_a_quote_in_a_message_stays_out_of_the_sql(capsys: pytest.CaptureFixture[str]) -> None:
    secrets = {"SNOWFLAKE_CREDS": {}, "LOG_TABLE_NAME_FULL": "T"}
    with prefect.context(secrets=secrets):
        snowflake_logger(prefect.Task("t"), Success(), Failed("o'brien"), test_env=True)

    statement, _, values = capsys.readouterr().out.partition("CURRENT_TIMESTAMP())")
    assert "brien" in values
    assert "brien" not in statement


@pytest.mark.difference("`TemporaryGitRepo` ignored `commit`")
def test_any_commit_and_annotated_tags_are_checked_out(tmp_path: Path) -> None:
    porcelain = importlib.import_module("dulwich.porcelain")
    who = b"n <e@example.com>"
    porcelain.init(str(tmp_path / "origin"))
    for text in ("one", "two"):
        (tmp_path / "origin" / "file").write_text(text)
        porcelain.add(str(tmp_path / "origin"), [str(tmp_path / "origin" / "file")])
        commit = porcelain.commit(str(tmp_path / "origin"), message=text.encode(), author=who, committer=who)
        if text == "one":
            first = commit.decode()
            porcelain.tag_create(str(tmp_path / "origin"), b"v1", author=who, message=b"v1", annotated=True)

    for wanted in ({"commit": first}, {"tag": "v1"}):
        with TemporaryGitRepo(str(tmp_path / "origin"), **wanted) as repo:
            assert (Path(repo.temp_dir.name) / "file").read_text() == "one"


@pytest.mark.difference("`flow.diagnostics()` failed for a flow with a schedule")
def test_diagnostics_of_a_scheduled_flow_are_json_without_names_of_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PREFECT__CONTEXT__SECRETS__MINE", "1")
    flow = Flow("scheduled", schedule=CronSchedule("0 12 * * *"))

    assert json.loads(flow.diagnostics())["flow_information"]["schedule"]["clocks"] == ["CronClock"]
    assert "MINE" not in flow.diagnostics()
    assert "MINE" in flow.diagnostics(include_secret_names=True)


@pytest.mark.difference("`to_environment_variables` changed the names")
def test_settings_survive_the_way_through_the_environment() -> None:
    config = Config(
        context={"secrets": {"Mine": "v"}}, tasks={"defaults": {"retry_delay": datetime.timedelta(seconds=4)}}
    )

    assert to_environment_variables(config) == {
        "PREFECT__CONTEXT__SECRETS__Mine": "v",
        "PREFECT__TASKS__DEFAULTS__RETRY_DELAY": "4.0",
    }


@pytest.mark.difference("`configure_logging()`, called again")
def test_setting_up_logging_twice_does_not_double_lines() -> None:
    before = configure_logging(testing=True).handlers[:]

    assert len(configure_logging(testing=True).handlers) == len(before)


@pytest.mark.difference("A retry delay with exponential backoff")
def test_exponential_backoff_stays_at_its_maximum() -> None:
    delay = retry_delay(seconds=1, exponential_backoff=True)

    assert delay(5000) == datetime.timedelta(hours=2)


# --- what is meant to be better ------------------------------------------------------------------
@pytest.mark.difference("Maps go [depth first]")
@pytest.mark.parametrize(
    "executor", [LocalExecutor(), LocalDaskExecutor(num_workers=2), ThreadPoolExecutor(2)]
)
def test_the_last_stage_of_a_map_begins_long_before_the_first_ends(executor: Executor) -> None:
    order: list[str] = []

    @task
    def first(x: int) -> int:
        order.append("first")
        return x

    @task
    def last(x: int) -> None:
        order.append("last")

    with Flow("depth first") as flow:
        last.map(first.map(list(range(400))))

    flow.run(executor=executor)
    assert len(order) == 800
    assert order[:400].count("last") > 100


@pytest.mark.difference("A setting of the wrong kind")
def test_a_wrong_setting_ends_the_program_with_one_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from prefect import Flow"],
        env={**os.environ, "PREFECT__CLOUD__REQUEST_TIMEOUT": "soon"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "prefect.exceptions.ConfigurationError: The setting cloud.request_timeout must be a number of seconds, "
        "not 'soon' (set by the environment variable PREFECT__CLOUD__REQUEST_TIMEOUT)."
    )


@pytest.mark.difference("Parameters are validated")
def test_a_parameter_with_a_type_refuses_other_values() -> None:
    with Flow("typed") as flow:
        number = Parameter("number", annotation=int)()

    assert flow.run(number=1).result[number].result == 1
    with pytest.raises(ValueError, match="'number' takes int, but was given 'one'"):
        flow.run(number="one")


@pytest.mark.difference("`flow.visualize()` works without")
@pytest.mark.parametrize("ending", ["svg", "png", "html"])
def test_a_flow_is_drawn_without_the_graphviz_program(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with Flow("drawing") as flow:
        Parameter("x")()

    flow.visualize(filename=str(tmp_path / f"flow.{ending}"))

    start = {"svg": b"<?xml", "png": b"\x89PNG", "html": b"<!DOCTYPE html>"}[ending]
    assert (tmp_path / f"flow.{ending}").read_bytes().startswith(start)


@pytest.mark.difference("`ThreadPoolExecutor` and `ProcessPoolExecutor`")
def test_pools_run_where_dask_cannot_be_imported() -> None:
    program = """
import sys
sys.modules["dask"] = sys.modules["distributed"] = None
from prefect import Flow, task
from prefect.executors import ProcessPoolExecutor, ThreadPoolExecutor
if __name__ == "__main__":
    with Flow("pools") as flow:
        doubled = task(lambda x: 2 * x).map([1, 2])
    for executor in (ThreadPoolExecutor(2), ProcessPoolExecutor(2)):
        print(flow.run(executor=executor).result[doubled].result)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PREFECT__LOGGING__LEVEL": "CRITICAL"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "[2, 4]\n[2, 4]\n", done.stderr


@pytest.mark.difference("`prefect.testing` runs")
def test_a_flow_is_tried_without_its_side_effects_and_without_waiting() -> None:
    @task
    def load() -> list[int]:
        raise AssertionError("this would have reached the database")

    @task(max_retries=1, retry_delay=datetime.timedelta(hours=1))
    def count(rows: list[int]) -> int:
        if prefect.context.task_run_count == 1:
            raise OSError("not yet")
        return len(rows)

    with Flow("rows") as flow:
        count(load())

    outcome = run_flow(flow, replace={"load": [1, 2, 3]})
    assert outcome["count"].result == 3
    assert len(outcome.clock.waited_for) == 1


@pytest.mark.difference("`retry_delay` may be a list")
def test_a_retry_delay_may_grow() -> None:
    @task(max_retries=2, retry_delay=[0, 0])
    def flaky() -> int:
        if prefect.context.task_run_count < 3:
            raise ValueError("again")
        return prefect.context.task_run_count

    with Flow("backoff") as flow:
        result = flaky()

    assert flow.run().result[result].result == 3


@pytest.mark.difference("A coroutine function")
def test_a_coroutine_function_can_be_a_task() -> None:
    @task
    async def answer() -> int:
        return 42

    with Flow("coroutine") as flow:
        result = answer()

    assert flow.run().result[result].result == 42


@pytest.mark.difference("Datetimes you get")
def test_standard_datetimes_are_accepted_and_pendulum_datetimes_come_back() -> None:
    after = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    [moment] = CronSchedule("0 12 * * *").next(1, after=after)
    assert isinstance(moment, pendulum.DateTime)
    assert moment == datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)


def test_an_unknown_parameter_is_refused() -> None:
    with Flow("parameters") as flow:
        Parameter("x", default=1)()

    with pytest.raises(ValueError, match="y"):
        flow.run(y=1, parameters={"y": 1})
