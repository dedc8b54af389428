"""What every run config has, and the run config for agents of any kind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

__all__ = ["RunConfig", "UniversalRun"]


class RunConfig:
    """Base class of all run configs.

    Two run configs are equal if they are of one class and have equal attributes.

    Args:
        env: environment variables of the run.
        labels: labels an agent must have to take the run.

    Raises:
        TypeError: the labels are one text.
    """

    env: dict[str, Any] | None
    labels: set[str]

    def __init__(self, env: dict[str, Any] | None = None, labels: Iterable[str] | None = None) -> None:
        if isinstance(labels, str):
            raise TypeError(f"Labels are a list of texts, not one text: write labels=[{labels!r}].")
        self.env = env
        self.labels = set(labels) if labels is not None else set()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = [
            f"{name}={sorted(cast('set[str]', value)) if isinstance(value, set) else value!r}"
            for name, value in vars(self).items()
            if value is not None and value != set[str]()
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def serialize(self) -> dict[str, Any]:
        """The JSON form of this run config.

        Raises:
            prefect.utilities.serialization.ValidationError: a value has no JSON form.
        """
        from prefect.serialization.run_config import RunConfigSchema

        return cast("dict[str, Any]", RunConfigSchema().dump(self))


class UniversalRun(RunConfig):
    """Runs the flow wherever an agent with the right labels is, of whatever kind.

    Example:
        ```python
        flow = Flow("nightly")
        flow.run_config = UniversalRun(env={"REGION": "eu"}, labels=["eu"])
        ```

    Args:
        env: environment variables of the run.
        labels: labels an agent must have to take the run.
    """
