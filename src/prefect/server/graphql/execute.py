"""Executing a request: from a document and variables to the bytes of an answer."""

# graphql-core's types are generic without parameters.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
from __future__ import annotations

import datetime
import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, cast

import msgspec
from graphql import GraphQLError, execute_sync
from graphql.execution.values import get_variable_values
from graphql.language import ast

from prefect.server.database.store import Query, Store
from prefect.server.domain.registry import Operation
from prefect.server.errors import (
    ApiError,
    BadInputError,
    ForbiddenError,
    RateLimitedError,
    UnauthenticatedError,
    UnavailableError,
)
from prefect.server.graphql.cache import Cache
from prefect.server.graphql.calls import ABSENT, Rows, project, row_ids
from prefect.server.graphql.direct import direct_input
from prefect.server.graphql.documents import DocumentCache, DocumentError, Parsed
from prefect.server.graphql.limits import Limits
from prefect.server.graphql.plans import (
    CallStep,
    IntrospectionStep,
    Plan,
    TableStep,
    TextStep,
    make_plan,
    shape_of,
)
from prefect.server.graphql.public import is_public
from prefect.server.graphql.schema import build_schema
from prefect.server.graphql.values import Bindings
from prefect.server.graphql.waiting import run_waiting
from prefect.server.security.caller import Caller, allows

__all__ = ["Executor", "Reply", "Request"]

_logger = logging.getLogger("prefect.server")

#: Longest message of an error: what a client sent may be quoted in it.
_MAX_MESSAGE = 1000
_NO_KEY = "This needs an API key. Send it as `Authorization: Bearer <key>`."


class Request(NamedTuple):
    """A GraphQL request.

    Attributes:
        query: the document.
        variables: `{name: value}`.
        operation_name: which operation of the document.
    """

    query: str
    variables: Mapping[str, Any]
    operation_name: str | None = None


class Reply(NamedTuple):
    """An answer.

    Attributes:
        status: HTTP status.
        body: JSON.
        retry_after_s: when to try again, with 429 and 503.
    """

    status: int
    body: bytes
    retry_after_s: int | None = None


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
        self.plans: Cache[tuple[int, tuple[Any, ...]], Plan] = Cache(20_000_000, 1_000_000)
        self._introspected: Cache[tuple[int, tuple[Any, ...], str], str] = Cache(5_000_000, 2_000_000)

    async def execute(
        self,
        request: Request,
        caller: Caller | None,
        is_still: Callable[[], Awaitable[bool]] | None = None,
    ) -> Reply:
        """Execute a request.

        Args:
            request: the request.
            caller: who sent it; None for nobody we know.
            is_still: asked while the request waits for something: whether the caller may still.
        """
        if caller is None and not is_public(request.query):
            # Not even what is wrong with it: that would tell which names there are.
            body = {"data": None, "errors": [_error(_NO_KEY, UnauthenticatedError.code, None)]}
            return Reply(200, json.dumps(body).encode())
        try:
            parsed, literals = self.documents.get(request.query, request.operation_name)
            direct = direct_input(parsed.operation, request.variables)
            variables = self._variables(parsed, request.variables) if direct is None else {}
            shape = shape_of(parsed, variables)
            plan = self.plans.get((parsed.number, shape))
            if plan is None:
                plan = make_plan(parsed, variables, self.schema, self.store.dialect, self.limits)
                self.plans.put((parsed.number, shape), plan, plan.weight)
            run = _Run(self, parsed, shape, plan, Bindings(literals, variables), caller, direct, is_still)
            return await run.reply()
        except DocumentError as exc:
            return _refused(exc.code, exc.errors)
        except GraphQLError as exc:
            return _refused("BAD_USER_INPUT", [exc])
        except RecursionError:
            return _refused("BAD_USER_INPUT", [GraphQLError("The values are nested too deep.")])

    def _variables(self, parsed: Parsed, given: Mapping[str, Any]) -> dict[str, Any]:
        definitions = parsed.operation.variable_definitions
        if not definitions:
            return {}
        # A required variable of ours that is null is reported by GraphQL's own rules.
        found = get_variable_values(self.schema, definitions, dict(given), max_errors=20)
        if isinstance(found, list):
            raise DocumentError("BAD_USER_INPUT", found)
        coerced = getattr(found, "coerced", found)
        return dict(cast("Mapping[str, Any]", coerced))

    def introspect(
        self, parsed: Parsed, shape: tuple[Any, ...], step: IntrospectionStep, bindings: Bindings
    ) -> str:
        """The JSON of a field about the schema."""
        key = (parsed.number, shape, step.key)
        # Literals of such documents are not lifted; its variables may differ, so only without.
        text = None if bindings.variables else self._introspected.get(key)
        if text is not None:
            return text
        chosen = ast.OperationDefinitionNode(
            operation=parsed.operation.operation,
            selection_set=ast.SelectionSetNode(selections=(step.selected.node,)),
            variable_definitions=parsed.operation.variable_definitions,
            directives=(),
        )
        document = ast.DocumentNode(definitions=(chosen, *parsed.fragments.values()))
        result = execute_sync(self.schema, document, variable_values=dict(bindings.variables))
        data = cast("dict[str, Any]", getattr(result, "data", None) or {})
        text = json.dumps(data.get(step.key))
        if not bindings.variables:
            self._introspected.put(key, text, len(text))
        return text


