"""`EmailTask`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect.core.task import Task
from prefect.utilities.tasks import defaults_from_attrs

if TYPE_CHECKING:
    import smtplib
    from email.message import EmailMessage

__all__ = ["EmailTask"]

_TIMEOUT_S = 60


class EmailTask(Task):
    """A task that sends an e-mail.

    User name and password are the secrets `EMAIL_USERNAME` and `EMAIL_PASSWORD`. Every argument of
    `run` may also be given here, to be used when the call leaves it out.

    Args:
        subject: subject line.
        msg: the message as HTML.
        email_to: receivers, separated by commas, or a list of them.
        email_from: the sender, `"a@example.com"` or `"A <a@example.com>"`.
        smtp_server: name of the mail server.
        smtp_port: its port.
        smtp_type: `"SSL"`, `"STARTTLS"`, or `"INSECURE"`: not encrypted and without login.
        msg_plain: the message as plain text; with `msg` too, mail programs choose.
        email_to_cc: receivers of copies.
        email_to_bcc: receivers of copies whom the others do not see.
        attachments: paths of files.
        **kwargs: settings of every `Task`.
    """

    subject: str | None
    msg: str | None
    email_to: str | Iterable[str] | None
    email_from: str | None
    smtp_server: str | None
    smtp_port: int | None
    smtp_type: str | None
    msg_plain: str | None
    email_to_cc: str | Iterable[str] | None
    email_to_bcc: str | Iterable[str] | None
    attachments: list[str]

    def __init__(
        self,
        subject: str | None = None,
        msg: str | None = None,
        email_to: str | Iterable[str] | None = None,
        email_from: str = "notifications@prefect.io",
        smtp_server: str = "smtp.gmail.com",
        smtp_port: int = 465,
        smtp_type: str = "SSL",
        msg_plain: str | None = None,
        email_to_cc: str | Iterable[str] | None = None,
        email_to_bcc: str | Iterable[str] | None = None,
        attachments: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        self.subject = subject
        self.msg = msg
        self.email_to = email_to
        self.email_from = email_from
        self.smtp_server = smtp_server
        self.smtp_port = smtp_port
        self.smtp_type = smtp_type
        self.msg_plain = msg_plain
        self.email_to_cc = email_to_cc
        self.email_to_bcc = email_to_bcc
        self.attachments = attachments or []
        super().__init__(**kwargs)

    @defaults_from_attrs(
        "subject",
        "msg",
        "email_to",
        "email_from",
        "smtp_server",
        "smtp_port",
        "smtp_type",
        "msg_plain",
        "email_to_cc",
        "email_to_bcc",
        "attachments",
    )
    def run(
        self,
        subject: str | None = None,
        msg: str | None = None,
        email_to: str | Iterable[str] | None = None,
        email_from: str | None = None,
        smtp_server: str | None = None,
        smtp_port: int | None = None,
        smtp_type: str | None = None,
        msg_plain: str | None = None,
        email_to_cc: str | Iterable[str] | None = None,
        email_to_bcc: str | Iterable[str] | None = None,
        attachments: list[str] | None = None,
    ) -> None:
        """Send it. Arguments: as for the task.

        Raises:
            ValueError: there is no receiver or nothing to send, `smtp_type` is unknown, or a secret is
                missing.
            OSError: an attachment cannot be read, or the server not be reached.
            smtplib.SMTPException: the server refused the login or the mail.
        """
        if smtp_type not in ("SSL", "STARTTLS", "INSECURE"):
            raise ValueError(
                f"{smtp_type} is an unsupported value for smtp_type. Use SSL, STARTTLS or INSECURE."
            )
        if not (msg or msg_plain or attachments):
            raise ValueError("There is nothing to send: give `msg`, `msg_plain` or `attachments`.")
        from email.message import EmailMessage

        mail = EmailMessage()
        mail["Subject"] = subject or ""
        mail["From"] = email_from
        for header, receivers in (("To", email_to), ("Cc", email_to_cc), ("Bcc", email_to_bcc)):
            if receivers:
                mail[header] = receivers if isinstance(receivers, str) else ", ".join(receivers)
        if not (mail["To"] or mail["Cc"] or mail["Bcc"]):
            raise ValueError("The mail has no receiver: give `email_to`.")
        if msg_plain:
            mail.set_content(msg_plain)
            if msg:
                mail.add_alternative(msg, subtype="html")
        elif msg:
            mail.set_content(msg, subtype="html")
        for path in attachments or ():
            _attach(mail, Path(path))
        with _session(smtp_server or "", smtp_port or 0, smtp_type) as session:
            session.send_message(mail)


def _attach(mail: EmailMessage, path: Path) -> None:
    import mimetypes

    kind, encoding = mimetypes.guess_type(path.name)
    if kind is None or encoding is not None:  # unknown, or compressed
        kind = "application/octet-stream"
    maintype, _, subtype = kind.partition("/")
    mail.add_attachment(path.read_bytes(), maintype=maintype, subtype=subtype, filename=path.name)


def _session(server: str, port: int, smtp_type: str) -> smtplib.SMTP:
    """A connection to the mail server, logged in unless it is insecure."""
    import smtplib
    import ssl

    from prefect.client.secrets import Secret

    if smtp_type == "INSECURE":
        return smtplib.SMTP(server, port, timeout=_TIMEOUT_S)
    username, password = str(Secret("EMAIL_USERNAME").get()), str(Secret("EMAIL_PASSWORD").get())
    context = ssl.create_default_context()
    if smtp_type == "SSL":
        session = smtplib.SMTP_SSL(server, port, timeout=_TIMEOUT_S, context=context)
    else:
        session = smtplib.SMTP(server, port, timeout=_TIMEOUT_S)
    try:
        if smtp_type == "STARTTLS":
            session.starttls(context=context)
        session.login(username, password)
    except BaseException:
        session.close()
        raise
    return session
