"""GraphQL text from Python values, answers with attribute access, and compressed documents."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from prefect.utilities._attrdict import AttrDict

if TYPE_CHECKING:
    import requests

__all__ = [
    "EnumValue",
    "GQLObject",
    "GraphQLResult",
    "LiteralSetValue",
    "compress",
    "decompress",
    "format_graphql_request_error",
    "lowercase_first_letter",
    "multiline_indent",
    "parse_graphql",
    "parse_graphql_arguments",
    "with_args",
]


class GraphQLResult(AttrDict):
    """An answer of the API whose fields are attributes: `result.data.flow[0].id`."""

    def __repr__(self) -> str:
        return json.dumps(self.to_dict(), indent=4, default=str)


class EnumValue:
    """A word that appears in a query without quotes: a value of an enumeration, or a `$variable`.

    Args:
        value: the word
    """

    def __init__(self, value: str) -> None:
        self.value = value

    def __str__(self) -> str:
        return self.value

    def __repr__(self) -> str:
        return f"EnumValue({self.value!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EnumValue) and self.value == other.value

    def __hash__(self) -> int:
        return hash((EnumValue, self.value))


class GQLObject:
    """A field of a query under the name of its class, or under a given name.

    Called with arguments, it is the same field with these arguments.

    Example:
        ```python
        from prefect.utilities.graphql import GQLObject


        class Account(GQLObject):
            "Stands for the field `account`."


        assert str(Account()({"limit": 3})) == "account(limit: 3)"
        ```

    Args:
        name: name of the field; the name of the class with a small first letter by default
        _arguments: text of its arguments
    """

    def __init__(self, name: str | None = None, _arguments: str | None = None) -> None:
        self.__name = name or lowercase_first_letter(type(self).__name__)
        self.__arguments = _arguments

    def __call__(self, arguments: Mapping[str, Any] | str) -> GQLObject:
        """The same field with arguments.

        Args:
            arguments: values by name, or their text
        """
        return type(self)(name=self.__name, _arguments=parse_graphql_arguments(arguments))

    def __repr__(self) -> str:
        return f'<GQL: "{self}">'

    def __str__(self) -> str:
        return f"{self.__name}({self.__arguments})" if self.__arguments else self.__name


def parse_graphql(document: Any) -> str:
    """The text of a query that is written as nested dictionaries, lists and sets.

    Example:
        ```python
        from prefect.utilities.graphql import parse_graphql

        print(parse_graphql({"query": {"books": ["title", {"author": {"name"}}]}}))
        ```

    prints

        query {
            books {
                title
                author {
                    name
                }
            }
        }

    Args:
        document: a mapping from fields to what is selected in them (`True` for nothing), a list or set of
            fields, or a single field
    """
    return "\n".join(_query_lines(document, ""))


def _query_lines(document: Any, indent: str) -> list[str]:
    if isinstance(document, Mapping):
        lines: list[str] = []
        for field, selection in cast("Mapping[Any, Any]", document).items():
            if selection is True or selection is None:
                lines.append(f"{indent}{field}")
            else:
                lines += [f"{indent}{field} {{", *_query_lines(selection, f"{indent}    "), f"{indent}}}"]
        return lines
    if isinstance(document, Iterable) and not isinstance(document, str):
        return [line for part in cast("Iterable[Any]", document) for line in _query_lines(part, indent)]
    return [f"{indent}{line}" for line in str(document).split("\n")]


def parse_graphql_arguments(arguments: Mapping[str, Any] | str) -> str:
    """The text of the arguments of a field.

    Args:
        arguments: values by name; text is returned as it is
    """
    if isinstance(arguments, str):
        return arguments
    return ", ".join(f"{name}: {_argument(value)}" for name, value in arguments.items())


def _argument(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = parse_graphql_arguments(cast("Mapping[str, Any]", value))
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, (list, tuple, set, frozenset)):
        return f"[{', '.join(map(_argument, cast('Iterable[Any]', value)))}]"
    if isinstance(value, EnumValue):
        return value.value
    if value is None or isinstance(value, (bool, int, float, str)):
        return json.dumps(value)
    isoformat: Callable[[], str] | None = getattr(value, "isoformat", None)
    return json.dumps(isoformat() if isoformat else str(value))


def with_args(field: Any, arguments: Mapping[str, Any] | str) -> str:
    """The text of a field with arguments, to use as a key in `parse_graphql`.

    Args:
        field: name of the field, or a `GQLObject`
        arguments: values by name, or their text
    """
    return f"{field}({parse_graphql_arguments(arguments)})"


def LiteralSetValue(value: Iterable[str]) -> str:  # noqa: N802 - compat: a function with a class's name
    """The text of an array of PostgreSQL: `{a, b}`.

    Args:
        value: the words in it
    """
    return f"{{{', '.join(value)}}}"


def lowercase_first_letter(s: str) -> str:
    """`s` with a small first letter.

    Args:
        s: a word
    """
    return s[:1].lower() + s[1:]


def multiline_indent(string: str, spaces: int) -> str:
    """`string` with every line but the first moved to the right.

    Args:
        string: text of several lines
        spaces: how far
    """
    return string.replace("\n", "\n" + " " * spaces)


def compress(input: Any) -> str:
    """A JSON value as short text: gzipped, then in base 64. Equal values give equal text.

    Args:
        input: anything that JSON can hold
    """
    import base64
    import gzip

    return base64.b64encode(gzip.compress(json.dumps(input).encode(), mtime=0)).decode()


def decompress(string: str) -> Any:
    """The value that `compress` made `string` from.

    Args:
        string: gzipped JSON in base 64

    Raises:
        ValueError: `string` is something else
    """
    import base64
    import gzip
    import zlib

    try:
        return json.loads(gzip.decompress(base64.b64decode(string)))
    except (ValueError, OSError, EOFError, zlib.error) as exc:
        raise ValueError(f"This is no text made by `compress`: {exc}.") from exc


def format_graphql_request_error(response: requests.Response) -> str:
    """What the API said about a query that it refused, and the query, for people.

    Args:
        response: the answer, with the request it answers
    """
    errors = _errors(response)
    if errors:
        listed = "\n".join(multiline_indent(f"    {_error_line(error)}", 8) for error in errors)
        said = f"The following error messages were provided by the GraphQL server:\n\n{listed}"
    else:
        said = "The server did not provide any error messages.\n"
    query, variables = _query_and_variables(response)
    return (
        f"\n{said}\n\nThe GraphQL query was:\n\n    {multiline_indent(query, 8)}\n\n"
        f"The passed variables were:\n\n    {multiline_indent(variables, 8)}\n"
    )


def _errors(response: requests.Response) -> list[Any]:
    try:
        answer: Any = response.json()
        errors: Any = answer["errors"]
    except (ValueError, KeyError, TypeError):  # no JSON, no errors, no object
        return []
    return cast("list[Any]", errors) if isinstance(errors, list) else [errors]


def _error_line(error: Any) -> str:
    if not isinstance(error, dict):
        return f"UNKNOWN_ERROR: {error}"
    fields = cast("dict[str, Any]", error)
    extensions = cast("dict[str, Any]", fields.get("extensions") or {})
    code = extensions.get("code", "UNKNOWN_ERROR")
    return f"{code}: {fields.get('message', 'No error message supplied.')}"


def _query_and_variables(response: requests.Response) -> tuple[str, str]:
    body: Any = response.request.body
    try:
        sent: dict[str, Any] = json.loads(body or "{}")
    except ValueError:
        sent = {}
    variables: Any = sent.get("variables", "")
    return sent.get("query", ""), variables if isinstance(variables, str) else json.dumps(variables)
