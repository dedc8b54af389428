r"""S13, S15: no name or message makes a second line in a log or obeys a terminal; no path leaves its directory."""

from __future__ import annotations

import io
import itertools
import json
import logging
import random
from pathlib import Path
from typing import Any

import pytest
from attacks import TEXTS, random_text

from prefect.cli import _output
from prefect.cli._output import printable, styled, write
from prefect.server.log_lines import OneLineFormatter, one_line_each
from scoreboard import record, sized

FORGED = "2030-01-01 00:00:00 INFO prefect.server all is well"
BREAKS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\x00", "\x1b[2J", "\x1b]0;title\x07", "\x1b[1A\x1b[2K",
          "\x9b2J", "\x08" * 20, "\u202e", "\x1bc", "\x1b[31m", "\x7f", "\x1bP1$r\x1b\\"]  # fmt: skip


def _hostile_lines() -> list[str]:
    rng = random.Random(13)
    pieces = [f"a{one}{FORGED}{two}b" for one, two in itertools.product(BREAKS, ("", "\n"))]
    return [*pieces, *TEXTS, *(random_text(rng) + rng.choice(BREAKS) for _ in range(sized(100, 10_000)))]


def _logged(texts: list[str], formatter: logging.Formatter) -> list[str]:
    """What a handler writes for records with these texts, in messages, arguments and tracebacks."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger = logging.Logger("test")
    logger.addHandler(handler)
    for text in texts:
        logger.info("%s", text)
        try:
            raise ValueError(text)
        except ValueError:
            logger.exception("failed: %s", text.replace("%", "%%"))
    return stream.getvalue().split("\n")[:-1]


def test_an_event_is_one_line_of_the_servers_log() -> None:
    texts = _hostile_lines()
    plain = logging.Formatter("%(levelname)s %(message)s")
    lines = _logged(texts, OneLineFormatter(plain))
    bad = [
        line
        for line in lines
        if len(line.splitlines()) > 1 or (not line.replace("\ud800", "").isprintable() and _controls(line))
    ]
    record(
        "S13 (log)",
        "none",
        13,
        "one line each",
        f"{len(lines)} lines for {2 * len(texts)} events, {len(bad)} with control characters",
    )
    assert len(lines) == 2 * len(texts)
    assert bad == []
    assert len(_logged(texts, plain)) > 2 * len(texts)  # the check notices a build without it


def _controls(line: str) -> bool:
    return any(ord(one) < 32 or 127 <= ord(one) < 160 for one in line)


def test_the_commands_of_the_server_write_such_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.cli import server
    from prefect.utilities.logging import get_logger

    loggers = (get_logger(), logging.getLogger("uvicorn"))
    before = [[(handler, handler.formatter) for handler in logger.handlers] for logger in loggers]
    try:
        server._set_up_logging()
        for logger in loggers:
            assert logger.handlers
            assert all(isinstance(handler.formatter, OneLineFormatter) for handler in logger.handlers)
            one_line_each(logger)  # once is enough
            assert not any(
                isinstance(handler.formatter._inner, OneLineFormatter) for handler in logger.handlers
            )  # type: ignore[union-attr]
    finally:
        for logger, handlers in zip(loggers, before, strict=True):
            logger.handlers = [handler for handler, _ in handlers]
            for handler, formatter in handlers:
                handler.setFormatter(formatter)


def test_a_fault_of_the_server_is_logged_without_the_words_of_the_request(
    local: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*args: object) -> None:
        raise LookupError("a fault")

    monkeypatch.setattr(local.store, "write", fail)
    local.client.get("/x%0a" + FORGED.replace(" ", "%20"))
    local.post(f'mutation {{ create_project(input: {{name: "{FORGED}"}}) {{ id }} }}')
    assert "a fault" in caplog.text
    assert FORGED not in caplog.text


def test_nothing_that_others_wrote_obeys_the_terminal() -> None:
    texts = _hostile_lines()
    stream = io.StringIO()
    for text in texts:
        write(printable(text), stream)
        write(styled(text, stream, color="red"), stream)
    bad = [line for line in stream.getvalue().split("\n") if _controls(line.replace("\t", ""))]
    record("S13 (commands)", "none", 13, "0 control characters", f"{len(bad)} of {len(texts)} texts")
    assert bad == []
    # Even what nobody made printable passes `write` without moving anything.
    raw = io.StringIO()
    for text in texts:
        write(text, raw)
    assert not any(
        _controls(_output._COLOR.sub("", line).replace("\t", "")) for line in raw.getvalue().split("\n")
    )
    assert printable("naïve 日本 😀\n\tx") == "naïve 日本 😀\n\tx"


def test_colours_of_ours_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = io.StringIO()
    write(styled("é\x1b[2J", stream, color="red"), stream)
    assert stream.getvalue() == "\x1b[31mé\x1b[0m\n"


# -- paths -------------------------------------------------------------------------------

CANARY = "a canary beside the files of the UI"


def _payloads() -> list[str]:
    ups = [
        "..",
        "%2e%2e",
        "%2E%2e",
        ".%2e",
        "..%00",
        "..;",
        "%252e%252e",
        "..%c0%af",
        "%c0%ae%c0%ae",
        "....",
        "..%5c",
        "%u002e%u002e",
        "..\\",
    ]
    slashes = ["/", "%2f", "%252f", "\\", "%5c", "//", "/./", "%c0%af"]
    found = [
        f"/{start}{(up + slash) * depth}{target}"
        for up, slash in itertools.product(ups, slashes)
        for depth, start, target in (
            (1, "", "canary.txt"),
            (2, "assets/", "canary.txt"),
            (6, "", "etc/passwd"),
        )
    ]
    return [
        *found, "//etc/passwd", "/etc/passwd", "/%2fetc/passwd", "/file:///etc/passwd", "/C:/Windows/win.ini", "/assets", "/assets/",
        "/link.txt", "/assets/link.txt", "/dir/canary.txt", "/index.html/../../canary.txt", "/.", "/..", "/%00", "/canary.txt%00.js",
        "/index.html%00", "/app.js/..", "/app.js/canary.txt", "/~root", "/proc/self/environ", "/static/../canary.txt",
    ]  # fmt: skip


def _served(site: Any, canary: str) -> tuple[int, list[str]]:
    """How many paths were asked for, and those that showed something from outside."""
    leaks = []
    payloads = _payloads()
    for payload in payloads:
        for headers in ({}, {"accept": "text/html"}):
            reply = site.client.get(payload, headers=headers)
            if canary in reply.text or "root:" in reply.text or reply.status_code >= 500:
                leaks.append(f"{reply.status_code} {payload}")
    return len(payloads), leaks


@pytest.fixture
def ui(tmp_path: Path) -> Path:
    """A UI, with a file beside it that nobody may see, and links to it."""
    (tmp_path / "canary.txt").write_text(CANARY)
    directory = tmp_path / "ui"
    (directory / "assets").mkdir(parents=True)
    (directory / "index.html").write_text("<html><body>the UI</body></html>")
    (directory / "app.js").write_text("1")
    for link in (directory / "link.txt", directory / "assets" / "link.txt"):
        link.symlink_to(tmp_path / "canary.txt")
    (directory / "dir").symlink_to(tmp_path, target_is_directory=True)
    return directory


def test_no_path_leads_out_of_the_files_of_the_ui(open_site: Any, ui: Path) -> None:
    site = open_site(ui_directory=ui)
    assert site.client.get("/app.js").text == "1"
    assert "the UI" in site.client.get("/", headers={"accept": "text/html"}).text
    asked, leaks = _served(site, CANARY)
    record("S15", site.store.dialect, None, "0 leaks", f"{len(leaks)} of {asked} paths")
    assert leaks == []
    assert asked >= 200


def test_a_build_that_joins_paths_is_noticed(
    open_site: Any, ui: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from starlette.responses import PlainTextResponse

    from prefect.server.http.ui import WebUi

    async def careless(self: Any, request: Any) -> Any:
        file = self.directory / request.path_params["path"]
        return PlainTextResponse(file.read_text() if file.is_file() else "")

    monkeypatch.setattr(WebUi, "any", careless)
    _, leaks = _served(open_site(ui_directory=ui), CANARY)
    assert leaks


def test_answers_are_json_whatever_the_path_is(local: Any) -> None:
    for payload in ("/x\u2028y", "/<script>alert(1)</script>", "/a/b/c/d", "/" + "x" * 5_000):
        reply = local.client.get(payload)
        assert reply.status_code == 404
        assert "<script>" not in reply.text
        json.loads(reply.text)
