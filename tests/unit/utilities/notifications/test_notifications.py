from __future__ import annotations

import copy
import email
import inspect
import json
import pickle
import smtplib
import socketserver
import ssl
import sys
import threading
from collections.abc import Iterator
from email.header import decode_header
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import prefect
from prefect import Flow, Task
from prefect.engine.state import Failed, Finished, Running, State, Success
from prefect.utilities import notifications
from prefect.utilities.notifications import (
    callback_factory,
    gmail_notifier,
    jira_notifier,
    slack_message_formatter,
    slack_notifier,
    snowflake_logger,
    snowflake_message_formatter,
)
from prefect.utilities.notifications.jira_notification import jira_message_formatter
from prefect.utilities.notifications.notifications import email_message_formatter

NOTIFIERS = [slack_notifier, gmail_notifier, jira_notifier, snowflake_logger]
task = Task(name="my task")


class TestCallbackFactory:
    def test_calls_when_the_check_passes(self) -> None:
        calls: list[Any] = []
        handler = callback_factory(lambda obj, state: calls.append((obj, state)), lambda s: s.is_failed())
        failed, success = Failed("f"), Success("s")

        assert handler(task, Running(), failed) is failed
        assert handler(task, Running(), success) is success
        assert calls == [(task, failed)]

    def test_is_a_state_handler_of_a_task_in_a_flow(self) -> None:
        told: list[State] = []
        tell = callback_factory(lambda obj, state: told.append(state), lambda s: isinstance(s, Finished))
        with Flow("f") as flow:
            flow.add_task(Task(state_handlers=[tell]))

        flow.run()

        assert [type(state) for state in told] == [Success]


class TestTakingOptionsFirst:
    @pytest.mark.parametrize("notifier", NOTIFIERS)
    def test_states_that_do_not_matter_need_no_secret_and_no_network(self, notifier: Any) -> None:
        success = Success()

        assert notifier(task, Running(), success, only_states=[Failed]) is success
        assert notifier(only_states=[Failed])(task, Running(), success) is success
        assert notifier(ignore_states=[Finished])(task, Running(), success) is success
        assert notifier(only_states=[Success], ignore_states=[Success])(task, Running(), success) is success

    @pytest.mark.parametrize("notifier", NOTIFIERS)
    def test_states_that_matter_do_need_a_secret(self, notifier: Any) -> None:
        with pytest.raises(ValueError, match="was not found"):
            notifier(only_states=[Failed])(task, Running(), Failed())

    def test_later_options_replace_earlier_ones(self) -> None:
        handler = slack_notifier(only_states=[Success])(only_states=[Failed])

        assert handler(task, Running(), Success()) == Success()

    def test_arguments_may_come_one_by_one(self) -> None:
        handler = slack_notifier(task)(Running())(ignore_states=[Success])

        assert handler(new_state=Success()) == Success()

    def test_an_unknown_option_is_refused_at_once(self) -> None:
        with pytest.raises(TypeError, match=r"slack_notifier\(\) got an unexpected keyword argument 'only'"):
            slack_notifier(only=[Failed])

    @pytest.mark.parametrize("notifier", NOTIFIERS)
    def test_looks_like_the_function_it_is(self, notifier: Any) -> None:
        names = list(inspect.signature(notifier).parameters)

        assert names[:5] == ["tracked_obj", "old_state", "new_state", "ignore_states", "only_states"]
        assert notifier.__name__ in notifications.__all__
        assert "state handler" in notifier.__doc__

    def test_survives_pickling_and_copying(self) -> None:
        assert pickle.loads(pickle.dumps(slack_notifier)) is slack_notifier
        assert copy.deepcopy(gmail_notifier) is gmail_notifier
        handler = pickle.loads(pickle.dumps(slack_notifier(only_states=[Failed])))

        assert handler(task, Running(), Success()) == Success()
        assert (
            repr(handler)
            == "<state handler slack_notifier(only_states=[<class 'prefect.engine.state.Failed'>])>"
        )


