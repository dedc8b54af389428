"""Executing a request: from a document and variables to the bytes of an answer."""

from __future__ import annotations

import asyncio
import datetime
import json
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import msgspec
from graphql import (
    GraphQLError,
    GraphQLInputType,
    GraphQLNonNull,
    GraphQLScalarType,
    coerce_input_value,
    execute_sync,
    is_list_type,
    is_non_null_type,
)
from graphql.execution.values import get_variable_values
from graphql.language import ast

from prefect.server.database.store import Store
from prefect.server.domain import operations
from prefect.server.domain.registry import Operation
from prefect.server.errors import (
    ApiError,
    BadInputError,
    ForbiddenError,
    RateLimitedError,
    UnauthenticatedError,
    UnavailableError,
)
from prefect.server.graphql.builder import Builder, Parameter
from prefect.server.graphql.documents import DocumentCache, DocumentError, Parsed
from prefect.server.graphql.limits import Limits
from prefect.server.graphql.schema import build_schema
from prefect.server.graphql.scope import scope_params
from prefect.server.graphql.select import Document, Selected, compile_field, is_table_field, selected_fields
from prefect.server.graphql.values import Bindings, Flag, Items, Members, Null, Slot, Tree, Word, variable_shape
from prefect.server.graphql.waiting import run_waiting
from prefect.server.security.caller import Caller, allows

__all__ = ["Executor", "Reply", "Request"]

_logger = logging.getLogger("prefect.server")


