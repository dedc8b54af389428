from __future__ import annotations

import base64
import datetime
import gzip
import json
import pickle
import uuid
from types import SimpleNamespace
from typing import Any

import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefect.utilities.graphql import (
    EnumValue,
    GQLObject,
    GraphQLResult,
    LiteralSetValue,
    compress,
    decompress,
    format_graphql_request_error,
    lowercase_first_letter,
    multiline_indent,
    parse_graphql,
    parse_graphql_arguments,
    with_args,
)


class TestQuery:
    def test_nested_selections_are_indented(self) -> None:
        assert parse_graphql({"query": {"books": ["title", {"author": ["name", "age"]}], "count": True}}) == (
            "query {\n"
            "    books {\n"
            "        title\n"
            "        author {\n"
            "            name\n"
            "            age\n"
            "        }\n"
            "    }\n"
            "    count\n"
            "}"
        )

    def test_fields_take_arguments(self) -> None:
        books = with_args("books", {"where": {"id": {"_eq": "5"}}, "limit": 3, "order": EnumValue("desc")})

        assert parse_graphql({books: {"title"}}) == (
            'books(where: { id: { _eq: "5" } }, limit: 3, order: desc) {\n    title\n}'
        )

    def test_mutations_with_variables_are_plain_keys(self) -> None:
        document = {"mutation($input: x!)": {"create(input: $input)": {"id"}}}

        assert (
            parse_graphql(document)
            == "mutation($input: x!) {\n    create(input: $input) {\n        id\n    }\n}"
        )

    @pytest.mark.parametrize(("document", "text"), [("a", "a"), (["a", "b"], "a\nb"), ({}, ""), ([], "")])
    def test_a_document_may_be_small(self, document: Any, text: str) -> None:
        assert parse_graphql(document) == text


class TestArguments:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (1, "1"),
            (1.5, "1.5"),
            (None, "null"),
            (True, "true"),
            ('x"y\n', '"x\\"y\\n"'),
            ([1, {"d": 2}], "[1, { d: 2 }]"),
            ((1, 2), "[1, 2]"),
            ({}, "{}"),
            ([], "[]"),
            (EnumValue("$x"), "$x"),
            (uuid.UUID(int=5), '"00000000-0000-0000-0000-000000000005"'),
            (datetime.datetime(2020, 1, 1), '"2020-01-01T00:00:00"'),
            (pendulum.datetime(2020, 1, 1), '"2020-01-01T00:00:00+00:00"'),
        ],
    )
    def test_values_are_written_as_graphql(self, value: Any, text: str) -> None:
        assert parse_graphql_arguments({"a": value}) == f"a: {text}"

    def test_text_stays_as_it_is(self) -> None:
        assert parse_graphql_arguments("a: 1") == "a: 1"
        assert with_args("f", "a: 1") == "f(a: 1)"

    def test_enum_values_equal_each_other_but_no_text(self) -> None:
        assert EnumValue("a") == EnumValue("a")
        assert hash(EnumValue("a")) == hash(EnumValue("a"))
        assert EnumValue("a") != "a"
        assert str(EnumValue("a")) == "a"
        assert repr(EnumValue("a")) == "EnumValue('a')"

    def test_arrays_of_postgresql_are_text(self) -> None:
        assert LiteralSetValue(["a", "b"]) == "{a, b}"
        assert LiteralSetValue([]) == "{}"


class TestObjects:
    def test_are_named_after_their_class(self) -> None:
        class FlowRun(GQLObject):
            pass

        assert str(FlowRun()) == "flowRun"
        assert str(FlowRun("flow_run")) == "flow_run"
        assert repr(GQLObject("zed")) == '<GQL: "zed">'

    def test_take_arguments_and_keep_their_name(self) -> None:
        account = GQLObject("account")

        assert str(account({"limit": 3})) == "account(limit: 3)"
        assert str(account) == "account"
        assert parse_graphql({account({"limit": 3}): {"id"}}) == "account(limit: 3) {\n    id\n}"


