"""Values given on the command line: `key=value` pairs, parameter files, and checks against a flow."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from prefect.cli import _exit_codes
from prefect.cli._errors import CommandError

if TYPE_CHECKING:
    from prefect.core.flow import Flow

__all__ = ["check_parameters", "key_values", "merged_parameters", "value_of"]


def value_of(text: str) -> Any:
    """The value that `text` stands for: JSON, or the text itself.

    Text that starts like a JSON object, list or string, but is none, is a mistake and not a text:

    ```python
    print(value_of("3"), value_of("true"), value_of("Marvin"), value_of('{"a": [1]}'))
    ```

    ```output
    3 True Marvin {'a': [1]}
    ```

    Raises:
        ValueError: it starts like JSON and does not parse; the message says where.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if text.lstrip()[:1] in ("{", "[", '"'):
            raise ValueError(f"{error.msg} at character {error.pos + 1}") from None
        return text


def key_values(pairs: Iterable[str], option: str) -> dict[str, Any]:
    """`{key: value}` of texts `key=value`; a later key wins.

    Args:
        pairs: the texts.
        option: the option they were given with, for messages.

    Raises:
        CommandError: a text without key or `=`, or with a value that is broken JSON.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        key = key.strip()
        if not key or not equals:
            raise CommandError(
                f"{option} {pair!r} is not of the form key=value.", exit_code=_exit_codes.USAGE
            )
        try:
            values[key] = value_of(text)
        except ValueError as error:
            raise CommandError(
                f"{option} {key} starts like JSON but is not: {error} of {text!r}.",
                hint=f"If it is meant as text, quote it for JSON: {option} '{key}={json.dumps(text)}'",
                exit_code=_exit_codes.USAGE,
            ) from None
    return values


def merged_parameters(param_file: str | None, pairs: Iterable[str]) -> tuple[dict[str, Any], list[str]]:
    """Parameters of `--param-file` and `--param`, and the names where the latter won.

    Raises:
        CommandError: the file is missing or no JSON object, or a pair is wrong.
    """
    given = key_values(pairs, "--param")
    from_file = {} if param_file is None else _read_parameters(Path(param_file).expanduser())
    return {**from_file, **given}, sorted(from_file.keys() & given.keys())


def _read_parameters(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise CommandError(
            f"There is no parameter file {str(path)!r}.", exit_code=_exit_codes.NOT_FOUND
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(
            f"The parameter file {str(path)!r} cannot be read: {error}.", exit_code=_exit_codes.USAGE
        ) from None
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise CommandError(
            f"The parameter file {str(path)!r} is not JSON: {error.msg} at line {error.lineno}, "
            f"column {error.colno}.",
            exit_code=_exit_codes.USAGE,
        ) from None
    if not isinstance(values, dict):
        kinds: dict[str, str] = {"list": "a list", "str": "a text", "bool": "a boolean", "NoneType": "null"}
        kind = kinds.get(type(cast("object", values)).__name__, "a number")
        raise CommandError(
            f"The parameter file {str(path)!r} holds {kind}; "
            'it must hold one JSON object such as {"name": "Marvin"}.',
            exit_code=_exit_codes.USAGE,
        )
    return cast("dict[str, Any]", values)


def check_parameters(flow: Flow, given: dict[str, Any]) -> None:
    """Check that `given` names parameters of the flow, and all that it requires, with valid values.

    Raises:
        CommandError: it does not; the message names the parameters there are.
    """
    parameters = {parameter.name: parameter for parameter in flow.parameters()}
    known = ", ".join(repr(name) for name in sorted(parameters)) or "none"
    unknown = sorted(given.keys() - parameters.keys())
    if unknown:
        similar = difflib.get_close_matches(unknown[0], list(parameters), n=1)
        raise CommandError(
            f"Flow {flow.name!r} has no parameter {_quoted(unknown)}; it has {known}.",
            hint=f"Did you mean {similar[0]!r}?" if similar else None,
            exit_code=_exit_codes.USAGE,
        )
    missing = sorted(name for name, found in parameters.items() if found.required and name not in given)
    if missing:
        noun = "parameter" if len(missing) == 1 else "parameters"
        raise CommandError(
            f"Flow {flow.name!r} needs a value for its {noun} {_quoted(missing)}.",
            hint=f"Pass {' '.join(f'--param {name}=VALUE' for name in missing)}.",
            exit_code=_exit_codes.USAGE,
        )
    for name, value in given.items():
        try:
            parameters[name].validated(value)
        except (TypeError, ValueError) as error:
            raise CommandError(str(error), exit_code=_exit_codes.USAGE) from None


def _quoted(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)
