"""The base class of results, and `NoResult`.

Classes that keep values somewhere are in `prefect.engine.results`.
"""

from prefect.engine.result.base import NoResult, NoResultType, Result

__all__ = ["NoResult", "NoResultType", "Result"]
