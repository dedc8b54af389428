"""The part of the client that talks: GraphQL requests, identity, tenants."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, cast

import prefect
from prefect.client import _credentials
from prefect.client._transport import HttpTransport, Transport, TransportReply
from prefect.exceptions import AuthorizationError, ClientError, VersionLockMismatchSignal
from prefect.utilities.context import context
from prefect.utilities.graphql import GraphQLResult, parse_graphql
from prefect.utilities.logging import create_diagnostic_logger

if TYPE_CHECKING:
    import logging

__all__ = ["Requests"]

_MAX_API_ERRORS = 6


class Requests:
    """Sends requests to one API server as one identity.

    Args:
        api_server: address of the API; `cloud.api` of the configuration by default.
        api_key: the key; by default that of the configuration, then that of `prefect auth login`.
        tenant_id: the tenant to act in; by default that of the configuration, then that of the
            login, then the key's own.
        transport: how requests are sent; HTTP by default.
    """

    logger: logging.Logger

    def __init__(
        self,
        api_server: str | None = None,
        api_key: str | None = None,
        tenant_id: str | None = None,
        *,
        transport: Transport | None = None,
    ) -> None:
        config = context.config
        self.api_server = api_server or cast("str", config.cloud.get("api"))
        host = self.api_server
        if ".prefect.io" in host and (transport is None or isinstance(transport, HttpTransport)):
            raise ClientError(
                f"The API address is {host}, which was switched off. Set the address of your server: "
                "`prefect backend server`, or PREFECT__CLOUD__API=http://localhost:4200."
            )
        stored = _credentials.load(self.api_server)
        self.api_key: str | None = api_key or config.cloud.get("api_key") or stored.get("api_key") or None
        self._tenant_id: str | None = (
            tenant_id or config.cloud.get("tenant_id") or stored.get("tenant_id") or None
        )
        self._headers: dict[str, str] = {}
        self._transport: Transport = transport or HttpTransport()

    @property
    def session(self) -> Any:
        """The `requests` session behind this client."""
        return cast("HttpTransport", self._transport).session

    @property
    def speaks_http(self) -> bool:
        """Whether requests go over HTTP, and not by a transport of their own."""
        return isinstance(self._transport, HttpTransport)

    def post_graphql(self, body: dict[str, Any], timeout_s: float) -> Any:
        """The answer to one GraphQL request as JSON, errors included.

        Args:
            body: `query` and `variables`.
            timeout_s: seconds to wait for it.
        """
        return self._transport.send(
            "POST", self.api_server, headers=self.headers(), json=body, timeout_s=timeout_s
        ).json()

    @property
    def identity_of_server(self) -> object:
        """Equal for clients that talk to the same server."""
        if isinstance(self._transport, HttpTransport):
            return self.api_server
        return self._transport

    def headers(self) -> dict[str, str]:
        """What identifies this client in every request."""
        return {
            "X-PREFECT-CORE-VERSION": str(prefect.__version__),
            **self._identity(None),
            **self._headers,
        }

    def limit_attempts(self, count: int) -> None:
        """Send each request this often at most, instead of seven times.

        Args:
            count: attempts at one request, the first included.
        """
        if isinstance(self._transport, HttpTransport):
            self._transport.max_attempts = count

    def attach_headers(self, headers: dict[str, str]) -> None:
        """Send these headers with every request from now on."""
        self._headers.update(headers)

    # -- plain requests ---------------------------------------------------------------

    def get(
        self,
        path: str,
        server: str | None = None,
        headers: dict[str, str] | None = None,
        params: dict[str, Any] | None = None,
        api_key: str | None = None,
        retry_on_api_error: bool = True,
    ) -> dict[str, Any]:
        """The JSON answer to a GET of a path on the server (or on another `server`)."""
        reply = self._send("GET", path, server, headers, params, api_key, retry_on_api_error)
        return reply.json() if reply.text else {}

    def post(
        self,
        path: str,
        server: str | None = None,
        headers: dict[str, str] | None = None,
        params: dict[str, Any] | None = None,
        api_key: str | None = None,
        retry_on_api_error: bool = True,
    ) -> dict[str, Any]:
        """The JSON answer to a POST of `params` as JSON."""
        reply = self._send("POST", path, server, headers, params, api_key, retry_on_api_error)
        return reply.json() if reply.text else {}

    def _send(
        self,
        method: str,
        path: str,
        server: str | None,
        headers: dict[str, str] | None,
        params: dict[str, Any] | None,
        api_key: str | None,
        retry_on_api_error: bool,
    ) -> TransportReply:
        base = (server or self.api_server).rstrip("/")
        url = f"{base}/{path.lstrip('/')}" if path else base
        all_headers = {
            "X-PREFECT-CORE-VERSION": str(prefect.__version__),
            **self._identity(api_key),
            **self._headers,
            **(headers or {}),
        }
        timeout_s = float(context.config.cloud.request_timeout)
        is_get = method == "GET"
        for attempt in range(1, _MAX_API_ERRORS + 2):
            reply = self._transport.send(
                method,
                url,
                headers=all_headers,
                json=None if is_get else params,
                params=params if is_get else None,
                timeout_s=timeout_s,
            )
            if not (retry_on_api_error and "API_ERROR" in reply.text) or attempt > _MAX_API_ERRORS:
                break
            time.sleep(0.25 * 2 ** (attempt - 1))
        return reply  # pyright: ignore[reportPossiblyUnboundVariable]

    def _identity(self, api_key: str | None) -> dict[str, str]:
        key = api_key or self.api_key
        if not key:
            return {}
        headers = {"Authorization": f"Bearer {key}"}
        if self._tenant_id:
            headers["X-PREFECT-TENANT-ID"] = self._tenant_id
        return headers

    # -- GraphQL ----------------------------------------------------------------------

    def graphql(
        self,
        query: Any,
        raise_on_error: bool = True,
        headers: dict[str, str] | None = None,
        variables: dict[str, Any] | None = None,
        api_key: str | None = None,
        retry_on_api_error: bool = True,
    ) -> GraphQLResult:
        """The answer to a GraphQL request.

        Args:
            query: the document as text, or in the form of `prefect.utilities.graphql`.
            raise_on_error: whether errors of the API are raised.
            headers: more headers.
            variables: `{name: value}`.
            api_key: another key than the client's.
            retry_on_api_error: whether a fault of the API is asked again.

        Returns:
            the answer, with attribute access: `.data.flow`.

        Raises:
            AuthorizationError: the key is missing, wrong or not allowed to do this.
            VersionLockMismatchSignal: another process runs this run.
            ClientError: any other error of the API.
        """
        body = {"query": parse_graphql(query), "variables": json.dumps(variables)}
        reply = self._send("POST", "", None, headers, body, api_key, retry_on_api_error)
        if reply.status_code == 400:
            raise ClientError(_bad_request(reply, body))
        reply.raise_for_status()
        try:
            answer: Any = reply.json()
        except ValueError as exc:
            raise self._malformed() from exc
        if not isinstance(answer, dict):
            raise self._malformed()
        errors = cast("list[dict[str, Any]]", cast("dict[str, Any]", answer).get("errors") or [])
        if errors and raise_on_error:
            _raise(errors)
        return GraphQLResult(cast("dict[str, Any]", answer))

    def _malformed(self) -> ClientError:
        if not self.api_key and context.config.backend == "cloud":
            return AuthorizationError(
                "The API's answer could not be read, and no API key was sent. Log in with `prefect auth login`."
            )
        return ClientError("Malformed response received from API.")

    # -- identity ---------------------------------------------------------------------

    @property
    def tenant_id(self) -> str:
        """The tenant to act in: the one that was set, else the key's own (or the server's first).

        Raises:
            ClientError: there is none.
        """
        if not self._tenant_id:
            self._tenant_id = self._own_tenant()
        return self._tenant_id

    @tenant_id.setter
    def tenant_id(self, value: str) -> None:
        self._tenant_id = value

    def _own_tenant(self) -> str:
        if self.api_key or context.config.backend == "cloud":
            found = self.graphql("query { auth_info { tenant_id } }").data.auth_info
            tenant_id = found.tenant_id if found else None
            if not tenant_id:
                raise ClientError("The API does not say which tenant this key belongs to; is it an API key?")
            return cast("str", tenant_id)
        tenants = self.graphql("query { tenant { id } }").data.tenant
        if not tenants:
            raise ClientError(
                "The server has no tenant. Make one with `prefect server create-tenant --name default`."
            )
        return cast("str", tenants[0].id)

    def load_auth_from_disk(self) -> dict[str, str]:
        """The key and tenant that were stored for this server."""
        return _credentials.load(self.api_server)

    def save_auth_to_disk(self) -> None:
        """Store this client's key and tenant for its server."""
        _credentials.save(self.api_server, self.api_key, self._tenant_id)

    def switch_tenant(self, tenant_slug: str | None = None, tenant_id: str | None = None) -> bool:
        """Act in another tenant from now on.

        Raises:
            ValueError: neither or both arguments.
            ClientError: there is no such tenant, or the key may not use it.
        """
        if (tenant_slug is None) == (tenant_id is None):
            raise ValueError("Give either `tenant_slug` or `tenant_id`.")
        if tenant_slug is not None:
            found = self.graphql(
                "query($slug: String) { tenant(where: { slug: { _eq: $slug } }) { id } }",
                variables={"slug": tenant_slug},
            ).data.tenant
            if not found:
                raise ClientError(f"There is no tenant with the slug {tenant_slug!r} that this key may use.")
            tenant_id = cast("str", found[0].id)
        previous, self._tenant_id = self._tenant_id, tenant_id
        try:
            self._own_tenant()
        except ClientError:
            self._tenant_id = previous
            raise
        return True

    def get_available_tenants(self) -> list[dict[str, str]]:
        """`{"id", "name", "slug"}` of every tenant that the key may use, by slug."""
        found = self.graphql("query { tenant(order_by: { slug: asc }) { id slug name } }").data.tenant
        return [dict(tenant) for tenant in found]

    def get_default_tenant_slug(self) -> str:
        """The slug of the tenant that this client acts in."""
        tenants = self.graphql("query { tenant { id slug } }").data.tenant
        current = self.tenant_id
        return next((cast("str", t.slug) for t in tenants if t.id == current), "")

    def get_cloud_url(self, subdirectory: str, id: str) -> str:
        """The address of a page of the web UI, such as of a flow (`"flow"`) or a run (`"flow-run"`)."""
        server = context.config.server
        said = str(server.ui.get("endpoint") or "")
        # Unless somebody said where the UI is, it is where the API is that this client talks to: runs in
        # containers, and whoever reads their logs, have no server at localhost.
        ui = self.api_server if said in ("", server.get("endpoint")) else said
        ui = ui.rstrip("/").removesuffix("/graphql")
        tenant = self.get_default_tenant_slug()
        return "/".join(part for part in (ui, tenant, subdirectory, id) if part)


Requests.logger = create_diagnostic_logger("Client")


def _raise(errors: list[dict[str, Any]]) -> None:
    text = str(errors)
    if "UNAUTHENTICATED" in text or "Malformed Authorization header" in text:
        raise AuthorizationError(text)
    if _code(errors[0]) == "VERSION_LOCKING_ERROR":
        raise VersionLockMismatchSignal(text)
    raise ClientError(text)


def _code(error: dict[str, Any]) -> str:
    extensions = cast("dict[str, Any]", error.get("extensions") or {})
    return str(extensions.get("code", "ERROR"))


def _bad_request(reply: TransportReply, body: dict[str, Any]) -> str:
    try:
        errors = cast("list[dict[str, Any]]", reply.json().get("errors") or [])
    except (ValueError, AttributeError):
        errors = []
    lines = [f"{_code(error)}: {error.get('message')}" for error in errors]
    return (
        "The API refused the request:\n"
        + "\n".join(lines or [reply.text[:500]])
        + f"\n\nThe query was:\n{body['query']}\n\nThe variables were:\n{body['variables']}"
    )
