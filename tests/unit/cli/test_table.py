from __future__ import annotations

import datetime
import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from prefect.cli._table import Column, Page, age, draw_rows, short_age, show_document, show_rows, show_value

COLUMNS = (
    Column("NAME", lambda row: row["name"]),
    Column("WHEN", lambda row: row["when"], optional=True),
    Column("ID", lambda row: row["id"], whole=True),
)
ROWS = [
    {"name": "a long name\twith a tab\nand a line", "when": None, "id": "0123456789"},
    {"name": "b", "when": "yesterday", "id": "9876543210"},
]


def ago(seconds: float) -> str:
    moment = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=seconds)
    return moment.isoformat()


def test_elsewhere_than_in_a_terminal_a_row_is_a_line_of_tab_separated_values(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_rows(ROWS, COLUMNS, "table")
    assert capsys.readouterr().out.splitlines() == [
        "NAME\tWHEN\tID",
        "a long name with a tab and a line\t\t0123456789",
        "b\tyesterday\t9876543210",
    ]


@pytest.mark.parametrize(("output", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_documents_hold_the_rows_as_they_are(
    capsys: pytest.CaptureFixture[str], output: str, read: object
) -> None:
    show_rows(ROWS, COLUMNS, output)
    assert read(capsys.readouterr().out) == ROWS  # type: ignore[operator]


def test_json_lines_and_ids(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows(ROWS, COLUMNS, "jsonl")
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == ROWS
    show_rows(ROWS, COLUMNS, "id")
    assert capsys.readouterr().out == "0123456789\n9876543210\n"


@pytest.mark.parametrize(("output", "text"), [("json", "[]\n"), ("jsonl", ""), ("id", ""), ("table", "")])
def test_no_rows(capsys: pytest.CaptureFixture[str], output: str, text: str) -> None:
    show_rows([], COLUMNS, output, empty="Nothing is here.")
    told = capsys.readouterr()
    assert told.out == text
    assert ("Nothing is here." in told.err) == (output == "table")


@pytest.mark.parametrize("output", ["table", "json", "jsonl", "yaml", "id"])
def test_what_is_left_out_is_told_beside_the_data(capsys: pytest.CaptureFixture[str], output: str) -> None:
    show_rows(ROWS, COLUMNS, output, more="There are more.")
    told = capsys.readouterr()
    assert told.err == "There are more.\n"
    assert "There are more." not in told.out


@pytest.mark.parametrize(("width", "has_when"), [("80", True), ("44", False), ("20", False)])
def test_a_table_fits_the_terminal_and_ids_stay_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: str, has_when: bool
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    show_rows(ROWS, COLUMNS, "table")
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= int(width)
    assert ("WHEN" in lines[0]) is has_when
    assert [line.split()[-1] for line in lines[1:]] == ["0123456789", "9876543210"]


@pytest.mark.parametrize(
    ("seconds", "words", "letters"),
    [
        (0, "a few seconds ago", "now"),
        (61, "1 minute ago", "1m"),
        (7_300, "2 hours ago", "2h"),
        (200_000, "2 days ago", "2d"),
        (-7_300, "in 2 hours", "in 2h"),
    ],
)
def test_ages_in_words_and_in_letters(seconds: float, words: str, letters: str) -> None:
    assert (age(ago(seconds)), short_age(ago(seconds))) == (words, letters)


def test_what_has_no_time_has_no_age() -> None:
    assert (age(None), short_age(None)) == ("", "")


@given(st.text(), st.text())
def test_no_text_breaks_a_line_into_more(name: str, when: str) -> None:
    import io

    stream = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", stream)
        show_rows([{"name": name, "when": when, "id": "x"}], COLUMNS, "table")
    lines = stream.getvalue().split("\n")
    assert (len(lines), lines[1].count("\t")) == (3, 2)


DOCUMENT = {"id": "5", "name": "nightly", "project": {"name": "demo"}, "labels": ["a", "b"], "context": {}}


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ("id", "5\n"),
        ("jsonl", json.dumps(DOCUMENT, sort_keys=True) + "\n"),
        ("json", json.dumps(DOCUMENT, sort_keys=True, indent=2) + "\n"),
        (
            "table",
            "id       5\nname     nightly\nproject  demo\nlabels   a, b\ncontext\n",
        ),
    ],
)
def test_one_object_in_every_format(capsys: pytest.CaptureFixture[str], output: str, text: str) -> None:
    show_document(DOCUMENT, output)
    assert capsys.readouterr().out == text


def test_a_table_of_an_object_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    storage = {"__version__": "1.4.1", "type": "Local", "stored_as_script": True}
    show_document({"archived": False, "storage": storage, "state": "Failed"}, "table")
    assert capsys.readouterr().out.splitlines() == [
        "archived  no",
        "storage   stored_as_script: true",
        "          type: Local",
        "state     Failed",
    ]


def test_objects_that_belong_together_are_parted(capsys: pytest.CaptureFixture[str]) -> None:
    show_document([{"id": "1"}, {"id": "2"}], "table")
    assert capsys.readouterr().out == "id  1\n\nid  2\n"
    show_document([{"id": "1"}, {"id": "2"}], "id")
    assert capsys.readouterr().out == "1\n2\n"


def test_a_value_is_one_line_of_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    show_value({"a": [1, 2]}, "jsonl")
    assert capsys.readouterr().out == '{"a": [1, 2]}\n'


def test_names_are_kept_longer_than_other_texts_and_numbers_stand_right(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "32")
    columns = (
        Column("NAME", lambda row: row["name"], kept=True),
        Column("FLOW", lambda row: row["flow"]),
        Column("N", lambda row: row["n"]),
    )
    rows = [
        {"name": "plucky-serval", "flow": "a very long name", "n": 5},
        {"name": "x", "flow": "y", "n": 1200},
    ]
    draw_rows(rows, columns)
    assert capsys.readouterr().out.splitlines() == [
        "NAME           FLOW            N",
        "plucky-serval  a very lon…     5",
        "x              y            1200",
    ]


def test_a_terminal_has_shorter_titles_and_no_column_without_a_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = (
        Column("NAME", lambda row: row["name"]),
        Column("MESSAGE", lambda row: None),
        Column("PROJECT NAME", lambda row: "demo", head="PROJECT"),
    )
    rows = [{"name": "a"}]
    draw_rows(rows, columns)
    assert capsys.readouterr().out == "NAME  PROJECT\na     demo\n"
    show_rows(rows, columns, "table")
    assert capsys.readouterr().out == "NAME\tMESSAGE\tPROJECT NAME\na\t\tdemo\n"


def test_times_of_an_object_are_for_people_in_a_table_only(capsys: pytest.CaptureFixture[str]) -> None:
    when = "2026-11-25T09:27:08.514679+00:00"
    show_document({"start_time": when}, "table")
    assert capsys.readouterr().out == "start_time  2026-11-25 09:27:08 UTC\n"
    show_document({"start_time": when}, "json")
    assert json.loads(capsys.readouterr().out) == {"start_time": when}


@pytest.mark.parametrize(("output", "start"), [("json", "{"), ("yaml", "next_cursor: c")])
def test_a_page_says_where_the_next_one_begins(
    capsys: pytest.CaptureFixture[str], output: str, start: str
) -> None:
    show_rows(ROWS, COLUMNS, output, page=Page("c"))
    told = capsys.readouterr().out
    assert told.startswith(start)
    assert yaml.safe_load(told) == {"rows": ROWS, "next_cursor": "c"}
