from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from prefect.exceptions import ClientError, FlowStorageError
from prefect.storage.base import Storage

if TYPE_CHECKING:
    from prefect.core.flow import Flow

__all__ = ["Webhook"]

_METHODS = ("GET", "PATCH", "POST", "PUT")
#: `${NAME}` or `$NAME`
_PLACEHOLDER = re.compile(r"\$(?:\{(?P<braced>[A-Za-z_]\w*)\}|(?P<plain>[A-Za-z_]\w*))")
_TIMEOUT_S = 60.0


class Webhook(Storage):
    """Keeps flows behind HTTP requests of your own.

    `${NAME}` in the values of both requests is filled in when the request is made: from the environment
    variable of that name, else from the secret. So what is registered holds no credentials.

    Args:
        build_request_kwargs: arguments (as for `requests`) of the request that uploads a flow.
        build_request_http_method: its method: "GET", "PATCH", "POST" or "PUT".
        get_flow_request_kwargs: arguments of the request that downloads a flow.
        get_flow_request_http_method: its method.
        stored_as_script: whether the flow is kept as Python file, instead of as pickle.
        flow_script_path: the Python file to upload as script; required with
            `stored_as_script`.
        **kwargs: as for `Storage`.

    Raises:
        RuntimeError: a method is not one of the four.
    """

    build_request_kwargs: dict[str, Any]
    build_request_http_method: str
    get_flow_request_kwargs: dict[str, Any]
    get_flow_request_http_method: str
    flow_script_path: str | None

    def __init__(
        self,
        build_request_kwargs: dict[str, Any],
        build_request_http_method: str,
        get_flow_request_kwargs: dict[str, Any],
        get_flow_request_http_method: str,
        stored_as_script: bool = False,
        flow_script_path: str | None = None,
        **kwargs: Any,
    ) -> None:
        for method in (build_request_http_method, get_flow_request_http_method):
            if method not in _METHODS:
                raise RuntimeError(f"HTTP method '{method}' not recognized; one of {', '.join(_METHODS)} is.")
        self.build_request_kwargs = build_request_kwargs
        self.build_request_http_method = build_request_http_method
        self.get_flow_request_kwargs = get_flow_request_kwargs
        self.get_flow_request_http_method = get_flow_request_http_method
        self.flow_script_path = flow_script_path
        super().__init__(stored_as_script=stored_as_script, **kwargs)

    def add_flow(self, flow: Flow) -> str:
        """Take a flow in, in place of one of the same name.

        Args:
            flow: the flow.

        Returns:
            its name: where it goes, the requests say.
        """
        self.flows[flow.name] = flow.name
        self._flows[flow.name] = flow
        return flow.name

    def build(self) -> Webhook:
        """Send each flow: pickled, or with `stored_as_script` the file that defines it.

        Returns:
            this storage.

        Raises:
            RuntimeError: with `stored_as_script`, there is no script to send; or a `${NAME}` has no value.
            prefect.exceptions.FlowStorageError: the server cannot be reached or refuses.
            TypeError, pickle.PicklingError: something in a flow does not pickle; the message names it.
        """
        from prefect.utilities.storage import flow_to_bytes_pickle

        for name, flow in self._flows.items():
            self.logger.info(f"Uploading flow {name!r}")
            data = self._script() if self.stored_as_script else flow_to_bytes_pickle(flow)
            self._request(
                "upload", name, self.build_request_http_method, self.build_request_kwargs, data=data
            )
            self.logger.info(f"Successfully uploaded flow {name!r}")
        return self

    def get_flow(self, flow_name: str) -> Flow:
        """The flow of a name, downloaded.

        Args:
            flow_name: the name.

        Raises:
            ValueError: there is no such flow.
            RuntimeError: a `${NAME}` in the request has no value.
            prefect.exceptions.FlowStorageError: the server cannot be reached or refuses, or the pickle cannot
                be loaded here.
        """
        from prefect.utilities import storage

        self._location(flow_name)
        self.logger.info(f"Retrieving flow {flow_name!r}")
        answer = self._request(
            "download", flow_name, self.get_flow_request_http_method, self.get_flow_request_kwargs
        )
        if self.stored_as_script:
            return storage.extract_flow_from_file(
                file_contents=answer.decode("utf-8-sig"), flow_name=flow_name
            )
        return storage.flow_from_bytes_pickle(answer)

    def _script(self) -> bytes:
        if not self.flow_script_path:
            raise RuntimeError("flow_script_path must be provided if stored_as_script=True")
        path = Path(self.flow_script_path)
        if not path.is_file():
            raise RuntimeError(f"file {self.flow_script_path!r} passed to flow_script_path does not exist")
        return path.read_bytes()

    def _request(
        self, verb: str, flow_name: str, method: str, template: dict[str, Any], **more: Any
    ) -> bytes:
        """The body of the answer to a request.

        Raises:
            FlowStorageError: there is no answer, or the server refuses.
        """
        import requests

        arguments: dict[str, Any] = {"timeout": _TIMEOUT_S, **_filled(template), **more}
        # The address as written: filled in, it may hold secrets.
        what = f"Cannot {verb} flow {flow_name!r}: {method} {template.get('url', '')}"
        try:
            answer = requests.request(method, **arguments)  # noqa: S113 - among the arguments
        except requests.RequestException as exc:
            raise FlowStorageError(f"{what} failed: {type(exc).__name__}") from None
        if not answer.ok:
            raise FlowStorageError(f"{what} was answered with {answer.status_code} {answer.reason}.")
        return answer.content


def _filled(value: Any) -> Any:
    """A value with each `${NAME}` in its texts replaced.

    Raises:
        RuntimeError: a name is neither a secret nor an environment variable.
    """
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda match: _value_of(match["braced"] or match["plain"]), value)
    if isinstance(value, dict):
        return {name: _filled(part) for name, part in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_filled(part) for part in cast("list[Any]", value)]
    return value


def _value_of(name: str) -> str:
    found = os.environ.get(name)
    if found is not None:
        return found
    from prefect.client.secrets import Secret

    try:
        return str(Secret(name).get())
    except (ValueError, ClientError) as exc:
        raise RuntimeError(
            f"Template value {name!r} does not refer to an environment variable or Prefect secret."
        ) from exc
