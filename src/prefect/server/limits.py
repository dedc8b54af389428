"""What one request may cost: one table of limits, each a setting `server.limits.<name>`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

__all__ = ["Limits", "limits_of"]


@dataclass(frozen=True)
class Limits:
    """Limits of requests, documents, values and answers.

    Attributes:
        body_bytes: largest request body with a key, or where none are required.
        anonymous_body_bytes: largest request body of anybody else.
        batch: requests in one body, sent as a JSON list.
        header_s: seconds in which the head of a request has to arrive.
        body_s: seconds in which the body of a request has to arrive.
        wrong_keys_per_minute: wrong API keys of one address before it has to wait.
        requests_per_second: requests of one API key, on average; 0 for as many as it likes.
        characters: length of a document.
        literals: literals in a document.
        structure: length of a document without its literals.
        tokens: tokens of a document without its literals.
        depth: levels of nested selections; introspection does not count.
        aliases: fields with an alias, in all.
        fields: fields in all, those of a fragment once for each place it stands in.
        root_fields: fields of the root.
        directives: directives in all.
        fragments: fragments that a document defines.
        repeats: fields that stand in one selection under a name that is there already.
        conditions: comparisons in the filters of one root field.
        wildcards: `%` in a pattern of `_like` and its relatives.
        rows: rows that nested lists may come to: the cost of a document.
        response_characters: length of the answer to one root field.
        query_s: seconds that a query may take.
        search_s: seconds that a query may take that looks for a text, with `_like` and its relatives.
        state_bytes: a state, as JSON.
        artifact_bytes: the data of an artifact, as JSON.
        key_value_bytes: a value of the key-value store, as JSON.
        flow_bytes: a flow, when it is unpacked.
    """

    body_bytes: int = 25_000_000
    anonymous_body_bytes: int = 1_000_000
    batch: int = 10
    header_s: float = 15.0
    body_s: float = 120.0
    wrong_keys_per_minute: int = 20
    requests_per_second: int = 0
    characters: int = 5_000_000
    literals: int = 200_000
    structure: int = 200_000
    tokens: int = 20_000
    depth: int = 20
    aliases: int = 100
    fields: int = 5_000
    root_fields: int = 110
    directives: int = 100
    fragments: int = 50
    repeats: int = 30
    conditions: int = 5_000
    wildcards: int = 100
    rows: int = 1_000_000
    response_characters: int = 200_000_000
    query_s: float = 30.0
    search_s: float = 0.5
    state_bytes: int = 1_000_000
    artifact_bytes: int = 1_000_000
    key_value_bytes: int = 10_000
    flow_bytes: int = 100_000_000


def limits_of(values: Mapping[str, Any]) -> Limits:
    """Limits from the section `server.limits` of a configuration; what it does not say is by default.

    Raises:
        ValueError: a value is no number or negative, or there is no limit of that name; the
            message names the setting.
    """
    kinds: dict[str, type] = {field.name: type(field.default) for field in fields(Limits)}
    found: dict[str, Any] = {}
    for name, value in values.items():
        if name not in kinds:
            raise ValueError(f"There is no setting server.limits.{name}; there are: {', '.join(kinds)}.")
        try:
            number = kinds[name](value)
        except (TypeError, ValueError):
            raise ValueError(f"server.limits.{name} has to be a number, not {value!r}.") from None
        if isinstance(value, bool) or number < 0:
            raise ValueError(f"server.limits.{name} has to be a number of at least 0, not {value!r}.")
        found[name] = number
    return Limits(**found)