class TestResult:
    def test_fields_are_attributes(self) -> None:
        result = GraphQLResult({"data": {"flow": [{"id": 1}]}})

        assert result.data.flow[0].id == 1
        with pytest.raises(AttributeError):
            _ = result.errors
        assert result.get("errors") is None

    def test_shows_itself_as_json(self) -> None:
        result = GraphQLResult({"data": {"flow": [{"id": 1}]}})

        assert json.loads(repr(result)) == result
        assert repr(result).startswith('{\n    "data": {')

    def test_survives_pickling(self) -> None:
        result = GraphQLResult({"data": {"flow": [{"id": 1}]}})

        assert pickle.loads(pickle.dumps(result)).data.flow[0].id == 1


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=5,
)


class TestCompression:
    @given(json_values)
    def test_there_and_back_changes_nothing(self, value: Any) -> None:
        assert decompress(compress(value)) == value
        assert compress(value) == compress(value)

    def test_is_gzip_in_base_64(self) -> None:
        assert json.loads(gzip.decompress(base64.b64decode(compress({"a": 1})))) == {"a": 1}

    @pytest.mark.parametrize(
        "text", ["zzz", "", "é", base64.b64encode(b"plain").decode(), compress([1])[:-8] + "AAAAAAA="]
    )
    def test_other_text_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="no text made by `compress`"):
            decompress(text)


def answer(content: Any, body: Any = b'{"query": "query { a }", "variables": {"x": 1}}') -> Any:
    def decode() -> Any:
        if isinstance(content, Exception):
            raise content
        return content

    return SimpleNamespace(json=decode, request=SimpleNamespace(body=body))


class TestRequestError:
    def test_shows_what_the_api_said_and_what_was_asked(self) -> None:
        errors = [{"message": "boo"}, {"message": "unknown field", "extensions": {"code": "VALIDATION"}}]

        assert format_graphql_request_error(answer({"errors": errors})) == (
            "\nThe following error messages were provided by the GraphQL server:\n\n"
            "    UNKNOWN_ERROR: boo\n"
            "    VALIDATION: unknown field\n\n"
            "The GraphQL query was:\n\n    query { a }\n\n"
            'The passed variables were:\n\n    {"x": 1}\n'
        )

    @pytest.mark.parametrize("content", [{}, [], ValueError("no JSON"), None])
    def test_says_when_the_api_said_nothing(self, content: Any) -> None:
        text = format_graphql_request_error(answer(content))

        assert "The server did not provide any error messages." in text

    @pytest.mark.parametrize(
        ("errors", "line"),
        [
            ("weird", "UNKNOWN_ERROR: weird"),
            (["weird"], "UNKNOWN_ERROR: weird"),
            ({"message": "one"}, "UNKNOWN_ERROR: one"),
            ([{"odd": 1}], "UNKNOWN_ERROR: No error message supplied."),
            ([{"message": "m", "extensions": None}], "UNKNOWN_ERROR: m"),
        ],
    )
    def test_copes_with_unusual_errors(self, errors: Any, line: str) -> None:
        assert f"\n    {line}\n" in format_graphql_request_error(answer({"errors": errors}))

    @pytest.mark.parametrize("body", [None, b"", b"no json"])
    def test_copes_with_requests_that_are_not_graphql(self, body: Any) -> None:
        assert "The GraphQL query was:" in format_graphql_request_error(answer({}, body))

    def test_indents_queries_of_several_lines(self) -> None:
        body = json.dumps({"query": "mutation {\n  set\n}", "variables": '{"input": 1}'})

        text = format_graphql_request_error(answer({}, body))

        assert "    mutation {\n          set\n        }" in text
        assert '    {"input": 1}\n' in text


def test_small_text_helpers() -> None:
    assert lowercase_first_letter("ABC") == "aBC"
    assert lowercase_first_letter("") == ""
    assert multiline_indent("a\nb", 3) == "a\n   b"