@dataclass(frozen=True)
class Request:
    """A GraphQL request.

    Attributes:
        query: the document.
        variables: `{name: value}`.
        operation_name: which operation of the document.
    """

    query: str
    variables: Mapping[str, Any]
    operation_name: str | None = None


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        status: HTTP status.
        body: JSON.
        retry_after_s: when to try again, with 429 and 503.
    """

    status: int
    body: bytes
    retry_after_s: int | None = None


@dataclass(frozen=True)
class _TablePlan:
    sql: str
    parameters: tuple[Parameter, ...]


class Executor:
    """Executes requests against a store.

    Args:
        store: the database.
        clock: the time (UTC).
        limits: what a document may cost.
    """

    def __init__(
        self, store: Store, clock: Callable[[], datetime.datetime], limits: Limits | None = None
    ) -> None:
        self.store = store
        self.clock = clock
        self.limits = limits or Limits()
        self.documents = DocumentCache(self.limits)
        self.schema = build_schema()

    async def execute(self, request: Request, caller: Caller | None) -> Reply:
        """Execute a request.

        Args:
            request: the request.
            caller: who sent it; None for nobody we know.
        """
        try:
            parsed, literals = self.documents.get(request.query, request.operation_name)
            variables = self._variables(parsed, request.variables)
        except DocumentError as exc:
            return _refused(exc.code, exc.errors)
        document = Document(parsed.fragments, variables, parsed.numbers, parsed.structural)
        run = _Run(self, parsed, document, Bindings(literals, variables), caller)
        try:
            return await run.reply()
        except GraphQLError as exc:
            return _refused("BAD_USER_INPUT", [exc])

    def _variables(self, parsed: Parsed, given: Mapping[str, Any]) -> dict[str, Any]:
        definitions = parsed.operation.variable_definitions
        if not definitions:
            return {}
        # A required variable of ours that is null is reported by GraphQL's own rules.
        found = get_variable_values(self.schema, definitions, dict(given), max_errors=20)
        if isinstance(found, list):
            raise DocumentError("BAD_USER_INPUT", found)
        coerced = getattr(found, "coerced", found)
        return cast("dict[str, Any]", dict(coerced))


class _Run:
    """One request under way."""

    def __init__(
        self, executor: Executor, parsed: Parsed, document: Document, bindings: Bindings, caller: Caller | None
    ) -> None:
        self.executor = executor
        self.store = executor.store
        self.parsed = parsed
        self.document = document
        self.bindings = bindings
        self.caller = caller
        self.errors: list[dict[str, Any]] = []

    async def reply(self) -> Reply:
        fields = selected_fields(self.document, self.parsed.operation.selection_set)
        is_mutation = self.parsed.operation.operation == ast.OperationType.MUTATION
        parts: list[str] = []
        try:
            if is_mutation:
                for selected in fields:  # in order, each after the one before
                    parts.append(await self._guarded(selected, self._mutation))
            else:
                parts = list(await asyncio.gather(*(self._guarded(one, self._query) for one in fields)))
        except (RateLimitedError, UnavailableError) as exc:
            status = 429 if isinstance(exc, RateLimitedError) else 503
            body = json.dumps({"errors": [_error(exc.message, exc.code, None)]}).encode()
            return Reply(status, body, exc.retry_after_s)
        inner = ",".join(
            f"{json.dumps(selected.key)}:{part}" for selected, part in zip(fields, parts, strict=True)
        )
        body = f'{{"data":{{{inner}}}'
        if self.errors:
            # wire: old clients crash on `errors` that is null or empty, and read the first error only.
            body += f',"errors":{json.dumps(self.errors)}'
        return Reply(200, (body + "}").encode())

    async def _guarded(self, selected: Selected, run: Callable[[Selected], Any]) -> str:
        """The JSON of a field; null, and an error kept, when it fails."""
        try:
            return await run(selected)
        except (GraphQLError, RateLimitedError, UnavailableError):
            raise
        except ApiError as exc:
            self.errors.append(_error(exc.message, exc.code, selected.key))
        except Exception:  # noqa: BLE001 # a fault of ours: it is logged, and the client learns no more than a reference
            reference = uuid.uuid4().hex[:8]
            _logger.exception("field %s failed (reference %s)", selected.name, reference)
            message = f"An error of the server's (reference {reference}); its log says more."
            self.errors.append(_error(message, "INTERNAL_SERVER_ERROR", selected.key))
        return "null"

    # -- queries ----------------------------------------------------------------------

    async def _query(self, selected: Selected) -> str:
        name = selected.name
        if name == "__typename":
            return '"query_root"'
        if name in ("__schema", "__type"):
            self._require_caller()
            return self._introspect(selected)
        if is_table_field(name):
            return await self._table(selected)
        operation = operations.queries()[name]
        caller = self._allowed(operation)
        field = self.executor.schema.query_type.fields[name]  # type: ignore[union-attr] # pyright: ignore[reportOptionalMemberAccess]
        arguments: dict[str, Any] = {}
        for argument_name, argument in field.args.items():
            value = self.document.argument(selected.node, argument_name)
            if value is not None:
                arguments[argument_name] = self._coerced(value, argument.type)
        converted = {
            key: msgspec.convert(value, operation.arguments[key], strict=False) for key, value in arguments.items()
        }
        now = self.executor.clock()
        output = await self.store.read(lambda tx: operation.handler(tx, caller, now, **converted))
        return json.dumps(self._projected(output, selected))

    async def _table(self, selected: Selected) -> str:
        caller = self._require_caller()
        key = (
            selected.key,
            tuple(
                (name, variable_shape(value, name in self.parsed.structural))
                for name, value in self.bindings.variables.items()
            ),
        )
        plan = self.parsed.plans.get(key)
        if plan is None:
            builder = Builder(self.store.dialect)
            sql = compile_field(builder, self.document, selected)
            plan = _TablePlan(sql, tuple(builder.parameters))
            if len(self.parsed.plans) < 500:
                self.parsed.plans[key] = plan
        params = scope_params(caller)
        for parameter in plan.parameters:
            params[parameter.name] = parameter.value(self.bindings)
        text = await self.store.fetch_text(plan.sql, params)
        return "null" if text is None else text

    def _introspect(self, selected: Selected) -> str:
        operation = self.parsed.operation
        chosen = ast.OperationDefinitionNode(
            operation=operation.operation,
            selection_set=ast.SelectionSetNode(selections=(selected.node,)),
            variable_definitions=operation.variable_definitions,
            directives=(),
        )
        document = ast.DocumentNode(definitions=(chosen, *self.parsed.fragments.values()))
        result = execute_sync(self.executor.schema, document, variable_values=dict(self.bindings.variables))
        data = cast("dict[str, Any]", getattr(result, "data", None) or {})
        return json.dumps(data.get(selected.key))

    # -- mutations --------------------------------------------------------------------

    async def _mutation(self, selected: Selected) -> str:
        if selected.name == "__typename":
            return '"mutation_root"'
        operation = operations.mutations()[selected.name]
        caller = self._allowed(operation)
        field = self.executor.schema.mutation_type.fields[selected.name]  # type: ignore[union-attr] # pyright: ignore[reportOptionalMemberAccess]
        value = self.document.argument(selected.node, "input")
        assert value is not None
        raw = self._coerced(value, field.args["input"].type)
        assert operation.input_type is not None
        try:
            converted = msgspec.convert(raw, operation.input_type, strict=False)
        except msgspec.ValidationError as exc:
            raise BadInputError(f"The input of {operation.name} cannot be used: {exc}.") from exc
        output = await run_waiting(self.store, operation, caller, converted, self.executor.clock)
        return json.dumps(self._projected(output, selected))

    # -- parts ------------------------------------------------------------------------

    def _require_caller(self) -> Caller:
        if self.caller is None:
            raise UnauthenticatedError("This needs an API key. Send it as `Authorization: Bearer <key>`.")
        return self.caller

    def _allowed(self, operation: Operation) -> Caller | None:
        """The caller, if the operation is theirs to ask for. The one place that says so."""
        if operation.role is None:
            return self.caller
        caller = self._require_caller()
        if not allows(caller.role, operation.role):
            raise ForbiddenError(
                f"{operation.name} needs the role {operation.role!r}; this key has {caller.role!r} in this tenant."
            )
        return caller

    def _coerced(self, value: Tree, kind: GraphQLInputType) -> Any:
        """The Python value of an argument, by the rules of its type.

        Raises:
            GraphQLError: it is not of the type.
        """
        return coerce_input_value(_plain(value, kind, self.bindings), kind)

    def _projected(self, value: Any, selected: Selected) -> Any:
        """What was selected of what an operation returned."""
        if value is None or not selected.selections:
            return msgspec.to_builtins(value) if not isinstance(value, (str, int, float, bool)) else value
        if isinstance(value, (list, tuple)):
            return [self._projected(item, selected) for item in cast("list[Any]", value)]
        found: dict[str, Any] = {}
        for entry in selected_fields(self.document, *selected.selections):
            if entry.name == "__typename":
                found[entry.key] = type(value).__name__
            else:
                found[entry.key] = self._projected(getattr(value, entry.name), entry)
        return found


def _plain(value: Tree, kind: Any, bindings: Bindings) -> Any:
    """The plain value of a tree; JSON written in the document as text is parsed."""
    while is_non_null_type(kind):
        kind = cast("GraphQLNonNull[Any]", kind).of_type
    if isinstance(value, Slot):
        found = value.value(bindings)
        if (
            value.literal >= 0
            and isinstance(found, str)
            and isinstance(kind, GraphQLScalarType)
            and kind.name in ("JSON", "jsonb")
        ):
            try:
                return json.loads(found)
            except ValueError:
                return found
        return found
    if isinstance(value, (Flag, Word)):
        return value.value
    if isinstance(value, Null):
        return None
    if isinstance(value, Items):
        inner = kind.of_type if is_list_type(kind) else kind
        return [_plain(item, inner, bindings) for item in value.items]
    assert isinstance(value, Members)
    while is_list_type(kind) or is_non_null_type(kind):  # one element in the place of a list
        kind = kind.of_type
    fields = getattr(kind, "fields", {})
    return {
        key: _plain(item, fields[key].type if key in fields else kind, bindings)
        for key, item in value.items
    }


def _error(message: str, code: str, key: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {"message": message, "extensions": {"code": code}}
    if key is not None:
        found["path"] = [key]
    return found


def _refused(code: str, errors: list[GraphQLError]) -> Reply:
    """400: the document or its variables are at fault."""
    listed = [_error(error.message, code, None) for error in errors]
    return Reply(400, json.dumps({"errors": listed}).encode())
