"""Cache validators: whether a cached state may stand in for running a task again.

A validator is a function `(state, inputs, parameters) -> bool` of the `Cached` state of an earlier
run, the inputs of this run by name, and the parameters of this flow run. It takes effect together
with `cache_for`:

```python
from datetime import timedelta


@task(cache_for=timedelta(hours=1), cache_validator=all_inputs)
def fetch(url): ...
```

All validators here except `never_use` refuse a state whose time is over. The default is
`duration_only`, which looks at nothing else: the same task called with other inputs gets the old
value. Where that is not wanted, use `all_inputs`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prefect.engine.state import Cached

__all__ = [
    "all_inputs",
    "all_parameters",
    "duration_only",
    "never_use",
    "partial_inputs_only",
    "partial_parameters_only",
]

Validator = Callable[["Cached", "dict[str, Any]", "dict[str, Any]"], bool]


def never_use(state: Cached, inputs: dict[str, Any], parameters: dict[str, Any]) -> bool:
    """Never use the cached state.

    Args:
        state: not looked at.
        inputs: not looked at.
        parameters: not looked at.
    """
    del state, inputs, parameters
    return False


def duration_only(state: Cached, inputs: dict[str, Any], parameters: dict[str, Any]) -> bool:
    """Use the cached state until its time is over, whatever the inputs. The default.

    Args:
        state: the cached state.
        inputs: not looked at.
        parameters: not looked at.
    """
    del inputs, parameters
    expiration = state.cached_result_expiration
    if expiration is None:
        return True
    import datetime as dt

    if expiration.tzinfo is None:
        expiration = expiration.replace(tzinfo=dt.timezone.utc)
    return expiration > dt.datetime.now(dt.timezone.utc)


def all_inputs(state: Cached, inputs: dict[str, Any], parameters: dict[str, Any]) -> bool:
    """Use the cached state in time and if all inputs are the same.

    Args:
        state: the cached state.
        inputs: the inputs of this run by name.
        parameters: not looked at.
    """
    return duration_only(state, inputs, parameters) and _cached_hashes(state) == hash_inputs(inputs)


def all_parameters(state: Cached, inputs: dict[str, Any], parameters: dict[str, Any]) -> bool:
    """Use the cached state in time and if all parameters of the flow run are the same.

    Args:
        state: the cached state.
        inputs: not looked at.
        parameters: the parameters of this flow run.
    """
    return duration_only(state, inputs, parameters) and state.cached_parameters == parameters


def partial_inputs_only(validate_on: Iterable[str] | None = None) -> Validator:
    """A validator that uses the cached state in time and if some inputs are the same.

    Example:
        ```python
        from datetime import timedelta

        Task(cache_for=timedelta(days=1), cache_validator=partial_inputs_only(["day"]))
        ```

    Args:
        validate_on: names of the inputs that must be the same; without it, time alone decides.

    Returns:
        a cache validator.
    """
    validate_on = _kept(validate_on)

    def _partial_inputs_only(state: Cached, inputs: dict[str, Any], parameters: dict[str, Any]) -> bool:
        """Use the cached state in time and if the inputs given to `partial_inputs_only` are the same."""
        if not duration_only(state, inputs, parameters):
            return False
        names = _as_names(validate_on)
        given = inputs or {}
        current = hash_inputs({name: given[name] for name in names if name in given})
        return _agree(names, _cached_hashes(state), current)

    return _partial_inputs_only


def partial_parameters_only(validate_on: Iterable[str] | None = None) -> Validator:
    """A validator that uses the cached state in time and if some parameters are the same.

    Args:
        validate_on: names of the parameters that must be the same; without it, time alone decides.

    Returns:
        a cache validator.
    """
    validate_on = _kept(validate_on)

    def _partial_parameters_only(state: Cached, inputs: dict[str, Any], parameters: dict[str, Any]) -> bool:
        """Use the cached state in time and if the parameters given to `partial_parameters_only` are the same."""
        return duration_only(state, inputs, parameters) and _agree(
            _as_names(validate_on), state.cached_parameters or {}, parameters or {}
        )

    return _partial_parameters_only


def hash_inputs(inputs: Mapping[str, Any] | None) -> dict[str, str]:
    """`{name: hash}` of inputs, as a `Cached` state keeps them in `hashed_inputs`.

    Args:
        inputs: values by name; anything that dask can hash.
    """
    if not inputs:
        return {}
    from dask.base import tokenize  # pyright: ignore[reportUnknownVariableType]

    return {name: str(tokenize(value)) for name, value in inputs.items()}


def _cached_hashes(state: Cached) -> Mapping[str, str]:
    """The hashes of the inputs that a cached state was reached with."""
    if state.hashed_inputs is not None:
        return state.hashed_inputs
    # compat: states made by hand or by old versions may have the inputs themselves.
    return hash_inputs({name: result.value for name, result in state.cached_inputs.items()})


def _kept(validate_on: Iterable[str] | None) -> str | list[str] | None:
    """The argument of a factory, to be kept in a closure under its own name: serialization reads it there."""
    return validate_on if validate_on is None or isinstance(validate_on, str) else list(validate_on)


def _as_names(validate_on: Iterable[str] | None) -> list[str]:
    if isinstance(validate_on, str):
        return [validate_on]
    return list(validate_on or ())


def _agree(names: list[str], cached: Mapping[str, Any], current: Mapping[str, Any]) -> bool:
    """Whether the named entries are in both, or missing in both, with equal values."""
    return all(cached.get(name) == current.get(name) for name in names)
