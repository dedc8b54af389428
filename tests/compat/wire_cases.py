"""Objects made with the public interface alone: the same here as in Prefect 1.4.1.

`recorded_1_4_1.json` holds the JSON that 1.4.1 made of each of them. To record it again, run this file
in an environment with prefect==1.4.1, marshmallow<4 and the libraries of its time:

    python wire_cases.py > wire/recorded_1_4_1.json
"""

import datetime
import json
import warnings

import pendulum
from dateutil import rrule

from prefect import Flow, Parameter, Task, flatten, task, unmapped
from prefect.core.parameter import DateTimeParameter
from prefect.engine import cache_validators, state
from prefect.engine.result import Result
from prefect.engine.results import ConstantResult, LocalResult, PrefectResult, SecretResult
from prefect.run_configs import DockerRun, ECSRun, KubernetesRun, LocalRun, UniversalRun, VertexRun
from prefect.schedules import Schedule, adjustments, clocks, filters
from prefect.serialization.edge import EdgeSchema
from prefect.serialization.result import StateResultSchema
from prefect.serialization.schedule import ClockSchema, ScheduleSchema
from prefect.storage import GCS, S3, Azure, Bitbucket, CodeCommit, Git, GitHub, GitLab, Module, Webhook
from prefect.tasks.secrets import EnvVarSecret, PrefectSecret
from prefect.triggers import any_failed, not_all_skipped, some_failed, some_successful

UTC_MOMENT = pendulum.datetime(2031, 2, 3, 4, 5, 6, tz="UTC")
TOKYO_MOMENT = pendulum.datetime(2031, 2, 3, 4, 5, 6, 789, tz="Asia/Tokyo")


@task
def numbers():
    return [1, 2, 3]


@task(tags=["b", "a"], max_retries=3, retry_delay=datetime.timedelta(minutes=2), timeout=30)
def scale(x: int, factor: float = 2.5) -> float:
    return x * factor


@task(name="Sum of all", trigger=some_successful(at_least=0.5), skip_on_upstream_skip=False)
def total(values, *, start=0, **labels):
    return sum(values) + start


class Store(Task):
    def run(self, value, where="disk"):
        pass


def a_custom_trigger(upstream_states):
    return True


def small_flow():
    with Flow("small") as flow:
        scale(numbers(), factor=3)
    return flow


def mapped_flow():
    with Flow("mapped") as flow:
        rate = Parameter("rate", default={"per": ["day", 1]}, tags=["z", "y"])
        limit = Parameter("limit")
        since = DateTimeParameter("since", required=False)
        found = numbers()
        scaled = scale.map(found, factor=unmapped(rate))
        again = scale.map(flatten(scaled))
        stored = Store(
            name="store",
            cache_for=datetime.timedelta(hours=2),
            cache_key="k",
            cache_validator=cache_validators.partial_parameters_only(validate_on=["rate"]),
            trigger=some_failed(at_least=1, at_most=0.5),
        )(total(again, start=limit), upstream_tasks=[found])
        Store(name="late", trigger=any_failed)(since, upstream_tasks=[stored])
        Store(name="own", trigger=not_all_skipped)(1)
    flow.set_reference_tasks([stored, scaled])
    return flow


def settled_flow():
    flow = small_flow()
    flow.name = "settled"
    flow.schedule = Schedule(
        clocks=[clocks.CronClock("5 4 * * *", labels=["x"])], filters=[filters.is_weekday]
    )
    flow.run_config = KubernetesRun(image="img:1", labels=["k", "a"], env={"A": "1"})
    flow.storage = GitHub(repo="o/r", path="f.py", ref="main")
    flow.storage.add_flow(flow)
    return flow


