from __future__ import annotations

import io
import logging
import re
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

import prefect
from prefect.utilities import logging as prefect_logging
from prefect.utilities.configuration import set_temporary_config
from prefect.utilities.logging import (
    CloudHandler,
    LogManager,
    RedirectToLog,
    configure_extra_loggers,
    configure_logging,
    create_diagnostic_logger,
    get_logger,
    getlogsize,
    prefect_logger,
    temporary_logger_config,
)


def stream_handler(logger: logging.Logger) -> logging.StreamHandler[Any]:
    [handler] = [h for h in logger.handlers if isinstance(h, logging.StreamHandler)]
    return handler


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the logger `prefect` writes."""
    stream = io.StringIO()
    monkeypatch.setattr(stream_handler(prefect_logger), "stream", stream)
    return stream


class TestLoggers:
    def test_prefect_writes_to_standard_output_as_the_settings_say(self) -> None:
        code = "import prefect, sys; prefect.utilities.logging.get_logger('mine').info('hello %s', 'you')"

        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

        assert result.stderr == ""
        stamp, _, rest = result.stdout.rstrip("\n").partition("] ")
        assert rest == "INFO - prefect.mine | hello you"
        time.strptime(stamp.lstrip("["), "%Y-%m-%d %H:%M:%S%z")

    def test_importing_prefect_sets_the_logger_up(self) -> None:
        code = """
