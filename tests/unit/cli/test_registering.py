from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from prefect.cli._collect import BuiltFlow
from prefect.cli._registering import _batches, register_built
from prefect.cli._tally import Tally
from prefect.exceptions import ClientError
from prefect.utilities.graphql import GraphQLResult, decompress


@given(st.lists(st.integers(0, 5_000_000), max_size=250))
def test_requests_take_all_flows_in_their_order_and_none_is_too_long(sizes: list[int]) -> None:
    batches = list(_batches(sizes))
    assert [index for start, end in batches for index in range(start, end)] == list(range(len(sizes)))
    for start, end in batches:
        assert 1 <= end - start <= 100
        assert end - start == 1 or sum(sizes[start:end]) <= 4_000_000


class OldServer:
    """Answers as an API that has no mutation for many flows, and refuses the flow `bad`."""

    def __init__(self) -> None:
        self.registered: dict[str, str] = {}
        self.keys: dict[str, str | None] = {}
        self.identity_of_server = object()

    def graphql(self, query: Any, variables: Any = None, **options: Any) -> Any:
        text = str(query)
        assert "register_flows" not in text
        if "api" in text and "version" in text:
            return _answer({"api": {"version": "2021.11.09"}})
        if "create_flow_from_compressed_string" in text:
            name = decompress(variables["input"]["serialized_flow"])["name"]
            if name == "bad":
                raise ClientError("it is bad")
            self.registered[name] = f"id of {name}"
            self.keys[name] = variables["input"]["idempotency_key"]
            assert "force" not in variables["input"]
            return _answer({"create_flow_from_compressed_string": {"id": f"id of {name}"}})
        where = variables["where"]
        if "name" in where:
            name = where["name"]["_eq"]
            return _answer({"flow": [{"id": self.registered[name]}] if name in self.registered else []})
        return _answer({"flow": [{"version": 7}]})


def _answer(data: dict[str, Any]) -> GraphQLResult:
    return json.loads(json.dumps({"data": data}), object_hook=GraphQLResult)


def test_a_server_that_takes_one_flow_at_a_time_gets_them_one_by_one() -> None:
    server, tally = OldServer(), Tally()
    flows = [BuiltFlow(name, {"name": name}, "flows.py") for name in ("good", "bad", "fine")]
    server.registered["fine"] = "id of fine"
    register_built(server, flows, "project", tally, schedule=True, force=False)  # type: ignore[arg-type]
    assert [(o.flow, o.result, o.version, o.error) for o in tally.outcomes] == [
        ("good", "registered", 7, None),
        ("bad", "failed", None, "it is bad"),
        ("fine", "skipped", 7, None),
    ]
    assert (tally.done, tally.skipped, tally.failed) == (1, 1, 1)
    assert all(server.keys.values())


def test_a_server_without_the_word_for_it_is_forced_by_giving_no_key() -> None:
    server = OldServer()
    flows = [BuiltFlow("good", {"name": "good"}, "flows.py")]
    register_built(server, flows, "project", Tally(), schedule=True, force=True)  # type: ignore[arg-type]
    assert server.keys == {"good": None}