def every_filter():
    return Schedule(
        clocks=[clocks.IntervalClock(datetime.timedelta(minutes=90), parameter_defaults={"n": [1, None]})],
        filters=[
            filters.on_datetime(UTC_MOMENT),
            filters.on_date(2, 29),
            filters.at_time(datetime.time(1, 2, 3)),
            filters.between_datetimes(UTC_MOMENT, TOKYO_MOMENT),
            filters.between_dates(12, 24, 1, 6),
            filters.between_times(pendulum.time(22), pendulum.time(6)),
            filters.is_weekday,
            filters.is_day_of_week(3),
        ],
        or_filters=[filters.is_month_start, filters.is_month_end],
        not_filters=[filters.is_weekend],
        adjustments=[
            adjustments.add(datetime.timedelta(hours=1, milliseconds=500)),
            adjustments.next_weekday,
        ],
    )


def every_clock():
    rules = rrule.rruleset()
    rules.rrule(rrule.rrule(rrule.MONTHLY, dtstart=datetime.datetime(2031, 1, 31), count=3, bymonthday=-1))
    rules.exrule(rrule.rrule(rrule.YEARLY, dtstart=datetime.datetime(2031, 1, 31), count=1))
    rules.rdate(datetime.datetime(2031, 5, 1, 12))
    rules.exdate(datetime.datetime(2031, 3, 31))
    weekly = rrule.rrule(
        rrule.WEEKLY,
        dtstart=datetime.datetime(2031, 1, 1, 9, 30),
        until=datetime.datetime(2032, 1, 1),
        byweekday=(rrule.MO, rrule.FR),
        interval=2,
    )
    return {
        "interval": clocks.IntervalClock(
            datetime.timedelta(days=1, microseconds=3),
            start_date=TOKYO_MOMENT,
            end_date=UTC_MOMENT.add(years=1),
        ),
        "interval from a naive start": clocks.IntervalClock(
            datetime.timedelta(hours=1), start_date=datetime.datetime(2031, 1, 1, 1)
        ),
        "cron": clocks.CronClock("*/5 0 1,15 * 3", start_date=TOKYO_MOMENT, day_or=False, labels=[]),
        "dates": clocks.DatesClock([TOKYO_MOMENT, UTC_MOMENT], parameter_defaults={"a": 1}, labels=["l"]),
        "rrule": clocks.RRuleClock(weekly, end_date=UTC_MOMENT.add(years=2), labels=["r"]),
        "rrule set": clocks.RRuleClock(rules),
    }


def every_state():
    place = LocalResult(dir="/data", location="x/y", validate_dir=False)
    return {
        "Success": state.Success("done", result=Result(5)),
        "Success in place": state.Success("done", result=place, context={"tags": ["a"]}),
        "Failed": state.Failed("no", result=ValueError("secret")),
        "TriggerFailed": state.TriggerFailed(),
        "TimedOut": state.TimedOut("slow"),
        "ValidationFailed": state.ValidationFailed("bad"),
        "Skipped": state.Skipped("not today"),
        "Cancelled": state.Cancelled("stop"),
        "Cancelling": state.Cancelling("stopping"),
        "Running": state.Running("go"),
        "Finished": state.Finished("over"),
        "Pending": state.Pending("wait", cached_inputs={"x": place, "y": Result(3)}),
        "Scheduled": state.Scheduled("soon", start_time=TOKYO_MOMENT),
        "Scheduled naive": state.Scheduled(start_time=datetime.datetime(2031, 1, 1)),
        "Paused": state.Paused("ask"),
        "Paused until": state.Paused("ask", start_time=UTC_MOMENT),
        "Resume": state.Resume("yes", start_time=UTC_MOMENT),
        "Retrying": state.Retrying("again", run_count=3, start_time=UTC_MOMENT),
        "Looped": state.Looped("again", loop_count=4, result=Result(1)),
        "Cached": state.Cached(
            "known",
            result=place,
            hashed_inputs={"x": "abc"},
            cached_parameters={"p": [1, {"q": None}]},
            cached_result_expiration=TOKYO_MOMENT,
        ),
        "Mapped": state.Mapped("fan", map_states=[state.Success(), state.Failed()]),
        "Mapped to be": state.Mapped("fan", n_map_states=7),
        "Submitted": state.Submitted(
            "sent", state=state.Queued(state=state.Scheduled(start_time=UTC_MOMENT))
        ),
        "Queued": state.Queued("full", start_time=UTC_MOMENT, state=state.Running("r")),
        "ClientFailed": state.ClientFailed("gone"),
    }


