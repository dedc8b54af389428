"""`FilterTask`: what is left of a list of results, usually of mapped runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from prefect.core.task import Task
from prefect.triggers import all_finished

__all__ = ["FilterTask"]


class FilterTask(Task):
    """A task that drops results from a list: by default those of runs that failed or were skipped.

    It waits for all upstream runs, and runs whatever became of them.

    Args:
        filter_func: from a result to whether to keep it. By default None, exceptions and signals
            are dropped.
        log_func: from the list that is kept to a text, which is logged.
        **kwargs: settings of every `Task`. By default the trigger is `all_finished`, and
            `skip_on_upstream_skip` is False.

    Example:
        ```python
        from prefect import Flow, task
        from prefect.tasks.control_flow import FilterTask


        @task
        def invert(x):
            return 1 / x


        only_good = FilterTask(log_func=lambda results: f"{len(results)} were inverted")

        with Flow("inversion") as flow:
            inverted = only_good(invert.map([1, 0, 2]))

        print(flow.run().result[inverted].result)
        ```
        ```output
        [1.0, 0.5]
        ```
    """

    filter_func: Callable[[Any], bool]
    log_func: Callable[[list[Any]], object] | None

    def __init__(
        self,
        filter_func: Callable[[Any], bool] | None = None,
        log_func: Callable[[list[Any]], object] | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("skip_on_upstream_skip", False)
        kwargs.setdefault("trigger", all_finished)
        self.filter_func = filter_func or _is_result
        self.log_func = log_func
        super().__init__(**kwargs)

    def run(self, task_results: Iterable[Any]) -> list[Any]:
        """The results for which `filter_func` is true, in order.

        Args:
            task_results: results of mapped runs, or of several tasks.

        Raises:
            TypeError: this is no list, because the upstream task failed or was skipped as a whole.
        """
        try:
            results = iter(task_results)
        except TypeError:
            raise TypeError(
                f"{self.name} filters a list of results, and its upstream task returned "
                f"{type(task_results).__name__} {task_results!r}. An upstream task that failed or was skipped "
                "before it was mapped has no list."
            ) from None
        kept = [result for result in results if self.filter_func(result)]
        if self.log_func is not None:
            self.logger.info(self.log_func(kept))
        return kept


def _is_result(value: object) -> bool:
    return value is not None and not isinstance(value, BaseException)
