from __future__ import annotations

import base64
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import pytest

import prefect
from prefect import Flow
from prefect.tasks.notifications import EmailTask

#: Certificate and key of "localhost" and 127.0.0.1, which sign themselves.
CERTIFICATE = Path(__file__).parent / "localhost.pem"


class Post(socketserver.ThreadingTCPServer):
    """A mail server that keeps what it gets."""

    allow_reuse_address = True
    block_on_close = True

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(CERTIFICATE)
        self.logins: list[str] = []
        self.mails: list[tuple[str, list[str], EmailMessage]] = []
        super().__init__(("127.0.0.1", 0), Session)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up in the middle of a handshake are part of the tests."""


class Session(socketserver.StreamRequestHandler):
    server: Post

    def setup(self) -> None:
        super().setup()
        if self.server.mode == "SSL":
            self._encrypt()

    def _encrypt(self) -> None:
        self.rfile.close()
        self.wfile.close()
        self.request = self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def handle(self) -> None:
        sender, receivers = "", list[str]()
        is_secure = self.server.mode == "SSL"
        self.say("220 localhost")
        while line := self.rfile.readline().decode().strip():
            verb = line.split(" ", 1)[0].upper()
            if verb == "EHLO":
                self.say("250-localhost")
                if self.server.mode == "STARTTLS" and not is_secure:
                    self.say("250-STARTTLS")
                self.say("250 AUTH PLAIN")
            elif verb == "STARTTLS":
                self.say("220 go ahead")
                self._encrypt()
                is_secure = True
            elif verb == "AUTH":
                assert is_secure, "a password was sent for everybody to read"
                login = base64.b64decode(line.split()[2]).decode().strip("\0").replace("\0", ":")
                self.server.logins.append(login)
                self.say("235 welcome" if login.endswith(":right") else "535 wrong password")
            elif verb == "MAIL":
                sender = line.split("<")[1].split(">")[0]
                self.say("250 ok")
            elif verb == "RCPT":
                receivers.append(line.split("<")[1].split(">")[0])
                self.say("250 ok")
            elif verb == "DATA":
                self.say("354 go ahead")
                content = b""
                while (part := self.rfile.readline()) != b".\r\n":
                    content += part
                mail = cast("EmailMessage", message_from_bytes(content, policy=policy.default))
                self.server.mails.append((sender, receivers, mail))
                self.say("250 ok")
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def finish(self) -> None:
        super().finish()
        self.connection.close()


@contextmanager
def running(mode: str) -> Iterator[Post]:
    with Post(mode) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Post]]:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with ExitStack() as stack:
        yield lambda mode: stack.enter_context(running(mode))


def login(password: str = "right") -> AbstractContextManager[Any]:
    return prefect.context(secrets={"EMAIL_USERNAME": "me", "EMAIL_PASSWORD": password})


def email_task(server: Post, **kwargs: Any) -> EmailTask:
    settings = {
        "smtp_server": "127.0.0.1",
        "smtp_port": server.server_address[1],
        "smtp_type": server.mode,
        "subject": "News",
        "email_to": "a@example.com",
        "email_from": "Me <me@example.com>",
    }
    return EmailTask(**{**settings, **kwargs})


@pytest.mark.parametrize("mode", ["SSL", "STARTTLS"])
def test_a_mail_is_sent_after_an_encrypted_login(mode: str, post: Callable[[str], Post]) -> None:
    server = post(mode)
    with Flow("mail") as flow:
        sent = email_task(server)(msg="<b>hé</b>")

    with login():
        state = flow.run()
    assert state.result[sent].is_successful(), state.result[sent].result
    assert server.logins == ["me:right"]
    ((sender, receivers, mail),) = server.mails
    assert (sender, receivers) == ("me@example.com", ["a@example.com"])
    assert (mail["Subject"], mail["From"], mail["To"]) == ("News", "Me <me@example.com>", "a@example.com")
    assert mail.get_content_type() == "text/html"
    assert mail.get_content().strip() == "<b>hé</b>"


def test_an_insecure_mail_needs_no_login(post: Callable[[str], Post]) -> None:
    server = post("INSECURE")
    email_task(server).run(subject="Ü", msg_plain="only text")

    ((_, _, mail),) = server.mails
    assert mail["Subject"] == "Ü"
    assert (mail.get_content_type(), mail.get_content().strip()) == ("text/plain", "only text")
    assert server.logins == []


def test_copies_go_to_all_and_blind_ones_are_not_shown(post: Callable[[str], Post]) -> None:
    server = post("INSECURE")
    email_task(server).run(
        msg="x",
        email_to="a@example.com, b@example.com",
        email_to_cc=["c@example.com"],
        email_to_bcc="d@example.com,e@example.com",
    )

    ((_, receivers, mail),) = server.mails
    assert sorted(receivers) == [f"{letter}@example.com" for letter in "abcde"]
    assert (mail["To"], mail["Cc"], mail["Bcc"]) == ("a@example.com, b@example.com", "c@example.com", None)


def test_a_mail_has_two_versions_and_attachments(tmp_path: Path, post: Callable[[str], Post]) -> None:
    server = post("INSECURE")
    (tmp_path / "table.csv").write_text("1,2")
    (tmp_path / "data.unknown").write_bytes(b"\0\1")
    (tmp_path / "log.txt.gz").write_bytes(b"\x1f\x8b")
    email_task(server, attachments=[str(tmp_path / "table.csv")]).run(
        msg="<b>x</b>",
        msg_plain="x",
        attachments=[str(tmp_path / name) for name in ("table.csv", "data.unknown", "log.txt.gz")],
    )

    ((_, _, mail),) = server.mails
    assert mail.get_body(("plain",)).get_content().strip() == "x"
    assert mail.get_body(("html",)).get_content().strip() == "<b>x</b>"
    assert [
        (part.get_filename(), part.get_content_type(), part.get_payload(decode=True))
        for part in mail.iter_attachments()
    ] == [
        ("table.csv", "text/csv", b"1,2"),
        ("data.unknown", "application/octet-stream", b"\0\1"),
        ("log.txt.gz", "application/octet-stream", b"\x1f\x8b"),
    ]


def test_a_wrong_password_is_an_error(post: Callable[[str], Post]) -> None:
    import smtplib

    server = post("SSL")
    with login("wrong"), pytest.raises(smtplib.SMTPAuthenticationError, match="wrong password"):
        email_task(server).run(msg="x")
    assert server.mails == []


def test_a_server_that_nobody_vouches_for_gets_no_password(
    post: Callable[[str], Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = post("SSL")
    monkeypatch.setenv("SSL_CERT_FILE", "")
    with login(), pytest.raises(ssl.SSLCertVerificationError):
        email_task(server).run(msg="x")
    assert server.logins == []


def test_what_is_missing_or_wrong_is_explained() -> None:
    with pytest.raises(ValueError, match=r"TLS is an unsupported value for smtp_type\. Use SSL, STARTTLS or"):
        EmailTask(smtp_type="TLS", msg="x", email_to="a@example.com").run()
    with pytest.raises(ValueError, match="There is nothing to send"):
        EmailTask(email_to="a@example.com").run()
    with pytest.raises(ValueError, match="The mail has no receiver: give `email_to`"):
        EmailTask(msg="x").run()
    with pytest.raises(FileNotFoundError, match="nowhere"):
        EmailTask(email_to="a@example.com").run(attachments=["nowhere"])
    with pytest.raises(ValueError, match='Local Secret "EMAIL_USERNAME" was not found'):
        EmailTask(msg="x", email_to="a@example.com").run()