class Hook(BaseHTTPRequestHandler):
    """A webhook that remembers what was posted; paths below /bad are refused."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append((self.path, json.loads(body)))  # type: ignore[attr-defined]
        self.send_response(500 if self.path.startswith("/bad") else 200)
        self.end_headers()
        self.wfile.write(b"no such channel" if self.path.startswith("/bad") else b"ok")

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        server.posted = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield SimpleNamespace(url=f"http://127.0.0.1:{server.server_port}", posted=server.posted)  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


class TestSlack:
    @pytest.mark.parametrize("state_class", State.children())
    def test_messages_show_the_state_in_its_colour(self, state_class: type[State]) -> None:
        [attachment] = slack_message_formatter(task, state_class("what happened"))["attachments"]

        assert attachment["title"] == state_class.__name__
        assert attachment["color"] == state_class.color
        assert attachment["text"] == f"my task is now in a {state_class.__name__} state"
        assert attachment["fields"] == [{"title": "Message", "value": "what happened", "short": False}]

    def test_exceptions_are_shown_instead_of_the_message(self) -> None:
        state = Failed("m", result=ValueError("v"))
        [attachment] = slack_message_formatter(Flow("f"), state)["attachments"]

        assert attachment["fields"][0]["value"] == "```ValueError('v')```"

    def test_a_state_without_a_message_has_no_fields(self) -> None:
        assert slack_message_formatter(task, Success())["attachments"][0]["fields"] == []

    @pytest.mark.parametrize(
        ("context", "link"),
        [
            ({"task_run_id": "t", "flow_run_id": "f"}, "https://api/task-run/t"),
            ({"flow_run_id": "f"}, "https://api/flow-run/f"),
            ({}, None),
        ],
    )
    def test_runs_of_a_backend_are_linked(
        self, context: dict[str, str], link: str | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Client:
            def get_cloud_url(self, kind: str, id: str) -> str:
                return f"https://api/{kind}/{id}"

        monkeypatch.setattr(prefect, "Client", Client, raising=False)
        with prefect.context(context, running_with_backend=True):
            [attachment] = slack_message_formatter(task, Success())["attachments"]
            [plain] = slack_message_formatter(task, Success(), backend_info=False)["attachments"]

        assert attachment.get("title_link") == link
        assert "title_link" not in plain

    def test_local_runs_are_not_linked(self) -> None:
        with prefect.context(flow_run_id="f"):
            assert "title_link" not in slack_message_formatter(task, Success())["attachments"][0]

    def test_posts_to_the_address_in_the_secret(self, hook: Any) -> None:
        failed = Failed("boo")
        with prefect.context(secrets={"SLACK_WEBHOOK_URL": f"{hook.url}/one", "OTHER": f"{hook.url}/two"}):
            assert slack_notifier(task, Running(), failed) is failed
            slack_notifier(webhook_secret="OTHER")(task, Running(), failed)

        assert [path for path, _ in hook.posted] == ["/one", "/two"]
        assert hook.posted[0][1] == slack_message_formatter(task, failed)

    def test_a_refused_message_is_an_error_that_does_not_tell_the_address(self, hook: Any) -> None:
        with (
            prefect.context(secrets={"SLACK_WEBHOOK_URL": f"{hook.url}/bad/token"}),
            pytest.raises(
                ValueError, match=r"<Task: my task> failed: .* answered 500 \(no such channel\)"
            ) as error,
        ):
            slack_notifier(task, Running(), Failed())

        assert "token" not in str(error.value)

    def test_tells_about_a_failing_task_in_a_flow(self, hook: Any) -> None:
        @prefect.task(state_handlers=[slack_notifier(only_states=[Failed])])
        def fail() -> None:
            raise KeyError("missing")

        with Flow("f") as flow:
            fail()
        with prefect.context(secrets={"SLACK_WEBHOOK_URL": hook.url}):
            state = flow.run()

        assert state.is_failed()
        [(_, message)] = hook.posted
        assert message["attachments"][0]["fields"][0]["value"] == "```KeyError('missing')```"


class MailServer(socketserver.StreamRequestHandler):
    """Just enough SMTP to take one message."""

    def handle(self) -> None:
        mail = self.server.mail = SimpleNamespace(commands=[], text="")  # type: ignore[attr-defined]
        self.wfile.write(b"220 ready\r\n")
        while line := self.rfile.readline().decode().strip():
            mail.commands.append(line)
            word = line.split(" ")[0].upper()
            if word == "EHLO":
                self.wfile.write(b"250-hello\r\n250 AUTH PLAIN\r\n")
            elif word == "AUTH":
                self.wfile.write(b"235 welcome\r\n")
            elif word == "DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = iter(self.rfile.readline, b".\r\n")
                mail.text = b"".join(lines).decode()
                self.wfile.write(b"250 taken\r\n")
            elif word == "QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 fine\r\n")


@pytest.fixture
def mail_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    pem = str(Path(__file__).with_name("localhost.pem"))  # key and certificate made for these tests
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(pem)
    monkeypatch.setenv("SSL_CERT_FILE", pem)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), MailServer) as server:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        monkeypatch.setattr(
            "prefect.utilities.notifications.notifications._GMAIL", ("localhost", server.server_address[1])
        )
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class TestMail:
    def parts(self, text: str) -> dict[str, str]:
        message = email.message_from_string(text)
        return {
            part.get_content_type(): part.get_payload(decode=True).decode() for part in message.get_payload()
        }  # type: ignore[union-attr]

    def test_has_a_plain_and_a_coloured_part(self) -> None:
        parts = self.parts(email_message_formatter(task, Failed("it broke"), "you@example.com"))

        assert parts["text/plain"] == "my task is now in a Failed state.\n\nMessage: it broke\n"
        assert 'style="color: #eb0000;">Failed</b>' in parts["text/html"]

    def test_names_and_messages_cannot_change_the_mail(self) -> None:
        evil = Task(name="<b>bold</b>\nBcc: all@example.com")

        text = email_message_formatter(evil, Failed("<script>1</script>"), "you@example.com")

        message = email.message_from_string(text)
        assert message["Bcc"] is None
        assert "Bcc: all@example.com" in str(decode_header(message["Subject"])[0][0])
        html = self.parts(text)["text/html"]
        assert "<script>" not in html
        assert "&lt;b&gt;bold" in html

    def test_shows_exceptions(self) -> None:
        html = self.parts(email_message_formatter(task, Failed(result=ValueError("<v>")), "x"))["text/html"]

        assert "<pre>ValueError(&#x27;&lt;v&gt;&#x27;)</pre>" in html

    def test_names_of_all_languages_are_sent(self) -> None:
        text = email_message_formatter(Task(name="tâche 任务"), Failed("é"), "you@example.com")

        assert self.parts(text)["text/plain"].startswith("tâche 任务 is now")
        assert text.isascii()

    def test_goes_out_over_tls_with_a_login(self, mail_server: Any) -> None:
        failed = Failed("boo")
        secrets = {"EMAIL_USERNAME": "me@example.com", "EMAIL_PASSWORD": "secret"}
        with prefect.context(secrets=secrets):
            assert gmail_notifier(task, Running(), failed) is failed

        commands = " ".join(mail_server.mail.commands)
        assert "AUTH PLAIN" in commands
        assert "rcpt TO:<me@example.com>".lower() in commands.lower()
        assert email.message_from_string(mail_server.mail.text)["To"] == "me@example.com"

    def test_a_server_that_cannot_prove_its_name_gets_nothing(
        self, mail_server: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("SSL_CERT_FILE")
        monkeypatch.setattr(mail_server, "handle_error", lambda *args: None)
        secrets = {"EMAIL_USERNAME": "me@example.com", "EMAIL_PASSWORD": "secret"}

        with prefect.context(secrets=secrets), pytest.raises(ssl.SSLCertVerificationError):
            gmail_notifier(task, Running(), Failed())


class TestSnowflake:
    def test_rows_tell_about_flow_task_and_state(self) -> None:
        with prefect.context(flow_id="id", flow_name="flow"):
            assert snowflake_message_formatter(task, Failed("m")) == {
                "flow_id": "id",
                "flow_name": "flow",
                "task_name": "my task",
                "state": "Failed",
                "message": [{"value": "m"}],
            }
        assert snowflake_message_formatter(task, Failed(result=ValueError("v")))["message"] == [
            {"value": "ValueError('v')"}
        ]

    @pytest.fixture
    def connector(self, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
        """Stands for Snowflake's library, which cannot be had without an account."""
        seen = SimpleNamespace(arguments=None, executed=[], done=[])
        connection = SimpleNamespace(
            cursor=lambda: SimpleNamespace(execute=lambda *args: seen.executed.append(args)),
            commit=lambda: seen.done.append("commit"),
            close=lambda: seen.done.append("close"),
        )

        def connect(**arguments: Any) -> Any:
            seen.arguments = arguments
            return connection

        package, module = ModuleType("snowflake"), ModuleType("snowflake.connector")
        module.connect = connect  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "snowflake", package)
        monkeypatch.setitem(sys.modules, "snowflake.connector", module)
        return seen

    def secrets(self, **more: Any) -> dict[str, Any]:
        return {
            "SNOWFLAKE_CREDS": {"account": "a", "user": "u"},
            "LOG_TABLE_NAME_FULL": "DB.LOGS.STATES",
            **more,
        }

    def test_values_are_passed_apart_from_the_statement(self, connector: SimpleNamespace) -> None:
        failed = Failed("it's '); DROP TABLE x; --")
        with prefect.context(secrets=self.secrets(), flow_name="flow"):
            assert snowflake_logger(task, Running(), failed) is failed

        [(statement, values)] = connector.executed
        assert statement == (
            "INSERT INTO DB.LOGS.STATES (FLOW_ID, FLOW_NAME, TASK_NAME, STATE, MESSAGE, INGESTED_AT) "
            "VALUES (%s, %s, %s, %s, %s, CURRENT_TIMESTAMP())"
        )
        assert values[1:4] == ("flow", "my task", "Failed")
        assert "DROP TABLE" in values[4]
        assert connector.arguments == {"account": "a", "user": "u", "application": "Prefect_Snowflake"}
        assert connector.done == ["commit", "close"]

    def test_other_secrets_can_be_named(self, connector: SimpleNamespace) -> None:
        with prefect.context(secrets=self.secrets(mine={"user": "me"}, table="T")):
            snowflake_logger(snowflake_secret="mine", snowflake_log_table_name="table")(
                task, Running(), Failed()
            )

        assert connector.arguments["user"] == "me"
        assert connector.executed[0][0].startswith("INSERT INTO T (")

    def test_a_table_has_a_proper_name(self, connector: SimpleNamespace) -> None:
        with (
            prefect.context(secrets=self.secrets(table="T; DROP TABLE x")),
            pytest.raises(ValueError, match="is no full name of a table"),
        ):
            snowflake_logger(task, Running(), Failed(), snowflake_log_table_name="table")
        assert connector.executed == []

    def test_a_test_prints_instead(self, capsys: pytest.CaptureFixture[str]) -> None:
        with prefect.context(secrets=self.secrets()):
            snowflake_logger(task, Running(), Failed("m"), test_env=True)

        assert "INSERT INTO DB.LOGS.STATES" in capsys.readouterr().out

    def test_without_the_library_the_error_names_the_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "snowflake.connector", None)
        with (
            prefect.context(secrets=self.secrets()),
            pytest.raises(ImportError, match=r"pip install .prefect-classic\[snowflake\]"),
        ):
            snowflake_logger(task, Running(), Failed())


