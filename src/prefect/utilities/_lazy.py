"""Names of a package that are imported when somebody first asks for them (PEP 562)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

from prefect.exceptions import ConfigurationError

__all__ = ["lazy_names", "removed_names"]


def lazy_names(
    package: str, names: Mapping[str, str] | None = None, submodules: Iterable[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` for the `__init__` of a package.

    Every submodule of the package is reachable as an attribute without an import statement, and so is
    every name in `names`. What was found once is stored in the package and costs nothing afterwards.

    Example:
        ```python
        __getattr__, __dir__ = lazy_names(__name__, {"Flow": "prefect.core.flow"})
        ```

    A module that cannot be imported raises its own error; a name that is no module raises an
    `AttributeError`. A name in `names` hides the submodule of that name (`case` the class, not
    `case` the module) unless somebody imports that module with an import statement; packages with
    such a pair import the object eagerly instead.

    Args:
        package: name of the package, its `__name__`
        names: name → module it lives in, or `module:name` when it has another name there
        submodules: modules to show in `dir()`; all others are found as well
    """
    table = dict(names or {})
    listed = [*table, *submodules]

    def find(name: str) -> Any:
        if name in table:
            module_name, _, attribute = table[name].partition(":")
            try:
                module = import_module(module_name)
            except ConfigurationError as exc:
                raise exc.with_traceback(None) from None  # the user's own line and one sentence
            except ModuleNotFoundError as exc:
                if exc.name is None or not f"{module_name}.".startswith(f"{exc.name}."):
                    raise  # the module exists and lacks something
                raise _not_found(package, name) from None
            value = getattr(module, attribute or name)
        elif name.startswith("_"):
            raise _not_found(package, name)
        else:
            full_name = f"{package}.{name}"
            try:
                value = import_module(full_name)
            except ModuleNotFoundError as exc:
                if exc.name != full_name or hasattr(exc, "removed"):
                    raise  # it exists and lacks something, or it was removed and the error says so
                raise _not_found(package, name) from None
        setattr(sys.modules[package], name, value)
        return value

    def names_in_package() -> list[str]:
        return sorted({*vars(sys.modules[package]), *listed})

    return find, names_in_package


def removed_names(module: str) -> Callable[[str], Any]:
    """`__getattr__` for a module that lost names: it says where they went.

    Args:
        module: name of the module, its `__name__`
    """

    def find(name: str) -> Any:
        raise _not_found(module, name)

    return find


def _not_found(module: str, name: str) -> ImportError | AttributeError:
    if not name.startswith("_"):
        from prefect._removed import RemovedError, find_removed

        entry = find_removed(f"{module}.{name}")
        if entry is not None:
            # An ImportError, because Python replaces the text of an AttributeError in `from x import y`.
            return RemovedError(entry, f"{module}.{name}")
    return AttributeError(f"module {module!r} has no attribute {name!r}", name=name, obj=sys.modules[module])
