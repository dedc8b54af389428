"""A run is followed whatever becomes of the API meanwhile; what never passes ends it."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from prefect import Client
from prefect.backend import _watch
from prefect.backend.flow_run import watch_flow_run
from prefect.exceptions import AuthorizationError, ClientError
from prefect.utilities.graphql import GraphQLResult


def seen(*states: str) -> dict[str, Any]:
    """What the API says of a run that has been in these states."""
    start = datetime.datetime.now(datetime.timezone.utc)
    rows = [
        {
            "id": str(number),
            "timestamp": (start + datetime.timedelta(seconds=number)).isoformat(),
            "state": state,
            "message": "m",
            "start_time": None,
        }
        for number, state in enumerate(states)
    ]
    return {"flow_run_by_pk": {"state": states[-1], "labels": [], "states": rows, "logs": []}}


@pytest.fixture
def follow(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lines of a run of which the API says these things, one after the other, and the last again and again."""
    clock = [0.0]
    monkeypatch.setattr("time.sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    monkeypatch.setattr("time.monotonic", lambda: clock[0])

    def lines(*answers: Any, **options: Any) -> list[str]:
        left: Iterator[Any] = iter(answers)

        def graphql(*_: Any, **__: Any) -> GraphQLResult:
            answer = next(left, answers[-1])
            if isinstance(answer, Exception):
                raise answer
            return GraphQLResult({"data": answer})

        monkeypatch.setattr(Client, "graphql", graphql)
        follow = _watch.follow if "tells_ended" in options else watch_flow_run
        return [line.message for line in follow("id", **options)]

    return lines


@pytest.mark.parametrize(
    "trouble",
    [
        requests.ConnectionError("reset"),
        requests.Timeout("15 s"),
        ClientError("Malformed response received from API."),
        ClientError("[{'message': 'read ECONNRESET', 'extensions': {'code': 'API_ERROR'}}]"),
    ],
)
def test_an_api_that_is_away_for_long_is_waited_for_and_said_so_once(follow: Any, trouble: Exception) -> None:
    told = follow(seen("Running"), trouble, trouble, trouble, seen("Running", "Success"))
    assert len(told) == 3
    assert told[0].startswith("Entered state <Running>")
    assert "cannot be reached" in told[1]
    assert told[2].startswith("Entered state <Success>")


def test_each_time_it_is_away_is_said(follow: Any) -> None:
    away = requests.ConnectionError("reset")
    told = follow(
        seen("Running"), away, seen("Running"), away, away, seen("Running", "Failed"), stream_logs=False
    )
    assert sum("cannot be reached" in line for line in told) == 2


@pytest.mark.parametrize(
    "answers",
    [
        (requests.ConnectionError("nobody is there"),),
        (seen("Running"), AuthorizationError("UNAUTHENTICATED")),
        (seen("Running"), ClientError("[{'extensions': {'code': 'BAD_USER_INPUT'}}]")),
    ],
)
def test_what_does_not_pass_is_raised(follow: Any, answers: tuple[Any, ...]) -> None:
    with pytest.raises(type(answers[-1])):
        follow(*answers)


def test_a_run_that_is_deleted_is_followed_no_more(follow: Any) -> None:
    told = follow(seen("Running"), {"flow_run_by_pk": None}, stream_logs=False)
    assert told[-1] == "The flow run was deleted."


def test_a_run_that_had_ended_is_told_from_the_beginning_where_that_is_wanted(follow: Any) -> None:
    def log(*messages: str) -> dict[str, Any]:
        answer = seen("Running", "Success")
        now = datetime.datetime.now(datetime.timezone.utc).isoformat()
        answer["flow_run_by_pk"]["logs"] = [
            {"id": message, "timestamp": now, "level": "INFO", "message": message} for message in messages
        ]
        return answer

    wanted = {"stream_states": False, "stream_logs": True}
    # The last line is still on its way at the first look.
    assert follow(log("one"), log("one"), log("one", "two"), **wanted, tells_ended=True) == ["one", "two"]
    [told] = follow(log("one", "two"), **wanted)
    assert told.startswith("Your flow run finished")


def test_nobody_waits_longer_than_asked_for(follow: Any) -> None:
    with pytest.raises(RuntimeError, match="It goes on"):
        follow(seen("Running"), max_duration=datetime.timedelta(seconds=60))


def test_reasons_that_cannot_be_had_end_nothing(follow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> str:
        raise requests.ConnectionError("reset")

    monkeypatch.setattr(_watch, "why_it_waits", away)
    told = follow(*[seen("Scheduled")] * 30, seen("Scheduled", "Success"), stream_logs=False)
    assert [line.split(":")[0] for line in told] == ["Entered state <Scheduled>", "Entered state <Success>"]
