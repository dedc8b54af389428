"""Reading pickles that were written with pendulum 2, the version that Prefect 1.4.1 used.

pendulum 3 can read most of them itself. It lacks the time zones with a name, which pendulum 2 pickled
with all their transitions, and the class `Period`, which is `Interval` now.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

import pendulum

__all__ = ["is_of_pendulum_2", "loads"]


class Timezone(pendulum.Timezone):
    """A time zone that is rebuilt from its name, and pickled as what it is in pendulum 3."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Forget the transitions: those of today's database hold."""

    def __reduce__(self) -> tuple[Any, ...]:
        return pendulum.timezone, (self.name,)


class _Discarded:
    """A part of an old time zone: it is read and not used."""

    def __init__(self, *args: object) -> None:
        del args


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module == "pendulum.tz.timezone" and name == "Timezone":
            return Timezone
        if module.startswith("pendulum.tz.zoneinfo"):
            return _Discarded
        if module == "pendulum.period" and name == "Period":
            return pendulum.Interval
        return super().find_class(module, name)


def is_of_pendulum_2(error: BaseException) -> bool:
    """Whether unpickling failed because the pickle names modules of pendulum 2."""
    return isinstance(error, ModuleNotFoundError) and (error.name or "").startswith("pendulum.")


def loads(data: bytes) -> Any:
    """The value of a pickle that was written with pendulum 2.

    Args:
        data: the pickle.
    """
    return _Unpickler(io.BytesIO(data)).load()