import prefect, logging
logger = logging.getLogger("prefect")
print(len(logger.handlers), logger.level, logger.propagate)
"""
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

        assert result.stdout.split() == ["2", "20", "True"]

    def test_loggers_are_children_of_prefect(self) -> None:
        assert get_logger() is logging.getLogger("prefect")
        assert get_logger("a.b") is logging.getLogger("prefect.a.b")
        assert get_logger("prefect").name == "prefect.prefect"

    def test_the_context_has_a_logger_outside_of_runs_too(self) -> None:
        found: list[Any] = [prefect.context.get("logger")]
        thread = threading.Thread(target=lambda: found.append(prefect.context.logger))
        thread.start()
        thread.join()

        assert found == [prefect_logger, prefect_logger]

    def test_setting_up_again_replaces_the_handlers(self, written: io.StringIO) -> None:
        before = prefect_logger.handlers[:]
        try:
            configure_logging()
            assert len(prefect_logger.handlers) == len(before)
        finally:
            prefect_logger.handlers[:] = before

    def test_testing_gets_a_logger_of_its_own(self) -> None:
        logger = configure_logging(testing=True)

        assert logger.name == "prefect-test-logger"
        assert [type(h) for h in logger.handlers] == [type(h) for h in prefect_logger.handlers]

    def test_a_diagnostic_logger_never_sends_to_the_api(self) -> None:
        for _ in range(2):
            logger = create_diagnostic_logger("diagnostic-test")

        assert logger.name == "diagnostic-test"
        assert len(logger.handlers) == 1
        assert not isinstance(logger.handlers[0], CloudHandler)

    def test_other_loggers_write_like_prefects_own_if_listed(self) -> None:
        with set_temporary_config({"logging.extra_loggers": ["extra-test"], "logging.level": "WARNING"}):
            configure_extra_loggers()

        logger = logging.getLogger("extra-test")
        assert logger.level == logging.WARNING
        assert [type(h) for h in logger.handlers] == [type(h) for h in prefect_logger.handlers]

    def test_the_format_can_change_for_a_block(self, written: io.StringIO) -> None:
        log = get_logger("block")

        def block() -> None:
            with temporary_logger_config(
                level="DEBUG", stream_fmt="%(asctime)s %(message)s!", stream_datefmt="%Y"
            ):
                log.debug("inside")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            block()
        log.debug("outside")

        assert written.getvalue() == f"{time.strftime('%Y')} inside!\n"
        assert prefect_logger.level == logging.INFO

    def test_the_date_can_change_alone(self, written: io.StringIO) -> None:
        with temporary_logger_config(stream_datefmt="DAY"):
            get_logger("block").info("x")

        assert written.getvalue() == "[DAY] INFO - prefect.block | x\n"


class TestRecords:
    def make(self) -> logging.LogRecord:
        return logging.getLogRecordFactory()("name", logging.INFO, "file", 1, "message", (), None)

    def test_carry_the_names_of_the_run(self) -> None:
        names = prefect_logging.PREFECT_LOG_RECORD_ATTRIBUTES
        with prefect.context({name: f"the {name}" for name in names}):
            record = self.make()

        assert {name: getattr(record, name) for name in names} == {name: f"the {name}" for name in names}

    def test_carry_nothing_where_nothing_runs(self) -> None:
        with prefect.context(flow_name="", task_name=None):
            record = self.make()

        assert not {*prefect_logging.PREFECT_LOG_RECORD_ATTRIBUTES} & {*vars(record)}

    def test_do_not_carry_what_was_deleted_from_the_context(self) -> None:
        with prefect.context(flow_name="outer"), prefect.context():
            del prefect.context["flow_name"]
            record = self.make()

        assert not hasattr(record, "flow_name")

    def test_carry_values_that_the_context_makes_when_read(self) -> None:
        from prefect.utilities.context import Layer

        context = prefect.context
        layer = Layer({}, lazy={"task_run_id": lambda layer: "made"})
        previous = context.push(layer)
        try:
            record = self.make()
        finally:
            context.restore(previous)

        assert record.task_run_id == "made"  # type: ignore[attr-defined]

    def test_carry_further_names_of_the_settings_always(self) -> None:
        with (
            set_temporary_config({"logging.log_attributes": ["color", "size"]}),
            prefect.context(color="red"),
        ):
            record = self.make()

        assert record.color == "red"  # type: ignore[attr-defined]
        assert record.size is None  # type: ignore[attr-defined]

    def test_of_other_threads_do_not_carry_the_names_of_this_one(self) -> None:
        records: list[logging.LogRecord] = []
        with prefect.context(flow_name="here"):
            thread = threading.Thread(target=lambda: records.append(self.make()))
            thread.start()
            thread.join()

        assert not hasattr(records[0], "flow_name")


class TestLines:
    def test_times_follow_the_record_and_the_converter(self, written: io.StringIO) -> None:
        handler = stream_handler(prefect_logger)
        record = logging.makeLogRecord({"msg": "x", "levelname": "INFO", "name": "n"})
        times = []
        for created in (0.0, 0.9, 1.0, 0.5, 86_400.0):
            record.created = created
            times.append(handler.format(record))
        expected = [
            time.strftime("[%Y-%m-%d %H:%M:%S%z]", time.localtime(created)) + " INFO - n | x"
            for created in (0.0, 0.9, 1.0, 0.5, 86_400.0)
        ]

        assert times == expected
        handler.formatter.converter = time.gmtime  # type: ignore[union-attr]
        try:
            assert handler.format(record).startswith(
                time.strftime("[%Y-%m-%d %H:%M:%S", time.gmtime(86_400.0))
            )
            record.created = 5.0
            assert handler.format(record).startswith("[1970-01-01 00:00:05")
        finally:
            del handler.formatter.converter  # type: ignore[union-attr]

    def test_milliseconds_are_those_of_the_record(self) -> None:
        formatter = type(stream_handler(prefect_logger).formatter)("%(asctime)s")  # type: ignore[arg-type]
        record = logging.makeLogRecord({"created": 1.25, "msecs": 250})

        assert formatter.format(record).endswith(",250")  # type: ignore[union-attr]

    def test_filters_of_the_handler_are_heeded(self, written: io.StringIO) -> None:
        handler = stream_handler(prefect_logger)

        def only_good(record: logging.LogRecord) -> bool:
            return "good" in record.getMessage()

        handler.addFilter(only_good)
        try:
            get_logger("f").info("bad")
            get_logger("f").info("good")
        finally:
            handler.removeFilter(only_good)

        assert written.getvalue().endswith("| good\n")
        assert "bad" not in written.getvalue()

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="filters can replace records from Python 3.12 on")
    def test_filters_of_the_handler_may_replace_the_record(self, written: io.StringIO) -> None:
        handler = stream_handler(prefect_logger)

        def censor(record: logging.LogRecord) -> logging.LogRecord:
            return logging.makeLogRecord({**vars(record), "msg": "censored", "args": ()})

        handler.addFilter(censor)
        try:
            get_logger("f").info("secret")
        finally:
            handler.removeFilter(censor)

        assert written.getvalue().endswith("| censored\n")

    def test_a_line_that_cannot_be_formatted_does_not_stop_the_program(
        self, written: io.StringIO, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(prefect_logger, "propagate", False)  # pytest's own handler raises
        get_logger("broken").info("%d", "text")
        get_logger("broken").info("after")

        assert written.getvalue().count("\n") == 1
        assert "Logging error" in capsys.readouterr().err

    def test_lines_of_many_threads_are_whole_complete_and_in_order(self, written: io.StringIO) -> None:
        threads = [
            threading.Thread(target=lambda n=n: [get_logger("t").info("%d:%d", n, i) for i in range(300)])
            for n in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stream_handler(prefect_logger).flush()

        pairs = [line.rpartition("| ")[2].split(":") for line in written.getvalue().splitlines()]
        for n in range(6):
            assert [int(i) for who, i in pairs if int(who) == n] == list(range(300))

    def test_a_thread_leaves_its_line_to_the_one_that_writes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        writing, go_on = threading.Event(), threading.Event()

        class SlowStream(io.StringIO):
            def write(self, text: str) -> int:
                if "first" in text:
                    writing.set()
                    assert go_on.wait(10)
                return super().write(text)

        stream = SlowStream()
        monkeypatch.setattr(stream_handler(prefect_logger), "stream", stream)
        thread = threading.Thread(target=get_logger("slow").info, args=("first",))
        thread.start()
        assert writing.wait(10)

        get_logger("slow").info("second")  # returns although the stream is busy

        assert stream.getvalue() == ""
        go_on.set()
        thread.join()
        assert [line.rpartition("| ")[2] for line in stream.getvalue().splitlines()] == ["first", "second"]


class TestRedirect:
    def messages(self, written: io.StringIO) -> list[str]:
        """The messages written, line breaks in them included."""
        return re.findall(r"prefect\.stdout \| (.*?)\n(?=\[|$)", written.getvalue(), flags=re.DOTALL)

    def test_each_piece_of_text_is_a_line(self, written: io.StringIO) -> None:
        redirect = RedirectToLog()
        for text in ("one", "", "two\n", "\n", "   ", "a\nb\n"):
            redirect.write(text)
        redirect.flush()

        assert self.messages(written) == ["one", "two", "a\nb"]

    def test_prints_are_whole_lines_if_wanted(self, written: io.StringIO) -> None:
        redirect = RedirectToLog(whole_lines=True)
        print("hello", "you", file=redirect)
        print("a\nb", file=redirect)
        print("  ", file=redirect)
        print("be", end="", file=redirect)
        print("gun", file=redirect)
        print("left", end="", file=redirect)
        assert self.messages(written) == ["hello you", "a\nb", "begun"]

        redirect.flush()
        redirect.flush()
        assert self.messages(written)[3:] == ["left"]

    def test_threads_do_not_end_each_others_lines(self, written: io.StringIO) -> None:
        redirect = RedirectToLog(whole_lines=True)
        redirect.write("mine ")
        thread = threading.Thread(target=print, args=("other",), kwargs={"file": redirect})
        thread.start()
        thread.join()
        redirect.write("too\n")

        assert self.messages(written) == ["other", "mine too"]

    def test_percent_signs_stay(self, written: io.StringIO) -> None:
        RedirectToLog().write("100 %d")

        assert written.getvalue().endswith("| 100 %d\n")

    def test_another_logger_can_be_used(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("INFO", logger="another")
        RedirectToLog(logging.getLogger("another")).write("text")

        assert caplog.record_tuples == [("another", logging.INFO, "text")]

    def test_is_a_text_stream_to_libraries(self) -> None:
        redirect = RedirectToLog()

        assert redirect.isatty() is False
        assert redirect.writable() is True
        assert redirect.write("four") == 4


class FakeApi:
    """Takes log lines like the API; refuses while `broken`."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.arrived = threading.Condition()
        self.broken = False
        self.tries = 0

    def __call__(self) -> FakeApi:
        return self

    def write_run_logs(self, logs: list[dict[str, Any]]) -> None:
        with self.arrived:
            self.tries += 1
            self.arrived.notify_all()
            if self.broken:
                raise RuntimeError("the API is away")
            self.batches.append(list(logs))

    def messages(self) -> list[str]:
        return [line["message"] for batch in self.batches for line in batch]

    def wait_for(self, condition: Any) -> None:
        with self.arrived:
            assert self.arrived.wait_for(condition, timeout=20)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    api = FakeApi()
    manager = LogManager()
    monkeypatch.setattr(prefect, "Client", api, raising=False)
    monkeypatch.setattr(prefect_logging, "LOG_MANAGER", manager)
    monkeypatch.setattr("atexit.register", lambda function: function)
    with set_temporary_config({"cloud.logging_heartbeat": 0.01, "cloud.send_flow_run_logs": True}):
        yield api
        api.broken = False
        manager.stop()


