from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from prefect.storage.base import Storage

if TYPE_CHECKING:
    from prefect.core.flow import Flow

__all__ = ["Webhook"]

_METHODS = ("GET", "PATCH", "POST", "PUT")


class Webhook(Storage):
    """Keeps flows behind HTTP requests of your own.

    `${NAME}` in the values of both requests is filled in from secrets and environment variables.

    Args:
        build_request_kwargs: arguments (as for `requests`) of the request that uploads a flow.
        build_request_http_method: its method: "GET", "PATCH", "POST" or "PUT".
        get_flow_request_kwargs: arguments of the request that downloads a flow.
        get_flow_request_http_method: its method.
        stored_as_script: whether the flow is kept as Python file, instead of as pickle.
        flow_script_path: the Python file to upload as script; without it, the script is taken to
            be in its place already.
        **kwargs: as for `Storage`.

    Raises:
        RuntimeError: a method is not one of the four.
    """

    _needs_upload: ClassVar[bool] = True

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