class _Run:
    """One request under way."""

    def __init__(
        self,
        executor: Executor,
        parsed: Parsed,
        shape: tuple[Any, ...],
        plan: Plan,
        bindings: Bindings,
        caller: Caller | None,
        direct: msgspec.Struct | None,
        is_still: Callable[[], Awaitable[bool]] | None,
    ) -> None:
        self.executor = executor
        self.store = executor.store
        self.parsed = parsed
        self.shape = shape
        self.plan = plan
        self.bindings = bindings
        self.caller = caller
        self.direct = direct
        self.is_still = is_still
        self.errors: list[dict[str, Any]] = []

    async def reply(self) -> Reply:
        """The answer.

        Raises:
            GraphQLError: a value of the request cannot be used; nothing was done.
        """
        steps = self.plan.steps
        # All values first, so that a request with a bad one does nothing at all.
        prepared = [self._prepared(step) for step in steps]
        try:
            if self.plan.is_mutation:  # each after the one before
                parts = [
                    await self._guarded(step.key, self._mutate, step, ready)
                    for step, ready in zip(steps, prepared, strict=True)
                ]
            else:
                parts = await self._read(prepared)
        except (RateLimitedError, UnavailableError) as exc:
            status = 429 if isinstance(exc, RateLimitedError) else 503
            body = json.dumps({"errors": [_error(exc.message, exc.code, None)]}).encode()
            return Reply(status, body, exc.retry_after_s)
        # Keys are names of GraphQL: nothing in them needs an escape.
        inner = ",".join([f'"{step.key}":{part}' for step, part in zip(steps, parts, strict=True)])
        if not self.errors:
            return Reply(200, f'{{"data":{{{inner}}}}}'.encode())
        # wire: old clients crash on `errors` that is null or empty, and read the first error only.
        return Reply(200, f'{{"data":{{{inner}}},"errors":{json.dumps(self.errors)}}}'.encode())

    def _prepared(self, step: Any) -> Any:
        if isinstance(step, TableStep):
            return None if self.caller is None else step.query(self.caller, self.bindings)
        if isinstance(step, CallStep):
            values = [(name, read(self.bindings)) for name, read in step.arguments]
            return {name: value for name, value in values if value is not ABSENT}
        return None

    async def _guarded(self, key: str, run: Callable[..., Awaitable[str]], *arguments: Any) -> str:
        """The JSON of a field; null, and an error kept, when it fails."""
        try:
            return await run(*arguments)
        except (GraphQLError, RateLimitedError, UnavailableError):
            raise
        except ApiError as exc:
            self.errors.append(_error(exc.message, exc.code, key))
        except RecursionError:
            self.errors.append(_error("The values are nested too deep.", BadInputError.code, key))
        except OverflowError:  # seconds that are no time, versions that are no integer of the database
            self.errors.append(_error("A number is too large.", BadInputError.code, key))
        except Exception:  # a fault of ours: it is logged, and the client learns no more than a reference
            reference = uuid.uuid4().hex[:8]
            _logger.exception("field %s failed (reference %s)", key, reference)
            message = f"An error of the server's (reference {reference}); its log says more."
            self.errors.append(_error(message, "INTERNAL_SERVER_ERROR", key))
        return "null"

    # -- queries ----------------------------------------------------------------------

    async def _read(self, prepared: list[Any]) -> list[str]:
        steps = self.plan.steps
        queries = [ready for ready in prepared if isinstance(ready, Query)]
        if len(queries) > 1:
            # Together: they see one state of the database, and one thread is woken.
            try:
                texts = iter(await self.store.fetch_texts(queries))
            except UnavailableError:
                raise
            except Exception:  # of one of them: which one is found out below
                _logger.debug("queries are run one by one", exc_info=True)
            else:
                prepared = [next(texts) if isinstance(ready, Query) else ready for ready in prepared]
        return [
            await self._guarded(step.key, self._query, step, ready)
            for step, ready in zip(steps, prepared, strict=True)
        ]

    async def _query(self, step: Any, ready: Any) -> str:
        if isinstance(step, TableStep):
            self._require_caller()
            text = await self.store.fetch_text(ready) if isinstance(ready, Query) else ready
            if text is None:
                return "null"
            if len(text) > self.executor.limits.response_characters:
                most = self.executor.limits.response_characters
                raise BadInputError(
                    f"The answer has more than {most:,} characters. Ask for fewer rows, with `limit`."
                )
            return text
        if isinstance(step, CallStep):
            return await self._call(step, ready)
        if isinstance(step, TextStep):
            return step.text
        self._require_caller()
        return self.executor.introspect(self.parsed, self.shape, step, self.bindings)

    async def _call(self, step: CallStep, values: dict[str, Any]) -> str:
        operation = step.operation
        caller = self._allowed(operation)
        arguments = {
            name: msgspec.convert(value, operation.arguments[name], strict=False)
            for name, value in values.items()
            if value is not None
        }
        now = self.executor.clock()
        output = await self.store.read(lambda tx: operation.handler(tx, caller, now, **arguments))
        return await self._answer(step, output)

    async def _answer(self, step: CallStep, output: Any) -> str:
        """The JSON of what was selected of an operation's output."""
        found = await self._rows(step, output) if step.has_rows else {}
        value = project(output, step.selected, found)
        try:
            return msgspec.json.encode(value).decode()
        except UnicodeEncodeError:  # half of a surrogate pair, which only an escape can say
            return json.dumps(value)

    async def _rows(self, step: CallStep, output: Any) -> dict[Rows, dict[str, Any]]:
        """The rows of tables that are selected inside of an operation's output, read by one statement each."""
        caller = self._require_caller()
        ids: dict[Rows, list[str]] = {}
        row_ids(output, step.selected, ids)
        texts = await self.store.fetch_texts(
            [rows.query(caller, self.bindings, wanted) for rows, wanted in ids.items()]
        )
        return {rows: json.loads(text or "{}") for rows, text in zip(ids, texts, strict=True)}

    # -- mutations --------------------------------------------------------------------

    async def _mutate(self, step: Any, values: Any) -> str:
        if isinstance(step, TextStep):
            return step.text
        assert isinstance(step, CallStep)
        operation = step.operation
        caller = self._allowed(operation)
        converted = _input(operation, values["input"]) if self.direct is None else self.direct
        output = await run_waiting(
            self.store, operation, caller, converted, self.executor.clock, self.is_still
        )
        return await self._answer(step, output)

    # -- who may ----------------------------------------------------------------------

    def _require_caller(self) -> Caller:
        if self.caller is None:
            raise UnauthenticatedError(_NO_KEY)
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


def _input(operation: Operation, value: Any) -> msgspec.Struct:
    assert operation.input_type is not None
    try:
        return msgspec.convert(value, operation.input_type, strict=False)
    except msgspec.ValidationError as exc:
        raise BadInputError(f"The input of {operation.name} cannot be used: {exc}.") from exc
    except (UnicodeEncodeError, OverflowError) as exc:
        raise BadInputError(f"The input of {operation.name} cannot be used: a value is no number.") from exc


def _error(message: str, code: str, key: str | None) -> dict[str, Any]:
    if len(message) > _MAX_MESSAGE:
        message = f"{message[:_MAX_MESSAGE]}..."
    found: dict[str, Any] = {"message": message, "extensions": {"code": code}}
    if key is not None:
        found["path"] = [key]
    return found


def _refused(code: str, errors: list[GraphQLError]) -> Reply:
    """400: the document or its variables are at fault."""
    listed = [_error(error.message, code, None) for error in errors]
    return Reply(400, json.dumps({"errors": listed}).encode())
