"""The base class of results, and `NoResult`.

Classes that keep values somewhere are in `prefect.engine.results`.
"""

from prefect.engine.result.base import NoResult, NoResultType, Result
from prefect.utilities._lazy import removed_names

__all__ = ["NoResult", "NoResultType", "Result"]

__getattr__ = removed_names(__name__)