class TestJira:
    @pytest.fixture
    def jira(self, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
        """Stands for the library `jira` and a server that opens issues."""
        seen = SimpleNamespace(login=None, issues=[], assigned=[], issue="KEY-1", assigns=True)

        class JIRA:
            def __init__(self, **kwargs: Any) -> None:
                seen.login = kwargs

            def create_issue(self, fields: dict[str, Any]) -> Any:
                seen.issues.append(fields)
                return seen.issue

            def assign_issue(self, issue: Any, assignee: str) -> bool:
                seen.assigned.append((issue, assignee))
                return seen.assigns

        module = ModuleType("jira")
        module.JIRA = JIRA  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "jira", module)
        return seen

    @pytest.fixture(autouse=True)
    def secrets(self) -> Iterator[None]:
        secret = {"JIRAUSER": "u", "JIRATOKEN": "t", "JIRASERVER": "https://jira"}
        with prefect.context(secrets={"JIRASECRETS": secret}):
            yield

    def test_opens_and_assigns_an_issue(self, jira: SimpleNamespace) -> None:
        failed = Failed("boo")
        options = {"project": "TEST", "issuetype": {"name": "Task"}}

        assert jira_notifier(options=options, assignee="bob")(task, Running(), failed) is failed

        assert jira.login == {"basic_auth": ("u", "t"), "options": {"server": "https://jira"}}
        [issue] = jira.issues
        assert issue.pop("summary").startswith("Message from Prefect: my task entered a Failed state at 20")
        assert issue == options
        assert "summary" not in options
        assert jira.assigned == [("KEY-1", "bob")]

    def test_the_server_can_be_another(self, jira: SimpleNamespace) -> None:
        jira_notifier(task, Running(), Failed(), server_URL="https://other")

        assert jira.login["options"] == {"server": "https://other"}
        assert jira.assigned == [("KEY-1", "-1")]

    def test_what_jira_refuses_is_an_error(self, jira: SimpleNamespace) -> None:
        jira.assigns = False
        with pytest.raises(ValueError, match="Assigning Jira issue for <Task: my task> failed"):
            jira_notifier(task, Running(), Failed())
        jira.issue = None
        with pytest.raises(ValueError, match="Creating Jira issue for <Task: my task> failed"):
            jira_notifier(task, Running(), Failed())

    def test_without_the_library_the_error_names_the_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "jira", None)
        with pytest.raises(ImportError, match=r"pip install .prefect-classic\[jira\]"):
            jira_notifier(task, Running(), Failed())


def test_a_mail_server_that_is_away_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefect.utilities.notifications.notifications._GMAIL", ("127.0.0.1", 1))
    with (
        prefect.context(secrets={"EMAIL_USERNAME": "u", "EMAIL_PASSWORD": "p"}),
        pytest.raises((OSError, smtplib.SMTPException)),
    ):
        gmail_notifier(task, Running(), Failed())


def test_summaries_for_jira_name_object_and_state() -> None:
    assert jira_message_formatter(Flow("f"), Failed()).startswith(
        "Message from Prefect: f entered a Failed state at"
    )
