"""Results that are kept in the state itself."""

from __future__ import annotations

from typing import Any

from prefect.engine.result.base import Result
from prefect.engine.results._stored import value_of
from prefect.engine.serializers import DateTimeSerializer, JSONSerializer, Serializer

__all__ = ["PrefectResult"]


class PrefectResult(Result):
    """Small results as JSON text, kept as the location itself.

    The location of a state is sent to the API and shown in the UI: the value needs no other
    store, and is not secret. It is the result of parameters.

    Args:
        **kwargs: `value`, `location` and `serializer`, as for every `Result`; the serializer is
            a `JSONSerializer` (the default) or a `DateTimeSerializer`.

    Raises:
        TypeError: for any other serializer.
    """

    def __init__(self, **kwargs: Any) -> None:
        if kwargs.get("serializer") is None:
            kwargs["serializer"] = JSONSerializer()
        super().__init__(**kwargs)

    @property
    def serializer(self) -> Serializer:
        """Makes the text that is kept."""
        return _stored_serializer.__get__(self)

    @serializer.setter
    def serializer(self, value: Serializer) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        if not isinstance(value, (JSONSerializer, DateTimeSerializer)):
            raise TypeError(
                f"PrefectResult keeps text, so it takes a JSONSerializer or a DateTimeSerializer, "
                f"not {type(value).__name__}."
            )
        _stored_serializer.__set__(self, value)

    def read(self, location: str) -> Result:
        """A new result with the value of a text.

        Args:
            location: the text.

        Raises:
            ResultReadError: if the serializer cannot read it.
        """
        new = self.copy()
        new.location = location
        shown = location if len(location) <= 80 else f"{location[:77]}..."
        new.value = value_of(location.encode(), self.serializer, f"the location {shown!r} itself")
        return new

    def write(self, value_: Any, **kwargs: Any) -> Result:
        """Write `value_` as text into the location.

        Args:
            value_: the value to keep.
            **kwargs: not used.

        Returns:
            a new result with the value, and its text as location.

        Raises:
            TypeError: if JSON cannot express the value.
        """
        new = self.copy()
        new.value = value_
        new.location = self.serializer.serialize(value_).decode()
        return new

    def exists(self, location: str, **kwargs: Any) -> bool:
        """Whether a text can be read.

        Args:
            location: the text.
            **kwargs: not used.
        """
        try:
            self.serializer.deserialize(location.encode())
        except Exception:  # noqa: BLE001 # whatever it raises, the text is no result
            return False
        return True

    def __setstate__(self, state: dict[str, Any]) -> None:
        values = dict(state)
        # compat: pickles of 1.4.1 name it so.
        values["serializer"] = values.pop("_serializer", None) or values.get("serializer") or JSONSerializer()
        super().__setstate__(values)


#: Where the base class keeps the serializer; the property above checks before it stores there.
_stored_serializer: Any = Result.__dict__["serializer"]
