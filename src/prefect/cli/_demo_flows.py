"""The flows that `prefect server seed-demo` registers: what teams have, without their data."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prefect import Flow

__all__ = ["demo_flows"]


def demo_flows(n_tasks: int = 0) -> dict[str, list[dict[str, Any]]]:
    """Flows by project, as they are registered; a flow that is listed twice has two versions.

    Args:
        n_tasks: tasks of one more flow that is very large; no such flow when 0.
    """
    made = {
        "warehouse": [_etl(with_quality=False), _etl(with_quality=True), _sync(), _backup()],
        "models": [_training(), _scoring()],
        "operations": [_release(), _report(), _month_end()],
    }
    if n_tasks:
        made["operations"].append(_large(n_tasks))
    return {project: [flow.serialize() for flow in flows] for project, flows in made.items()}


def _work(data: Any = None, first: Any = None, second: Any = None, third: Any = None) -> Any:
    return data, first, second, third


def _task(name: str, **options: Any) -> Any:
    """A task that stands for work: the flows of the demo are looked at and not run."""
    from prefect.utilities.tasks import task

    return task(_work, name=name, **options)


def _cron(line: str) -> Any:
    from prefect.schedules import CronSchedule

    return CronSchedule(line)


def _etl(*, with_quality: bool) -> Flow:
    from prefect import Flow, Parameter
    from prefect.run_configs import UniversalRun

    again = datetime.timedelta(minutes=2)
    with Flow("etl-daily", run_config=UniversalRun(labels=["warehouse"])) as flow:
        day = Parameter("date", default="yesterday")
        size = Parameter("batch_size", default=500)
        rows = _task("extract", max_retries=2, retry_delay=again, tags={"database"})(first=day, second=size)
        clean = _task("transform").map(data=rows)
        loaded = _task("load", max_retries=1, retry_delay=again, tags={"database"}).map(data=clean)
        if with_quality:
            checked = _task("check quality")(data=loaded)
            _task("publish")(data=checked)
        _task("notify").set_dependencies(upstream_tasks=[loaded])
    flow.schedule = _cron("0 6 * * *")
    return flow


def _sync() -> Flow:
    from prefect import Flow, Parameter

    with Flow("sync-warehouse") as flow:
        flow.add_task(Parameter("full", default=False))
        connect, done = _task("connect"), _task("swap views")
        for table in (
            "orders",
            "customers",
            "payments",
            "refunds",
            "products",
            "stock",
            "suppliers",
            "stores",
        ):
            read, stage, merge = _task(f"read {table}"), _task(f"stage {table}"), _task(f"merge {table}")
            read.set_upstream(connect)
            stage.set_upstream(read)
            merge.set_upstream(stage)
            done.set_upstream(merge)
    flow.schedule = _cron("*/30 * * * *")
    return flow


def _backup() -> Flow:
    from prefect import Flow

    with Flow("nightly-backup") as flow:
        previous = _task("lock")
        for name in ("dump", "compress", "upload", "verify", "unlock"):
            following = _task(name)
            following.set_upstream(previous)
            previous = following
    flow.schedule = _cron("30 2 * * *")
    return flow


def _training() -> Flow:
    from prefect import Flow, Parameter
    from prefect.run_configs import DockerRun

    with Flow("train-model", run_config=DockerRun(labels=["gpu"], image="models:latest")) as flow:
        rate = Parameter("learning_rate", default=0.05)
        depth = Parameter("depth", default=6)
        options = Parameter("options", default={"early_stopping": True, "folds": [1, 2, 3]})
        flow.add_task(Parameter("note", default=""))
        features = _task("features")()
        folds = _task("fit fold", tags={"gpu"}).map(
            data=features, first=_same(rate), second=_same(depth), third=_same(options)
        )
        best = _task("choose best")(data=folds)
        _task("register model")(data=best)
    return flow


def _same(task: Any) -> Any:
    from prefect import unmapped

    return unmapped(task)


def _scoring() -> Flow:
    from prefect import Flow, Parameter

    with Flow("score-customers") as flow:
        segment = Parameter("segment", default="all")
        customers = _task("list customers")(data=segment)
        scored = _task("score").map(data=customers)
        _task("write scores")(data=scored)
    return flow


def _release() -> Flow:
    from prefect import Flow, Parameter
    from prefect.triggers import manual_only

    with Flow("approve-release") as flow:
        flow.add_task(Parameter("release", required=True))
        build, test = _task("build"), _task("test")
        approve = _task("approve", trigger=manual_only)
        deploy = _task("deploy")
        test.set_upstream(build)
        approve.set_upstream(test)
        deploy.set_upstream(approve)
    return flow


def _report() -> Flow:
    from prefect import Flow

    with Flow("weekly-report") as flow:
        gather, draw, send = _task("gather figures"), _task("draw charts"), _task("send")
        draw.set_upstream(gather)
        send.set_upstream(draw)
    return flow


def _month_end() -> Flow:
    from prefect import Flow

    with Flow("month-end") as flow:
        start, watch = _task("start children"), _task("wait for children")
        watch.set_upstream(start)
        _task("close books").set_upstream(watch)
    return flow


def _large(n_tasks: int) -> Flow:
    """Layers of twenty tasks; every task needs two of the layer above."""
    from prefect import Flow

    width = 20
    with Flow("very-large") as flow:
        above: list[Any] = []
        for start in range(0, n_tasks, width):
            layer = [_task(f"step {number}") for number in range(start, min(start + width, n_tasks))]
            for place, task in enumerate(layer):
                flow.add_task(task)
                for offset in (0, 7):
                    if above:
                        task.set_upstream(above[(place + offset) % len(above)])
            above = layer
    return flow
