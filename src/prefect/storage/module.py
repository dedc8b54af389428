from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefect.storage.base import Storage

if TYPE_CHECKING:
    from prefect.core.flow import Flow

__all__ = ["Module"]


class Module(Storage):
    """Keeps flows where they are: in Python modules that can be imported wherever the flows run.

    Example:
        ```python
        flow = Flow("nightly")
        flow.storage = Module("my_company.flows.nightly")
        flow.storage = Module(__name__)  # the module of the flow itself
        flow.storage = Module("my_company.flows:make_nightly")  # a flow, or a function that returns it
        ```

    Args:
        module: name of the module, or `module:attribute`.
        **kwargs: as for `Storage`.
    """

    module: str

    def __init__(self, module: str, **kwargs: Any) -> None:
        self.module = module
        super().__init__(**kwargs)

    def add_flow(self, flow: Flow) -> str:
        """Take a flow in.

        Returns:
            the name of the module.

        Raises:
            ValueError: another flow of this name is in the storage.
        """
        return self._take(flow, self.module)

    def get_flow(self, flow_name: str) -> Flow:
        """The flow of a name, imported.

        Raises:
            ValueError: the storage or the module has no such flow.
            ImportError: the module cannot be imported here.
        """
        from prefect.utilities.storage import extract_flow_from_module

        return extract_flow_from_module(module_str=self._location(flow_name), flow_name=flow_name)