class OwnResult(Result):
    pass


def every_result():
    return {
        "plain": Result(3),
        "plain in place": Result(3, location="there"),
        "own": OwnResult(location="mine"),
        "local": LocalResult(dir="/data", location="x", validate_dir=False),
        "prefect": PrefectResult(location="[1, 2]"),
        "constant": ConstantResult(value={"a": 1}),
        "secret": SecretResult(PrefectSecret("TOKEN")),
        "secret of the environment": SecretResult(EnvVarSecret("HOME")),
    }


def every_run_config():
    return [
        UniversalRun(),
        LocalRun(working_dir="/w", env={"A": "b"}),
        DockerRun(image="i", ports=[1, "2"], host_config={"auto_remove": True}, labels=["b", "a"]),
        KubernetesRun(
            job_template="kind: Job\nspec: {a: [1]}", cpu_limit=2, cpu_request=0.5, image_pull_secrets=["s"]
        ),
        KubernetesRun(job_template_path="s3://b/k", image_pull_policy="Never"),
        ECSRun(task_definition={"family": "f"}, cpu=512, memory="1 GB", run_task_kwargs={"cluster": "c"}),
        ECSRun(task_definition_arn="arn:1"),
        VertexRun(image="i", scheduling={"timeout": "60s"}, worker_pool_specs=[{"replica_count": 1}]),
    ]


def every_storage():
    return [
        Azure(container="c", blob_name="b", connection_string_secret="S", secrets=["A", "B"]),
        Bitbucket(project="p", repo="r", workspace="w", path="f.py", cloud_username_secret="U"),
        CodeCommit(repo="r", path="f.py", commit="c", client_options={"region_name": "x"}),
        GCS(bucket="b", project="p"),
        Git(flow_path="f.py", repo="o/r", branch_name="b", clone_depth=5, git_token_secret_name="T"),
        GitHub(repo="o/r", path="f.py", base_url="https://github.example.com"),
        GitLab(repo="o/r", host="https://gitlab.example.com"),
        Module("a.b:c"),
        S3(bucket="b", key="k", stored_as_script=True, client_options={"x": 1}),
        Webhook(
            build_request_kwargs={"url": "https://example.com"},
            build_request_http_method="PUT",
            get_flow_request_kwargs={"url": "https://example.com", "headers": {"a": "b"}},
            get_flow_request_http_method="GET",
        ),
    ]


def made():
    """`{kind: {name: JSON}}`"""
    found = {
        "flows": {flow.name: flow.serialize() for flow in (small_flow(), mapped_flow(), settled_flow())},
        "tasks": {
            "custom trigger": Store(trigger=a_custom_trigger).serialize(),
            "keyword": total.serialize(),
            "fractional delay": Store(max_retries=1, retry_delay=datetime.timedelta(seconds=2.9)).serialize(),
        },
        "edges": {"unnamed": [EdgeSchema().dump(edge) for edge in small_flow().edges]},
        "schedules": {"every filter": ScheduleSchema().dump(every_filter())},
        "clocks": {name: ClockSchema().dump(clock) for name, clock in every_clock().items()},
        "states": {name: found.serialize() for name, found in every_state().items()},
        "results": {name: StateResultSchema().dump(result) for name, result in every_result().items()},
        "run_configs": {str(i): found.serialize() for i, found in enumerate(every_run_config())},
        "storages": {type(found).__name__: found.serialize() for found in every_storage()},
    }
    text = json.dumps(found).replace(f"{__name__}.", "wire_cases.")
    return json.loads(text)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(made(), indent=1, sort_keys=True))