class TestSendingToTheApi:
    def test_lines_of_a_backend_run_are_sent(self, written: io.StringIO, api: FakeApi) -> None:
        with prefect.context(running_with_backend=True, flow_run_id="f", task_run_id="t"):
            get_logger("task").warning("hello %s", "you")
            prefect_logging.LOG_MANAGER.stop()

        [[line]] = api.batches
        stamp = line.pop("timestamp")
        assert line == {
            "flow_run_id": "f",
            "task_run_id": "t",
            "name": "prefect.task",
            "level": "WARNING",
            "message": "hello you",
        }
        assert stamp.endswith("+00:00")
        assert len(stamp) == len("2026-01-01T00:00:00.000000+00:00")

    def test_tracebacks_are_part_of_the_message(self, written: io.StringIO, api: FakeApi) -> None:
        with prefect.context(running_with_backend=True, flow_run_id="f"):
            try:
                raise KeyError("missing")
            except KeyError:
                get_logger("task").exception("it broke")
            prefect_logging.LOG_MANAGER.stop()

        [message] = api.messages()
        assert message.startswith("it broke\nTraceback (most recent call last)")
        assert message.endswith("KeyError: 'missing'")

    @pytest.mark.parametrize(
        ("context", "settings"),
        [
            ({"flow_run_id": "f"}, {}),
            ({"running_with_backend": True}, {}),
            ({"running_with_backend": True, "flow_run_id": "f"}, {"cloud.send_flow_run_logs": False}),
            ({"running_with_backend": True, "flow_run_id": "f"}, {"logging.level": "ERROR"}),
        ],
    )
    def test_other_lines_stay_here(
        self, written: io.StringIO, api: FakeApi, context: dict[str, Any], settings: dict[str, Any]
    ) -> None:
        with set_temporary_config(settings), prefect.context(context):
            get_logger("task").warning("hello")

        assert prefect_logging.LOG_MANAGER.thread is None
        assert written.getvalue().endswith("| hello\n")

    def test_very_long_messages_are_cut_with_a_warning(self, written: io.StringIO, api: FakeApi) -> None:
        with prefect.context(running_with_backend=True, flow_run_id="f"):
            with pytest.warns(UserWarning, match="exceeding the limit of 1000000"):
                get_logger("task").info("x" * 1_200_000)
            prefect_logging.LOG_MANAGER.stop()

        [[line]] = api.batches
        assert getlogsize(line) == prefect_logging.MAX_LOG_SIZE

    def test_batches_stay_below_the_limit_and_in_order(self, api: FakeApi) -> None:
        manager = prefect_logging.LOG_MANAGER
        with set_temporary_config({"cloud.logging_heartbeat": 60}):
            for number in range(10):
                manager.enqueue({"message": f"{number}" + "y" * 900_000})
            manager.stop()

        assert [len(batch) for batch in api.batches] == [4, 4, 2]
        assert [message[0] for message in api.messages()] == list("0123456789")
        assert manager.pending_length == 0

    def test_lines_that_were_refused_are_sent_again(self, api: FakeApi) -> None:
        manager = prefect_logging.LOG_MANAGER
        api.broken = True
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            manager.enqueue({"message": "first"})
            api.wait_for(lambda: api.tries >= 2)
            assert [line["message"] for line in manager.pending_logs] == ["first"]
            manager.enqueue({"message": "second"})
            api.broken = False
            api.wait_for(lambda: api.messages() == ["first", "second"])

        assert any("the API is away" in str(warning.message) for warning in caught)

    def test_a_stopped_manager_starts_again_with_the_next_line(self, api: FakeApi) -> None:
        manager = prefect_logging.LOG_MANAGER
        manager.enqueue({"message": "first"})
        manager.stop()
        manager.stop()
        manager.enqueue({"message": "second"})
        manager.stop()

        assert api.messages() == ["first", "second"]
        assert manager.thread is None

    def test_lines_that_wait_are_sent_when_the_program_ends(self) -> None:
        code = """
import prefect
class Api:
    def write_run_logs(self, logs): print("sent", [line["message"] for line in logs], flush=True)
prefect.Client = Api
with prefect.context(running_with_backend=True, flow_run_id="f"):
    prefect.utilities.logging.get_logger("x").info("last words")
"""
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

        assert result.stdout.splitlines()[-1] == "sent ['last words']"

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot fork")
    def test_a_forked_child_does_not_send_the_lines_of_its_parent(self) -> None:
        code = """
import os, prefect, sys
from prefect.utilities.configuration import set_temporary_config
class Api:
    def write_run_logs(self, logs): print("sent", os.getpid() == parent, [line["message"] for line in logs], flush=True)
prefect.Client = Api
parent = os.getpid()
from prefect.utilities.logging import LOG_MANAGER
with set_temporary_config({"cloud.logging_heartbeat": 60}):
    LOG_MANAGER.enqueue({"message": "parent"})
    child = os.fork()
    if child == 0:
        LOG_MANAGER.enqueue({"message": "child"})
        LOG_MANAGER.stop()
        os._exit(0)
    os.waitpid(child, 0)
    LOG_MANAGER.stop()
"""
        result = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
        )

        assert result.stdout.splitlines() == ["sent False ['child']", "sent True ['parent']"]

    def test_trouble_with_the_client_is_a_warning(
        self, written: io.StringIO, api: FakeApi, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken_client() -> None:
            raise RuntimeError("no key")

        monkeypatch.setattr(prefect, "Client", broken_client, raising=False)
        with (
            prefect.context(running_with_backend=True, flow_run_id="f"),
            pytest.warns(UserWarning, match=r"Failed to queue a log line.*no key"),
        ):
            get_logger("task").info("hello")

        assert written.getvalue().endswith("| hello\n")
