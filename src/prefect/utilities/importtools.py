"""Objects by their dotted names."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

__all__ = ["import_object"]


def import_object(name: str) -> Any:
    """The module, class, function or other object with a dotted name.

    Example:
        ```python
        from prefect.utilities.importtools import import_object

        assert import_object("os.path.join") is __import__("os").path.join
        ```

    Args:
        name: `package.module` or `package.module.object`

    Raises:
        ModuleNotFoundError: there is no such module
        AttributeError: the module has no such object
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as exc:
        module_name, _, attribute = name.rpartition(".")
        # The last part may be an object, but then everything before it is a module. Any other module
        # that is missing is missing inside of one of these: that error tells the truth.
        if not module_name or exc.name != name:
            raise
    return getattr(sys.modules.get(module_name) or import_module(module_name), attribute)
